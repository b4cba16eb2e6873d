//! What people and machines are told when a cluster gives no answer: what failed, on what, what to
//! do next. One paragraph.

use audit::{ErrorKind, StoreError};
use serde::Serialize;

use crate::Exit;

/// A failed call as it appears in JSON.
#[derive(Debug, Serialize)]
pub(crate) struct Failure {
    kind: &'static str,
    operation: &'static str,
    path: String,
    message: String,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = self.kind.replace('_', " ");
        let Self {
            operation,
            path,
            message,
            ..
        } = self;
        write!(f, "{operation} of {path} failed: {kind} ({message})")
    }
}

impl From<&StoreError> for Failure {
    fn from(error: &StoreError) -> Self {
        Self {
            kind: error.kind.as_str(),
            operation: error.operation,
            path: error.path.clone(),
            message: error.message.clone(),
        }
    }
}

/// `task` is what could not be done, as in "Cannot {task}".
pub(crate) fn explain(task: &str, error: &StoreError) -> String {
    let next = match error.kind {
        ErrorKind::Unavailable | ErrorKind::TimedOut => {
            "Is the cluster up, out of safe mode, and reachable from here? If it is only slow, \
             give it more time with --timeout."
        }
        ErrorKind::PermissionDenied => {
            "Run it as a user that may do so there: --user on a cluster without Kerberos, kinit on \
             one with it."
        }
        ErrorKind::Invalid => {
            "Correct the address, or point --hadoop-conf-dir at the cluster's configuration."
        }
        ErrorKind::NotFound | ErrorKind::Truncated => {
            "It changed while it was looked at: run the command again."
        }
        ErrorKind::AlreadyExists | ErrorKind::NoSpace | ErrorKind::Other => {
            "The cluster's own logs say more; DUALWRITE_LOG=debug shows what was asked of it."
        }
    };
    let StoreError {
        operation,
        path,
        message,
        ..
    } = error;
    let kind = error.kind.as_str().replace('_', " ");
    format!("Cannot {task}: {operation} of {path} failed: {kind} ({message}). {next}")
}

/// What an address that cannot be opened, or a cluster that does not answer, ends in.
pub(crate) fn exit_of(error: &StoreError) -> Exit {
    match error.kind {
        ErrorKind::Invalid => Exit::Usage,
        _ => Exit::CannotTell,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_failed_on_what_and_what_next() {
        let error = StoreError::new(ErrorKind::TimedOut, "stat", "/a", "no answer within 10s");
        assert_eq!(
            explain("verify hdfs://nn/a", &error),
            "Cannot verify hdfs://nn/a: stat of /a failed: timed out (no answer within 10s). Is \
             the cluster up, out of safe mode, and reachable from here? If it is only slow, give \
             it more time with --timeout."
        );
        assert_eq!(exit_of(&error), Exit::CannotTell);
    }
}
