//! `switch` and `failback` as operators call them, on local files: what they accept, what the plan
//! says, and what is said when something is wrong. What an apply does is tested in the crate
//! `switch` and on a real Flink.

mod support;

use std::fs;
use std::path::PathBuf;
use std::process::Output;

use serde_json::{Value, json};
use tempfile::TempDir;

use support::{checkpoint_in, command, exits, json_of};

const JOBS_FILE: &str =
    "[jobs.payments]\njar = \"payments.jar\"\nargs = [\"--region\", \"west\"]\n";

/// A desk with a configuration, a jobs file, and the two clusters.
struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        for cluster in ["east", "west"] {
            fs::create_dir(desk.path(cluster)).unwrap();
        }
        let clusters = format!(
            "primary = \"east\"\nsecondary = \"west\"\n\
             [clusters.east]\nroot = \"file:{0}/east\"\nflink = \"http://127.0.0.1:1\"\n\
             [clusters.west]\nroot = \"file:{0}/west\"\nflink = \"http://127.0.0.1:2/\"\n",
            desk.0.path().display()
        );
        fs::write(desk.path("clusters.toml"), clusters).unwrap();
        fs::write(desk.path("jobs.toml"), JOBS_FILE).unwrap();
        desk
    }

    fn path(&self, below: &str) -> PathBuf {
        self.0.path().join(below)
    }

    /// Publishes checkpoint 42 of a job.
    fn publish(&self, cluster: &str, name: &str, id: &str) {
        checkpoint_in(&self.path(&format!("{cluster}/{id}/chk-42")));
        let catalogue = self.path(&format!("{cluster}/.dualwrite/catalogue"));
        fs::create_dir_all(&catalogue).unwrap();
        let job_dir = format!("file:{}", self.path(&format!("{cluster}/{id}")).display());
        let entry = json!({
            "job_id": id,
            "job_name": name,
            "primary_dir": "hdfs://primary:8020/flink/checkpoints",
            "job_dir": job_dir,
            "newest_published_id": 42,
            "newest_published_path": format!("{job_dir}/chk-42"),
            "triggered_at_ms": 1_770_091_506_000_u64,
            "completed_at_ms": 1_770_091_507_000_u64,
            "published_at_ms": 1_770_091_508_000_u64,
            "files": 4,
            "bytes": 1_500_000,
            "version": 1,
        });
        fs::write(catalogue.join(format!("{id}.json")), entry.to_string()).unwrap();
    }

    fn dualwrite(&self, args: &[&str]) -> Output {
        let mut command = command(args);
        command.current_dir(self.0.path());
        command.env("DUALWRITE_CONFIG", "clusters.toml");
        command.output().unwrap()
    }

    fn plan(&self, args: &[&str], code: i32) -> Value {
        let all = ["switch", "plan", "--json", "--jobs", "jobs.toml"];
        json_of(&self.dualwrite(&[&all, args].concat()), code)
    }
}

#[test]
fn a_plan_has_the_jobs_of_the_jobs_file() {
    let desk = Desk::new();
    desk.publish("west", "payments", "a1");
    desk.publish("west", "orders", "b1");
    let document = desk.plan(&[], 0);
    assert_eq!(document["result"], "good");
    let plan: Value = serde_json::from_slice(&fs::read(desk.path("plan.json")).unwrap()).unwrap();
    assert_eq!(document["plan"], plan);
    assert_eq!(plan["target"]["name"], "west");
    assert_eq!(plan["target"]["flink"], "http://127.0.0.1:2");
    assert_eq!(
        plan["source"],
        json!({"name": "east", "flink": "http://127.0.0.1:1"})
    );
    assert_eq!(plan["jobs"].as_array().unwrap().len(), 1);
    let job = &plan["jobs"][0];
    assert_eq!(
        (&job["name"], &job["source_job_id"]),
        (&"payments".into(), &"a1".into())
    );
    assert_eq!(job["checkpoint"]["id"], 42);
    assert_eq!(job["checkpoint"]["triggered_at_ms"], 1_770_091_506_000_u64);
    let jar = desk.path("payments.jar");
    assert_eq!(job["launch"]["jar"]["file"], jar.to_str().unwrap());

    let (out, _) = exits(&desk.dualwrite(&["switch", "print", "plan.json"]), 0);
    let line = format!(
        "# payments\nflink run -d -m 127.0.0.1:2 -s file:{} \
         '-Dexecution.savepoint-restore-mode=NO_CLAIM' {} --region west\n",
        desk.path("west/a1/chk-42").display(),
        jar.display()
    );
    assert_eq!(out, line);
    let printed = json_of(
        &desk.dualwrite(&["switch", "print", "--json", "plan.json"]),
        0,
    );
    assert_eq!(
        printed["jobs"][0]["checkpoint_path"],
        job["checkpoint"]["path"]
    );
}

