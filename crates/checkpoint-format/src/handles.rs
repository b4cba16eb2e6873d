//! The state handles: each tag with the fields behind it, by `SavepointV2Serializer` of Flink 1.9
//! and `MetadataV2V3SerializerBase` of Flink 1.11 to 2.3. It refuses every tag that it does not
//! know the fields of, and collects references in the order in which the file has them.

mod changelog;

use crate::FormatError;
use crate::layout::Channels;
use crate::model::{Reference, ReferenceKind, Scope};
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
pub(crate) struct Side {
    plain: u8,
    merged: u8,
    expected: &'static str,
}

/// `ChannelStateHandleSerializerV2`: the types of what a task has read but not processed.
pub(crate) const INPUT: Side = Side {
    plain: 1,
    merged: 3,
    expected: "an input channel state (type 1 or 3)",
};
/// The same of what it has written but not sent.
pub(crate) const OUTPUT: Side = Side {
    plain: 2,
    merged: 4,
    expected: "an output channel state (type 2 or 4)",
};

/// Whether the size of a stream counts, or the handle that it is in has a size of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Size {
    Counts,
    IsStored,
}

impl Parser<'_> {
    /// The coordinator's state, for which Flink loads nothing but inline bytes.
    pub(crate) fn coordinator_state(&mut self) -> Result<(), FormatError> {
        let expected = "a coordinator's state (tag 0 or 1)";
        let (offset, tag) = self.tag(expected)?;
        match tag {
            NULL => Ok(()),
            BYTE_STREAM => self.inline_bytes(Size::Counts),
            _ => Err(self.unknown_tag(offset, tag, expected)),
        }
    }

    fn stream(&mut self, size: Size) -> Result<(), FormatError> {
        let expected = "a stream state handle (tag 1, 2, 3, 6, 15 or 16)";
        loop {
            let (offset, tag) = self.tag(expected)?;
            match tag {
                EMPTY_SEGMENT => return Ok(()),
                BYTE_STREAM => return self.inline_bytes(size),
                FILE_STREAM => return self.file(size),
                RELATIVE_STREAM => return self.relative_stream(size),
                SEGMENT => return self.segment(size),
                // And the stream that they point into.
                KEY_GROUPS if self.layout.nested_streams => self.key_group_offsets()?,
                _ => return Err(self.unknown_tag(offset, tag, expected)),
            }
        }
    }

    /// A stream in one of the handles that Flink loads without, though it writes none so.
    fn stream_or_none(&mut self, size: Size) -> Result<(), FormatError> {
        if self.reader.peek() == Some(NULL) {
            return self.reader.skip(1, "no stream state handle");
        }
        self.stream(size)
    }

    /// The next tag, and where it is. One that the version does not know is an error like any
    /// other that cannot be there.
    fn tag(&mut self, expected: &'static str) -> Result<(usize, u8), FormatError> {
        let offset = self.reader.offset();
        let tag = self.reader.u8(expected)?;
        if tag > self.layout.highest_tag {
            return Err(self.unknown_tag(offset, tag, expected));
        }
        Ok((offset, tag))
    }

    fn unknown_tag(&self, offset: usize, tag: u8, expected: &'static str) -> FormatError {
        let highest = self.layout.highest_tag;
        FormatError::UnknownTag {
            offset,
            tag,
            highest,
            expected,
        }
    }

    /// The next field is one that another layout of the same version has differently.
    fn dispute(&mut self) {
        self.disputed.get_or_insert(self.reader.offset());
    }

    pub(crate) fn operator_state(&mut self) -> Result<(), FormatError> {
        let expected = "an operator state handle (tag 0, 4 or 17)";
        let (offset, tag) = self.tag(expected)?;
        match tag {
            NULL => return Ok(()),
            PARTITIONABLE | SEGMENT_PARTITIONABLE => {}
            _ => return Err(self.unknown_tag(offset, tag, expected)),
        }
        for _ in 0..self.reader.count("the number of an operator's states")? {
            self.reader.skip_utf("a state's name")?;
            self.mode()?;
            self.reader
                .skip_longs("the offsets of a state's partitions")?;
        }
        if tag == SEGMENT_PARTITIONABLE {
            for expected in ["the task-owned directory", "the shared directory"] {
                self.reference(
                    ReferenceKind::Directory,
                    Some(Scope::Shared),
                    None,
                    expected,
                )?;
            }
            self.reader.u8("whether the operator state is empty")?;
            self.one_of(&[SEGMENT, EMPTY_SEGMENT], "a segment (tag 15 or 16)")?;
        }
        self.stream(Size::Counts)
    }

    /// An ordinal of `OperatorStateHandle.Mode`.
    fn mode(&mut self) -> Result<(), FormatError> {
        let offset = self.reader.offset();
        let expected = "a state's distribution mode (0, 1 or 2)";
        match self.reader.u8(expected)? {
            0..=2 => Ok(()),
            found => Err(FormatError::BadNumber {
                offset,
                expected,
                found: found.into(),
            }),
        }
    }

    /// The next tag is one of these.
    fn one_of(&self, tags: &[u8], expected: &'static str) -> Result<(), FormatError> {
        match self.reader.peek() {
            Some(tag) if !tags.contains(&tag) => {
                Err(self.unknown_tag(self.reader.offset(), tag, expected))
            }
            _ => Ok(()),
        }
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
        let (_, tag) = self.tag(expected)?;
        match tag {
            NULL => return Ok(()),
            KEY_GROUPS | SAVEPOINT_KEY_GROUPS | KEY_GROUPS_V2 => {
                self.key_group_offsets()?;
                self.stream(Size::Counts)?;
            }
            INCREMENTAL | INCREMENTAL_V2 => self.incremental(tag == INCREMENTAL_V2)?,
            CHANGELOG | CHANGELOG_V2 => self.changelog(tag == CHANGELOG_V2, depth)?,
            CHANGELOG_BYTES => self.changelog_bytes()?,
            CHANGELOG_FILES | CHANGELOG_FILES_V2 => self.changelog_files()?,
            _ => return Err(self.unknown_tag(offset, tag, expected)),
        }
        let has_no_id = match tag {
            KEY_GROUPS | SAVEPOINT_KEY_GROUPS | INCREMENTAL => true,
            CHANGELOG | CHANGELOG_BYTES | CHANGELOG_FILES => self.layout.short_changelog,
            _ => false,
        };
        if !has_no_id {
            self.reader.skip_utf("the id of a keyed state handle")?;
        }
        if tag == CHANGELOG_FILES_V2 {
            self.reader.skip_utf("the name of a changelog storage")?;
        }
        Ok(())
    }

    pub(crate) fn channel_states(&mut self, side: &Side) -> Result<(), FormatError> {
        for _ in 0..self.reader.count("the number of channel states")? {
            let offset = self.reader.offset();
            let found = if self.layout.channels == Channels::Typed {
                self.reader.u8(side.expected)?
            } else {
                self.dispute();
                side.plain
            };
            if self.layout.channels != Channels::WithoutSubtask {
                self.reader.i32("the subtask of a channel state")?;
            }
            if found == side.plain {
                self.reader.skip(8, "the two indices of a channel")?;
                self.reader.skip_longs("the offsets of a channel state")?;
            } else if found != side.merged {
                let expected = side.expected;
                return Err(FormatError::UnknownChannel {
                    offset,
                    found,
                    expected,
                });
            }
            let stored = self.reader.i64("the size of a channel state")?;
            let stored = u64::try_from(stored).unwrap_or(0);
            self.state.channel = self.state.channel.saturating_add(stored);
            if found == side.plain {
                self.stream(Size::IsStored)?;
            } else {
                self.stream_or_none(Size::IsStored)?;
                let expected = "the offsets of merged channel states";
                self.reader.skip_bytes(expected)?;
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
        self.stream(Size::Counts)?;
        for expected in ["the number of shared files", "the number of private files"] {
            for _ in 0..self.reader.count(expected)? {
                self.reader.skip_utf("the local name of a file")?;
                self.stream(Size::Counts)?;
            }
        }
        Ok(())
    }

    fn key_group_range(&mut self) -> Result<(), FormatError> {
        self.reader.skip(8, "a range of key groups")
    }

    fn key_group_offsets(&mut self) -> Result<(), FormatError> {
        self.reader.i32("the first of some key groups")?;
        self.reader.skip_longs("the offsets of key groups")
    }

    /// The name is no reference: see the crate's documentation.
    fn inline_bytes(&mut self, size: Size) -> Result<(), FormatError> {
        self.reader.skip_utf("the name of inline state")?;
        let length = self.reader.skip_bytes("the bytes of inline state")?;
        if size == Size::Counts {
            self.state.inline = self.state.inline.saturating_add(length);
        }
        Ok(())
    }

    fn file(&mut self, size: Size) -> Result<(), FormatError> {
        let length = self.reader.length()?;
        self.reference(ReferenceKind::Absolute, None, length, "a file's path")?;
        self.count(length, size);
        Ok(())
    }

    fn relative_stream(&mut self, size: Size) -> Result<(), FormatError> {
        let expected = "a file's relative path";
        self.reference(
            ReferenceKind::Relative,
            Some(Scope::Exclusive),
            None,
            expected,
        )?;
        let length = self.reader.length()?;
        if let Some(reference) = self.references.last_mut() {
            reference.length = length;
        }
        self.count(length, size);
        Ok(())
    }

    fn segment(&mut self, size: Size) -> Result<(), FormatError> {
        let offset = self.reader.size("where a segment begins in its file")?;
        let length = self.reader.length()?;
        let scope = self.scope()?;
        let kind = ReferenceKind::Segment { offset };
        self.reference(kind, Some(scope), length, "a segment's path")?;
        self.count(length, size);
        self.reader.skip_utf("the id of a segment")
    }

    /// An ordinal of `CheckpointedStateScope`.
    fn scope(&mut self) -> Result<Scope, FormatError> {
        let offset = self.reader.offset();
        let expected = "the scope of a segment (0 or 1)";
        match self.reader.i32(expected)? {
            0 => Ok(Scope::Exclusive),
            1 => Ok(Scope::Shared),
            found => Err(FormatError::BadNumber {
                offset,
                expected,
                found: found.into(),
            }),
        }
    }

    /// The last reference's length, where the handle around it has no size of its own.
    fn count(&mut self, length: Option<u64>, size: Size) {
        if let (Some(reference), Size::Counts) = (self.references.last(), size) {
            let sum = match reference.scope {
                Scope::Exclusive => &mut self.state.exclusive,
                Scope::Shared => &mut self.state.shared,
            };
            *sum = sum.saturating_add(length.unwrap_or(0));
        }
    }

    /// The next path; its scope is that of its directory unless known.
    fn reference(
        &mut self,
        kind: ReferenceKind,
        scope: Option<Scope>,
        length: Option<u64>,
        expected: &'static str,
    ) -> Result<(), FormatError> {
        let (raw, span) = self.reader.utf(expected)?;
        if raw.is_empty() {
            return Err(FormatError::EmptyPath { offset: span.start });
        }
        let path = utf::decode(raw, span.start + 2, expected, Lone::Refuse)?;
        let scope = scope.unwrap_or_else(|| self.scope_of(&path));
        self.references.push(Reference {
            kind,
            scope,
            path,
            length,
            exact: true,
            span,
        });
        Ok(())
    }

    /// By the names that `AbstractFsCheckpointStorageAccess` gives to directories (1.9 to 2.3).
    fn scope_of(&self, path: &str) -> Scope {
        let directory = path.rsplit('/').nth(1).unwrap_or_default();
        if directory == self.directory || directory.starts_with("savepoint-") {
            Scope::Exclusive
        } else {
            Scope::Shared
        }
    }
}
