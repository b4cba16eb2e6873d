//! The two sides: a JVM with Flink's classes, and this program once more.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use benches::Side;

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
        Side::start(&mut command)
    }

    /// The same, with a file in its memory.
    pub fn open(&self, file: &File) -> Result<Side> {
        open(self.start()?, file)
    }
}

/// The product's code, with a file in its memory.
pub fn ours(file: &File, memory: Memory) -> Result<Side> {
    let program = std::env::current_exe().context("this program has no path")?;
    let mut command = Command::new(program);
    command.arg(SERVE);
    if matches!(memory, Memory::Kept) {
        let tunables = "glibc.malloc.mmap_max=0:glibc.malloc.trim_threshold=17179869184";
        command.env("GLIBC_TUNABLES", tunables);
    }
    open(Side::start(&mut command)?, file)
}

fn open(mut side: Side, file: &File) -> Result<Side> {
    let [bytes] = side.ask(&format!("open {}", file.directory.display()))?;
    ensure!(bytes == file.bytes, "{bytes} of {} bytes", file.bytes);
    Ok(side)
}
