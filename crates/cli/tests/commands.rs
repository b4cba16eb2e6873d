//! The binary as operators and scripts call it, on local files: what it prints and exits with.

mod support;

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use support::{HEAP, checkpoint_in, command, dualwrite, exits, json_of};

const BYTES: u64 = 1_048_576 + 2048 + 3 + 4096;
/// Names a file on `hdfs://primary:8020`.
const UNALIGNED: &[u8] = include_bytes!("../../../tests/goldens/data/2.2.1/unaligned.metadata");

/// Before an octet that no UTF-8 has.
fn no_text(name: &str) -> OsString {
    OsString::from_vec([name.as_bytes(), b"\xff"].concat())
}

/// A secondary on local files.
struct Secondary(TempDir);

impl Secondary {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, below: &str) -> PathBuf {
        self.0.path().join(below)
    }

    fn uri(&self, below: &str) -> String {
        format!("file:{}", self.path(below).display())
    }

    /// A checkpoint as it must be.
    fn checkpoint(&self, dir: &str) -> PathBuf {
        let path = self.path(dir);
        checkpoint_in(&path);
        path
    }

    fn entry(&self, job_id: &str, newest: u64) {
        let dir = self.path(".dualwrite/catalogue");
        fs::create_dir_all(&dir).unwrap();
        let entry = json!({
            "job_id": job_id,
            "job_name": format!("name of {job_id}"),
            "primary_dir": "hdfs://primary:8020/flink/checkpoints",
            "job_dir": self.uri(job_id),
            "newest_published_id": newest,
            "newest_published_path": self.uri(&format!("{job_id}/chk-{newest}")),
            "triggered_at_ms": 1_770_091_506_000_u64,
            "completed_at_ms": 1_770_091_507_000_u64,
            "published_at_ms": 1_770_091_508_000_u64,
            "files": 7,
            "bytes": 1_500_000,
            "version": 1,
        });
        fs::write(dir.join(format!("{job_id}.json")), entry.to_string()).unwrap();
    }
}

