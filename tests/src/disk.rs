//! A disk of its own, of a given size: a file system in memory that can be filled to its last byte.
//!
//! Needs root, to mount it. Refuses to be a slow disk.

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::janitor::Janitor;
use crate::root;
use crate::run::Run;

/// In pieces of this many bytes a disk is filled.
const PIECE_BYTES: usize = 1 << 20;

/// A mounted file system. Dropped, or with the test's process gone, it is taken away.
#[derive(Debug)]
pub struct Disk {
    path: PathBuf,
    _janitor: Janitor,
}

impl Disk {
    /// Mounts an empty disk of `megabytes` in a folder of the run.
    ///
    /// # Errors
    /// When this process is not root, or the mount fails.
    pub fn mount(run: &Run, name: &str, megabytes: u32) -> Result<Self> {
        Self::with_options(run, name, &format!("size={megabytes}m,mode=755"))
    }

    /// The same, but nothing on it can be executed, and no library of it loaded.
    ///
    /// # Errors
    /// As [`Disk::mount`].
    pub fn mount_noexec(run: &Run, name: &str, megabytes: u32) -> Result<Self> {
        Self::with_options(run, name, &format!("size={megabytes}m,mode=755,noexec"))
    }

    fn with_options(run: &Run, name: &str, options: &str) -> Result<Self> {
        root::need("a disk of its own")?;
        let path = run.data_dir(name)?;
        // The shell first: whatever happens after the mount, somebody undoes it.
        let janitor = Janitor::hire("umount -l \"$1\" || ! mountpoint -q \"$1\"", &[&path])?;
        root::run(&format!(
            "mount -t tmpfs -o {options} dualwrite {}",
            path.display()
        ))?;
        Ok(Self {
            path,
            _janitor: janitor,
        })
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes until not a byte is free.
    ///
    /// # Errors
    /// When something else than the disk's end hinders it.
    pub fn fill(&self) -> Result<()> {
        let path = self.filler();
        let mut file = std::fs::File::create(&path)
            .with_context(|| format!("cannot create {}", path.display()))?;
        let piece = vec![0; PIECE_BYTES];
        loop {
            match file.write_all(&piece) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => return Ok(()),
                Err(error) => bail!("cannot fill {}: {error}", path.display()),
            }
        }
    }

    /// Ends [`Disk::fill`].
    ///
    /// # Errors
    /// When it was not filled.
    pub fn free(&self) -> Result<()> {
        let path = self.filler();
        std::fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))
    }

    fn filler(&self) -> PathBuf {
        self.path.join("filler")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_takes_no_byte_and_a_freed_one_does() {
        let run = Run::new("disk::full").unwrap();
        let disk = Disk::mount(&run, "disk", 4).unwrap();
        let file = disk.path().join("x");
        disk.fill().unwrap();
        let error = std::fs::write(&file, b"x").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StorageFull);
        disk.free().unwrap();
        std::fs::write(&file, b"x").unwrap();
        drop(disk);
        assert!(!file.exists());
        run.passed();
    }
}
