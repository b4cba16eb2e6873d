//! For tests: a `_metadata` as a value, and its bytes as Flink's serializers write them. It shares
//! nothing with the parser, and says which references must be found.

use crate::ReferenceKind;

/// `CheckpointProperties` in the smallest form that the walk through the trailer sees to its end.
pub(crate) const TRAILER: &[u8] = &[0xAC, 0xED, 0, 5, 0x74, 0, 3, b'a', b'b', b'c'];

/// What a reference must be found as: kind, path, length.
pub(crate) type Expected = (ReferenceKind, String, Option<u64>);

#[derive(Debug, Clone)]
pub(crate) struct Sample {
    pub(crate) version: i32,
    pub(crate) id: i64,
    pub(crate) masters: Vec<Vec<u8>>,
    pub(crate) operators: Vec<SampleOperator>,
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
    Null,
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

impl Sample {
    /// The bytes of the file, and the references in it.
    pub(crate) fn write(&self) -> (Vec<u8>, Vec<Expected>) {
        self.write_mapped(str::to_owned)
    }

    /// The same with `map` over every path.
    pub(crate) fn write_mapped(&self, map: impl Fn(&str) -> String) -> (Vec<u8>, Vec<Expected>) {
        let mut out = Writer {
            bytes: Vec::new(),
            references: Vec::new(),
            map: &map,
        };
        out.int(0x4960_672d);
        out.int(self.version);
        out.long(self.id);
        out.count(self.masters.len());
        for master in &self.masters {
            out.bytes.extend_from_slice(&0xc96b_1696_u32.to_be_bytes());
            out.blob(master);
        }
        out.count(self.operators.len());
        for operator in &self.operators {
            out.operator(self.version, operator);
        }
        out.bytes.extend_from_slice(TRAILER);
        (out.bytes, out.references)
    }
}

/// A file of version 6 with one keyed state.
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
        version: 6,
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
    bytes: Vec<u8>,
    references: Vec<Expected>,
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

    fn path(&mut self, kind: ReferenceKind, path: &str, length: Option<i64>) {
        let path = (self.map)(path);
        self.utf(&path);
        self.references
            .push((kind, path, length.and_then(|l| u64::try_from(l).ok())));
    }

    fn operator(&mut self, version: i32, operator: &SampleOperator) {
        if version >= 5 {
            self.utf(&operator.name);
            self.utf(&operator.uid);
        }
        self.bytes.extend_from_slice(&operator.id);
        self.int(4);
        self.int(128);
        match &operator.coordinator {
            None => self.byte(0),
            Some(bytes) => self.stream(&Stream::Bytes("coordinator".into(), bytes.clone())),
        }
        let Some(subtasks) = &operator.subtasks else {
            return self.int(-1);
        };
        self.count(subtasks.len());
        for (index, subtask) in (0..).zip(subtasks) {
            match subtask {
                None => self.int(-(index + 1)),
                Some(subtask) => {
                    self.int(index);
                    self.subtask(version, subtask);
                }
            }
        }
    }

    fn subtask(&mut self, version: i32, subtask: &Subtask) {
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
        for (plain, channels) in (1..).zip(&subtask.channels) {
            self.count(channels.len());
            for channel in channels {
                self.channel(version, plain, channel);
            }
        }
    }

    fn operator_state(&mut self, state: &OperatorState) {
        self.byte(if state.directories.is_some() { 17 } else { 4 });
        self.count(state.states.len());
        for (name, offsets) in &state.states {
            self.utf(name);
            self.byte(1);
            self.longs(offsets);
        }
        if let Some((owned, shared)) = &state.directories {
            self.path(ReferenceKind::Directory, owned, None);
            self.path(ReferenceKind::Directory, shared, None);
            self.byte(0);
        }
        self.stream(&state.stream);
    }

    fn channel(&mut self, version: i32, plain: u8, channel: &Channel) {
        let merged = channel.merged && version >= 6;
        if version >= 6 {
            self.byte(if merged { plain + 2 } else { plain });
        }
        self.int(3);
        if merged {
            self.long(77);
            self.stream(&channel.stream);
            self.blob(&[1, 2, 3]);
        } else {
            self.int(0);
            self.int(1);
            self.longs(&channel.offsets);
            self.long(77);
            self.stream(&channel.stream);
        }
    }

    fn stream(&mut self, stream: &Stream) {
        match stream {
            Stream::Null => self.byte(0),
            Stream::Bytes(name, bytes) => {
                self.byte(1);
                self.utf(name);
                self.blob(bytes);
            }
            Stream::File(path, length) => {
                self.byte(2);
                self.long(*length);
                self.path(ReferenceKind::Absolute, path, Some(*length));
            }
            Stream::KeyGroups(offsets, stream) => {
                self.byte(3);
                self.int(0);
                self.longs(offsets);
                self.stream(stream);
            }
            Stream::Relative(path, length) => {
                self.byte(6);
                self.path(ReferenceKind::Relative, path, Some(*length));
                self.long(*length);
            }
            Stream::Segment(path, offset, length) => {
                self.byte(15);
                self.long(*offset);
                self.long(*length);
                self.int(1);
                let offset = u64::try_from(*offset).unwrap();
                self.path(ReferenceKind::Segment { offset }, path, Some(*length));
                self.utf("logical-file-id");
            }
            Stream::EmptySegment => self.byte(16),
        }
    }

    fn keyed(&mut self, keyed: &Keyed) {
        match keyed {
            Keyed::KeyGroups(tag, offsets, stream) => {
                self.byte(*tag);
                self.int(0);
                self.longs(offsets);
                self.stream(stream);
                if *tag == 12 {
                    self.utf("id");
                }
            }
            Keyed::Incremental(tag, meta, lists) => {
                self.byte(*tag);
                self.long(9);
                self.utf("backend");
                self.key_group_range();
                if *tag == 11 {
                    self.long(1000);
                }
                self.stream(meta);
                for files in lists {
                    self.count(files.len());
                    for (name, stream) in files {
                        self.utf(name);
                        self.stream(stream);
                    }
                }
                if *tag == 11 {
                    self.utf("id");
                }
            }
            Keyed::Changelog(tag, lists) => self.changelog(*tag, lists),
            Keyed::ChangelogBytes(changes) => {
                self.byte(9);
                self.key_group_range();
                self.long(0);
                self.long(5);
                self.count(changes.len());
                for change in changes {
                    self.int(-1);
                    self.blob(change);
                }
                self.utf("id");
            }
            Keyed::ChangelogFiles(tag, streams) => {
                self.byte(*tag);
                self.key_group_range();
                self.count(streams.len());
                for stream in streams {
                    self.long(7);
                    self.stream(stream);
                }
                self.long(1);
                self.long(2);
                self.utf("id");
                if *tag == 13 {
                    self.utf("filesystem");
                }
            }
        }
    }

    fn changelog(&mut self, tag: u8, lists: &[Vec<Keyed>; 2]) {
        self.byte(tag);
        self.key_group_range();
        self.long(1000);
        for handles in lists {
            self.count(handles.len());
            for handle in handles {
                self.keyed(handle);
            }
        }
        self.long(3);
        if tag == 14 {
            self.long(4);
        }
        self.utf("id");
    }

    fn key_group_range(&mut self) {
        self.int(0);
        self.int(64);
    }
}
