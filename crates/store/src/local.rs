//! A store on local files, for addresses of the scheme `file:`.
//!
//! Paths are those of this machine. Refuses to emulate what its file system cannot do: `rename` is
//! Linux's `renameat2` with `RENAME_NOREPLACE`, and where that is missing it fails.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use async_trait::async_trait;
use bytes::Bytes;
use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::path::{as_prefix, check, parent};
use crate::{ErrorKind, FileStatus, Result, Store, StoreError, Writer};

/// The local file system, from its root.
#[derive(Debug, Clone)]
pub struct LocalStore {
    call_timeout: Duration,
}

impl LocalStore {
    /// No call lasts longer than `call_timeout`: a mounted network file system may hang.
    pub fn new(call_timeout: Duration) -> Self {
        Self { call_timeout }
    }
}

/// Runs what may block on a thread where it may, and turns its error into ours.
async fn blocking<T: Send + 'static>(
    limit: Duration,
    operation: &'static str,
    path: &str,
    work: impl FnOnce(&str) -> io::Result<T> + Send + 'static,
) -> Result<T> {
    let fail = |kind, message: String| Err(StoreError::new(kind, operation, path, message));
    let owned = path.to_owned();
    let task = tokio::task::spawn_blocking(move || work(&owned));
    match tokio::time::timeout(limit, task).await {
        Ok(Ok(Ok(value))) => Ok(value),
        Ok(Ok(Err(error))) => fail(kind_of(&error), error.to_string()),
        Ok(Err(lost)) => fail(ErrorKind::Other, lost.to_string()),
        Err(_) => fail(ErrorKind::TimedOut, format!("no answer within {limit:?}")),
    }
}

fn kind_of(error: &io::Error) -> ErrorKind {
    use io::ErrorKind as Io;
    match error.kind() {
        Io::NotFound => ErrorKind::NotFound,
        Io::AlreadyExists => ErrorKind::AlreadyExists,
        Io::PermissionDenied | Io::ReadOnlyFilesystem => ErrorKind::PermissionDenied,
        Io::StorageFull | Io::QuotaExceeded | Io::FileTooLarge => ErrorKind::NoSpace,
        Io::UnexpectedEof => ErrorKind::Truncated,
        Io::TimedOut | Io::StaleNetworkFileHandle => ErrorKind::Unavailable,
        Io::IsADirectory
        | Io::NotADirectory
        | Io::DirectoryNotEmpty
        | Io::InvalidFilename
        | Io::InvalidInput => ErrorKind::Invalid,
        _ => ErrorKind::Other,
    }
}

fn status(path: String, metadata: &Metadata) -> FileStatus {
    let modified = metadata.modified().ok();
    let age = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let modified_ms = age.map_or(0, |age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX));
    let is_dir = metadata.is_dir();
    FileStatus {
        path,
        length: if is_dir { 0 } else { metadata.len() },
        is_dir,
        modified_ms,
    }
}

fn read_range(path: &str, offset: u64, length: u64) -> io::Result<Bytes> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let end = offset
        .checked_add(length)
        .filter(|end| *end <= metadata.len());
    let (Some(_), Ok(length_here)) = (end, usize::try_from(length)) else {
        let message = format!(
            "{length} bytes asked for at {offset}, the file has {}",
            metadata.len()
        );
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, message));
    };
    let mut bytes = vec![0; length_here];
    file.read_exact_at(&mut bytes, offset)?;
    Ok(bytes.into())
}

fn children(dir: &str) -> io::Result<Vec<FileStatus>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        // What is no UTF-8 is nobody's here: it is shown, and under what is shown nothing is there.
        let path = as_prefix(dir) + &entry.file_name().to_string_lossy();
        match fs::metadata(entry.path()) {
            Ok(metadata) => found.push(status(path, &metadata)),
            // Deleted since it was listed, or a link to nothing.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    found.sort_by(|left, right| left.path.cmp(&right.path));
    Ok(found)
}

