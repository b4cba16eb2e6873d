//! The local files that bytes are spilled to.
//!
//! They have no names, so a process that is killed leaves nothing behind. Refuses to fill the file
//! system that it is on: others live there, RocksDB among them.

use std::fs::File;
use std::io::{Error, ErrorKind, Result};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::future::BoxFuture;

/// So much of a file system stays free, of a hundred parts.
const STAYS_FREE_PERCENT: u64 = 5;

/// A place for bytes outside of memory. Tests have others than files.
#[async_trait]
pub trait Disk: Send + Sync + 'static {
    /// Writes all of `bytes` at an offset.
    ///
    /// # Errors
    /// [`ErrorKind::StorageFull`] where there is no room, or none that may be used.
    async fn write(&self, at: u64, bytes: Bytes) -> Result<()>;

    /// Reads exactly `length` bytes at an offset.
    ///
    /// # Errors
    /// Whatever the disk says.
    async fn read(&self, at: u64, length: usize) -> Result<Bytes>;
}

/// The disks that there are, at least one.
pub type Disks = Vec<Arc<dyn Disk>>;

/// Opens the disks when bytes are spilled for the first time, and again after all were read.
pub type DiskOpener = Arc<dyn Fn() -> BoxFuture<'static, Result<Disks>> + Send + Sync>;

/// One file without a name in each of the directories that can have one.
pub(crate) fn files(directories: Vec<PathBuf>) -> DiskOpener {
    files_that_leave(STAYS_FREE_PERCENT, directories)
}

fn files_that_leave(percent: u64, directories: Vec<PathBuf>) -> DiskOpener {
    let directories = Arc::new(directories);
    Arc::new(move || {
        let directories = Arc::clone(&directories);
        let open = tokio::task::spawn_blocking(move || open(percent, &directories));
        Box::pin(async { open.await.map_err(Error::other)? })
    })
}

fn open(percent: u64, directories: &[PathBuf]) -> Result<Disks> {
    let mut disks = Disks::new();
    let mut failure = Error::new(ErrorKind::NotFound, "no directory is configured");
    for directory in directories {
        match tempfile::tempfile_in(directory) {
            Ok(file) => disks.push(Arc::new(FileDisk {
                file: Arc::new(file),
                stays_free_percent: percent,
            })),
            Err(error) => {
                let said = format!("{}: {error}", directory.display());
                failure = Error::new(error.kind(), said);
            }
        }
    }
    if disks.is_empty() {
        return Err(failure);
    }
    Ok(disks)
}

/// Whether of so many blocks enough are free for this user.
fn has_room(free: u64, blocks: u64, percent: u64) -> bool {
    u128::from(free) * 100 >= u128::from(blocks) * u128::from(percent)
}

/// A file, read and written by the runtime's blocking threads.
struct FileDisk {
    file: Arc<File>,
    stays_free_percent: u64,
}

impl FileDisk {
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&File) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let file = Arc::clone(&self.file);
        let work = tokio::task::spawn_blocking(move || work(&file));
        work.await.map_err(Error::other)?
    }
}

#[async_trait]
impl Disk for FileDisk {
    async fn write(&self, at: u64, bytes: Bytes) -> Result<()> {
        let percent = self.stays_free_percent;
        self.run(move |file| {
            let space = rustix::fs::fstatvfs(file)?;
            if !has_room(space.f_bavail, space.f_blocks, percent) {
                let message = format!("less than {percent} % of a file system is free");
                return Err(Error::new(ErrorKind::StorageFull, message));
            }
            file.write_all_at(&bytes, at)
        })
        .await
    }

    async fn read(&self, at: u64, length: usize) -> Result<Bytes> {
        self.run(move |file| {
            let mut bytes = vec![0; length];
            file.read_exact_at(&mut bytes, at)?;
            Ok(bytes.into())
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_the_file_system_stays_free() {
        assert!(has_room(10, 100, 10) && !has_room(9, 100, 10));
        assert!(has_room(u64::MAX, u64::MAX, 100) && !has_room(0, u64::MAX, 1));
    }

    #[tokio::test]
    async fn files_have_no_names_and_keep_what_is_written() {
        let directory = tempfile::tempdir().unwrap();
        let nowhere = directory.path().join("nowhere");
        let opener = files_that_leave(0, vec![nowhere.clone(), directory.path().to_owned()]);
        let disks = opener().await.unwrap();
        assert_eq!(disks.len(), 1, "the other directory is not there");
        disks[0].write(100, Bytes::from("later")).await.unwrap();
        disks[0].write(0, Bytes::from("first")).await.unwrap();
        assert_eq!(disks[0].read(100, 5).await.unwrap(), "later");
        assert_eq!(disks[0].read(1, 3).await.unwrap(), "irs");
        assert!(disks[0].read(103, 5).await.is_err());
        assert_eq!(directory.path().read_dir().unwrap().count(), 0);
        let error = files(vec![nowhere])().await.err().unwrap();
        assert!(error.to_string().contains("nowhere"), "{error}");
    }

    #[tokio::test]
    async fn a_full_file_system_is_left_as_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let disks = files_that_leave(101, vec![directory.path().to_owned()])()
            .await
            .unwrap();
        let error = disks[0].write(0, Bytes::from("bytes")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StorageFull);
        assert!(disks[0].read(0, 1).await.is_err());
    }
}
