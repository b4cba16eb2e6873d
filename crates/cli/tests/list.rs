//! `list` with more than one id of a name, with a primary beside the secondary, and with one of
//! them silent, on local files.

mod support;

use std::fs;
use std::path::PathBuf;
use std::time::UNIX_EPOCH;

use serde_json::{Value, json};
use tempfile::TempDir;

use support::{checkpoint_in, dualwrite, exits, json_of};

const HOUR_MS: u64 = 3_600_000;

/// Two clusters on local files.
struct Clusters(TempDir);

impl Clusters {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, below: &str) -> PathBuf {
        self.0.path().join(below)
    }

    fn uri(&self, below: &str) -> String {
        format!("file:{}", self.path(below).display())
    }

    fn checkpoint(&self, dir: &str) {
        checkpoint_in(&self.path(dir));
    }

    /// Publishes checkpoint 42, with its entry in the catalogue.
    fn publish(&self, job_id: &str, name: &str, completed_at_ms: u64) {
        self.checkpoint(&format!("two/{job_id}/chk-42"));
        let dir = self.path("two/.dualwrite/catalogue");
        fs::create_dir_all(&dir).unwrap();
        let entry = json!({
            "job_id": job_id,
            "job_name": name,
            "primary_dir": self.uri("one"),
            "job_dir": self.uri(&format!("two/{job_id}")),
            "newest_published_id": 42,
            "newest_published_path": self.uri(&format!("two/{job_id}/chk-42")),
            "triggered_at_ms": completed_at_ms - 1000,
            "completed_at_ms": completed_at_ms,
            "published_at_ms": completed_at_ms + 500,
            "files": 4,
            "bytes": 1_500_000,
            "version": 1,
        });
        fs::write(dir.join(format!("{job_id}.json")), entry.to_string()).unwrap();
    }

    fn list(&self, args: &[&str], code: i32) -> Value {
        let two = self.uri("two");
        let all = [&["list", "--json", "--secondary", &two], args].concat();
        json_of(&dualwrite(&all), code)
    }
}

fn now_ms() -> u64 {
    let since = UNIX_EPOCH.elapsed().unwrap();
    u64::try_from(since.as_millis()).unwrap()
}

#[test]
fn what_the_primary_has_completed_is_beside_what_is_published() {
    let clusters = Clusters::new();
    let hour_ago = now_ms() - HOUR_MS;
    clusters.publish("a1", "payments", hour_ago);
    clusters.publish("b1", "orders", hour_ago);
    for dir in [
        "one/a1/chk-42",
        "one/a1/chk-43",
        "one/b1/chk-42",
        "one/c1/chk-7",
    ] {
        clusters.checkpoint(dir);
    }
    let document = clusters.list(&["--primary", &clusters.uri("one")], 0);
    assert_eq!(document["primary"], clusters.uri("one"));
    let jobs = document["jobs"].as_array().unwrap();
    let ids = |job: &Value| {
        let text = |name: &str| job[name].to_string();
        format!(
            "{} {} {}",
            text("job_id"),
            text("newest_id"),
            text("completed_id")
        )
    };
    let told: Vec<_> = jobs.iter().map(ids).collect();
    assert_eq!(told, ["\"a1\" 42 43", "\"b1\" 42 42", "\"c1\" null 7"]);
    // A file system's clock may be some milliseconds behind ours: what it says is what counts.
    let metadata = fs::metadata(clusters.path("one/a1/chk-43/_metadata")).unwrap();
    let since = metadata
        .modified()
        .unwrap()
        .duration_since(UNIX_EPOCH)
        .unwrap();
    let completed_at_ms = u64::try_from(since.as_millis()).unwrap();
    assert_eq!(jobs[0]["completed_at_ms"], completed_at_ms);
    assert_eq!(jobs[0]["behind_ms"], completed_at_ms - hour_ago);
    assert_eq!(jobs[1]["behind_ms"], 0);
    assert_eq!(jobs[2]["behind_ms"], Value::Null);

    let (one, two) = (clusters.uri("one"), clusters.uri("two"));
    let table = dualwrite(&["list", "--secondary", &two, "--primary", &one]);
    let (out, _) = exits(&table, 0);
    // How wide a column is depends on the clock.
    let header: Vec<_> = out.lines().next().unwrap().split_whitespace().collect();
    let expected = "JOB JOB ID NEWEST TRIGGERED AGE COMPLETED BEHIND SIZE FILES PUBLISHED PATH";
    assert_eq!(header.join(" "), expected, "{out}");
}

#[test]
fn either_may_be_silent() {
    let clusters = Clusters::new();
    clusters.publish("a1", "payments", now_ms());
    clusters.checkpoint("one/a1/chk-43");
    let nobody = "hdfs://127.0.0.1:1/cp";
    let document = clusters.list(&["--primary", nobody], 0);
    assert_eq!(document["jobs"][0]["newest_id"], 42);
    assert_eq!(document["primary_error"]["kind"], "unavailable");
    assert_eq!(document["error"], Value::Null);

    let one = clusters.uri("one");
    let args = ["list", "--json", "--secondary", nobody, "--primary", &one];
    let document = json_of(&dualwrite(&args), 3);
    assert_eq!(document["jobs"][0]["completed_id"], 43);
    assert_eq!(document["error"]["kind"], "unavailable");
}

#[test]
fn a_name_is_one_row_however_many_ids_it_had() {
    let clusters = Clusters::new();
    clusters.publish("a1", "payments", now_ms() - HOUR_MS);
    clusters.publish("a2", "payments", now_ms());
    let two = clusters.uri("two");
    let (out, _) = exits(&dualwrite(&["list", "--secondary", &two]), 0);
    assert_eq!(out.matches("payments").count(), 1, "{out}");
    assert!(out.contains("payments  a2"), "{out}");
    assert!(out.contains("Earlier ids of these jobs: 1"), "{out}");
    let (out, _) = exits(&dualwrite(&["list", "--all-ids", "--secondary", &two]), 0);
    assert_eq!(out.matches("payments").count(), 2, "{out}");
    let jobs = clusters.list(&[], 0)["jobs"].clone();
    assert_eq!(
        (&jobs[0]["newest_of_name"], &jobs[1]["newest_of_name"]),
        (&json!(false), &json!(true))
    );
}

#[test]
fn usable_or_not_is_told_when_it_is_asked() {
    let clusters = Clusters::new();
    clusters.publish("a1", "payments", now_ms());
    clusters.publish("b1", "orders", now_ms());
    let verdicts = |document: &Value| {
        let jobs = document["jobs"].as_array().unwrap().iter();
        jobs.map(|job| job["verdict"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(
        verdicts(&clusters.list(&["--verify"], 0)),
        ["usable", "usable"]
    );
    fs::remove_file(clusters.path("two/b1/chk-42/op-0")).unwrap();
    let document = clusters.list(&["--verify"], 1);
    assert_eq!(verdicts(&document), ["usable", "not_usable"]);
    assert_eq!(document["findings"][0]["kind"], "missing");
    assert_eq!(verdicts(&clusters.list(&[], 0)), [Value::Null, Value::Null]);
}
