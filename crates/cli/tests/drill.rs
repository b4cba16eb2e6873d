//! `dualwrite drill` as operators call it, on local files: which checkpoints are read, and what is
//! said. What a run does is tested in the crate `switch` and on a real Flink.

mod support;

use std::fs;
use std::path::PathBuf;
use std::process::Output;

use serde_json::{Value, json};
use tempfile::TempDir;

use support::{checkpoint_in, command, exits, json_of};

const BYTES: u64 = 1_048_576 + 2048 + 3 + 4096;

/// A secondary with published checkpoints, and a configuration.
struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        let clusters = format!(
            "primary = \"east\"\nsecondary = \"west\"\n\
             [clusters.east]\nroot = \"file:{0}/east\"\nflink = \"http://127.0.0.1:1\"\n\
             [clusters.west]\nroot = \"file:{0}/west\"\n",
            desk.0.path().display()
        );
        fs::write(desk.path("clusters.toml"), clusters).unwrap();
        fs::create_dir(desk.path("west")).unwrap();
        fs::write(desk.path("drill.toml"), "[jobs.a1]\njar = \"job.jar\"\n").unwrap();
        desk
    }

    fn path(&self, below: &str) -> PathBuf {
        self.0.path().join(below)
    }

    /// Publishes checkpoint 42 of a job without a name.
    fn publish(&self, id: &str) -> PathBuf {
        let path = self.path(&format!("west/{id}/chk-42"));
        checkpoint_in(&path);
        path
    }

    fn drill(&self, args: &[&str]) -> Output {
        let mut command = command(&[&["drill"], args].concat());
        command.current_dir(self.0.path());
        command.env("DUALWRITE_CONFIG", "clusters.toml");
        command.output().unwrap()
    }
}

#[test]
fn every_newest_checkpoint_is_read_whole() {
    let desk = Desk::new();
    let path = desk.publish("a1");
    let path = format!("file:{}", path.display());
    let (out, err) = exits(&desk.drill(&[]), 0);
    let expected = "JOB  RESULT  CHECKPOINT     READ  PATH\n\
                    a1   usable          42  1.0 MiB  PATH\n";
    assert_eq!(out.replace(&path, "PATH"), expected);
    assert_eq!(err, "");
    let document = json_of(&desk.drill(&["--json"]), 0);
    let job = json!({
        "job_name": "a1", "job_id": "a1", "checkpoint_id": 42, "checkpoint_path": path,
        "result": "good", "checkpoint": "usable", "read_bytes": BYTES, "findings": [],
        "error": null, "drill": null, "drill_job_id": null, "drill_checkpoint_id": null,
        "running_after_ms": null, "first_checkpoint_after_ms": null, "message": null,
    });
    let expected = json!({
        "result": "good", "secondary": format!("file:{}", desk.path("west").display()),
        "jobs": [job], "left_out": [], "error": null, "flink_error": null,
        "recorded": null,
    });
    assert_eq!(document, expected);
}

#[test]
fn what_was_read_whole_is_recorded_as_verified() {
    let desk = Desk::new();
    desk.publish("a1");
    let document = json_of(&desk.drill(&["--json", "--record"]), 0);
    assert_eq!(
        document["recorded"],
        json!({"verify": 1, "drill": 0, "error": null})
    );
    let left = desk.path("west/.dualwrite/last-good/a1");
    assert!(left.join("verify.json").exists() && !left.join("drill.json").exists());
}

#[test]
fn one_that_is_damaged_or_not_there_is_a_finding() {
    let desk = Desk::new();
    desk.publish("a1");
    let damaged = desk.publish("b1");
    fs::remove_file(damaged.join("op-0")).unwrap();
    let document = json_of(&desk.drill(&["--json"]), 1);
    assert_eq!(document["result"], "failed");
    let results: Vec<_> = document["jobs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|job| (&job["job_name"], &job["checkpoint"]))
        .collect();
    let expected = [("a1", "usable"), ("b1", "not_usable")];
    let expected = expected.map(|(name, result)| (Value::from(name), Value::from(result)));
    assert!(
        results.into_iter().eq(expected.iter().map(|(n, r)| (n, r))),
        "{document}"
    );
    let (out, _) = exits(&desk.drill(&[]), 1);
    assert!(out.contains("op-0 is missing"), "{out}");
    exits(&desk.drill(&["--job", "a*"]), 0);
    let (out, _) = exits(&desk.drill(&["--job", "zz"]), 1);
    assert!(out.contains("LEFT OUT\n- zz: no job is called so"), "{out}");
    // A jobs file says which are meant.
    exits(&desk.drill(&["--jobs", "drill.toml"]), 0);
}

#[test]
fn where_to_run_is_checked_before_anything_is_read() {
    let desk = Desk::new();
    desk.publish("a1");
    let run = ["--run", "--jobs", "drill.toml"];
    let (_, err) = exits(&desk.drill(&run), 2);
    assert!(err.contains("--flink"), "{err}");
    let on = |flink: &'static str| [&run[..], &["--flink", flink]].concat();
    let (_, err) = exits(&desk.drill(&on("http://127.0.0.1:1/")), 2);
    assert!(err.contains("on which the jobs run"), "{err}");
    let (_, err) = exits(&desk.drill(&on("drill:8081")), 2);
    assert!(err.contains("http://host:port"), "{err}");
    let (out, err) = exits(&desk.drill(&on("http://127.0.0.1:2")), 3);
    assert!(out.contains("usable"), "{out}");
    assert!(err.contains("No job was started"), "{err}");
}
