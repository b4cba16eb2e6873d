//! A real Prometheus with the shipped rules beside a real job: which alerts fire under a fault,
//! that no other does, and that each expression of the rules and of the dashboards gives numbers.
//!
//! Durations are divided by [`TIMES`]; the 30 seconds under which nothing is late are not.

mod shipped;
#[path = "../support/mod.rs"]
mod support;
mod watch;

use anyhow::{Context, Result, ensure};
use harness::{HdfsCluster, promtool, wait_until};
use support::{LIMIT, Scraped, Sites, Stage, on_stage};
use watch::{Watch, alert};

const FLINK: &str = "2.2.1";
/// Five minutes become 15 seconds.
const TIMES: u64 = 20;

fn stage() -> Result<Stage> {
    let sites = Sites::launch_with("alerts", HdfsCluster::builder("secondary"))?;
    let flink = sites
        .flink(FLINK)?
        .prometheus_reporter()?
        // The same port for a process that is started again, whoever else is on this machine.
        .config("dualwrite.metrics.port", "31000-31099")
        .config(support::REPORTER_KEY, support::REPORTER);
    Stage::set(sites, FLINK, flink)
}

/// The secondary does not answer, and answers again: one alert, and no word of what follows.
#[test]
fn a_secondary_frozen_raises_one_alert_and_clears_it_when_it_thaws() -> Result<()> {
    on_stage(stage, |stage| {
        let watch = Watch::start(stage, TIMES)?;
        shipped::every_expression_gives_numbers(&watch.prometheus)?;
        watch.stays_at(&[], "all is well")?;

        let secondary = stage.sites.secondary.uri().to_owned();
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

/// It answers, and takes no file.
#[test]
#[ignore = "left to `cargo xtask test --all`"]
fn a_quota_raises_one_alert_and_clears_it_when_it_is_lifted() -> Result<()> {
    on_stage(stage, |stage| {
        let watch = Watch::start(stage, TIMES)?;
        let quota = |bytes: i64| {
            let arguments = format!("&namespacequota=-1&storagespacequota={bytes}");
            let web = stage.sites.secondary.web();
            web.put(support::DIRECTORY, "SETQUOTA", &arguments)
        };
        watch.stays_at(&[], "all is well")?;
        let refuses = alert("DualwriteSecondaryRefuses", &[("kind", "no_space")]);
        quota(1)?;
        watch.becomes(std::slice::from_ref(&refuses))?;
        watch.stays_at(&[refuses], "the quota is used up")?;
        quota(-1)?;
        watch.becomes(&[])?;
        watch.stays_at(&[], "there is no quota")
    })
}

/// A TaskManager's process ends: Flink's own alerts are about that, ours about its numbers.
#[test]
#[ignore = "left to `cargo xtask test --all`"]
fn a_task_manager_that_is_not_scraped_raises_one_alert_and_clears_it_when_it_is_back() -> Result<()>
{
    on_stage(stage, |stage| {
        let watch = Watch::start(stage, TIMES)?;
        watch.stays_at(&[], "all is well")?;
        let task_manager = stage.flink.task_manager(0);
        let instance = watch::address(task_manager)?;
        let gone = alert("DualwriteExporterDown", &[("instance", &instance)]);
        task_manager.kill();
        watch.becomes(std::slice::from_ref(&gone))?;
        task_manager.restart()?;
        watch.becomes(&[])?;
        watch.stays_at(&[], "it is back")
    })
}

/// Memory for one chunk: the tee gives most files up, and the alert says why.
#[test]
#[ignore = "left to `cargo xtask test --all`"]
fn too_little_memory_raises_one_alert_and_clears_it_when_there_is_more() -> Result<()> {
    let set = |stage: &mut Stage, size: Option<&str>| -> Result<()> {
        for key in ["dualwrite.buffer.memory", "dualwrite.chunk.size"] {
            stage.flink.configure(key, size)?;
        }
        stage.flink.task_manager(0).restart()
    };
    on_stage(stage, |stage| {
        let watch = Watch::start(stage, TIMES)?;
        watch.stays_at(&[], "all is well")?;
        let full = alert("DualwriteFilesNotCopied", &[("reason", "buffer_full")]);
        set(stage, Some("64kb"))?;
        watch.becomes(std::slice::from_ref(&full))?;
        watch.stays_at(&[full], "memory is scarce")?;
        set(stage, None)?;
        watch.becomes(&[])?;
        watch.stays_at(&[], "there is memory")
    })
}

/// What a real process serves is as Prometheus wants it, and so are the rules.
#[test]
fn promtool_finds_nothing_wrong() -> Result<()> {
    on_stage(stage, |stage| {
        let folder = shipped::folder();
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
