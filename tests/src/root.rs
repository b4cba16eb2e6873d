//! What only root can do to this machine: by the commands of util-linux and iproute2.
//!
//! Refuses to go on without root: a test that needs it fails and says so.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

/// Fails unless this process may do `what`.
pub(crate) fn need(what: &str) -> Result<()> {
    ensure!(
        nix::unistd::geteuid().is_root(),
        "{what} needs root: run this test as root, as .ci/run does"
    );
    Ok(())
}

/// Runs a command whose words are parted by spaces.
pub(crate) fn run(line: &str) -> Result<String> {
    run_words(&line.split(' ').collect::<Vec<_>>())
}

/// The same, where words have spaces in them.
pub(crate) fn run_words(words: &[&str]) -> Result<String> {
    let line = words.join(" ");
    let (program, arguments) = words.split_first().unwrap_or((&"", &[]));
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start `{line}`: is {program} installed?"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("`{line}` ended with {}: {}", output.status, said.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
