//! What is written about the metrics by hand, compared with the table: dashboards, rules, pages.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::{Kind, TABLE};

const PREFIX: &str = "dualwrite_";
const IN_BUCKETS: [&str; 3] = ["_bucket", "_count", "_sum"];

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs")
}

fn text(path: &str) -> String {
    std::fs::read_to_string(docs().join(path)).unwrap()
}

/// Everything in a folder of docs/ and the folders in it.
fn files(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, into);
        } else {
            into.push(path);
        }
    }
}

/// The names of metrics in a text; a name of another product may end with one of ours.
fn names(text: &str) -> BTreeSet<&str> {
    let is_of_a_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = text.split(|c| !is_of_a_name(c));
    words.filter(|word| word.starts_with(PREFIX)).collect()
}

fn is_exported(name: &str) -> bool {
    let is = |entry: &&crate::Entry| {
        let of_histogram = name.strip_prefix(entry.name);
        let of_histogram = of_histogram.is_some_and(|end| IN_BUCKETS.contains(&end));
        name == entry.name || entry.kind == Kind::Histogram && of_histogram
    };
    TABLE.iter().any(|entry| is(&entry))
}

#[test]
fn every_metric_that_is_named_is_exported() {
    let mut all = Vec::new();
    files(&docs(), &mut all);
    let mut named = 0;
    for path in all {
        let Ok(text) = std::fs::read_to_string(&path) else {
            continue; // a picture
        };
        for name in names(&text) {
            assert!(is_exported(name), "{name} in {}", path.display());
            named += 1;
        }
    }
    assert!(named > 100, "only {named}");
    assert!(!is_exported("dualwrite_stride_bucket") && !is_exported("dualwrite_strid"));
    assert_eq!(names("flink_dualwrite_a dualwrite:b"), BTreeSet::new());
}

#[test]
fn every_panel_says_what_it_shows_and_in_which_unit() {
    for (name, uid) in [("fleet", "dualwrite-fleet"), ("job", "dualwrite-job")] {
        let dashboard: Value = serde_json::from_str(&text(&format!("dashboards/{name}.json")))
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(dashboard["id"].is_null());
        assert_eq!(dashboard["uid"], uid);
        let variables = dashboard["templating"]["list"].as_array().unwrap();
        assert_eq!(variables[0]["name"], "datasource");
        let mut ids = BTreeSet::new();
        for panel in dashboard["panels"].as_array().unwrap() {
            let title = panel["title"].as_str().unwrap();
            assert!(ids.insert(panel["id"].as_u64().unwrap()), "{title}");
            if panel["type"] == "row" {
                continue;
            }
            let description = panel["description"].as_str().unwrap();
            assert!(description.ends_with('.'), "{title}");
            assert!(
                panel["fieldConfig"]["defaults"]["unit"].is_string(),
                "{title}"
            );
            for target in panel["targets"].as_array().unwrap() {
                assert_eq!(target["datasource"]["uid"], "${datasource}", "{title}");
            }
        }
    }
}

#[test]
fn every_alert_has_a_section_in_the_runbook_and_every_section_an_alert() {
    let rules = text("dashboards/alerts.yml");
    let after = |start: &'static str| {
        let lines = rules.lines().map(str::trim);
        lines.filter_map(move |line| line.strip_prefix(start))
    };
    let alerts: Vec<_> = after("- alert: ").collect();
    let urls: Vec<_> = after("runbook_url: docs/runbook-alerts.md#").collect();
    assert!(alerts.len() > 15, "{alerts:?}");
    let anchors: Vec<_> = alerts.iter().map(|alert| alert.to_lowercase()).collect();
    assert_eq!(urls, anchors);
    for key in ["severity: ", "summary: ", "description: "] {
        assert_eq!(after(key).count(), alerts.len(), "{key}");
    }
    let page = text("runbook-alerts.md");
    let sections = page
        .lines()
        .filter_map(|line| line.strip_prefix("## Dualwrite"));
    let sections: BTreeSet<_> = sections.map(|rest| format!("Dualwrite{rest}")).collect();
    assert_eq!(
        sections,
        alerts.iter().map(|alert| (*alert).to_owned()).collect()
    );
}
