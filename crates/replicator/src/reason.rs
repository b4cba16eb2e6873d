//! Why a session was abandoned or a checkpoint is unpublishable: the closed sets of label values.

use std::sync::OnceLock;

use store::{ErrorKind, StoreError};

/// Why the tee gave a session up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// No chunk was free: the link or the secondary is slower than the job.
    BufferFull,
    /// The same, and there was no room on disk.
    SpillFull,
    /// The same, and the disk failed.
    SpillFailed,
    /// Its checkpoint is left out, because the link is slower than the job.
    Stride,
    /// The circuit breaker was open.
    SecondaryDown,
    /// A call ran out of time.
    Timeout,
    /// The secondary did not answer.
    Unavailable,
    /// Disk or quota is full.
    NoSpace,
    /// The secondary refuses the user.
    PermissionDenied,
    /// Another file is under the final name.
    Conflict,
    /// The primary has another number of bytes than the tee.
    LengthMismatch,
    /// The file is under no mapped root.
    OutsideMapping,
    /// Anything else; the log tells.
    Other,
}

impl Reason {
    /// All of them, to start their counters with 0.
    pub const ALL: [Self; 13] = [
        Self::BufferFull,
        Self::SpillFull,
        Self::SpillFailed,
        Self::Stride,
        Self::SecondaryDown,
        Self::Timeout,
        Self::Unavailable,
        Self::NoSpace,
        Self::PermissionDenied,
        Self::Conflict,
        Self::LengthMismatch,
        Self::OutsideMapping,
        Self::Other,
    ];

    /// The label's value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BufferFull => "buffer_full",
            Self::SpillFull => "spill_full",
            Self::SpillFailed => "spill_failed",
            Self::Stride => "stride",
            Self::SecondaryDown => "secondary_down",
            Self::Timeout => "timeout",
            Self::Unavailable => "unavailable",
            Self::NoSpace => "no_space",
            Self::PermissionDenied => "permission_denied",
            Self::Conflict => "conflict",
            Self::LengthMismatch => "length_mismatch",
            Self::OutsideMapping => "outside_mapping",
            Self::Other => "other",
        }
    }
}

impl From<&StoreError> for Reason {
    fn from(error: &StoreError) -> Self {
        match error.kind {
            ErrorKind::TimedOut => Self::Timeout,
            ErrorKind::Unavailable => Self::Unavailable,
            ErrorKind::NoSpace => Self::NoSpace,
            ErrorKind::PermissionDenied => Self::PermissionDenied,
            ErrorKind::AlreadyExists => Self::Conflict,
            _ => Self::Other,
        }
    }
}

/// A session's abandonment: set once, for good, under the first reason; or never, of a session that
/// was discarded before.
#[derive(Debug, Default)]
pub struct Abandonment(OnceLock<Option<Reason>>);

impl Abandonment {
    /// Abandons; true if nobody did before, and the session was not discarded.
    pub fn set(&self, reason: Reason) -> bool {
        self.0.set(Some(reason)).is_ok()
    }

    /// From now on it is not abandoned any more; true if it was not before.
    pub fn exclude(&self) -> bool {
        self.0.set(None).is_ok()
    }

    /// The reason, if it has happened.
    pub fn get(&self) -> Option<Reason> {
        self.0.get().copied().flatten()
    }
}

/// Why a checkpoint cannot be published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unpublishable {
    /// Its `_metadata` is not understood.
    Format,
    /// It names a path under no mapped root.
    OutsideMapping,
    /// A TaskManager has left it out, and a file of it alone is gone from the primary.
    Skipped,
    /// Files were missing until the time limit.
    Timeout,
    /// Another checkpoint is under its name.
    Conflict,
    /// More were offered than the publishing task could take.
    Overflow,
    /// Another process publishes for this job.
    NotOwner,
}

impl Unpublishable {
    /// The label's values, to start their counters with 0.
    pub const ALL: [&'static str; 7] = [
        "format",
        "outside_mapping",
        "skipped",
        "timeout",
        "conflict",
        "overflow",
        "not_owner",
    ];

    /// The label's value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Format => "format",
            Self::OutsideMapping => "outside_mapping",
            Self::Skipped => "skipped",
            Self::Timeout => "timeout",
            Self::Conflict => "conflict",
            Self::Overflow => "overflow",
            Self::NotOwner => "not_owner",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_reason_stays() {
        let abandonment = Abandonment::default();
        assert!(abandonment.set(Reason::Timeout));
        assert!(!abandonment.set(Reason::Other));
        assert_eq!(abandonment.get(), Some(Reason::Timeout));
        assert!(!abandonment.exclude());
    }

    #[test]
    fn what_was_discarded_is_not_abandoned() {
        let abandonment = Abandonment::default();
        assert!(abandonment.exclude());
        assert!(!abandonment.set(Reason::Other));
        assert_eq!(abandonment.get(), None);
    }

    #[test]
    fn label_values_are_distinct() {
        let mut names: Vec<_> = Reason::ALL.iter().map(|r| r.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Reason::ALL.len());
    }
}
