//! All numbers as lines of plain text, for one who has metrics of his own to put them into. Refuses
//! to keep the shape of a histogram: of one there are the count and the sum.

use std::fmt::Write as _;

use prometheus::proto::{Metric, MetricType};

use crate::labels::JOB_NAME;
use crate::metrics::Metrics;

/// Before each name in the table; whoever takes the numbers has a place for it.
const PREFIX: &str = "dualwrite_";

impl Metrics {
    /// A line for each number: its name without `dualwrite_`, the names and values of its labels,
    /// the value, parted by tabs. A job is told by its id alone. The order stays.
    pub fn numbers(&self) -> String {
        let mut text = String::new();
        for family in self.gather() {
            let name = family.name();
            let name = name.strip_prefix(PREFIX).unwrap_or(name);
            for metric in family.get_metric() {
                if family.get_field_type() == MetricType::HISTOGRAM {
                    let histogram = metric.get_histogram();
                    let (count, sum) = (histogram.get_sample_count(), histogram.get_sample_sum());
                    line(&mut text, &format!("{name}_count"), metric, count);
                    line(&mut text, &format!("{name}_sum"), metric, sum);
                    continue;
                }
                let value = match family.get_field_type() {
                    MetricType::COUNTER => metric.get_counter().get_value(),
                    _ => metric.get_gauge().get_value(),
                };
                line(&mut text, name, metric, value);
            }
        }
        text
    }
}

fn line(text: &mut String, name: &str, metric: &Metric, value: impl std::fmt::Display) {
    text.push_str(name);
    let labels = metric.get_label().iter();
    for label in labels.filter(|label| label.name() != JOB_NAME.name) {
        let value = label.value().replace(char::is_control, " ");
        // writing to a String does not fail
        let _ = write!(text, "\t{}\t{value}", label.name());
    }
    let _ = writeln!(text, "\t{value}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TABLE;

    #[test]
    fn each_metric_of_the_table_is_a_line_and_no_name_breaks_one() {
        let metrics = Metrics::new().unwrap();
        metrics.stride("a\tname", "id").set(4);
        metrics.secondary_is_up("hdfs://\ttwo", true);
        metrics.job("a\nname", "id").gave_up("timeout");
        metrics.job("a\nname", "id").lag_seconds.observe(0.5);
        metrics.job("a\nname", "id").verified(1_500);
        metrics.job("a\nname", "id").drilled(2_000);
        metrics.bytes_accepted.inc_by(12_345_678_901);
        let text = metrics.numbers();
        for entry in TABLE {
            let name = entry.name.strip_prefix(PREFIX).unwrap();
            let is_there = |line: &str| line.starts_with(name);
            assert!(text.lines().any(is_there), "{name}");
        }
        for line in [
            "stride\tjob_id\tid\t4",
            "secondary_up\tsecondary\thdfs:// two\t1",
            "checkpoints_unpublishable_total\tjob_id\tid\treason\ttimeout\t1",
            "publish_lag_seconds_count\tjob_id\tid\t1",
            "publish_lag_seconds_sum\tjob_id\tid\t0.5",
            "accepted_bytes_total\t12345678901",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}: {text}");
        }
        let parts = |line: &str| line.split('\t').count();
        assert!(text.lines().all(|line| parts(line) % 2 == 0), "{text}");
        let names = |text: &str| {
            let lines = text
                .lines()
                .map(|line| line.rsplit_once('\t').unwrap().0.to_owned());
            lines.collect::<Vec<_>>()
        };
        assert_eq!(names(&text), names(&metrics.numbers()));
    }
}
