//! A store in memory: the contract with nothing behind it, for tests and dry runs.
//!
//! Refuses to be slow, to fail, or to know the time: modified times are counted, not measured.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};

use crate::path::{as_prefix, check, parent};
use crate::{ErrorKind, FileStatus, Result, Store, StoreError, Writer};

/// Files in memory. Clones share them.
///
/// Modified times come from a counter of milliseconds that starts at 1 and goes on by one with
/// every change; [`MemoryStore::set_now_ms`] moves it.
#[derive(Debug, Clone)]
pub struct MemoryStore {
    name: String,
    tree: Arc<Mutex<Tree>>,
}

#[derive(Debug)]
struct Tree {
    nodes: BTreeMap<String, Node>,
    now_ms: u64,
    next_id: u64,
}

#[derive(Debug)]
struct Node {
    modified_ms: u64,
    body: Body,
}

#[derive(Debug)]
enum Body {
    Dir,
    File { id: u64, data: BytesMut },
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new("memory:")
    }
}

impl MemoryStore {
    /// An empty store; `name` is what the logs call it.
    pub fn new(name: impl Into<String>) -> Self {
        let root = Node {
            modified_ms: 0,
            body: Body::Dir,
        };
        let nodes = BTreeMap::from([("/".to_owned(), root)]);
        let tree = Tree {
            nodes,
            now_ms: 1,
            next_id: 0,
        };
        Self {
            name: name.into(),
            tree: Arc::new(Mutex::new(tree)),
        }
    }

    /// The next change is stamped with `now_ms`, milliseconds since the epoch.
    pub fn set_now_ms(&self, now_ms: u64) {
        self.lock().now_ms = now_ms;
    }

    /// The stamp that the next change will get.
    pub fn now_ms(&self) -> u64 {
        self.lock().now_ms
    }

