//! Links between the project's own pages: the file is there, and so is the heading. Pure.
//!
//! Refuses to look at addresses on the web.

use std::collections::BTreeSet;

use super::{Finding, SourceFile};

const RULE: &str = "link";

/// `known` are all files of the workspace; `text_of` answers with one's text.
pub(super) fn check<'a>(
    page: &SourceFile,
    known: &BTreeSet<&str>,
    text_of: impl Fn(&str) -> &'a str,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (line, target) in links(&page.text) {
        if target.contains("://") || target.starts_with("mailto:") {
            continue;
        }
        let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
        let path = if file.is_empty() {
            page.path.clone()
        } else {
            resolve(&page.path, file)
        };
        let folder = format!("{}/", path.trim_end_matches('/'));
        let is_there =
            known.contains(path.as_str()) || known.iter().any(|file| file.starts_with(&folder));
        if !is_there {
            let message = format!("{path} is not there");
            findings.push(Finding::new(&page.path, line, RULE, message));
        } else if !anchor.is_empty() && !headings(text_of(&path)).contains(anchor) {
            let message = format!("{path} has no heading #{anchor}");
            findings.push(Finding::new(&page.path, line, RULE, message));
        }
    }
    findings
}

/// Targets of `[text](target)` with their lines, outside of code.
fn links(text: &str) -> Vec<(usize, &str)> {
    let mut links = Vec::new();
    for (number, line) in prose(text) {
        // What stands between backquotes is code: every second part.
        for part in line.split('`').step_by(2) {
            for after in part.split("](").skip(1) {
                let target = after.split([')', ' ']).next().unwrap_or_default();
                links.push((number, target));
            }
        }
    }
    links
}

/// The lines outside of fenced blocks, from 1.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    (1..).zip(text.lines()).filter(move |(_, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    })
}

/// The anchors that GitHub gives to a page's headings; of equal ones the first.
fn headings(text: &str) -> BTreeSet<String> {
    prose(text)
        .filter_map(|(_, line)| {
            line.trim_start_matches('#')
                .strip_prefix(' ')
                .filter(|_| line.starts_with('#'))
        })
        .map(|heading| {
            let kept = heading.trim().chars().filter_map(|c| match c {
                ' ' => Some('-'),
                '-' | '_' => Some(c),
                c => c.is_alphanumeric().then(|| c.to_ascii_lowercase()),
            });
            kept.collect()
        })
        .collect()
}

/// A link's path from the root of the workspace.
fn resolve(page: &str, link: &str) -> String {
    let mut parts: Vec<&str> = match link.strip_prefix('/') {
        Some(_) => Vec::new(),
        None => page
            .rsplit_once('/')
            .map_or(Vec::new(), |(folder, _)| folder.split('/').collect()),
    };
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let page = SourceFile {
            path: "docs/a/page.md".to_owned(),
            text: text.to_owned(),
        };
        let known = BTreeSet::from(["docs/a/page.md", "docs/b.md", "README.md"]);
        let other = |_: &str| "# The Name: `x_y`\n```\n# not one\n```\n";
        let findings = check(&page, &known, other).into_iter();
        findings.map(|found| found.to_string()).collect()
    }

    #[test]
    fn links_to_what_is_there_are_good() {
        let text = "[b](../b.md), [r](/README.md \"title\") [d](..)\n\
                    [w](https://x/y) `[c](no.md)`\n[h](../b.md#the-name-x_y)\n\
                    ```\n[in code](none.md)\n```\n";
        assert_eq!(found(text), Vec::<String>::new());
    }

    #[test]
    fn a_missing_file_or_heading_is_found() {
        assert_eq!(
            found("x\n[b](b.md)"),
            ["docs/a/page.md:2: link: docs/a/b.md is not there"]
        );
        assert_eq!(
            found("[b](../b.md#not-one)"),
            ["docs/a/page.md:1: link: docs/b.md has no heading #not-one"]
        );
    }
}
