//! Licences, doubled versions and sources of what the product is built of, by cargo-deny.
//!
//! Refuses to look for advisories: their database is fetched from a place of its own, which a
//! machine that builds need not reach.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;
use harness::workspace_dir;

use crate::command::{cargo, output, run};

/// Pinned, so that a new release cannot change what is refused.
const VERSION: &str = "0.20.2";

/// Checks what deny.toml says.
///
/// # Errors
/// When something is refused, or cargo-deny cannot be installed.
pub(crate) fn check() -> Result<()> {
    let tool = installed()?;
    let arguments = ["--all-features", "check", "licenses", "bans", "sources"];
    run(Command::new(tool)
        .args(arguments)
        .current_dir(workspace_dir()))
}

/// The one that is on the path; otherwise one in `target/tools`, built there the first time.
fn installed() -> Result<PathBuf> {
    let on_path = PathBuf::from("cargo-deny");
    if output(Command::new(&on_path).arg("--version")).is_ok() {
        return Ok(on_path);
    }
    let root = workspace_dir().join("target/tools");
    let tool = root.join("bin/cargo-deny");
    if !tool.exists() {
        println!("building cargo-deny {VERSION}, once");
        // Not optimised: it runs for a second, and takes minutes to optimise.
        let install = ["install", "--quiet", "--locked", "--debug", "cargo-deny"];
        let mut install = cargo(&install);
        install.args(["--version", VERSION, "--root"]).arg(&root);
        run(install.env("CARGO_PROFILE_DEV_DEBUG", "0"))?;
    }
    Ok(tool)
}
