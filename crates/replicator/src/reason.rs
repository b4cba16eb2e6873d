//! Why a session was abandoned or a checkpoint is unpublishable: the closed sets of label values.
//! And what has become of a session, which it is counted under.

use std::sync::{Mutex, MutexGuard, PoisonError};

use store::{ErrorKind, StoreError};
use telemetry::Metrics;

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
    /// All of them.
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

/// What becomes of a session. Counted in the same instant, so that the numbers never say more ends
/// than beginnings.
#[derive(Debug, Default)]
pub(crate) struct Fate(Mutex<State>);

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Open,
    /// The primary's file is complete and the tee has all its bytes.
    Sealed,
    /// There is no such file on the primary.
    Discarded,
    /// Given up, once and for good, under the first reason.
    Abandoned(Reason),
}

impl Fate {
    /// The primary's file is complete, unless the tee gave up before that.
    pub(crate) fn seal(&self, metrics: &Metrics) {
        let mut state = self.state();
        if *state == State::Open {
            *state = State::Sealed;
            metrics.sessions_sealed.inc();
        }
    }

    /// From now on it is not abandoned any more, if it was not before.
    pub(crate) fn discard(&self, metrics: &Metrics) {
        let mut state = self.state();
        if *state == State::Open {
            *state = State::Discarded;
            metrics.sessions_discarded.inc();
        }
    }

    /// True if nobody did so before, and it was not discarded.
    pub(crate) fn abandon(&self, reason: Reason, metrics: &Metrics) -> bool {
        let mut state = self.state();
        let alive = matches!(*state, State::Open | State::Sealed);
        if alive {
            metrics.abandoned(reason.as_str(), *state == State::Sealed);
            *state = State::Abandoned(reason);
        }
        alive
    }

    /// Why it was abandoned, if it was.
    pub(crate) fn reason(&self) -> Option<Reason> {
        match *self.state() {
            State::Abandoned(reason) => Some(reason),
            _ => None,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
    /// The publishing task panicked.
    Panic,
}

impl Unpublishable {
    /// The label's values.
    pub const ALL: [&'static str; 8] = [
        "format",
        "outside_mapping",
        "skipped",
        "timeout",
        "conflict",
        "overflow",
        "not_owner",
        "panic",
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
            Self::Panic => "panic",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(metrics: &Metrics) -> [u64; 3] {
        let abandoned = metrics.sessions_abandoned.with_label_values(&["timeout"]);
        let [sealed, failed] = [&metrics.sessions_sealed, &metrics.uploads_failed];
        [sealed.get(), failed.get(), abandoned.get()]
    }

    #[test]
    fn the_first_reason_stays() {
        let (fate, metrics) = (Fate::default(), Metrics::new().unwrap());
        assert!(fate.abandon(Reason::Timeout, &metrics));
        assert!(!fate.abandon(Reason::Other, &metrics));
        assert_eq!(fate.reason(), Some(Reason::Timeout));
        fate.seal(&metrics);
        fate.discard(&metrics);
        assert_eq!(counted(&metrics), [0, 0, 1]);
        assert_eq!(metrics.sessions_discarded.get(), 0);
    }

    #[test]
    fn what_was_discarded_is_not_abandoned() {
        let (fate, metrics) = (Fate::default(), Metrics::new().unwrap());
        fate.discard(&metrics);
        assert!(!fate.abandon(Reason::Other, &metrics));
        assert_eq!((fate.reason(), metrics.sessions_discarded.get()), (None, 1));
    }

    #[test]
    fn what_was_sealed_can_fail() {
        let (fate, metrics) = (Fate::default(), Metrics::new().unwrap());
        fate.seal(&metrics);
        fate.seal(&metrics);
        assert!(fate.abandon(Reason::Timeout, &metrics));
        assert_eq!(counted(&metrics), [1, 1, 1]);
    }

    #[test]
    fn label_values_are_those_of_the_table() {
        let values = |label: telemetry::Label| label.values.iter().map(|(value, _)| *value);
        let reasons = Reason::ALL.map(Reason::as_str);
        assert!(values(telemetry::ABANDONED).eq(reasons));
        assert!(values(telemetry::UNPUBLISHABLE).eq(Unpublishable::ALL));
        let kinds = ErrorKind::ALL.map(ErrorKind::as_str);
        assert!(values(telemetry::ERROR_KIND).eq(kinds));
    }
}
