//! A process that does the measured work on request: a JVM with Flink's classes, or this program
//! once more. Refuses to outlive what asks it.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::file::File;

/// The argument with which this program serves.
pub const SERVE: &str = "--serve";

const FLINK: &str = "1.20.5";
/// Six times what the loader makes of 100 MB.
const HEAP: [&str; 2] = ["-Xms4g", "-Xmx4g"];

/// What our side does with memory that is not used any more.
#[derive(Clone, Copy)]
pub enum Memory {
    /// As the system's allocator does: large pieces go back to the kernel, and what comes from
    /// there is paid for page by page.
    GivenBack,
    /// As a JVM's heap does: it is kept for the next time.
    Kept,
}

/// Flink's classes.
pub struct Flink {
    jars: PathBuf,
}

impl Flink {
    /// Fetched by Maven, the first time.
    pub fn install() -> Result<Self> {
        let jars = harness::jars("flink", &[("flink.version", FLINK)])?;
        Ok(Self { jars })
    }

    /// A new JVM, with everything that it has by default but the size of its heap.
    pub fn start(&self) -> Result<Side> {
        let source = harness::workspace_dir().join("benches/java/FlinkSide.java");
        let mut command = Command::new("java");
        command.args(HEAP).arg("-Dlog4j2.level=WARN");
        command.arg("-cp").arg(self.jars.join("*")).arg(source);
        Side::start(command)
    }

    /// The same, with a file in its memory.
    pub fn open(&self, file: &File) -> Result<Side> {
        self.start()?.open(file)
    }
}

/// A running process. Dropped, it is killed.
pub struct Side {
    child: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Side {
    /// The product's code, with a file in its memory.
    pub fn ours(file: &File, memory: Memory) -> Result<Self> {
        let program = std::env::current_exe().context("this program has no path")?;
        let mut command = Command::new(program);
        command.arg(SERVE);
        if matches!(memory, Memory::Kept) {
            let tunables = "glibc.malloc.mmap_max=0:glibc.malloc.trim_threshold=17179869184";
            command.env("GLIBC_TUNABLES", tunables);
        }
        Self::start(command)?.open(file)
    }

    fn start(mut command: Command) -> Result<Self> {
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

    fn open(mut self, file: &File) -> Result<Self> {
        let [bytes] = self.ask(&format!("open {}", file.directory.display()))?;
        ensure!(bytes == file.bytes, "{bytes} of {} bytes", file.bytes);
        Ok(self)
    }

    /// Sends a command and reads the numbers that it is answered with.
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
    pub fn time(&mut self, command: &str) -> Result<Time> {
        let [cpu, wall] = self.ask(command)?;
        let ms = |nanoseconds| nanoseconds as f64 / 1e6;
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
pub struct Time {
    pub cpu_ms: f64,
    pub wall_ms: f64,
}

impl Time {
    /// Each median for itself.
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
