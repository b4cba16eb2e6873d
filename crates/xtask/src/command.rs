//! Other programs, run at the root of the workspace. Refuses to interpret what they say.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use harness::workspace_dir;
use serde_json::Value;

/// Cargo, the one that runs this program, at the root of the workspace.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(arguments).current_dir(workspace_dir());
    command
}

/// Runs it to its end; what it says goes where this program's goes.
///
/// # Errors
/// When it cannot be started, or ends with another code than 0.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let line = line(command);
    let status = command
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("cannot start `{line}`: is it installed?"))?;
    ensure!(status.success(), "`{line}` ended with {status}");
    Ok(())
}

/// As [`run`], and answers with its standard output.
///
/// # Errors
/// As [`run`]; with what it said on standard error.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let line = line(command);
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start `{line}`: is it installed?"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("`{line}` ended with {}:\n{said}", output.status);
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{line}` does not speak UTF-8"))
}

/// What cargo knows of the workspace's own packages.
///
/// # Errors
/// When a manifest is broken.
pub(crate) fn metadata() -> Result<Value> {
    let arguments = ["metadata", "--no-deps", "--format-version", "1"];
    let text = output(&mut cargo(&arguments))?;
    serde_json::from_str(&text).context("cargo metadata is not JSON")
}

/// The command as a person would type it.
pub(crate) fn line(command: &Command) -> String {
    let program = command.get_program().to_string_lossy();
    let program = program.rsplit('/').next().unwrap_or(&program).to_owned();
    command.get_args().fold(program, |line, argument| {
        line + " " + &argument.to_string_lossy()
    })
}
