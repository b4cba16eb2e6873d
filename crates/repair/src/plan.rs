//! The plan of a repair: which checkpoints are to be whole on the target, what is copied for that,
//! and which damaged files that may replace. A document that people read; it is understood wholly
//! or refused.

use std::path::PathBuf;

use audit::{CheckpointDir, FileStatus, Finding, Location, PlanTextError, SecondaryRoot};
use serde::{Deserialize, Serialize};

use crate::{Side, Ways};

/// The version of the document that is written, and the only one that is read.
pub const PLAN_VERSION: u32 = 1;

/// A plan. Times are milliseconds since the epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// [`PLAN_VERSION`].
    pub version: u32,
    /// No other plan has it: what is in flight and staged for this one is known by it.
    pub id: String,
    /// When it was made.
    pub made_at_ms: u64,
    /// Which cluster is repaired.
    pub to: Side,
    /// Where Flink writes its checkpoints on a good day.
    pub primary: Cluster,
    /// Where they are copied to.
    pub secondary: Cluster,
    /// Further names of the primary.
    pub primary_aliases: Vec<String>,
    /// Further pairs of places, `primary=secondary`.
    pub path_mapping: Vec<String>,
    /// How closely the target's files were looked at.
    pub depth: Depth,
    /// Where `hadoop distcp` puts what is on lists; none if it was not asked for.
    pub staged: Option<String>,
    /// The checkpoints, by job, the newest of each first.
    pub checkpoints: Vec<PlannedCheckpoint>,
    /// What is copied for them: each file once.
    pub copies: Vec<PlannedCopy>,
    /// What was asked for and is no checkpoint that can be looked at.
    pub left_out: Vec<LeftOut>,
}

/// How closely the target's files were looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Depth {
    /// They are there with their lengths.
    #[default]
    Length,
    /// And every byte is the source's.
    Content,
}

/// One of the two clusters, and how it is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cluster {
    /// Its name in the configuration.
    pub name: Option<String>,
    /// The directory of its checkpoints.
    pub root: String,
    /// Where its `core-site.xml` and `hdfs-site.xml` are.
    pub hadoop_conf_dir: Option<PathBuf>,
    /// The user to be there.
    pub user: Option<String>,
}

/// A checkpoint that is to be whole on the target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedCheckpoint {
    /// Flink's id of the job; none where jobs share a directory and the catalogue does not tell.
    pub job_id: Option<String>,
    /// Its number.
    pub id: u64,
    /// Its directory on the source.
    pub source: String,
    /// Its directory on the target.
    pub target: String,
    /// If the source has retired it, its job's newest there is repaired in its place.
    pub or_newer: bool,
    /// Its `_metadata` on the target.
    pub metadata: Metadata,
    /// How many files it names.
    pub files: u64,
    /// Their bytes, as far as its `_metadata` has their lengths.
    pub bytes: u64,
    /// How many of them are to be copied.
    pub copy_files: u64,
    /// The bytes of these.
    pub copy_bytes: u64,
    /// Why it cannot be whole; nothing, if it can.
    pub cannot: Vec<Cannot>,
}

/// How a checkpoint's `_metadata` was found on the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case", deny_unknown_fields)]
pub enum Metadata {
    /// It is not there: the checkpoint is to be published.
    Missing,
    /// It is what it must be.
    Published,
    /// It is not whole, or another checkpoint's: it is to be replaced.
    Damaged(Stamp),
    /// Whether it could be was not looked into.
    Unknown,
}

/// By what a damaged file is known again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stamp {
    /// Its length in bytes.
    pub bytes: u64,
    /// When it was last written.
    pub modified_ms: u64,
}

impl From<&FileStatus> for Stamp {
    fn from(status: &FileStatus) -> Self {
        Self {
            bytes: status.length,
            modified_ms: status.modified_ms,
        }
    }
}

