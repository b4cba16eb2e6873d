//! The frame of a `_metadata`: header, master states, operators and their subtasks, trailer. The
//! handles within are in `handles`. Where one version has several layouts it decides by which of
//! them the file fits exactly, and refuses to guess where more than one does.

use std::borrow::Cow;

use crate::layout::{Channels, FlinkVersion, Layout};
use crate::model::{MasterState, Metadata, Operator, OperatorId, Reference, StateSizes, Subtasks};
use crate::reader::Reader;
use crate::utf::{self, Lone};
use crate::{FormatError, trailer};

/// `Checkpoints.HEADER_MAGIC_NUMBER`.
const MAGIC: u32 = 0x4960_672d;
/// `MetadataV2V3SerializerBase.MASTER_STATE_MAGIC_NUMBER`.
const MASTER_MAGIC: u32 = 0xc96b_1696;

/// The way through one file.
pub(crate) struct Parser<'a> {
    pub(crate) reader: Reader<'a>,
    pub(crate) layout: Layout,
    pub(crate) references: Vec<Reference<'a>>,
    /// The sizes of the operator at hand.
    pub(crate) state: StateSizes,
    /// The checkpoint's number, as the directory of its own files has it in its name.
    pub(crate) id: String,
    /// Where the first field is that another layout of the same version has differently.
    pub(crate) disputed: Option<usize>,
}

/// Parses a whole `_metadata`. The result borrows from `bytes`; the memory used beyond them is
/// bounded by a small multiple of their length, whatever they hold.
///
/// # Errors
/// Whatever is not understood, or cut off, anywhere in the file. Bytes behind the trailer are
/// allowed, as Flink's own loader allows them; versions 2 and 3 have no trailer, and a file of
/// these must end where its last operator does. [`FormatError::Ambiguous`] where a file of version
/// 3 has two meanings: [`parse_as`] reads it.
pub fn parse(bytes: &[u8]) -> Result<Metadata<'_>, FormatError> {
    parse_with(bytes, None)
}

/// The same for a file that is known to be written by a version of Flink. It is asked only where
/// the version's number in the file is not enough, which is 3, of Flink 1.11 to 1.15.
///
/// # Errors
/// As [`parse`], but never [`FormatError::Ambiguous`].
pub fn parse_as(bytes: &[u8], flink: FlinkVersion) -> Result<Metadata<'_>, FormatError> {
    parse_with(bytes, Some(flink))
}

fn parse_with(bytes: &[u8], flink: Option<FlinkVersion>) -> Result<Metadata<'_>, FormatError> {
    let mut reader = Reader::new(bytes, 0);
    let expected = "the first four bytes of Flink's _metadata";
    marker(&mut reader, MAGIC, expected)?;
    let offset = reader.offset();
    let version = reader.i32("the metadata version")?;
    let start = reader.offset();
    match Layout::of(version, flink) {
        [] => Err(FormatError::UnsupportedVersion { offset, version }),
        [layout] => Ok(parse_in(bytes, start, version, *layout)?.0),
        layouts => decide(bytes, start, version, layouts),
    }
}

/// The one meaning that the layouts give the file.
fn decide<'a>(
    bytes: &'a [u8],
    start: usize,
    version: i32,
    layouts: &[Layout],
) -> Result<Metadata<'a>, FormatError> {
    let mut found: Option<(Metadata<'a>, &'static str)> = None;
    let mut furthest: Option<FormatError> = None;
    for layout in layouts {
        match (parse_in(bytes, start, version, *layout), &found) {
            (Ok((metadata, None)), None) => return Ok(metadata),
            (Ok((metadata, Some(_))), None) => found = Some((metadata, layout.flinks)),
            (Ok((metadata, _)), Some((other, _))) if metadata == *other => {}
            (Ok((_, disputed)), Some((_, other))) => {
                return Err(FormatError::Ambiguous {
                    offset: disputed.unwrap_or(start),
                    one: other,
                    other: layout.flinks,
                });
            }
            (Err(error), _) => {
                let is_further = |least: &FormatError| least.offset() < error.offset();
                if furthest.as_ref().is_none_or(is_further) {
                    furthest = Some(error);
                }
            }
        }
    }
    match (found, furthest) {
        (Some((metadata, _)), _) => Ok(metadata),
        (None, Some(error)) => Err(error),
        (None, None) => Err(FormatError::UnsupportedVersion { offset: 4, version }),
    }
}

