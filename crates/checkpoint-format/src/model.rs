//! What is known of a `_metadata` once parsed: its operators and every reference to a file.
//! It keeps no state, no inline bytes, and borrows the texts from the input where they are ASCII.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use crate::layout;

/// A parsed `_metadata`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata<'a> {
    /// The format's version, from 2 to 6; [`Metadata::flinks`] says who writes it.
    pub version: u32,
    /// The checkpoint's number within its job; never negative.
    pub checkpoint_id: i64,
    /// What hooks of the `JobManager` stored, in the file's order.
    pub master_states: Vec<MasterState<'a>>,
    /// The operators, in the file's order.
    pub operators: Vec<Operator<'a>>,
    /// Every reference, in the file's order; the same path occurs as often as the file names it.
    pub references: Vec<Reference<'a>>,
}

impl Metadata<'_> {
    /// The versions of Flink that write this version of the format, e.g. `1.16 to 1.20`.
    pub fn flinks(&self) -> &'static str {
        layout::flinks(self.version)
    }

    /// The sizes of all operators' states together.
    pub fn state(&self) -> StateSizes {
        let sizes = self.operators.iter().map(|operator| operator.state);
        sizes.fold(StateSizes::default(), StateSizes::plus)
    }
}

/// The state of a hook of the `JobManager` (`MasterTriggerRestoreHook`), without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MasterState<'a> {
    /// The hook's identifier.
    pub name: Cow<'a, str>,
    /// The version of the hook's own serializer.
    pub version: i32,
    /// How many bytes it stored.
    pub length: u64,
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
    /// The number of subtasks.
    pub parallelism: u32,
    /// The number of key groups, which is never below that of subtasks.
    pub max_parallelism: u32,
    /// The entries of its subtasks; none where the whole operator has finished.
    pub subtasks: Option<Subtasks>,
    /// How large its state is.
    pub state: StateSizes,
    /// Which of [`Metadata::references`] are this operator's.
    pub references: Range<usize>,
}

/// How many subtasks of an operator the file has an entry for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Subtasks {
    /// All of them.
    pub stored: u32,
    /// Those that have finished and left no state.
    pub finished: u32,
}

/// Sizes of state in bytes, each byte under one kind only: what Flink calls the state size
/// (`StateObject.getStateSize`) is the [`total`](Self::total). States of unknown length count as
/// nothing; a sum beyond 64 bits stays at the highest number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StateSizes {
    /// Within the `_metadata` itself: states below Flink's inline threshold, coordinators' states.
    pub inline: u64,
    /// In files of [`Scope::Exclusive`].
    pub exclusive: u64,
    /// In files of [`Scope::Shared`].
    pub shared: u64,
    /// Changes since the last materialization of a changelog, in files or inline.
    pub changelog: u64,
    /// Data in flight of an unaligned checkpoint, in files or inline.
    pub channel: u64,
}

impl StateSizes {
    /// All of it.
    pub fn total(&self) -> u64 {
        let sizes = [self.exclusive, self.shared, self.changelog, self.channel];
        sizes.into_iter().fold(self.inline, u64::saturating_add)
    }

    fn plus(self, other: Self) -> Self {
        Self {
            inline: self.inline.saturating_add(other.inline),
            exclusive: self.exclusive.saturating_add(other.exclusive),
            shared: self.shared.saturating_add(other.shared),
            changelog: self.changelog.saturating_add(other.changelog),
            channel: self.channel.saturating_add(other.channel),
        }
    }
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
    /// Who may name the same file.
    pub scope: Scope,
    /// The path, never empty, as stored: without percent encoding, with or without a scheme.
    pub path: Cow<'a, str>,
    /// The length in bytes as stored; none where Flink stored that it is unknown (-1), and for
    /// directories.
    pub length: Option<u64>,
    /// Whether the file, or the segment, is so long. The files of a changelog are not: Flink stores
    /// how much it wrote, without the flag at the file's start and before compression
    /// (`OutputStreamWithPos` and `StateChangeFsUploader` of flink-dstl-dfs 1.15 to 2.3).
    pub exact: bool,
    /// Where the path's field is in the input, with the two bytes of its length.
    pub span: Range<usize>,
}

impl Reference<'_> {
    /// How long the named file must be at least, in bytes; none where that is unknown.
    pub fn required_length(&self) -> Option<u64> {
        let length = self.length.filter(|_| self.exact)?;
        Some(match self.kind {
            ReferenceKind::Segment { offset } => offset.saturating_add(length),
            _ => length,
        })
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

/// Who may name a file, after Flink's `CheckpointedStateScope`. It is stored of segments alone. A
/// relative path is exclusive; an absolute one is where its directory is that of this checkpoint
/// (`chk-<id>`) or of a savepoint (`savepoint-...`), and is taken for shared everywhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// This checkpoint alone: the file goes when the checkpoint goes.
    Exclusive,
    /// Other checkpoints too, before and after.
    Shared,
}
