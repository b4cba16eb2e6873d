//! A real Prometheus with the shipped rules beside a real job: which alerts fire under a fault,
//! that no other does, and that each expression of the rules and of the dashboards gives numbers.
//!
//! Durations are divided by [`TIMES`]; the 30 seconds under which nothing is late are not.

mod shipped;
#[path = "../support/mod.rs"]
mod support;
mod watch;

use anyhow::{Context, Result, ensure};
use harness::{promtool, wait_until};
use support::{LIMIT, Scraped, Sites, Stage, on_stage};
use watch::{Watch, alert};

const FLINK: &str = "2.2.1";
/// Five minutes become 15 seconds.
const TIMES: u64 = 20;

fn stage() -> Result<Stage> {
    let sites = Sites::launch("alerts")?;
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
