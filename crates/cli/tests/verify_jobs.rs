//! `dualwrite verify` of jobs and by depth, as operators and scripts call it, on local files: which
//! checkpoints are meant, what each depth finds, and what is said of wrong arguments.

mod support;

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use tempfile::TempDir;

use support::{dualwrite, exits, json_of};

/// A `_metadata` that Flink itself wrote, as checkpoint 42: it names the files below.
const HEAP: &[u8] = include_bytes!("../../../tests/goldens/data/2.2.1/heap.metadata");
const FILES: [(&str, usize); 4] = [
    ("keyed-0", 1_048_576),
    ("op-0", 2048),
    ("raw-0", 3),
    ("timers-0", 4096),
];
const BYTES: usize = 1_048_576 + 2048 + 3 + 4096;

/// A cluster on local files.
struct Root(TempDir);

impl Root {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, below: &str) -> PathBuf {
        self.0.path().join(below)
    }

    fn uri(&self, below: &str) -> String {
        let path = self.path(below).display().to_string();
        format!("file:{}", path.trim_end_matches('/'))
    }

    /// A checkpoint of this number, as it must be.
    fn checkpoint(&self, job: &str, id: i64) -> PathBuf {
        let path = self.path(&format!("{job}/chk-{id}"));
        fs::create_dir_all(&path).unwrap();
        for (at, (name, length)) in FILES.into_iter().enumerate() {
            fs::write(path.join(name), vec![u8::try_from(at).unwrap(); length]).unwrap();
        }
        let mut metadata = HEAP.to_vec();
        metadata[8..16].copy_from_slice(&id.to_be_bytes());
        fs::write(path.join("_metadata"), metadata).unwrap();
        path
    }

    /// What the catalogue knows of a job.
    fn entry(&self, job_id: &str, job_name: &str) {
        let dir = self.path(".dualwrite/catalogue");
        fs::create_dir_all(&dir).unwrap();
        let entry = json!({
            "job_id": job_id, "job_name": job_name, "primary_dir": "hdfs://primary/cp",
            "job_dir": self.uri(job_id), "newest_published_id": 1,
            "newest_published_path": self.uri(&format!("{job_id}/chk-1")),
            "triggered_at_ms": 1, "completed_at_ms": 1, "published_at_ms": 1, "files": 1,
            "bytes": 1, "version": 1,
        });
        fs::write(dir.join(format!("{job_id}.json")), entry.to_string()).unwrap();
    }

    fn verify(&self, args: &[&str], code: i32) -> Value {
        let uri = self.uri("");
        let given = ["verify", "--json", "--secondary", &uri];
        json_of(&dualwrite(&[&given[..], args].concat()), code)
    }
}

/// Paths below the root, and results.
fn told(root: &Root, document: &Value) -> Vec<(String, String)> {
    let uri = root.uri("") + "/";
    let text = |value: &Value| value.as_str().unwrap().replace(&uri, "");
    let checkpoints = document["checkpoints"].as_array().unwrap();
    let line = |line: &Value| (text(&line["path"]), text(&line["result"]));
    checkpoints.iter().map(line).collect()
}

fn kinds(findings: &Value) -> Vec<&str> {
    let kinds = findings.as_array().unwrap().iter();
    kinds
        .map(|finding| finding["kind"].as_str().unwrap())
        .collect()
}

#[test]
fn all_jobs_or_some_and_the_newest_of_each() {
    let root = Root::new();
    for (job, id) in [("a", 9), ("a", 10), ("b", 3), ("c", 1)] {
        root.checkpoint(job, id);
    }
    root.entry("a", "payments");
    root.entry("b", "payments");
    let usable = |paths: &[&str]| -> Vec<_> {
        let line = |path: &&str| ((*path).to_owned(), "usable".to_owned());
        paths.iter().map(line).collect()
    };
    for (args, expected) in [
        (
            &["--all"][..],
            &["a/chk-9", "a/chk-10", "b/chk-3", "c/chk-1"][..],
        ),
        (&["--all", "--newest"], &["a/chk-10", "b/chk-3", "c/chk-1"]),
        (&["--job", "payments", "--newest"], &["a/chk-10", "b/chk-3"]),
        (&["--job", "c", "--job=b"], &["b/chk-3", "c/chk-1"]),
    ] {
        let document = root.verify(args, 0);
        assert_eq!(told(&root, &document), usable(expected), "{args:?}");
        assert_eq!(document["result"], "usable");
    }

    // The primary has no catalogue, and ids all the same.
    let uri = root.uri("");
    let document = json_of(
        &dualwrite(&["verify", "--json", "--primary", &uri, "--job", "b"]),
        0,
    );
    assert_eq!(told(&root, &document), usable(&["b/chk-3"]));

    fs::remove_file(root.path("a/chk-10/op-0")).unwrap();
    let document = root.verify(&["--all"], 1);
    assert_eq!(told(&root, &document)[1].1, "not_usable");
    assert_eq!(document["result"], "not_usable");
    root.entry("d", "gone");
    let document = root.verify(&["--all", "--newest"], 1);
    assert_eq!(kinds(&document["findings"]), ["nothing_published"]);

    let document = root.verify(&["--job", "nobody"], 1);
    assert_eq!(kinds(&document["findings"]), ["no_such_job"]);
    assert_eq!(document["checkpoints"], json!([]));
    let args = ["verify", "--job", "nobody", "--secondary", &uri];
    let (out, _) = exits(&dualwrite(&args), 1);
    assert!(out.contains("- no such job: no job 'nobody' in "), "{out}");
}

