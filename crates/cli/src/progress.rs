//! A sign of life on long work, for people alone: on standard error, if that is a terminal.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use audit::Step;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

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

/// How many bytes are copied, of how many, and of how many files and checkpoints; gone when it is
/// dropped.
pub(crate) struct Copies {
    bar: ProgressBar,
    checkpoints: usize,
    done: AtomicU64,
    files: AtomicU64,
    placed: AtomicU64,
}

impl Copies {
    pub(crate) fn start(checkpoints: usize, bytes: u64) -> Self {
        let bar = ProgressBar::new(bytes);
        let style = "{bar:30} {binary_bytes} of {binary_total_bytes}, {msg} ({elapsed})";
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        Self {
            bar,
            checkpoints,
            done: AtomicU64::new(0),
            files: AtomicU64::new(0),
            placed: AtomicU64::new(0),
        }
    }

    pub(crate) fn hears(&self, step: repair::Step) {
        let add = |counter: &AtomicU64, more| counter.fetch_add(more, Ordering::Relaxed);
        match step {
            repair::Step::Copied(bytes) => return self.bar.inc(bytes),
            repair::Step::Again(bytes) => return self.bar.dec(bytes),
            repair::Step::Lacks(files) => add(&self.files, files),
            repair::Step::Placed => add(&self.placed, 1),
            repair::Step::Over => add(&self.done, 1),
        };
        let [files, placed, done] =
            [&self.files, &self.placed, &self.done].map(|counter| counter.load(Ordering::Relaxed));
        let checkpoints = self.checkpoints;
        let message = format!("{placed} of {files} files, {done} of {checkpoints} checkpoints");
        self.bar.set_message(message);
    }
}

impl Drop for Copies {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// How many leftovers are done with, of how many; gone when it is dropped.
pub(crate) struct Leftovers(ProgressBar);

impl Leftovers {
    pub(crate) fn start(count: usize) -> Self {
        let bar = ProgressBar::new(count as u64);
        let style = "{bar:30} {pos} of {len} leftovers, {msg} ({elapsed})";
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        Self(bar)
    }

    pub(crate) fn hears(&self, step: gc::Step) {
        match step {
            gc::Step::Ended(more) => self.0.inc(more as u64),
            step => self.0.set_message(gc_in_words(step)),
        }
    }
}

impl Drop for Leftovers {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// What a collection is at.
pub(crate) fn gc_in_words(step: gc::Step) -> String {
    match step {
        gc::Step::Found(found) => format!("{found} files and directories listed"),
        gc::Step::Reading => "reading what the published checkpoints name".to_owned(),
        gc::Step::Claiming(jobs) => format!("claiming {jobs} jobs"),
        gc::Step::Ended(_) => String::new(),
    }
}

/// How far each job's switch is, a line for each that is under way; gone when it is dropped.
pub(crate) struct Jobs {
    lines: MultiProgress,
    total: ProgressBar,
    under_way: Mutex<BTreeMap<String, ProgressBar>>,
}

impl Jobs {
    pub(crate) fn start(count: usize) -> Self {
        let lines = MultiProgress::new();
        let total = lines.add(ProgressBar::new(count as u64));
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos} of {len} jobs ({elapsed})")
        {
            total.set_style(style);
        }
        total.enable_steady_tick(Duration::from_millis(200));
        Self {
            lines,
            total,
            under_way: Mutex::default(),
        }
    }

    pub(crate) fn hears(&self, job: &str, step: &switch::Step) {
        let mut under_way = self
            .under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if *step == switch::Step::Over {
            if let Some(line) = under_way.remove(job) {
                line.finish_and_clear();
            }
            return self.total.inc(1);
        }
        let line = under_way.entry(job.to_owned()).or_insert_with(|| {
            let line = self.lines.add(ProgressBar::new_spinner());
            if let Ok(style) = ProgressStyle::with_template("  {spinner} {msg} ({elapsed})") {
                line.set_style(style);
            }
            line.enable_steady_tick(Duration::from_millis(200));
            line
        });
        let job = output::harmless(job);
        line.set_message(format!("{job}: {}", step_in_words(step)));
    }
}

impl Drop for Jobs {
    fn drop(&mut self) {
        self.total.finish_and_clear();
    }
}

fn step_in_words(step: &switch::Step) -> String {
    match step {
        switch::Step::Stopping => "being cancelled at the source".to_owned(),
        switch::Step::CatchingUp { newest, completed } => {
            let newest = output::or_dash(*newest);
            format!("waiting for checkpoint {completed} to arrive, {newest} is there")
        }
        switch::Step::Uploading => "uploading its jar".to_owned(),
        switch::Step::Starting => "starting".to_owned(),
        switch::Step::Deploying(state) => format!("{state} at the target"),
        switch::Step::FirstCheckpoint => "running, waiting for its first checkpoint".to_owned(),
        switch::Step::Over => String::new(),
    }
}
