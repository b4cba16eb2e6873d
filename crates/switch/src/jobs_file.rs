//! The jobs file: how each job is started, which no checkpoint tells. TOML to typed values. Refuses
//! keys that it does not know, and to look whether a jar is there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// What becomes of the checkpoint that a job is started from
/// (`execution.state-recovery.claim-mode`, before Flink 1.20 `execution.savepoint-restore-mode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ClaimMode {
    /// It stays whose it was; the job's first checkpoint is a full one.
    #[default]
    NoClaim,
    /// The job owns it, and deletes it when it is subsumed.
    Claim,
}

impl ClaimMode {
    /// As Flink writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoClaim => "NO_CLAIM",
            Self::Claim => "CLAIM",
        }
    }
}

/// How a job is started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Launch {
    /// The jar.
    pub jar: Jar,
    /// The main class; none if the jar's manifest names it.
    pub entry_class: Option<String>,
    /// The arguments of `main`.
    pub args: Vec<String>,
    /// The parallelism where the job does not say; none leaves it to Flink's configuration.
    pub parallelism: Option<u32>,
    /// What becomes of the checkpoint.
    pub claim_mode: ClaimMode,
    /// Whether state of operators that the job has no more is passed over.
    pub allow_non_restored_state: bool,
    /// Flink's keys for this job alone (`flinkConfiguration` of `/jars/:jarid/run`).
    pub configuration: BTreeMap<String, String>,
}

/// Where a job's jar is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Jar {
    /// A file on this machine, to be uploaded.
    File(PathBuf),
    /// One that the target's Flink has, by the id that `GET /jars` shows.
    Uploaded(String),
}

/// A jobs file, understood.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JobsFile {
    defaults: Table,
    jobs: BTreeMap<String, Table>,
}

/// Why a text is no jobs file: with its line, and what is accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JobsFileError {
    /// No TOML, or a key or value that is not known.
    #[error("{}", .0.trim_end())]
    Malformed(String),
    /// A jar is given in two ways.
    #[error(
        "[{table}] has both `jar` and `jar-id`: give a file to upload, or the id of one that is \
         there"
    )]
    TwoJars {
        /// The table.
        table: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    defaults: Table,
    #[serde(default)]
    jobs: BTreeMap<String, Table>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Table {
    jar: Option<PathBuf>,
    jar_id: Option<String>,
    entry_class: Option<String>,
    args: Option<Vec<String>>,
    parallelism: Option<std::num::NonZeroU32>,
    claim_mode: Option<ClaimMode>,
    allow_non_restored_state: Option<bool>,
    #[serde(default)]
    configuration: BTreeMap<String, String>,
}

impl JobsFile {
    /// Reads the text of a jobs file in `dir`: jars are relative to it.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str, dir: &Path) -> Result<Self, JobsFileError> {
        let document: Document =
            toml::from_str(text).map_err(|error| JobsFileError::Malformed(error.to_string()))?;
        let Document { defaults, jobs } = document;
        let defaults = defaults.checked("defaults", dir)?;
        let jobs = jobs.into_iter().map(|(name, table)| {
            let table = table.checked(&format!("jobs.{name:?}"), dir)?;
            Ok((name, table))
        });
        Ok(Self {
            defaults,
            jobs: jobs.collect::<Result<_, _>>()?,
        })
    }

    /// The names of its jobs.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.jobs.keys().map(String::as_str)
    }

    /// How the job of this name is started; none if no jar is given for it.
    pub fn launch(&self, name: &str) -> Option<Launch> {
        let none = Table::default();
        let job = self.jobs.get(name).unwrap_or(&none);
        let jar = job.jar().or_else(|| self.defaults.jar())?;
        let defaults = &self.defaults;
        let mut configuration = defaults.configuration.clone();
        configuration.extend(job.configuration.clone());
        let args = job.args.as_ref().or(defaults.args.as_ref());
        let entry_class = job.entry_class.as_ref().or(defaults.entry_class.as_ref());
        let allow = job
            .allow_non_restored_state
            .or(defaults.allow_non_restored_state);
        Some(Launch {
            jar,
            entry_class: entry_class.cloned(),
            args: args.cloned().unwrap_or_default(),
            parallelism: job.parallelism.or(defaults.parallelism).map(u32::from),
            claim_mode: job.claim_mode.or(defaults.claim_mode).unwrap_or_default(),
            allow_non_restored_state: allow.unwrap_or_default(),
            configuration,
        })
    }
}

