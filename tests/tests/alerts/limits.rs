//! What the secondary takes too slowly: bytes that fill a budget, that find no room in it, and a
//! link that carries less than a job writes.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::{ExactlyOnce, Fate, Host, Rule, wait_until};

use crate::jobs::{BY_HAND, submit};
use crate::support::{LIMIT, Sites, Stage, Watched, on_stage};
use crate::watch::{Watch, alert};
use crate::{TIMES, configured, stage};

/// No file gets its place on the secondary, and none is given up: whoever asks waits.
const NOTHING_IS_WRITTEN: Rule = Rule {
    method: "create",
    of: "",
    every: 1,
    fate: Fate::Hold,
};
/// What the link is left of what the job writes.
const TENTH: f64 = 0.1;
const WRITTEN: &str = "sum(rate(dualwrite_uploaded_bytes_total[15s]))";
const TOO_SLOW: &str = r#"ALERTS{alertname="DualwriteLinkTooSlow", alertstate="firing"}"#;
/// An hour in which the alert waits, and until the stride is there or gone: it is voted upon.
const STRIDE: Duration = Duration::from_mins(3 + 5);

#[test]
#[ignore = "left to `cargo xtask test --all`"]
fn a_budget_that_is_nearly_full_and_one_that_is_raise_their_own_alerts() -> Result<()> {
    on_stage(stage, |stage| {
        for (key, value) in [
            // Nothing is given up.
            ("dualwrite.call.timeout", "10 min"),
            ("dualwrite.buffer.memory", "8mb"),
            ("dualwrite.chunk.size", "64kb"),
            ("dualwrite.spill.max-size", "0"),
        ] {
            stage.flink.configure(key, Some(value))?;
        }
        stage.flink.restart()?;
        let (first, second) = (run(stage, "first")?, run(stage, "second")?);
        let watch = Watch::start(stage, TIMES)?;

        for (jobs, fires, label) in [
            (
                &[&first][..],
                "DualwriteBudgetNearlyFull",
                ("budget", "dualwrite.buffer.memory"),
            ),
            (
                &[&first, &second],
                "DualwriteFilesNotCopied",
                ("reason", "buffer_full"),
            ),
        ] {
            watch.becomes(&[])?;
            // What is held must be late by seconds alone, or it is told of, too.
            for job in [&first, &second] {
                publish(stage, job)?;
            }
            stage.sites.proxy()?.rule(NOTHING_IS_WRITTEN);
            for job in jobs {
                stage.flink.rest().checkpoint(&job.id, LIMIT)?;
            }
            watch.becomes(&[alert(fires, &[label])])?;
            stage.sites.proxy()?.let_go();
        }
        watch.becomes(&[])
    })
}

/// A job of whose checkpoints one has room in the memory, and takes seven eighths of it.
fn run(stage: &mut Stage, name: &str) -> Result<Watched> {
    let job = ExactlyOnce {
        keys: 1_760,
        burst: 20_000,
        ..Stage::job(&stage.sites, name)?
    };
    let job = submit(stage, &job, &[BY_HAND, ("state.backend.type", "hashmap")])?;
    // Two, so that there is an interval.
    stage.flink.rest().checkpoint(&job.id, LIMIT)?;
    publish(stage, &job)?;
    Ok(job)
}

fn publish(stage: &mut Stage, job: &Watched) -> Result<()> {
    let newest = stage.flink.rest().checkpoint(&job.id, LIMIT)?;
    stage.judge.until_published(&job.id, newest - 1).map(drop)
}

#[test]
#[ignore = "left to `cargo xtask test --all`"]
fn a_link_that_is_too_slow_is_told_of_until_it_is_not() -> Result<()> {
    let sites = Sites::launch_apart("alerts_apart")?;
    let stage = configured(sites)?;
    let watch = Watch::start(&stage, TIMES)?;
    watch.becomes(&[])?;
    let host = stage.sites.host()?;
    let written = wait_until("enough to be slow", LIMIT, || {
        let rates = watch.prometheus.query(WRITTEN)?;
        let written = rates.first().context("nothing is uploaded")?.value;
        ensure!(written > 100_000.0, "{written} bytes a second");
        Ok::<_, anyhow::Error>(written)
    })?;
    host.limit(Host::kilobits(TENTH * written))?;
    wait_until("the alert about the link", STRIDE, || {
        let told = watch.prometheus.query(TOO_SLOW)?;
        let job = told.first().context("it does not fire")?;
        ensure!(job.labels["job_id"] == stage.watched.id, "{told:#?}");
        Ok::<_, anyhow::Error>(())
    })?;
    host.unlimit()?;
    wait_until("the alert about the link to end", STRIDE, || {
        let told = watch.prometheus.query(TOO_SLOW)?;
        ensure!(told.is_empty(), "{told:#?}");
        Ok::<_, anyhow::Error>(())
    })?;
    watch.becomes(&[])?;
    stage.sites.run.passed();
    Ok(())
}
