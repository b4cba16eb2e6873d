//! The files that are measured: written by Flink, looked at by both sides before anything is
//! measured. Refuses a file that they understand differently.

use std::fmt;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

use crate::side::{self, Flink, Memory};

/// Operators, and subtasks of each: about 1, 10, 100 and 1000 MB.
const JOBS: [(u64, u64); 4] = [(1, 107), (4, 266), (20, 532), (100, 1064)];
/// Of [`JOBS`], the one that is compared with Flink.
pub const LARGE: usize = 2;

/// A directory with a `_metadata`.
pub struct File {
    /// Named as Flink names it, which resolves relative paths against it.
    pub directory: PathBuf,
    pub bytes: u64,
    /// How many files it names, as who wrote it counted them.
    handles: u64,
}

impl File {
    /// Has Flink write all of them.
    pub fn write_all(flink: &Flink) -> Result<Vec<Self>> {
        let mut side = flink.start()?;
        let mut files = Vec::new();
        for (operators, subtasks) in JOBS {
            let job = format!("{operators}-{subtasks}");
            let directory = folder().join(job).join("chk-42");
            let command = format!("write {} {operators} {subtasks}", directory.display());
            let [bytes, handles] = side.ask(&command)?;
            files.push(Self {
                directory,
                bytes,
                handles,
            });
        }
        Ok(files)
    }

    pub fn remove_all() -> Result<()> {
        let folder = folder();
        fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))
    }

    /// Both sides find the files in it that its writer named; and Flink's finds them in what ours
    /// has rewritten.
    pub fn check(&self, flink: &Flink) -> Result<()> {
        let [theirs] = flink.open(self)?.ask("count")?;
        let mut side = side::ours(self, Memory::GivenBack)?;
        let [ours] = side.ask("count")?;
        let directory = folder().join("rewritten/chk-42");
        let [bytes] = side.ask(&format!("write {}", directory.display()))?;
        let rewritten = Self {
            directory,
            bytes,
            handles: self.handles,
        };
        let [moved] = flink.open(&rewritten)?.ask("count")?;
        ensure!(
            [theirs, ours, moved] == [self.handles; 3],
            "of {} files Flink finds {theirs}, the parser {ours}, Flink after rewriting {moved}",
            self.handles
        );
        Ok(())
    }

    pub fn megabytes(&self) -> f64 {
        self.bytes as f64 / 1e6
    }
}

impl fmt::Display for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} MB, {} files", self.megabytes(), self.handles)
    }
}

/// Of all files, below the workspace's `target`.
fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("metadata")
}
