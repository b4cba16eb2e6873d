//! Leftovers in numbers: by job, by kind, and by how they ended. Refuses to list them one by one:
//! the plan's file does.

use std::collections::BTreeMap;

use gc::{End, Kind, Left, Leftover, Plan};
use serde::Serialize;

use crate::output;

/// People are shown so many lines of what is left; JSON and the plan's file have all.
const MOST_LINES_SHOWN: usize = 20;

/// Leftovers that are alike.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Row {
    pub(super) job_id: Option<String>,
    pub(super) kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) result: Option<&'static str>,
    pub(super) files: u64,
    pub(super) bytes: u64,
    pub(super) oldest_ms: u64,
}

impl Row {
    /// Whether they ended so.
    pub(super) fn is(&self, end: End) -> bool {
        self.result == Some(end.as_str())
    }
}

/// Job, kind and end.
type Alike<'a> = (Option<&'a str>, Kind, Option<End>);

/// The rows of a plan; with how they ended, if it was carried out.
pub(super) fn rows(plan: &Plan, ends: Option<&[End]>) -> Vec<Row> {
    let mut rows: BTreeMap<Alike<'_>, Vec<&Leftover>> = BTreeMap::new();
    for (index, leftover) in plan.leftovers.iter().enumerate() {
        let end = ends.and_then(|ends| ends.get(index)).copied();
        let row = (plan.job_of(leftover), leftover.kind, end);
        rows.entry(row).or_default().push(leftover);
    }
    let row = |((job, kind, end), some): (Alike<'_>, Vec<&Leftover>)| Row {
        job_id: job.map(str::to_owned),
        kind: kind.as_str(),
        result: end.map(End::as_str),
        files: some.len() as u64,
        bytes: some
            .iter()
            .fold(0, |sum, one| sum.saturating_add(one.bytes)),
        oldest_ms: some.iter().map(|one| one.modified_ms).min().unwrap_or(0),
    };
    rows.into_iter().map(row).collect()
}

/// All rows' files and bytes.
pub(super) fn sum<'a>(rows: impl Iterator<Item = &'a Row>) -> (u64, u64) {
    rows.fold((0, 0), |(files, bytes), row| {
        (files + row.files, bytes.saturating_add(row.bytes))
    })
}

/// `in flight`.
pub(super) fn words(name: &str) -> String {
    name.replace('_', " ")
}

/// Prints what is left, and why, for people.
pub(super) fn print_left(title: &str, left: &[Left]) {
    if left.is_empty() {
        return;
    }
    output::print(&format!("\n{title}"));
    for Left { path, why } in left.iter().take(MOST_LINES_SHOWN) {
        output::print(&output::harmless(&format!("- {path}: {why}")));
    }
    let more = left.len().saturating_sub(MOST_LINES_SHOWN);
    if more > 0 {
        output::print(&format!("- and {more} more; --json has them all"));
    }
}
