//! What holds for Java, and what Rust and Java have in common. Pure, line by line.

use super::{Finding, SourceFile};

/// Lines of a file, without its tests.
const LINES: usize = 400;

/// What makes a test pass without being run.
const SKIPPED: [&str; 4] = ["@Disabled", "assumeTrue(", "assumeFalse(", "assumeThat("];

pub(super) fn check_java(file: &SourceFile) -> Vec<Finding> {
    let path = &file.path;
    let mut findings = Vec::new();
    let lines: Vec<&str> = file.text.lines().collect();
    let declaration = lines.iter().position(|line| declares(line));
    let documented = lines[..declaration.unwrap_or(lines.len())]
        .iter()
        .any(|line| line.starts_with("/**") || line.starts_with("// "));
    if !documented {
        let line = declaration.map_or(1, |line| line + 1);
        let message = "give the class a comment that says what it is for and what it refuses";
        findings.push(Finding::new(path, line, "comment", message));
    }
    if !path.contains("src/test/") {
        findings.extend(check_size(path, lines.len()));
    }
    for (number, line) in (1..).zip(&lines) {
        for word in SKIPPED
            .iter()
            .filter(|word| !in_comment(line) && line.contains(**word))
        {
            let message = format!("`{word}`: a test that cannot run fails");
            findings.push(Finding::new(path, number, "unfinished", message));
        }
    }
    findings
}

/// Whether a line declares the file's class or package.
fn declares(line: &str) -> bool {
    if line.starts_with(char::is_whitespace) || line.starts_with(['*', '/']) {
        return false;
    }
    let words = ["class", "interface", "enum", "record", "@interface"];
    line.split(' ').any(|word| words.contains(&word))
}

/// A finding when a file is too long without its tests.
pub(super) fn check_size(path: &str, lines: usize) -> Option<Finding> {
    (lines > LINES).then(|| {
        let message = format!("{lines} lines without tests; {LINES} are the most: divide it");
        Finding::new(path, lines, "size", message)
    })
}

/// Whether a whole line is a comment, in Rust or Java.
pub(super) fn in_comment(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("//") || line.starts_with('*') || line.starts_with("/*")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<(usize, &'static str)> {
        let file = SourceFile {
            path: path.to_owned(),
            text: text.to_owned(),
        };
        let findings = check_java(&file).into_iter();
        findings.map(|found| (found.line, found.rule)).collect()
    }

    #[test]
    fn a_class_has_a_comment_before_it() {
        let good = "package p;\n\n/** What. */\nfinal class X {}\n";
        assert_eq!(found("X.java", good), []);
        let bare = "package p;\n\npublic enum X {\n    /** In it. */\n    A\n}\n";
        assert_eq!(found("X.java", bare), [(3, "comment")]);
        assert_eq!(found("package-info.java", "/** All. */\npackage p;\n"), []);
        assert_eq!(found("package-info.java", "package p;\n"), [(1, "comment")]);
    }

    #[test]
    fn a_test_is_not_skipped() {
        let text = "/** T. */\nclass T {\n    // @Disabled\n    @Disabled\n}\n";
        assert_eq!(found("src/test/T.java", text), [(4, "unfinished")]);
    }

    #[test]
    fn only_tests_may_be_long() {
        let long = "/** T. */\n".repeat(401);
        assert_eq!(found("src/main/T.java", &long), [(401, "size")]);
        assert_eq!(found("src/test/T.java", &long), []);
    }
}
