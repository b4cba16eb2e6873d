//! What holds for every text file: length of lines, words that are not used here. Pure.

use super::{Finding, SourceFile};

/// Columns of a line of code.
const COLUMNS: usize = 100;

/// Words that are not used, and why. Matched as whole words, in any case.
const WORDS: [(&str, &str); 8] = [
    ("hdfs1", "say primary"),
    ("hdfs2", "say secondary"),
    ("whitelist", "say what is allowed"),
    ("blacklist", "say what is refused"),
    ("todo", "do it, or write down in docs/ that it is not done"),
    ("fixme", "mend it, or write down in docs/ what is wrong"),
    ("xxx", "say what is meant"),
    ("hack", "say what it does"),
];

/// Files that name the words in order to refuse them, or are not ours to word.
const EXEMPT: [&str; 4] = [
    "crates/xtask/src/tidy/text.rs",
    "crates/xtask/src/tidy/rust.rs",
    "LICENSE",
    "Cargo.lock",
];

pub(super) fn check(file: &SourceFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    let is_code = ["rs", "java"].contains(&file.extension());
    let is_exempt = EXEMPT.contains(&file.path.as_str());
    for (number, line) in (1..).zip(file.text.lines()) {
        let columns = line.chars().count();
        // Java has no way to break one of these.
        let is_import = line.starts_with("import ");
        if is_code && columns > COLUMNS && !is_import {
            let message = format!("{columns} columns; {COLUMNS} are the most");
            findings.push(Finding::new(&file.path, number, "line", message));
        }
        if is_exempt {
            continue;
        }
        for (word, instead) in WORDS.iter().filter(|(word, _)| has_word(line, word)) {
            let message = format!("\"{word}\" is not a word of this project: {instead}");
            findings.push(Finding::new(&file.path, number, "word", message));
        }
    }
    findings
}

fn has_word(line: &str, word: &str) -> bool {
    let boundary = |c: char| !c.is_ascii_alphanumeric();
    line.split(boundary)
        .any(|part| part.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(path: &str, text: &str) -> Vec<(usize, &'static str)> {
        let file = SourceFile {
            path: path.to_owned(),
            text: text.to_owned(),
        };
        let findings = check(&file).into_iter();
        findings.map(|found| (found.line, found.rule)).collect()
    }

    #[test]
    fn a_line_has_at_most_100_columns_in_code() {
        let longest = "é".repeat(COLUMNS);
        assert_eq!(rules("a.rs", &longest), []);
        assert_eq!(rules("a.java", &format!("\n{longest}x")), [(2, "line")]);
        assert_eq!(rules("a.md", &format!("{longest}x")), []);
    }

    #[test]
    fn words_are_found_whole_and_in_any_case() {
        assert_eq!(rules("a.md", "// TODO later"), [(1, "word")]);
        assert_eq!(rules("a.rs", "to_hdfs1(x)"), [(1, "word")]);
        assert_eq!(rules("a.rs", "shackle, hdfs11"), []);
    }
}
