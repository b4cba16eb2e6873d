//! The bytes of Flink's `_metadata`: parsed to the files that it names, and written again with
//! other paths. It refuses IO, async, and to know what a path means or whether a file is there.
//!
//! # What is understood
//! Versions 4, 5 and 6, which Flink 1.16 to 2.3 write, with all handles of these versions. Other
//! versions and unknown tags are refused by a [`FormatError`] that names them: a file that is not
//! understood to the end may name files that were not seen.
//!
//! # The file
//! Big-endian, as Java's `DataOutputStream` writes; `utf` is two bytes of length and as many of
//! modified UTF-8; `x*` is an `int` count and so many `x`. Read in `MetadataV2V3SerializerBase`,
//! `MetadataV3Serializer` to `MetadataV6Serializer`, `ChannelStateHandleSerializerV1` and `V2` of
//! Flink 1.16.3 to 2.3.0 (package `org.apache.flink.runtime.checkpoint.metadata`).
//!
//! ```text
//! file     := int 0x4960672d, int version, long checkpointId, master*, operator*, trailer
//! master   := int 0xc96b1696, int n, byte[n]
//! operator := [V5, V6: utf name, utf uid; "" is none]  long idLower, long idUpper,
//!             int parallelism, int maxParallelism, stream coordinator (tag 0 or 1 only),
//!             int n (negative: the operator has finished, nothing follows),
//!             n times { int index (negative: the subtask has finished, nothing follows), subtask }
//! subtask  := 2 times { int has, [has != 0: opState] }, keyed managed, keyed raw,
//!             channel* input, channel* output
//! channel  := [V6: byte type: 1 input, 2 output, 3 merged input, 4 merged output]
//!             plain:  int subtask, int, int, long* offsets, long size, stream
//!             merged: int subtask, long size, stream, int n, byte[n]
//! trailer  := the CheckpointProperties by Java's own serialization, from AC ED 00 05 on
//! ```
//!
//! ```text
//! stream   := 0                                                    no state
//!           | 1   utf handleName, int n, byte[n]                   inline
//!           | 2   long size, utf PATH
//!           | 3   int firstKeyGroup, long* offsets, stream
//!           | 6   utf RELATIVE PATH, long size
//!           | 15  long offset, long size, int scope, utf PATH, utf logicalFileId
//!           | 16                                                   an empty segment
//! opState  := 0
//!           | 4   (utf name, byte mode, long* offsets)*, stream
//!           | 17  (utf name, byte mode, long* offsets)*,
//!                 utf DIRECTORY taskOwned, utf DIRECTORY shared, byte isEmpty, stream
//! keyed    := 0
//!           | 3 7 int firstKeyGroup, long* offsets, stream
//!           | 12  the same, utf id
//!           | 5   long checkpointId, utf backend, range, stream meta, files shared, files own
//!           | 11  long checkpointId, utf backend, range, long checkpointedSize, stream meta,
//!                 files shared, files own, utf id
//!           | 8   range, long size, keyed* base, keyed* delta, long materialization, utf id
//!           | 14  range, long size, keyed* base, keyed* delta, long materialization,
//!                 long checkpointId, utf id
//!           | 9   range, long from, long to, (int keyGroup, int n, byte[n])*, utf id
//!           | 10  range, (long offset, stream)*, long size, long checkpointedSize, utf id
//!           | 13  the same, utf storage
//! files    := (utf localName, stream)*
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
//! let moved = checkpoint_format::rewrite(bytes, &metadata, |reference| {
//!     let rest = reference.path.strip_prefix("hdfs://primary/")?;
//!     Some(format!("hdfs://secondary/{rest}"))
//! })?;
//! # Ok(moved)
//! # }
//! # assert!(publish(b"not metadata").is_err());
//! ```

mod error;
mod handles;
mod model;
mod parse;
mod reader;
mod rewrite;
mod trailer;
mod utf;

#[cfg(test)]
mod arbitrary;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod sample;

pub use error::FormatError;
pub use model::{Metadata, Operator, OperatorId, Reference, ReferenceKind};
pub use parse::parse;
pub use rewrite::rewrite;
