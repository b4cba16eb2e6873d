//! The page of failure modes and the tests of faults: each test that it names is there, each that
//! is there is named, and those that `cargo xtask test` leaves out are marked. Pure.
//!
//! Refuses to look into tests: only at their names.

use std::collections::BTreeMap;

use super::{Finding, SourceFile};

const RULE: &str = "fault";
const PAGE: &str = "docs/failure-modes.md";
/// Where the programs of tests are.
const FOLDERS: [&str; 2] = ["tests/tests/", "tests/provoked/tests/"];
/// Programs without a fault, and what they share.
const NOT_OF_FAULTS: [&str; 6] = [
    "drill",
    "end_to_end",
    "flink_plain",
    "hdfs_cluster",
    "support",
    "switched_on",
];
/// Behind the name of a test that is left out unless all are wanted.
const MARK: &str = " (--all)";
const IGNORED: &str = concat!("#[", "ignore");

/// One test: where it is, and whether it is left out.
#[derive(Debug, PartialEq, Eq)]
struct Test<'a> {
    path: &'a str,
    line: usize,
    ignored: bool,
}

pub(super) fn check(files: &[SourceFile]) -> Vec<Finding> {
    let mut tests = BTreeMap::new();
    for file in files {
        if let Some(module) = module(&file.path) {
            tests.extend(tests_of(file, &module));
        }
    }
    let Some(page) = files.iter().find(|file| file.path == PAGE) else {
        return vec![Finding::new(PAGE, 1, RULE, "the page is not there")];
    };
    let mut findings = Vec::new();
    for (line, name, marked) in names(&page.text) {
        let message = match tests.remove(name) {
            None => format!("there is no test {name}, or it is named twice"),
            Some(test) if test.ignored && !marked => format!("{name} lacks its mark,{MARK}"),
            Some(test) if !test.ignored && marked => format!("{name} is never left out"),
            Some(_) => continue,
        };
        findings.push(Finding::new(PAGE, line, RULE, message));
    }
    for (name, test) in tests {
        let message = format!("{PAGE} does not name {name}");
        findings.push(Finding::new(test.path, test.line, RULE, message));
    }
    findings
}

/// `faults::refusal` of `tests/tests/faults/refusal.rs`; none of a file that has no fault.
fn module(path: &str) -> Option<String> {
    let folder = FOLDERS.iter().find_map(|folder| path.strip_prefix(folder));
    let name = folder?.strip_suffix(".rs")?;
    let program = name.split('/').next()?;
    let name = name.strip_suffix("/main").unwrap_or(name);
    (!NOT_OF_FAULTS.contains(&program)).then(|| name.replace('/', "::"))
}

fn tests_of<'a>(file: &'a SourceFile, module: &str) -> Vec<(String, Test<'a>)> {
    let (mut tests, mut is_test, mut ignored) = (Vec::new(), false, false);
    for (number, line) in (1..).zip(file.text.lines()) {
        let line = line.trim_start();
        if line == "#[test]" {
            (is_test, ignored) = (true, false);
        } else if line.starts_with(IGNORED) {
            ignored = true;
        } else if let Some(rest) = line.strip_prefix("fn ").filter(|_| is_test) {
            let name = rest.split('(').next().unwrap_or_default();
            let test = Test {
                path: &file.path,
                line: number,
                ignored,
            };
            tests.push((format!("{module}::{name}"), test));
            is_test = false;
        }
    }
    tests
}

/// What stands between backquotes and has `::` in it, with its line and whether it is marked.
fn names(page: &str) -> Vec<(usize, &str, bool)> {
    let mut names = Vec::new();
    for (number, line) in (1..).zip(page.lines()) {
        let parts: Vec<&str> = line.split('`').collect();
        for (at, name) in parts.iter().enumerate().skip(1).step_by(2) {
            if name.contains("::") {
                let marked = parts.get(at + 1).is_some_and(|next| next.starts_with(MARK));
                names.push((number, *name, marked));
            }
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(page: &str) -> Vec<String> {
        let file = |path: &str, text: &str| SourceFile {
            path: path.to_owned(),
            text: text.to_owned(),
        };
        let tests = format!(
            "#[test]\nfn killed() {{}}\n\n#[test]\n{IGNORED} = \"\"]\nfn frozen() {{}}\n\n\
             fn helper() {{}}\n"
        );
        let files = [
            file("tests/tests/faults/node.rs", &tests),
            file("tests/tests/flink_plain.rs", &tests),
            file("tests/src/host.rs", &tests),
            file(PAGE, page),
        ];
        let findings = check(&files).into_iter();
        findings.map(|found| found.to_string()).collect()
    }

    #[test]
    fn a_page_that_names_each_test_once_is_good() {
        let page = "| x | `faults::node::killed`, `faults::node::frozen` (--all) | `killed` |";
        assert_eq!(found(page), Vec::<String>::new());
    }

    #[test]
    fn what_is_not_there_not_named_or_not_marked_is_found() {
        assert_eq!(
            found("x\n`faults::node::frozen` and `faults::node::gone`"),
            [
                "docs/failure-modes.md:2: fault: faults::node::frozen lacks its mark, (--all)",
                "docs/failure-modes.md:2: fault: there is no test faults::node::gone, or it is \
                 named twice",
                "tests/tests/faults/node.rs:2: fault: docs/failure-modes.md does not name \
                 faults::node::killed",
            ]
        );
        let marked = found("`faults::node::killed` (--all) `faults::node::frozen` (--all)");
        assert_eq!(
            marked,
            ["docs/failure-modes.md:1: fault: faults::node::killed is never left out"]
        );
    }
}
