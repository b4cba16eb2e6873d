//! What can be wrong with a checkpoint, each with what to do about it. Refuses to know how it was
//! found out.

use std::fmt;

use checkpoint_format::FormatError;
use checkpoint_layout::{Location, LocationError};
use store::{ErrorKind, StoreError};

use crate::{Digest, Expected, Presence};

/// One reason why a checkpoint is not usable. Its text says what is wrong and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// A file that the checkpoint needs is not there.
    Missing {
        /// Where it must be.
        path: Location,
    },
    /// A file that the checkpoint needs has another length.
    WrongLength {
        /// The file.
        path: Location,
        /// The length needed in bytes.
        expected: u64,
        /// Whether more bytes would do.
        at_least: bool,
        /// The length found in bytes.
        found: u64,
    },
    /// The checkpoint names a file on another cluster than the one it lies on.
    OutsideCluster {
        /// The file.
        path: Location,
        /// The root of the cluster on which the checkpoint lies.
        cluster: Location,
    },
    /// The checkpoint names a path that can be no file on any cluster.
    BadPath {
        /// The path as stored.
        stored: String,
        /// What is wrong with it.
        why: LocationError,
    },
    /// The cluster answers, but refuses to tell of a file or to give it.
    Unreadable {
        /// The file.
        path: Location,
        /// The cluster's answer.
        error: StoreError,
    },
    /// The `_metadata` is there, but is no whole metadata that is understood.
    BadMetadata {
        /// The `_metadata`.
        path: Location,
        /// What is wrong with it.
        error: FormatError,
    },
    /// The `_metadata` is another checkpoint's than its directory says.
    ForeignMetadata {
        /// The `_metadata`.
        path: Location,
        /// The number that the directory has.
        named: u64,
        /// The number that the `_metadata` has.
        found: i64,
    },
    /// A file differs from the other cluster's copy of it.
    DifferentContent {
        /// The file.
        path: Location,
        /// The copy.
        other: Location,
        /// The first byte that differs; of a `_metadata`, in the secondary's.
        offset: u64,
    },
    /// A file is not what was written: its digest is another than the recorded one.
    DifferentDigest {
        /// The file.
        path: Location,
        /// What was recorded when it was written.
        recorded: Digest,
        /// Of what is there.
        found: Digest,
    },
    /// The `_metadata` is larger than is ever read.
    HugeMetadata {
        /// The `_metadata`.
        path: Location,
        /// Its length in bytes.
        bytes: u64,
    },
    /// There is no `_metadata`: no checkpoint, or one that was never completed or is retired.
    NoMetadata {
        /// The directory looked at.
        dir: Location,
        /// Whether the directory is there.
        is_there: bool,
        /// The newest checkpoint below it, if it is a job's directory.
        newest_below: Option<Location>,
    },
}

