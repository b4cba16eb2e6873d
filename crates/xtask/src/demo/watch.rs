//! Looks at both clusters while the job runs, and writes down what it sees.
//!
//! Times are those of the files themselves. Refuses a published checkpoint that Flink's own
//! classes could not restore: the demo ends there.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use harness::{HdfsCluster, wait_until};

use super::ledger::Ledger;
use super::rows::{HEADER, row};
use super::stage::Stage;
use crate::screen::Screen;
use crate::sites::{DIRECTORY, checkpoints};

/// From the first completed checkpoint to the kill.
const WATCH: Duration = Duration::from_secs(45);
/// For the first checkpoint and the watch, on a busy machine.
const LIMIT: Duration = Duration::from_mins(2);
/// Between two looks, so that the looking does not hold up what is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(400);

/// Watches the job until it is time for the kill, and shows each published checkpoint.
///
/// # Errors
/// When no checkpoint completes within 2 min, when something does not answer, or when what is
/// published is not restorable.
pub(super) fn until_the_kill(stage: &mut Stage, job: &str, screen: &Screen) -> Result<Ledger> {
    screen.line(HEADER);
    let mut ledger = Ledger::default();
    let mut last_look = None::<Instant>;
    let mut first_completed = None::<Instant>;
    wait_until("the time of the kill", LIMIT, || {
        if last_look.is_some_and(|last| last.elapsed() < LOOK_INTERVAL) {
            return Err("between two looks");
        }
        let seen = look(stage, job, &mut ledger, screen);
        last_look = Some(Instant::now());
        if first_completed.is_none() && ledger.completed().next().is_some() {
            first_completed = last_look;
        }
        let watched = first_completed.map_or(Duration::ZERO, |first| first.elapsed());
        let left = WATCH.saturating_sub(watched);
        screen.progress(format!(
            "{} completed, {} published; the primary is killed in {} s",
            ledger.completed().count(),
            ledger.published().count(),
            left.as_secs()
        ));
        if seen.is_ok() && !left.is_zero() {
            return Err("the job is watched");
        }
        Ok(seen)
    })??;
    Ok(ledger)
}

/// One look at the secondary, at Flink, at the primary: in this order, so that whatever is seen
/// to be published is seen to be completed too.
fn look(stage: &mut Stage, job: &str, ledger: &mut Ledger, screen: &Screen) -> Result<()> {
    let published = complete(stage.secondary(), job, |id| ledger.is_published(id))?;
    let history = stage.flink().rest().checkpoints(job)?;
    for (id, at) in complete(stage.primary(), job, |id| ledger.is_completed(id))? {
        ledger.entry(id).completed_ms = Some(at);
    }
    for info in history {
        ledger.entry(info.id).triggered_ms = Some(info.triggered_ms);
        // One that came and went between two looks: what Flink says is a little earlier.
        if info.status == "COMPLETED" && !ledger.is_completed(info.id) {
            ledger.entry(info.id).completed_ms = Some(info.triggered_ms + info.duration_ms);
        }
    }
    judge(stage, &published, ledger, screen)
}

/// The last look, after the kill, at the secondary alone.
///
/// # Errors
/// As [`until_the_kill`].
pub(super) fn once_more(
    stage: &mut Stage,
    job: &str,
    ledger: &mut Ledger,
    screen: &Screen,
) -> Result<()> {
    let published = complete(stage.secondary(), job, |id| ledger.is_published(id))?;
    judge(stage, &published, ledger, screen)?;
    for entry in ledger.completed().filter(|e| e.published_ms.is_none()) {
        screen.line(&row(entry));
    }
    Ok(())
}

/// Whenever something new is published, all that is published is judged, and the new shown.
fn judge(
    stage: &mut Stage,
    published: &[(u64, u64)],
    ledger: &mut Ledger,
    screen: &Screen,
) -> Result<()> {
    if published.is_empty() {
        return Ok(());
    }
    let root = checkpoints(stage.secondary());
    for checked in stage.checker().check(&root)? {
        if !checked.findings.is_empty() {
            bail!("a published checkpoint is not restorable: {checked:?}");
        }
        if let Some(id) = checked.id() {
            let entry = ledger.entry(id);
            entry.files_and_bytes = Some((checked.files, checked.bytes));
        }
    }
    for (id, at) in published {
        let entry = ledger.entry(*id);
        entry.published_ms = Some(*at);
        screen.line(&row(entry));
    }
    Ok(())
}

/// The checkpoints of a job whose `_metadata` has come into place on a cluster since the last
/// look, and when, by the number in `chk-N`.
///
/// The time is the directory's: `_metadata` is renamed into it, after everything else, both by
/// Flink's `HadoopRecoverableFsDataOutputStream` and by the product, and a rename leaves a
/// file's own time as it was.
fn complete(
    hdfs: &HdfsCluster,
    job: &str,
    is_known: impl Fn(u64) -> bool,
) -> Result<Vec<(u64, u64)>> {
    let folder = format!("{DIRECTORY}/{job}");
    let list = |path: &str| Ok::<_, anyhow::Error>(hdfs.web().list(path)?.unwrap_or_default());
    let mut complete = Vec::new();
    for directory in list(&folder)? {
        let id = directory.name.strip_prefix("chk-");
        let Some(id) = id
            .and_then(|id| id.parse().ok())
            .filter(|id| !is_known(*id))
        else {
            continue;
        };
        let files = list(&format!("{folder}/{}", directory.name))?;
        if files.iter().any(|file| file.name == "_metadata") {
            complete.push((id, directory.name));
        }
    }
    // Looked up only now: before `_metadata` was seen, the time was another.
    let directories = if complete.is_empty() {
        Vec::new()
    } else {
        list(&folder)?
    };
    let time = |name: &str| {
        let directory = directories.iter().find(|directory| directory.name == name);
        directory.map(|directory| directory.modified_ms)
    };
    let times = complete
        .iter()
        .filter_map(|(id, name)| Some((*id, time(name)?)));
    Ok(times.collect())
}
