//! What is known of a `_metadata` once parsed: its operators and every reference to a file.
//! It keeps no state, no inline bytes, and borrows the texts from the input where they are ASCII.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

/// A parsed `_metadata`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata<'a> {
    /// The format's version: 4 (Flink 1.16 to 1.20), 5 (2.0) or 6 (2.1 to 2.3).
    pub version: u32,
    /// The checkpoint's number within its job; never negative.
    pub checkpoint_id: i64,
    /// The operators, in the file's order.
    pub operators: Vec<Operator<'a>>,
    /// Every reference, in the file's order; the same path occurs as often as the file names it.
    pub references: Vec<Reference<'a>>,
}

/// One operator of the job, without its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator<'a> {
    /// Its identity, which Flink derives from the uid where there is one.
    pub id: OperatorId,
    /// Its name; none before version 5. A lone surrogate in it is shown as U+FFFD.
    pub name: Option<Cow<'a, str>>,
    /// Its uid; none before version 5 or where the job sets none.
    pub uid: Option<Cow<'a, str>>,
    /// The number of subtasks, as stored.
    pub parallelism: i32,
    /// The number of key groups, as stored.
    pub max_parallelism: i32,
    /// For how many subtasks the file has an entry; none where the whole operator has finished.
    pub subtasks: Option<u32>,
    /// Which of [`Metadata::references`] are this operator's.
    pub references: Range<usize>,
}

/// The 16 bytes of Flink's `OperatorID`, shown as Flink shows them: 32 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OperatorId(pub [u8; 16]);

impl fmt::Display for OperatorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

/// A place in the file that names another file, or a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference<'a> {
    /// How the path is to be read.
    pub kind: ReferenceKind,
    /// The path, never empty, as stored: without percent encoding, with or without a scheme.
    pub path: Cow<'a, str>,
    /// The length in bytes; none where Flink stored that it is unknown (-1), and for directories.
    pub length: Option<u64>,
    /// Where the path's field is in the input, with the two bytes of its length.
    pub span: Range<usize>,
}

impl Reference<'_> {
    /// How long the named file must be at least, in bytes; none where that is unknown.
    pub fn required_length(&self) -> Option<u64> {
        match self.kind {
            ReferenceKind::Segment { offset } => {
                self.length.map(|length| offset.saturating_add(length))
            }
            _ => self.length,
        }
    }
}

/// How the path of a [`Reference`] is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReferenceKind {
    /// A whole file (`FileStateHandle`, tag 2).
    Absolute,
    /// A whole file, named from the directory of the `_metadata` (`RelativeFileStateHandle`,
    /// tag 6).
    Relative,
    /// A part of a file that several states share (`SegmentFileStateHandle`, tag 15): the
    /// reference's length is the part's.
    Segment {
        /// Where the part begins, in bytes.
        offset: u64,
    },
    /// A directory that Flink deletes when nothing uses it any more
    /// (`FileMergingOperatorStreamStateHandle`, tag 17). No state is read through it.
    Directory,
}
