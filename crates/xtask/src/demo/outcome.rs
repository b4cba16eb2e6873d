//! What the demo showed, in words and as the one line for machines. Pure.

use std::fmt::Write;

use harness::Comparison;
use serde_json::json;

use super::ledger::{Ledger, seconds};

/// How many wrong lines of the result are shown of each kind.
const SHOWN: usize = 3;

/// What was restored, and when; times in milliseconds since the epoch.
#[derive(Debug)]
pub(super) struct Recovery {
    /// The number of the restored checkpoint.
    pub(super) id: u64,
    /// When Flink began it: what it holds is of that time.
    pub(super) triggered_ms: u64,
    /// When the primary was killed.
    pub(super) killed_ms: u64,
    /// When the first checkpoint after the restore was complete.
    pub(super) first_completed_ms: u64,
}

/// The figures at the end.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) flink: String,
    pub(super) completed: usize,
    pub(super) published: usize,
    pub(super) median_lag_seconds: Option<f64>,
    pub(super) restored: u64,
    /// The age of the restored checkpoint at the kill: what it holds is of its trigger.
    pub(super) rpo_seconds: f64,
    /// From the kill to the first new completed checkpoint.
    pub(super) rto_seconds: f64,
    pub(super) comparison: Comparison,
}

impl Outcome {
    pub(super) fn new(
        flink: &str,
        ledger: &Ledger,
        recovery: &Recovery,
        comparison: Comparison,
    ) -> Self {
        let completed = || ledger.completed();
        Self {
            flink: flink.to_owned(),
            completed: completed().count(),
            published: completed().filter(|e| e.published_ms.is_some()).count(),
            median_lag_seconds: ledger.median_lag_seconds(),
            restored: recovery.id,
            rpo_seconds: seconds(recovery.killed_ms.saturating_sub(recovery.triggered_ms)),
            rto_seconds: seconds(
                recovery
                    .first_completed_ms
                    .saturating_sub(recovery.killed_ms),
            ),
            comparison,
        }
    }

    /// `exact`, or `different`.
    fn result(&self) -> &'static str {
        if self.comparison.is_exact() {
            "exact"
        } else {
            "different"
        }
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let lag = self.median_lag_seconds;
        let lag = lag.map_or_else(|| "-".to_owned(), |lag| format!("{lag:.3} s in the median"));
        let mut text = format!(
            "\n  Flink        {}\n  checkpoints  {} completed on the primary, {} published on \
             the secondary\n  lag          {lag}\n  RPO          {:.3} s: the age of checkpoint \
             {} at the kill\n  RTO          {:.3} s: from the kill to the first new completed \
             checkpoint\n  result       {}: {} lines expected",
            self.flink,
            self.completed,
            self.published,
            self.rpo_seconds,
            self.restored,
            self.rto_seconds,
            self.result(),
            self.comparison.lines,
        );
        let differences = [
            ("missing", &self.comparison.missing),
            ("unexpected", &self.comparison.unexpected),
            ("duplicated", &self.comparison.duplicated),
        ];
        for (kind, lines) in differences {
            if !lines.is_empty() {
                let first = &lines[..lines.len().min(SHOWN)];
                // Writing to a String cannot fail.
                let _ = write!(text, "\n  {kind}: {} lines, such as {first:?}", lines.len());
            }
        }
        text
    }

    /// For machines: one line.
    pub(super) fn json(&self) -> String {
        // Written out, for the order that people read too.
        format!(
            "{{\"result\":{},\"checkpoints_completed\":{},\"checkpoints_published\":{},\
             \"median_lag_seconds\":{},\"rpo_seconds\":{},\"rto_seconds\":{},\"flink\":{}}}",
            json!(self.result()),
            self.completed,
            self.published,
            json!(self.median_lag_seconds),
            json!(self.rpo_seconds),
            json!(self.rto_seconds),
            json!(self.flink),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn outcome(comparison: Comparison) -> Outcome {
        let mut ledger = Ledger::default();
        for (id, published) in [(1, Some(1_300)), (2, None), (3, Some(5_250))] {
            let entry = ledger.entry(id);
            entry.completed_ms = Some(id * 1_000 + 100);
            entry.published_ms = published;
        }
        let recovery = Recovery {
            id: 3,
            triggered_ms: 4_000,
            killed_ms: 6_500,
            first_completed_ms: 20_000,
        };
        Outcome::new("1.20.5", &ledger, &recovery, comparison)
    }

    #[test]
    fn the_line_for_machines_has_what_is_promised() {
        let line = outcome(Comparison::default()).json();
        assert!(!line.contains('\n'));
        let value: Value = serde_json::from_str(&line).unwrap();
        let expected = json!({
            "result": "exact", "checkpoints_completed": 3, "checkpoints_published": 2,
            "median_lag_seconds": 2.15, "rpo_seconds": 2.5, "rto_seconds": 13.5,
            "flink": "1.20.5",
        });
        assert_eq!(value, expected);
    }

    #[test]
    fn a_result_that_is_not_exact_is_called_different_and_shown() {
        let outcome = outcome(Comparison {
            missing: vec!["0,1,2,3,4".to_owned()],
            ..Comparison::default()
        });
        assert!(outcome.json().contains("\"result\":\"different\""));
        assert!(
            outcome
                .text()
                .contains("missing: 1 lines, such as [\"0,1,2,3,4\"]")
        );
    }
}
