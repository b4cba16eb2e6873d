//! What was seen during the soak, and what of it must not be. Pure: it looks at nothing.

use std::collections::{BTreeMap, BTreeSet};

use harness::{CheckedCheckpoint, CheckpointInfo};

use super::flat::Sample;
use super::plan::Fault;

/// All that was seen.
#[derive(Debug, Default)]
pub(super) struct Record {
    /// How long each completed checkpoint took, in milliseconds, and whether it was triggered while
    /// a fault lasted.
    completed: BTreeMap<u64, (u64, bool)>,
    /// Failed ones, and why they may.
    failed: BTreeMap<u64, Option<Excuse>>,
    published: BTreeSet<u64>,
    /// How often the judge looked.
    pub(super) looks: u64,
    /// How many `_metadata` it found, over all looks.
    pub(super) judged: u64,
    /// How often the secondary did not answer the judge soon after a fault.
    pub(super) unanswered: u64,
    pub(super) faults: BTreeMap<Fault, u32>,
    /// From the end of each fault to the first checkpoint published that completed after it, in
    /// milliseconds.
    pub(super) catch_ups_ms: Vec<f64>,
    pub(super) samples: Vec<Sample>,
    /// What must not be, each once, as it came.
    violations: Vec<String>,
}

/// Why a checkpoint of the primary may fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Excuse {
    /// Flink was hit, or no checkpoint has completed yet: tasks that are still starting decline.
    Starting,
    /// The job is finishing: a task that has just finished does not know the checkpoint.
    Finishing,
}

/// What is going on while Flink's history is looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Circumstances {
    /// When the fault that lasts began, in milliseconds since the epoch.
    pub(super) fault_since_ms: Option<u64>,
    /// Whether Flink was hit, and has not caught up.
    pub(super) flink_is_hit: bool,
    /// Whether the job was told to come to its end.
    pub(super) finishes: bool,
}

impl Record {
    /// Takes in Flink's history. A failed checkpoint without an [`Excuse`] is a violation.
    pub(super) fn history(&mut self, history: &[CheckpointInfo], now: Circumstances) {
        let is_new = |info: &&CheckpointInfo| match info.status.as_str() {
            "COMPLETED" => !self.completed.contains_key(&info.id),
            "FAILED" => !self.failed.contains_key(&info.id),
            _ => false,
        };
        let new: Vec<&CheckpointInfo> = history.iter().filter(is_new).collect();
        for info in new.into_iter().rev() {
            let during = now
                .fault_since_ms
                .is_some_and(|since| info.triggered_ms >= since);
            if info.status == "COMPLETED" {
                self.completed.insert(info.id, (info.duration_ms, during));
                continue;
            }
            let excuse = if now.flink_is_hit || self.completed.is_empty() {
                Some(Excuse::Starting)
            } else {
                now.finishes.then_some(Excuse::Finishing)
            };
            self.failed.insert(info.id, excuse);
            if excuse.is_none() {
                self.violation(format!("checkpoint {} of the primary failed", info.id));
            }
        }
    }

    /// Takes in what the judge found at one look.
    pub(super) fn judged(&mut self, found: &[CheckedCheckpoint]) {
        self.looks += 1;
        for checkpoint in found {
            self.judged += 1;
            self.published.extend(checkpoint.id());
            if !checkpoint.is_restorable() {
                self.violation(format!("published, but not restorable: {checkpoint:?}"));
            }
        }
    }

    /// Something that must not be.
    pub(super) fn violation(&mut self, what: String) {
        if !self.violations.contains(&what) {
            self.violations.push(what);
        }
    }

    pub(super) fn violations(&self) -> &[String] {
        &self.violations
    }

    /// The number of the newest completed one; 0 before the first.
    pub(super) fn newest_completed(&self) -> u64 {
        self.completed.keys().next_back().copied().unwrap_or(0)
    }

    /// The number of the newest one that the judge has seen; 0 before the first.
    pub(super) fn newest_published(&self) -> u64 {
        self.published.last().copied().unwrap_or(0)
    }

    /// How many completed, and how many were seen on the secondary.
    pub(super) fn counts(&self) -> [usize; 2] {
        [self.completed.len(), self.published.len()]
    }

    /// How many failed while the job was starting, and while it was finishing.
    pub(super) fn failed(&self) -> [usize; 2] {
        [Excuse::Starting, Excuse::Finishing].map(|excuse| {
            let excuses = self.failed.values();
            excuses.filter(|found| **found == Some(excuse)).count()
        })
    }

    /// How long checkpoints took, in milliseconds: triggered with no fault, and during one.
    pub(super) fn durations_ms(&self) -> [Vec<f64>; 2] {
        [false, true].map(|wanted| {
            let of = self
                .completed
                .values()
                .filter(|(_, during)| *during == wanted);
            of.map(|(ms, _)| crate::figures::number(*ms)).collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIET: Circumstances = Circumstances {
        fault_since_ms: None,
        flink_is_hit: false,
        finishes: false,
    };

    fn info(id: u64, status: &str) -> CheckpointInfo {
        CheckpointInfo {
            id,
            status: status.to_owned(),
            is_savepoint: false,
            triggered_ms: id * 1_000,
            latest_ack_ms: 0,
            duration_ms: 10 * id,
            state_bytes: 0,
            checkpointed_bytes: 0,
            external_path: None,
        }
    }

    #[test]
    fn a_failed_checkpoint_counts_unless_the_job_starts_or_finishes() {
        let mut record = Record::default();
        record.history(&[info(1, "FAILED")], QUIET);
        let history = [
            info(3, "IN_PROGRESS"),
            info(2, "COMPLETED"),
            info(1, "FAILED"),
        ];
        record.history(&history, QUIET);
        let hit = Circumstances {
            flink_is_hit: true,
            ..QUIET
        };
        record.history(&[info(3, "FAILED"), info(2, "COMPLETED")], hit);
        assert_eq!(record.violations().len(), 0);
        record.history(&[info(4, "FAILED"), info(3, "FAILED")], QUIET);
        assert_eq!(record.violations(), ["checkpoint 4 of the primary failed"]);
        let finishing = Circumstances {
            finishes: true,
            ..QUIET
        };
        record.history(&[info(5, "FAILED"), info(4, "FAILED")], finishing);
        assert_eq!(record.violations().len(), 1);
        assert_eq!((record.counts(), record.failed()), ([1, 0], [2, 1]));
    }

    #[test]
    fn durations_are_kept_apart_by_when_the_checkpoint_was_triggered() {
        let mut record = Record::default();
        let fault = Circumstances {
            fault_since_ms: Some(2_500),
            ..QUIET
        };
        record.history(&[info(3, "COMPLETED"), info(2, "COMPLETED")], fault);
        assert_eq!(record.durations_ms(), [vec![20.0], vec![30.0]]);
        assert_eq!(record.newest_completed(), 3);
    }

    #[test]
    fn what_is_published_and_not_restorable_counts_once() {
        let mut record = Record::default();
        let good = CheckedCheckpoint {
            path: "hdfs://s/a/chk-7".to_owned(),
            modified_ms: 1,
            unfinished: false,
            files: 1,
            bytes: 1,
            findings: Vec::new(),
        };
        let unfinished = CheckedCheckpoint {
            path: "hdfs://s/a/chk-8".to_owned(),
            unfinished: true,
            ..good.clone()
        };
        record.judged(&[good.clone(), unfinished.clone()]);
        record.judged(&[good, unfinished]);
        assert_eq!(
            (record.looks, record.judged, record.newest_published()),
            (2, 4, 8)
        );
        assert_eq!(record.violations().len(), 1);
    }
}
