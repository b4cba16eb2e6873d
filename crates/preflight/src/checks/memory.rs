//! Whether the native buffers fit into what Flink's configuration leaves a process outside of its
//! own memory model. The same arithmetic as `JvmOverhead` of the Java part, tested by the same
//! table (java-bridge/src/test/resources/jvm-overhead.csv). A process whose sizes are set in
//! another way is not judged.

use crate::conf::Conf;
use crate::finding::{Area, Kind, Report};
use crate::given::Given;
use crate::keys::find;
use crate::value::{size, size_in_words};

const BUFFER_MEMORY: &str = "dualwrite.buffer.memory";
/// Flink's own defaults (1.15 to 2.3), the same of both processes.
const METASPACE: &str = "256mb";
const MIN: &str = "192mb";
const MAX: &str = "1gb";
const FRACTION: &str = "0.1";

pub(crate) fn memory(given: &Given, report: &mut Report) {
    let conf = &given.conf;
    let default = find(BUFFER_MEMORY).and_then(|key| key.default);
    let text = conf.text(BUFFER_MEMORY).or(default.map(str::to_owned));
    let Some(ours) = text.and_then(|text| size(&text)) else {
        // Found among the values already.
        return;
    };
    let mut looks = Vec::new();
    for process in ["taskmanager", "jobmanager"] {
        match overhead(conf, process) {
            Err((key, text)) => report.found(
                Kind::BadFlinkValue,
                Some(key.as_str()),
                format!("{key}: '{text}' is nothing that Flink reads."),
                "Correct it: the process does not start with it.",
            ),
            Ok(None) => looks.push(format!("the {process}'s JVM overhead is not known")),
            Ok(Some(overhead)) => {
                let in_words = size_in_words(overhead);
                looks.push(format!("the {process}'s JVM overhead is {in_words}"));
                if ours > overhead / 2 {
                    report.found(
                        Kind::Memory,
                        Some(BUFFER_MEMORY),
                        format!(
                            "{BUFFER_MEMORY} is {}, more than half of the JVM overhead of \
                             {in_words} that the configuration leaves a {process}. A container \
                             that has no more may be killed.",
                            size_in_words(ours)
                        ),
                        format!(
                            "Set {process}.memory.jvm-overhead.min and max: {}, or lower \
                             {BUFFER_MEMORY}.",
                            size_in_words(ours * 2)
                        ),
                    );
                }
            }
        }
    }
    let looks = looks.join(", ");
    report.looked(
        Area::Memory,
        format!("{BUFFER_MEMORY} is {}; {looks}", size_in_words(ours)),
    );
}

/// The JVM overhead of a process in bytes; none where it cannot be known.
///
/// # Errors
/// The key and value that cannot be read.
fn overhead(conf: &Conf, process: &str) -> Result<Option<u64>, (String, String)> {
    let bytes = |name: &str, default: Option<&str>| {
        let key = format!("{process}.memory.{name}");
        let text = conf.text(&key).or(default.map(str::to_owned));
        text.map(|text| size(&text).ok_or((key, text))).transpose()
    };
    let min = bytes("jvm-overhead.min", Some(MIN))?.unwrap_or_default();
    let max = bytes("jvm-overhead.max", Some(MAX))?.unwrap_or_default();
    if min == max {
        // So Flink's own scripts tell a process what they have computed for it.
        return Ok(Some(min));
    }
    let key = format!("{process}.memory.jvm-overhead.fraction");
    let text = conf.text(&key).unwrap_or_else(|| FRACTION.to_owned());
    // Flink's option is a float, and is computed with as a double.
    let fraction = text.parse::<f32>().map(f64::from);
    let fraction = fraction.map_err(|_| (key, text))?;
    let metaspace = bytes("jvm-metaspace.size", Some(METASPACE))?.unwrap_or_default();
    let total = bytes("process.size", None)?;
    let flink = bytes("flink.size", None)?;
    Ok(match (total, flink) {
        (Some(total), Some(flink)) => Some(total.saturating_sub(flink).saturating_sub(metaspace)),
        (Some(total), None) => Some(share(total, fraction, 1.0).clamp(min, max.max(min))),
        (None, Some(flink)) => {
            let share = share(flink + metaspace, fraction, 1.0 - fraction);
            Some(share.clamp(min, max.max(min)))
        }
        (None, None) => None,
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "as Java casts it; beyond 9 petabytes nobody counts bytes"
)]
fn share(bytes: u64, fraction: f64, of: f64) -> u64 {
    (bytes as f64 * fraction / of) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conf::parse_legacy;

    const TABLE: &str = include_str!("../../../../java-bridge/src/test/resources/jvm-overhead.csv");

    #[test]
    fn it_is_what_flink_computes() {
        let mut rows = 0;
        for row in TABLE.lines().skip(1) {
            let cells: Vec<_> = row.split(',').map(str::trim).collect();
            let [total, flink, fraction, min, max, expected] = cells.as_slice() else {
                panic!("{row}");
            };
            for process in ["taskmanager", "jobmanager"] {
                let values = [
                    ("process.size", total),
                    ("flink.size", flink),
                    ("jvm-overhead.fraction", fraction),
                    ("jvm-overhead.min", min),
                    ("jvm-overhead.max", max),
                ];
                let lines = values.map(|(name, value)| format!("{process}.memory.{name}: {value}"));
                let text = lines.join("\n");
                let found = overhead(&parse_legacy(&text), process);
                assert_eq!(found, Ok(expected.parse().ok()), "{row}");
                rows += 1;
            }
        }
        assert!(rows >= 18, "{rows}");
    }

    #[test]
    fn what_is_not_known_is_not_judged() {
        let conf = parse_legacy("taskmanager.memory.task.heap.size: 1gb\n");
        assert_eq!(overhead(&conf, "taskmanager"), Ok(None));
        let conf = parse_legacy("taskmanager.memory.process.size: much\n");
        assert!(overhead(&conf, "taskmanager").is_err());
    }
}
