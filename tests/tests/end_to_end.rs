//! The whole way: a job on the primary, its checkpoints on the secondary, the primary lost, the job
//! restored there with an exact result.

mod support;

use anyhow::{Result, ensure};
use harness::ExactlyOnce;
use support::{LIMIT, Sites, Watched};

/// Of what completed on the primary, published so many in a hundred.
const PUBLISHED_PERCENT: usize = 90;
const CHECKPOINTS: usize = 10;

fn the_primary_is_lost(version: &str) -> Result<()> {
    let sites = Sites::launch(&format!("end_to_end-{version}"))?;
    let flink = sites.flink(version)?.launch(&sites.run)?;
    sites.primary.wait_ready()?;
    sites.secondary.wait_ready()?;
    flink.wait_ready()?;
    let mut judge = sites.judge(version)?;
    let job = ExactlyOnce {
        records: 60_000,
        ..ExactlyOnce::new("end-to-end", &sites.run.data_dir("sink")?)
    };
    let watched = Watched::submit(flink.rest(), &job)?;

    judge.until("some completed checkpoints", || {
        watched.has_completed(CHECKPOINTS)
    })?;
    let completed = watched.completed()?;
    let last = completed.last().expect("some").id;
    judge.until_published(&watched.id, last - 1)?;
    let mut published = judge.seen_of(&watched.id);
    published.retain(|id| *id <= last);
    ensure!(
        published.len() * 100 >= completed.len() * PUBLISHED_PERCENT,
        "of {completed:?} only {published:?} were published"
    );
    watched.nothing_failed()?;

    sites.primary.kill();
    flink.kill();
    let newest = judge.newest_of(&watched.id)?.expect("some are published");
    ensure!(
        newest.files > 4,
        "too few files to prove anything: {newest:?}"
    );
    job.cut_back(newest.id().expect("a checkpoint"))?;
    ensure!(!job.compare()?.is_exact(), "the job ended before the kill");
    let elsewhere = sites.flink_elsewhere(version)?.start(&sites.run)?;
    let submission = job.submission(Some(&newest.path))?;
    let restored = Watched::run(elsewhere.rest(), &job, &submission)?;
    elsewhere
        .rest()
        .wait_for_completed(&restored.id, 1, LIMIT)?;
    restored.is_exact_at_its_end()?;
    sites.run.passed();
    Ok(())
}

#[test]
#[ignore = "left to `cargo xtask test --all`"]
fn flink_1_20_is_restored_from_the_secondary_when_the_primary_is_lost() -> Result<()> {
    the_primary_is_lost("1.20.5")
}

#[test]
fn flink_2_2_is_restored_from_the_secondary_when_the_primary_is_lost() -> Result<()> {
    the_primary_is_lost("2.2.1")
}
