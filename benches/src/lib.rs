//! Speed, measured side by side: the processes that do the measured work on request, and the times
//! that they answer with. Refuses to let one outlive what asks it.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};

/// A running process. Dropped, it is killed.
pub struct Side {
    child: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Side {
    /// Starts a process that answers each line with one of numbers.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(command: &mut Command) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", command.get_program().display()))?;
        let commands = child.stdin.take().context("no pipe to a side")?;
        let answers = child.stdout.take().context("no pipe from a side")?;
        Ok(Self {
            child,
            commands,
            answers: BufReader::new(answers),
        })
    }

    /// Sends a command and reads the numbers that it is answered with.
    ///
    /// # Errors
    /// When it is gone, or answers otherwise.
    pub fn ask<const N: usize>(&mut self, command: &str) -> Result<[u64; N]> {
        let mut answer = String::new();
        writeln!(self.commands, "{command}")
            .and_then(|()| self.answers.read_line(&mut answer))
            .with_context(|| format!("nobody to answer '{command}'"))?;
        let numbers: Option<Vec<u64>> = answer.split_whitespace().map(|n| n.parse().ok()).collect();
        numbers
            .and_then(|numbers| numbers.try_into().ok())
            .with_context(|| format!("'{command}' was answered by '{answer}'"))
    }

    /// What a command takes.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub fn time(&mut self, command: &str) -> Result<Time> {
        let [cpu, wall] = self.ask(command)?;
        let ms = |nanoseconds| Duration::from_nanos(nanoseconds).as_secs_f64() * 1e3;
        Ok(Time {
            cpu_ms: ms(cpu),
            wall_ms: ms(wall),
        })
    }
}

impl Drop for Side {
    fn drop(&mut self) {
        // Both fail only for a process that is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Of the thread that does the work, and of a clock on the wall.
#[derive(Debug, Clone, Copy)]
pub struct Time {
    /// Milliseconds.
    pub cpu_ms: f64,
    /// Milliseconds.
    pub wall_ms: f64,
}

impl Time {
    /// Each median for itself.
    ///
    /// # Panics
    /// Of no times.
    #[must_use]
    pub fn median(times: &[Self]) -> Self {
        let median = |of: fn(&Self) -> f64| {
            let mut values: Vec<f64> = times.iter().map(of).collect();
            values.sort_by(f64::total_cmp);
            values[values.len() / 2]
        };
        Self {
            cpu_ms: median(|time| time.cpu_ms),
            wall_ms: median(|time| time.wall_ms),
        }
    }
}
