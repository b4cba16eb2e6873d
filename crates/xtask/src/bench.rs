//! Speed, measured by `cargo bench`, and beside a plain Flink. Refuses to judge: the figures are to
//! be read side by side.

use anyhow::{Result, ensure};
use clap::ValueEnum;

use crate::command::{cargo, metadata, run as run_command};
use crate::{dist, overhead};

/// It measures the jar.
const OF_THE_JAR: &str = "tee";

/// Of the task `bench`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Run these benchmarks alone
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Run this one alone, which may be one that takes long
    #[arg(long, value_name = "BENCH", conflicts_with = "names")]
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
        None => named(&arguments.names),
    }
}

/// Those of the workspace that are named, or all.
fn named(names: &[String]) -> Result<()> {
    let metadata = metadata()?;
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let known: Vec<&str> = packages
        .flat_map(|package| package["targets"].as_array().into_iter().flatten())
        .filter(|target| target["kind"][0] == "bench")
        .filter_map(|target| target["name"].as_str())
        .collect();
    if names.is_empty() || names.iter().any(|name| name == OF_THE_JAR) {
        dist::build()?;
    }
    let mut command = cargo(&["bench", "--workspace"]);
    if names.is_empty() {
        command.arg("--benches");
    }
    for name in names {
        let is_known = known.contains(&name.as_str());
        ensure!(
            is_known,
            "no benchmark '{name}'; there are: {}",
            known.join(", ")
        );
        command.args(["--bench", name]);
    }
    run_command(&mut command)
}
