//! The disk on which bytes wait for a slow link.

use std::path::Path;

use anyhow::{Result, ensure};
use harness::{Disk, wait_until};

use crate::support::{LIMIT, now_ms};
use crate::{Apart, Backend, CHECKPOINTS, FREE, MEMORY_KEY, NOT_TEED, Running, SPILL_KEY};

const DISK_MEGABYTES: u32 = 64;
/// Half of it is less than a checkpoint has, all of it just about as much.
const ENOUGH: &str = "4mb";
/// Half a checkpoint.
const TOO_LITTLE: &str = "2mb";

/// A job whose bytes wait in `directory`, over a link that becomes slow.
fn spills_to(apart: &mut Apart, name: &str, directory: &Path, memory: &str) -> Result<Running> {
    let directory = directory.to_string_lossy().into_owned();
    apart.begin(&[(SPILL_KEY, &directory), (MEMORY_KEY, memory)])?;
    apart.run_job(name, Backend::Heap, 900_000)
}

/// Under the slow link checkpoints complete as before, and the log says `words` once, and perhaps
/// once that memory was not enough.
fn is_said(apart: &mut Apart, job: &Running, words: &str) -> Result<()> {
    let slow = now_ms();
    apart.slow_down(job)?;
    job.watched
        .complete_more_under(&mut apart.judge, CHECKPOINTS)?;
    wait_until("the cause to be said", LIMIT, || {
        let warned = apart.warned(job)?;
        let count = |words| warned.iter().filter(|line| line.contains(words)).count();
        let rest = warned.len() - count(words);
        ensure!(count(words) == 1, "{warned:#?}");
        ensure!(rest == 0 || rest == count("was not teed"), "{warned:#?}");
        Ok(())
    })?;
    job.was_unhurt(slow)
}

/// While it is full, what memory is enough for is published; then it is spilled again.
#[test]
#[ignore = "left to `cargo xtask test --all`"]
fn disk_full() -> Result<()> {
    FREE.with(Apart::set, |apart| {
        let disk = Disk::mount(&apart.sites.run, "spill", DISK_MEGABYTES)?;
        let job = spills_to(apart, "full", disk.path(), ENOUGH)?;
        disk.fill()?;
        is_said(apart, &job, "is spilled to local disk for now (spill_full)")?;
        let newest = job.watched.newest()?;
        disk.free()?;
        apart.judge.until_published(&job.watched.id, newest)?;
        Ok(())
    })
}

#[test]
#[ignore = "left to `cargo xtask test --all`"]
fn disk_missing() -> Result<()> {
    FREE.with(Apart::set, |apart| {
        let job = spills_to(apart, "missing", Path::new("/nonexistent"), ENOUGH)?;
        is_said(
            apart,
            &job,
            "is spilled to local disk for now (spill_failed)",
        )?;
        let newest = job.watched.newest()?;
        apart.sites.host()?.unlimit()?;
        apart.judge.until_published(&job.watched.id, newest)?;
        Ok(())
    })
}

/// No write to it ends, as on a disk that is about to die: the slowest that there is.
#[test]
#[ignore = "left to `cargo xtask test --all`"]
fn disk_hanging() -> Result<()> {
    FREE.with(Apart::set, |apart| {
        let disk = Disk::mount_freezable(&apart.sites.run, "spill", DISK_MEGABYTES)?;
        let job = spills_to(apart, "hanging", disk.path(), TOO_LITTLE)?;
        disk.freeze()?;
        is_said(apart, &job, NOT_TEED)?;
        let newest = job.watched.newest()?;
        disk.thaw()?;
        apart.sites.host()?.unlimit()?;
        apart.judge.until_published(&job.watched.id, newest)?;
        Ok(())
    })
}
