//! How the switch of a job ends, and what to do about it. Pure.

use std::time::Duration;

use crate::journal::{Done, JournalError};
use crate::newest::NoneUsable;
use crate::{Checkpoint, FlinkError};

/// How the switch of a job ended.
#[derive(Debug)]
pub struct Outcome {
    /// The job's name.
    pub name: String,
    /// How it ended.
    pub result: Result<Switched, Failure>,
}

/// A job runs at the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Switched {
    /// Its id there.
    pub job_id: String,
    /// What it was started from.
    pub checkpoint: Checkpoint,
    /// How long it took.
    pub done: Done,
    /// Whether an earlier apply had done it already.
    pub earlier: bool,
}

/// Why a job is not switched. Its text says what to do next.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Nobody can say whether the job still runs at the source.
    #[error(
        "nothing was done: it cannot be made sure that the job does not run at the source any more \
         ({0}), and two of it at once would write everything twice. When you are sure that all of \
         the source is dead and stays so, run it again with --source-is-dead"
    )]
    SourceSilent(String),
    /// It was cancelled, and does not end.
    #[error(
        "at the source, job {job_id} is still {state} {} after it was cancelled: see its \
         JobManager's log, or kill its TaskManagers, and run it again", seconds(.limit)
    )]
    StillRuns {
        /// Its id there.
        job_id: String,
        /// Its state.
        state: String,
        /// How long was waited.
        limit: Duration,
    },
    /// A job of that name runs at the source, and another one was planned.
    #[error(
        "nothing was done: at the source, a job of this name runs as {running}, and the plan's \
         checkpoint is of {planned}. If {running} is its successor, make the plan anew when it has \
         published a checkpoint, or cancel it and give --accept-older with a new plan"
    )]
    RunsUnderOtherId {
        /// The id that runs.
        running: String,
        /// The id that was planned.
        planned: String,
    },
    /// The source completed a checkpoint that the target does not have.
    #[error(
        "the job is stopped, and not started again: its newest checkpoint at the source is \
         {completed}, and the target has {} after {}. Run it again to wait for it, or give \
         --accept-older to start from what is there", or_none(*.published), seconds(.limit)
    )]
    Behind {
        /// The newest that the source has completed.
        completed: u64,
        /// The newest that the target has.
        published: Option<u64>,
        /// How long was waited.
        limit: Duration,
    },
    /// The newest usable checkpoint is older than the planned one.
    #[error(
        "not started: the plan has checkpoint {planned}, and the newest that can be used now is \
         {found}. See what became of it with dualwrite verify, or give --accept-older"
    )]
    Older {
        /// The plan's.
        planned: u64,
        /// What is there.
        found: u64,
    },
    /// There is none.
    #[error("not started: {0}. See dualwrite verify")]
    NoCheckpoint(NoneUsable),
    /// A job of that name runs at the target.
    #[error(
        "not started: at the target, a job of this name runs as {0} already, which this plan has \
         not started. Cancel it first if it is to be replaced"
    )]
    RunsAlready(String),
    /// The plan does not say how.
    #[error(
        "not started: no jar is given for it in the jobs file: give one, and make the plan anew"
    )]
    NoJar,
    /// The target's Flink.
    #[error("{0}. Run it again to go on")]
    Flink(#[from] FlinkError),
    /// It was started, and ended.
    #[error("job {job_id} is {state} at the target: {why}. Mend it, and run it again")]
    Ended {
        /// Its id there.
        job_id: String,
        /// Its state.
        state: String,
        /// Flink's reason.
        why: String,
    },
    /// It was started by an earlier apply, went on from there, and ended, or its Flink did.
    #[error(
        "job {job_id}, which an earlier apply has started, is {state} at the target, after it had \
         completed checkpoint {checkpoint}. To start it again from the planned one would do its \
         work twice: start it by hand from {path}"
    )]
    WentOn {
        /// Its id there.
        job_id: String,
        /// Its state.
        state: String,
        /// Its newest checkpoint.
        checkpoint: u64,
        /// Where that is.
        path: String,
    },
    /// It does not come to run.
    #[error(
        "job {job_id} is {state} at the target after {}: {why}. It is left as it is; run it again \
         to go on waiting", seconds(.limit)
    )]
    NotRunning {
        /// Its id there.
        job_id: String,
        /// Its state.
        state: String,
        /// What it failed for last.
        why: String,
        /// How long was waited.
        limit: Duration,
    },
    /// It runs, and completes no checkpoint.
    #[error(
        "job {job_id} runs at the target and has completed no checkpoint after {}: {why}. It is \
         left running; run it again to go on waiting", seconds(.limit)
    )]
    NoFirstCheckpoint {
        /// Its id there.
        job_id: String,
        /// What it failed for last.
        why: String,
        /// How long was waited.
        limit: Duration,
    },
    /// The journal.
    #[error("what was done cannot be recorded, so nothing more is done: {0}")]
    Journal(#[from] JournalError),
}

impl Failure {
    /// Whether it is only not known how things are.
    pub fn is_silence(&self) -> bool {
        match self {
            Self::SourceSilent(_) | Self::NoCheckpoint(NoneUsable::Silent(_)) => true,
            Self::Flink(error) => error.is_silence(),
            _ => false,
        }
    }
}

fn seconds(limit: &Duration) -> String {
    format!("{} s", limit.as_secs())
}

fn or_none(id: Option<u64>) -> String {
    id.map_or_else(|| "none".to_owned(), |id| id.to_string())
}
