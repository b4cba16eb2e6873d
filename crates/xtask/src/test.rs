//! Everything that decides whether a change is good, in steps, the quick ones first.
//!
//! Stops at the first step that fails. Refuses to skip: what a step needs and does not find is an
//! error.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use harness::{maven, workspace_dir};

use crate::command::{cargo, line, run as run_command};
use crate::{deny, dist, golden, tidy};

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
    for step in Step::value_variants() {
        let wanted = match (arguments.only, arguments.from) {
            (Some(only), _) => *step == only,
            (_, Some(from)) => *step >= from,
            _ => true,
        };
        if !wanted {
            continue;
        }
        let (name, what) = names(*step);
        println!("==> {name}: {what}");
        let start = Instant::now();
        let done = perform(*step, arguments.all, &mut tests);
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
            tests.add(&["--lib", "--bins"], &[])?;
            tests.add(&["--doc"], &[])
        }
        Step::Golden => golden::check_all(),
        // Each starts several JVMs, and there may be no more than two cores.
        Step::Integration => {
            let all = all.then_some("--include-ignored");
            let options: Vec<&str> = ["--test-threads=1"].into_iter().chain(all).collect();
            tests.add(&["--test", "*"], &options)
        }
    }
}

/// More of what a failed test has said is not told twice.
const LINES_OF_A_FAILURE: usize = 40;

/// What cargo's tests said, added up.
#[derive(Debug, Default, PartialEq, Eq)]
struct Totals {
    passed: u64,
    failed: u64,
    ignored: u64,
    /// What the failed ones said: told again at the end, where somebody looks.
    failures: Vec<String>,
    /// How many lines of the last failure are kept yet.
    lines_left: usize,
}

impl Totals {
    /// Runs tests of all packages, shows what they say, and counts.
    fn add(&mut self, targets: &[&str], options: &[&str]) -> Result<()> {
        // Of all packages at once: otherwise features differ, and all is built again.
        let mut command = cargo(&["test", "--workspace", "--locked", "--no-fail-fast"]);
        command.args(targets).arg("--").args(options);
        let line = line(&command);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start `{line}`"))?;
        let said = child.stdout.take().context("no pipe from cargo")?;
        for said in BufReader::new(said).split(b'\n') {
            let said = said.context("cargo's output breaks off")?;
            let said = String::from_utf8_lossy(&said);
            println!("{said}");
            std::io::stdout().flush().context("cannot print")?;
            self.count(&said);
            self.keep_failure(&said);
        }
        let status = child.wait().context("cargo is gone")?;
        ensure!(status.success(), "`{line}` ended with {status}");
        Ok(())
    }

    /// Takes in one line, if it is one of those that end a test program's run.
    fn count(&mut self, said: &str) {
        let Some((_, counts)) = said
            .strip_prefix("test result: ")
            .and_then(|said| said.split_once(". "))
        else {
            return;
        };
        for count in counts.split("; ") {
            let Some((number, of)) = count.split_once(' ') else {
                continue;
            };
            let number: u64 = number.parse().unwrap_or(0);
            match of {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.ignored += number,
                _ => {}
            }
        }
    }

    /// Keeps the beginning of what a failed test has said, without its backtrace.
    fn keep_failure(&mut self, said: &str) {
        if said.starts_with("---- ") && said.ends_with(" stdout ----") {
            self.lines_left = LINES_OF_A_FAILURE;
        } else if said == "failures:" || said.to_lowercase().starts_with("stack backtrace:") {
            self.lines_left = 0;
        }
        if self.lines_left > 0 {
            self.lines_left -= 1;
            self.failures.push(said.to_owned());
        }
    }

    /// As cargo ends the run of one test program.
    fn line(&self, good: bool, took: Duration) -> String {
        let result = if good { "ok" } else { "FAILED" };
        let Self {
            passed,
            failed,
            ignored,
            ..
        } = self;
        format!(
            "\ntest result: {result}. {passed} passed; {failed} failed; {ignored} ignored; \
             0 measured; 0 filtered out; finished in {:.2}s",
            took.as_secs_f64()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cargo_says_is_added_up_and_said_in_its_form() {
        let mut totals = Totals::default();
        let passed = "test result: ok. 11 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; \
                      finished in 0.51s";
        for said in ["running 11 tests", passed, "test x ... ok", passed] {
            totals.count(said);
        }
        totals.count("test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered");
        let expected = Totals {
            passed: 23,
            failed: 2,
            ignored: 2,
            ..Totals::default()
        };
        assert_eq!(totals, expected);

        let line = totals.line(false, Duration::from_millis(1_500));
        let mut again = Totals::default();
        again.count(line.trim());
        assert_eq!(again, expected);
        assert!(line.contains("test result: FAILED. ") && line.ends_with("finished in 1.50s"));
    }

    #[test]
    fn what_failed_is_kept_without_its_backtrace() {
        let mut totals = Totals::default();
        let said = "test a ... FAILED\n\nfailures:\n\n---- a stdout ----\nError: why\n\
                    Stack backtrace:\n0: main\n---- b stdout ----\nno\nfailures:\n    a\n    b";
        for line in said.lines() {
            totals.keep_failure(line);
        }
        let kept = [
            "---- a stdout ----",
            "Error: why",
            "---- b stdout ----",
            "no",
        ];
        assert_eq!(totals.failures, kept);
    }

    #[test]
    fn every_step_says_what_it_does() {
        for step in Step::value_variants() {
            let (name, what) = names(*step);
            assert!(!name.is_empty() && !what.is_empty(), "{step:?}");
        }
    }
}
