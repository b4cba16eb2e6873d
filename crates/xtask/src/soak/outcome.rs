//! What the soak came to, in words and for machines.

use comfy_table::{CellAlignment, Table, presets};
use harness::Comparison;
use serde_json::{Value, json};

use super::flat::{Trend, trends};
use super::record::Record;
use super::watch::CATCH_UP;
use crate::figures::{median, range};

/// The figures at the end.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) seed: u64,
    pub(super) minutes: u64,
    /// How long it really was until the job was told to finish, in seconds.
    pub(super) seconds: f64,
    pub(super) record: Record,
    pub(super) comparison: Comparison,
    pub(super) load: [String; 2],
}

impl Outcome {
    fn trends(&self) -> Vec<Trend> {
        trends(&self.record.samples, self.seconds)
    }

    /// What does not hold; nothing after a good soak.
    pub(super) fn violations(&self) -> Vec<String> {
        let mut violations = self.record.violations().to_vec();
        for trend in self.trends().iter().filter(|trend| !trend.is_flat()) {
            violations.push(format!(
                "{} of {} grew by {:.1} in the second half; {:.0} is the most",
                trend.kind, trend.process, trend.growth, trend.limit
            ));
        }
        if !self.comparison.is_exact() {
            violations.push(format!(
                "the job's result is not exact: {} lines are missing, {} unexpected, {} doubled",
                self.comparison.missing.len(),
                self.comparison.unexpected.len(),
                self.comparison.duplicated.len()
            ));
        }
        violations
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let record = &self.record;
        let faults: Vec<String> = record
            .faults
            .iter()
            .map(|(fault, count)| format!("{count} x {}", fault.name()))
            .collect();
        let [completed, published] = record.counts();
        let [starting, finishing] = record.failed();
        let [quiet, during] = record.durations_ms().map(|ms| spread(&ms));
        let [before, after] = &self.load;
        let rows = [
            ("time", format!("{:.0} s, seed {}", self.seconds, self.seed)),
            ("faults", faults.join(", ")),
            (
                "checkpoints of the primary",
                format!(
                    "{completed} completed; {starting} failed with Flink killed or starting, \
                     {finishing} while the job was finishing"
                ),
            ),
            (
                "how long they took",
                format!("{quiet}; during a fault {during}"),
            ),
            ("seen on the secondary", format!("{published} of them")),
            (
                "judged by Flink's classes",
                format!(
                    "{} times in {} looks; {} looks soon after a fault had no answer",
                    record.judged, record.looks, record.unanswered
                ),
            ),
            (
                "published again after",
                format!(
                    "{}; {} s is the most that is accepted",
                    spread(&record.catch_ups_ms),
                    CATCH_UP.as_secs()
                ),
            ),
            (
                "result of the job",
                format!(
                    "{}, {} lines",
                    if self.comparison.is_exact() {
                        "exact"
                    } else {
                        "different"
                    },
                    self.comparison.lines
                ),
            ),
            ("load averages", format!("{before} to {after}")),
        ];
        let mut table = Table::new();
        table
            .load_style(presets::ASCII_MARKDOWN)
            .set_header(["what", "seen"]);
        for (what, seen) in rows {
            table.add_row([what.to_owned(), seen]);
        }
        let violations = self.violations();
        let end = if violations.is_empty() {
            "All held.".to_owned()
        } else {
            format!("These did not hold:\n  {}", violations.join("\n  "))
        };
        format!("\n{table}\n\n{}\n\n{end}", self.flat_table())
    }

    fn flat_table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(presets::ASCII_MARKDOWN).set_header([
            "process",
            "in the second half",
            "from",
            "to",
            "growth of the line",
            "limit",
            "flat",
        ]);
        for trend in self.trends() {
            table.add_row([
                trend.process.clone(),
                trend.kind.to_owned(),
                format!("{:.1}", trend.from),
                format!("{:.1}", trend.to),
                format!("{:+.1}", trend.growth),
                format!("{:.0}", trend.limit),
                if trend.is_flat() { "yes" } else { "no" }.to_owned(),
            ]);
        }
        for column in 2..6 {
            if let Some(column) = table.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        table
    }

    /// For machines.
    pub(super) fn json(&self) -> Value {
        let record = &self.record;
        let violations = self.violations();
        let [completed, published] = record.counts();
        let [starting, finishing] = record.failed();
        let [quiet, during] = record.durations_ms();
        let faults = record
            .faults
            .iter()
            .map(|(f, count)| (f.name().to_owned(), json!(count)));
        let trends = self.trends();
        let trends = trends.iter().map(|trend| {
            json!({
                "process": trend.process, "kind": trend.kind, "from": trend.from, "to": trend.to,
                "growth": trend.growth, "limit": trend.limit, "is_flat": trend.is_flat(),
            })
        });
        json!({
            "result": if violations.is_empty() { "good" } else { "bad" },
            "violations": violations,
            "seed": self.seed,
            "minutes": self.minutes,
            "seconds": self.seconds,
            "faults": faults.collect::<serde_json::Map<_, _>>(),
            "checkpoints_completed": completed,
            "checkpoints_failed_with_flink": starting,
            "checkpoints_failed_at_the_end": finishing,
            "checkpoints_seen_on_secondary": published,
            "checkpoint_ms_median": median(&quiet),
            "checkpoint_ms_median_during_faults": median(&during),
            "looks": record.looks,
            "looks_without_answer": record.unanswered,
            "judged": record.judged,
            "catch_up_ms": record.catch_ups_ms,
            "exact": self.comparison.is_exact(),
            "trends": trends.collect::<Vec<_>>(),
            "load": self.load,
        })
    }
}

fn spread(ms: &[f64]) -> String {
    match (median(ms), range(ms)) {
        (Some(median), Some((_, most))) => {
            format!(
                "{:.1} s in the median, {:.1} s at most",
                median / 1e3,
                most / 1e3
            )
        }
        _ => "-".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(record: Record, comparison: Comparison) -> Outcome {
        Outcome {
            seed: 7,
            minutes: 1,
            seconds: 60.0,
            record,
            comparison,
            load: [String::new(), String::new()],
        }
    }

    #[test]
    fn whatever_does_not_hold_makes_it_bad() {
        let good = outcome(Record::default(), Comparison::default());
        assert!(good.violations().is_empty() && good.text().contains("All held."));
        assert_eq!(good.json()["result"], "good");

        let mut record = Record::default();
        record.violation("something".to_owned());
        let comparison = Comparison {
            missing: vec!["0,1,2".to_owned()],
            ..Comparison::default()
        };
        let bad = outcome(record, comparison);
        assert_eq!(bad.violations().len(), 2);
        assert!(bad.text().contains("something"), "{}", bad.text());
        assert_eq!(bad.json()["result"], "bad");
    }
}
