//! The disk on which bytes wait for a slow link.

use std::path::Path;

use anyhow::{Result, ensure};
use harness::{Disk, wait_until};

use crate::support::{LIMIT, now_ms};
use crate::{Apart, Backend, CHECKPOINTS, FREE, MEMORY_KEY, Running, SPILL_KEY};

const DISK_MEGABYTES: u32 = 64;
/// A little less than a checkpoint has, of which the rest must wait on disk.
const MEMORY: &str = "4mb";

/// A job whose bytes wait in `directory`, over a link that becomes slow.
fn spills_to(apart: &mut Apart, name: &str, directory: &Path) -> Result<Running> {
    let directory = directory.to_string_lossy().into_owned();
    apart.with_keys(&[(SPILL_KEY, &directory), (MEMORY_KEY, MEMORY)])?;
    apart.run_job(name, Backend::Heap, 900_000)
}

/// Under the slow link checkpoints complete as before, and the log says each of `words` once and
/// nothing else.
fn is_said(apart: &mut Apart, job: &Running, words: &[&str]) -> Result<()> {
    let slow = now_ms();
    apart.slow_down(job)?;
    job.watched
        .complete_more_under(&mut apart.judge, CHECKPOINTS)?;
    wait_until("the cause to be said", LIMIT, || {
        let warned = apart.warned(job)?;
        let once = |words: &&str| warned.iter().filter(|line| line.contains(*words)).count() == 1;
        ensure!(
            words.iter().all(once) && warned.len() == words.len(),
            "{warned:#?}"
        );
        Ok(())
    })?;
    job.was_unhurt(slow)
}

/// While it is full, and no longer.
#[test]
fn disk_full() -> Result<()> {
    FREE.with(Apart::set, |apart| {
        let disk = Disk::mount(&apart.sites.run, "spill", DISK_MEGABYTES)?;
        let job = spills_to(apart, "full", disk.path())?;
        disk.fill()?;
        is_said(
            apart,
            &job,
            &[
                "Nothing is spilled to local disk for now (spill_full)",
                "was not teed (spill_full)",
            ],
        )?;
        let newest = job.watched.newest()?;
        disk.free()?;
        apart.judge.until_published(&job.watched.id, newest)?;
        apart.end(&job)
    })
}

#[test]
#[ignore = "left to `cargo xtask test --all`"]
fn disk_missing() -> Result<()> {
    FREE.with(Apart::set, |apart| {
        let job = spills_to(apart, "missing", Path::new("/nonexistent"))?;
        is_said(
            apart,
            &job,
            &[
                "Nothing is spilled to local disk for now (spill_failed)",
                "was not teed (spill_failed)",
            ],
        )?;
        let newest = job.watched.newest()?;
        apart.sites.host()?.unlimit()?;
        apart.judge.until_published(&job.watched.id, newest)?;
        apart.end(&job)
    })
}

/// No write to it ends, as on a disk that is about to die: the slowest that there is.
#[test]
#[ignore = "left to `cargo xtask test --all`"]
fn disk_hanging() -> Result<()> {
    FREE.with(Apart::set, |apart| {
        let disk = Disk::mount_freezable(&apart.sites.run, "spill", DISK_MEGABYTES)?;
        let job = spills_to(apart, "hanging", disk.path())?;
        disk.freeze()?;
        is_said(apart, &job, &["was not teed (buffer_full)"])?;
        let newest = job.watched.newest()?;
        disk.thaw()?;
        apart.judge.until_published(&job.watched.id, newest)?;
        apart.end(&job)
    })
}
