//! A real Prometheus with the shipped rules beside a real job: which alerts fire under a fault,
//! that no other does, and that each expression of the rules and of the dashboards gives numbers.
//!
//! Durations are divided by [`TIMES`]; the 30 seconds under which nothing is late are not.

mod jobs;
mod limits;
mod shipped;
#[path = "../support/mod.rs"]
mod support;
mod watch;

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::{promtool, wait_until};
use jobs::NOTHING_IS_PUBLISHED;
use serde_json::Value;
use support::{DIRECTORY, LIMIT, Scraped, Sites, Stage, dualwrite, on_stage};
use watch::{Watch, alert};

const FLINK: &str = "2.2.1";
/// Five minutes become 15 seconds.
const TIMES: u64 = 20;
/// An hour in which an alert waits, a minute in which its cause is noticed, and what that takes.
const LATE: Duration = Duration::from_mins(3 + 1 + 2);

fn stage() -> Result<Stage> {
    configured(Sites::launch_proxied("alerts")?)
}

fn configured(sites: Sites) -> Result<Stage> {
    let flink = sites
        .flink(FLINK)?
        .prometheus_reporter()?
        .config(support::REPORTER_KEY, support::REPORTER);
    Stage::set(sites, FLINK, flink)
}

/// The secondary does not answer, and answers again: one alert, and no word of what follows.
#[test]
#[ignore = "left to `cargo xtask test --all`"]
fn a_secondary_frozen_raises_one_alert_and_clears_it_when_it_thaws() -> Result<()> {
    on_stage(stage, |stage| {
        let watch = Watch::start(stage, TIMES)?;
        shipped::every_expression_gives_numbers(&watch.prometheus)?;
        watch.stays_at(&[], "all is well")?;

        let secondary = stage.sites.secondary_uri.clone();
        let down = alert("DualwriteSecondaryDown", &[("secondary", &secondary)]);
        stage.sites.secondary.freeze()?;
        watch.becomes(std::slice::from_ref(&down))?;
        watch.stays_at(&[down], "the secondary is frozen")?;

        stage.sites.secondary.thaw()?;
        watch.becomes(&[])?;
        stage
            .judge
            .until_published(&stage.watched.id, stage.watched.newest()?)?;
        watch.stays_at(&[], "the secondary is back")
    })
}

/// One fault after another, with what ends it.
#[test]
#[ignore = "left to `cargo xtask test --all`"]
fn each_fault_raises_its_own_alert_and_no_other() -> Result<()> {
    on_stage(stage, |stage| {
        let watch = Watch::start(stage, TIMES)?;
        watch.becomes(&[])?;
        the_secondary_is_full(stage, &watch)?;
        something_else_is_in_a_checkpoints_place(stage, &watch)?;
        nothing_gets_its_name(stage, &watch)?;
        nobody_looks(stage, &watch)?;
        processes_end(stage, &watch)
    })
}

fn the_secondary_is_full(stage: &Stage, watch: &Watch) -> Result<()> {
    let secondary = &stage.sites.secondary;
    secondary.admin(&["-setSpaceQuota", "1", DIRECTORY])?;
    watch.becomes(&[alert("DualwriteSecondaryRefuses", &[("kind", "no_space")])])?;
    secondary.admin(&["-clrSpaceQuota", DIRECTORY])?;
    watch.becomes(&[])
}

fn something_else_is_in_a_checkpoints_place(stage: &Stage, watch: &Watch) -> Result<()> {
    let (secondary, id) = (&stage.sites.secondary, &stage.watched.id);
    let dir = format!("{DIRECTORY}/{id}/chk-{}", stage.watched.newest()? + 15);
    secondary.shell(&["-mkdir", &dir])?;
    secondary.shell(&["-touchz", &format!("{dir}/_metadata")])?;
    let labels = [("job_id", &**id), ("reason", "conflict")];
    watch.becomes(&[alert("DualwriteCheckpointsUnpublishable", &labels)])?;
    secondary.shell(&["-rm", "-r", &dir])?;
    watch.becomes(&[])
}

