//! A sign of life on long work, for people alone: on standard error, if that is a terminal.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use audit::Step;
use indicatif::{ProgressBar, ProgressStyle};

use crate::output;

/// Turns until it is dropped, then leaves no trace.
pub(crate) struct Spinner(ProgressBar);

impl Spinner {
    pub(crate) fn start() -> Self {
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        Self(bar)
    }

    pub(crate) fn say(&self, message: impl Into<String>) {
        self.0.set_message(message.into());
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// How many checkpoints are verified, of how many, and what was looked at for that; gone when it is
/// dropped.
pub(crate) struct Checkpoints {
    bar: ProgressBar,
    files: AtomicU64,
    looked_up: AtomicU64,
    read_bytes: AtomicU64,
}

impl Checkpoints {
    pub(crate) fn start(count: usize) -> Self {
        let bar = ProgressBar::new(count as u64);
        let style = "{bar:30} {pos} of {len} checkpoints, {msg} ({elapsed})";
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        Self {
            bar,
            files: AtomicU64::new(0),
            looked_up: AtomicU64::new(0),
            read_bytes: AtomicU64::new(0),
        }
    }

    pub(crate) fn hears(&self, step: Step) {
        let add = |counter: &AtomicU64, more| counter.fetch_add(more, Ordering::Relaxed);
        match step {
            Step::Named(files) => add(&self.files, files as u64),
            Step::LookedUp(files) => add(&self.looked_up, files as u64),
            Step::Read(bytes) => add(&self.read_bytes, bytes),
            Step::Verified => return self.bar.inc(1),
        };
        if self.bar.is_hidden() {
            return;
        }
        let [files, looked_up, read] = [&self.files, &self.looked_up, &self.read_bytes]
            .map(|counter| counter.load(Ordering::Relaxed));
        let read = match read {
            0 => String::new(),
            read => format!(", {} read", output::size(read)),
        };
        let message = format!("{looked_up} of {files} files looked up{read}");
        self.bar.set_message(message);
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
