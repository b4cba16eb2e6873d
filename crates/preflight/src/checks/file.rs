//! The configuration file as a file, and the Flink that reads it.

use audit::FlinkVersion;

use crate::conf::Oddity;
use crate::finding::{Area, Kind, Report};
use crate::given::Given;

/// The oldest Flink on which the jar loads, and the newest that it was tried with.
const SUPPORTED: [FlinkVersion; 2] = [
    FlinkVersion {
        major: 1,
        minor: 15,
    },
    FlinkVersion { major: 2, minor: 3 },
];

pub(crate) fn file(given: &Given, report: &mut Report) {
    let keys = given.conf.entries.len();
    let flink = given
        .version
        .map_or("Flink's version unknown".to_owned(), |version| {
            format!("Flink {version}")
        });
    let file = given.file.display();
    report.looked(Area::File, format!("{file}: {keys} keys; {flink}"));
    if let Some(unread) = &given.unread {
        report.found(
            Kind::TwoFiles,
            None,
            format!(
                "Beside {file} is {}, which this Flink does not read.",
                unread.display()
            ),
            "Remove the one that is not read, so that nobody edits it in vain.",
        );
    }
    version(given.version, report);
    for oddity in &given.conf.oddities {
        match oddity {
            Oddity::Ignored { line, text } => report.found(
                Kind::IgnoredLine,
                None,
                format!("Line {line} of {file} is skipped by Flink: {text}"),
                "Write it as key: value, on one line and with a space behind the colon.",
            ),
            Oddity::Repeated { line, key } => report.found(
                Kind::RepeatedKey,
                Some(key),
                format!("{key} is there more than once; line {line} of {file} counts."),
                "Remove the others.",
            ),
        }
    }
}

fn version(version: Option<FlinkVersion>, report: &mut Report) {
    let [oldest, newest] = SUPPORTED;
    match version {
        None => report.found(
            Kind::UnknownVersion,
            None,
            "No jar in Flink's lib/ tells its version, so keys are accepted by all their names, \
             and what is different from version to version is not looked at.",
            "Give --lib, or the version by --flink-version.",
        ),
        Some(version) if version < oldest => report.found(
            Kind::UnsupportedVersion,
            None,
            format!("The jar does not load in Flink {version}: the oldest is {oldest}."),
            "Use a later Flink.",
        ),
        Some(version) if version > newest => report.found(
            Kind::UntestedVersion,
            None,
            format!("Nobody has tried this release with Flink {version}: the newest is {newest}."),
            "Look for a later release of flink-dualwrite.",
        ),
        Some(_) => {}
    }
}
