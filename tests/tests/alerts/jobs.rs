//! What is wrong with one job, while all is well with the secondary and with the processes: each
//! raises the alert that names the job.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::Result;
use harness::{ExactlyOnce, Fate, Rule};

use crate::support::{LIMIT, STORAGE_KEY, Stage, Watched, on_stage};
use crate::watch::{Watch, alert};
use crate::{TIMES, stage};

/// Flink triggers no checkpoint itself.
pub const BY_HAND: (&str, &str) = ("execution.checkpointing.interval", "1000 h");
/// A checkpoint is triggered by hand every so often, and the last one comes later by this. It is
/// between two and three intervals after the one before it, and more than the 30 s that count.
const EVERY: Duration = Duration::from_secs(13);
const LATER_BY: Duration = Duration::from_secs(21);

/// A `_metadata` that does not get its name.
pub const NOTHING_IS_PUBLISHED: Rule = Rule {
    method: "rename2",
    of: "/_metadata",
    every: 1,
    fate: Fate::Hold,
};

#[test]
#[ignore = "left to `cargo xtask test --all`"]
fn a_job_that_is_not_copied_or_not_published_or_late_raises_its_own_alert() -> Result<()> {
    on_stage(stage, |stage| {
        let watch = Watch::start(stage, TIMES)?;
        watch.becomes(&[])?;
        one_has_a_storage_of_its_own(stage, &watch)?;
        // What is held from here on is to be of one job.
        stage.flink.rest().cancel(&stage.watched.id)?;
        one_is_late(stage, &watch)?;
        one_is_never_published(stage, &watch)
    })
}

fn one_has_a_storage_of_its_own(stage: &Stage, watch: &Watch) -> Result<()> {
    let job = submit(
        stage,
        &Stage::job(&stage.sites, "aside")?,
        &[(STORAGE_KEY, "filesystem")],
    )?;
    let labels = [("job_id", &*job.id), ("job_name", "aside")];
    watch.becomes(&[alert("DualwriteJobNotCopied", &labels)])?;
    stage.flink.rest().cancel(&job.id)?;
    watch.becomes(&[])
}

/// By two and a half intervals, and no more checkpoints come.
fn one_is_late(stage: &mut Stage, watch: &Watch) -> Result<()> {
    let job = submit(stage, &Stage::job(&stage.sites, "late")?, &[BY_HAND])?;
    let rest = stage.flink.rest();
    let mut due = Instant::now();
    let mut newest = 0;
    for _ in 0..4 {
        sleep(due.saturating_duration_since(Instant::now()));
        due = Instant::now() + EVERY;
        newest = rest.checkpoint(&job.id, LIMIT)?;
    }
    stage.judge.until_published(&job.id, newest - 1)?;
    stage.sites.proxy()?.rule(NOTHING_IS_PUBLISHED);
    sleep((due + LATER_BY).saturating_duration_since(Instant::now()));
    rest.checkpoint(&job.id, LIMIT)?;
    watch.becomes(&[alert("DualwriteBehind", &[("job_id", &job.id)])])?;
    stage.sites.proxy()?.let_go();
    watch.becomes(&[])?;
    rest.cancel(&job.id)
}

fn one_is_never_published(stage: &Stage, watch: &Watch) -> Result<()> {
    stage.sites.proxy()?.rule(NOTHING_IS_PUBLISHED);
    let job = submit(stage, &Stage::job(&stage.sites, "hidden")?, &[])?;
    watch.becomes(&[alert("DualwriteNeverPublished", &[("job_id", &job.id)])])?;
    stage.sites.proxy()?.let_go();
    watch.becomes(&[])
}

/// Runs a job with some configuration of its own.
pub fn submit(stage: &Stage, job: &ExactlyOnce, own: &[(&str, &str)]) -> Result<Watched> {
    let submission = job.submission(None)?.with(own);
    let watched = Watched::run(stage.flink.rest(), job, &submission)?;
    stage.flink.rest().wait_for_tasks(&watched.id, LIMIT)?;
    Ok(watched)
}
