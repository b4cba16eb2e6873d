//! Lost processes of Flink itself: the job recovers as without the product, and publishing goes on.

mod support;

use anyhow::{Context, Result, ensure};
use harness::{ExactlyOnce, wait_until};
use serde_json::Value;
use support::{DIRECTORY, Judge, LIMIT, Sites, Watched, dualwrite, now_ms, restored_from};

const FLINK: &str = "1.20.5";

#[test]
fn a_task_manager_killed_in_mid_checkpoint_is_replaced_and_publishing_goes_on() -> Result<()> {
    let sites = Sites::launch("recovery::task_manager")?;
    let flink = sites.flink(FLINK)?.launch(&sites.run)?;
    sites.primary.wait_ready()?;
    sites.secondary.wait_ready()?;
    flink.wait_ready()?;
    let mut judge = sites.judge(FLINK)?;
    let job = ExactlyOnce {
        records: 180_000,
        ..ExactlyOnce::new("recovery", &sites.run.data_dir("sink")?)
    };
    let watched = Watched::submit(flink.rest(), &job)?;
    judge.until_published(&watched.id, 2)?;

    // With its files' bytes going nowhere, a checkpoint stays under way.
    sites.primary.data_node(0).freeze()?;
    let frozen = now_ms();
    wait_until("a checkpoint that cannot complete", LIMIT, || {
        let all = flink.rest().checkpoints(&watched.id)?;
        let stuck = |info: &&harness::CheckpointInfo| {
            info.status == "IN_PROGRESS" && info.triggered_ms > frozen
        };
        all.iter()
            .find(stuck)
            .map(|_| ())
            .context("none is under way")
    })?;
    let last = watched.newest()?;
    flink.task_manager(0).kill();
    sites.primary.data_node(0).thaw()?;
    flink.task_manager(0).restart()?;

    let restored = judge.until("the job to be restored", || {
        restored_from(flink.rest(), &watched.id, last)
    })?;
    ensure!(
        restored == last,
        "restored from {restored}, not from {last}"
    );
    judge.until_published(&watched.id, last)?;
    let again = watched.newest()?;
    watched.complete_more_under(&mut judge, 2)?;
    judge.until_published(&watched.id, again)?;
    leftovers_go_and_the_job_does_not_notice(&sites, &watched, &mut judge)?;
    watched.nothing_failed_after(again)?;
    watched.is_exact_at_its_end()?;
    judge.published()?;
    sites.run.passed();
    Ok(())
}

/// `dualwrite gc`, again and again while checkpoints are published, of all that is older than a
/// second: much sooner than anybody would.
fn leftovers_go_and_the_job_does_not_notice(
    sites: &Sites,
    watched: &Watched,
    judge: &mut Judge,
) -> Result<()> {
    const ROUNDS: usize = 5;
    let planted = [
        format!("{DIRECTORY}/.dualwrite/inflight/a-dead-process-1"),
        format!("{DIRECTORY}/{}/shared/nobodys", watched.id),
    ];
    let unknown = format!("{DIRECTORY}/notes.txt");
    sites
        .secondary
        .shell(&["-touchz", &planted[0], &planted[1], &unknown])?;
    let (secondary, desk) = (sites.secondary_dir(), sites.run.data_dir("desk")?);
    let file = desk.join("gc.json").display().to_string();
    let plan = ["gc", "plan", "--json", "--min-age", "1s", "-o", &file];
    let mut deleted = 0;
    for _ in 0..ROUNDS {
        let newest = watched.newest()?;
        judge.until_published(&watched.id, newest)?;
        dualwrite(&[&plan[..], &["--secondary", &secondary]].concat())?;
        let applied = dualwrite(&["gc", "apply", "--json", &file])?;
        let applied: Value = serde_json::from_str(&applied)?;
        deleted += applied["deleted_files"].as_u64().context("a number")?;
        judge.published()?;
    }
    println!("gc deleted {deleted} files beside the job");
    let web = sites.secondary.web();
    for path in &planted {
        ensure!(web.length(path)?.is_none(), "{path} is still there");
    }
    ensure!(
        web.length(&unknown)?.is_some(),
        "gc deleted what it does not know"
    );
    let newest = watched.newest()?;
    judge.until_published(&watched.id, newest)?;
    Ok(())
}