fn delete(path: &str, recursive: bool) -> io::Result<bool> {
    let deleted = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() && recursive => fs::remove_dir_all(path),
        Ok(metadata) if metadata.is_dir() => fs::remove_dir(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match deleted {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[async_trait]
impl Store for LocalStore {
    fn name(&self) -> &'static str {
        "file:"
    }

    async fn create(&self, path: &str) -> Result<Box<dyn Writer>> {
        check("create", path)?;
        let file = blocking(self.call_timeout, "create", path, |path| {
            if let Some(above) = parent(path) {
                fs::create_dir_all(above)?;
            }
            OpenOptions::new().write(true).create_new(true).open(path)
        });
        let (file, path) = (Some(file.await?), path.to_owned());
        Ok(Box::new(LocalWriter {
            call_timeout: self.call_timeout,
            path,
            file,
            length: 0,
        }))
    }

    async fn read(&self, path: &str, offset: u64, length: u64) -> Result<Bytes> {
        check("read", path)?;
        blocking(self.call_timeout, "read", path, move |path| {
            read_range(path, offset, length)
        })
        .await
    }

    async fn stat(&self, path: &str) -> Result<Option<FileStatus>> {
        check("stat", path)?;
        blocking(self.call_timeout, "stat", path, |path| {
            match fs::metadata(path) {
                Ok(metadata) => Ok(Some(status(path.to_owned(), &metadata))),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(error),
            }
        })
        .await
    }

    async fn list(&self, dir: &str) -> Result<Vec<FileStatus>> {
        check("list", dir)?;
        blocking(self.call_timeout, "list", dir, children).await
    }

    async fn rename(&self, from: &str, to: &str) -> Result<()> {
        check("rename", from)?;
        check("rename", to)?;
        let target = to.to_owned();
        blocking(self.call_timeout, "rename", from, move |from| {
            Ok(renameat_with(
                CWD,
                from,
                CWD,
                target,
                RenameFlags::NOREPLACE,
            )?)
        })
        .await
    }

    async fn replace(&self, from: &str, to: &str) -> Result<()> {
        check("replace", from)?;
        check("replace", to)?;
        let target = to.to_owned();
        blocking(self.call_timeout, "replace", from, move |from| {
            if from == target {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            fs::rename(from, target)
        })
        .await
    }

    async fn mkdirs(&self, dir: &str) -> Result<()> {
        check("mkdirs", dir)?;
        blocking(self.call_timeout, "mkdirs", dir, |dir| {
            fs::create_dir_all(dir)
        })
        .await
    }

    async fn delete(&self, path: &str, recursive: bool) -> Result<bool> {
        check("delete", path)?;
        blocking(self.call_timeout, "delete", path, move |path| {
            delete(path, recursive)
        })
        .await
    }
}

/// A local file being written; without its handle after a failure.
#[derive(Debug)]
struct LocalWriter {
    call_timeout: Duration,
    path: String,
    file: Option<File>,
    length: u64,
}

impl LocalWriter {
    fn lost(&self, operation: &'static str) -> StoreError {
        StoreError::new(
            ErrorKind::Other,
            operation,
            &*self.path,
            "lost by an earlier failure",
        )
    }
}

#[async_trait]
impl Writer for LocalWriter {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        let mut file = self.file.take().ok_or_else(|| self.lost("write"))?;
        let length = bytes.len() as u64;
        let written = blocking(self.call_timeout, "write", &self.path, move |_| {
            file.write_all(&bytes).map(|()| file)
        });
        self.file = Some(written.await?);
        self.length += length;
        Ok(())
    }

    async fn close(mut self: Box<Self>) -> Result<u64> {
        self.file
            .take()
            .map(|_| self.length)
            .ok_or_else(|| self.lost("close"))
    }

    async fn abort(mut self: Box<Self>) {
        drop(self.file.take());
        let gone = blocking(self.call_timeout, "abort", &self.path, |path| {
            fs::remove_file(Path::new(path))
        });
        if let Err(error) = gone.await
            && error.kind != ErrorKind::NotFound
        {
            tracing::warn!(%error, "an aborted file stays behind until it is collected");
        }
    }
}
