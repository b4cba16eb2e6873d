//! A target's checkpoints on local files, a plan of them, and Flinks to carry it out on.
#![allow(
    dead_code,
    clippy::allow_attributes,
    reason = "tests and the benchmark use a part of it each"
)]

pub mod stub;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use audit::{ClusterOptions, Place};
use serde_json::json;
use switch::{JobsFile, Options, Pattern, Plan, Selection, Source, Target, Wanted};
use tempfile::TempDir;

/// A `_metadata` that Flink itself wrote: checkpoint 42, of the files below.
const HEAP: &[u8] = include_bytes!("../../../../tests/goldens/data/2.2.1/heap.metadata");
const FILES: [(&str, u64); 4] = [
    ("keyed-0", 1_048_576),
    ("op-0", 2048),
    ("raw-0", 3),
    ("timers-0", 4096),
];
/// Where a `_metadata` has its checkpoint's number.
const ID_AT: usize = 8;

/// What the target's HDFS holds.
pub struct Site(TempDir);

impl Site {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, below: &str) -> PathBuf {
        self.0.path().join(below)
    }

    pub fn uri(&self, below: &str) -> String {
        format!("file:{}", self.path(below).display())
    }

    pub fn place(&self) -> Place {
        audit::open(&self.uri("cp"), &ClusterOptions::default()).unwrap()
    }

    /// Publishes a checkpoint of a job; its id is its name, spelled as an id.
    pub fn publish(&self, name: &str, id: u64) {
        let dir = self.path(&format!("cp/{}/chk-{id}", id_of(name)));
        fs::create_dir_all(&dir).unwrap();
        for (file, length) in FILES {
            let file = fs::File::create(dir.join(file)).unwrap();
            file.set_len(length).unwrap();
        }
        let mut metadata = HEAP.to_vec();
        metadata[ID_AT..ID_AT + 8].copy_from_slice(&id.to_be_bytes());
        fs::write(dir.join("_metadata"), metadata).unwrap();
        self.entry(name, id);
    }

    fn entry(&self, name: &str, newest: u64) {
        let dir = self.path("cp/.dualwrite/catalogue");
        fs::create_dir_all(&dir).unwrap();
        let id = id_of(name);
        let job_dir = self.uri(&format!("cp/{id}"));
        let entry = json!({
            "job_id": id,
            "job_name": name,
            "primary_dir": "hdfs://primary:8020/flink/checkpoints",
            "job_dir": job_dir,
            "newest_published_id": newest,
            "newest_published_path": format!("{job_dir}/chk-{newest}"),
            "triggered_at_ms": 1_770_091_506_000_u64 + newest,
            "completed_at_ms": 1_770_091_507_000_u64,
            "published_at_ms": 1_770_091_508_000_u64,
            "files": 4,
            "bytes": 1_500_000,
            "version": 1,
        });
        fs::write(dir.join(format!("{id}.json")), entry.to_string()).unwrap();
    }

    /// A jobs file for these, with one jar for all.
    pub fn jobs_file(&self, names: &[&str]) -> JobsFile {
        fs::write(self.path("job.jar"), "a jar").unwrap();
        let job = |name: &&str| format!("[jobs.\"{name}\"]\nargs = [\"--name\", \"{name}\"]\n");
        let jobs: String = names.iter().map(job).collect();
        let text = format!("[defaults]\njar = \"job.jar\"\n{jobs}");
        JobsFile::parse(&text, self.0.path()).unwrap()
    }

    /// A plan for these jobs.
    pub async fn plan(&self, names: &[&str], target: &str, source: Option<&str>) -> Plan {
        let jobs_file = self.jobs_file(names);
        let patterns = names.iter().map(|name| Pattern::new(name).unwrap());
        let wanted = Wanted {
            target: Target {
                name: None,
                root: self.uri("cp"),
                hadoop_conf_dir: None,
                user: None,
                flink: Some(target.to_owned()),
            },
            source: Source {
                name: None,
                flink: source.map(str::to_owned),
            },
            selection: Selection::Matching(patterns.collect()),
            jobs_file: &jobs_file,
            further: Vec::new(),
            now_ms: 1_770_091_600_000,
        };
        switch::plan(&self.place(), wanted, &|_, _| {})
            .await
            .unwrap()
    }
}

/// A job's id at the source.
pub fn id_of(name: &str) -> String {
    format!("{name:0>32}")
}

/// As an operator's, in milliseconds instead of minutes.
pub fn quick() -> Options {
    Options {
        stop: Duration::from_secs(2),
        catch_up: Duration::from_millis(300),
        start: Duration::from_secs(2),
        first_checkpoint: Duration::from_secs(2),
        poll: Duration::from_millis(5),
        ..Options::default()
    }
}