impl Finding {
    /// The kind's name in JSON; never changes.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "missing",
            Self::WrongLength { .. } => "wrong_length",
            Self::OutsideCluster { .. } => "outside_cluster",
            Self::BadPath { .. } => "bad_path",
            Self::Unreadable { .. } => "unreadable",
            Self::BadMetadata { .. } => "bad_metadata",
            Self::ForeignMetadata { .. } => "foreign_metadata",
            Self::DifferentContent { .. } => "different_content",
            Self::DifferentDigest { .. } => "different_digest",
            Self::HugeMetadata { .. } => "huge_metadata",
            Self::NoMetadata { .. } => "no_metadata",
        }
    }

    /// What it is about: a location, or the path as stored where it is none.
    pub fn path(&self) -> String {
        match self {
            Self::Missing { path }
            | Self::WrongLength { path, .. }
            | Self::OutsideCluster { path, .. }
            | Self::Unreadable { path, .. }
            | Self::BadMetadata { path, .. }
            | Self::ForeignMetadata { path, .. }
            | Self::DifferentContent { path, .. }
            | Self::DifferentDigest { path, .. }
            | Self::HugeMetadata { path, .. } => path.to_string(),
            Self::NoMetadata { dir, .. } => dir.to_string(),
            Self::BadPath { stored, .. } => stored.clone(),
        }
    }

    /// What the digest of what was read means; none if it is the recorded one.
    pub(crate) fn of_digest(path: &Location, recorded: Digest, found: Digest) -> Option<Self> {
        (recorded != found).then(|| Self::DifferentDigest {
            path: path.clone(),
            recorded,
            found,
        })
    }

    /// What the answer for an expected file means; none if the file is as it must be.
    pub(crate) fn of(expected: &Expected, answer: store::Result<Presence>) -> Option<Self> {
        let path = expected.location.clone();
        match answer {
            Ok(Presence::Present) => None,
            Ok(Presence::Missing) => Some(Self::Missing { path }),
            Ok(Presence::WrongLength { found }) => Some(Self::WrongLength {
                path,
                expected: expected.length.unwrap_or_default(),
                at_least: !expected.exact,
                found,
            }),
            Err(error) => Some(Self::Unreadable { path, error }),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { path } => write!(
                f,
                "{path} is missing: copy it there from the other cluster while that still has it, \
                 or restore another checkpoint"
            ),
            Self::WrongLength {
                path,
                expected,
                at_least,
                found,
            } => {
                let least = if *at_least { "at least " } else { "" };
                write!(
                    f,
                    "{path} has {found} bytes and must have {least}{expected}: replace it by the \
                     other cluster's copy, or restore another checkpoint"
                )
            }
            Self::OutsideCluster { path, cluster } => write!(
                f,
                "{path} is not on {cluster}, where the checkpoint lies: if that is another name of \
                 the same cluster, verify the checkpoint by that name; otherwise its files were \
                 not copied with it, and it needs the other cluster to be restored"
            ),
            Self::BadPath { why, .. } => write!(
                f,
                "a file is named that no cluster can have: {why}; restore another checkpoint"
            ),
            Self::Unreadable { path, error } => {
                let next = match error.kind {
                    ErrorKind::PermissionDenied => "look again as the user that runs Flink",
                    _ => {
                        "see in the cluster's own reports whether its nodes are up and its blocks \
                         whole, or restore another checkpoint"
                    }
                };
                write!(f, "{path} cannot be read: {error}; {next}")
            }
            Self::BadMetadata { path, error } => write!(
                f,
                "{path} is not understood: {error}; restore another checkpoint"
            ),
            Self::ForeignMetadata { path, named, found } => write!(
                f,
                "{path} is checkpoint {found}'s, and its directory {named}'s: it was put there by \
                 something else than Flink; restore another checkpoint"
            ),
            Self::DifferentContent {
                path,
                other,
                offset,
            } => write!(
                f,
                "{path} differs from {other} from byte {offset} on, and one of them is damaged: \
                 restore another checkpoint, or find out which one is, and replace it by the other"
            ),
            Self::DifferentDigest {
                path,
                recorded,
                found,
            } => write!(
                f,
                "{path} is not what was written there: its digest is {:016x} of {} bytes, and \
                 {:016x} of {} was recorded; replace it by the other cluster's copy, or restore \
                 another checkpoint",
                found.hash, found.length, recorded.hash, recorded.length
            ),
            Self::HugeMetadata { path, bytes } => write!(
                f,
                "{path} has {bytes} bytes, more than the {} that are read of a _metadata: it is \
                 not what Flink writes; restore another checkpoint",
                crate::MAX_METADATA_BYTES
            ),
            Self::NoMetadata {
                dir,
                is_there: false,
                ..
            } => write!(
                f,
                "{dir} is not there: list the root directory to see which checkpoints are"
            ),
            Self::NoMetadata {
                dir,
                newest_below: Some(newest),
                ..
            } => write!(
                f,
                "{dir} is no checkpoint, it holds some: give one of them, the newest is {newest}"
            ),
            Self::NoMetadata { dir, .. } => write!(
                f,
                "{dir} has no _metadata: it was never completed here, or is retired; list the root \
                 directory to see which checkpoints are there"
            ),
        }
    }
}