/// A file to be copied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedCopy {
    /// Where the source has it.
    pub source: String,
    /// Where the target is to have it.
    pub target: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// The damaged file that it replaces; none if it is missing.
    pub damaged: Option<Stamp>,
    /// On which of the lists for `hadoop distcp` it is, from 1.
    pub list: Option<usize>,
}

/// One reason why a checkpoint cannot be whole on the target, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cannot {
    /// The kind's name; never changes.
    pub kind: String,
    /// What it is about.
    pub path: String,
    /// What is wrong and what to do.
    pub message: String,
}

impl Cannot {
    pub(crate) fn new(kind: &str, path: &impl ToString, message: impl Into<String>) -> Self {
        Self {
            kind: kind.to_owned(),
            path: path.to_string(),
            message: message.into(),
        }
    }
}

impl From<&Finding> for Cannot {
    fn from(finding: &Finding) -> Self {
        Self::new(finding.kind(), &finding.path(), finding.to_string())
    }
}

/// What was asked for and is no checkpoint that can be looked at, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeftOut {
    /// What was asked for.
    pub name: String,
    /// Why.
    pub why: String,
}

/// Why a text is no plan that can be carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// It is not understood.
    #[error(transparent)]
    Text(#[from] PlanTextError),
    /// Its places contradict each other.
    #[error("{0}: make the plan anew")]
    Contradiction(String),
}

impl Plan {
    /// Reads a plan.
    ///
    /// # Errors
    /// When it is none, or contradicts itself.
    pub fn parse(text: &str) -> Result<Self, PlanError> {
        let plan: Self = audit::parse_plan(text, "plan of a repair", PLAN_VERSION)?;
        plan.check().map_err(PlanError::Contradiction)?;
        Ok(plan)
    }

    /// The text of it.
    pub fn to_json(&self) -> String {
        audit::plan_to_json(self)
    }

    /// Whether each checkpoint that was asked for can be whole.
    pub fn is_whole(&self) -> bool {
        let mut checkpoints = self.checkpoints.iter();
        self.left_out.is_empty() && checkpoints.all(|checkpoint| checkpoint.cannot.is_empty())
    }

    /// Which cluster is copied from.
    pub fn source(&self) -> &Cluster {
        match self.to {
            Side::Primary => &self.secondary,
            Side::Secondary => &self.primary,
        }
    }

    /// Which cluster is repaired.
    pub fn target(&self) -> &Cluster {
        match self.to {
            Side::Primary => &self.primary,
            Side::Secondary => &self.secondary,
        }
    }

    /// Every place must be the other's by the mapping: what was mistyped must not be overwritten.
    fn check(&self) -> Result<(), String> {
        let place = |text: &str| Location::parse(text).map_err(|error| error.to_string());
        let (primary, secondary) = (place(&self.primary.root)?, place(&self.secondary.root)?);
        let (names, further) = (&self.primary_aliases, &self.path_mapping);
        let ways = Ways::new(self.to, (&primary, &secondary), names, further);
        let ways = ways.map_err(|error| error.to_string())?;
        let pairs = self.copies.iter().map(|copy| (&copy.source, &copy.target));
        let checkpoints = self.checkpoints.iter();
        let pairs = pairs.chain(checkpoints.clone().map(|one| (&one.source, &one.target)));
        for (source, target) in pairs {
            if ways.there.to_secondary(&place(source)?) != Some(place(target)?) {
                return Err(format!("{target} is not the place of {source}"));
            }
        }
        for one in checkpoints {
            let number = CheckpointDir(one.id).to_string();
            if place(&one.source)?.name() != number {
                return Err(format!("{} is not checkpoint {}'s", one.source, one.id));
            }
        }
        if self.id.is_empty() || !self.id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(format!("'{}' is no id of a plan", self.id));
        }
        if let Some(staged) = &self.staged {
            let root = SecondaryRoot::new(place(&self.target().root)?);
            let expected = root.staged_dir(&self.id);
            if place(staged)? != expected {
                return Err(format!("staged files are in {expected}, not in {staged}"));
            }
        }
        Ok(())
    }
}
