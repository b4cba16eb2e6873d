//! What test programs say, shown and added up. Refuses to judge by it: their exit codes do.

use std::io::{BufRead, BufReader, Write, stdout};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::command::line;

/// More of what a failed test has said is not told twice.
const LINES_OF_A_FAILURE: usize = 40;

/// What test programs said, added up.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    passed: u64,
    failed: u64,
    /// Left out of an ordinary run.
    pub(crate) ignored: u64,
    /// What the failed ones said: told again at the end, where somebody looks.
    pub(crate) failures: Vec<String>,
    /// How many lines of the last failure are kept yet.
    lines_left: usize,
}

impl Totals {
    /// Runs tests, shows what they say, and counts.
    ///
    /// # Errors
    /// When one fails, or the command cannot be run.
    pub(crate) fn add(&mut self, command: &mut Command) -> Result<()> {
        self.add_to(&mut stdout(), command)
    }

    /// As [`Totals::add`], and shows it elsewhere.
    ///
    /// # Errors
    /// As [`Totals::add`].
    pub(crate) fn add_to(&mut self, shown: &mut dyn Write, command: &mut Command) -> Result<()> {
        let line = line(command);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start `{line}`"))?;
        let said = child.stdout.take().context("no pipe from the tests")?;
        for said in BufReader::new(said).split(b'\n') {
            let said = said.context("the tests' output breaks off")?;
            let said = String::from_utf8_lossy(&said);
            writeln!(shown, "{said}")
                .and_then(|()| shown.flush())
                .context("cannot print")?;
            self.count(&said);
            self.keep_failure(&said);
        }
        let status = child.wait().context("the tests are gone")?;
        ensure!(status.success(), "`{line}` ended with {status}");
        Ok(())
    }

    /// Takes in what others have counted.
    pub(crate) fn merge(&mut self, others: Self) {
        self.passed += others.passed;
        self.failed += others.failed;
        self.ignored += others.ignored;
        self.failures.extend(others.failures);
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
    pub(crate) fn line(&self, good: bool, took: Duration) -> String {
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
}
