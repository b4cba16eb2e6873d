//! The labels, and of those with a closed set of values what each value means. Refuses to hold a
//! label whose values have no limit but the number of jobs and of clusters.

/// A label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Label {
    /// Its name.
    pub name: &'static str,
    /// All its values with what they mean; none where they come from outside.
    pub values: &'static [(&'static str, &'static str)],
}

const fn open(name: &'static str) -> Label {
    Label { name, values: &[] }
}

/// The name of a job.
pub const JOB_NAME: Label = open("job_name");
/// Its id.
pub const JOB_ID: Label = open("job_id");
/// What the metrics of one job have first.
pub const OF_A_JOB: [&str; 2] = [JOB_NAME.name, JOB_ID.name];
/// A cluster's address.
pub const SECONDARY: Label = open("secondary");
/// The product's version.
pub const VERSION: Label = open("version");
/// The processor that the library is for.
pub const ARCH: Label = open("arch");
/// Of the HDFS client in the library.
pub const HDFS_NATIVE: Label = open("hdfs_native");

/// Why the tee gave a stream up.
pub const ABANDONED: Label = Label {
    name: "reason",
    values: &[
        (
            "buffer_full",
            "no chunk was free: the link or the secondary is slower than the job",
        ),
        (
            "spill_full",
            "the same, and there was no room on disk: `dualwrite.spill.max-size`, or less than \
             5 % free",
        ),
        (
            "spill_failed",
            "the same, and the disk failed; or what was spilled could not be read",
        ),
        (
            "stride",
            "its checkpoint is left out, because the link is slower than the job; or no checkpoint \
             that is taken names its file",
        ),
        ("secondary_down", "the breaker was open"),
        ("timeout", "a call ran out of time"),
        ("unavailable", "the secondary did not answer"),
        ("no_space", "disk or quota is full"),
        ("permission_denied", "the secondary refuses the user"),
        ("conflict", "another file is under the final name"),
        (
            "length_mismatch",
            "the primary has another number of bytes than the tee",
        ),
        ("outside_mapping", "the file is under no mapped root"),
        ("other", "anything else; the log tells"),
    ],
};

/// Why a file was not copied from the primary.
pub const NOT_BACKFILLED: Label = Label {
    name: "reason",
    values: &[
        (
            "queue_full",
            "more than 20,000 files waited; the least urgent goes",
        ),
        (
            "vanished",
            "gone from the primary, which is normal for files of a subsumed checkpoint",
        ),
        ("superseded", "no checkpoint that waits needs it any more"),
        (
            "failed",
            "five attempts, or an error that another attempt does not mend",
        ),
    ],
};

/// Why a checkpoint cannot be published.
pub const UNPUBLISHABLE: Label = Label {
    name: "reason",
    values: &[
        ("format", "its `_metadata` is not understood"),
        ("outside_mapping", "it names a path under no mapped root"),
        (
            "skipped",
            "a TaskManager has left it out, and a file of it alone is on neither side",
        ),
        (
            "timeout",
            "files were missing until `dualwrite.publish.timeout`, times the largest stride",
        ),
        ("conflict", "another checkpoint is under its name"),
        (
            "overflow",
            "more offers came than the publishing task could take",
        ),
        ("not_owner", "another process publishes for this job"),
        ("panic", "the publishing task panicked; the log tells"),
    ],
};

/// What a failed call failed of.
pub const ERROR_KIND: Label = Label {
    name: "kind",
    values: &[
        (
            "not_found",
            "the path, or the parent of a rename's target, is not there; not every one is a fault: \
             a rename into a directory that is not there yet is one",
        ),
        (
            "already_exists",
            "the target is there already and was left as it is",
        ),
        ("permission_denied", "the cluster refuses the user"),
        ("no_space", "disk or quota is full"),
        ("unavailable", "no answer, safe mode, or no active NameNode"),
        (
            "timed_out",
            "`dualwrite.call.timeout` struck, or the connection broke before the answer",
        ),
        ("truncated", "the file ends before the bytes asked for"),
        (
            "invalid",
            "the address, the path or the configuration cannot be right",
        ),
        ("other", "anything else; the log tells"),
    ],
};
