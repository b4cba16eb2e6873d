//! The one table of metric names, with what each means. What is not in it is not exported.
//!
//! Prometheus' conventions: base units, `_total` for counters, timestamps instead of ages, no ids
//! of checkpoints, files or attempts in labels.

/// How a metric moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts observations in buckets.
    Histogram,
}

/// One metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The exported name.
    pub name: &'static str,
    /// How it moves.
    pub kind: Kind,
    /// What it counts, with its unit.
    pub help: &'static str,
    /// The labels, in order.
    pub labels: &'static [&'static str],
}

macro_rules! table {
    ($($ident:ident $name:literal $kind:ident [$($label:literal),*] $help:literal;)*) => {
        $(pub(crate) const $ident: Entry = Entry {
            name: concat!("dualwrite_", $name),
            kind: Kind::$kind,
            help: $help,
            labels: &[$($label),*],
        };)*
        /// Every metric that the product exports.
        pub const TABLE: &[Entry] = &[$($ident),*];
    };
}

table! {
    SESSIONS_OPENED "sessions_opened_total" Counter []
        "Checkpoint streams whose first byte was offered to the tee.";
    SESSIONS_SEALED "sessions_sealed_total" Counter []
        "Checkpoint streams that the primary completed while the tee had all their bytes.";
    SESSIONS_DISCARDED "sessions_discarded_total" Counter []
        "Checkpoint streams that the primary aborted or kept inline.";
    SESSIONS_ABANDONED "sessions_abandoned_total" Counter ["reason"]
        "Checkpoint streams that the tee gave up, by the first reason.";
    BYTES_ACCEPTED "accepted_bytes_total" Counter []
        "Bytes of checkpoint streams that were handed over for upload.";
    FILES_UPLOADED "files_uploaded_total" Counter []
        "Files that are under their final name on the secondary by way of the tee.";
    BYTES_UPLOADED "uploaded_bytes_total" Counter []
        "Bytes of the files in dualwrite_files_uploaded_total.";
    UPLOAD_SECONDS "upload_duration_seconds" Histogram []
        "Time from the primary's completion of a file to its final name on the secondary.";
    FILES_BACKFILLED "files_backfilled_total" Counter []
        "Files copied from the primary because the tee did not have them.";
    BYTES_BACKFILLED "backfilled_bytes_total" Counter []
        "Bytes of the files in dualwrite_files_backfilled_total.";
    BACKFILL_DROPPED "backfill_dropped_total" Counter ["reason"]
        "Files that were not copied from the primary, by reason.";
    BACKFILL_QUEUE "backfill_queue_files" Gauge []
        "Files waiting to be copied from the primary.";
    BACKFILL_QUEUE_BYTES "backfill_queue_bytes" Gauge []
        "Bytes of the files in dualwrite_backfill_queue_files.";
    BUFFER_LIMIT "buffer_limit_bytes" Gauge []
        "The memory budget, dualwrite.buffer.memory.";
    BUFFER_USED "buffer_used_bytes" Gauge []
        "Native memory in chunks that are leased, queued or being uploaded.";
    SPILL_LIMIT "spill_limit_bytes" Gauge []
        "The most that may be spilled to local disk, dualwrite.spill.max-size.";
    SPILL_USED "spill_used_bytes" Gauge []
        "Local disk in slots that hold bytes on their way to the secondary.";
    SPILLED_BYTES "spilled_bytes_total" Counter []
        "Bytes that were spilled to local disk.";
    LINK_FILES "link_open_files" Gauge []
        "Files that are being written to the secondary.";
    LINK_UNACKNOWLEDGED "link_unacknowledged_bytes" Gauge []
        "Bytes of files that were sent to the secondary and are not acknowledged by it.";
    SECONDARY_UP "secondary_up" Gauge []
        "1 while the secondary answers, 0 while the circuit breaker is open.";
    SECONDARY_ERRORS "secondary_errors_total" Counter ["kind"]
        "Failed calls to the secondary, by kind.";
    STRIDE "stride" Gauge ["job_name", "job_id"]
        "Of the job's checkpoints this process copies one in so many.";
    CHECKPOINTS_OFFERED "checkpoints_offered_total" Counter ["job_name", "job_id"]
        "Checkpoints completed on the primary and handed over for publishing.";
    CHECKPOINTS_PUBLISHED "checkpoints_published_total" Counter ["job_name", "job_id"]
        "Checkpoints published on the secondary.";
    CHECKPOINTS_SUPERSEDED "checkpoints_superseded_total" Counter ["job_name", "job_id"]
        "Checkpoints not published because a newer one was complete first.";
    CHECKPOINTS_UNPUBLISHABLE "checkpoints_unpublishable_total" Counter
        ["job_name", "job_id", "reason"]
        "Checkpoints that cannot be published, by reason.";
    CHECKPOINTS_RETIRED "checkpoints_retired_total" Counter ["job_name", "job_id"]
        "Checkpoints taken off the secondary by retention.";
    PUBLISH_LAG_SECONDS "publish_lag_seconds" Histogram ["job_name", "job_id"]
        "Time from a checkpoint's completion on the primary to its publication on the secondary.";
    COMPLETED_ID "newest_completed_checkpoint_id" Gauge ["job_name", "job_id"]
        "Id of the newest checkpoint completed on the primary.";
    COMPLETED_TIMESTAMP "newest_completed_checkpoint_trigger_timestamp_seconds" Gauge
        ["job_name", "job_id"]
        "When the newest checkpoint completed on the primary was triggered, since the epoch.";
    PUBLISHED_ID "newest_published_checkpoint_id" Gauge ["job_name", "job_id"]
        "Id of the newest checkpoint published on the secondary.";
    PUBLISHED_TIMESTAMP "newest_published_checkpoint_trigger_timestamp_seconds" Gauge
        ["job_name", "job_id"]
        "Trigger time of the newest checkpoint published, since the epoch; 0 before the first.";
    PANICS "panics_total" Counter []
        "Panics caught in the native library.";
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_follow_the_conventions_and_are_unique() {
        let mut seen = HashSet::new();
        for entry in TABLE {
            assert!(seen.insert(entry.name), "{} twice", entry.name);
            assert_eq!(
                entry.kind == Kind::Counter,
                entry.name.ends_with("_total"),
                "{}",
                entry.name
            );
            assert!(entry.help.ends_with('.'), "{}", entry.name);
        }
    }

    /// The labels that the sections of a job's metrics name once for all of them.
    const OF_A_JOB: [&str; 2] = ["job_name", "job_id"];

    fn row(entry: &Entry) -> String {
        let labels = entry
            .labels
            .iter()
            .filter(|label| !OF_A_JOB.contains(label));
        let labels: Vec<String> = labels.map(|label| format!(" `{label}`")).collect();
        let kind = format!("{:?}", entry.kind).to_lowercase();
        format!("| `{}` | {kind} |{} |", entry.name, labels.join(","))
    }

    #[test]
    fn the_page_has_a_row_for_each_and_no_other() {
        let page = include_str!("../../../docs/metrics.md");
        let rows: Vec<&str> = page
            .lines()
            .filter(|line| line.starts_with("| `dualwrite_"))
            .collect();
        for entry in TABLE {
            let row = row(entry);
            let found = rows.iter().filter(|line| line.starts_with(&row)).count();
            assert_eq!(found, 1, "docs/metrics.md has no row, or two: {row}");
        }
        assert_eq!(rows.len(), TABLE.len());
    }

    #[test]
    fn a_jobs_metrics_are_in_a_jobs_section() {
        let page = include_str!("../../../docs/metrics.md");
        let (of_process, of_job) = page.split_once("## For each job").unwrap();
        for entry in TABLE {
            let section = if entry.labels.starts_with(&OF_A_JOB) {
                of_job
            } else {
                of_process
            };
            assert!(
                section.contains(&format!("| `{}` |", entry.name)),
                "{}",
                entry.name
            );
        }
    }
}
