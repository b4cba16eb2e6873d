//! What can go wrong with a store, by what the caller can do about it.

use std::fmt;

/// The kinds that callers tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The path, or the parent of a rename's target, is not there.
    NotFound,
    /// The target is there already and was left as it is.
    AlreadyExists,
    /// The cluster refuses this user.
    PermissionDenied,
    /// Disk or quota is full.
    NoSpace,
    /// The cluster does not answer, is in safe mode, or has no active `NameNode`.
    Unavailable,
    /// Our time limit struck, or the connection broke before the answer; the outcome is unknown.
    TimedOut,
    /// The file ends before the bytes that were asked for.
    Truncated,
    /// The address, the path or the configuration cannot be right.
    Invalid,
    /// Anything else.
    Other,
}

impl ErrorKind {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::NotFound,
        Self::AlreadyExists,
        Self::PermissionDenied,
        Self::NoSpace,
        Self::Unavailable,
        Self::TimedOut,
        Self::Truncated,
        Self::Invalid,
        Self::Other,
    ];

    /// The name in logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::AlreadyExists => "already_exists",
            Self::PermissionDenied => "permission_denied",
            Self::NoSpace => "no_space",
            Self::Unavailable => "unavailable",
            Self::TimedOut => "timed_out",
            Self::Truncated => "truncated",
            Self::Invalid => "invalid",
            Self::Other => "other",
        }
    }
}

/// One failed call: what was asked of which path, and why it failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreError {
    /// What the caller can do about it.
    pub kind: ErrorKind,
    /// The operation, e.g. `rename`.
    pub operation: &'static str,
    /// The path it was asked for.
    pub path: String,
    /// The cluster's own words.
    pub message: String,
}

impl StoreError {
    /// An error of `operation` on `path`.
    pub fn new(
        kind: ErrorKind,
        operation: &'static str,
        path: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            kind,
            operation,
            path: path.into(),
            message: message.into(),
        }
    }

    /// The simple name of the cluster's exception, if its own words begin with one.
    pub fn exception(&self) -> Option<&str> {
        let (class, _) = self.message.split_once(": ")?;
        class.ends_with("Exception").then_some(class)
    }

    /// Whether no answer came: the cluster is at fault and not the request, as far as this call
    /// tells.
    pub fn is_silence(&self) -> bool {
        matches!(self.kind, ErrorKind::Unavailable | ErrorKind::TimedOut)
    }

    /// Whether trying again later can help without anyone changing anything.
    pub fn is_transient(&self) -> bool {
        matches!(
            self.kind,
            ErrorKind::Unavailable | ErrorKind::TimedOut | ErrorKind::Other
        )
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kind,
            operation,
            path,
            message,
        } = self;
        write!(f, "{operation} {path}: {} ({message})", kind.as_str())
    }
}

impl std::error::Error for StoreError {}
