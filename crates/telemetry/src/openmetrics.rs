//! The text format of OpenMetrics 1.0, which the `prometheus` crate does not write: families of
//! counters without `_total`, units, infos, and an end that shows that nothing was cut off.

use std::fmt::Write as _;

use prometheus::proto::{LabelPair, Metric, MetricFamily, MetricType};

/// Units that a name may end with, as the format wants it.
const UNITS: [&str; 2] = ["seconds", "bytes"];

pub(crate) fn encode(families: &[MetricFamily]) -> String {
    let mut text = String::new();
    for family in families {
        // writing to a String does not fail
        let _ = family_to(&mut text, family);
    }
    text.push_str("# EOF\n");
    text
}

fn family_to(text: &mut String, family: &MetricFamily) -> std::fmt::Result {
    let full = family.name();
    let info = full.strip_suffix("_info");
    let (name, kind) = match (family.get_field_type(), info) {
        (MetricType::COUNTER, _) => (full.trim_end_matches("_total"), "counter"),
        (MetricType::HISTOGRAM, _) => (full, "histogram"),
        (_, Some(name)) => (name, "info"),
        _ => (full, "gauge"),
    };
    writeln!(text, "# TYPE {name} {kind}")?;
    let ends_with = |unit: &&&str| name.ends_with(&format!("_{unit}"));
    if let Some(unit) = UNITS.iter().find(ends_with) {
        writeln!(text, "# UNIT {name} {unit}")?;
    }
    writeln!(text, "# HELP {name} {}", escaped(family.help()))?;
    for metric in family.get_metric() {
        match kind {
            "counter" => sample(text, full, metric, None, metric.get_counter().get_value())?,
            "histogram" => histogram(text, name, metric)?,
            _ => sample(text, full, metric, None, metric.get_gauge().get_value())?,
        }
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "the formats count in floats")]
fn histogram(text: &mut String, name: &str, metric: &Metric) -> std::fmt::Result {
    let histogram = metric.get_histogram();
    let bucket = format!("{name}_bucket");
    for each in histogram.get_bucket() {
        let bound = format!("{:?}", each.upper_bound());
        let count = each.cumulative_count() as f64;
        sample(text, &bucket, metric, Some(&bound), count)?;
    }
    let count = histogram.get_sample_count() as f64;
    sample(text, &bucket, metric, Some("+Inf"), count)?;
    sample(text, &format!("{name}_count"), metric, None, count)?;
    let sum = histogram.get_sample_sum();
    sample(text, &format!("{name}_sum"), metric, None, sum)
}

fn sample(
    text: &mut String,
    name: &str,
    metric: &Metric,
    bound: Option<&str>,
    value: f64,
) -> std::fmt::Result {
    text.push_str(name);
    let own = metric.get_label().iter().map(label);
    let all = own.chain(bound.map(|bound| ("le", bound)));
    let mut separator = '{';
    for (name, value) in all {
        write!(text, "{separator}{name}=\"{}\"", escaped(value))?;
        separator = ',';
    }
    if separator == ',' {
        text.push('}');
    }
    writeln!(text, " {value}")
}

fn label(pair: &LabelPair) -> (&str, &str) {
    (pair.name(), pair.value())
}

fn escaped(value: &str) -> std::borrow::Cow<'_, str> {
    if !value.contains(['\\', '"', '\n']) {
        return value.into();
    }
    let value = value.replace('\\', r"\\").replace('"', "\\\"");
    value.replace('\n', "\\n").into()
}

#[cfg(test)]
mod tests {
    use crate::{Format, Metrics};

    #[test]
    fn each_kind_is_written_as_the_format_wants_it() {
        let metrics = Metrics::new().unwrap();
        metrics.bytes_accepted.inc_by(7);
        metrics.upload_seconds.observe(0.3);
        metrics.stride("a \"job\" \\ of\ntwo lines", "id").set(2);
        let text = metrics.render_as(Format::OpenMetrics).unwrap();
        let parts = [
            "# TYPE dualwrite_accepted_bytes counter\n# UNIT dualwrite_accepted_bytes bytes\n\
             # HELP dualwrite_accepted_bytes Bytes of streams that were handed over for upload.\n\
             dualwrite_accepted_bytes_total 7\n",
            "# TYPE dualwrite_build info\n",
            "dualwrite_build_info{arch=\"",
            "# TYPE dualwrite_stride gauge\n# HELP dualwrite_stride Of",
            "dualwrite_stride{job_id=\"id\",job_name=\"a \\\"job\\\" \\\\ of\\ntwo lines\"} 2\n",
            "# UNIT dualwrite_upload_duration_seconds seconds\n",
            "dualwrite_upload_duration_seconds_bucket{le=\"0.25\"} 0\n\
             dualwrite_upload_duration_seconds_bucket{le=\"0.5\"} 1\n\
             dualwrite_upload_duration_seconds_bucket{le=\"1.0\"} 1\n",
            "dualwrite_upload_duration_seconds_bucket{le=\"+Inf\"} 1\n\
             dualwrite_upload_duration_seconds_count 1\n\
             dualwrite_upload_duration_seconds_sum 0.3\n",
            "dualwrite_secondary_errors_total{kind=\"timed_out\"} 0\n",
        ];
        for part in parts {
            assert!(text.contains(part), "{part}\nis not in\n{text}");
        }
        assert!(text.ends_with("\n# EOF\n"));
    }
}
