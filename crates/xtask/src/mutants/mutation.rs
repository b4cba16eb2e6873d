//! One planted fault: which law it breaks first, and what is different in which files. Pure.
//!
//! ```text
//! Law 6: files are deleted without a grace period.
//! --- crates/replicator/src/publish/retention.rs
//! @@
//!  a line that stays
//! -a line that goes
//! +a line that comes
//! ```
//!
//! The lines that stay and go must be in the file exactly once, together and in this order.

use anyhow::{Context, Result, ensure};

/// A fault.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mutation {
    /// The numbers of the laws; which of several is broken first is chance.
    pub(super) laws: Vec<u32>,
    /// By file, what is there and what is put in its place.
    changes: Vec<Change>,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Change {
    path: String,
    from: String,
    to: String,
}

impl Mutation {
    pub(super) fn parse(text: &str) -> Result<Self> {
        let mut lines = text.lines();
        let laws = lines.next().and_then(|line| {
            let (laws, _) = line.strip_prefix("Law ")?.split_once(": ")?;
            laws.split(" or ").map(|law| law.parse().ok()).collect()
        });
        let laws = laws.context("it does not begin with `Law <number>: <what is wrong>`")?;
        let mut path = None;
        let mut changes: Vec<Change> = Vec::new();
        for line in lines {
            if let Some(named) = line.strip_prefix("--- ") {
                path = Some(named.to_owned());
                continue;
            }
            if line == "@@" {
                let path = path.clone().context("a change of no file")?;
                changes.push(Change {
                    path,
                    ..Change::default()
                });
                continue;
            }
            let change = changes.last_mut().context("a line before any change")?;
            let (sign, rest) = line.split_at_checked(1).unwrap_or((" ", ""));
            ensure!(
                [" ", "-", "+"].contains(&sign),
                "a line without a sign: {line}"
            );
            for (is_in, side) in [
                (sign != "+", &mut change.from),
                (sign != "-", &mut change.to),
            ] {
                if is_in {
                    side.push_str(rest);
                    side.push('\n');
                }
            }
        }
        ensure!(!changes.is_empty(), "it changes nothing");
        Ok(Self { laws, changes })
    }

    /// The files that it changes, each once.
    pub(super) fn paths(&self) -> Vec<&str> {
        let mut paths: Vec<&str> = self.changes.iter().map(|change| &*change.path).collect();
        paths.dedup();
        paths
    }

    /// The file's text with the fault in it.
    ///
    /// # Errors
    /// When the place is not there, or not once.
    pub(super) fn apply(&self, path: &str, text: &str) -> Result<String> {
        let mut text = text.to_owned();
        for Change { from, to, .. } in self.changes.iter().filter(|change| change.path == path) {
            let times = text.matches(from.as_str()).count();
            ensure!(times == 1, "{path} has {times} times:\n{from}");
            text = text.replacen(from.as_str(), to, 1);
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Law 6 or 2: as it is.\n--- a.rs\n@@\n one\n-two\n+three\n@@\n-five\n\
                        --- b.rs\n@@\n+six\n seven\n";

    #[test]
    fn lines_go_and_come() {
        let mutation = Mutation::parse(TEXT).unwrap();
        assert_eq!(mutation.laws, [6, 2]);
        assert_eq!(mutation.paths(), ["a.rs", "b.rs"]);
        let applied = mutation
            .apply("a.rs", "zero\none\ntwo\nfour\nfive\n")
            .unwrap();
        assert_eq!(applied, "zero\none\nthree\nfour\n");
        assert_eq!(mutation.apply("b.rs", "seven\n").unwrap(), "six\nseven\n");
    }

    #[test]
    fn what_is_not_there_once_is_an_error() {
        let mutation = Mutation::parse(TEXT).unwrap();
        for text in ["", "one\ntwo\n", "one\ntwo\none\ntwo\nfive\n"] {
            assert!(mutation.apply("a.rs", text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_no_mutation_is_refused() {
        for text in [
            "",
            "Law x: y\n",
            "Law 1: y\n",
            "Law 1: y\n--- a\n",
            "Law 1: y\n@@\n-a\n",
        ] {
            assert!(Mutation::parse(text).is_err(), "{text}");
        }
    }
}
