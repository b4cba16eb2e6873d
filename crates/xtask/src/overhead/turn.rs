//! One turn of one of the two Flinks, while the other's job stands still: first at a held pace, for
//! the duration of checkpoints, then without a limit, for the throughput.
//!
//! The first checkpoint of a turn holds what the turn before left, and is not counted.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::pair::{LIMIT, RATE, Side};
use crate::figures::{median, number, slope};
use crate::vitals;

/// Between two triggers.
const INTERVAL: Duration = Duration::from_secs(2);
/// How many are counted in a turn.
const CHECKPOINTS: u32 = 5;
/// Without a limit, before the throughput is measured: until all buffers are full.
const SETTLE: Duration = Duration::from_secs(3);
/// How long it is measured.
const FULL: Duration = Duration::from_secs(10);
/// Between two looks at the count of records.
const LOOK: Duration = Duration::from_millis(200);
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
    /// Processor time of the TaskManager in a second at the held pace.
    pub(super) cores: f64,
}

impl Turn {
    /// For people.
    pub(super) fn text(&self) -> String {
        format!(
            "{:6.0} ms for a checkpoint  {:5.1} MB/s  {:8.0} records/s  {:5.2} cores",
            median(&self.durations_ms).unwrap_or_default(),
            self.bytes_per_second / 1e6,
            self.records_per_second,
            self.cores
        )
    }

    /// For machines.
    pub(super) fn json(&self) -> Value {
        json!({
            "checkpoint_ms": self.durations_ms,
            "bytes_per_second": self.bytes_per_second,
            "records_per_second": self.records_per_second,
            "task_manager_cores": self.cores,
        })
    }
}

/// Gives a Flink its turn.
///
/// # Errors
/// When a checkpoint fails or does not complete within 2 min, or Flink does not answer.
pub(super) fn take(side: &Side) -> Result<Turn> {
    side.job.pace(RATE)?;
    let clock = Instant::now();
    thread::sleep(INTERVAL);
    side.flink.rest().checkpoint(&side.id, LIMIT)?;
    let (used, since) = (
        vitals::processor_time(side.task_manager()?)?,
        clock.elapsed(),
    );
    let ids = checkpoints(side, |taken| taken < CHECKPOINTS)?;
    let paced = clock.elapsed().saturating_sub(since);
    let used = vitals::processor_time(side.task_manager()?)?.saturating_sub(used);

    let history = side.flink.rest().checkpoints(&side.id)?;
    let counted: Vec<_> = history
        .iter()
        .filter(|info| ids.contains(&info.id))
        .collect();
    let bytes: u64 = counted.iter().map(|info| info.checkpointed_bytes).sum();
    let records_per_second = without_limit(side)?;
    side.job.pace(0)?;
    Ok(Turn {
        durations_ms: counted
            .iter()
            .map(|info| number(info.duration_ms))
            .collect(),
        bytes_per_second: number(bytes) / paced.as_secs_f64(),
        records_per_second,
        cores: used.as_secs_f64() / paced.as_secs_f64(),
    })
}

/// Triggers a checkpoint whenever one is due, as long as `more`, and answers with their numbers.
fn checkpoints(side: &Side, more: impl Fn(u32) -> bool) -> Result<Vec<u64>> {
    let mut ids = Vec::new();
    let mut due = Instant::now() + INTERVAL;
    for taken in 0.. {
        if !more(taken) {
            break;
        }
        thread::sleep(due.saturating_duration_since(Instant::now()));
        due = Instant::now() + INTERVAL;
        ids.push(side.flink.rest().checkpoint(&side.id, LIMIT)?);
    }
    Ok(ids)
}

/// Records in a second, checkpoints being taken as before.
fn without_limit(side: &Side) -> Result<f64> {
    side.job.hurry()?;
    thread::sleep(SETTLE);
    let start = Instant::now();
    let points = thread::scope(|scope| {
        let taken = scope.spawn(|| checkpoints(side, |_| start.elapsed() + INTERVAL < FULL));
        let mut points = Vec::new();
        while start.elapsed() < FULL {
            let received = side.flink.rest().records_received(&side.id, OPERATOR)?;
            points.push((start.elapsed().as_secs_f64(), number(received)));
            thread::sleep(LOOK);
        }
        let taken = taken.join().expect("the thread does not panic");
        taken.map(|_| points)
    })?;
    slope(&points).context("the records were looked at too seldom")
}
