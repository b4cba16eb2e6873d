//! The product switched on for jobs that have run without it: their old files are backfilled, and
//! their next checkpoints are published.

mod support;

use anyhow::{Result, ensure};
use harness::{ExactlyOnce, FlinkCluster, Submission};
use support::{LIMIT, Sites, Watched, shared_files, switch_on};

const FLINK: &str = "1.20.5";

/// A job that was checkpointed without the product, and stopped.
struct Retained {
    job: ExactlyOnce,
    id: String,
    checkpoint: String,
    /// The names of its files.
    files: Vec<String>,
}

impl Retained {
    fn submission(&self, claim: bool) -> Result<Submission> {
        Ok(Submission {
            claim,
            ..self.job.submission(Some(&self.checkpoint))?
        })
    }
}

/// Two jobs run without the product until each has some checkpoints.
fn run_without(sites: &Sites, flink: &FlinkCluster) -> Result<[Retained; 2]> {
    let job = |name: &str| -> Result<ExactlyOnce> {
        Ok(ExactlyOnce {
            records: 40_000,
            burst: 10_000,
            rate: 500,
            ..ExactlyOnce::new(name, &sites.run.data_dir(name)?)
        })
    };
    let jobs = [job("no-claim")?, job("claim")?];
    let [first, second] = &jobs;
    let watched = [
        Watched::submit(flink.rest(), first)?,
        Watched::submit(flink.rest(), second)?,
    ];
    for job in &watched {
        flink.rest().wait_for_completed(&job.id, 5, LIMIT)?;
    }
    let stop = |watched: &Watched, job: &ExactlyOnce| -> Result<Retained> {
        flink.rest().cancel(&watched.id)?;
        let newest = watched.completed()?.pop().expect("some have completed");
        job.cut_back(newest.id)?;
        Ok(Retained {
            job: job.clone(),
            id: watched.id.clone(),
            checkpoint: newest.external_path.expect("retained"),
            files: shared_files(&sites.primary, &watched.id)?,
        })
    };
    let [one, other] = &watched;
    Ok([stop(one, first)?, stop(other, second)?])
}

#[test]
fn jobs_first_checkpointed_without_the_jar_are_published_whoever_claims_their_old_files()
-> Result<()> {
    let sites = Sites::launch("switched_on")?;
    let mut flink = sites.plain_flink(FLINK)?.launch(&sites.run)?;
    sites.primary.wait_ready()?;
    sites.secondary.wait_ready()?;
    flink.wait_ready()?;
    let [left, claimed] = run_without(&sites, &flink)?;

    switch_on(&mut flink, &sites)?;
    flink.restart()?;
    let mut judge = sites.judge(FLINK)?;
    ensure!(judge.published()?.is_empty(), "published without the jar");
    let rest = flink.rest();
    let of_left = Watched::run(rest, &left.job, &left.submission(false)?)?;
    let of_claimed = Watched::run(rest, &claimed.job, &claimed.submission(true)?)?;
    judge.until_published(&of_left.id, 0)?;
    judge.until_published(&of_claimed.id, 0)?;

    // Whoever claims nothing writes everything anew; whoever does goes on to name the old files.
    let there = |retained: &Retained| -> Result<usize> {
        let there = shared_files(&sites.secondary, &retained.id)?;
        let old = retained.files.iter();
        Ok(old.filter(|name| there.contains(name)).count())
    };
    let (of, backfilled) = (claimed.files.len(), there(&claimed)?);
    println!("{backfilled} of {of} files of the claimed job are backfilled");
    ensure!(backfilled > 0, "no old file is on the secondary");
    ensure!(there(&left)? == 0, "files that nobody names were copied");

    for watched in [&of_left, &of_claimed] {
        judge.until_published(&watched.id, watched.newest()?)?;
        watched.nothing_failed()?;
        watched.is_exact_at_its_end()?;
    }
    judge.published()?;
    sites.run.passed();
    Ok(())
}
