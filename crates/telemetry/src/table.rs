//! The one table of metric names, with what each means. What is not in it is not exported.
//!
//! Prometheus' conventions: base units, `_total` for counters, timestamps instead of ages, no ids
//! of checkpoints, files or attempts in labels. docs/metrics.md is generated from it.

use crate::labels::{
    ABANDONED, ARCH, ERROR_KIND, HDFS_NATIVE, JOB_ID, JOB_NAME, Label, NOT_BACKFILLED, SECONDARY,
    UNPUBLISHABLE, VERSION,
};

/// How a metric moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts observations in buckets.
    Histogram,
    /// Is always 1; what it says is in its labels.
    Info,
}

/// One metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The exported name.
    pub name: &'static str,
    /// How it moves.
    pub kind: Kind,
    /// What one of it is.
    pub unit: &'static str,
    /// The labels, in order.
    pub labels: &'static [Label],
    /// What it counts.
    pub help: &'static str,
}

impl Entry {
    /// Whether it is counted for each job.
    pub fn is_of_a_job(&self) -> bool {
        self.labels.first() == Some(&JOB_NAME)
    }
}

macro_rules! table {
    ($(
        $ident:ident $name:literal $kind:ident $unit:literal [$($label:ident),*] $help:literal;
    )*) => {
        $(pub(crate) const $ident: Entry = Entry {
            name: concat!("dualwrite_", $name),
            kind: Kind::$kind,
            unit: $unit,
            labels: &[$($label),*],
            help: $help,
        };)*
        /// Every metric that the product exports.
        pub const TABLE: &[Entry] = &[$($ident),*];
    };
}

