//! The plan of a switch: which job starts from which checkpoint, how, and on which Flink. A
//! document that people read and may edit before it is applied; so it is understood wholly or
//! refused.

use std::collections::BTreeSet;
use std::path::PathBuf;

use audit::{CheckpointDir, Location, PlanTextError};
use serde::{Deserialize, Serialize};

use crate::Launch;

/// The version of the document that is written, and the only one that is read.
pub const PLAN_VERSION: u32 = 1;

/// A plan. Times are milliseconds since the epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// [`PLAN_VERSION`].
    pub version: u32,
    /// When it was made: what tells one plan from another.
    pub made_at_ms: u64,
    /// Where the jobs are to run.
    pub target: Target,
    /// Where they ran.
    pub source: Source,
    /// The jobs, by name.
    pub jobs: Vec<PlannedJob>,
    /// What was asked for and cannot be switched.
    pub left_out: Vec<LeftOut>,
}

/// The cluster that jobs are switched to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// Its name in the configuration.
    pub name: Option<String>,
    /// The directory of its checkpoints.
    pub root: String,
    /// Where its `core-site.xml` and `hdfs-site.xml` are.
    pub hadoop_conf_dir: Option<PathBuf>,
    /// The user to be there.
    pub user: Option<String>,
    /// The address of its Flink, like `http://jobmanager:8081`; none if jobs are deployed
    /// otherwise.
    pub flink: Option<String>,
}

/// The cluster that jobs are switched from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Its name in the configuration.
    pub name: Option<String>,
    /// The address of its Flink; none if it is not known.
    pub flink: Option<String>,
}

/// A job that can be switched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedJob {
    /// Its name.
    pub name: String,
    /// The id under which it wrote the checkpoint.
    pub source_job_id: Option<String>,
    /// The directory of its checkpoints at the target.
    pub job_dir: String,
    /// The newest usable one when the plan was made; a newer one is taken if there is one.
    pub checkpoint: Checkpoint,
    /// How it is started; none if no jar is known for it, and it is only printed.
    pub launch: Option<Launch>,
    /// What is worth knowing.
    pub warnings: Vec<String>,
}

/// A checkpoint that a job can be started from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// Its number.
    pub id: u64,
    /// Its directory.
    pub path: String,
    /// When the job triggered it; none where the catalogue does not tell.
    pub triggered_at_ms: Option<u64>,
    /// When its `_metadata` was written.
    pub written_at_ms: u64,
    /// How many files it names.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Checkpoint {
    /// As old as what it holds, as far as this is known.
    pub fn as_of_ms(&self) -> u64 {
        self.triggered_at_ms.unwrap_or(self.written_at_ms)
    }
}

/// What was asked for and cannot be switched, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeftOut {
    /// The job's name, or what was asked for.
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
    /// A job appears twice.
    #[error("the job '{0}' is in it twice")]
    Twice(String),
    /// A checkpoint that is not where the plan's other fields say.
    #[error("of the job '{job}': {why}")]
    Job {
        /// The job's name.
        job: String,
        /// What is wrong.
        why: String,
    },
    /// The target's directory is no place.
    #[error("its target: {0}")]
    Target(String),
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

    fn check(&self) -> Result<(), PlanError> {
        let root = Location::parse(&self.target.root);
        let root = root.map_err(|error| PlanError::Target(error.to_string()))?;
        let mut names = BTreeSet::new();
        for job in &self.jobs {
            if !names.insert(&job.name) {
                return Err(PlanError::Twice(job.name.clone()));
            }
            job.check(&root).map_err(|why| PlanError::Job {
                job: job.name.clone(),
                why,
            })?;
        }
        Ok(())
    }
}

impl PlannedJob {
    /// The checkpoint must be one of the job's, and that on the target: a path that was mistyped
    /// must not become the state of a job.
    fn check(&self, root: &Location) -> Result<(), String> {
        let place = |text: &str| Location::parse(text).map_err(|error| error.to_string());
        let dir = place(&self.job_dir)?;
        if dir != *root && dir.below(root).is_none() {
            return Err(format!(
                "its directory {dir} is not below the target's, {root}"
            ));
        }
        let expected = dir.join(&CheckpointDir(self.checkpoint.id).to_string());
        if place(&self.checkpoint.path)? != expected {
            let Checkpoint { id, path, .. } = &self.checkpoint;
            return Err(format!("checkpoint {id} is {expected}, not {path}"));
        }
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::{ClaimMode, Jar};

    pub(crate) fn plan() -> Plan {
        let job_dir = "hdfs://nn2:8020/cp/a1b2c3d4e5f60718293a4b5c6d7e8f90".to_owned();
        Plan {
            version: PLAN_VERSION,
            made_at_ms: 1_770_091_506_789,
            target: Target {
                name: Some("west".to_owned()),
                root: "hdfs://nn2:8020/cp".to_owned(),
                hadoop_conf_dir: None,
                user: None,
                flink: Some("http://west:8081".to_owned()),
            },
            source: Source::default(),
            jobs: vec![PlannedJob {
                name: "payments".to_owned(),
                source_job_id: Some("a1b2c3d4e5f60718293a4b5c6d7e8f90".to_owned()),
                checkpoint: Checkpoint {
                    id: 42,
                    path: format!("{job_dir}/chk-42"),
                    triggered_at_ms: Some(1_770_091_503_210),
                    written_at_ms: 1_770_091_504_000,
                    files: 4,
                    bytes: 1_054_723,
                },
                job_dir,
                launch: Some(Launch {
                    jar: Jar::File("/srv/jobs/payments.jar".into()),
                    entry_class: Some("io.example.Payments".to_owned()),
                    args: vec!["--name".to_owned(), "it's".to_owned()],
                    parallelism: Some(8),
                    claim_mode: ClaimMode::NoClaim,
                    allow_non_restored_state: false,
                    configuration: [("a".to_owned(), "1".to_owned())].into(),
                }),
                warnings: Vec::new(),
            }],
            left_out: Vec::new(),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(Plan::parse(&plan().to_json()), Ok(plan()));
    }

    /// The plan with one piece of its text replaced, as an editor does.
    fn edited(from: &str, to: &str) -> String {
        let text = plan().to_json();
        let edited = text.replacen(from, to, 1);
        assert_ne!(edited, text, "{from} is not in {text}");
        Plan::parse(&edited).unwrap_err().to_string()
    }

    #[test]
    fn what_was_edited_is_understood_or_refused() {
        for (from, to, expected) in [
            ("\"args\"", "\"arguments\"", "unknown field `arguments`"),
            ("\"version\": 1", "\"version\": 2", "make the plan anew"),
            ("chk-42", "chk-41", "checkpoint 42 is hdfs://nn2:8020/cp/"),
            (
                "\"root\": \"hdfs://nn2:8020/cp\"",
                "\"root\": \"hdfs://nn2:8020/other\"",
                "not below",
            ),
            (
                "\"root\": \"hdfs://nn2:8020/cp\"",
                "\"root\": \"cp\"",
                "no absolute location",
            ),
            ("{", "", "it is no plan"),
        ] {
            let error = edited(from, to);
            assert!(error.contains(expected), "{error}");
        }
        let mut twice = plan();
        twice.jobs.push(twice.jobs[0].clone());
        let error = Plan::parse(&twice.to_json()).unwrap_err();
        assert_eq!(error, PlanError::Twice("payments".to_owned()));
    }
}
