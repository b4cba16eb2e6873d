//! The configuration as the commands use it: what it says of both clusters need not be said again.

mod support;

use std::fs;
use std::process::Output;

use serde_json::json;
use tempfile::TempDir;

use support::{checkpoint_in, command, exits, json_of};

/// Two clusters, each with a checkpoint, and a pair of places more.
fn desk(pair: &str) -> TempDir {
    let desk = tempfile::tempdir().unwrap();
    let root = desk.path().display();
    for cluster in ["east", "west"] {
        checkpoint_in(&desk.path().join(cluster).join("job/chk-42"));
    }
    let text = format!(
        "primary = \"east\"\nsecondary = \"west\"\n\
         path-mapping = [\"{pair}\"]\nprimary-aliases = [\"hdfs://alias\"]\n\
         [clusters.east]\nroot = \"file:{root}/east\"\n\
         [clusters.west]\nroot = \"file:{root}/west\"\n"
    );
    fs::write(desk.path().join("clusters.toml"), text).unwrap();
    desk
}

fn call(desk: &TempDir, args: &[&str]) -> Output {
    let mut command = command(args);
    command
        .current_dir(desk)
        .env("DUALWRITE_CONFIG", "clusters.toml");
    command.output().unwrap()
}

const COMMANDS: [&[&str]; 3] = [
    &["verify", "--all", "--secondary", "west"],
    &["repair", "plan", "--all"],
    &["switch", "plan", "--all", "--flink", "http://127.0.0.1:1"],
];

#[test]
fn its_mapping_is_used_unless_a_flag_gives_another() {
    let good = desk("file:/tables/east=file:/tables/west");
    for args in COMMANDS {
        exits(&call(&good, args), 0);
    }
    let plan = |more: &[&str]| {
        let args = [&["repair", "plan", "--all", "--json"], more].concat();
        let document = json_of(&call(&good, &args), 0);
        let said = |name: &str| document["plan"][name].clone();
        (said("path_mapping"), said("primary_aliases"))
    };
    let pairs = json!(["file:/tables/east=file:/tables/west"]);
    assert_eq!(plan(&[]), (pairs, json!(["hdfs://alias"])));
    let given = [
        "--path-mapping",
        "file:/a=file:/b",
        "--primary-alias",
        "hdfs://c",
    ];
    assert_eq!(
        plan(&given),
        (json!(["file:/a=file:/b"]), json!(["hdfs://c"]))
    );
}

#[test]
fn a_mapping_that_is_none_is_said_by_all() {
    let bad = desk("file:/tables/east");
    for args in COMMANDS {
        let (out, err) = exits(&call(&bad, args), 2);
        assert!(out.is_empty(), "{args:?}: {out}");
        assert!(
            err.contains("'file:/tables/east' is no pair"),
            "{args:?}: {err}"
        );
    }
}
