//! A cluster's file system as the product needs it: [`Store`] and its forms.
//!
//! Knows files, lengths, renames and time limits. Refuses to know what a checkpoint is.

mod clock;
pub mod contract;
mod error;
mod guest;
mod hdfs;
mod local;
mod memory;
mod open;
mod path;
mod pause;
pub mod testing;

pub use clock::now_ms;
pub use error::{ErrorKind, StoreError};
pub use guest::be_a_guest;
pub use local::LocalStore;
pub use memory::MemoryStore;
pub use open::{ClusterOptions, is_name_service, open};
pub use pause::spread;

use async_trait::async_trait;
use bytes::Bytes;

/// What every call of a store answers with.
pub type Result<T> = std::result::Result<T, StoreError>;

/// One file or directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileStatus {
    /// Absolute path within the cluster, without scheme and authority.
    pub path: String,
    /// Bytes; 0 for a directory.
    pub length: u64,
    /// Whether this is a directory.
    pub is_dir: bool,
    /// Milliseconds since the epoch; 0 where the store does not know.
    pub modified_ms: u64,
}

impl FileStatus {
    /// The last component of the path.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }
}

/// A file system in which checkpoints live. The contract, which every form is tested on
/// (`contract::check`):
///
/// 1. Paths are absolute, start with `/`, and carry neither scheme nor authority.
/// 2. `create` never replaces: a path that exists is [`ErrorKind::AlreadyExists`]. Missing parents
///    are made.
/// 3. What was written is under its name with its whole length once `close` has returned Ok, and
///    stays so.
/// 4. `abort`, or a failed `write` followed by `abort`, leaves no file behind if the store answers.
///    A file whose `close` failed is given up in the same way. Its name must not be used again: a
///    late deletion may still be under way.
/// 5. `rename` is atomic and never replaces: an existing target is [`ErrorKind::AlreadyExists`] and
///    both files stay as they were; a missing source or a missing parent of the target is
///    [`ErrorKind::NotFound`].
/// 6. `replace` is `rename` that atomically takes the place of an existing target file. A reader
///    sees the old file or the new one.
/// 7. `stat` of what is not there is `Ok(None)`, `list` of a directory that is not there is
///    [`ErrorKind::NotFound`], `delete` of what is not there is `Ok(false)`.
/// 8. `list` gives the direct children, directories included, in the order of their names.
/// 9. `read` gives exactly the bytes asked for; a range past the end is [`ErrorKind::Truncated`].
/// 10. No call lasts longer than the store's time limit: it ends with [`ErrorKind::TimedOut`], and
///     the caller then does not know whether it took effect, or will yet.
/// 11. Every error names the operation and the path.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// How the logs call this cluster, e.g. `hdfs://nn2:8020`.
    fn name(&self) -> &str;
    /// Opens a new file.
    async fn create(&self, path: &str) -> Result<Box<dyn Writer>>;
    /// Reads `length` bytes from `offset`.
    async fn read(&self, path: &str, offset: u64, length: u64) -> Result<Bytes>;
    /// Looks one path up.
    async fn stat(&self, path: &str) -> Result<Option<FileStatus>>;
    /// The children of a directory.
    async fn list(&self, dir: &str) -> Result<Vec<FileStatus>>;
    /// Renames without replacing.
    async fn rename(&self, from: &str, to: &str) -> Result<()>;
    /// Renames, replacing a file at the target.
    async fn replace(&self, from: &str, to: &str) -> Result<()>;
    /// Makes a directory and its parents; an existing directory is fine.
    async fn mkdirs(&self, dir: &str) -> Result<()>;
    /// Deletes a file, or a directory with all in it when `recursive`. False if nothing was there.
    async fn delete(&self, path: &str, recursive: bool) -> Result<bool>;
}

/// The children of a directory; none if it is not there.
///
/// # Errors
/// As [`Store::list`].
pub async fn list_if_there(store: &dyn Store, dir: &str) -> Result<Vec<FileStatus>> {
    match store.list(dir).await {
        Err(error) if error.kind == ErrorKind::NotFound => Ok(Vec::new()),
        listed => listed,
    }
}

/// A file being written.
#[async_trait]
pub trait Writer: Send {
    /// Appends; the bytes are taken, not copied.
    async fn write(&mut self, bytes: Bytes) -> Result<()>;
    /// Completes the file and gives its length in bytes.
    async fn close(self: Box<Self>) -> Result<u64>;
    /// Gives the file up and deletes it, as far as the store answers.
    async fn abort(self: Box<Self>);
}
