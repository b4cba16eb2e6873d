//! What HDFS says, put into our kinds. Pure.
//!
//! Refuses to retry: it only says whether the outcome of the call is known.

use std::io;

use hdfs_native::HdfsError;

use crate::ErrorKind;

/// What a call that changes the cluster can have done although it failed.
pub(crate) fn changes(operation: &str) -> bool {
    matches!(
        operation,
        "create" | "close" | "rename" | "replace" | "mkdirs" | "delete"
    )
}

/// The kind of `error` as the answer to `operation`, and the cluster's words without its stack
/// trace.
pub(crate) fn translate(operation: &str, error: &HdfsError) -> (ErrorKind, String) {
    let kind = match error {
        HdfsError::IOError(error) if changes(operation) && is_ambiguous(error) => {
            let message = format!("the connection broke before the answer came: {error}");
            return (ErrorKind::TimedOut, message);
        }
        HdfsError::IOError(error) => of_io(error),
        HdfsError::RPCError(class, message) | HdfsError::FatalRPCError(class, message) => {
            let first = message.lines().next().unwrap_or_default();
            return (
                of_exception(class, message),
                format!("{}: {first}", simple_name(class)),
            );
        }
        HdfsError::AlreadyExists(_) => ErrorKind::AlreadyExists,
        HdfsError::FileNotFound(_) => ErrorKind::NotFound,
        HdfsError::InvalidPath(_)
        | HdfsError::InvalidArgument(_)
        | HdfsError::UrlParseError(_)
        | HdfsError::IsADirectoryError(_)
        | HdfsError::UnsupportedFeature(_)
        | HdfsError::UnsupportedErasureCodingPolicy(_)
        | HdfsError::XmlParseError(_) => ErrorKind::Invalid,
        HdfsError::SASLError(_) | HdfsError::GSSAPIError(..) | HdfsError::NoSASLMechanism => {
            ErrorKind::PermissionDenied
        }
        // A DataNode went away, or the replicas of the last block were not reported in time.
        HdfsError::DataTransferError(_)
        | HdfsError::BlocksNotFound(_)
        | HdfsError::OperationFailed(_) => ErrorKind::Unavailable,
        _ => ErrorKind::Other,
    };
    (
        kind,
        error
            .to_string()
            .lines()
            .next()
            .unwrap_or_default()
            .to_owned(),
    )
}

/// Whether the request may have reached the `NameNode`. The rest is what hdfs-native 0.14.8 itself
/// takes as proof that it did not (`proxy.rs`, `is_safe_io_error`), and a name that does not
/// resolve.
fn is_ambiguous(error: &io::Error) -> bool {
    !matches!(
        error.kind(),
        io::ErrorKind::AddrNotAvailable
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::NotConnected
    ) && !error.to_string().contains("failed to lookup address")
}

fn of_io(error: &io::Error) -> ErrorKind {
    match error.kind() {
        io::ErrorKind::PermissionDenied => ErrorKind::PermissionDenied,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorKind::NoSpace,
        _ => ErrorKind::Unavailable,
    }
}

/// `org.apache.hadoop.hdfs.protocol.FSLimitException$PathComponentTooLongException` ends the same.
fn simple_name(class: &str) -> &str {
    class.rsplit(['.', '$']).next().unwrap_or(class)
}

/// Hadoop 3.4.1's exceptions, by the simple names of their classes.
fn of_exception(class: &str, message: &str) -> ErrorKind {
    match simple_name(class) {
        "FileNotFoundException" | "LeaseExpiredException" => ErrorKind::NotFound,
        "FileAlreadyExistsException"
        | "AlreadyBeingCreatedException"
        | "RecoveryInProgressException" => ErrorKind::AlreadyExists,
        "AccessControlException"
        | "AuthorizationException"
        | "InvalidToken"
        | "SaslException"
        | "GSSException" => ErrorKind::PermissionDenied,
        "DSQuotaExceededException"
        | "NSQuotaExceededException"
        | "QuotaByStorageTypeExceededException"
        | "QuotaExceededException"
        | "MaxDirectoryItemsExceededException" => ErrorKind::NoSpace,
        "SafeModeException"
        | "StandbyException"
        | "ObserverRetryOnActiveException"
        | "RetriableException"
        | "RetryCacheRetriableException"
        | "NotReplicatedYetException"
        | "NoSuchDatanodeException"
        | "RpcServerException"
        | "ConnectException" => ErrorKind::Unavailable,
        "ParentNotDirectoryException"
        | "PathIsNotDirectoryException"
        | "PathIsNotEmptyDirectoryException"
        | "InvalidPathException"
        | "PathComponentTooLongException"
        | "HadoopIllegalArgumentException" => ErrorKind::Invalid,
        "IOException" => of_plain_io_exception(message),
        _ => ErrorKind::Other,
    }
}