/// What is left on the secondary for the JobManagers, by the name of each job.
fn left(root: &Root) -> Vec<(String, String)> {
    let jobs = fs::read_dir(root.path(".dualwrite/last-good"));
    let jobs = jobs.into_iter().flatten();
    let read = jobs.map(|job| {
        let path = job.unwrap().path().join("verify.json");
        let document: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        let text = |name: &str| document[name].as_str().unwrap().to_owned();
        assert!(document["at_ms"].as_u64().unwrap() > 1_700_000_000_000);
        let path = text("checkpoint_path").replace(&(root.uri("") + "/"), "");
        (text("job_name"), path)
    });
    let mut read: Vec<_> = read.collect();
    read.sort();
    read
}

#[test]
fn what_is_usable_is_recorded_and_nothing_else_is() {
    let root = Root::new();
    for (job, id) in [("a", 9), ("a", 10), ("b", 3), ("c", 1)] {
        root.checkpoint(job, id);
    }
    root.entry("a", "payments");
    root.entry("b", "orders");
    fs::remove_file(root.path("b/chk-3/op-0")).unwrap();
    let document = root.verify(&["--all"], 1);
    assert_eq!(document["recorded"], Value::Null);
    assert_eq!(left(&root), []);

    let document = root.verify(&["--all", "--record"], 1);
    assert_eq!(
        document["recorded"],
        json!({"verify": 2, "drill": 0, "error": null})
    );
    let of = |name: &str, path: &str| (name.to_owned(), path.to_owned());
    assert_eq!(left(&root), [of("", "c/chk-1"), of("payments", "a/chk-10")]);
    assert_eq!(
        fs::read_dir(root.path(".dualwrite/inflight"))
            .unwrap()
            .count(),
        0
    );

    let uri = root.uri("");
    let args = ["verify", "--job=a", "--record", "--secondary", &uri];
    let (out, _) = exits(&dualwrite(&args), 0);
    assert!(out.contains("Recorded: 1 verified, 0 drilled."), "{out}");

    // it was good, but nobody will know
    fs::remove_dir_all(root.path(".dualwrite/last-good")).unwrap();
    fs::write(root.path(".dualwrite/last-good"), "in the way").unwrap();
    let document = root.verify(&["--job=a", "--record"], 3);
    assert_eq!(document["result"], "unknown");
    assert_eq!(document["recorded"]["verify"], 0);
    let args = ["verify", "--job=a", "--record", "--secondary", &uri];
    let (_, err) = exits(&dualwrite(&args), 3);
    assert!(err.contains("Cannot record the result in "), "{err}");

    for args in [
        &["verify", "--record", &uri][..],
        &["verify", "--record", "--all", "--primary", &uri],
        &[
            "verify",
            "--record",
            "--all",
            "--secondary",
            &uri,
            "--depth=presence",
        ],
    ] {
        exits(&dualwrite(args), 2);
    }
}

