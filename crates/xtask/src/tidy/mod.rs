//! The habits of this code base as a check: arrows, sizes, comments, words, links, tests of faults.
//!
//! Looks at every file that git knows or would take. Refuses to change anything.

mod arrows;
mod faults;
mod links;
mod rust;
mod source;
mod text;

use std::collections::BTreeSet;
use std::fmt;

use anyhow::{Context, Result, bail};
use harness::workspace_dir;

use crate::command::{metadata, output};

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    path: String,
    /// From 1.
    line: usize,
    rule: &'static str,
    message: String,
}

impl Finding {
    fn new(path: &str, line: usize, rule: &'static str, message: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line,
            rule,
            message: message.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            path,
            line,
            rule,
            message,
        } = self;
        write!(f, "{path}:{line}: {rule}: {message}")
    }
}

/// One file of the workspace.
#[derive(Debug)]
struct SourceFile {
    /// From the root of the workspace, with `/`.
    path: String,
    text: String,
}

impl SourceFile {
    /// What follows the last dot; nothing if there is none.
    fn extension(&self) -> &str {
        self.path.rsplit_once('.').map_or("", |(_, end)| end)
    }
}

/// Checks everything and prints what it finds.
///
/// # Errors
/// When it finds something, or a file cannot be read.
pub(crate) fn run() -> Result<()> {
    let files = files()?;
    let known: BTreeSet<&str> = files.iter().map(|file| file.path.as_str()).collect();
    let tests = rust::test_modules(&files);
    let mut findings = arrows::check(&metadata()?, |path| {
        let file = files.iter().find(|file| file.path == path);
        file.map_or("", |file| &file.text)
    })?;
    findings.extend(faults::check(&files));
    for file in &files {
        findings.extend(text::check(file));
        match file.extension() {
            "rs" => findings.extend(rust::check(file, &tests)),
            "java" => findings.extend(source::check_java(file)),
            "md" => findings.extend(links::check(file, &known, |path| {
                let file = files.iter().find(|file| file.path == path);
                file.map_or("", |file| &file.text)
            })),
            _ => {}
        }
    }
    findings.sort();
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => Ok(()),
        count => bail!("{count} findings in {} files", files.len()),
    }
}

/// The text files that git tracks, and new ones that it does not ignore.
fn files() -> Result<Vec<SourceFile>> {
    let mut list = std::process::Command::new("git");
    list.current_dir(workspace_dir()).args([
        "ls-files",
        "--cached",
        "--others",
        "--exclude-standard",
    ]);
    let mut files = Vec::new();
    for path in output(&mut list)?.lines() {
        let full = workspace_dir().join(path);
        // A file that is deleted and not yet committed is listed too.
        if !full.is_file() {
            continue;
        }
        let bytes = std::fs::read(&full).with_context(|| format!("cannot read {path}"))?;
        // What is not text has no lines to look at, but pages may show it.
        let text = String::from_utf8(bytes).unwrap_or_default();
        let path = path.to_owned();
        files.push(SourceFile { path, text });
    }
    Ok(files)
}
