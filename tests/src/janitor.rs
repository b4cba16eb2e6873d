//! What is put away behind a test, in whatever way it ends: by a shell that outlives it.
//!
//! The shell waits at a pipe whose other end only this process holds, and which the kernel closes
//! when this process is killed. Refuses to know what it puts away.

use std::ffi::OsStr;
use std::io::Write;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};

/// Keeps the last line that it was told, for the script, and goes on when there are no more.
const WAIT: &str = "told=; while IFS= read -r line; do told=$line; done\n";

/// A shell that waits for the end of this process, or of itself. Dropped, it does its work at once.
#[derive(Debug)]
pub(crate) struct Janitor {
    child: Child,
    ear: Mutex<Option<ChildStdin>>,
}

impl Janitor {
    /// Starts a shell that will run `script`, in which `$1`, `$2` and so on are `arguments` and
    /// `$told` is what [`Janitor::tell`] said last.
    ///
    /// # Errors
    /// When there is no shell, or no `setsid` of util-linux.
    pub(crate) fn hire<S: AsRef<OsStr>>(script: &str, arguments: &[S]) -> Result<Self> {
        // A session of its own: a terminal's interrupt is for the test, not for who tidies up.
        let mut child = Command::new("setsid")
            .args(["sh", "-c", &format!("{WAIT}{script}"), "janitor"])
            .args(arguments)
            .stdin(Stdio::piped())
            // Whoever reads the test's output waits until nobody can write to it any more.
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start setsid: is util-linux installed?")?;
        let ear = Mutex::new(child.stdin.take());
        Ok(Self { child, ear })
    }

    /// Says one line; the last one counts.
    pub(crate) fn tell(&self, line: &str) {
        let mut ear = self.ear.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ear) = ear.as_mut() {
            // Fails only if somebody has killed the shell.
            let _ = writeln!(ear, "{line}");
        }
    }
}

impl Drop for Janitor {
    fn drop(&mut self) {
        let mut ear = self.ear.lock().unwrap_or_else(PoisonError::into_inner);
        *ear = None;
        match self.child.wait() {
            Ok(status) if status.success() => {}
            other => eprintln!("something was not put away: {other:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn works_once_it_is_dropped_and_knows_what_it_was_told_last() {
        let folder = std::env::temp_dir().join(format!("dualwrite-janitor-{}", std::process::id()));
        let janitor = Janitor::hire("echo \"$told\" > \"$1\"", &[&folder]).unwrap();
        janitor.tell("first");
        janitor.tell("last");
        assert!(!folder.exists());
        drop(janitor);
        assert_eq!(std::fs::read_to_string(&folder).unwrap(), "last\n");
        std::fs::remove_file(folder).unwrap();
    }
}
