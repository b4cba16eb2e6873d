//! Speed, measured by `cargo bench`. Refuses to judge: the figures are to be read side by side.

use anyhow::{Result, ensure};

use crate::command::{cargo, metadata, run};

/// Of the task `bench`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Run these benchmarks alone
    #[arg(value_name = "NAME")]
    names: Vec<String>,
}

/// Runs the benchmarks of the workspace: those named, or all.
///
/// # Errors
/// When one fails, or there is none of a name.
pub(crate) fn measure(arguments: &Arguments) -> Result<()> {
    let metadata = metadata()?;
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let known: Vec<&str> = packages
        .flat_map(|package| package["targets"].as_array().into_iter().flatten())
        .filter(|target| target["kind"][0] == "bench")
        .filter_map(|target| target["name"].as_str())
        .collect();
    let mut command = cargo(&["bench", "--workspace"]);
    if arguments.names.is_empty() {
        command.arg("--benches");
    }
    for name in &arguments.names {
        let is_known = known.contains(&name.as_str());
        ensure!(
            is_known,
            "no benchmark '{name}'; there are: {}",
            known.join(", ")
        );
        command.args(["--bench", name]);
    }
    run(&mut command)
}