fn one_finding(secondary: &Secondary, dir: &str) -> Value {
    let document = json_of(&dualwrite(&["verify", "--json", &secondary.uri(dir)]), 1);
    assert_eq!(document["result"], "not_usable");
    let findings = document["checkpoints"][0]["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 1, "{document}");
    findings[0].clone()
}

#[test]
fn a_usable_checkpoint() {
    let secondary = Secondary::new();
    secondary.checkpoint("job/chk-42");
    let uri = secondary.uri("job/chk-42");
    let (out, err) = exits(&dualwrite(&["verify", &uri]), 0);
    let expected = "RESULT  ID  FILES     SIZE  VERSION  CHECKPOINT\n\
                    usable  42      4  1.0 MiB        6  PATH\n";
    assert_eq!(out.replace(&uri, "PATH"), expected);
    assert_eq!(err, "");

    let document = json_of(&dualwrite(&["--json", "verify", &uri]), 0);
    let checkpoint = json!({
        "path": uri, "result": "usable", "version": 6, "checkpoint_id": 42, "files": 4,
        "bytes": BYTES, "read_bytes": 0, "compared_bytes": 0, "digest_bytes": 0, "findings": [],
        "notices": [], "error": null,
    });
    let expected = json!({
        "result": "usable", "depth": "length", "checkpoints": [checkpoint],
        "retired_meanwhile": 0, "findings": [], "error": null, "recorded": null,
    });
    assert_eq!(document, expected);
    let by_file = secondary.uri("job/chk-42/_metadata");
    assert_eq!(
        json_of(&dualwrite(&["verify", "--json", &by_file]), 0),
        expected
    );
}

#[test]
fn findings_are_typed_and_say_what_to_do() {
    let secondary = Secondary::new();
    let path = secondary.checkpoint("job/chk-42");
    fs::remove_file(path.join("raw-0")).unwrap();
    let finding = one_finding(&secondary, "job/chk-42");
    let raw = secondary.uri("job/chk-42/raw-0");
    let message = format!(
        "{raw} is missing: copy it there from the other cluster while that still has it, or \
         restore another checkpoint"
    );
    assert_eq!(
        finding,
        json!({ "kind": "missing", "path": raw, "message": message })
    );
    let (out, _) = exits(&dualwrite(&["verify", &secondary.uri("job/chk-42")]), 1);
    assert!(out.starts_with("RESULT"), "{out}");
    assert!(out.contains(&format!("\n- missing: {message}\n")), "{out}");

    fs::write(path.join("raw-0"), "five!").unwrap();
    let finding = one_finding(&secondary, "job/chk-42");
    assert_eq!(finding["kind"], "wrong_length");
    assert_eq!(
        (&finding["expected_bytes"], &finding["found_bytes"]),
        (&json!(3), &json!(5))
    );
}

#[test]
fn what_is_no_whole_checkpoint_is_not_usable() {
    let secondary = Secondary::new();
    let path = secondary.checkpoint("job/chk-42");
    fs::write(path.join("_metadata"), &HEAP[..HEAP.len() / 2]).unwrap();
    let finding = one_finding(&secondary, "job/chk-42");
    assert_eq!(finding["kind"], "bad_metadata");
    let offset = finding["offset"].as_u64().unwrap();
    let told = format!("is not understood: byte {offset}: ");
    assert!(
        finding["message"].as_str().unwrap().contains(&told),
        "{finding}"
    );

    fs::write(path.join("_metadata"), UNALIGNED).unwrap();
    fs::write(path.join("channels-out"), vec![0; 6000]).unwrap();
    assert_eq!(
        one_finding(&secondary, "job/chk-42")["kind"],
        "outside_cluster"
    );

    fs::remove_file(path.join("_metadata")).unwrap();
    assert_eq!(one_finding(&secondary, "job/chk-42")["kind"], "no_metadata");
    let finding = one_finding(&secondary, "job/chk-43");
    assert_eq!(finding["kind"], "no_metadata");
    let message = finding["message"].as_str().unwrap();
    assert!(message.contains("is not there"), "{message}");
}

#[test]
fn of_several_the_worst_counts_and_all_are_told() {
    let secondary = Secondary::new();
    secondary.checkpoint("job/chk-42");
    let good = secondary.uri("job/chk-42");
    let none = secondary.uri("job/chk-41");
    let silent = "hdfs://127.0.0.1:1/a";
    let results = |paths: &[&str], code| {
        let args = [&["verify", "--json", "--timeout", "2s"], paths].concat();
        let document = json_of(&dualwrite(&args), code);
        let checkpoints = document["checkpoints"].as_array().unwrap().clone();
        let mut results = vec![document["result"].as_str().unwrap().to_owned()];
        results.extend(
            checkpoints
                .iter()
                .map(|c| c["result"].as_str().unwrap().to_owned()),
        );
        results
    };
    assert_eq!(results(&[&good, &good], 0), ["usable", "usable", "usable"]);
    assert_eq!(
        results(&[&none, &good], 1),
        ["not_usable", "not_usable", "usable"]
    );
    assert_eq!(
        results(&[silent, &good], 3),
        ["unknown", "unknown", "usable"]
    );
    assert_eq!(
        results(&[silent, &none], 1),
        ["not_usable", "unknown", "not_usable"]
    );
}

#[test]
fn an_absent_cluster_is_told_within_the_limit() {
    let silent = "hdfs://127.0.0.1:1/flink/chk-1";
    for args in [
        ["verify", silent, "--timeout=3s", "--json"],
        [
            "list",
            "--secondary=hdfs://127.0.0.1:1/flink",
            "--timeout=3s",
            "--json",
        ],
        ["inspect", silent, "--timeout=3s", "--json"],
    ] {
        let begun = Instant::now();
        let (out, err) = exits(&dualwrite(&args[..args.len() - 1]), 3);
        // A machine under load takes its time to start a process.
        assert!(
            begun.elapsed() < Duration::from_secs(8),
            "{:?}",
            begun.elapsed()
        );
        let text = out + &err;
        assert!(err.starts_with("Cannot "), "{text}");
        assert!(err.contains("reachable from here?"), "{text}");
        assert_eq!(err.lines().count(), 1, "{text}");
        let document = json_of(&dualwrite(&args), 3);
        assert_eq!(document["result"], "unknown");
    }
}

#[test]
fn a_wrong_command_line_is_told_what_is_accepted() {
    let told = |args: &[&str], text: &str| {
        let (out, err) = exits(&dualwrite(args), 2);
        assert!(out.is_empty() && err.contains(text), "{args:?}: {out}{err}");
    };
    told(&["verify", "/no/scheme"], "give hdfs://host:port/path");
    told(
        &["verify", "s3://bucket/chk-1"],
        "give hdfs://host:port/path",
    );
    told(&["verify", "hdfs:///chk-1"], "fs.defaultFS");
    told(
        &["list", "--secondary", "x"],
        "Give an address like hdfs://",
    );
    told(
        &["list", "--secondary", "x:y"],
        "give hdfs://host:port/path",
    );
    told(&["list"], "--secondary <URI>");
    told(&["verify"], "<PATH>...");
    told(&["frobnicate"], "frobnicate");
    told(
        &["list", "--secondary", "file:/", "--timeout", "10"],
        "give a time like",
    );
    told(
        &["list", "--secondary", "file:/", "--timeout", "0s"],
        "longer than 0",
    );
    let version = format!("dualwrite {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(exits(&dualwrite(&["--version"]), 0).0, version);
    assert!(exits(&dualwrite(&["--help"]), 0).0.contains("Examples:"));
}

#[test]
fn jobs_by_catalogue_and_by_checkpoint() {
    let secondary = Secondary::new();
    secondary.checkpoint("aaaa/chk-41");
    secondary.checkpoint("aaaa/chk-42");
    secondary.entry("aaaa", 42);
    secondary.checkpoint("bbbb/chk-7");
    let uri = secondary.uri("");
    let mut document = json_of(&dualwrite(&["list", "--json", "--secondary", &uri]), 0);
    let now = document["now_ms"].as_u64().unwrap();
    assert_eq!(
        document["jobs"][0]["age_ms"],
        json!(now - 1_770_091_506_000)
    );
    let age = document["jobs"][1]["age_ms"].as_u64().unwrap();
    assert!(age < 600_000, "{age}");
    document["now_ms"] = json!(0);
    document["jobs"][0]["age_ms"] = json!(0);
    document["jobs"][1]["age_ms"] = json!(0);
    let named = json!({
        "job_name": "name of aaaa", "job_id": "aaaa", "job_dir": secondary.uri("aaaa"),
        "primary_dir": "hdfs://primary:8020/flink/checkpoints", "newest_id": 42,
        "newest_path": secondary.uri("aaaa/chk-42"), "triggered_at_ms": 1_770_091_506_000_u64,
        "age_ms": 0, "bytes": 1_500_000, "files": 7, "published": 2,
        "newest_of_name": true, "completed_id": null, "completed_at_ms": null, "behind_ms": null,
        "verdict": null,
    });
    let unnamed = json!({
        "job_name": null, "job_id": "bbbb", "job_dir": secondary.uri("bbbb"),
        "primary_dir": null, "newest_id": 7, "newest_path": secondary.uri("bbbb/chk-7"),
        "triggered_at_ms": null, "age_ms": 0, "bytes": BYTES, "files": 4, "published": 1,
        "newest_of_name": true, "completed_id": null, "completed_at_ms": null, "behind_ms": null,
        "verdict": null,
    });
    let expected = json!({
        "result": "good", "secondary": uri.trim_end_matches('/'), "now_ms": 0,
        "jobs": [named, unnamed], "findings": [], "error": null,
        "primary": null, "primary_error": null,
    });
    assert_eq!(document, expected);

    let (out, _) = exits(&dualwrite(&["list", "--secondary", &uri]), 0);
    let rows: Vec<Vec<&str>> = out.lines().map(|l| l.split("  ").collect()).collect();
    let row = |at: usize| rows[at].iter().map(|c| c.trim()).filter(|c| !c.is_empty());
    let row = |at: usize| row(at).collect::<Vec<_>>();
    assert_eq!(row(0)[..3], ["JOB", "JOB ID", "NEWEST"], "{out}");
    assert_eq!(
        row(1)[..4],
        ["name of aaaa", "aaaa", "42", "2026-02-03T04:05:06Z"],
        "{out}"
    );
    assert_eq!(
        row(1)[5..],
        ["1.4 MiB", "7", "2", &*secondary.uri("aaaa/chk-42")],
        "{out}"
    );
    assert_eq!(row(2)[..4], ["-", "bbbb", "7", "-"], "{out}");
}

#[test]
fn a_secondary_with_findings() {
    let secondary = Secondary::new();
    let list = |below: &str, code| {
        let uri = secondary.uri(below);
        let document = json_of(&dualwrite(&["list", "--json", "--secondary", &uri]), code);
        let findings = document["findings"].as_array().unwrap();
        let kinds: Vec<_> = findings
            .iter()
            .map(|f| f["kind"].as_str().unwrap())
            .collect();
        kinds.join(" ")
    };
    assert_eq!(list("", 0), "");
    assert_eq!(list("nowhere", 1), "no_secondary");
    secondary.entry("aaaa", 42);
    assert_eq!(list("", 1), "nothing_published");
    fs::write(secondary.path(".dualwrite/catalogue/b.json"), "{").unwrap();
    assert_eq!(list("", 1), "bad_entry nothing_published");
    let (out, _) = exits(&dualwrite(&["list", "--secondary", &secondary.uri("")]), 1);
    assert!(
        out.contains("\n- nothing published: of the job 'name of aaaa'"),
        "{out}"
    );
}

#[test]
fn a_reader_that_goes_away_is_no_crash() {
    let secondary = Secondary::new();
    secondary.checkpoint("job/chk-42");
    let mut command = Command::new(env!("CARGO_BIN_EXE_dualwrite"));
    command.args(["verify", &secondary.uri("job/chk-42")]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert_eq!(exits(&child.wait_with_output().unwrap(), 0).1, "");
}

#[test]
fn names_that_are_no_text_hide_nothing() {
    let secondary = Secondary::new();
    let chk = secondary.checkpoint("aaaa/chk-42");
    fs::write(chk.join(no_text("leftover")), "x").unwrap();
    secondary.entry("aaaa", 42);
    let foreign = secondary.path("").join(no_text("job"));
    fs::create_dir_all(foreign.join("chk-1")).unwrap();
    let uri = secondary.uri("");
    let listed = json_of(&dualwrite(&["list", "--json", "--secondary", &uri]), 0);
    assert_eq!(listed["jobs"].as_array().unwrap().len(), 1, "{listed}");
    assert_eq!(listed["jobs"][0]["job_id"], "aaaa");
    json_of(
        &dualwrite(&["verify", "--json", "--all", "--secondary", &uri]),
        0,
    );
    let plan = secondary.path("gc.json").display().to_string();
    let asked = ["gc", "plan", "--secondary", &uri, "-o", &plan];
    let (out, _) = exits(&dualwrite(&asked), 0);
    assert!(out.contains("job\u{fffd}"), "{out}");
    assert!(foreign.exists());
    let named = command(&["verify"]).arg(no_text("file:/a")).output();
    let (_, err) = exits(&named.unwrap(), 2);
    assert!(err.contains("invalid UTF-8"), "{err}");
}
