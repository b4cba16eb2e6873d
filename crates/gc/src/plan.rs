//! The plan of a collection: what is left over, where, how long and of when. A document that people
//! read and may shorten before it is applied; so it is understood wholly or refused.

use std::collections::BTreeSet;
use std::path::PathBuf;

use audit::{Location, PlanTextError};
use serde::{Deserialize, Serialize};

use crate::names::{Kind, fits, job_of};

/// The version of the document that is written, and the only one that is read.
pub const PLAN_VERSION: u32 = 1;

/// A plan. Times are milliseconds since the epoch, by the cluster's clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// [`PLAN_VERSION`].
    pub version: u32,
    /// When it was made.
    pub made_at_ms: u64,
    /// The secondary directory.
    pub root: String,
    /// Where the cluster's `core-site.xml` and `hdfs-site.xml` are.
    pub hadoop_conf_dir: Option<PathBuf>,
    /// The user to be there.
    pub user: Option<String>,
    /// What is younger is left.
    pub min_age_ms: u64,
    /// How many published checkpoints there were.
    pub checkpoints: u64,
    /// What nobody needs, in the order of the paths.
    pub leftovers: Vec<Leftover>,
    /// Each published `_metadata` that is not understood: while there is one, no file of a job is
    /// left over.
    pub doubts: Vec<Left>,
    /// What is left as it is although nobody may need it, and why.
    pub left: Vec<Left>,
}

/// A file or directory that nobody needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leftover {
    /// Why nobody needs it.
    pub kind: Kind,
    /// Its path on the cluster.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// When it was last changed.
    pub modified_ms: u64,
}

/// What is left as it is, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Left {
    /// Its path on the cluster.
    pub path: String,
    /// Why.
    pub why: String,
}

/// Why a text is no plan that can be carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// It is not understood.
    #[error(transparent)]
    Text(#[from] PlanTextError),
    /// A path appears twice.
    #[error("{0} is in it twice")]
    Twice(String),
    /// A path that is not below the plan's root, or not where such a thing can be.
    #[error("{path} is no place for what is called {}: make the plan anew", kind.as_str())]
    Foreign {
        /// The path.
        path: String,
        /// What is said to be there.
        kind: Kind,
    },
    /// The root is no place.
    #[error("its root: {0}")]
    Root(String),
}

impl Plan {
    /// Reads a plan.
    ///
    /// # Errors
    /// When it is none, or contradicts itself.
    pub fn parse(text: &str) -> Result<Self, PlanError> {
        let plan: Self = audit::parse_plan(text, "plan", PLAN_VERSION)?;
        plan.check()?;
        Ok(plan)
    }

    /// The text of it.
    pub fn to_json(&self) -> String {
        audit::plan_to_json(self)
    }

    /// Whether it could be told which files jobs need.
    pub fn is_sure(&self) -> bool {
        self.checkpoints > 0 && self.doubts.is_empty()
    }

    /// The id of the job that a leftover belongs to; none if that is not known.
    pub fn job_of<'a>(&self, leftover: &'a Leftover) -> Option<&'a str> {
        let root = Location::parse(&self.root).ok()?;
        below(&root, &leftover.path).and_then(job_of)
    }

    fn check(&self) -> Result<(), PlanError> {
        let root = Location::parse(&self.root);
        let root = root.map_err(|error| PlanError::Root(error.to_string()))?;
        let mut paths = BTreeSet::new();
        for Leftover { kind, path, .. } in &self.leftovers {
            if !paths.insert(path) {
                return Err(PlanError::Twice(path.clone()));
            }
            if !below(&root, path).is_some_and(|below| fits(*kind, below)) {
                let (path, kind) = (path.clone(), *kind);
                return Err(PlanError::Foreign { path, kind });
            }
        }
        Ok(())
    }
}

/// The part of a path that is relative to the root.
pub(crate) fn below<'a>(root: &Location, path: &'a str) -> Option<&'a str> {
    path.strip_prefix(root.path().trim_end_matches('/'))?
        .strip_prefix('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        let leftover = |kind, below: &str| Leftover {
            kind,
            path: format!("/cp/{below}"),
            bytes: 3,
            modified_ms: 1_770_000_000_000,
        };
        Plan {
            version: PLAN_VERSION,
            made_at_ms: 1_770_091_506_789,
            root: "hdfs://nn2:8020/cp".to_owned(),
            hadoop_conf_dir: None,
            user: Some("flink".to_owned()),
            min_age_ms: 86_400_000,
            checkpoints: 3,
            leftovers: vec![
                leftover(Kind::InFlight, ".dualwrite/inflight/w-1"),
                leftover(Kind::Unnamed, "a1b2c3d4e5f60718293a4b5c6d7e8f90/shared/s"),
            ],
            doubts: Vec::new(),
            left: Vec::new(),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(Plan::parse(&plan().to_json()), Ok(plan()));
    }

    #[test]
    fn what_was_edited_is_understood_or_refused() {
        for (from, to, expected) in [
            (
                "\"min_age_ms\"",
                "\"minimum_age\"",
                "unknown field `minimum_age`",
            ),
            ("\"version\": 1", "\"version\": 2", "make the plan anew"),
            (
                "8020/cp\"",
                "8020/other\"",
                "is no place for what is called in_flight",
            ),
            ("hdfs://nn2:8020/cp", "cp", "no absolute location"),
            (
                "/shared/s",
                "/chk-7/_metadata",
                "no place for what is called unnamed",
            ),
            (
                "/shared/s",
                "/shared/../../x",
                "no place for what is called unnamed",
            ),
            (
                "\"in_flight\"",
                "\"unnamed\"",
                "no place for what is called unnamed",
            ),
            ("\"in_flight\"", "\"whatever\"", "unknown variant"),
            ("{", "", "it is no plan"),
        ] {
            let text = plan().to_json();
            let edited = text.replacen(from, to, 1);
            assert_ne!(edited, text, "{from} is not in {text}");
            let error = Plan::parse(&edited).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        let mut twice = plan();
        twice.leftovers.push(twice.leftovers[0].clone());
        let path = twice.leftovers[0].path.clone();
        let error = Plan::parse(&twice.to_json()).unwrap_err();
        assert_eq!(error, PlanError::Twice(path));
    }
}
