//! Whether a Flink configuration directory is fit for the copy of checkpoints, before a job relies
//! on it.
//!
//! [`read`] takes in what is there, [`judge`] decides by that alone, [`look_at_machine`] and
//! [`look_at_clusters`] ask this machine and both clusters; all of them add to one [`Report`].
//! Refuses to change a configuration, and leaves nothing on a cluster.

mod checks;
mod clusters;
mod conf;
mod finding;
mod given;
mod jar;
mod keys;
mod library;
mod machine;
mod places;
mod probe;
mod value;

pub use clusters::{Clusters, look_at_clusters};
pub use finding::{Area, Finding, Kind, Look, Report, Severity, Verdict};
pub use given::{Asked, Given, read};
pub use library::is_mapped;
pub use machine::look_at_machine;

/// What the directory alone tells. `version` is the command's own, like `0.1.0`.
pub fn judge(given: &Given, version: &str) -> Report {
    let mut report = Report::default();
    checks::file(given, &mut report);
    checks::keys(&given.conf, &mut report);
    checks::storage(given, &mut report);
    checks::places(given, &mut report);
    checks::retention(given, &mut report);
    checks::memory(given, &mut report);
    checks::jars(given, version, &mut report);
    report
}
