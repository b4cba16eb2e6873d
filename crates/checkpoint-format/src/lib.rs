//! The bytes of Flink's `_metadata`: parsed to the files that it names, and written again with
//! other paths. It refuses IO, async, and to know what a path means or whether a file is there.
//!
//! # What is understood
//! Versions 2 to 6, which Flink 1.9 to 2.3 write, with all their handles. Other versions and
//! unknown tags are refused by a [`FormatError`] that names them: a file that is not understood to
//! the end may name files that were not seen. Version 3 has three layouts with one number, those
//! of Flink 1.11, 1.12 to 1.14, and 1.15: [`parse`] takes the one that the file fits to its last
//! byte, and refuses a file that fits two with different meanings; [`parse_as`] is told.
//!
//! # The file
//! Big-endian, as Java's `DataOutputStream` writes; `utf` is two bytes of length and as many of
//! modified UTF-8; `x*` is an `int` count and so many `x`; `[V5+: x]` is there from version 5 on.
//! Read in `SavepointV2Serializer` of Flink 1.9.2, `MetadataV2V3SerializerBase`,
//! `MetadataV2Serializer` to `MetadataV6Serializer` and `ChannelStateHandleSerializer*` of 1.11.6
//! to 2.3.0 (package `org.apache.flink.runtime.checkpoint.metadata`, before 1.11 `...savepoint`).
//!
//! ```text
//! file     := int 0x4960672d, int version, long checkpointId, master*, operator*, [V4+: trailer]
//! master   := int 0xc96b1696, int n, byte[n] := int version, utf name, int m, byte[m]
//! operator := [V5+: utf name, utf uid; "" is none]  long idLower, long idUpper,
//!             int parallelism, int maxParallelism,
//!             [V2: int]  [V3+: coordinator: byte 0 or stream with tag 1],
//!             int n (1.14+ negative: the operator has finished, nothing follows),
//!             n times { int index (1.14+ negative: the subtask has finished, nothing follows),
//!                       subtask }
//! subtask  := [V2: long, int 0]  2 times { int has, [has != 0: opState] },
//!             keyed managed, keyed raw, [V3+: channel* input, channel* output]
//! channel  := [V6: byte type: 1 input, 2 output, 3 merged input, 4 merged output]
//!             plain:  [1.12+: int subtask], int, int, long* offsets, long size, stream
//!             merged: int subtask, long size, stream, int n, byte[n]
//! trailer  := the CheckpointProperties by Java's own serialization, from AC ED 00 05 on
//! ```
//!
//! ```text
//! stream   := 1   utf handleName, int n, byte[n]                   inline
//!           | 2   long size, utf PATH
//!           | 3   int firstKeyGroup, long* offsets, stream           from 1.13 on
//!           | 6   utf RELATIVE PATH, long size
//!           | 15  long offset, long size, int scope, utf PATH, utf logicalFileId
//!           | 16                                                   an empty segment
//! opState  := 0
//!           | 4   (utf name, byte mode, long* offsets)*, stream
//!           | 17  (utf name, byte mode, long* offsets)*,
//!                 utf DIRECTORY taskOwned, utf DIRECTORY shared, byte isEmpty, stream (15 or 16)
//! keyed    := 0
//!           | 3 7 int firstKeyGroup, long* offsets, stream
//!           | 12  the same, utf id
//!           | 5   long checkpointId, utf backend, range, stream meta, files shared, files own
//!           | 11  long checkpointId, utf backend, range, long checkpointedSize, stream meta,
//!                 files shared, files own, utf id
//!           | 8   range, long size, keyed* base, keyed* delta, long materialization, utf id
//!                 (1.14: range, keyed* base, keyed* delta)
//!           | 14  range, long size, keyed* base, keyed* delta, long materialization,
//!                 long checkpointId, utf id
//!           | 9   range, long from, long to, (int keyGroup, int n, byte[n])*, [1.15+: utf id]
//!           | 10  range, (long offset, stream)*, long size, [1.15+: long checkpointedSize, utf id]
//!           | 13  range, (long offset, stream)*, long size, long checkpointedSize, utf id,
//!                 utf storage
//! files    := (utf localName, stream)*                             keyed* delta: 9, 10 or 13
//! range    := int firstKeyGroup, int keyGroups
//! ```
//!
//! # Names that are not references
//! The `handleName` of tag 1 looks like the absolute path of a file, but no such file was ever
//! made: the state was small enough to be written inline (`FsCheckpointStateOutputStream`). Flink
//! uses the name as an identity alone (`ByteStreamStateHandle.getStreamStateHandleID`), so it is
//! neither offered as a reference nor changed.
//!
//! # Use
//! ```
//! # fn publish(bytes: &[u8]) -> Result<Vec<u8>, checkpoint_format::FormatError> {
//! let metadata = checkpoint_format::parse(bytes)?;
//! let moved = checkpoint_format::rewrite(bytes, &metadata, |reference, new| {
//!     let Some(rest) = reference.path.strip_prefix("hdfs://primary/") else {
//!         return false;
//!     };
//!     new.push_str("hdfs://secondary/");
//!     new.push_str(rest);
//!     true
//! })?;
//! # Ok(moved)
//! # }
//! # assert!(publish(b"not metadata").is_err());
//! ```

mod error;
mod handles;
mod layout;
mod model;
mod parse;
mod reader;
mod rewrite;
mod trailer;
mod utf;

#[cfg(test)]
extern crate self as checkpoint_format;

#[cfg(test)]
mod arbitrary;
#[cfg(test)]
mod bounds;
#[cfg(test)]
mod checks;
#[cfg(test)]
mod mutations;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod sample;

pub use error::FormatError;
pub use layout::{FlinkVersion, NoFlinkVersion};
pub use model::{
    MasterState, Metadata, Operator, OperatorId, Reference, ReferenceKind, Scope, StateSizes,
    Subtasks,
};
pub use parse::{parse, parse_as};
pub use rewrite::rewrite;
