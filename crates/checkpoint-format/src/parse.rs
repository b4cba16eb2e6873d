//! The frame of a `_metadata`: header, master states, operators and their subtasks, trailer. The
//! handles within are in `handles`. It refuses versions that it does not know.

use std::borrow::Cow;

use crate::model::{Metadata, Operator, OperatorId, Reference};
use crate::reader::Reader;
use crate::utf::{self, Lone};
use crate::{FormatError, trailer};

/// `Checkpoints.HEADER_MAGIC_NUMBER`.
const MAGIC: u32 = 0x4960_672d;
/// `MetadataV2V3SerializerBase.MASTER_STATE_MAGIC_NUMBER`.
const MASTER_MAGIC: u32 = 0xc96b_1696;

/// What the versions have differently.
#[derive(Clone, Copy)]
pub(crate) struct Layout {
    /// Each operator begins with its name and uid.
    pub(crate) names: bool,
    /// Each channel state handle begins with its type.
    pub(crate) typed_channels: bool,
}

impl Layout {
    fn of(version: i32) -> Option<Self> {
        (4..=6).contains(&version).then_some(Self {
            names: version >= 5,
            typed_channels: version >= 6,
        })
    }
}

/// The way through one file.
pub(crate) struct Parser<'a> {
    pub(crate) reader: Reader<'a>,
    pub(crate) layout: Layout,
    pub(crate) references: Vec<Reference<'a>>,
}

/// Parses a whole `_metadata`. The result borrows from `bytes`; the memory used beyond them is
/// bounded by a small multiple of their length, whatever they hold.
///
/// # Errors
/// Whatever is not understood, or cut off, anywhere in the file. Bytes behind the trailer are
/// allowed, as Flink's own loader allows them.
pub fn parse(bytes: &[u8]) -> Result<Metadata<'_>, FormatError> {
    let mut reader = Reader::new(bytes, 0);
    marker(
        &mut reader,
        MAGIC,
        "the first four bytes of Flink's _metadata",
    )?;
    let offset = reader.offset();
    let version = reader.i32("the metadata version")?;
    let layout = Layout::of(version).ok_or(FormatError::UnsupportedVersion { offset, version })?;
    let offset = reader.offset();
    let checkpoint_id = reader.i64("the checkpoint's id")?;
    if checkpoint_id < 0 {
        let expected = "the checkpoint's id";
        return Err(FormatError::BadNumber {
            offset,
            expected,
            found: checkpoint_id,
        });
    }
    let mut parser = Parser {
        reader,
        layout,
        references: Vec::new(),
    };
    parser.master_states()?;
    let mut operators = Vec::new();
    for _ in 0..parser.reader.count("the number of operators")? {
        operators.push(parser.operator()?);
    }
    trailer::check(bytes, parser.reader.offset())?;
    Ok(Metadata {
        version: version.unsigned_abs(),
        checkpoint_id,
        operators,
        references: parser.references,
    })
}

fn marker(reader: &mut Reader<'_>, wanted: u32, expected: &'static str) -> Result<(), FormatError> {
    let offset = reader.offset();
    let found = reader.u32(expected)?;
    if found == wanted {
        return Ok(());
    }
    Err(FormatError::BadMarker {
        offset,
        expected,
        wanted,
        found,
    })
}

impl<'a> Parser<'a> {
    fn master_states(&mut self) -> Result<(), FormatError> {
        for _ in 0..self.reader.count("the number of master states")? {
            marker(&mut self.reader, MASTER_MAGIC, "a master state")?;
            self.reader.skip_bytes("the bytes of a master state")?;
        }
        Ok(())
    }

    fn operator(&mut self) -> Result<Operator<'a>, FormatError> {
        let first = self.references.len();
        let (name, uid) = if self.layout.names {
            (
                self.shown_text("an operator's name")?,
                self.shown_text("an operator's uid")?,
            )
        } else {
            (None, None)
        };
        let id = OperatorId(self.reader.array("an operator's id")?);
        let parallelism = self.reader.i32("an operator's parallelism")?;
        let max_parallelism = self.reader.i32("an operator's max parallelism")?;
        self.coordinator_state()?;
        let subtasks = u32::try_from(self.reader.i32("the number of subtasks")?).ok();
        for _ in 0..subtasks.unwrap_or(0) {
            let has_finished = self.reader.i32("the index of a subtask")? < 0;
            if !has_finished {
                self.subtask()?;
            }
        }
        let references = first..self.references.len();
        Ok(Operator {
            id,
            name,
            uid,
            parallelism,
            max_parallelism,
            subtasks,
            references,
        })
    }

    fn subtask(&mut self) -> Result<(), FormatError> {
        for expected in [
            "whether there is managed operator state",
            "whether there is raw one",
        ] {
            if self.reader.i32(expected)? != 0 {
                self.operator_state()?;
            }
        }
        self.keyed_state(0)?;
        self.keyed_state(0)?;
        self.channel_states(&crate::handles::INPUT)?;
        self.channel_states(&crate::handles::OUTPUT)
    }

    fn shown_text(&mut self, expected: &'static str) -> Result<Option<Cow<'a, str>>, FormatError> {
        let (raw, span) = self.reader.utf(expected)?;
        let text = utf::decode(raw, span.start + 2, expected, Lone::Replace)?;
        Ok((!text.is_empty()).then_some(text))
    }
}
