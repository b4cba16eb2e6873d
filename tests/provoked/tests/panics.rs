//! A panic in each entry of the native library: Flink does not notice, the log says it once, and
//! publishing goes on when it is over.

#[path = "../../tests/support/mod.rs"]
mod support;
#[path = "../../tests/alerts/watch.rs"]
mod watch;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::{Process, wait_until};
use support::{LIMIT, Sites, Stage, now_ms, said};
use watch::{Watch, alert};

const FLINK: &str = "1.20.5";
/// An hour becomes three minutes.
const TIMES: u64 = 20;
/// With panics as without.
const CHECKPOINTS: usize = 5;
/// Entries that are called all the time, and by whom.
const CALLED: [(&str, &str); 8] = [
    ("openSession", "taskmanager"),
    ("lease", "taskmanager"),
    ("handOver", "taskmanager"),
    ("seal", "taskmanager"),
    ("discard", "taskmanager"),
    ("offerMetadata", "jobmanager"),
    ("pollLog", "taskmanager"),
    ("numbers", "jobmanager"),
];
/// Entries that are called when a process of Flink is new.
const CALLED_FIRST: [&str; 2] = ["version", "openJob"];

/// The library of this package, which cargo builds before its tests, beside them.
fn library() -> Result<PathBuf> {
    let tests = std::env::current_exe()?;
    let folder = tests.parent().context("a program without a folder")?;
    let library = folder.join("libprovoked.so");
    ensure!(library.exists(), "{} is not there", library.display());
    Ok(library)
}

/// The file that says which entry panics.
struct Asked(PathBuf);

impl Asked {
    fn panic_in(&self, entries: &str) -> Result<()> {
        // At once, so that nobody reads half of it.
        let partial = self.0.with_extension("partial");
        std::fs::write(&partial, entries)?;
        Ok(std::fs::rename(&partial, &self.0)?)
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

fn stage() -> Result<(Stage, Asked)> {
    let sites = Sites::launch("panics")?;
    let asked = Asked(sites.run.data_dir("asked")?.join("entries"));
    let flink = sites
        .flink(FLINK)?
        .prometheus_reporter()?
        .config("dualwrite.native.path", &library()?.to_string_lossy())
        .config(support::REPORTER_KEY, support::REPORTER)
        // Where no TaskManager copies, the JobManager does, if the primary still has the files.
        .config("dualwrite.backfill.grace", "500 ms")
        .config("execution.checkpointing.num-retained", "10")
        // Several chunks for a file.
        .config("dualwrite.chunk.size", "64kb")
        .env("DUALWRITE_PROVOKED_PANICS", asked.path().as_os_str());
    Ok((Stage::set(sites, FLINK, flink)?, asked))
}

/// How many lines a process has said of a panic in this entry.
fn panics(process: &Process, entry: &str) -> Result<usize> {
    let lines = said(process, "ERROR")?;
    let of_it = lines
        .iter()
        .filter(|line| line.contains(&format!("{entry} panicked")));
    Ok(of_it.count())
}

fn process<'a>(stage: &'a Stage, role: &str) -> Result<&'a Process> {
    let mut processes = stage.flink.processes();
    let found = processes.find(|process| process.label().contains(role));
    found.with_context(|| format!("no {role}"))
}

/// What holds after the panics: the newest is published, nothing above `first` failed.
fn is_over(stage: &mut Stage, first: u64) -> Result<()> {
    let newest = stage.watched.newest()?;
    stage.judge.until_published(&stage.watched.id, newest)?;
    stage.watched.nothing_failed_after(first)
}

/// One line was said.
fn is_said(stage: &Stage, entry: &str, role: &str) -> Result<()> {
    let process = process(stage, role)?;
    wait_until("the panic to be said", LIMIT, || {
        match panics(process, entry)? {
            1 => Ok(()),
            count => Err(anyhow::anyhow!("{entry}: {count} lines")),
        }
    })
}

#[test]
fn a_panic_in_any_native_entry_is_said_once_and_harms_neither_job_nor_secondary() -> Result<()> {
    let (mut stage, asked) = stage()?;
    let healthy = now_ms();
    stage
        .watched
        .complete_more_under(&mut stage.judge, CHECKPOINTS)?;
    let panicking = now_ms();
    let first = stage.watched.newest()?;
    for (entry, role) in CALLED {
        asked.panic_in(entry)?;
        stage.watched.complete_more_under(&mut stage.judge, 3)?;
        asked.panic_in("")?;
        is_over(&mut stage, first)?;
        is_said(&stage, entry, role)?;
    }
    stage
        .watched
        .took_no_longer(panicking..now_ms(), healthy..panicking)?;

    for entry in CALLED_FIRST {
        let (rest, job) = (stage.flink.rest(), &stage.watched.id);
        let restored = rest.checkpoint_counts(job)?.restored;
        asked.panic_in(entry)?;
        stage.flink.task_manager(0).restart()?;
        // what the former one has acknowledged may still complete
        let last = stage.judge.until("the job to be restored", || {
            let counts = rest.checkpoint_counts(job)?;
            ensure!(counts.restored > restored, "not restored: {counts:?}");
            counts.restored_from.context("from nothing")
        })?;
        let first = goes_on(&mut stage, last)?;
        asked.panic_in("")?;
        // Nobody copies on the TaskManager; the JobManager makes up for it.
        is_over(&mut stage, first)?;
    }

    // A library that does not tell its version is not used, so it says nothing either.
    let warned = said(process(&stage, "taskmanager")?, "WARN")?;
    let is_refused = |line: &&String| line.contains("the native library is not loaded");
    ensure!(warned.iter().filter(is_refused).count() == 1, "{warned:#?}");
    is_said(&stage, "openJob", "taskmanager")?;

    asked.panic_in("shutdown")?;
    let task_manager = stage.flink.task_manager(0);
    task_manager.terminate()?;
    wait_until("the process to end", Duration::from_secs(20), || {
        if task_manager.is_running() {
            Err("it runs")
        } else {
            Ok(())
        }
    })?;
    let last = stage.watched.newest()?;
    asked.panic_in("")?;
    stage.flink.task_manager(0).restart()?;
    goes_on(&mut stage, last)?;
    let newest = stage.watched.newest()?;
    stage.judge.until_published(&stage.watched.id, newest)?;
    stage.sites.run.passed();
    Ok(())
}

/// The one that is asked for numbers by Flink's metrics, and nobody else.
#[test]
#[ignore = "left to `cargo xtask test --all`"]
fn a_panic_raises_one_alert_for_an_hour() -> Result<()> {
    let (stage, asked) = stage()?;
    let watch = Watch::start(&stage, TIMES)?;
    watch.becomes(&[])?;
    watch.stays_at(&[], "nothing panics")?;
    asked.panic_in("numbers")?;
    is_said(&stage, "numbers", "jobmanager")?;
    is_said(&stage, "numbers", "taskmanager")?;
    watch.becomes(&[alert("DualwritePanicked", &[])])?;
    asked.panic_in("")?;
    watch.becomes(&[])?;
    stage.sites.run.passed();
    Ok(())
}

/// Gives the first checkpoint that completes above `last`.
fn goes_on(stage: &mut Stage, last: u64) -> Result<u64> {
    let Stage { judge, watched, .. } = stage;
    judge.until("the job to go on", || {
        let newest = watched.newest()?;
        ensure!(newest > last, "{newest} is the newest");
        Ok(newest)
    })
}
