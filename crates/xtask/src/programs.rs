//! The test programs of all packages, built by cargo and run one by one. Those that start real
//! processes run one test after another, the others with as many at a time as there are processors.
//!
//! Refuses to build them in several goes: features would differ, and all would be built again.

use std::cmp::Reverse;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use harness::workspace_dir;
use serde_json::Value;

use crate::command::{cargo, line};

/// What tests need of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Needs {
    /// As many processors as there are: each test keeps one busy.
    Processors,
    /// Little, for long: they start HDFS, and wait for its answers and time limits.
    Hdfs,
    /// The machine for themselves: they start Flink, too.
    Machine,
}

/// One test program.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Program {
    /// The directory of its package, in which cargo would run it.
    package: PathBuf,
    executable: PathBuf,
    pub(crate) needs: Needs,
}

impl Program {
    /// The command that runs it.
    pub(crate) fn command(&self, include_ignored: bool) -> Command {
        let mut command = Command::new(&self.executable);
        command
            .current_dir(&self.package)
            .env("CARGO_MANIFEST_DIR", &self.package);
        if self.needs != Needs::Processors {
            command.arg("--test-threads=1");
        }
        if include_ignored {
            command.arg("--include-ignored");
        }
        command
    }

    /// What a person would call it.
    pub(crate) fn name(&self) -> String {
        let file = self.executable.file_stem().unwrap_or_default();
        let file = file.to_string_lossy();
        let name = file.rsplit_once('-').map_or(&*file, |(name, _)| name);
        let package = self.package.file_name().unwrap_or_default();
        format!("{}: {name}", package.to_string_lossy())
    }
}

/// Builds everything in folders called `tests/`. First come those without real processes.
///
/// # Errors
/// When something does not compile.
pub(crate) fn build() -> Result<Vec<Program>> {
    let what = ["test", "--workspace", "--locked", "--test", "*", "--no-run"];
    let mut command = cargo(&what);
    command.arg("--message-format=json-render-diagnostics");
    let line = line(&command);
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start `{line}`"))?;
    ensure!(
        output.status.success(),
        "`{line}` ended with {}",
        output.status
    );
    let said = String::from_utf8(output.stdout).context("cargo does not speak UTF-8")?;
    let mut programs: Vec<_> = said
        .lines()
        .filter_map(|line| program(line, workspace_dir()))
        .collect();
    ensure!(!programs.is_empty(), "`{line}` has built no test program");
    // the store's tests take longest of those two programs of which run at a time: they come first
    programs.sort_by_key(|program| (program.needs, Reverse(program.name())));
    Ok(programs)
}

/// The test program of which one of cargo's messages tells, in a workspace at `root`.
fn program(message: &str, root: &Path) -> Option<Program> {
    let message: Value = serde_json::from_str(message).ok()?;
    let target = &message["target"];
    let is_test = message["reason"] == "compiler-artifact" && target["kind"][0] == "test";
    let executable = message["executable"].as_str().filter(|_| is_test)?;
    let package = Path::new(message["manifest_path"].as_str()?).parent()?;
    let name = target["name"].as_str()?;
    let below = package.strip_prefix(root).unwrap_or(package);
    Some(Program {
        package: package.to_owned(),
        executable: executable.into(),
        needs: match below.starts_with("tests") {
            true => Needs::Machine,
            false if name.contains("hdfs") => Needs::Hdfs,
            false => Needs::Processors,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built(package: &str, kind: &str, name: &str) -> Option<Program> {
        let message = serde_json::json!({
            "reason": "compiler-artifact",
            "manifest_path": format!("/w/{package}/Cargo.toml"),
            "target": {"kind": [kind], "name": name},
            "executable": format!("/w/target/debug/deps/{name}-0a1b"),
        });
        program(&message.to_string(), Path::new("/w"))
    }

    #[test]
    fn what_starts_processes_has_the_machine_for_itself() {
        let needs = |package, name| built(package, "test", name).unwrap().needs;
        assert_eq!(needs("tests", "link"), Needs::Machine);
        assert_eq!(needs("tests/provoked", "panics"), Needs::Machine);
        assert_eq!(needs("crates/audit", "hdfs_damages"), Needs::Hdfs);
        assert_eq!(needs("crates/replicator", "link"), Needs::Processors);
        let command = |package| line(&built(package, "test", "link").unwrap().command(true));
        assert_eq!(
            command("tests"),
            "link-0a1b --test-threads=1 --include-ignored"
        );
        assert_eq!(command("crates/replicator"), "link-0a1b --include-ignored");
    }

    #[test]
    fn only_test_programs_are_taken() {
        let program = built("crates/cli", "test", "list_jobs").unwrap();
        assert_eq!(program.name(), "cli: list_jobs");
        assert_eq!(built("crates/cli", "bin", "dualwrite"), None);
        assert_eq!(super::program("{}", Path::new("/w")), None);
        assert_eq!(super::program("   Compiling cli", Path::new("/w")), None);
    }
}
