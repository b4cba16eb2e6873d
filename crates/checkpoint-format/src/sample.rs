//! For tests: a `_metadata` as a value, and its bytes as Flink's serializers write them. It shares
//! nothing with the parser, and says which references must be found.

use crate::{FlinkVersion, ReferenceKind, Scope, StateSizes};

/// `CheckpointProperties` in the smallest form that the walk through the trailer sees to its end.
pub(crate) const TRAILER: &[u8] = &[0xAC, 0xED, 0, 5, 0x74, 0, 3, b'a', b'b', b'c'];

/// What a reference must be found as: kind, scope, path, length, and whether that is exact.
pub(crate) type Expected = (ReferenceKind, Scope, String, Option<u64>, bool);

/// What must be found in the bytes of a sample.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    pub(crate) references: Vec<Expected>,
    /// One for each operator.
    pub(crate) state: Vec<StateSizes>,
}

/// States that the version of Flink has no handles for are written by those that it has, or left
/// out.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    pub(crate) flink: FlinkVersion,
    pub(crate) id: i64,
    pub(crate) masters: Vec<SampleMaster>,
    pub(crate) operators: Vec<SampleOperator>,
}

#[derive(Debug, Clone)]
pub(crate) struct SampleMaster {
    pub(crate) name: String,
    pub(crate) version: i32,
    pub(crate) bytes: Vec<u8>,
}

#[derive(Debug, Clone)]
pub(crate) struct SampleOperator {
    pub(crate) name: String,
    pub(crate) uid: String,
    pub(crate) id: [u8; 16],
    pub(crate) coordinator: Option<Vec<u8>>,
    /// None: finished. Within: none for a finished subtask.
    pub(crate) subtasks: Option<Vec<Option<Subtask>>>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Subtask {
    pub(crate) operator_states: [Option<OperatorState>; 2],
    pub(crate) keyed: [Option<Keyed>; 2],
    pub(crate) channels: [Vec<Channel>; 2],
}

#[derive(Debug, Clone)]
pub(crate) struct OperatorState {
    pub(crate) states: Vec<(String, Vec<i64>)>,
    pub(crate) directories: Option<(String, String)>,
    pub(crate) stream: Stream,
}

#[derive(Debug, Clone)]
pub(crate) struct Channel {
    pub(crate) merged: bool,
    pub(crate) offsets: Vec<i64>,
    pub(crate) stream: Stream,
}

#[derive(Debug, Clone)]
pub(crate) enum Stream {
    Bytes(String, Vec<u8>),
    File(String, i64),
    KeyGroups(Vec<i64>, Box<Stream>),
    Relative(String, i64),
    Segment(String, i64, i64),
    EmptySegment,
}

#[derive(Debug, Clone)]
pub(crate) enum Keyed {
    /// Tags 3, 7, 12.
    KeyGroups(u8, Vec<i64>, Stream),
    /// Tags 5, 11: meta, shared, private.
    Incremental(u8, Stream, [Vec<(String, Stream)>; 2]),
    /// Tags 8, 14: base, delta.
    Changelog(u8, [Vec<Keyed>; 2]),
    /// Tag 9.
    ChangelogBytes(Vec<Vec<u8>>),
    /// Tags 10, 13.
    ChangelogFiles(u8, Vec<Stream>),
}

pub(crate) const NEWEST: FlinkVersion = FlinkVersion { major: 2, minor: 3 };

impl Sample {
    /// The version of the format.
    pub(crate) fn version(&self) -> i32 {
        match (self.flink.major, self.flink.minor) {
            (1, ..=10) => 2,
            (1, ..=15) => 3,
            (1, _) => 4,
            (2, 0) => 5,
            _ => 6,
        }
    }

    /// The bytes of the file, and what is in it.
    pub(crate) fn write(&self) -> (Vec<u8>, Contents) {
        self.write_mapped(str::to_owned)
    }

