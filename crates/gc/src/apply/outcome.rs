//! What is told of a plan that was carried out, or was not. Pure.

use audit::StoreError;

use crate::Left;

/// How a leftover has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// By this run.
    Deleted,
    /// It was not there any more.
    Gone,
    /// It is not what the plan saw: something new has its name.
    Changed,
    /// A checkpoint that was published since names it.
    Needed,
    /// Its job lives, and was claimed again by its JobManager: the next run may have it.
    Alive,
    /// Its job has no owner record any more.
    NotOwned,
    /// What is needed cannot be told: see [`Outcome::doubts`].
    Doubt,
    /// The run ended before.
    NotReached,
}

impl End {
    /// The name in documents.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deleted => "deleted",
            Self::Gone => "gone",
            Self::Changed => "changed",
            Self::Needed => "needed",
            Self::Alive => "alive",
            Self::NotOwned => "not_owned",
            Self::Doubt => "doubt",
            Self::NotReached => "not_reached",
        }
    }
}

/// What became of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Of each of its leftovers, in their order.
    pub ends: Vec<End>,
    /// Each `_metadata` that is not understood.
    pub doubts: Vec<Left>,
    /// What ended it early; to be run again.
    pub error: Option<StoreError>,
}

/// Why nothing was done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// All files would be left over.
    #[error(
        "it saw no published checkpoint, so every file would be left over. If no job is protected \
         there any more, delete the directory by hand"
    )]
    NoCheckpoints,
    /// It was made more than a day ago.
    #[error("it is older than 24 hours: make it anew")]
    Old,
    /// It was made later than now.
    #[error("it is from a later time than the cluster's clock shows: make it anew")]
    FromTheFuture,
    /// Another directory than the one it is applied to.
    #[error("it is of {0}: apply it there, or make one for this directory")]
    OtherRoot(String),
    /// No JobManager has ever published there.
    #[error("{0} is no secondary directory: there is no .dualwrite in it")]
    NoSecondary(String),
    /// The cluster did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}
