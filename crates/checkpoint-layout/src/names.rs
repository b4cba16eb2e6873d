//! The names under a checkpoint directory: Flink's own, and the product's beside them.
//!
//! Flink's (`AbstractFsCheckpointStorageAccess`, 1.9 to 2.3): `<root>/<job id>/chk-<n>/_metadata`,
//! `shared/`, `taskowned/`; without `<job id>` when `create-subdir` is false. The product keeps
//! what is its own in `<root>/.dualwrite`, where Flink never looks.

use crate::Location;

/// The name of the file whose presence makes a directory a checkpoint.
pub const METADATA: &str = "_metadata";

const OWN: &str = ".dualwrite";

/// One file by which is tried whether `dir` can be written to, where the product keeps nothing;
/// `writer` and `number` as in [`SecondaryRoot::inflight`].
pub fn probe(dir: &Location, writer: &str, number: u64) -> Location {
    dir.join(&format!("{OWN}-probe-{writer}-{number}"))
}

/// `chk-<n>`: the directory of one checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CheckpointDir(
    /// The checkpoint's id.
    pub u64,
);

impl CheckpointDir {
    /// Reads a directory's name; None if it is no checkpoint's.
    pub fn parse(name: &str) -> Option<Self> {
        let digits = name.strip_prefix("chk-")?;
        let canonical = digits.bytes().all(|b| b.is_ascii_digit());
        canonical.then(|| digits.parse().ok().map(Self))?
    }
}

impl std::fmt::Display for CheckpointDir {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "chk-{}", self.0)
    }
}

/// The root directory on the secondary and the product's own names below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecondaryRoot(Location);

impl SecondaryRoot {
    /// The names below `root`.
    pub fn new(root: Location) -> Self {
        Self(root)
    }

    /// The root itself.
    pub fn location(&self) -> &Location {
        &self.0
    }

    /// Whether a child of the root is the product's own directory and not a job's.
    pub fn is_own(name: &str) -> bool {
        name == OWN
    }