    /// Every file with its bytes, in the order of their paths.
    pub fn files(&self) -> Vec<(String, Bytes)> {
        let tree = self.lock();
        let file = |(path, node): (&String, &Node)| match &node.body {
            Body::File { data, .. } => Some((path.clone(), Bytes::copy_from_slice(data))),
            Body::Dir => None,
        };
        tree.nodes.iter().filter_map(file).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Tree> {
        self.tree.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tree {
    fn stamp(&mut self) -> u64 {
        self.now_ms += 1;
        self.now_ms - 1
    }

    fn is_dir(&self, path: &str) -> bool {
        self.nodes
            .get(path)
            .is_some_and(|node| matches!(node.body, Body::Dir))
    }

    fn mkdirs(&mut self, operation: &'static str, dir: &str) -> Result<()> {
        match self.nodes.get(dir) {
            Some(Node {
                body: Body::Dir, ..
            }) => Ok(()),
            Some(_) => Err(fail(
                ErrorKind::AlreadyExists,
                operation,
                dir,
                "it is a file",
            )),
            None => {
                if let Some(above) = parent(dir) {
                    self.mkdirs(operation, above).map_err(|mut error| {
                        error.kind = ErrorKind::Invalid;
                        error
                    })?;
                }
                let node = Node {
                    modified_ms: self.stamp(),
                    body: Body::Dir,
                };
                self.nodes.insert(dir.to_owned(), node);
                Ok(())
            }
        }
    }

    fn create(&mut self, path: &str) -> Result<u64> {
        if self.nodes.contains_key(path) {
            return Err(fail(
                ErrorKind::AlreadyExists,
                "create",
                path,
                "it is there",
            ));
        }
        if let Some(above) = parent(path) {
            self.mkdirs("create", above).map_err(|mut error| {
                path.clone_into(&mut error.path);
                error.kind = ErrorKind::Invalid;
                error
            })?;
        }
        self.next_id += 1;
        let body = Body::File {
            id: self.next_id,
            data: BytesMut::new(),
        };
        let node = Node {
            modified_ms: self.stamp(),
            body,
        };
        self.nodes.insert(path.to_owned(), node);
        Ok(self.next_id)
    }

    /// The open file `id`, wherever it was renamed to.
    fn open_file(&mut self, id: u64) -> Option<(&mut u64, &mut BytesMut)> {
        self.nodes
            .values_mut()
            .find_map(|node| match &mut node.body {
                Body::File { id: found, data } if *found == id => {
                    Some((&mut node.modified_ms, data))
                }
                _ => None,
            })
    }

    fn rename(&mut self, operation: &'static str, from: &str, to: &str) -> Result<()> {
        let replace = operation == "replace";
        let refuse = |kind, message| Err(fail(kind, operation, from, message));
        let Some(source) = self.nodes.get(from) else {
            return refuse(ErrorKind::NotFound, "the source is not there");
        };
        let source_is_dir = matches!(source.body, Body::Dir);
        match self.nodes.get(to) {
            Some(_) if !replace || from == to => {
                return refuse(ErrorKind::AlreadyExists, "the target is there");
            }
            Some(target) if source_is_dir || matches!(target.body, Body::Dir) => {
                return refuse(ErrorKind::Invalid, "only a file takes the place of a file");
            }
            _ => {}
        }
        if to.starts_with(&as_prefix(from)) {
            return refuse(ErrorKind::Invalid, "the target lies within the source");
        }
        let above = parent(to).unwrap_or("/");
        if !self.nodes.contains_key(above) {
            return refuse(ErrorKind::NotFound, "the parent of the target is not there");
        }
        if !self.is_dir(above) {
            return refuse(ErrorKind::Invalid, "the parent of the target is a file");
        }
        for path in self.with_descendants(from) {
            if let Some(node) = self.nodes.remove(&path) {
                self.nodes
                    .insert(format!("{to}{}", &path[from.len()..]), node);
            }
        }
        Ok(())
    }

    fn with_descendants(&self, path: &str) -> Vec<String> {
        let prefix = as_prefix(path);
        let beneath = self.nodes.range(prefix.clone()..).map(|(key, _)| key);
        let beneath = beneath
            .take_while(|key| key.starts_with(&prefix))
            .filter(|key| *key != path);
        std::iter::once(path.to_owned())
            .chain(beneath.cloned())
            .collect()
    }

    fn status(&self, path: &str) -> Option<FileStatus> {
        let node = self.nodes.get(path)?;
        let (length, is_dir) = match &node.body {
            Body::Dir => (0, true),
            Body::File { data, .. } => (data.len() as u64, false),
        };
        Some(FileStatus {
            path: path.to_owned(),
            length,
            is_dir,
            modified_ms: node.modified_ms,
        })
    }
}

fn fail(kind: ErrorKind, operation: &'static str, path: &str, message: &str) -> StoreError {
    StoreError::new(kind, operation, path, message)
}

#[async_trait]
impl Store for MemoryStore {
    fn name(&self) -> &str {
        &self.name
    }

    async fn create(&self, path: &str) -> Result<Box<dyn Writer>> {
        check("create", path)?;
        let id = self.lock().create(path)?;
        Ok(Box::new(MemoryWriter {
            store: self.clone(),
            path: path.to_owned(),
            id,
        }))
    }

    async fn read(&self, path: &str, offset: u64, length: u64) -> Result<Bytes> {
        check("read", path)?;
        let tree = self.lock();
        let data = match tree.nodes.get(path).map(|node| &node.body) {
            Some(Body::File { data, .. }) => data,
            Some(Body::Dir) => return Err(fail(ErrorKind::Invalid, "read", path, "a directory")),
            None => return Err(fail(ErrorKind::NotFound, "read", path, "it is not there")),
        };
        let range = usize::try_from(offset)
            .ok()
            .zip(usize::try_from(length).ok());
        let bytes = range
            .and_then(|(offset, length)| data.get(offset..offset.checked_add(length)?))
            .ok_or_else(|| {
                let message = format!(
                    "{length} bytes asked for at {offset}, the file has {}",
                    data.len()
                );
                fail(ErrorKind::Truncated, "read", path, &message)
            })?;
        Ok(Bytes::copy_from_slice(bytes))
    }

    async fn stat(&self, path: &str) -> Result<Option<FileStatus>> {
        check("stat", path)?;
        Ok(self.lock().status(path))
    }

    async fn list(&self, dir: &str) -> Result<Vec<FileStatus>> {
        check("list", dir)?;
        let tree = self.lock();
        if !tree.nodes.contains_key(dir) {
            return Err(fail(ErrorKind::NotFound, "list", dir, "it is not there"));
        }
        if !tree.is_dir(dir) {
            return Err(fail(ErrorKind::Invalid, "list", dir, "it is a file"));
        }
        let paths = tree.with_descendants(dir).into_iter();
        let children = paths.filter(|path| parent(path) == Some(dir));
        let mut children: Vec<_> = children.filter_map(|path| tree.status(&path)).collect();
        children.sort_by(|left, right| left.name().cmp(right.name()));
        Ok(children)
    }

    async fn rename(&self, from: &str, to: &str) -> Result<()> {
        check("rename", from)?;
        check("rename", to)?;
        self.lock().rename("rename", from, to)
    }

    async fn replace(&self, from: &str, to: &str) -> Result<()> {
        check("replace", from)?;
        check("replace", to)?;
        self.lock().rename("replace", from, to)
    }

    async fn mkdirs(&self, dir: &str) -> Result<()> {
        check("mkdirs", dir)?;
        self.lock().mkdirs("mkdirs", dir)
    }

    async fn delete(&self, path: &str, recursive: bool) -> Result<bool> {
        check("delete", path)?;
        let mut tree = self.lock();
        if path == "/" {
            return Err(fail(
                ErrorKind::Invalid,
                "delete",
                path,
                "the root cannot be deleted",
            ));
        }
        if !tree.nodes.contains_key(path) {
            return Ok(false);
        }
        let doomed = tree.with_descendants(path);
        if doomed.len() > 1 && !recursive {
            return Err(fail(
                ErrorKind::Invalid,
                "delete",
                path,
                "the directory is not empty",
            ));
        }
        for path in doomed {
            tree.nodes.remove(&path);
        }
        Ok(true)
    }
}

#[derive(Debug)]
struct MemoryWriter {
    store: MemoryStore,
    path: String,
    id: u64,
}

#[async_trait]
impl Writer for MemoryWriter {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        let mut tree = self.store.lock();
        let Some((_, data)) = tree.open_file(self.id) else {
            return Err(fail(
                ErrorKind::NotFound,
                "write",
                &self.path,
                "deleted while open",
            ));
        };
        data.extend_from_slice(&bytes);
        Ok(())
    }

    async fn close(self: Box<Self>) -> Result<u64> {
        let mut tree = self.store.lock();
        let now_ms = tree.stamp();
        let Some((modified_ms, data)) = tree.open_file(self.id) else {
            return Err(fail(
                ErrorKind::NotFound,
                "close",
                &self.path,
                "deleted while open",
            ));
        };
        *modified_ms = now_ms;
        Ok(data.len() as u64)
    }

    async fn abort(self: Box<Self>) {
        let mut tree = self.store.lock();
        let body = tree.nodes.get(&self.path).map(|node| &node.body);
        if matches!(body, Some(Body::File { id, .. }) if *id == self.id) {
            tree.nodes.remove(&self.path);
        }
    }
}
