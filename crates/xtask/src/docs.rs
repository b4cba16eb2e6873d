//! The pages of docs/ that are written by what they describe.
//!
//! docs/configuration.md by the Java options, docs/cli.md by the command `dualwrite`,
//! docs/metrics.md by the table of metrics. Refuses to know what is on them.
//!
//! The comparisons are tests of what writes them, so `cargo xtask test` has no step for them.

use anyhow::Result;
use harness::{maven, workspace_dir};

use crate::command::{cargo, output, run as run_command};

/// Of the task `docs`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Only compare, and fail if a page is not up to date
    #[arg(long)]
    check: bool,
}

/// Writes the pages, or compares them.
///
/// # Errors
/// When a page is not up to date, or what writes it does not build.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    configuration(arguments.check)?;
    of_rust(arguments.check)
}

/// By a test of java-bridge, which writes it on request.
fn configuration(check: bool) -> Result<()> {
    let pom = workspace_dir().join("java-bridge/pom.xml");
    maven(
        &pom,
        &[
            "test".to_owned(),
            "-Dtest=ConfigurationPageTest".to_owned(),
            "-Dspotless.check.skip=true".to_owned(),
            format!("-Ddualwrite.docs.write={}", !check),
        ],
    )
}

/// By tests in modules `page`, which write them on request.
fn of_rust(check: bool) -> Result<()> {
    // Of all packages, so that nothing is built with other features than by `cargo xtask test`.
    let arguments = [
        "test",
        "--workspace",
        "--quiet",
        "--lib",
        "--bin",
        "dualwrite",
    ];
    let page = || {
        let mut command = cargo(&arguments);
        command.args(["--", "page::"]);
        command
    };
    if !check {
        // It fails when it had something to write; whether all is well now is seen below.
        let _ = output(page().env("UPDATE_PAGES", "1"));
    }
    run_command(&mut page())
}