impl Table {
    fn checked(mut self, name: &str, dir: &Path) -> Result<Self, JobsFileError> {
        if self.jar.is_some() && self.jar_id.is_some() {
            return Err(JobsFileError::TwoJars {
                table: name.to_owned(),
            });
        }
        self.jar = self.jar.map(|jar| dir.join(jar));
        Ok(self)
    }

    fn jar(&self) -> Option<Jar> {
        let uploaded = || self.jar_id.clone().map(Jar::Uploaded);
        self.jar.clone().map(Jar::File).or_else(uploaded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
        [defaults]
        jar = "all.jar"
        parallelism = 4
        claim-mode = "CLAIM"
        configuration = { "a" = "1", "b" = "1" }

        [jobs.payments]
        entry-class = "io.example.Payments"
        args = ["--region", "west"]
        configuration = { "b" = "2" }

        [jobs."orders eu"]
        jar-id = "8a5_orders.jar"
        claim-mode = "NO_CLAIM"
        allow-non-restored-state = true
        parallelism = 8
    "#;

    #[test]
    fn a_job_has_its_own_values_and_else_the_defaults() {
        let file = JobsFile::parse(FILE, Path::new("/srv/jobs")).unwrap();
        assert_eq!(file.names().collect::<Vec<_>>(), ["orders eu", "payments"]);
        let configuration = |b: &str| {
            let pairs = [("a", "1"), ("b", b)];
            pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).into()
        };
        let payments = Launch {
            jar: Jar::File("/srv/jobs/all.jar".into()),
            entry_class: Some("io.example.Payments".to_owned()),
            args: vec!["--region".to_owned(), "west".to_owned()],
            parallelism: Some(4),
            claim_mode: ClaimMode::Claim,
            allow_non_restored_state: false,
            configuration: configuration("2"),
        };
        assert_eq!(file.launch("payments"), Some(payments.clone()));
        let orders = Launch {
            jar: Jar::Uploaded("8a5_orders.jar".to_owned()),
            entry_class: None,
            args: Vec::new(),
            parallelism: Some(8),
            claim_mode: ClaimMode::NoClaim,
            allow_non_restored_state: true,
            configuration: configuration("1"),
        };
        assert_eq!(file.launch("orders eu"), Some(orders));
        let other = Launch {
            entry_class: None,
            args: Vec::new(),
            configuration: configuration("1"),
            ..payments
        };
        assert_eq!(file.launch("not in the file"), Some(other));
    }

    #[test]
    fn without_a_jar_there_is_no_way_to_start_a_job() {
        let file = JobsFile::parse("[jobs.a]\nargs = []", Path::new("/")).unwrap();
        assert_eq!(file.launch("a"), None);
        assert_eq!(JobsFile::default().launch("a"), None);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (text, expected) in [
            (
                "[jobs.a]\nparalelism = 2",
                ["line 2", "paralelism", "`parallelism`"],
            ),
            ("[job.a]", ["line 1", "job", "`jobs`"]),
            ("[jobs.a]\nparallelism = 0", ["line 2", "0", "nonzero"]),
            (
                "[jobs.a]\nclaim-mode = \"LEGACY\"",
                ["line 2", "LEGACY", "NO_CLAIM"],
            ),
            ("[jobs.a", ["line 1", "[jobs.a", ""]),
            (
                "[jobs.a]\njar = \"x\"\njar-id = \"y\"",
                ["jobs.\"a\"", "jar-id", "both"],
            ),
        ] {
            let error = JobsFile::parse(text, Path::new("/"))
                .unwrap_err()
                .to_string();
            for part in expected {
                assert!(error.contains(part), "{part:?} is not in {error}");
            }
        }
    }
}