    /// The same with `map` over every path.
    pub(crate) fn write_mapped(&self, map: impl Fn(&str) -> String) -> (Vec<u8>, Contents) {
        let mut out = Writer {
            version: self.version(),
            minor: if self.flink.major == 1 {
                self.flink.minor
            } else {
                u16::MAX
            },
            directory: format!("chk-{}", self.id),
            bytes: Vec::new(),
            contents: Contents::default(),
            map: &map,
        };
        out.int(0x4960_672d);
        out.int(out.version);
        out.long(self.id);
        out.count(self.masters.len());
        for master in &self.masters {
            out.master(master);
        }
        out.count(self.operators.len());
        for operator in &self.operators {
            out.operator(operator);
        }
        if out.version >= 4 {
            out.bytes.extend_from_slice(TRAILER);
        }
        (out.bytes, out.contents)
    }
}

/// A file of the newest version with one keyed state.
pub(crate) fn with_state(keyed: Keyed) -> Sample {
    let subtask = Subtask {
        keyed: [Some(keyed), None],
        ..Subtask::default()
    };
    let operator = SampleOperator {
        name: "name".into(),
        uid: "uid".into(),
        id: [0xab; 16],
        coordinator: None,
        subtasks: Some(vec![Some(subtask)]),
    };
    Sample {
        flink: NEWEST,
        id: 1,
        masters: vec![],
        operators: vec![operator],
    }
}

/// A file that names one file.
pub(crate) fn with_path(path: &str) -> Vec<u8> {
    with_state(Keyed::KeyGroups(7, vec![0], Stream::File(path.into(), 10)))
        .write()
        .0
}

struct Writer<'m> {
    version: i32,
    /// The second number of a Flink 1.
    minor: u16,
    /// The name of the checkpoint's own directory.
    directory: String,
    bytes: Vec<u8>,
    contents: Contents,
    map: &'m dyn Fn(&str) -> String,
}

