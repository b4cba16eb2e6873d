//! A `_metadata` of version 6 from a value, with any cluster's paths: what Flink writes on the
//! primary, and what must then be on the secondary, byte for byte. It shares nothing with the
//! product's parser, and has no more of the format than the simulated jobs use.

/// A file under a root, which it has on both clusters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct File {
    /// Below the root: `<job>/chk-7/<name>`.
    pub path: String,
    pub length: u64,
}

impl File {
    fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }
}

/// Where a state is.
#[derive(Debug, Clone)]
pub enum Handle {
    Inline(Vec<u8>),
    Absolute(File),
    /// Named from the directory of the `_metadata`.
    Relative(File),
}

impl Handle {
    pub fn file(&self) -> Option<&File> {
        match self {
            Self::Inline(_) => None,
            Self::Absolute(file) | Self::Relative(file) => Some(file),
        }
    }
}

/// The states of one subtask: of its operator, and of RocksDB with the shared files' local numbers.
#[derive(Debug, Clone)]
pub struct TaskState {
    pub operator: Handle,
    pub meta: Handle,
    pub shared: Vec<(u64, File)>,
}

/// A completed checkpoint.
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub job: String,
    pub id: u64,
    pub tasks: Vec<TaskState>,
}

impl Snapshot {
    /// Its directory, below the root.
    pub fn dir(&self) -> String {
        format!("{}/chk-{}", self.job, self.id)
    }

    /// The files of this checkpoint alone.
    pub fn exclusive(&self) -> impl Iterator<Item = &File> {
        let handles = self
            .tasks
            .iter()
            .flat_map(|task| [&task.operator, &task.meta]);
        handles.filter_map(Handle::file)
    }

    /// The files that others may name, too.
    pub fn shared(&self) -> impl Iterator<Item = &File> {
        let shared = self.tasks.iter().flat_map(|task| &task.shared);
        shared.map(|(_, file)| file)
    }

    /// Its `_metadata` where the root is `root`.
    pub fn bytes(&self, root: &str) -> Vec<u8> {
        let mut out = Writer {
            root,
            bytes: Vec::new(),
        };
        out.int(0x4960_672d);
        out.int(6);
        out.long(self.id);
        out.count(0); // master states
        out.count(self.tasks.len());
        for (number, task) in (1..).zip(&self.tasks) {
            out.operator(number, self.id, task);
        }
        // the smallest that a trailer may be
        let trailer = [0xAC, 0xED, 0, 5, 0x74, 0, 3, b'a', b'b', b'c'];
        out.bytes.extend(trailer);
        out.bytes
    }
}

struct Writer<'r> {
    root: &'r str,
    bytes: Vec<u8>,
}

impl Writer<'_> {
    fn byte(&mut self, value: u8) {
        self.bytes.push(value);
    }

    fn int(&mut self, value: i32) {
        self.bytes.extend(value.to_be_bytes());
    }

    fn long(&mut self, value: u64) {
        self.bytes.extend(value.to_be_bytes());
    }

    fn count(&mut self, value: usize) {
        self.int(i32::try_from(value).unwrap());
    }

    /// ASCII alone.
    fn utf(&mut self, text: &str) {
        let length = u16::try_from(text.len()).unwrap();
        self.bytes.extend(length.to_be_bytes());
        self.bytes.extend(text.as_bytes());
    }

    /// One operator with one subtask.
    fn operator(&mut self, number: u8, checkpoint: u64, task: &TaskState) {
        self.utf("an operator");
        self.utf("");
        self.bytes.extend([number; 16]);
        self.int(1);
        self.int(128);
        self.byte(0); // no coordinator
        self.count(1);
        self.int(0);

        self.int(1); // managed operator state
        self.byte(4);
        self.count(0);
        self.stream(&task.operator);
        self.int(0); // raw operator state

        self.byte(11); // managed keyed state: incremental
        self.long(checkpoint);
        self.utf("a backend");
        self.int(0);
        self.int(128);
        self.long(0);
        self.stream(&task.meta);
        self.count(task.shared.len());
        for (local, file) in &task.shared {
            self.utf(&format!("{local:06}.sst"));
            self.absolute(file);
        }
        self.count(0); // files of its own
        self.utf("a handle");
        self.byte(0); // raw keyed state
        self.count(0); // channels
        self.count(0);
    }

    fn stream(&mut self, handle: &Handle) {
        match handle {
            Handle::Inline(bytes) => {
                self.byte(1);
                self.utf("a name");
                self.count(bytes.len());
                self.bytes.extend(bytes);
            }
            Handle::Absolute(file) => self.absolute(file),
            Handle::Relative(file) => {
                self.byte(6);
                self.utf(file.name());
                self.long(file.length);
            }
        }
    }

    fn absolute(&mut self, file: &File) {
        self.byte(2);
        self.long(file.length);
        let path = format!("{}/{}", self.root, file.path);
        self.utf(&path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_products_parser_finds_what_was_written() {
        let file = |path: &str, length| File {
            path: path.to_owned(),
            length,
        };
        let task = TaskState {
            operator: Handle::Relative(file("j/chk-7/a", 1)),
            meta: Handle::Inline(vec![1, 2]),
            shared: vec![(1, file("j/shared/b", 2)), (2, file("i/shared/c", 3))],
        };
        let second = TaskState {
            operator: Handle::Inline(vec![]),
            meta: Handle::Absolute(file("j/chk-7/d", 4)),
            shared: vec![],
        };
        let snapshot = Snapshot {
            job: "j".to_owned(),
            id: 7,
            tasks: vec![task, second],
        };
        let dir = audit::Location::parse("hdfs://a/root/j/chk-7").unwrap();
        let manifest = audit::manifest(&snapshot.bytes("hdfs://a/root"), &dir).unwrap();
        assert_eq!(manifest.checkpoint_id, 7);
        let found: Vec<_> = manifest
            .files
            .iter()
            .map(|file| {
                let path = file.location.as_ref().unwrap().path();
                (path.trim_start_matches("/root/"), file.length)
            })
            .collect();
        let files = snapshot.exclusive().chain(snapshot.shared());
        let mut expected: Vec<_> = files.map(|file| (&*file.path, Some(file.length))).collect();
        expected.sort_unstable();
        let mut sorted = found.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, expected);
        assert_eq!(found.len(), 4);
    }
}