#[test]
fn people_are_told_what_would_be_done_and_what_not() {
    let desk = Desk::new();
    desk.publish("west", "payments", "a1");
    desk.publish("west", "orders", "b1");
    desk.publish("west", "totals", "c1");
    fs::remove_file(desk.path("west/c1/chk-42/keyed-0")).unwrap();
    let args = [
        "switch",
        "plan",
        "--jobs",
        "jobs.toml",
        "--all",
        "-o",
        "all.json",
    ];
    let (out, _) = exits(&desk.dualwrite(&args), 1);
    for expected in [
        "payments          42",
        "WARNINGS\n- orders: no jar is given for it in a jobs file",
        "LEFT OUT\n- totals: no checkpoint can be used: checkpoint 42 cannot be used:",
        "keyed-0 is missing",
        "To carry it out: dualwrite switch apply all.json",
    ] {
        assert!(out.contains(expected), "{expected:?} is not in\n{out}");
    }
}

#[test]
fn failback_goes_the_other_way() {
    let desk = Desk::new();
    desk.publish("east", "payments", "d1");
    let args = [
        "failback",
        "plan",
        "--json",
        "--jobs",
        "jobs.toml",
        "-o",
        "back.json",
    ];
    let plan = json_of(&desk.dualwrite(&args), 0)["plan"].clone();
    assert_eq!(plan["target"]["name"], "east");
    assert_eq!(plan["source"]["name"], "west");
    assert_eq!(plan["jobs"][0]["source_job_id"], "d1");
}

#[test]
fn without_an_answer_nothing_is_done() {
    let desk = Desk::new();
    desk.publish("west", "payments", "a1");
    desk.plan(&[], 0);
    let document = json_of(
        &desk.dualwrite(&["switch", "apply", "--json", "plan.json"]),
        3,
    );
    assert_eq!(document["result"], "unknown");
    let error = document["error"].as_str().unwrap();
    assert!(
        error.starts_with("Nothing was done: Flink at http://127.0.0.1:2"),
        "{error}"
    );
    // The plan was touched, so another is not written over it.
    let again = ["switch", "plan", "--jobs", "jobs.toml"];
    let (_, err) = exits(&desk.dualwrite(&again), 2);
    assert!(
        err.contains("plan.json was applied, at least in part"),
        "{err}"
    );
}

#[test]
fn what_is_wrong_is_said_in_a_paragraph() {
    let desk = Desk::new();
    desk.publish("west", "payments", "a1");
    desk.plan(&[], 0);
    let plan = fs::read_to_string(desk.path("plan.json")).unwrap();
    fs::write(
        desk.path("edited.json"),
        plan.replacen("chk-42", "chk-41", 1),
    )
    .unwrap();
    fs::write(desk.path("typo.toml"), "[jobs.payments]\nparalelism = 3\n").unwrap();
    fs::write(desk.path("bytes.toml"), b"[jobs.\"\xff\"]\n").unwrap();
    for (args, expected) in [
        (&["apply", "edited.json"][..], "checkpoint 42 is file:"),
        (
            &["apply", "absent.json"],
            "The plan absent.json: No such file",
        ),
        (
            &["plan", "--jobs", "typo.toml"],
            "unknown field `paralelism`",
        ),
        (&["plan", "--jobs", "bytes.toml"], "UTF-8"),
        (&["plan"], "Which jobs?"),
        (
            &["plan", "--all", "--to", "north"],
            "'north' is no address, and the configuration has no \
                                              cluster of this name: there are east, west",
        ),
        (
            &["plan", "--all", "--flink", "west:8081"],
            "accepted: http://host:port",
        ),
        (&["plan", "--job", "[", "--jobs", "jobs.toml"], "--job [: "),
        (
            &["plan", "--all", "--config", "absent.toml"],
            "The configuration absent.toml: No such file",
        ),
    ] {
        let all = [&["switch"], args].concat();
        let (out, err) = exits(&desk.dualwrite(&all), 2);
        assert!(
            err.contains(expected),
            "{args:?}: {expected:?} is not in {err}"
        );
        assert_eq!(out, "", "{args:?}");
    }
    let none = desk.plan(&["--job", "nothing*"], 1);
    let left_out = &none["plan"]["left_out"][0];
    assert_eq!(left_out["name"], "nothing*");
}