impl Writer<'_> {
    fn byte(&mut self, value: u8) {
        self.bytes.push(value);
    }

    fn int(&mut self, value: i32) {
        self.bytes.extend_from_slice(&value.to_be_bytes());
    }

    fn long(&mut self, value: i64) {
        self.bytes.extend_from_slice(&value.to_be_bytes());
    }

    fn count(&mut self, value: usize) {
        self.int(i32::try_from(value).unwrap());
    }

    fn utf(&mut self, text: &str) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[0, 0]);
        for unit in text.encode_utf16() {
            let low = |shift: u16| u8::try_from(0x80 | unit >> shift & 0x3F).unwrap();
            let first = |mark: u16, shift: u16| u8::try_from(mark | unit >> shift).unwrap();
            match unit {
                1..0x80 => self.bytes.push(first(0, 0)),
                0 | 0x80..0x800 => self.bytes.extend([first(0xC0, 6), low(0)]),
                _ => self.bytes.extend([first(0xE0, 12), low(6), low(0)]),
            }
        }
        let length = u16::try_from(self.bytes.len() - start - 2).unwrap();
        self.bytes[start..start + 2].copy_from_slice(&length.to_be_bytes());
    }

    fn blob(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.bytes.extend_from_slice(bytes);
    }

    fn longs(&mut self, values: &[i64]) {
        self.count(values.len());
        for value in values {
            self.long(*value);
        }
    }

    /// `counts`: whether the size is that of the operator's state.
    fn path(&mut self, kind: ReferenceKind, scope: Scope, path: &str, length: i64, counts: bool) {
        let path = (self.map)(path);
        self.utf(&path);
        let length = u64::try_from(length).ok();
        if counts {
            let sizes = self.sizes();
            match scope {
                Scope::Exclusive => sizes.exclusive += length.unwrap_or(0),
                Scope::Shared => sizes.shared += length.unwrap_or(0),
            }
        }
        let length = length.filter(|_| kind != ReferenceKind::Directory);
        let expected = (kind, scope, path, length, true);
        self.contents.references.push(expected);
    }

    fn file_scope(&self, path: &str) -> Scope {
        let path = (self.map)(path);
        let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
        let is_own = directory == self.directory
            || directory.ends_with(&format!("/{}", self.directory))
            || directory.contains("/savepoint-") && !directory.contains("/savepoint-x/");
        if is_own {
            Scope::Exclusive
        } else {
            Scope::Shared
        }
    }

    fn sizes(&mut self) -> &mut StateSizes {
        self.contents.state.last_mut().unwrap()
    }

    fn master(&mut self, master: &SampleMaster) {
        self.bytes.extend_from_slice(&0xc96b_1696_u32.to_be_bytes());
        let start = self.bytes.len();
        self.int(0);
        self.int(master.version);
        self.utf(&master.name);
        self.blob(&master.bytes);
        let length = u32::try_from(self.bytes.len() - start - 4).unwrap();
        self.bytes[start..start + 4].copy_from_slice(&length.to_be_bytes());
    }

    fn operator(&mut self, operator: &SampleOperator) {
        self.contents.state.push(StateSizes::default());
        if self.version >= 5 {
            self.utf(&operator.name);
            self.utf(&operator.uid);
        }
        self.bytes.extend_from_slice(&operator.id);
        let subtasks = operator.subtasks.as_deref().unwrap_or_default();
        self.count(subtasks.len());
        self.count(subtasks.len().max(128));
        match &operator.coordinator {
            _ if self.version == 2 => self.int(1),
            None => self.byte(0),
            Some(bytes) => self.stream(&Stream::Bytes("coordinator".into(), bytes.clone()), true),
        }
        let Some(subtasks) = &operator.subtasks else {
            return self.int(if self.minor >= 14 { -1 } else { 0 });
        };
        self.count(subtasks.len());
        for (index, subtask) in (0..).zip(subtasks) {
            match subtask {
                None if self.minor >= 14 => self.int(-(index + 1)),
                _ => {
                    self.int(index);
                    self.subtask(subtask.as_ref().unwrap_or(&Subtask::default()));
                }
            }
        }
    }

    fn subtask(&mut self, subtask: &Subtask) {
        if self.version == 2 {
            self.long(-1);
            self.int(0);
        }
        for state in &subtask.operator_states {
            self.int(state.is_some().into());
            if let Some(state) = state {
                self.operator_state(state);
            }
        }
        for state in &subtask.keyed {
            match state {
                None => self.byte(0),
                Some(state) => self.keyed(state),
            }
        }
        if self.version == 2 {
            return;
        }
        for (plain, channels) in (1..).zip(&subtask.channels) {
            self.count(channels.len());
            for channel in channels {
                self.channel(plain, channel);
            }
        }
    }

    fn operator_state(&mut self, state: &OperatorState) {
        let directories = state.directories.as_ref().filter(|_| self.minor >= 20);
        self.byte(if directories.is_some() { 17 } else { 4 });
        self.count(state.states.len());
        for (name, offsets) in &state.states {
            self.utf(name);
            self.byte(1);
            self.longs(offsets);
        }
        if let Some((owned, shared)) = directories {
            for directory in [owned, shared] {
                self.path(ReferenceKind::Directory, Scope::Shared, directory, 0, false);
            }
            self.byte(0);
        }
        match &state.stream {
            Stream::Segment(..) => self.stream(&state.stream, true),
            _ if directories.is_some() => self.stream(&Stream::EmptySegment, true),
            _ => self.stream(&state.stream, true),
        }
    }

    fn channel(&mut self, plain: u8, channel: &Channel) {
        let merged = channel.merged && self.version >= 6;
        if self.version >= 6 {
            self.byte(if merged { plain + 2 } else { plain });
        }
        if self.minor >= 12 {
            self.int(3);
        }
        self.sizes().channel += 77;
        if merged {
            self.long(77);
            self.stream_or_none(channel.offsets.is_empty(), &channel.stream);
            self.blob(&[1, 2, 3]);
        } else {
            self.int(0);
            self.int(1);
            self.longs(&channel.offsets);
            self.long(77);
            self.stream(&channel.stream, false);
        }
    }

    fn stream(&mut self, stream: &Stream, counts: bool) {
        match stream {
            Stream::Bytes(name, bytes) => {
                self.byte(1);
                self.utf(name);
                self.blob(bytes);
                if counts {
                    self.sizes().inline += bytes.len() as u64;
                }
            }
            Stream::KeyGroups(_, stream) if self.minor < 13 => self.stream(stream, counts),
            Stream::KeyGroups(offsets, stream) => {
                self.byte(3);
                self.int(0);
                self.longs(offsets);
                self.stream(stream, counts);
            }
            Stream::Relative(path, length) if self.minor >= 11 => {
                self.byte(6);
                self.path(
                    ReferenceKind::Relative,
                    Scope::Exclusive,
                    path,
                    *length,
                    counts,
                );
                self.long(*length);
            }
            Stream::Segment(path, offset, length) if self.minor >= 20 => {
                self.byte(15);
                self.long(*offset);
                self.long(*length);
                self.int(1);
                let offset = u64::try_from(*offset).unwrap();
                let kind = ReferenceKind::Segment { offset };
                self.path(kind, Scope::Shared, path, *length, counts);
                self.utf("logical-file-id");
            }
            Stream::EmptySegment if self.minor >= 20 => self.byte(16),
            Stream::EmptySegment => {
                self.byte(1);
                self.utf("empty");
                self.blob(&[]);
            }
            Stream::File(path, length)
            | Stream::Relative(path, length)
            | Stream::Segment(path, _, length) => {
                self.byte(2);
                self.long(*length);
                let scope = self.file_scope(path);
                self.path(ReferenceKind::Absolute, scope, path, *length, counts);
            }
        }
    }

    /// Where Flink loads a handle without a stream, though it writes none so.
    fn stream_or_none(&mut self, is_none: bool, stream: &Stream) {
        if is_none {
            self.byte(0);
        } else {
            self.stream(stream, false);
        }
    }

    /// The tag, or that of the same handle in older versions of Flink.
    fn known_tag(&self, tag: u8) -> u8 {
        match (tag, self.minor) {
            (7, ..13) | (12, ..15) => 3,
            (11, ..15) => 5,
            (8..=10 | 13 | 14, ..14) => 0,
            (13, ..16) => 10,
            (14, ..16) => 8,
            _ => tag,
        }
    }

    fn keyed(&mut self, keyed: &Keyed) {
        match keyed {
            Keyed::KeyGroups(tag, offsets, stream) => {
                let tag = self.known_tag(*tag);
                self.byte(tag);
                self.int(0);
                self.longs(offsets);
                self.stream(stream, true);
                if tag == 12 {
                    self.utf("id");
                }
            }
            Keyed::Incremental(tag, meta, lists) => {
                let tag = self.known_tag(*tag);
                self.byte(tag);
                self.long(9);
                self.utf("backend");
                self.key_group_range();
                if tag == 11 {
                    self.long(1000);
                }
                self.stream(meta, true);
                for files in lists {
                    self.count(files.len());
                    for (name, stream) in files {
                        self.utf(name);
                        self.stream(stream, true);
                    }
                }
                if tag == 11 {
                    self.utf("id");
                }
            }
            Keyed::Changelog(tag, lists) => self.changelog(self.known_tag(*tag), lists),
            Keyed::ChangelogBytes(changes) => self.changelog_bytes(changes),
            Keyed::ChangelogFiles(tag, streams) => {
                self.changelog_files(self.known_tag(*tag), streams);
            }
        }
    }

    fn changelog_bytes(&mut self, changes: &[Vec<u8>]) {
        if self.minor < 14 {
            return self.byte(0);
        }
        self.byte(9);
        self.key_group_range();
        self.long(0);
        self.long(5);
        self.count(changes.len());
        for change in changes {
            self.int(-1);
            self.blob(change);
            self.sizes().changelog += change.len() as u64;
        }
        if self.minor >= 15 {
            self.utf("id");
        }
    }

    fn changelog_files(&mut self, tag: u8, streams: &[Stream]) {
        self.byte(tag);
        if tag == 0 {
            return;
        }
        self.key_group_range();
        self.count(streams.len());
        for stream in streams {
            self.long(7);
            let first = self.contents.references.len();
            self.stream_or_none(streams.len() == 3, stream);
            for (.., exact) in &mut self.contents.references[first..] {
                *exact = false;
            }
        }
        self.long(1000);
        self.sizes().changelog += 1000;
        if self.minor >= 15 {
            self.long(2);
            self.utf("id");
        }
        if tag == 13 {
            self.utf("filesystem");
        }
    }

    fn changelog(&mut self, tag: u8, lists: &[Vec<Keyed>; 2]) {
        self.byte(tag);
        if tag == 0 {
            return;
        }
        self.key_group_range();
        if self.minor >= 15 {
            self.long(1000);
        }
        let [base, delta] = lists;
        self.count(base.len());
        for handle in base {
            self.keyed(handle);
        }
        let is_change = |handle: &&Keyed| {
            matches!(handle, Keyed::ChangelogBytes(_) | Keyed::ChangelogFiles(..))
        };
        let delta: Vec<_> = delta.iter().filter(is_change).collect();
        self.count(delta.len());
        for handle in delta {
            self.keyed(handle);
        }
        if self.minor >= 15 {
            self.long(3);
        }
        if tag == 14 {
            self.long(4);
        }
        if self.minor >= 15 {
            self.utf("id");
        }
    }

    fn key_group_range(&mut self) {
        self.int(0);
        self.int(64);
    }
}