table! {
    LIBRARY_LOADED "library_loaded" Gauge "" []
        "1: the native library is loaded. A process without it serves nothing; Flink's own metrics \
         say 0 there.";
    BUILD_INFO "build_info" Info "" [VERSION, ARCH, HDFS_NATIVE]
        "The version that runs, its processor, and the version of its HDFS client.";
    STARTED "started_timestamp_seconds" Gauge "seconds" []
        "When the library started in this process, since the epoch.";
    SESSIONS_OPENED "sessions_opened_total" Counter "streams" []
        "Checkpoint streams whose first byte was offered to the tee.";
    SESSIONS_SEALED "sessions_sealed_total" Counter "streams" []
        "Streams completed as a file on the primary while the tee had all their bytes.";
    SESSIONS_DISCARDED "sessions_discarded_total" Counter "streams" []
        "Streams aborted on the primary, or kept inline.";
    SESSIONS_ABANDONED "sessions_abandoned_total" Counter "streams" [ABANDONED]
        "Streams given up by the tee, under the first reason; their files go to backfill, but for \
         exclusive ones under stride.";
    SESSIONS_OPEN "sessions_open" Gauge "streams" []
        "Streams that are being written to the primary and not given up.";
    FILES_UPLOADED "files_uploaded_total" Counter "files" []
        "Sealed streams that are files under their final name on the secondary.";
    UPLOADS_FAILED "uploads_failed_total" Counter "files" []
        "Sealed streams that were abandoned after their seal.";
    UPLOADS_IN_PROGRESS "uploads_in_progress" Gauge "files" []
        "Sealed streams that wait for the secondary or are being sent to it.";
    UPLOAD_SECONDS "upload_duration_seconds" Histogram "seconds" []
        "From the primary's completion of a file to its final name on the secondary.";
    BYTES_ACCEPTED "accepted_bytes_total" Counter "bytes" []
        "Bytes of streams that were handed over for upload.";
    BYTES_UPLOADED "uploaded_bytes_total" Counter "bytes" []
        "Accepted bytes in files under their final name on the secondary.";
    BYTES_DROPPED "dropped_bytes_total" Counter "bytes" []
        "Accepted bytes of streams that were discarded or abandoned, and have ended.";
    BYTES_IN_FLIGHT "inflight_bytes" Gauge "bytes" []
        "Accepted bytes that are neither uploaded nor dropped yet.";
    FILES_BACKFILLED "files_backfilled_total" Counter "files" []
        "Files copied from the primary because the tee did not have them.";
    BYTES_BACKFILLED "backfilled_bytes_total" Counter "bytes" []
        "Bytes of files copied from the primary.";
    BACKFILL_DROPPED "backfill_dropped_total" Counter "files" [NOT_BACKFILLED]
        "Files that were not copied from the primary.";
    BACKFILL_QUEUE "backfill_queue_files" Gauge "files" []
        "Files waiting to be copied from the primary.";
    BACKFILL_QUEUE_BYTES "backfill_queue_bytes" Gauge "bytes" []
        "Bytes of files waiting to be copied from the primary, as far as they are known.";
    BUFFER_LIMIT "buffer_limit_bytes" Gauge "bytes" []
        "The memory budget, dualwrite.buffer.memory.";
    BUFFER_USED "buffer_used_bytes" Gauge "bytes" []
        "Native memory in chunks that are leased, queued or being uploaded.";
    SPILL_LIMIT "spill_limit_bytes" Gauge "bytes" []
        "The most on local disk, dualwrite.spill.max-size; 0 where there is none.";
    SPILL_USED "spill_used_bytes" Gauge "bytes" []
        "Local disk in slots of dualwrite.chunk.size that hold bytes on their way.";
    SPILLED_BYTES "spilled_bytes_total" Counter "bytes" []
        "Bytes that were spilled to local disk.";
    LINK_FILES "link_open_files" Gauge "files" []
        "Files that are being written to the secondary.";
    LINK_UNACKNOWLEDGED "link_unacknowledged_bytes" Gauge "bytes" []
        "Bytes of files that were sent and are not acknowledged by the secondary.";
    SECONDARY_UP "secondary_up" Gauge "" [SECONDARY]
        "1 while the secondary answers, 0 while the breaker is open.";
    SECONDARY_CHANGED "secondary_changed_timestamp_seconds" Gauge "seconds" [SECONDARY]
        "When the secondary last began or ceased to answer, or became known, since the epoch.";
    SECONDARY_ERRORS "secondary_errors_total" Counter "calls" [ERROR_KIND]
        "Failed calls to the secondary.";
    PANICS "panics_total" Counter "panics" []
        "Panics caught in the native library.";
    STRIDE "stride" Gauge "checkpoints" [JOB_NAME, JOB_ID]
        "Of the job's checkpoints this TaskManager copies one in so many; 1 on a link that is fast \
         enough.";
    CHECKPOINTS_OFFERED "checkpoints_offered_total" Counter "checkpoints" [JOB_NAME, JOB_ID]
        "Checkpoints completed on the primary and handed over for publishing.";
    CHECKPOINTS_PUBLISHED "checkpoints_published_total" Counter "checkpoints" [JOB_NAME, JOB_ID]
        "Offered checkpoints that were published on the secondary.";
    CHECKPOINTS_SUPERSEDED "checkpoints_superseded_total" Counter "checkpoints" [JOB_NAME, JOB_ID]
        "Offered checkpoints left because a newer one was complete first, or too many waited.";
    CHECKPOINTS_UNPUBLISHABLE "checkpoints_unpublishable_total" Counter "checkpoints"
        [JOB_NAME, JOB_ID, UNPUBLISHABLE]
        "Offered checkpoints that were given up.";
    CHECKPOINTS_WAITING "checkpoints_waiting" Gauge "checkpoints" [JOB_NAME, JOB_ID]
        "Offered checkpoints that wait to be published.";
    CHECKPOINTS_RETIRED "checkpoints_retired_total" Counter "checkpoints" [JOB_NAME, JOB_ID]
        "Checkpoints taken off the secondary by retention.";
    RETIRED_FILES "retired_files_deleted_total" Counter "files" [JOB_NAME, JOB_ID]
        "Files of retired checkpoints that were deleted from the secondary.";
    PUBLISH_LAG_SECONDS "publish_lag_seconds" Histogram "seconds" [JOB_NAME, JOB_ID]
        "From a checkpoint's completion on the primary to its publication on the secondary.";
    COMPLETED_ID "newest_completed_checkpoint_id" Gauge "" [JOB_NAME, JOB_ID]
        "Id of the newest checkpoint completed on the primary.";
    COMPLETED_TIMESTAMP "newest_completed_checkpoint_trigger_timestamp_seconds" Gauge "seconds"
        [JOB_NAME, JOB_ID]
        "Trigger time of the newest checkpoint completed, since the epoch; 0 before the first.";
    PUBLISHED_ID "newest_published_checkpoint_id" Gauge "" [JOB_NAME, JOB_ID]
        "Id of the newest checkpoint published on the secondary.";
    PUBLISHED_TIMESTAMP "newest_published_checkpoint_trigger_timestamp_seconds" Gauge "seconds"
        [JOB_NAME, JOB_ID]
        "Trigger time of the newest checkpoint published, since the epoch; 0 before the first.";
    CHECKPOINT_INTERVAL "checkpoint_interval_seconds" Gauge "seconds" [JOB_NAME, JOB_ID]
        "Between the triggers of completed checkpoints, the median of the last five; 0 before the \
         second.";
    LAST_GOOD_VERIFY "last_good_verify_timestamp_seconds" Gauge "seconds" [JOB_NAME, JOB_ID]
        "When dualwrite verify or drill with --record last found a checkpoint of the job usable on \
         the secondary, since the epoch; absent until then.";
    LAST_GOOD_DRILL "last_good_drill_timestamp_seconds" Gauge "seconds" [JOB_NAME, JOB_ID]
        "When dualwrite drill --run --record last had the job go on from the secondary, since the \
         epoch; absent until then.";
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_follow_the_conventions_and_are_unique() {
        let mut seen = HashSet::new();
        for Entry {
            name, kind, unit, ..
        } in TABLE
        {
            assert!(seen.insert(name), "{name} twice");
            assert_eq!(*kind == Kind::Counter, name.ends_with("_total"), "{name}");
            assert_eq!(*kind == Kind::Info, name.ends_with("_info"), "{name}");
            let base = name.trim_end_matches("_total");
            for measured in ["seconds", "bytes"] {
                let is_said = base.ends_with(&format!("_{measured}"));
                assert_eq!(is_said, *unit == measured, "{name}");
            }
        }
    }

    #[test]
    fn labels_have_few_values_and_no_ids_but_a_jobs() {
        for entry in TABLE {
            assert!(entry.help.ends_with('.'), "{}", entry.name);
            for label in entry.labels {
                let closed = !label.values.is_empty();
                let open = [JOB_NAME, JOB_ID, SECONDARY, VERSION, ARCH, HDFS_NATIVE];
                let open = open.contains(label);
                assert!(closed != open, "{}", entry.name);
            }
            let jobs = entry.labels.contains(&JOB_ID);
            assert_eq!(jobs, entry.is_of_a_job(), "{}", entry.name);
        }
    }
}
