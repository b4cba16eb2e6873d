//! One turn of one of the two jobs, while the other stands still: first at a held pace, for the
//! duration of checkpoints, then without a limit, for the throughput.
//!
//! The first checkpoint of a turn holds what the turn before left, and is not counted.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use harness::CheckpointInfo;
use serde_json::{Value, json};

use super::pair::{LIMIT, RATE, Side};
use crate::figures::{median, number, slope};
use crate::vitals;

/// Between two triggers at the held pace.
const INTERVAL: Duration = Duration::from_secs(2);
/// How many are counted in a turn.
const CHECKPOINTS: u32 = 5;
/// Without a limit, before the throughput is measured: until all buffers are full.
const SETTLE: Duration = Duration::from_secs(3);
/// How long it is measured at least, and two intervals otherwise.
const FULL: Duration = Duration::from_secs(10);
/// Between two looks at the count of records.
const LOOK: Duration = Duration::from_millis(200);
/// In the names of the library's threads.
const LIBRARY: &str = "dualwrite";
/// Receives each record once, behind the network.
const OPERATOR: &str = "KeyedProcess";

/// What a turn gave.
#[derive(Debug, Clone)]
pub(super) struct Turn {
    /// From trigger to completion, of each checkpoint at the held pace, in milliseconds.
    pub(super) durations_ms: Vec<f64>,
    /// What those checkpoints added, in bytes in a second.
    pub(super) bytes_per_second: f64,
    /// Without a limit.
    pub(super) records_per_second: f64,
    /// What the checkpoints added meanwhile, in bytes in a second.
    pub(super) full_bytes_per_second: f64,
    /// Processor time of the TaskManager in a second at the held pace.
    pub(super) cores: f64,
    /// Of that the library's threads, in milliseconds for each MB of those checkpoints.
    pub(super) library_ms_per_mb: f64,
}

impl Turn {
    /// For people.
    pub(super) fn text(&self) -> String {
        format!(
            "{:6.0} ms for a checkpoint  {:5.1} MB/s  {:5.2} cores  {:4.1} ms of them for each MB; \
             without a limit  {:8.0} records/s  {:5.1} MB/s",
            median(&self.durations_ms).unwrap_or_default(),
            self.bytes_per_second / 1e6,
            self.cores,
            self.library_ms_per_mb,
            self.records_per_second,
            self.full_bytes_per_second / 1e6,
        )
    }

    /// For machines.
    pub(super) fn json(&self) -> Value {
        json!({
            "checkpoint_ms": self.durations_ms,
            "bytes_per_second": self.bytes_per_second,
            "records_per_second": self.records_per_second,
            "bytes_per_second_without_limit": self.full_bytes_per_second,
            "task_manager_cores": self.cores,
            "library_ms_per_mb": self.library_ms_per_mb,
        })
    }
}

/// Gives a job its turn; without a limit, there is a checkpoint `every` so often.
///
/// # Errors
/// When a checkpoint fails or does not complete within 2 min, or Flink does not answer.
pub(super) fn take(side: &Side, every: Duration) -> Result<Turn> {
    side.job.pace(RATE)?;
    let clock = Instant::now();
    thread::sleep(INTERVAL);
    side.flink.rest().checkpoint(&side.id, LIMIT)?;
    let pid = side.task_manager()?;
    let times = || {
        Ok::<_, anyhow::Error>([
            vitals::processor_time(pid)?,
            vitals::thread_time(pid, LIBRARY)?,
        ])
    };
    let (before, since) = (times()?, clock.elapsed());
    let first = Instant::now() + INTERVAL;
    let ids = checkpoints(side, first, INTERVAL, |taken, _| taken < CHECKPOINTS)?;
    let paced = clock.elapsed().saturating_sub(since);
    let after = times()?;
    let [used, by_library] = [0, 1].map(|of| after[of].saturating_sub(before[of]).as_secs_f64());

    let counted = only(&ids, side)?;
    let (records_per_second, full_bytes_per_second) = without_limit(side, every)?;
    side.job.pace(0)?;
    Ok(Turn {
        durations_ms: counted
            .iter()
            .map(|info| number(info.duration_ms))
            .collect(),
        bytes_per_second: bytes(&counted) / paced.as_secs_f64(),
        records_per_second,
        full_bytes_per_second,
        cores: used / paced.as_secs_f64(),
        library_ms_per_mb: by_library * 1e3 / (bytes(&counted) / 1e6),
    })
}

/// Triggers a checkpoint whenever one is `due`, as long as `more`, which is told how many there
/// were and when the next is due. Answers with their numbers.
fn checkpoints(
    side: &Side,
    mut due: Instant,
    every: Duration,
    more: impl Fn(u32, Instant) -> bool,
) -> Result<Vec<u64>> {
    let mut ids = Vec::new();
    for taken in 0.. {
        if !more(taken, due) {
            break;
        }
        thread::sleep(due.saturating_duration_since(Instant::now()));
        due = Instant::now() + every;
        ids.push(side.flink.rest().checkpoint(&side.id, LIMIT)?);
    }
    Ok(ids)
}

/// Of a job's checkpoints, those with these numbers.
fn only(ids: &[u64], side: &Side) -> Result<Vec<CheckpointInfo>> {
    let mut history = side.flink.rest().checkpoints(&side.id)?;
    history.retain(|info| ids.contains(&info.id));
    Ok(history)
}

fn bytes(checkpoints: &[CheckpointInfo]) -> f64 {
    number(checkpoints.iter().map(|info| info.checkpointed_bytes).sum())
}

/// Records in a second, and what the checkpoints added, in bytes in a second, with one taken
/// `every` so often.
fn without_limit(side: &Side, every: Duration) -> Result<(f64, f64)> {
    side.job.hurry()?;
    thread::sleep(SETTLE);
    let start = Instant::now();
    let end = start + FULL.max(2 * every);
    let (points, ids) = thread::scope(|scope| {
        let taken = scope.spawn(|| checkpoints(side, start, every, |_, due| due < end));
        let mut points = Vec::new();
        while Instant::now() < end {
            let received = side.flink.rest().records_received(&side.id, OPERATOR)?;
            points.push((start.elapsed().as_secs_f64(), number(received)));
            thread::sleep(LOOK);
        }
        let taken = taken.join().expect("the thread does not panic");
        taken.map(|ids| (points, ids))
    })?;
    let records = slope(&points).context("the records were looked at too seldom")?;
    let seconds = end.duration_since(start).as_secs_f64();
    Ok((records, bytes(&only(&ids, side)?) / seconds))
}
