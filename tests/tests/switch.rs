//! Many jobs switched by one command, and back: the primary is lost with three jobs on it, all
//! three go on at the secondary, and, when the primary is there again, at home, with an exact
//! result.

mod support;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use harness::{
    ExactlyOnce, FlinkBuilder, FlinkCluster, Submission, dist_cli, dist_jar, wait_until,
};
use serde_json::Value;
use support::{LIMIT, SECONDARY_KEY, STORAGE, STORAGE_KEY, Sites, Watched, plain_flink};

/// Three that keep their state in three ways.
const JOBS: [(&str, &[(&str, &str)]); 3] = [
    ("rocksdb", &[]),
    ("heap", &[("state.backend.type", "hashmap")]),
    (
        "unaligned",
        &[("execution.checkpointing.unaligned.enabled", "true")],
    ),
];

/// A job, and how it is started.
struct Job {
    result: ExactlyOnce,
    submission: Submission,
}

/// Two sites with a Flink each, and what an operator has on the desk.
struct World {
    sites: Sites,
    east: FlinkCluster,
    west: FlinkCluster,
    jobs: BTreeMap<&'static str, Job>,
    desk: PathBuf,
}

/// Room for all jobs, and a key by which they have names.
fn roomy(flink: FlinkBuilder) -> FlinkBuilder {
    let reporter = "io.dualwrite.flink.DualWriteMetricReporterFactory";
    let flink = flink.config("metrics.reporter.dualwrite.factory.class", reporter);
    let flink = flink.slots(2 * JOBS.len());
    flink.config("taskmanager.memory.managed.size", "256m")
}

/// The secondary's Flink with the product the other way round.
fn west(sites: &Sites, version: &str) -> Result<FlinkBuilder> {
    let plain = plain_flink("west", version, &sites.secondary, &sites.secondary_dir())?;
    let with = plain.lib(&dist_jar()?).config(STORAGE_KEY, STORAGE);
    Ok(roomy(with.config(SECONDARY_KEY, &sites.primary_dir())))
}

impl World {
    /// All runs at the east; the west's Flink has no jobs.
    fn start(version: &str) -> Result<Self> {
        let sites = Sites::launch(&format!("switch-{version}"))?;
        let east = roomy(sites.flink(version)?).launch(&sites.run)?;
        let west = west(&sites, version)?.launch(&sites.run)?;
        sites.wait_ready()?;
        east.wait_ready()?;
        west.wait_ready()?;
        let mut jobs = BTreeMap::new();
        for (name, configuration) in JOBS {
            let result = ExactlyOnce {
                records: 60_000,
                rate: 250,
                ..ExactlyOnce::new(name, &sites.run.data_dir(&format!("sink-{name}"))?)
            };
            let submission = result.submission(None)?.with(configuration);
            jobs.insert(name, Job { result, submission });
        }
        let desk = sites.run.data_dir("desk")?;
        let world = Self {
            sites,
            east,
            west,
            jobs,
            desk,
        };
        world.write_files()?;
        Ok(world)
    }

    fn write_files(&self) -> Result<()> {
        let clusters = format!(
            "primary = \"east\"\nsecondary = \"west\"\n\
             [clusters.east]\nroot = {:?}\nflink = {:?}\n\
             [clusters.west]\nroot = {:?}\nflink = {:?}\n",
            self.sites.primary_dir(),
            self.east.rest().address(),
            self.sites.secondary_dir(),
            self.west.rest().address(),
        );
        std::fs::write(self.desk.join("clusters.toml"), clusters)?;
        let mut text = String::new();
        for (name, Job { submission, .. }) in &self.jobs {
            let jar = submission.jar.to_string_lossy();
            writeln!(text, "[jobs.{name}]\njar = {jar:?}")?;
            writeln!(text, "entry-class = {:?}", submission.main_class)?;
            writeln!(text, "args = {:?}", submission.arguments)?;
            writeln!(text, "parallelism = {}", submission.parallelism)?;
            for (key, value) in &submission.configuration {
                writeln!(text, "configuration = {{ {key:?} = {value:?} }}")?;
            }
        }
        Ok(std::fs::write(self.desk.join("jobs.toml"), text)?)
    }

    /// The command as an operator calls it, with what it exits with.
    fn dualwrite(&self, args: &[&str], code: i32) -> Result<Value> {
        let mut command = Command::new(dist_cli()?);
        command.current_dir(&self.desk).args(args).arg("--json");
        let output = command.env("DUALWRITE_CONFIG", "clusters.toml").output()?;
        let out = String::from_utf8_lossy(&output.stdout);
        let err = String::from_utf8_lossy(&output.stderr);
        let ended = output.status.code();
        ensure!(
            ended == Some(code),
            "{args:?} exits with {ended:?}: {out}{err}"
        );
        serde_json::from_str(&out).with_context(|| format!("{args:?}: no JSON: {out}{err}"))
    }

