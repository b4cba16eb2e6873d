//! The state handles: each tag with the fields behind it, by `MetadataV2V3SerializerBase` of
//! Flink 1.20.5 and 2.3.0. It refuses every tag that it does not know the fields of, and collects
//! references in the order in which the file has them.

use crate::FormatError;
use crate::model::{Reference, ReferenceKind};
use crate::parse::Parser;
use crate::utf::{self, Lone};

const NULL: u8 = 0;
const BYTE_STREAM: u8 = 1;
const FILE_STREAM: u8 = 2;
const KEY_GROUPS: u8 = 3;
const PARTITIONABLE: u8 = 4;
const INCREMENTAL: u8 = 5;
const RELATIVE_STREAM: u8 = 6;
const SAVEPOINT_KEY_GROUPS: u8 = 7;
const CHANGELOG: u8 = 8;
const CHANGELOG_BYTES: u8 = 9;
const CHANGELOG_FILES: u8 = 10;
const INCREMENTAL_V2: u8 = 11;
const KEY_GROUPS_V2: u8 = 12;
const CHANGELOG_FILES_V2: u8 = 13;
const CHANGELOG_V2: u8 = 14;
const SEGMENT: u8 = 15;
const EMPTY_SEGMENT: u8 = 16;
const SEGMENT_PARTITIONABLE: u8 = 17;

/// How many changelog handles may lie within each other. Flink makes one.
const MAX_NESTING: usize = 16;

/// One side of the channel states.
pub(crate) struct Channels {
    plain: u8,
    merged: u8,
    expected: &'static str,
}

/// `ChannelStateHandleSerializerV2`: the types of what a task has read but not processed.
pub(crate) const INPUT: Channels = Channels {
    plain: 1,
    merged: 3,
    expected: "an input channel state (type 1 or 3)",
};
/// The same of what it has written but not sent.
pub(crate) const OUTPUT: Channels = Channels {
    plain: 2,
    merged: 4,
    expected: "an output channel state (type 2 or 4)",
};

