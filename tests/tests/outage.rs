//! Outages of the secondary: the primary does not notice, the log says it once, and once it is back
//! the newest checkpoint is published, with what was missed, while everything keeps running.

mod support;

use anyhow::{Context, Result, ensure};
use harness::{ExactlyOnce, FlinkCluster, HdfsCluster};
use support::{Judge, Sites, Watched, now_ms, shared_files, warned};

const FLINK: &str = "1.20.5";
/// With the secondary as without.
const CHECKPOINTS: usize = 6;

/// Its first files outlive the outage, and it runs until it is told to hurry.
fn job(sites: &Sites) -> Result<ExactlyOnce> {
    Ok(ExactlyOnce {
        records: 80_000,
        burst: 10_000,
        rate: 500,
        ..ExactlyOnce::new("outage", &sites.run.data_dir("sink")?)
    })
}

/// Whether each process of Flink has said once, not once per file, that the secondary is silent.
fn said_once(flink: &FlinkCluster) -> Result<()> {
    for process in flink.processes() {
        let warnings = warned(process)?;
        let [warning] = warnings.as_slice() else {
            anyhow::bail!("{} warned of {warnings:#?}", process.label());
        };
        ensure!(warning.contains("does not answer"), "{warning}");
    }
    Ok(())
}

/// What holds once the secondary is back at `back_ms`, the outage having begun at `gone_ms`.
fn is_made_good(
    sites: &Sites,
    watched: &Watched,
    judge: &mut Judge,
    missed: &[String],
) -> Result<()> {
    judge.until_published(&watched.id, watched.newest()?)?;
    let there = shared_files(&sites.secondary, &watched.id)?;
    let backfilled = missed.iter().filter(|name| there.contains(name)).count();
    println!(
        "{backfilled} of {} files of the outage are backfilled",
        missed.len()
    );
    ensure!(backfilled > 0, "no file of the outage is on the secondary");
    Ok(())
}

/// Files that came to the primary while the secondary was away, and are still needed.
fn missed(sites: &Sites, watched: &Watched, before: &[String]) -> Result<Vec<String>> {
    let mut files = shared_files(&sites.primary, &watched.id)?;
    files.retain(|name| !before.contains(name));
    ensure!(!files.is_empty(), "the outage was too short for a file");
    Ok(files)
}

#[test]
#[ignore = "left to `cargo xtask test --all`"]
fn a_secondary_that_never_ran_costs_nothing_and_is_filled_when_it_starts() -> Result<()> {
    let sites = Sites::launch("outage::never_ran")?;
    sites.secondary.kill();
    let flink = sites.flink(FLINK)?.launch(&sites.run)?;
    sites.primary.wait_ready()?;
    flink.wait_ready()?;
    let watched = Watched::submit(flink.rest(), &job(&sites)?)?;

    watched.complete_more(CHECKPOINTS + 2)?;
    said_once(&flink)?;
    let missed = missed(&sites, &watched, &[])?;
    let away = 0..now_ms();

    sites.secondary.restart()?;
    let mut judge = sites.judge(FLINK)?;
    is_made_good(&sites, &watched, &mut judge, &missed)?;
    let healthy = now_ms();
    watched.complete_more_under(&mut judge, CHECKPOINTS)?;
    watched.nothing_failed()?;
    watched.took_no_longer(away, healthy..now_ms())?;
    said_once(&flink)?;
    watched.is_exact_at_its_end()?;
    judge.published()?;
    sites.run.passed();
    Ok(())
}

/// A secondary that goes away in the middle and comes back.
fn goes_and_comes_back(
    name: &str,
    go: fn(&HdfsCluster) -> Result<()>,
    come_back: fn(&HdfsCluster) -> Result<()>,
) -> Result<()> {
    let sites = Sites::launch(name)?;
    let flink = sites.flink(FLINK)?.launch(&sites.run)?;
    sites.primary.wait_ready()?;
    sites.secondary.wait_ready()?;
    flink.wait_ready()?;
    let mut judge = sites.judge(FLINK)?;
    let watched = Watched::submit(flink.rest(), &job(&sites)?)?;

    judge.until_published(&watched.id, 0)?;
    let healthy = now_ms();
    watched.complete_more_under(&mut judge, CHECKPOINTS)?;
    let before = shared_files(&sites.primary, &watched.id)?;
    let gone = now_ms();
    go(&sites.secondary).context("the secondary does not go")?;
    watched.complete_more(CHECKPOINTS)?;
    harness::wait_until("the outage to be said", support::LIMIT, || {
        said_once(&flink)
    })?;
    let missed = missed(&sites, &watched, &before)?;
    let back = now_ms();

    come_back(&sites.secondary)?;
    is_made_good(&sites, &watched, &mut judge, &missed)?;
    watched.complete_more_under(&mut judge, 2)?;
    watched.nothing_failed()?;
    watched.took_no_longer(gone..back, healthy..gone)?;
    said_once(&flink)?;
    watched.is_exact_at_its_end()?;
    judge.published()?;
    sites.run.passed();
    Ok(())
}

#[test]
#[ignore = "left to `cargo xtask test --all`"]
fn a_secondary_killed_halfway_costs_nothing_and_is_filled_when_it_restarts() -> Result<()> {
    let kill = |secondary: &HdfsCluster| {
        secondary.kill();
        Ok(())
    };
    goes_and_comes_back("outage::killed", kill, HdfsCluster::restart)
}

#[test]
#[ignore = "left to `cargo xtask test --all`"]
fn a_frozen_secondary_costs_nothing_and_is_filled_when_it_thaws() -> Result<()> {
    goes_and_comes_back("outage::frozen", HdfsCluster::freeze, HdfsCluster::thaw)
}
