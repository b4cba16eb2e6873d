//! A rehearsal while the job runs: it is started from the secondary on a third Flink, which speaks
//! TLS with those it knows, completes a checkpoint there and is ended, and neither the job nor its
//! copies notice.

mod support;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use harness::{Certificate, ExactlyOnce, FlinkCluster, dist_cli, wait_until};
use serde_json::Value;
use support::{LIMIT, Scraped, Sites, Watched, plain_flink};

const FLINK: &str = "1.20.5";
const NAME: &str = "payments";

/// The job's site, a Flink for drills, and what an operator has on the desk.
struct World {
    sites: Sites,
    flink: FlinkCluster,
    apart: FlinkCluster,
    desk: PathBuf,
}

impl World {
    fn start() -> Result<Self> {
        let sites = Sites::launch("drill")?;
        let reporter = "io.dualwrite.flink.DualWriteMetricReporterFactory";
        let flink = sites
            .flink(FLINK)?
            .config("metrics.reporter.dualwrite.factory.class", reporter)
            // A checkpoint a second, and a drill takes several.
            .config("dualwrite.secondary.retained", "60")
            .launch(&sites.run)?;
        let dir = format!("{}/flink/drill", sites.secondary.uri());
        let certificate = Certificate::make(&sites.run)?;
        let apart = plain_flink("apart", FLINK, &sites.secondary, &dir)?
            .rest_by_tls(&certificate)
            .launch(&sites.run)?;
        sites.wait_ready()?;
        flink.wait_ready()?;
        apart.wait_ready()?;
        let desk = sites.run.data_dir("desk")?;
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let (shown, key) = (text(certificate.pem()), text(certificate.key()));
        let tls = format!("[flink-tls]\nca = {shown:?}\ncertificate = {shown:?}\nkey = {key:?}\n");
        std::fs::write(desk.join("clusters.toml"), tls)?;
        Ok(Self {
            sites,
            flink,
            apart,
            desk,
        })
    }

    fn job(&self, sink: &str) -> Result<ExactlyOnce> {
        Ok(ExactlyOnce {
            records: 60_000,
            rate: 250,
            ..ExactlyOnce::new(NAME, &self.sites.run.data_dir(sink)?)
        })
    }

    /// A jobs file with a sink of its own.
    fn write_jobs(&self) -> Result<()> {
        let submission = self.job("sink-of-drill")?.submission(None)?;
        let jar = submission.jar.to_string_lossy();
        let mut text = String::new();
        writeln!(text, "[jobs.{NAME}]\njar = {jar:?}")?;
        writeln!(text, "entry-class = {:?}", submission.main_class)?;
        writeln!(text, "args = {:?}", submission.arguments)?;
        writeln!(text, "parallelism = {}", submission.parallelism)?;
        Ok(std::fs::write(self.desk.join("drill.toml"), text)?)
    }

    /// A drill on a Flink, with what the command exits with.
    fn drill(&self, flink: &FlinkCluster, code: i32) -> Result<Value> {
        let secondary = self.sites.secondary_dir();
        let mut command = Command::new(dist_cli()?);
        command.current_dir(&self.desk);
        command.args(["drill", "--config", "clusters.toml", "--json", "--record"]);
        command.args(["--run", "--jobs", "drill.toml"]);
        command.args(["--secondary", &secondary]);
        let output = command.args(["--flink", flink.rest().address()]).output()?;
        let out = String::from_utf8_lossy(&output.stdout);
        let err = String::from_utf8_lossy(&output.stderr);
        let ended = output.status.code();
        ensure!(ended == Some(code), "exits with {ended:?}: {out}{err}");
        serde_json::from_str(&out).with_context(|| format!("no JSON: {out}{err}"))
    }
}

#[test]
fn a_running_job_is_rehearsed_and_does_not_notice() -> Result<()> {
    let world = World::start()?;
    let job = world.job("sink")?;
    let watched = Watched::run(world.flink.rest(), &job, &job.submission(None)?)?;
    let mut judge = world.sites.judge(FLINK)?;
    judge.until_published(&watched.id, 3)?;
    world.write_jobs()?;

    let drilled = world.drill(&world.apart, 0)?;
    let line = &drilled["jobs"][0];
    println!(
        "running after {} ms, first checkpoint after {} ms",
        line["running_after_ms"], line["first_checkpoint_after_ms"]
    );
    ensure!(
        line["job_name"] == NAME && line["drill"] == "good",
        "{drilled}"
    );
    ensure!(line["first_checkpoint_after_ms"].is_u64(), "{drilled}");
    let id = line["drill_job_id"].as_str().context("an id")?;
    ensure!(world.apart.rest().job_state(id)? == "CANCELED");

    // The job's JobManager tells it, where the alerts are.
    for proof in ["verify", "drill"] {
        let metric = format!("dualwrite_last_good_{proof}_timestamp_seconds");
        wait_until(&metric, LIMIT, || {
            let at = Scraped::of(world.flink.job_manager())?.sum(&metric)?;
            ensure!(at > 1.7e9, "{at}");
            Ok(())
        })?;
    }

    // On its own Flink no second one is started.
    let refused = world.drill(&world.flink, 1)?;
    let message = refused["jobs"][0]["message"].as_str().unwrap_or_default();
    ensure!(message.contains(&watched.id), "{refused}");

    // What it was started from is still there, as all that is published.
    let from = line["drill_checkpoint_id"]
        .as_u64()
        .context("a checkpoint")?;
    let published = judge.published()?;
    let from = format!("/chk-{from}");
    let is_there = published.iter().any(|one| one.path.ends_with(&from));
    ensure!(is_there, "{from} is gone: {published:?}");
    let newest = watched.newest()?;
    judge.until_published(&watched.id, newest)?;
    world
        .flink
        .rest()
        .wait_for_state(&watched.id, "RUNNING", LIMIT)?;
    watched.nothing_failed()?;
    watched.is_exact_at_its_end()?;
    world.sites.run.passed();
    Ok(())
}
