//! What ends does not wait for the link longer than it may.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use harness::{Process, wait_until};

use crate::support::{LIMIT, said};
use crate::{Apart, Backend, FREE};

/// `dualwrite.shutdown.timeout`, as it is unless somebody sets it.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(5);
/// Of a job that ends by itself: enough for a while, and soon done when it hurries.
const RECORDS: u64 = 20_000;
/// This machine is shared.
const NOISE: Duration = Duration::from_secs(2);

/// How long a process takes to end that is asked to.
fn ends_within(process: &Process) -> Result<Duration> {
    let start = Instant::now();
    process.terminate()?;
    wait_until("the process to end", LIMIT, || {
        ensure!(!process.is_running(), "it runs");
        Ok(())
    })?;
    Ok(start.elapsed())
}

/// It goes on with its uploads as long as it may; the JobManager copies what is left.
#[test]
fn task_manager_stopped_in_mid_upload() -> Result<()> {
    FREE.with(Apart::set, |apart| {
        // Flink's own time: with nothing on its way.
        apart.begin(&[])?;
        let alone = ends_within(apart.flink.task_manager(0))?;
        apart.flink.task_manager(0).restart()?;
        apart.flink.wait_ready()?;

        let job = apart.run_job("stopped", Backend::Heap, 900_000)?;
        let published = apart.judge.until_published(&job.watched.id, 0)?.id();
        apart.slow_down_by(2, &job)?;
        // What is on its way by now may soon be there. What comes next needs twenty intervals.
        let begun = apart.sites.in_flight()?;
        wait_until("an upload over the slow link", LIMIT, || {
            let now = apart.sites.in_flight()?;
            ensure!(!now.is_subset(&begun), "none but {begun:?}");
            Ok(())
        })?;
        job.watched.complete_more(1)?;
        let last = job.watched.newest()?;
        let took = ends_within(apart.flink.task_manager(0))?;
        println!("ended after {took:?}, alone after {alone:?}");
        ensure!(
            took <= alone + SHUTDOWN_LIMIT + NOISE,
            "ended after {took:?}, alone after {alone:?}"
        );
        // What was on its way has no name yet. The process may have said so: its log ends with it.
        let left = apart.sites.in_flight()?;
        let said = said(apart.flink.task_manager(0), "WARN")?;
        ensure!(!left.is_empty(), "nothing was on its way: {said:#?}");

        // No TaskManager has it any more.
        apart.sites.host()?.unlimit()?;
        let after = apart.judge.until_published(&job.watched.id, last - 1)?;
        ensure!(after.id() > published, "{after:?}");
        Ok(())
    })
}

/// How long the job takes to end, over a link that is slow or not.
fn time_to_end(apart: &mut Apart, name: &str, is_slow: bool, finishes: bool) -> Result<Duration> {
    let name = format!("{name}-{is_slow}");
    let job = apart.run_job(&name, Backend::Heap, RECORDS)?;
    if is_slow {
        apart.slow_down(&job)?;
        job.watched.complete_more(1)?;
    }
    let start = Instant::now();
    if finishes {
        job.watched.is_exact_at_its_end()?;
    } else {
        apart.flink.rest().cancel(&job.watched.id)?;
    }
    let took = start.elapsed();
    // What has finished needs no checkpoint any more.
    if !finishes {
        let last = job.watched.newest()?;
        apart.judge.until_published(&job.watched.id, last - 1)?;
    }
    if is_slow {
        apart.sites.host()?.unlimit()?;
    }
    apart.judge.published()?;
    Ok(took)
}

/// Flink knows nothing of the uploads, and does not wait for any.
#[test]
#[ignore = "left to `cargo xtask test --all`"]
fn jobs_cancelled_and_finished_in_mid_upload() -> Result<()> {
    FREE.with(Apart::set, |apart| {
        apart.begin(&[])?;
        for (name, finishes) in [("cancelled", false), ("finished", true)] {
            let quick = time_to_end(apart, name, false, finishes)?;
            let slow = time_to_end(apart, name, true, finishes)?;
            println!("{name} after {slow:?}, over a quick link after {quick:?}");
            ensure!(
                slow <= quick + NOISE,
                "{name} after {slow:?}, not {quick:?}"
            );
        }
        Ok(())
    })
}
