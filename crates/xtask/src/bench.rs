//! Speed, measured by `cargo bench`. Refuses to judge: the figures are to be read side by side.

use anyhow::Result;

use crate::command::{cargo, metadata, run};

/// Runs every benchmark of the workspace.
///
/// # Errors
/// When one fails.
pub(crate) fn run_all() -> Result<()> {
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
    run(&mut cargo(&["bench", "--workspace", "--benches"]))
}