    /// Of each job the newest checkpoint's number that a cluster lists.
    fn listed(&self, cluster: &str) -> Result<BTreeMap<String, (String, u64)>> {
        let mut command = Command::new(dist_cli()?);
        command.current_dir(&self.desk);
        let output = command
            .args([
                "list",
                "--json",
                "--config",
                "clusters.toml",
                "--secondary",
                cluster,
            ])
            .output()?;
        let listed: Value = serde_json::from_slice(&output.stdout)?;
        let jobs = listed["jobs"].as_array().into_iter().flatten();
        let newest = jobs.filter_map(|job| {
            let text = |name: &str| job[name].as_str().map(str::to_owned);
            Some((
                text("job_name")?,
                (text("job_id")?, job["newest_id"].as_u64()?),
            ))
        });
        Ok(newest.collect())
    }

    /// Waits until a cluster has a checkpoint above `id` of each job, under these ids.
    fn until_listed(&self, cluster: &str, ids: &BTreeMap<String, String>, id: u64) -> Result<()> {
        let what = format!("checkpoints of all jobs at {cluster}");
        wait_until(&what, LIMIT, || {
            let listed = self.listed(cluster)?;
            let has = |(name, job_id): (&String, &String)| {
                let found = listed.get(name);
                found.is_some_and(|(found, newest)| found == job_id && *newest > id)
            };
            ensure!(ids.iter().all(has), "{listed:?}");
            Ok(())
        })
    }
}

/// The ids that an apply has started jobs under; an error unless all are switched.
fn started(applied: &Value) -> Result<BTreeMap<String, String>> {
    let jobs = applied["jobs"].as_array().context("no jobs")?;
    let id = |job: &Value| {
        ensure!(job["result"] == "switched", "{job}");
        println!(
            "{}: RPO {} ms, running after {} ms, safe after {} ms",
            job["job_name"],
            job["rpo_ms"],
            job["running_after_ms"],
            job["first_checkpoint_after_ms"]
        );
        let text = |name: &str| job[name].as_str().unwrap_or_default().to_owned();
        Ok((text("job_name"), text("job_id")))
    };
    jobs.iter().map(id).collect()
}

fn there_and_back(version: &str) -> Result<()> {
    let world = World::start(version)?;
    let mut ids = BTreeMap::new();
    for (name, job) in &world.jobs {
        let id = world.east.rest().submit(&job.submission)?;
        ids.insert((*name).to_owned(), id);
    }
    world.until_listed("west", &ids, 3)?;

    world.sites.primary.kill();
    world.east.kill();
    let plan = world.dualwrite(
        &["switch", "plan", "--jobs", "jobs.toml", "-o", "there.json"],
        0,
    )?;
    let planned = plan["plan"]["jobs"].as_array().context("no jobs")?;
    ensure!(planned.len() == JOBS.len(), "{plan}");
    for job in planned {
        let name = job["name"].as_str().unwrap_or_default();
        let id = job["checkpoint"]["id"].as_u64().context("no checkpoint")?;
        world.jobs[name].result.cut_back(id)?;
    }
    let refused = world.dualwrite(&["switch", "apply", "there.json"], 3)?;
    ensure!(
        refused.to_string().contains("--source-is-dead"),
        "{refused}"
    );
    ensure!(world.west.rest().get("/jobs")?["jobs"] == serde_json::json!([]));
    let applied = world.dualwrite(&["switch", "apply", "there.json", "--source-is-dead"], 0)?;
    let there = started(&applied)?;
    for id in there.values() {
        world.west.rest().wait_for_state(id, "RUNNING", LIMIT)?;
    }
    let again = world.dualwrite(&["switch", "apply", "there.json", "--source-is-dead"], 0)?;
    ensure!(started(&again)? == there, "started twice: {again}");

    // The primary is back, and what is written at the west is copied to it.
    world.sites.primary.restart()?;
    world.sites.primary.wait_ready()?;
    world.east.restart()?;
    let newest = world
        .listed("west")?
        .into_values()
        .map(|(_, newest)| newest);
    let newest = newest.min().context("nothing is listed")?;
    world.until_listed("east", &there, newest)?;
    let plan = ["failback", "plan", "--jobs", "jobs.toml", "-o", "back.json"];
    world.dualwrite(&plan, 0)?;
    let back = started(&world.dualwrite(&["failback", "apply", "back.json"], 0)?)?;
    for id in there.values() {
        ensure!(world.west.rest().job_state(id)? == "CANCELED");
    }
    for (name, job) in &world.jobs {
        let watched = Watched::started(world.east.rest(), &job.result, &back[*name]);
        watched.is_exact_at_its_end()?;
    }
    world.sites.run.passed();
    Ok(())
}

#[test]
fn three_jobs_go_to_the_secondary_and_come_back() -> Result<()> {
    there_and_back("1.20.5")
}

#[test]
#[ignore = "left to `cargo xtask test --all`"]
fn three_jobs_of_flink_2_2_go_to_the_secondary_and_come_back() -> Result<()> {
    there_and_back("2.2.1")
}