impl Parser<'_> {
    /// The coordinator's state, for which Flink loads nothing but inline bytes.
    pub(crate) fn coordinator_state(&mut self) -> Result<(), FormatError> {
        let expected = "a coordinator's state (tag 0 or 1)";
        let offset = self.reader.offset();
        match self.reader.u8(expected)? {
            NULL => Ok(()),
            BYTE_STREAM => self.inline_bytes(),
            tag => Err(FormatError::UnknownTag {
                offset,
                tag,
                expected,
            }),
        }
    }

    pub(crate) fn stream(&mut self) -> Result<(), FormatError> {
        let expected = "a stream state handle (tag 0, 1, 2, 3, 6, 15 or 16)";
        loop {
            let offset = self.reader.offset();
            match self.reader.u8(expected)? {
                NULL | EMPTY_SEGMENT => return Ok(()),
                BYTE_STREAM => return self.inline_bytes(),
                FILE_STREAM => {
                    let length = self.reader.length()?;
                    return self.reference(ReferenceKind::Absolute, length, "a file's path");
                }
                RELATIVE_STREAM => return self.relative_stream(),
                SEGMENT => return self.segment(),
                KEY_GROUPS => self.key_group_offsets()?, // and the stream that they point into
                tag => {
                    return Err(FormatError::UnknownTag {
                        offset,
                        tag,
                        expected,
                    });
                }
            }
        }
    }

    pub(crate) fn operator_state(&mut self) -> Result<(), FormatError> {
        let expected = "an operator state handle (tag 0, 4 or 17)";
        let offset = self.reader.offset();
        let tag = self.reader.u8(expected)?;
        match tag {
            NULL => return Ok(()),
            PARTITIONABLE | SEGMENT_PARTITIONABLE => {}
            _ => {
                return Err(FormatError::UnknownTag {
                    offset,
                    tag,
                    expected,
                });
            }
        }
        for _ in 0..self.reader.count("the number of an operator's states")? {
            self.reader.skip_utf("a state's name")?;
            self.reader.u8("a state's distribution mode")?;
            self.reader
                .skip_longs("the offsets of a state's partitions")?;
        }
        if tag == SEGMENT_PARTITIONABLE {
            self.reference(ReferenceKind::Directory, None, "the task-owned directory")?;
            self.reference(ReferenceKind::Directory, None, "the shared directory")?;
            self.reader.u8("whether the operator state is empty")?;
        }
        self.stream()
    }

    /// `depth`: how many handles this one lies within.
    pub(crate) fn keyed_state(&mut self, depth: usize) -> Result<(), FormatError> {
        let expected = "a keyed state handle (tag 0, 3, 5 or 7 to 14)";
        let offset = self.reader.offset();
        if depth > MAX_NESTING {
            return Err(FormatError::NestedTooDeep {
                offset,
                limit: MAX_NESTING,
            });
        }
        let tag = self.reader.u8(expected)?;
        match tag {
            NULL => return Ok(()),
            KEY_GROUPS | SAVEPOINT_KEY_GROUPS | KEY_GROUPS_V2 => {
                self.key_group_offsets()?;
                self.stream()?;
            }
            INCREMENTAL | INCREMENTAL_V2 => self.incremental(tag == INCREMENTAL_V2)?,
            CHANGELOG | CHANGELOG_V2 => self.changelog(tag == CHANGELOG_V2, depth)?,
            CHANGELOG_BYTES => self.changelog_bytes()?,
            CHANGELOG_FILES | CHANGELOG_FILES_V2 => self.changelog_files()?,
            _ => {
                return Err(FormatError::UnknownTag {
                    offset,
                    tag,
                    expected,
                });
            }
        }
        if !matches!(tag, KEY_GROUPS | SAVEPOINT_KEY_GROUPS | INCREMENTAL) {
            self.reader.skip_utf("the id of a keyed state handle")?;
        }
        if tag == CHANGELOG_FILES_V2 {
            self.reader.skip_utf("the name of a changelog storage")?;
        }
        Ok(())
    }

    pub(crate) fn channel_states(&mut self, side: &Channels) -> Result<(), FormatError> {
        for _ in 0..self.reader.count("the number of channel states")? {
            let offset = self.reader.offset();
            let tag = if self.layout.typed_channels {
                self.reader.u8(side.expected)?
            } else {
                side.plain
            };
            self.reader.i32("the subtask of a channel state")?;
            if tag == side.plain {
                self.reader.skip(8, "the two indices of a channel")?;
                self.reader.skip_longs("the offsets of a channel state")?;
                self.reader.i64("the size of a channel state")?;
                self.stream()?;
            } else if tag == side.merged {
                self.reader.i64("the size of a channel state")?;
                self.stream()?;
                self.reader
                    .skip_bytes("the offsets of merged channel states")?;
            } else {
                return Err(FormatError::UnknownTag {
                    offset,
                    tag,
                    expected: side.expected,
                });
            }
        }
        Ok(())
    }

    fn incremental(&mut self, has_size: bool) -> Result<(), FormatError> {
        self.reader.i64("the checkpoint of an increment")?;
        self.reader.skip_utf("the identity of a state backend")?;
        self.key_group_range()?;
        if has_size {
            self.reader.i64("the size of an increment")?;
        }
        self.stream()?;
        for expected in ["the number of shared files", "the number of private files"] {
            for _ in 0..self.reader.count(expected)? {
                self.reader.skip_utf("the local name of a file")?;
                self.stream()?;
            }
        }
        Ok(())
    }

    fn changelog(&mut self, has_checkpoint: bool, depth: usize) -> Result<(), FormatError> {
        self.key_group_range()?;
        self.reader.i64("the size of a changelog")?;
        for expected in ["the number of materialized states", "the number of changes"] {
            for _ in 0..self.reader.count(expected)? {
                self.keyed_state(depth + 1)?;
            }
        }
        self.reader.i64("the number of a materialization")?;
        if has_checkpoint {
            self.reader.i64("the checkpoint of a changelog")?;
        }
        Ok(())
    }

    fn changelog_bytes(&mut self) -> Result<(), FormatError> {
        self.key_group_range()?;
        self.reader
            .skip(16, "the first and last number of changes")?;
        for _ in 0..self.reader.count("the number of changes")? {
            self.reader.i32("the key group of a change")?;
            self.reader.skip_bytes("the bytes of a change")?;
        }
        Ok(())
    }

    fn changelog_files(&mut self) -> Result<(), FormatError> {
        self.key_group_range()?;
        for _ in 0..self.reader.count("the number of changelog files")? {
            self.reader.i64("where changes begin in a file")?;
            self.stream()?;
        }
        self.reader.skip(16, "the two sizes of a changelog")
    }

    fn key_group_range(&mut self) -> Result<(), FormatError> {
        self.reader.skip(8, "a range of key groups")
    }

    fn key_group_offsets(&mut self) -> Result<(), FormatError> {
        self.reader.i32("the first of some key groups")?;
        self.reader.skip_longs("the offsets of key groups")
    }

    /// The name is no reference: see the crate's documentation.
    fn inline_bytes(&mut self) -> Result<(), FormatError> {
        self.reader.skip_utf("the name of inline state")?;
        self.reader.skip_bytes("the bytes of inline state")
    }

    fn relative_stream(&mut self) -> Result<(), FormatError> {
        self.reference(ReferenceKind::Relative, None, "a file's relative path")?;
        let length = self.reader.length()?;
        if let Some(reference) = self.references.last_mut() {
            reference.length = length;
        }
        Ok(())
    }

    fn segment(&mut self) -> Result<(), FormatError> {
        let offset = self.reader.size("where a segment begins in its file")?;
        let length = self.reader.length()?;
        self.reader.i32("the scope of a segment")?;
        self.reference(
            ReferenceKind::Segment { offset },
            length,
            "a segment's path",
        )?;
        self.reader.skip_utf("the id of a segment")
    }

    fn reference(
        &mut self,
        kind: ReferenceKind,
        length: Option<u64>,
        expected: &'static str,
    ) -> Result<(), FormatError> {
        let (raw, span) = self.reader.utf(expected)?;
        if raw.is_empty() {
            return Err(FormatError::EmptyPath { offset: span.start });
        }
        let path = utf::decode(raw, span.start + 2, expected, Lone::Refuse)?;
        self.references.push(Reference {
            kind,
            path,
            length,
            span,
        });
        Ok(())
    }
}
