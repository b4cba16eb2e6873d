//! Everything that decides whether a change is good, in steps, the quick ones first.
//!
//! Stops at the first step that fails. Refuses to skip: what a step needs and does not find is an
//! error.

use std::io::{Write, stdout};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use harness::{maven, workspace_dir};

use crate::command::{cargo, run as run_command};
use crate::programs::{Needs, Program};
use crate::side_by_side::side_by_side;
use crate::totals::Totals;
use crate::{deny, dist, golden, packages, programs, tidy};

/// Of the task `test`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Run this step alone
    #[arg(long, value_name = "STEP", conflicts_with = "from")]
    only: Option<Step>,
    /// Begin with this step
    #[arg(long, value_name = "STEP")]
    from: Option<Step>,
    /// Run the tests too that are left out otherwise, because they take long
    #[arg(long)]
    all: bool,
}

/// In the order in which they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
enum Step {
    /// Rust is formatted
    Fmt,
    /// Arrows, sizes, comments, words, links
    Tidy,
    /// Licences and sources of dependencies
    Deny,
    /// Lints, of tests and benchmarks too
    Clippy,
    /// Java: formatted, built, tested
    Java,
    /// What is shipped can be built; the later steps use it
    Dist,
    /// Tests of single modules, and examples in comments
    Unit,
    /// Every Flink writes its goldens, and reads them when they are rewritten
    Golden,
    /// Tests with real processes, one after another
    Integration,
}

/// Runs the steps.
///
/// # Errors
/// When one fails: with its name.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let mut tests = Totals::default();
    let start = Instant::now();
    let wanted = |step: Step| match (arguments.only, arguments.from) {
        (Some(only), _) => step == only,
        (_, Some(from)) => step >= from,
        _ => true,
    };
    let steps = Step::value_variants().iter().copied();
    let steps: Vec<Step> = steps.filter(|step| wanted(*step)).collect();
    if steps.iter().any(|step| *step >= Step::Unit) {
        packages::install(packages::OF_THE_TESTS)?;
    }
    for step in steps {
        let (name, what) = names(step);
        println!("==> {name}: {what}");
        let start = Instant::now();
        let done = perform(step, arguments.all, &mut tests);
        println!("==> {name}: {:.1} s", start.elapsed().as_secs_f64());
        if done.is_err() {
            println!("{}", tests.failures.join("\n"));
            println!("{}", tests.line(false, start.elapsed()));
        }
        done.with_context(|| format!("step {name} failed; `--only {name}` runs it alone"))?;
    }
    if tests.ignored > 0 {
        println!(
            "\n{} tests are left to `cargo xtask test --all`.",
            tests.ignored
        );
    }
    println!("{}", tests.line(true, start.elapsed()));
    Ok(())
}

/// As on the command line, and in words.
fn names(step: Step) -> (String, String) {
    let value = step.to_possible_value();
    let text = |text: Option<String>| text.unwrap_or_default();
    (
        text(value.as_ref().map(|value| value.get_name().to_owned())),
        text(value.and_then(|value| value.get_help().map(ToString::to_string))),
    )
}

fn perform(step: Step, all: bool, tests: &mut Totals) -> Result<()> {
    match step {
        Step::Fmt => run_command(&mut cargo(&["fmt", "--all", "--check"])),
        Step::Tidy => tidy::run(),
        Step::Deny => deny::check(),
        Step::Clippy => {
            let what = ["clippy", "--workspace", "--all-targets", "--locked"];
            run_command(cargo(&what).args(["--", "-D", "warnings"]))
        }
        Step::Java => maven(
            &workspace_dir().join("java-bridge/pom.xml"),
            &["verify".to_owned()],
        ),
        Step::Dist => dist::build(),
        Step::Unit => {
            tests.add(&mut cargo_test(&["--lib", "--bins"]))?;
            tests.add(&mut cargo_test(&["--doc"]))
        }
        Step::Golden => golden::check_all(),
        Step::Integration => integration(all, tests),
    }
}

/// Tests of all packages at once: otherwise features differ, and all is built again.
fn cargo_test(targets: &[&str]) -> Command {
    let mut command = cargo(&["test", "--workspace", "--locked", "--no-fail-fast"]);
    command.args(targets);
    command
}

/// Runs all test programs, whatever becomes of one.
fn integration(all: bool, tests: &mut Totals) -> Result<()> {
    let mut failed = Vec::new();
    let programs = programs::build()?;
    for group in programs.chunk_by(|one, next| one.needs == next.needs) {
        let ends = if group[0].needs == Needs::Hdfs {
            side_by_side(group, 2, |program| {
                let mut said = Vec::new();
                let end = run_program(program, all, &mut said);
                print!("{}", String::from_utf8_lossy(&said));
                end
            })
        } else {
            let run = |program| run_program(program, all, &mut stdout());
            group.iter().map(run).collect()
        };
        for (counted, name_if_failed) in ends {
            tests.merge(counted);
            failed.extend(name_if_failed);
        }
    }
    ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    Ok(())
}

/// What its tests have said, and its name if it has failed.
fn run_program(program: &Program, all: bool, shown: &mut impl Write) -> (Totals, Option<String>) {
    let name = program.name();
    let mut tests = Totals::default();
    let start = Instant::now();
    let _ = writeln!(shown, "--> {name}");
    let passed = tests.add_to(shown, &mut program.command(all));
    let _ = writeln!(shown, "--> {name}: {:.1} s", start.elapsed().as_secs_f64());
    if let Err(error) = &passed {
        let _ = writeln!(shown, "{error:#}");
    }
    (tests, passed.is_err().then_some(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_says_what_it_does() {
        for step in Step::value_variants() {
            let (name, what) = names(*step);
            assert!(!name.is_empty() && !what.is_empty(), "{step:?}");
        }
    }
}