/// What the file means in one layout, and where the first field is that another one has
/// differently.
fn parse_in(
    bytes: &[u8],
    start: usize,
    version: i32,
    layout: Layout,
) -> Result<(Metadata<'_>, Option<usize>), FormatError> {
    let mut reader = Reader::new(bytes, start);
    let checkpoint_id = reader.i64("the checkpoint's id")?;
    if checkpoint_id < 0 {
        return Err(FormatError::BadNumber {
            offset: start,
            expected: "the checkpoint's id",
            found: checkpoint_id,
        });
    }
    let mut parser = Parser {
        reader,
        layout,
        references: Vec::new(),
        state: StateSizes::default(),
        id: checkpoint_id.to_string(),
        disputed: None,
    };
    let mut master_states = Vec::new();
    for _ in 0..parser.reader.count("the number of master states")? {
        master_states.push(parser.master_state()?);
    }
    let mut operators = Vec::new();
    for _ in 0..parser.reader.count("the number of operators")? {
        operators.push(parser.operator()?);
    }
    let offset = parser.reader.offset();
    if layout.has_trailer() {
        trailer::check(bytes, offset)?;
    } else if offset < bytes.len() {
        let bytes = bytes.len() - offset;
        return Err(FormatError::NotAtTheEnd { offset, bytes });
    }
    let metadata = Metadata {
        version: version.unsigned_abs(),
        checkpoint_id,
        master_states,
        operators,
        references: parser.references,
    };
    Ok((metadata, parser.disputed))
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
    /// The fields of its body are read by `MetadataV2V3SerializerBase.deserializeMasterState`.
    fn master_state(&mut self) -> Result<MasterState<'a>, FormatError> {
        marker(&mut self.reader, MASTER_MAGIC, "a master state")?;
        let expected = "the bytes of a master state";
        let length = self.reader.count(expected)?;
        let mut body = self.reader.within(length.into(), expected)?;
        let version = body.i32("the version of a master state")?;
        let name = shown_text(&mut body, "the name of a master state")?;
        let length = body.skip_bytes("the state of a master state")?;
        let (offset, end) = (body.offset(), self.reader.offset());
        if offset < end {
            let bytes = end - offset;
            return Err(FormatError::NotAtTheEnd { offset, bytes });
        }
        Ok(MasterState {
            name,
            version,
            length,
        })
    }

    fn operator(&mut self) -> Result<Operator<'a>, FormatError> {
        let first = self.references.len();
        self.state = StateSizes::default();
        let (name, uid) = if self.layout.has_names() {
            let name = shown_text(&mut self.reader, "an operator's name")?;
            let uid = shown_text(&mut self.reader, "an operator's uid")?;
            let known = |text: Cow<'a, str>| (!text.is_empty()).then_some(text);
            (known(name), known(uid))
        } else {
            (None, None)
        };
        let id = OperatorId(self.reader.array("an operator's id")?);
        let parallelism = self.reader.count("an operator's parallelism")?;
        let max_parallelism = self.max_parallelism(parallelism)?;
        if self.layout.is_legacy() {
            self.reader.i32("the length of an operator's chain")?; // of no meaning since 1.3
        } else {
            self.coordinator_state()?;
        }
        let subtasks = self.subtasks(parallelism)?;
        Ok(Operator {
            id,
            name,
            uid,
            parallelism,
            max_parallelism,
            subtasks,
            state: self.state,
            references: first..self.references.len(),
        })
    }

    fn max_parallelism(&mut self, parallelism: u32) -> Result<u32, FormatError> {
        let offset = self.reader.offset();
        let expected = "an operator's max parallelism, not below its parallelism";
        match self.reader.count(expected)? {
            max if max >= parallelism => Ok(max),
            max => Err(FormatError::BadNumber {
                offset,
                expected,
                found: max.into(),
            }),
        }
    }

    /// None where the whole operator has finished.
    fn subtasks(&mut self, parallelism: u32) -> Result<Option<Subtasks>, FormatError> {
        let Some(stored) = self.count_unless_finished("the number of subtasks")? else {
            return Ok(None);
        };
        let mut finished = 0;
        for _ in 0..stored {
            if self.subtask_index(parallelism)? {
                self.subtask()?;
            } else {
                finished += 1;
            }
        }
        Ok(Some(Subtasks { stored, finished }))
    }

    /// Whether the subtask has not finished: of one that has, the index is stored as its bitwise
    /// complement, -(index + 1).
    fn subtask_index(&mut self, parallelism: u32) -> Result<bool, FormatError> {
        let offset = self.reader.offset();
        let expected = "the index of a subtask, below the parallelism";
        let found = self.reader.i32(expected)?;
        let is_running = found >= 0;
        let index = if is_running { found } else { !found };
        if index.unsigned_abs() < parallelism && (is_running || self.layout.finished) {
            return Ok(is_running);
        }
        Err(FormatError::BadNumber {
            offset,
            expected,
            found: found.into(),
        })
    }

    fn count_unless_finished(
        &mut self,
        expected: &'static str,
    ) -> Result<Option<u32>, FormatError> {
        if self.layout.finished {
            self.reader.count_or_mark(expected)
        } else {
            self.reader.count(expected).map(Some)
        }
    }

    fn subtask(&mut self) -> Result<(), FormatError> {
        if self.layout.is_legacy() {
            self.reader
                .skip(8, "the duration of a subtask's checkpoint")?; // likewise
            self.no_legacy_state()?;
        }
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
        if self.layout.channels != Channels::Absent {
            self.channel_states(&crate::handles::INPUT)?;
            self.channel_states(&crate::handles::OUTPUT)?;
        }
        Ok(())
    }

    /// State of Flink 1.1, which `SavepointV2Serializer` refuses too.
    fn no_legacy_state(&mut self) -> Result<(), FormatError> {
        let offset = self.reader.offset();
        let expected = "no state of Flink 1.1";
        match self.reader.i32(expected)? {
            0 => Ok(()),
            found => Err(FormatError::BadNumber {
                offset,
                expected,
                found: found.into(),
            }),
        }
    }
}

/// A text that is for people only.
fn shown_text<'a>(
    reader: &mut Reader<'a>,
    expected: &'static str,
) -> Result<Cow<'a, str>, FormatError> {
    let (raw, span) = reader.utf(expected)?;
    utf::decode(raw, span.start + 2, expected, Lone::Replace)
}
