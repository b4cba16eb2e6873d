//! The folder of one test: data while it runs, logs when it failed.
//!
//! Refuses to remove the logs of a test that has not said that it passed.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use anyhow::{Context, Result};

use crate::janitor::Janitor;

/// Removes the data, and the logs of a test that passed. What a killed process still writes comes
/// between the first look and the second.
const REMOVE: &str = r#"
rm -rf "$1" "$3" || { sleep 1; rm -rf "$1" "$3"; }
removed=$?
[ "$told" = passed ] && rm -rf "$2"
exit $removed
"#;

/// A file system in memory.
const MEMORY: &str = "/dev/shm";

/// One test's folder, shared by the clusters that it starts; cheap to clone.
///
/// When the last clone is dropped, or the test's process has ended in whatever way, the data is
/// removed; the logs are removed only if [`Run::passed`] was called, otherwise their place is
/// printed.
#[derive(Debug, Clone)]
pub struct Run(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    data: PathBuf,
    logs: PathBuf,
    memory: PathBuf,
    /// Removes the folders; none if they are to be kept.
    janitor: Option<Janitor>,
    passed: AtomicBool,
}

impl Run {
    /// Opens the folders of the test `name`, and removes those that earlier runs of it left.
    ///
    /// # Errors
    /// When a folder cannot be written.
    pub fn new(name: &str) -> Result<Self> {
        Self::open(name, false)
    }

    /// As [`Run::new`], but processes started in it, and its folders, stay when the test ends.
    ///
    /// # Errors
    /// When a folder cannot be written.
    pub fn kept(name: &str) -> Result<Self> {
        Self::open(name, true)
    }

    fn open(name: &str, keep: bool) -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name: String = name
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() || c == '-' {
                    c
                } else {
                    '_'
                }
            })
            .collect();
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = format!("{name}.{}.{count}", std::process::id());
        let data = crate::harness_dir().join("runs").join(&folder);
        let logs = crate::harness_dir().join("logs").join(&folder);
        let memory = Path::new(MEMORY).join(format!("dualwrite.{folder}"));
        for path in [&data, &logs] {
            if let Some(parent) = path.parent() {
                remove_earlier(parent, &name, keep);
            }
            std::fs::create_dir_all(path)
                .with_context(|| format!("cannot create {}", path.display()))?;
        }
        let janitor = (!keep).then(|| Janitor::hire(REMOVE, &[&data, &logs, &memory]));
        Ok(Self(Arc::new(Inner {
            janitor: janitor.transpose()?,
            data,
            logs,
            memory,
            passed: AtomicBool::new(false),
        })))
    }

    /// To be called at the end of a test that found nothing wrong.
    pub fn passed(&self) {
        self.verdict(true);
    }

    /// To be called at the beginning of a test that goes on where another one passed.
    pub fn reopened(&self) {
        self.verdict(false);
    }

    fn verdict(&self, passed: bool) {
        self.0.passed.store(passed, Ordering::Relaxed);
        if let Some(janitor) = &self.0.janitor {
            janitor.tell(if passed { "passed" } else { "not yet" });
        }
    }

    /// A folder for data, gone after the test.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn data_dir(&self, name: &str) -> Result<PathBuf> {
        let path = self.0.data.join(name);
        std::fs::create_dir_all(&path)
            .with_context(|| format!("cannot create {}", path.display()))?;
        Ok(path)
    }

    /// The same in memory, for what is not to use the disk of the others.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn memory_dir(&self, name: &str) -> Result<PathBuf> {
        let path = self.0.memory.join(name);
        std::fs::create_dir_all(&path)
            .with_context(|| format!("cannot create {}", path.display()))?;
        Ok(path)
    }

    /// The folder of the logs of all processes.
    pub fn log_dir(&self) -> &Path {
        &self.0.logs
    }

    /// Whether processes and folders stay when the test ends.
    pub fn is_kept(&self) -> bool {
        self.0.janitor.is_none()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if self.janitor.is_some() && !self.passed.load(Ordering::Relaxed) {
            eprintln!("the logs of the processes are in {}", self.logs.display());
        }
    }
}

/// Removes the folders of earlier runs of one test whose process is gone.
fn remove_earlier(parent: &Path, name: &str, keep: bool) {
    let Ok(entries) = std::fs::read_dir(parent) else {
        return;
    };
    for entry in entries.flatten() {
        let file_name = entry.file_name();
        let mut parts = file_name.to_str().unwrap_or_default().split('.');
        let (Some(test), Some(pid)) = (parts.next(), parts.next()) else {
            continue;
        };
        if test == name && !keep && !Path::new("/proc").join(pid).exists() {
            remove(&entry.path());
        }
    }
}

fn remove(path: &Path) {
    if let Err(error) = std::fs::remove_dir_all(path) {
        eprintln!("cannot remove {}: {error}", path.display());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_stay_unless_the_test_passed() {
        let failed = Run::new("run::failed").unwrap();
        let (logs, data) = (failed.log_dir().to_owned(), failed.data_dir("x").unwrap());
        drop(failed);
        assert!(logs.exists() && !data.exists());
        remove(&logs);

        let passed = Run::new("run::passed").unwrap();
        let logs = passed.log_dir().to_owned();
        passed.passed();
        drop(passed);
        assert!(!logs.exists());

        let reopened = Run::new("run::reopened").unwrap();
        let logs = reopened.log_dir().to_owned();
        reopened.passed();
        reopened.reopened();
        drop(reopened);
        assert!(logs.exists());
        remove(&logs);
    }
}
