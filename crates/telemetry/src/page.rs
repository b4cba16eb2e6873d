//! docs/metrics.md as generated from the table, compared with the page that is there.

use std::fmt::Write as _;
use std::path::Path;

use crate::labels::{Label, OF_A_JOB};
use crate::{Entry, TABLE};

const BEGIN: &str = "<!-- Generated from the table in crates/telemetry: do not edit below. \
                     UPDATE_PAGES=1 cargo test -p telemetry writes it. -->\n";

fn tables() -> String {
    let mut page = String::new();
    let of_process = TABLE.iter().filter(|entry| !entry.is_of_a_job());
    section(&mut page, "For each process", of_process);
    let of_job = TABLE.iter().filter(|entry| entry.is_of_a_job());
    section(&mut page, "For each job", of_job);
    page.push_str("\n## Label values\n");
    for entry in TABLE {
        for label in entry.labels {
            values(&mut page, entry, label);
        }
    }
    page
}

/// A job's labels are named once for all, above the tables.
fn section<'a>(page: &mut String, title: &str, entries: impl Iterator<Item = &'a Entry>) {
    let head = "| metric | type | unit | labels | what it is |\n|---|---|---|---|---|";
    let _ = writeln!(page, "\n## {title}\n\n{head}");
    for entry in entries {
        let own = entry.labels.iter();
        let own = own.filter(|label| !OF_A_JOB.contains(&label.name));
        let own: Vec<_> = own.map(|label| format!("`{}`", label.name)).collect();
        let (kind, labels) = (format!("{:?}", entry.kind).to_lowercase(), own.join(", "));
        let cells = [&kind, entry.unit, &labels, entry.help].map(|cell| format!(" {cell} |"));
        let _ = writeln!(page, "| `{}` |{}", entry.name, cells.concat());
    }
}

fn values(page: &mut String, entry: &Entry, label: &Label) {
    if label.values.is_empty() {
        return;
    }
    let _ = writeln!(
        page,
        "\n`{}` of `{}`:\n\n| value | meaning |\n|---|---|",
        label.name, entry.name
    );
    for (value, meaning) in label.values {
        let _ = writeln!(page, "| `{value}` | {meaning} |");
    }
}

#[test]
fn the_page_has_the_metrics_as_they_are() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/metrics.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (by_hand, _) = page
        .split_once(BEGIN)
        .expect("the line that begins the generated part");
    let expected = format!("{by_hand}{BEGIN}{}", tables());
    if std::env::var_os("UPDATE_PAGES").is_some() {
        std::fs::write(&path, &expected).unwrap();
    }
    let differs = page
        .lines()
        .zip(expected.lines())
        .find(|(is, must)| is != must);
    assert!(
        page == expected,
        "docs/metrics.md differs from the table, first at {differs:?}: run it again, if \
         UPDATE_PAGES was set, or run UPDATE_PAGES=1 cargo test -p telemetry"
    );
}
