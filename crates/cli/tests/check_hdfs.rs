//! `dualwrite check` on a real HDFS: nothing is left there, a directory that may not be written to
//! is refused, and silence is not taken for either.

mod support;

use std::path::Path;

use harness::{HdfsCluster, Run};
use serde_json::Value;
use support::{dualwrite, json_of};

/// Writes a configuration between two directories of one cluster, which has two names.
fn write(conf: &Path, hdfs: &HdfsCluster, more: &str) {
    let port = hdfs.uri().rsplit(':').next().unwrap();
    let text = format!(
        "execution.checkpointing.storage: io.dualwrite.flink.DualWriteCheckpointStorageFactory\n\
         execution.checkpointing.dir: hdfs://127.0.0.1:{port}/primary\n\
         dualwrite.secondary.dir: hdfs://localhost:{port}/dr/secondary\n\
         dualwrite.spill.max-size: 0\n\
         {more}"
    );
    std::fs::write(conf.join("config.yaml"), text).unwrap();
}

/// Severity and kind of the worst finding, and its words.
fn worst(document: &Value) -> (&str, &str, &str) {
    let finding = &document["findings"][0];
    let part = |name: &str| finding[name].as_str().unwrap_or("-");
    (part("severity"), part("kind"), part("message"))
}

#[test]
fn both_clusters_answer_refuse_and_fall_silent() {
    let run = Run::new("check").unwrap();
    let hdfs = HdfsCluster::start(&run, "both").unwrap();
    let dir = tempfile::tempdir().unwrap();
    let conf = dir.path();
    let check = |more: &[&str], code| {
        let mut args = vec![
            "check",
            "--json",
            "--flink-version",
            "2.2",
            "--timeout",
            "3s",
        ];
        args.extend(more);
        args.push(conf.to_str().unwrap());
        json_of(&dualwrite(&args), code)
    };

    write(conf, &hdfs, "");
    let document = check(&[], 0);
    let kinds: Vec<_> = document["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| finding["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["no_job_names", "no_lib", "primary_absent"]);
    let all = hdfs.shell(&["-ls", "-R", "/"]).unwrap();
    assert!(!all.contains("/dr") && !all.contains("/primary"), "{all}");

    hdfs.shell(&["-mkdir", "-p", "/dr/secondary", "/primary"])
        .unwrap();
    check(&["--write-primary"], 0);
    let all = hdfs.shell(&["-ls", "-R", "/"]).unwrap();
    assert!(!all.contains("dualwrite"), "{all}");

    // Both belong to another user, who alone may write.
    write(conf, &hdfs, "dualwrite.secondary.user: nobody\n");
    let document = check(&[], 1);
    let (severity, kind, message) = worst(&document);
    assert_eq!((severity, kind), ("error", "secondary_refuses"));
    assert!(message.contains("permission denied"), "{message}");
    let fix = document["findings"][0]["fix"].as_str().unwrap();
    assert!(fix.contains("hdfs dfs -chown nobody"), "{fix}");
    write(conf, &hdfs, "");
    let document = check(&["--user", "nobody", "--write-primary"], 1);
    let kinds = document["findings"].as_array().unwrap().iter();
    let refused = kinds
        .filter(|finding| finding["kind"] == "primary_refuses")
        .count();
    assert_eq!(refused, 1, "{document}");

    hdfs.freeze().unwrap();
    let document = check(&[], 3);
    let (severity, kind, _) = worst(&document);
    assert_eq!((severity, kind), ("unknown", "primary_silent"));
    hdfs.thaw().unwrap();
    drop(hdfs);
    run.passed();
}
