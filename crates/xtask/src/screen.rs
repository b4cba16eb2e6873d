//! What a person sees of a task that takes minutes: a moving line on a terminal, plain lines
//! elsewhere.
//!
//! Refuses to mix with the one line for machines: with `--json`, all of this goes to standard
//! error.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// Between two pictures of the moving line.
const TICK: Duration = Duration::from_millis(100);

/// Where such a task prints.
#[derive(Debug)]
pub(crate) struct Screen {
    start: Instant,
    spinner: Option<ProgressBar>,
    to_stderr: bool,
}

impl Screen {
    pub(crate) fn new(json: bool) -> Self {
        let spinner = std::io::stderr().is_terminal().then(|| {
            let spinner = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} [{elapsed}]") {
                spinner.set_style(style);
            }
            spinner.enable_steady_tick(TICK);
            spinner
        });
        Self {
            start: Instant::now(),
            spinner,
            to_stderr: json,
        }
    }

    /// What is being done from now on.
    pub(crate) fn step(&self, what: &str) {
        let since = self.start.elapsed().as_secs_f64();
        self.line(&format!("[{since:5.1} s] {what}"));
        if let Some(spinner) = &self.spinner {
            spinner.reset_elapsed();
            spinner.set_message(what.to_owned());
        }
    }

    /// Where that stands; only shown where it can be shown in place.
    pub(crate) fn progress(&self, state: String) {
        if let Some(spinner) = &self.spinner {
            spinner.set_message(state);
        }
    }

    /// A line that stays.
    pub(crate) fn line(&self, text: &str) {
        let print = || {
            if self.to_stderr {
                eprintln!("{text}");
            } else {
                println!("{text}");
            }
        };
        match &self.spinner {
            Some(spinner) => spinner.suspend(print),
            None => print(),
        }
    }

    /// Ends the moving line.
    pub(crate) fn end(&self) {
        if let Some(spinner) = &self.spinner {
            spinner.finish_and_clear();
        }
    }
}
