//! Which crate may use which: the arrows of docs/architecture.md. Pure, over cargo's metadata.

use anyhow::{Context, Result};
use serde_json::Value;

use super::Finding;

const RULE: &str = "arrow";

/// What each crate of the product may use in its normal and build dependencies.
const ARROWS: [(&str, &[&str]); 16] = [
    ("checkpoint-format", &[]),
    ("checkpoint-layout", &[]),
    ("store", &[]),
    ("telemetry", &[]),
    ("endpoint", &["telemetry"]),
    (
        "audit",
        &["store", "checkpoint-format", "checkpoint-layout"],
    ),
    (
        "replicator",
        &[
            "audit",
            "ownership",
            "telemetry",
            "store",
            "checkpoint-format",
            "checkpoint-layout",
        ],
    ),
    (
        "jni-bridge",
        &["replicator", "telemetry", "endpoint", "store"],
    ),
    // The same sources, built to panic in tests.
    ("provoked", &["replicator", "telemetry", "endpoint"]),
    ("ownership", &["store", "checkpoint-layout"]),
    ("repair", &["audit", "ownership"]),
    ("gc", &["audit", "ownership"]),
    ("switch", &["audit"]),
    ("preflight", &["audit", "checkpoint-layout"]),
    (
        "cli",
        &["audit", "gc", "ownership", "preflight", "repair", "switch"],
    ),
    ("xtask", &["harness", "checkpoint-format"]),
];

/// What every crate may use in its tests besides.
const IN_TESTS: [&str; 2] = ["harness", "store"];

/// What single crates may use in their tests besides: the simulation runs the operator's commands
/// against living jobs.
const IN_TESTS_OF: [(&str, &str); 1] = [("replicator", "gc")];

/// What may use everything: its code is not shipped, and nothing uses it.
const FREE: [&str; 1] = ["benches"];

/// `manifest` answers with a manifest's text by its path from the root.
pub(super) fn check<'a>(
    metadata: &Value,
    manifest: impl Fn(&str) -> &'a str,
) -> Result<Vec<Finding>> {
    let root = metadata["workspace_root"]
        .as_str()
        .context("cargo metadata names no root")?;
    let mut findings = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let name = package["name"].as_str().unwrap_or_default();
        let path = package["manifest_path"].as_str().unwrap_or_default();
        let path = path.trim_start_matches(root).trim_start_matches('/');
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            // Only those of the workspace have a path.
            if dependency["path"].is_null() {
                continue;
            }
            let used = dependency["name"].as_str().unwrap_or_default();
            let in_tests = dependency["kind"] == "dev";
            if let Some(allowed) = refused(name, used, in_tests) {
                let line = line_of(manifest(path), used);
                let message = format!("{name} must not use {used}; it may use: {allowed}");
                findings.push(Finding::new(path, line, RULE, message));
            }
        }
    }
    Ok(findings)
}

/// What would be allowed, if this is not.
fn refused(name: &str, used: &str, in_tests: bool) -> Option<String> {
    if FREE.contains(&name) {
        return None;
    }
    let arrows = ARROWS.iter().find(|(from, _)| *from == name);
    // The harness, and whatever is new, uses nothing until it is written down above.
    let mut allowed = arrows.map_or_else(Vec::new, |(_, to)| to.to_vec());
    if in_tests {
        allowed.extend(IN_TESTS);
        let own = IN_TESTS_OF.iter().filter(|(of, _)| *of == name);
        allowed.extend(own.map(|(_, to)| *to));
    }
    (!allowed.contains(&used)).then(|| match allowed.as_slice() {
        [] => "nothing".to_owned(),
        some => some.join(", "),
    })
}

/// Where a manifest names a dependency; 1 if it does so in another way.
fn line_of(manifest: &str, dependency: &str) -> usize {
    let names = |line: &str| {
        let rest = line.strip_prefix(dependency);
        rest.is_some_and(|rest| rest.starts_with([' ', '.', '=']))
    };
    manifest.lines().position(names).map_or(1, |line| line + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn findings(name: &str, used: &str, kind: Option<&str>) -> Vec<Finding> {
        let metadata = json!({
            "workspace_root": "/w",
            "packages": [{
                "name": name,
                "manifest_path": "/w/crates/x/Cargo.toml",
                "dependencies": [
                    {"name": "serde", "kind": null},
                    {"name": used, "kind": kind, "path": "/w/crates/y"},
                ],
            }],
        });
        let manifest = "[dependencies]\nstored = 1\nstore = { workspace = true }\n";
        check(&metadata, |_| manifest).unwrap()
    }

    #[test]
    fn an_arrow_that_is_not_drawn_is_found_with_its_line() {
        let found = findings("cli", "store", None);
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].to_string(),
            "crates/x/Cargo.toml:3: arrow: cli must not use store; it may use: audit, gc, \
             ownership, preflight, repair, switch"
        );
        assert_eq!(findings("store", "audit", None).len(), 1);
        assert_eq!(findings("new-crate", "store", None).len(), 1);
        assert_eq!(findings("audit", "harness", None).len(), 1);
    }

    #[test]
    fn arrows_that_are_drawn_and_helpers_of_tests_are_not() {
        assert_eq!(findings("cli", "audit", None), []);
        assert_eq!(findings("cli", "harness", Some("dev")), []);
        assert_eq!(findings("audit", "store", Some("dev")), []);
        assert_eq!(findings("benches", "replicator", None), []);
    }
}
