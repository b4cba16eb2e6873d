//! After the kill: the newest published checkpoint, as the operator's command finds and judges
//! it, is restored on the secondary's side, and the job runs to its end.
//!
//! Refuses to ask the primary or the first Flink for anything: they are gone.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use harness::{FlinkCluster, dist_cli};
use serde_json::Value;

use super::ledger::seconds;
use super::stage::Stage;
use crate::command::{line, output};
use crate::screen::Screen;
use crate::sites::checkpoints;

const LIMIT: Duration = Duration::from_mins(2);

/// A published checkpoint, as `dualwrite list` tells it.
#[derive(Debug)]
pub(super) struct Newest {
    pub(super) id: u64,
    /// Its directory, as `flink run -s` takes it.
    path: String,
}

/// How it went.
#[derive(Debug)]
pub(super) struct Restored {
    /// When the first new checkpoint was complete, in milliseconds since the epoch.
    pub(super) first_completed_ms: u64,
    /// The Flink that restored it.
    pub(super) flink: FlinkCluster,
}

/// The newest published checkpoint of `job`, judged usable.
///
/// # Errors
/// When there is none, or it is not usable.
pub(super) fn find(stage: &Stage, job: &str, screen: &Screen) -> Result<Newest> {
    let secondary = checkpoints(stage.secondary());
    let list = dualwrite(&["list", "--secondary", &secondary, "--json"], screen)?;
    let list: Value = serde_json::from_str(&list).context("`dualwrite list` is not JSON")?;
    let newest = newest_of(&list, job)
        .with_context(|| format!("nothing was published, says `dualwrite list`: {list}"))?;
    dualwrite(&["verify", &newest.path], screen)?;
    Ok(newest)
}

fn newest_of(list: &Value, job: &str) -> Option<Newest> {
    let mut jobs = list["jobs"].as_array()?.iter();
    let entry = jobs.find(|entry| entry["job_id"] == job)?;
    Some(Newest {
        id: entry["newest_id"].as_u64()?,
        path: entry["newest_path"].as_str()?.to_owned(),
    })
}

/// Runs the operator's command and shows it, with what it says for people.
fn dualwrite(arguments: &[&str], screen: &Screen) -> Result<String> {
    let mut command = Command::new(dist_cli()?);
    command.args(arguments);
    screen.line(&format!("  $ {}", line(&command)));
    output(&mut command)
}

/// Restores the checkpoint and waits for the job's end.
///
/// # Errors
/// When Flink fails.
pub(super) fn restore(stage: &Stage, newest: &Newest, screen: &Screen) -> Result<Restored> {
    screen.step("starting Flink on the secondary's side");
    let flink = stage.start_successor()?;

    screen.step(&format!("restoring {}", newest.path));
    let later = stage.later_job();
    later.cut_back(newest.id)?;
    let rest = flink.rest();
    let successor = rest.submit(&later.submission(Some(&newest.path))?)?;
    rest.wait_for_completed(&successor, 1, LIMIT)?;
    let mut history = rest.checkpoints(&successor)?.into_iter();
    let first = history.rfind(|info| info.status == "COMPLETED");
    let first = first.context("no completed checkpoint in the history")?;
    let first_completed_ms = first.triggered_ms + first.duration_ms;
    screen.line(&format!(
        "  the job goes on; its first new checkpoint, {}, took {:.3} s",
        first.id,
        seconds(first.duration_ms)
    ));
    screen.step("waiting for the job to finish");
    rest.wait_for_state(&successor, "FINISHED", LIMIT)?;
    Ok(Restored {
        first_completed_ms,
        flink,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_newest_is_that_of_the_job() {
        let list = json!({"jobs": [
            {"job_id": "a", "newest_id": 3, "newest_path": "hdfs://s/a"},
            {"job_id": "b", "newest_id": 9, "newest_path": "hdfs://s/b"},
            {"job_id": "c", "newest_id": null, "newest_path": null},
        ]});
        let newest = newest_of(&list, "b").unwrap();
        assert_eq!((newest.id, newest.path.as_str()), (9, "hdfs://s/b"));
        assert!(newest_of(&list, "c").is_none() && newest_of(&list, "d").is_none());
    }
}
