//! A job on the primary as Flink's REST interface tells of it: what completed, what failed, how
//! long it took. Refuses to know of the secondary.

use std::ops::Range;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use harness::{CheckpointInfo, ExactlyOnce, FlinkRest, Submission};

use super::{Judge, LIMIT};

/// On top of twice the healthy median; this machine is shared.
const MEDIAN_NOISE_MS: u64 = 500;
/// On top of twice the healthy maximum. A call to a silent secondary takes 10 s until it is given
/// up: whoever waits for one is beyond this.
const MAXIMUM_NOISE_MS: u64 = 3_000;

/// A submitted job and its expected result.
pub struct Watched {
    pub id: String,
    rest: FlinkRest,
    job: ExactlyOnce,
}

impl Watched {
    pub fn submit(rest: &FlinkRest, job: &ExactlyOnce) -> Result<Self> {
        Self::run(rest, job, &job.submission(None)?)
    }

    /// With more than [`ExactlyOnce::submission`] says.
    pub fn run(rest: &FlinkRest, job: &ExactlyOnce, submission: &Submission) -> Result<Self> {
        Ok(Self {
            id: rest.submit(submission)?,
            rest: rest.clone(),
            job: job.clone(),
        })
    }

    /// One that somebody else has started.
    pub fn started(rest: &FlinkRest, job: &ExactlyOnce, id: &str) -> Self {
        Self {
            id: id.to_owned(),
            rest: rest.clone(),
            job: job.clone(),
        }
    }

    /// All completed checkpoints since the JobManager started, oldest first.
    pub fn completed(&self) -> Result<Vec<CheckpointInfo>> {
        let mut completed = self.rest.checkpoints(&self.id)?;
        completed.retain(|checkpoint| checkpoint.status == "COMPLETED");
        completed.reverse();
        Ok(completed)
    }

    /// The id of the newest completed one.
    pub fn newest(&self) -> Result<u64> {
        let newest = self.completed()?.pop().context("nothing has completed")?;
        Ok(newest.id)
    }

    /// An error unless `count` have completed since the JobManager started.
    pub fn has_completed(&self, count: usize) -> Result<()> {
        let completed = self.completed()?.len();
        ensure!(completed >= count, "{completed} have completed");
        Ok(())
    }

    /// Waits, without a look at the secondary, until `count` more have completed than now.
    pub fn complete_more(&self, count: usize) -> Result<()> {
        let wanted = self.completed()?.len() + count;
        let wanted = u64::try_from(wanted)?;
        self.rest.wait_for_completed(&self.id, wanted, LIMIT)?;
        Ok(())
    }

    /// The same, and the judge finds nothing wrong meanwhile.
    pub fn complete_more_under(&self, judge: &mut Judge, count: usize) -> Result<()> {
        let wanted = self.completed()?.len() + count;
        judge.until("further completed checkpoints", || {
            self.has_completed(wanted)
        })
    }

    /// An error if a checkpoint failed after the first that completed. Before that, Flink counts
    /// triggers as failed that tasks decline because they are still starting.
    pub fn nothing_failed(&self) -> Result<()> {
        let first = self
            .completed()?
            .first()
            .context("nothing has completed")?
            .id;
        self.nothing_failed_after(first)
    }

    /// An error if a checkpoint above `id` failed.
    pub fn nothing_failed_after(&self, id: u64) -> Result<()> {
        let mut failed = self.rest.checkpoints(&self.id)?;
        failed.retain(|checkpoint| checkpoint.status == "FAILED" && checkpoint.id > id);
        ensure!(failed.is_empty(), "these failed: {failed:?}");
        Ok(())
    }

    /// An error if what was triggered `then` took notably longer than what was triggered `usually`,
    /// both in milliseconds since the epoch.
    pub fn took_no_longer(&self, then: Range<u64>, usually: Range<u64>) -> Result<()> {
        let completed = self.completed()?;
        let (then, usually) = (took(&completed, then)?, took(&completed, usually)?);
        println!("took {then:?} with the outage, {usually:?} without");
        ensure!(
            then.median_ms <= 2 * usually.median_ms + MEDIAN_NOISE_MS
                && then.maximum_ms <= 2 * usually.maximum_ms + MAXIMUM_NOISE_MS,
            "{then:?} is notably longer than {usually:?}"
        );
        Ok(())
    }

    /// Lets the job run to its end, with a look at its result.
    pub fn is_exact_at_its_end(&self) -> Result<()> {
        self.job.hurry()?;
        self.rest.wait_for_state(&self.id, "FINISHED", LIMIT)?;
        let comparison = self.job.compare()?;
        ensure!(comparison.is_exact(), "{comparison:?}");
        Ok(())
    }
}

/// How long checkpoints took from trigger to completion, in milliseconds.
#[derive(Debug)]
struct Took {
    #[expect(dead_code, reason = "shown")]
    count: usize,
    median_ms: u64,
    maximum_ms: u64,
}

fn took(completed: &[CheckpointInfo], triggered_ms: Range<u64>) -> Result<Took> {
    let within = completed
        .iter()
        .filter(|checkpoint| triggered_ms.contains(&checkpoint.triggered_ms));
    let mut durations: Vec<u64> = within.map(|checkpoint| checkpoint.duration_ms).collect();
    durations.sort_unstable();
    ensure!(durations.len() >= 4, "too few to compare: {durations:?}");
    Ok(Took {
        count: durations.len(),
        median_ms: durations[durations.len() / 2],
        maximum_ms: durations[durations.len() - 1],
    })
}

/// From which checkpoint this JobManager has restored the job: an error unless from `last` or a
/// newer one.
pub fn restored_from(rest: &FlinkRest, job: &str, last: u64) -> Result<u64> {
    let counts = rest.checkpoint_counts(job)?;
    let restored = counts.restored_from.context("not restored")?;
    ensure!(restored >= last, "restored from {restored}");
    Ok(restored)
}

/// Milliseconds since the epoch.
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}
