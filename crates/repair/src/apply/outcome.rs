//! How the repair of a checkpoint ended, and what to do if it failed. Pure.

use audit::{ErrorKind, Location, StoreError};

use crate::{Cannot, PlannedCheckpoint};

/// What was done for a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mended {
    /// How many files were put into their places.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// How many of them took the place of a damaged one.
    pub replaced: u64,
    /// Whether its `_metadata` was.
    pub published: bool,
}

/// How the repair of a checkpoint ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What was planned.
    pub planned: PlannedCheckpoint,
    /// The checkpoint's directory on the target: that of a newer one, if the source has retired the
    /// planned one.
    pub target: String,
    /// What was done.
    pub mended: Mended,
    /// Whether it is whole now, and published.
    pub result: Result<(), Failure>,
}

/// Why a checkpoint is not whole on the target, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Something that copying cannot mend.
    #[error("{}", messages(.0))]
    Cannot(Vec<Cannot>),
    /// The source has deleted it.
    #[error(
        "the source has retired {0} meanwhile. What was copied stays, and the next one needs less: \
         make the plan anew with --newest, or have the job retain more checkpoints while you copy \
         (execution.checkpointing.num-retained)"
    )]
    Retired(Location),
    /// A file was there and is not any more.
    #[error(
        "{0} was deleted on the target while it was repaired, and nothing was published: run it \
         again, and find out who deletes there"
    )]
    Incomplete(Location),
    /// Its JobManager was quicker each time.
    #[error(
        "{0} is whole, and not published: the job's JobManager has claimed the job back each time. \
         It publishes by itself what is whole; run it again if it does not"
    )]
    Lost(Location),
    /// A cluster does not tell.
    #[error("{0}. Run it again: what is there by now is not copied twice")]
    Silent(StoreError),
    /// A cluster refuses.
    #[error(
        "{error}{hint}. Run it again afterwards: what is there by now is not copied twice",
        error = .0,
        hint = hint(.0)
    )]
    Refused(StoreError),
}

impl Failure {
    /// Whether it is only not known how things are.
    pub fn is_silence(&self) -> bool {
        matches!(self, Self::Silent(_))
    }
}

fn messages(cannot: &[Cannot]) -> String {
    let first = cannot.first().map(|cannot| cannot.message.clone());
    let more = cannot.len().saturating_sub(1);
    let more = if more > 0 {
        format!(" (and {more} more)")
    } else {
        String::new()
    };
    first.unwrap_or_default() + &more
}

fn hint(error: &StoreError) -> &'static str {
    match error.kind {
        ErrorKind::PermissionDenied => ": run it as a user that may write there (--user, or kinit)",
        ErrorKind::NoSpace => ": make room there, or raise the quota",
        _ => "",
    }
}