/// What the `NameNode` throws as a bare `java.io.IOException`: `BlockManager.chooseTarget4NewBlock`
/// and `FSDirRenameOp` of Hadoop 3.4.1.
fn of_plain_io_exception(message: &str) -> ErrorKind {
    // Nodes that it calls excluded are those that it found too full by itself: hdfs-native 0.14.8
    // names none to `addBlock`.
    if message.contains("could only be") && message.contains("There are 0 datanode(s) running") {
        ErrorKind::Unavailable
    } else if message.contains("could only be") {
        ErrorKind::NoSpace
    } else {
        let rename = [
            "ename destination",
            "ename source",
            "must both be directories",
        ];
        let is_rename = rename.iter().any(|words| message.contains(words));
        if is_rename {
            ErrorKind::Invalid
        } else {
            ErrorKind::Other
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rpc(class: &str, message: &str) -> HdfsError {
        HdfsError::RPCError(class.to_owned(), message.to_owned())
    }

    #[test]
    fn exceptions_by_class() {
        let hadoop = "org.apache.hadoop";
        for (class, kind) in [
            ("fs.FileAlreadyExistsException", ErrorKind::AlreadyExists),
            (
                "hdfs.server.namenode.SafeModeException",
                ErrorKind::Unavailable,
            ),
            ("ipc.StandbyException", ErrorKind::Unavailable),
            ("ipc.RetriableException", ErrorKind::Unavailable),
            (
                "security.AccessControlException",
                ErrorKind::PermissionDenied,
            ),
            ("hdfs.protocol.DSQuotaExceededException", ErrorKind::NoSpace),
            ("hdfs.protocol.NSQuotaExceededException", ErrorKind::NoSpace),
            ("fs.ParentNotDirectoryException", ErrorKind::Invalid),
            (
                "hdfs.protocol.FSLimitException$MaxDirectoryItemsExceededException",
                ErrorKind::NoSpace,
            ),
            (
                "security.token.SecretManager$InvalidToken",
                ErrorKind::PermissionDenied,
            ),
            ("hdfs.NeverSeenException", ErrorKind::Other),
        ] {
            let error = rpc(&format!("{hadoop}.{class}"), "why\n\tat a.b.C");
            let (found, message) = translate("stat", &error);
            assert_eq!(found, kind, "{class}");
            assert!(
                message.ends_with("Exception: why") || message == "InvalidToken: why",
                "{message}"
            );
        }
        assert_eq!(
            translate("stat", &rpc("java.io.FileNotFoundException", "x")).0,
            ErrorKind::NotFound
        );
    }

    #[test]
    fn full_disks_and_absent_datanodes_are_told_apart() {
        let kind = |running, excluded| {
            let message = format!(
                "File /a could only be written to 0 of the 1 minReplication nodes. There are \
                 {running} datanode(s) running and {excluded} node(s) are excluded in this \
                 operation."
            );
            translate("write", &rpc("java.io.IOException", &message)).0
        };
        assert_eq!(kind(1, "no"), ErrorKind::NoSpace);
        assert_eq!(kind(2, "2"), ErrorKind::NoSpace);
        assert_eq!(kind(0, "no"), ErrorKind::Unavailable);
    }

    #[test]
    fn a_lost_connection_leaves_the_outcome_of_changes_open() {
        let lost = || HdfsError::IOError(io::ErrorKind::ConnectionAborted.into());
        let refused = || HdfsError::IOError(io::ErrorKind::ConnectionRefused.into());
        assert_eq!(translate("rename", &lost()).0, ErrorKind::TimedOut);
        assert_eq!(translate("stat", &lost()).0, ErrorKind::Unavailable);
        assert_eq!(translate("rename", &refused()).0, ErrorKind::Unavailable);
    }
}
