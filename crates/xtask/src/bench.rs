//! Speed, measured by `cargo bench`, and beside a plain Flink. Refuses to judge: the figures are to
//! be read side by side.

use anyhow::Result;
use clap::ValueEnum;

use crate::command::{cargo, metadata, run as run_command};
use crate::overhead;

/// Of the task `bench`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Run this one alone, which may be one that takes long
    #[arg(long, value_name = "BENCH")]
    only: Option<Long>,
    #[command(flatten)]
    overhead: overhead::Options,
}

/// Those that run only if they are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Long {
    /// A real job with and without the product: checkpoints, throughput (8 min for each state of
    /// the secondary)
    Overhead,
    /// The same: resident memory while the secondary is frozen
    Memory,
}

/// Runs one of the long ones, or every benchmark of the workspace.
///
/// # Errors
/// When one fails.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    match arguments.only {
        Some(Long::Overhead) => overhead::overhead(&arguments.overhead),
        Some(Long::Memory) => overhead::memory(&arguments.overhead),
        None => all(),
    }
}

fn all() -> Result<()> {
    let metadata = metadata()?;
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let benches = packages
        .flat_map(|package| package["targets"].as_array().into_iter().flatten())
        .filter(|target| target["kind"][0] == "bench")
        .count();
    if benches == 0 {
        println!("no package has a benchmark");
        return Ok(());
    }
    run_command(&mut cargo(&["bench", "--workspace", "--benches"]))
}