#[test]
fn each_depth_finds_what_it_promises() {
    let (root, other) = (Root::new(), Root::new());
    let chk = root.checkpoint("job", 42);
    let there = other.checkpoint("job", 42);
    let (uri, compare) = (root.uri("job/chk-42"), other.uri(""));
    let verify = |depth: &str, code| {
        let mut args = vec!["--depth", depth, &uri];
        if depth == "content" {
            args.extend(["--compare", &compare]);
        }
        let document = root.verify(&args, code);
        assert_eq!(document["depth"], depth);
        document["checkpoints"][0].clone()
    };
    for depth in ["presence", "length", "content"] {
        assert_eq!(verify(depth, 0)["notices"], json!([]));
    }
    let good = verify("content", 0);
    assert_eq!(
        (&good["read_bytes"], &good["compared_bytes"]),
        (&json!(BYTES), &json!(BYTES))
    );

    let mut flipped = vec![1; 2048];
    flipped[2000] = 3;
    fs::write(chk.join("op-0"), flipped).unwrap();
    for depth in ["presence", "length"] {
        assert_eq!(verify(depth, 0)["findings"], json!([]));
    }
    let line = verify("content", 1);
    assert_eq!(kinds(&line["findings"]), ["different_content"]);
    assert_eq!(line["findings"][0]["offset"], 2000);

    fs::write(chk.join("op-0"), "short").unwrap();
    assert_eq!(verify("presence", 0)["findings"], json!([]));
    for depth in ["length", "content"] {
        assert_eq!(kinds(&verify(depth, 1)["findings"]), ["wrong_length"]);
    }
    fs::remove_file(chk.join("op-0")).unwrap();
    for depth in ["presence", "length", "content"] {
        assert_eq!(kinds(&verify(depth, 1)["findings"]), ["missing"]);
    }

    // Without another copy every byte is read and that is said.
    let whole = other.uri("job/chk-42");
    let args = ["verify", "--depth", "content", "--json", &whole];
    let document = json_of(&dualwrite(&args), 0);
    let line = &document["checkpoints"][0];
    assert_eq!(kinds(&line["notices"]), ["no_other_copy"]);
    assert_eq!(line["notices"][0]["files"], 5);
    assert_eq!(
        (&line["read_bytes"], &line["compared_bytes"]),
        (&json!(BYTES), &json!(0))
    );
    let (out, _) = exits(&dualwrite(&["verify", "--depth", "content", &whole]), 0);
    assert!(
        out.contains("\n- (usable for all that) no other copy: "),
        "{out}"
    );

    fs::rename(there.parent().unwrap(), other.path("moved")).unwrap();
    fs::write(chk.join("op-0"), vec![1; 2048]).unwrap();
    let line = verify("content", 0);
    assert_eq!(kinds(&line["notices"]), ["no_other_copy"]);
}

#[test]
fn another_checkpoints_metadata_is_found() {
    let root = Root::new();
    let chk = root.checkpoint("job", 42);
    fs::rename(&chk, root.path("job/chk-43")).unwrap();
    let document = root.verify(&["--all"], 1);
    let findings = &document["checkpoints"][0]["findings"];
    assert_eq!(kinds(findings), ["foreign_metadata"]);
}

#[test]
fn an_absent_cluster_is_unknown_and_so_is_one_that_nothing_can_be_compared_with() {
    let absent = "hdfs://127.0.0.1:1/cp";
    let args = ["verify", "--all", "--timeout=2s", "--secondary", absent];
    let (_, err) = exits(&dualwrite(&args), 3);
    assert!(
        err.starts_with("Cannot list hdfs://127.0.0.1:1/cp: "),
        "{err}"
    );
    let document = json_of(&dualwrite(&[&args[..], &["--json"]].concat()), 3);
    assert_eq!(document["result"], "unknown");
    assert_eq!(document["error"]["operation"], "stat");

    let root = Root::new();
    root.checkpoint("job", 42);
    let args = [
        "--all",
        "--depth=content",
        "--timeout=2s",
        "--compare",
        absent,
    ];
    let document = root.verify(&args, 3);
    let line = &document["checkpoints"][0];
    assert_eq!(line["result"], "unknown");
    assert_eq!(line["read_bytes"], BYTES);
    // What is wrong here is known for all that.
    fs::remove_file(root.path("job/chk-42/op-0")).unwrap();
    assert_eq!(root.verify(&args, 1)["result"], "not_usable");
}

#[test]
fn wrong_arguments_are_told_what_is_accepted() {
    let root = "file:/nowhere";
    for (args, text) in [
        (&["--all"][..], "--secondary <URI>"),
        (&["--job", "a"], "--secondary <URI>"),
        (&["--newest", "file:/a/chk-1"], "--job <NAME_OR_ID>"),
        (
            &["--all", "--job", "a", "--secondary", root],
            "cannot be used",
        ),
        (&["--all", "file:/a", "--secondary", root], "cannot be used"),
        (
            &["--all", "--secondary", root, "--primary", root],
            "cannot be used",
        ),
        (
            &["--all", "--depth", "deep", "--secondary", root],
            "presence",
        ),
        (
            &["--all", "--secondary", root, "--compare", "file:/b"],
            "--depth content",
        ),
        (
            &["--all", "--secondary", "/a"],
            "give hdfs://host:port/path",
        ),
        (
            &["--all", "--secondary", root, "--path-mapping", "x"],
            "accepted: primary=secondary",
        ),
        (
            &[
                "--all",
                "--depth=content",
                "--secondary",
                root,
                "--compare",
                "file:/nowhere/a",
            ],
            "overlap",
        ),
        (
            &[
                "--all",
                "--depth=content",
                "--secondary",
                root,
                "--compare",
                "file:/b",
                "--path-mapping=hdfs://nn/a=file:/c",
            ],
            "another cluster",
        ),
    ] {
        let (out, err) = exits(&dualwrite(&[&["verify"], args].concat()), 2);
        assert!(out.is_empty() && err.contains(text), "{args:?}: {out}{err}");
    }
}
