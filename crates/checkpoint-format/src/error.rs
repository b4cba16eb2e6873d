//! What can be wrong with a `_metadata`, each with the offset in bytes from the file's start.
//! It refuses to guess: whatever is not understood is named, never skipped.

use thiserror::Error;

/// Why a `_metadata` could not be read or written. The offset is where the faulty field begins.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FormatError {
    /// The file ends within a field: half-written, or cut off.
    #[error("byte {offset}: expected {expected}, found the end of the file: it is incomplete")]
    Truncated {
        /// Where the field begins that is not whole.
        offset: usize,
        /// The field.
        expected: &'static str,
    },
    /// A fixed marker has another value: not a `_metadata`, or a damaged one.
    #[error("byte {offset}: expected {expected} ({wanted:#010x}), found {found:#010x}")]
    BadMarker {
        /// Where the marker should be.
        offset: usize,
        /// What the marker begins.
        expected: &'static str,
        /// Its value.
        wanted: u32,
        /// The value found.
        found: u32,
    },
    /// A version that this release does not know.
    #[error(
        "byte {offset}: expected metadata version 2 to 6 (Flink 1.9 to 2.3), \
         found version {version}: a release that knows it is needed"
    )]
    UnsupportedVersion {
        /// Where the version is.
        offset: usize,
        /// The version found.
        version: i32,
    },
    /// A handle of a kind that this release does not know, or that cannot be here.
    #[error(
        "byte {offset}: expected {expected}, with tags up to {highest} in this version, \
         found tag {tag}"
    )]
    UnknownTag {
        /// Where the tag is.
        offset: usize,
        /// The tag found.
        tag: u8,
        /// The highest tag of this version's handles.
        highest: u8,
        /// The kinds that can be here.
        expected: &'static str,
    },
    /// A type of channel state that this release does not know, or that cannot be here.
    #[error("byte {offset}: expected {expected}, found type {found}")]
    UnknownChannel {
        /// Where the type is.
        offset: usize,
        /// The type found.
        found: u8,
        /// The types that can be here.
        expected: &'static str,
    },
    /// A number that Flink never writes there, such as a negative count.
    #[error("byte {offset}: expected {expected}, found {found}")]
    BadNumber {
        /// Where the number is.
        offset: usize,
        /// What it counts or measures.
        expected: &'static str,
        /// The number found.
        found: i64,
    },
    /// A text that is not modified UTF-8, or not Unicode.
    #[error("byte {offset}: expected {expected} in modified UTF-8, found {found}")]
    BadText {
        /// Where the first faulty byte is.
        offset: usize,
        /// The field.
        expected: &'static str,
        /// What is wrong with it.
        found: &'static str,
    },
    /// A path of no characters, which Flink cannot load.
    #[error("byte {offset}: expected a path of at least one character, found an empty one")]
    EmptyPath {
        /// Where the path's field begins.
        offset: usize,
    },
    /// Handles within handles, deeper than Flink makes them.
    #[error("byte {offset}: expected at most {limit} handles within each other, found more")]
    NestedTooDeep {
        /// Where the handle is that is one too deep.
        offset: usize,
        /// The depth allowed.
        limit: usize,
    },
    /// Bytes behind the end, in a version that has none there: a damaged file, or another layout.
    #[error("byte {offset}: expected the end of the file, found {bytes} more bytes")]
    NotAtTheEnd {
        /// Where the end should be.
        offset: usize,
        /// How many bytes follow.
        bytes: usize,
    },
    /// Two layouts that have one version number both fit the file, with different meanings.
    #[error(
        "byte {offset}: expected bytes that only one layout of version 3 fits, found some that \
         mean one thing by Flink {one} and another by Flink {other}: \
         say which version of Flink wrote the file"
    )]
    Ambiguous {
        /// Where the first field is on which the layouts differ.
        offset: usize,
        /// The versions of Flink by which the file has one meaning.
        one: &'static str,
        /// Those by which it has another.
        other: &'static str,
    },
    /// A mapped path does not fit into its field.
    #[error(
        "byte {offset}: expected a new path of at most 65535 bytes in modified UTF-8, \
         found {bytes}: map to a shorter directory"
    )]
    PathTooLong {
        /// Where the field of the path to be replaced begins.
        offset: usize,
        /// The length of the new path in modified UTF-8.
        bytes: usize,
    },
    /// The metadata given to [`rewrite`](crate::rewrite) was not parsed from the bytes given.
    #[error("byte {offset}: expected the path that was parsed there, found other bytes")]
    ForeignMetadata {
        /// Where the path should be.
        offset: usize,
    },
}

impl FormatError {
    /// The offset in bytes from the file's start.
    pub fn offset(&self) -> usize {
        match self {
            Self::Truncated { offset, .. }
            | Self::BadMarker { offset, .. }
            | Self::UnsupportedVersion { offset, .. }
            | Self::UnknownTag { offset, .. }
            | Self::UnknownChannel { offset, .. }
            | Self::NotAtTheEnd { offset, .. }
            | Self::Ambiguous { offset, .. }
            | Self::BadNumber { offset, .. }
            | Self::BadText { offset, .. }
            | Self::EmptyPath { offset }
            | Self::NestedTooDeep { offset, .. }
            | Self::PathTooLong { offset, .. }
            | Self::ForeignMetadata { offset } => *offset,
        }
    }
}
