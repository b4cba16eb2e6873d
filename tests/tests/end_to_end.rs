//! The whole way: a job on the primary, its checkpoints on the secondary, the primary lost, the job
//! restored there with an exact result.

mod support;

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use harness::{ExactlyOnce, FlinkCluster, wait_until};
use support::{LIMIT, REPORTER, REPORTER_KEY, Scraped, Sites, Watched, page, ports_said};

/// Of what completed on the primary, published so many in a hundred.
const PUBLISHED_PERCENT: usize = 90;
const CHECKPOINTS: usize = 10;

fn the_primary_is_lost(version: &str) -> Result<()> {
    let sites = Sites::launch(&format!("end_to_end-{version}"))?;
    let flink = sites
        .flink(version)?
        .prometheus_reporter()?
        .config(REPORTER_KEY, REPORTER)
        .launch(&sites.run)?;
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
    it_is_in_the_numbers(&flink, &watched, &published)?;
    it_is_in_flinks_own_numbers(&flink, &watched, &published)?;

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

/// What Flink and the judge say of the same job is what the processes serve.
#[expect(
    clippy::cast_precision_loss,
    clippy::float_cmp,
    reason = "numbers of checkpoints and bytes of a short test, counted in floats"
)]
fn it_is_in_the_numbers(
    flink: &FlinkCluster,
    job: &Watched,
    published: &BTreeSet<u64>,
) -> Result<()> {
    let before = job.newest()?;
    let of_jobs = Scraped::of(flink.job_manager())?;
    let newest = before..=job.newest()?;
    let of_streams = Scraped::of(flink.task_manager(0))?;
    ensure!(of_jobs.port != of_streams.port, "one port for both");
    for process in flink.processes() {
        let ports = ports_said(process)?;
        ensure!(ports.len() == 1, "said more than once: {ports:?}");
    }

    let job_manager = |name: &str| of_jobs.sum(&format!("dualwrite_{name}"));
    let completed = job_manager("newest_completed_checkpoint_id")?;
    let near = *newest.start() as f64 - 1.0..=*newest.end() as f64 + 1.0;
    ensure!(near.contains(&completed), "{completed} is not {near:?}");
    let seen = published.last().copied().unwrap_or_default() as f64;
    ensure!(job_manager("newest_published_checkpoint_id")? >= seen);
    ensure!(job_manager("checkpoints_published_total")? >= published.len() as f64);
    ensure!(job_manager("checkpoints_unpublishable_total")? == 0.0);
    let interval = job_manager("checkpoint_interval_seconds")?;
    ensure!(
        (0.9..10.0).contains(&interval),
        "an interval of {interval} s"
    );
    let trigger = "newest_completed_checkpoint_trigger_timestamp_seconds";
    let age = support::now_ms() as f64 / 1000.0 - job_manager(trigger)?;
    ensure!((0.0..60.0).contains(&age), "completed {age} s ago");

    let task_manager = |name: &str| of_streams.sum(&format!("dualwrite_{name}"));
    ensure!(task_manager("secondary_up")? == 1.0);
    ensure!(task_manager("files_uploaded_total")? > published.len() as f64);
    let parts = [
        "uploaded_bytes_total",
        "dropped_bytes_total",
        "inflight_bytes",
    ];
    let parts = parts.map(task_manager).into_iter().sum::<Result<f64>>()?;
    ensure!(task_manager("accepted_bytes_total")? == parts);
    ensure!(page(flink.job_manager())?.contains(&job.id));
    ensure!(page(flink.task_manager(0))?.contains(&job.id));
    Ok(())
}

/// They are where Flink's REST interface and its own reporter for Prometheus have all others.
#[expect(clippy::cast_precision_loss, reason = "as above")]
fn it_is_in_flinks_own_numbers(
    flink: &FlinkCluster,
    job: &Watched,
    published: &BTreeSet<u64>,
) -> Result<()> {
    let newest = published.last().copied().unwrap_or_default() as f64;
    let count = published.len() as f64;
    let (jm, tm) = (flink.job_manager(), flink.task_manager(0));
    let (of_job, of_process) = (
        "flink_jobmanager_job_dualwrite",
        "flink_taskmanager_dualwrite",
    );
    for (process, name, at_least) in [
        (
            jm,
            format!("{of_job}_newest_published_checkpoint_id"),
            newest,
        ),
        (jm, format!("{of_job}_publish_lag_seconds_count"), count),
        (
            jm,
            format!("{of_job}_reason_checkpoints_unpublishable_total"),
            0.0,
        ),
        (
            jm,
            "flink_jobmanager_dualwrite_secondary_secondary_up".to_owned(),
            1.0,
        ),
        (tm, "flink_taskmanager_job_dualwrite_stride".to_owned(), 1.0),
        (tm, format!("{of_process}_files_uploaded_total"), count),
        (
            tm,
            format!("{of_process}_reason_sessions_abandoned_total"),
            0.0,
        ),
    ] {
        wait_until(&name, LIMIT, || {
            let found = Scraped::of_flink(process)?.sum(&name)?;
            ensure!(found >= at_least, "{found} instead of {at_least}");
            Ok::<_, anyhow::Error>(())
        })?;
    }
    let id = &job.id;
    for (scope, name, at_least) in [
        (
            format!("/jobs/{id}"),
            "newest_published_checkpoint_id",
            newest,
        ),
        (
            "/taskmanagers/taskmanager-0".to_owned(),
            "files_uploaded_total",
            count,
        ),
        ("/jobmanager".to_owned(), "library_loaded", 1.0),
    ] {
        let path = format!("{scope}/metrics?get=dualwrite.{name}");
        wait_until(&path, LIMIT, || {
            let answer = flink.rest().get(&path)?;
            let found = answer[0]["value"].as_str().map(str::parse::<f64>);
            let is_there = matches!(found, Some(Ok(found)) if found >= at_least);
            ensure!(is_there, "{answer} instead of {at_least}");
            Ok::<_, anyhow::Error>(())
        })?;
    }
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
