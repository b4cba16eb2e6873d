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
//! # The format
//! `docs/metadata-format.md` describes it: each version field by field, the handles, where paths
//! are and lead, and what readers get wrong. `tests/format_page.rs` holds that page and this crate
//! together: it writes files by the page's tables, and this crate must read them.
//!
//! A file is a header, master states, and operators; an operator is a coordinator's state and
//! subtasks; a subtask is operator states, keyed states and channel states. These are handles: a
//! tag and what belongs to it. From version 4 on an object in Java's serialization follows.
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
mod arbitrary;
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
