//! `dualwrite gc` on a real HDFS: leftovers beside a checkpoint that is published, by the
//! `NameNode`'s own times; and a cluster that falls silent.

mod support;

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use harness::{HdfsCluster, Run};
use support::{checkpoint_in, dualwrite, exits, json_of};

const JOB: &str = "a1b2c3d4e5f60718293a4b5c6d7e8f90";
const ENDED: &str = "00000000000000000000000000000002";

#[test]
fn leftovers_go_and_what_is_published_stays() {
    let run = Run::new("gc").unwrap();
    let hdfs = HdfsCluster::start(&run, "secondary").unwrap();
    let local = tempfile::tempdir().unwrap();
    let root = local.path().join("cp");
    checkpoint_in(&root.join(format!("{JOB}/chk-42")));
    for (below, bytes) in [
        (format!(".dualwrite/owners/{JOB}.json"), "{}"),
        (format!(".dualwrite/owners/{ENDED}.json"), "{}"),
        (".dualwrite/inflight/w-1".to_owned(), "12345"),
        (format!(".dualwrite/claimed/{ENDED}/w-2"), "123456"),
        (format!(".dualwrite/strides/{ENDED}/w.json"), "{}"),
        (format!("{JOB}/chk-41/a"), "123"),
        (format!("{JOB}/shared/b"), "1234"),
        (format!("{ENDED}/chk-7/c"), "1"),
        ("notes.txt".to_owned(), "x"),
    ] {
        let path = root.join(below);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    hdfs.shell(&["-put", root.to_str().unwrap(), "/cp"])
        .unwrap();
    sleep(Duration::from_secs(2));

    let uri = format!("{}/cp", hdfs.uri());
    let file = local.path().join("gc.json");
    let file = file.to_str().unwrap();
    let plan = |min_age| {
        let secondary = ["gc", "plan", "--json", "--secondary", &uri];
        let age = ["--timeout", "3s", "--min-age", min_age, "--output", file];
        dualwrite(&[&secondary[..], &age].concat())
    };
    assert_eq!(json_of(&plan("1h"), 0)["rows"].as_array().unwrap().len(), 0);
    let document = json_of(&plan("1s"), 0);
    let kinds = document["rows"].as_array().unwrap().iter();
    let kinds: Vec<_> = kinds.map(|row| row["kind"].as_str().unwrap()).collect();
    let expected = [
        "in_flight",
        "claimed",
        "stride",
        "unpublished",
        "unpublished",
        "unnamed",
    ];
    assert_eq!(kinds, expected, "{document}");

    let apply = ["gc", "apply", "--json", "--timeout", "3s", file];
    let document = json_of(&dualwrite(&apply), 0);
    assert_eq!(document["deleted_files"], 6, "{document}");
    exits(&dualwrite(&["verify", &format!("{uri}/{JOB}/chk-42")]), 0);
    let there = hdfs.shell(&["-ls", "-R", "-C", "/cp"]).unwrap();
    let mut there: Vec<_> = there
        .lines()
        .filter_map(|line| line.strip_prefix("/cp/"))
        .collect();
    there.retain(|below| !below.starts_with(&format!("{JOB}/chk-42")));
    let owner = |job: &str| format!(".dualwrite/owners/{job}.json");
    for gone in [
        "chk-41",
        "chk-7",
        "shared/b",
        "inflight/w-1",
        "w-2",
        "w.json",
        "/gc",
    ] {
        assert!(
            !there.iter().any(|below| below.ends_with(gone)),
            "{gone}: {there:?}"
        );
    }
    for stays in ["notes.txt", &owner(JOB), &owner(ENDED)] {
        assert!(there.contains(&stays), "{stays}: {there:?}");
    }
    let document = json_of(&dualwrite(&apply), 0);
    assert_eq!(document["deleted_files"], 0, "{document}");

    hdfs.freeze().unwrap();
    assert_eq!(json_of(&plan("1s"), 3)["result"], "unknown");
    assert_eq!(json_of(&dualwrite(&apply), 3)["result"], "unknown");
    hdfs.thaw().unwrap();
    drop(hdfs);
    run.passed();
}