    /// The name of the job's directory in which a place is; none if it is in none (`create-subdir`
    /// is false) or not below the root.
    pub fn job_of<'a>(&self, place: &'a Location) -> Option<&'a str> {
        let first = place.below(&self.0)?.split('/').next()?;
        let is_job = !["", OWN, "shared", "taskowned"].contains(&first);
        (is_job && CheckpointDir::parse(first).is_none()).then_some(first)
    }

    /// All files that are being written, whoever writes them.
    pub fn inflight_dir(&self) -> Location {
        self.0.join(OWN).join("inflight")
    }

    /// One file being written. `writer` is unique to the process; `number` to the file in it.
    pub fn inflight(&self, writer: &str, number: u64) -> Location {
        self.inflight_dir().join(&format!("{writer}-{number}"))
    }

    /// What `hadoop distcp` has copied for one plan of a repair, before it has its final names.
    /// `plan` is unique to the plan.
    pub fn staged_dir(&self, plan: &str) -> Location {
        self.0.join(OWN).join("staged").join(plan)
    }

    /// The catalogue: one entry per job.
    pub fn catalogue_dir(&self) -> Location {
        self.0.join(OWN).join("catalogue")
    }

    /// A job's catalogue entry.
    pub fn catalogue_entry(&self, job_id: &str) -> Location {
        self.catalogue_dir().join(&format!("{job_id}.json"))
    }

    /// All that is the product's own.
    pub fn own_dir(&self) -> Location {
        self.0.join(OWN)
    }

    /// The records of which process publishes and deletes for a job.
    pub fn owner_records(&self) -> Location {
        self.0.join(OWN).join("owners")
    }

    /// The record of one job.
    pub fn owner_record(&self, job_id: &str) -> Location {
        self.owner_records().join(&format!("{job_id}.json"))
    }

    /// What the owner of a job is about to publish or to delete. Whoever claims the job next
    /// deletes all of it.
    pub fn claimed_dir(&self, job_id: &str) -> Location {
        self.0.join(OWN).join("claimed").join(job_id)
    }

    /// One file that is about to be published, or the directory of what is about to be deleted;
    /// called as [`Self::inflight`].
    pub fn claimed(&self, job_id: &str, writer: &str, number: u64) -> Location {
        self.claimed_dir(job_id).join(&format!("{writer}-{number}"))
    }

    /// The digests of a job's files, as its owner has collected them.
    pub fn digests(&self, job_id: &str) -> Location {
        self.0.join(OWN).join("digests").join(job_id)
    }

    /// The document in it. There is one.
    pub fn collected_digests(&self, job_id: &str) -> Location {
        self.digests(job_id).join("collected")
    }

    /// What processes have recorded of them, and the owner has not collected yet.
    pub fn digest_batches(&self, job_id: &str) -> Location {
        self.digests(job_id).join("new")
    }

    /// One of these documents; called as [`Self::inflight`].
    pub fn digest_batch(&self, job_id: &str, writer: &str, number: u64) -> Location {
        self.digest_batches(job_id)
            .join(&format!("{writer}-{number}"))
    }

    /// What nobody needs of a job, on its way to deletion. It goes with the next claim of the job,
    /// and when another job's owner is about to publish what names files of this one.
    pub fn collected_dir(&self, job_id: &str) -> Location {
        self.claimed_dir(job_id).join("gc")
    }

    /// The directory of one collection; called as [`Self::inflight`].
    pub fn collected(&self, job_id: &str, writer: &str, number: u64) -> Location {
        let name = format!("{writer}-{number}");
        self.collected_dir(job_id).join(&name)
    }

    /// When it was last shown that a job can be restored: a document for each way of showing it.
    /// `key` stands for the job.
    pub fn last_good(&self, key: &str) -> Location {
        self.0.join(OWN).join("last-good").join(key)
    }

    /// The records of which processes leave checkpoints of a job out.
    pub fn stride_records(&self, job_id: &str) -> Location {
        self.0.join(OWN).join("strides").join(job_id)
    }

    /// The record of one of them. `writer` is unique to the process.
    pub fn stride_record(&self, job_id: &str, writer: &str) -> Location {
        self.stride_records(job_id).join(&format!("{writer}.json"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_flinks_own_form_is_a_checkpoint() {
        assert_eq!(CheckpointDir::parse("chk-12"), Some(CheckpointDir(12)));
        for name in [
            "chk-",
            "chk-x",
            "chk-+1",
            "savepoint-1",
            "shared",
            "chk-99999999999999999999",
        ] {
            assert_eq!(CheckpointDir::parse(name), None, "{name}");
        }
        assert_eq!(CheckpointDir(7).to_string(), "chk-7");
    }

    #[test]
    fn a_job_has_a_directory_below_the_root() {
        let root = SecondaryRoot::new(Location::parse("hdfs://two/cp").unwrap());
        let job = |below: &str| {
            let place = root.location().join(below);
            root.job_of(&place).map(str::to_owned)
        };
        for below in ["j", "j/shared/f", "j/chk-3/f"] {
            assert_eq!(job(below).as_deref(), Some("j"), "{below}");
        }
        for below in [
            "shared/f",
            "taskowned/f",
            "chk-1/f",
            ".dualwrite/inflight/f",
        ] {
            assert_eq!(job(below), None, "{below}");
        }
        assert_eq!(
            root.job_of(&Location::parse("hdfs://two/x/j").unwrap()),
            None
        );
        assert_eq!(root.job_of(root.location()), None);
    }

    #[test]
    fn own_names_stay_in_one_directory() {
        let root = SecondaryRoot::new(Location::parse("hdfs://two/cp").unwrap());
        let names = [
            root.inflight("w", 1),
            root.catalogue_entry("j"),
            root.owner_record("j"),
            root.claimed("j", "w", 1),
            root.collected_digests("j"),
            root.digest_batch("j", "w", 1),
            root.staged_dir("p"),
            root.collected("j", "w", 1),
            root.stride_record("j", "w"),
            root.last_good("j"),
        ];
        for name in names {
            let below = name.below(root.location()).unwrap();
            assert!(
                SecondaryRoot::is_own(below.split('/').next().unwrap()),
                "{below}"
            );
        }
    }
}
