//! A cluster and a disk that keep the lengths of what is written and not the bytes, so that
//! hundreds of TaskManagers fit into one test. Documents, which do not begin with a zero, are kept.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use replicator::{Disk, DiskOpener};
use store::{ErrorKind, FileStatus, Result, Store, StoreError, Writer};

/// Clones are the same cluster.
#[derive(Clone)]
pub struct ModelStore {
    name: &'static str,
    files: Arc<Mutex<BTreeMap<String, File>>>,
}

#[derive(Clone)]
struct File {
    length: u64,
    modified_ms: u64,
    document: Bytes,
}

impl ModelStore {
    pub fn new(name: &'static str) -> Self {
        let files = Arc::default();
        Self { name, files }
    }

    /// Puts a file of zeros.
    pub fn put(&self, path: &str, length: u64) {
        let document = Bytes::new();
        self.insert(path, length, document);
    }

    /// Puts a file whose bytes are kept.
    pub fn put_document(&self, path: &str, document: &Bytes) {
        self.insert(path, document.len() as u64, document.clone());
    }

    /// Deletes a file, as Flink does on the primary.
    pub fn remove(&self, path: &str) {
        self.lock().remove(path);
    }

    /// How many files there are whose paths contain a part.
    pub fn count(&self, part: &str) -> usize {
        let files = self.lock();
        files.keys().filter(|path| path.contains(part)).count()
    }

    fn insert(&self, path: &str, length: u64, document: Bytes) {
        let mut files = self.lock();
        let modified_ms = files.len() as u64 + length;
        let file = File {
            length,
            modified_ms,
            document,
        };
        files.insert(path.to_owned(), file);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, File>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn error(kind: ErrorKind, operation: &'static str, path: &str) -> StoreError {
        StoreError::new(kind, operation, path, "as the model has it")
    }

    fn status(path: &str, file: &File) -> FileStatus {
        FileStatus {
            path: path.to_owned(),
            length: file.length,
            is_dir: false,
            modified_ms: file.modified_ms,
        }
    }
}

#[async_trait]
impl Store for ModelStore {
    fn name(&self) -> &str {
        self.name
    }

    async fn create(&self, path: &str) -> Result<Box<dyn Writer>> {
        if self.lock().contains_key(path) {
            return Err(Self::error(ErrorKind::AlreadyExists, "create", path));
        }
        self.insert(path, 0, Bytes::new());
        Ok(Box::new(ModelWriter {
            store: self.clone(),
            path: path.to_owned(),
            length: 0,
            document: BytesMut::new(),
        }))
    }

    async fn read(&self, path: &str, offset: u64, length: u64) -> Result<Bytes> {
        static ZEROS: [u8; 1 << 20] = [0; 1 << 20];
        let files = self.lock();
        let file = files.get(path);
        let file = file.ok_or_else(|| Self::error(ErrorKind::NotFound, "read", path))?;
        let from = usize::try_from(offset).unwrap();
        let length = usize::try_from(length).unwrap();
        if file.document.is_empty() {
            return Ok(Bytes::from_static(&ZEROS[..length]));
        }
        Ok(file.document.slice(from..from + length))
    }

    async fn stat(&self, path: &str) -> Result<Option<FileStatus>> {
        let files = self.lock();
        Ok(files.get(path).map(|file| Self::status(path, file)))
    }

    async fn list(&self, dir: &str) -> Result<Vec<FileStatus>> {
        let files = self.lock();
        let prefix = format!("{dir}/");
        let below = files.range(prefix.clone()..);
        let below = below.take_while(|(path, _)| path.starts_with(&prefix));
        let mut children = Vec::<FileStatus>::new();
        for (path, file) in below {
            let (name, is_dir) = match path[prefix.len()..].split_once('/') {
                Some((name, _)) => (name, true),
                None => (&path[prefix.len()..], false),
            };
            if children.last().is_some_and(|child| child.name() == name) {
                continue;
            }
            let mut child = Self::status(&format!("{prefix}{name}"), file);
            child.is_dir = is_dir;
            children.push(child);
        }
        if children.is_empty() {
            return Err(Self::error(ErrorKind::NotFound, "list", dir));
        }
        Ok(children)
    }

    async fn rename(&self, from: &str, to: &str) -> Result<()> {
        let mut files = self.lock();
        if files.contains_key(to) {
            return Err(Self::error(ErrorKind::AlreadyExists, "rename", from));
        }
        let file = files.remove(from);
        let file = file.ok_or_else(|| Self::error(ErrorKind::NotFound, "rename", from))?;
        files.insert(to.to_owned(), file);
        Ok(())
    }

    async fn replace(&self, from: &str, to: &str) -> Result<()> {
        let mut files = self.lock();
        let file = files.remove(from);
        let file = file.ok_or_else(|| Self::error(ErrorKind::NotFound, "replace", from))?;
        files.insert(to.to_owned(), file);
        Ok(())
    }

    async fn mkdirs(&self, _dir: &str) -> Result<()> {
        Ok(())
    }

    async fn delete(&self, path: &str, recursive: bool) -> Result<bool> {
        let mut files = self.lock();
        let before = files.len();
        files.remove(path);
        if recursive {
            let prefix = format!("{path}/");
            let below = files.range(prefix.clone()..);
            let below = below.take_while(|(path, _)| path.starts_with(&prefix));
            let below: Vec<String> = below.map(|(path, _)| path.clone()).collect();
            for path in below {
                files.remove(&path);
            }
        }
        Ok(files.len() < before)
    }
}

struct ModelWriter {
    store: ModelStore,
    path: String,
    length: u64,
    document: BytesMut,
}

#[async_trait]
impl Writer for ModelWriter {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        if self.length == self.document.len() as u64 && bytes.first() != Some(&0) {
            self.document.extend_from_slice(&bytes);
        }
        self.length += bytes.len() as u64;
        Ok(())
    }

    async fn close(self: Box<Self>) -> Result<u64> {
        let is_whole = self.document.len() as u64 == self.length;
        let document = self.document.freeze();
        let document = if is_whole { document } else { Bytes::new() };
        self.store.insert(&self.path, self.length, document);
        Ok(self.length)
    }

    async fn abort(self: Box<Self>) {
        self.store.remove(&self.path);
    }
}

/// A disk of zeros.
pub struct ModelDisk;

impl ModelDisk {
    pub fn opener() -> DiskOpener {
        Arc::new(|| Box::pin(async { Ok(vec![Arc::new(Self) as Arc<dyn Disk>]) }))
    }
}

#[async_trait]
impl Disk for ModelDisk {
    async fn write(&self, _at: u64, _bytes: Bytes) -> io::Result<()> {
        Ok(())
    }

    async fn read(&self, _at: u64, length: usize) -> io::Result<Bytes> {
        Ok(vec![0; length].into())
    }
}