/// Files come, and no `_metadata`: nothing but the lag tells.
fn nothing_gets_its_name(stage: &Stage, watch: &Watch) -> Result<()> {
    let proxy = stage.sites.proxy()?;
    proxy.rule(NOTHING_IS_PUBLISHED);
    watch.becomes(&[alert(
        "DualwriteFarBehind",
        &[("job_id", &stage.watched.id)],
    )])?;
    proxy.let_go();
    watch.becomes(&[])
}

/// The job was verified two days ago, and drilled 36 days ago: a record of either has the same
/// form, and a drill needs another Flink.
fn nobody_looks(stage: &Stage, watch: &Watch) -> Result<()> {
    let dir = stage.sites.secondary_dir();
    let verify = ["verify", "--all", "--newest", "--record"];
    dualwrite(&[&verify[..], &["--secondary", &dir]].concat())?;
    let secondary = &stage.sites.secondary;
    let records = format!("{DIRECTORY}/.dualwrite/last-good");
    let found = secondary.shell(&["-ls", "-R", "-C", &records])?;
    let mut lines = found.lines();
    let path = lines.find_map(|path| path.strip_suffix("/verify.json"));
    let path = path.with_context(|| format!("nothing is recorded: {found}"))?;
    let text = secondary.shell(&["-cat", &format!("{path}/verify.json")])?;
    let mut record: Value = serde_json::from_str(&text)?;
    let file = stage.sites.run.data_dir("desk")?.join("record.json");
    let mut record_as = |name: &str, days: u64| {
        record["at_ms"] = (support::now_ms() - days * 24 * 60 * 60 * 1000).into();
        std::fs::write(&file, record.to_string())?;
        let to = format!("{path}/{name}");
        secondary.shell(&["-put", "-f", &file.display().to_string(), &to])
    };
    for (name, days, fires) in [
        ("verify.json", 2, "DualwriteVerifyStale"),
        ("drill.json", 36, "DualwriteDrillStale"),
    ] {
        record_as(name, days)?;
        watch.becomes_within(LATE, &[alert(fires, &[])])?;
        record_as(name, 0)?;
        watch.becomes(&[])?;
    }
    Ok(())
}

/// First one, which comes back; then it has no library; then all.
fn processes_end(stage: &mut Stage, watch: &Watch) -> Result<()> {
    let down = alert("DualwriteExporterDown", &[]);
    stage.flink.task_manager(0).kill();
    watch.becomes(std::slice::from_ref(&down))?;
    stage.flink.task_manager(0).restart()?;
    watch.becomes(&[])?;

    let path = "dualwrite.native.path";
    stage.flink.configure(path, Some("/nowhere/library.so"))?;
    stage.flink.task_manager(0).restart()?;
    watch.becomes(&[down, alert("DualwriteLibraryNotLoaded", &[])])?;
    stage.flink.configure(path, None)?;
    stage.flink.task_manager(0).restart()?;
    watch.becomes(&[])?;

    stage.flink.kill();
    watch.becomes(&[alert("DualwriteNotScraped", &[])])
}

/// What a real process serves is as Prometheus wants it, and so are the rules.
#[test]
fn promtool_finds_nothing_wrong() -> Result<()> {
    on_stage(stage, |stage| {
        let folder = watch::folder();
        promtool(&folder, &["check", "rules", "alerts.yml"], "")?;
        promtool(&folder, &["test", "rules", "alerts_test.yml"], "")?;
        for process in stage.flink.processes() {
            let text = wait_until("its metrics", LIMIT, || Scraped::in_text_format(process))?;
            ensure!(text.contains("dualwrite_library_loaded 1"), "{text}");
            let said = promtool(&folder, &["check", "metrics"], &text);
            said.with_context(|| process.label().to_owned())?;
        }
        Ok(())
    })
}
