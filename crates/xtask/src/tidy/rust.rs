//! What holds for Rust: where tests begin, and what their absence forbids. Pure, line by line.

use std::collections::BTreeSet;

use super::source::{check_size, in_comment};
use super::{Finding, SourceFile};

/// How a test of the harness is left to a longer run, which says so.
const LEFT: &str = concat!("#[", "ignore = \"left to `cargo xtask test --all`\"]");
/// Refused everywhere: they make a program or a test pass without doing anything.
const NOWHERE: [&str; 3] = [
    concat!("todo", "!("),
    concat!("unimplemented", "!("),
    concat!("#[", "ignore"),
];
/// Refused outside tests: Flink's process would carry the panic.
const NOT_SHIPPED: [&str; 1] = [concat!(".unwrap", "()")];

/// The files of modules that are declared below `#[cfg(test)]`, as paths without extension.
pub(super) fn test_modules(files: &[SourceFile]) -> BTreeSet<String> {
    let mut modules = BTreeSet::new();
    for file in files {
        let Some(stem) = file.path.strip_suffix(".rs") else {
            continue;
        };
        // The modules of lib.rs, main.rs and mod.rs lie beside it, others' in a folder.
        let folder = match stem.rsplit_once('/') {
            Some((folder, "lib" | "main" | "mod")) => folder,
            _ => stem,
        };
        let lines = file.text.lines().zip(file.text.lines().skip(1));
        for (_, declaration) in lines.filter(|(line, _)| line.trim() == "#[cfg(test)]") {
            let declaration = declaration.trim().trim_start_matches("pub(crate) ");
            let name = declaration.strip_prefix("mod ");
            if let Some(name) = name.and_then(|name| name.strip_suffix(';')) {
                modules.insert(format!("{folder}/{name}"));
            }
        }
    }
    modules
}

pub(super) fn check(file: &SourceFile, test_modules: &BTreeSet<String>) -> Vec<Finding> {
    let path = &file.path;
    let mut findings = Vec::new();
    if !file.text.starts_with("//") {
        let message = "begin with a comment that says what the file is for and what it refuses";
        findings.push(Finding::new(path, 1, "comment", message));
    }
    let shipped = if is_test(path, test_modules) {
        0
    } else {
        lines_before_tests(&file.text)
    };
    findings.extend(check_size(path, shipped));
    for (number, line) in (1..).zip(file.text.lines()) {
        if in_comment(line) || (path.starts_with("tests/") && line.trim() == LEFT) {
            continue;
        }
        let not_shipped = NOT_SHIPPED.iter().filter(|_| number <= shipped);
        for word in NOWHERE
            .iter()
            .chain(not_shipped)
            .filter(|w| line.contains(**w))
        {
            let message = format!("`{word}` is not used here: handle it, or say what is missing");
            findings.push(Finding::new(path, number, "unfinished", message));
        }
    }
    findings
}

/// Whether the whole file is a test, a benchmark or an example.
fn is_test(path: &str, test_modules: &BTreeSet<String>) -> bool {
    let folders = ["/tests/", "/benches/", "/examples/"];
    if path.starts_with("benches/") || folders.iter().any(|folder| path.contains(folder)) {
        return true;
    }
    let stem = path.trim_end_matches(".rs");
    let mut ends = stem.match_indices('/').map(|(end, _)| &stem[..end]);
    test_modules.contains(stem) || ends.any(|folder| test_modules.contains(folder))
}

/// How many lines there are before the module of the tests.
fn lines_before_tests(text: &str) -> usize {
    let lines: Vec<&str> = text.lines().collect();
    let begins = |pair: &[&str]| {
        let module = pair[1].trim_start_matches("pub(crate) ");
        pair[0] == "#[cfg(test)]" && module.starts_with("mod ") && module.ends_with('{')
    };
    let tests = lines.windows(2).position(begins);
    tests.unwrap_or(lines.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> SourceFile {
        SourceFile {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    fn found(path: &str, text: &str) -> Vec<(usize, &'static str)> {
        let findings = check(&file(path, text), &BTreeSet::new()).into_iter();
        findings.map(|found| (found.line, found.rule)).collect()
    }

    #[test]
    fn a_file_begins_with_a_comment() {
        assert_eq!(found("a/src/x.rs", "//! What.\n"), []);
        assert_eq!(found("a/src/x.rs", "fn x() {}\n"), [(1, "comment")]);
    }

    #[test]
    fn unwrap_is_for_tests_and_nothing_is_left_undone() {
        let text = "//! X.\nx.unwrap();\n// y.unwrap()\n#[cfg(test)]\nmod tests {\nz.unwrap()\n}\n";
        assert_eq!(found("a/src/x.rs", text), [(2, "unfinished")]);
        assert_eq!(found("a/tests/x.rs", text), []);
        for left in NOWHERE {
            let text = format!("//! X.\n{left}\n");
            assert_eq!(found("a/tests/x.rs", &text), [(2, "unfinished")]);
        }
    }

    #[test]
    fn only_a_test_of_the_harness_is_left_to_the_longer_run() {
        let text = format!("//! X.\n{LEFT}\n");
        assert_eq!(found("tests/tests/x.rs", &text), []);
        assert_eq!(found("a/tests/x.rs", &text), [(2, "unfinished")]);
    }

    #[test]
    fn the_size_is_counted_without_tests() {
        let long = |lines| "//\n".repeat(lines);
        assert_eq!(found("a/src/x.rs", &long(400)), []);
        assert_eq!(found("a/src/x.rs", &long(401)), [(401, "size")]);
        let tested = long(400) + "#[cfg(test)]\nmod tests {\n}\n";
        assert_eq!(found("a/src/x.rs", &tested), []);
        assert_eq!(found("a/tests/x.rs", &long(401)), []);
    }

    #[test]
    fn a_module_declared_for_tests_is_a_test_with_its_folder() {
        let lib = file(
            "a/src/lib.rs",
            "//! A.\n#[cfg(test)]\nmod properties;\nmod y;\n",
        );
        let y = file("a/src/y.rs", "//! Y.\n#[cfg(test)]\nmod sample;\n");
        let modules = test_modules(&[lib, y]);
        let is_test = |path| is_test(path, &modules);
        assert!(is_test("a/src/properties.rs") && is_test("a/src/properties/deep.rs"));
        assert!(is_test("a/src/y/sample.rs"));
        assert!(!is_test("a/src/y.rs") && !is_test("a/src/sample.rs"));
    }
}
