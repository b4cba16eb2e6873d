//! A disk of its own, of a given size: a file system in memory that can be filled to its last byte,
//! or one in a file that can be frozen.
//!
//! Needs root, to mount it, and for the latter `mkfs.ext4` of e2fsprogs. Refuses to be slow by
//! degrees: it takes writes at once, or none.

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

    /// The same, on a block device, so that it can be frozen.
    ///
    /// # Errors
    /// As [`Disk::mount`], or when there is no loop device.
    pub fn mount_freezable(run: &Run, name: &str, megabytes: u32) -> Result<Self> {
        let image = run.data_dir("images")?.join(name);
        std::fs::File::create(&image)
            .and_then(|file| file.set_len(u64::from(megabytes) << 20))
            .with_context(|| format!("cannot create {}", image.display()))?;
        let image = image.display();
        root::run(&format!("mkfs.ext4 -q {image}"))?;
        Self::mount_by(run, name, &format!("mount -o loop {image}"))
    }

    fn with_options(run: &Run, name: &str, options: &str) -> Result<Self> {
        let mount = format!("mount -t tmpfs -o {options} dualwrite");
        Self::mount_by(run, name, &mount)
    }

    fn mount_by(run: &Run, name: &str, mount: &str) -> Result<Self> {
        // Frozen, it would keep for ever whoever writes to it, also when killed.
        const UNMOUNT: &str = "fsfreeze -u \"$1\"; umount -l \"$1\" || ! mountpoint -q \"$1\"";
        root::need("a disk of its own")?;
        let path = run.data_dir(name)?;
        // The shell first: whatever happens after the mount, somebody undoes it.
        let janitor = Janitor::hire(UNMOUNT, &[&path])?;
        root::run(&format!("{mount} {}", path.display()))?;
        Ok(Self {
            path,
            _janitor: janitor,
        })
    }

    /// Lets no write to it end. Only of a disk from [`Disk::mount_freezable`].
    ///
    /// # Errors
    /// When it cannot be frozen, or is.
    pub fn freeze(&self) -> Result<()> {
        root::run(&format!("fsfreeze -f {}", self.path.display())).map(drop)
    }

    /// Ends [`Disk::freeze`].
    ///
    /// # Errors
    /// When it is not frozen.
    pub fn thaw(&self) -> Result<()> {
        root::run(&format!("fsfreeze -u {}", self.path.display())).map(drop)
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
        // Emptied first: a process that is just being started may still have it open.
        let mut emptied = std::fs::File::options();
        emptied.write(true).truncate(true);
        emptied
            .open(&path)
            .and_then(|_| std::fs::remove_file(&path))
            .with_context(|| format!("cannot remove {}", path.display()))
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

    #[test]
    fn on_a_frozen_disk_a_write_ends_after_the_thaw() {
        let run = Run::new("disk::frozen").unwrap();
        let disk = Disk::mount_freezable(&run, "disk", 8).unwrap();
        let file = disk.path().join("x");
        disk.freeze().unwrap();
        let (ended, end) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            std::fs::write(&file, b"x").unwrap();
            ended.send(file).unwrap();
        });
        let pause = std::time::Duration::from_millis(300);
        end.recv_timeout(pause).unwrap_err();
        disk.thaw().unwrap();
        let file = end.recv().unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), b"x");
        drop(disk);
        assert!(!file.exists());
        run.passed();
    }
}
