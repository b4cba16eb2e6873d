//! The part of Flink's REST interface that tests need. Each call has a limit of 20 s.
//!
//! Refuses to interpret: states and times are as Flink tells them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde_json::{Map, Value, json};
use ureq::Agent;
use ureq::tls::{ClientCert, TlsConfig, TlsProvider};

use super::version::FlinkVersion;
use crate::wait::wait_until;

const CALL_LIMIT: Duration = Duration::from_secs(20);

/// A job to be submitted.
#[derive(Debug, Clone, Default)]
pub struct Submission {
    /// The jar with the job.
    pub jar: PathBuf,
    /// Its main class.
    pub main_class: String,
    /// The arguments of `main`.
    pub arguments: Vec<String>,
    /// The parallelism where the job does not say; 0 leaves it to the configuration.
    pub parallelism: u32,
    /// A checkpoint's or savepoint's path to start from.
    pub restore_from: Option<String>,
    /// Whether the job takes over what it is restored from (`CLAIM`), or leaves it (`NO_CLAIM`).
    pub claim: bool,
    /// Configuration keys of this job alone, before the cluster's (Flink 1.19 and later).
    pub configuration: BTreeMap<String, String>,
}

impl Submission {
    /// With further keys of this job's own `configuration`.
    #[must_use]
    pub fn with(mut self, configuration: &[(&str, &str)]) -> Self {
        let words = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        self.configuration.extend(configuration.iter().map(words));
        self
    }
}

/// Of one job, since its JobManager started (`/jobs/:id/checkpoints`, `counts`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CheckpointCounts {
    /// Completed, savepoints included.
    pub completed: u64,
    /// Failed or aborted.
    pub failed: u64,
    /// Under way.
    pub in_progress: u64,
    /// How often the job was restored from one.
    pub restored: u64,
    /// From which one it was last.
    pub restored_from: Option<u64>,
}

/// One entry of the history (`/jobs/:id/checkpoints`, `history`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointInfo {
    /// The checkpoint's number.
    pub id: u64,
    /// `COMPLETED`, `FAILED` or `IN_PROGRESS`.
    pub status: String,
    /// Whether it is a savepoint.
    pub is_savepoint: bool,
    /// Milliseconds since the epoch.
    pub triggered_ms: u64,
    /// Milliseconds since the epoch; 0 while nothing has acknowledged.
    pub latest_ack_ms: u64,
    /// From trigger to completion, in milliseconds.
    pub duration_ms: u64,
    /// Bytes of all state that it refers to.
    pub state_bytes: u64,
    /// Bytes that it added.
    pub checkpointed_bytes: u64,
    /// Its directory, once completed.
    pub external_path: Option<String>,
}

/// A client of one JobManager.
#[derive(Debug, Clone)]
pub struct FlinkRest {
    agent: Agent,
    /// Of its root.
    url: String,
    version: FlinkVersion,
}

impl FlinkRest {
    pub(super) fn new(url: String, version: FlinkVersion, own: Option<ClientCert>) -> Self {
        let crypto = rustls::crypto::ring::default_provider();
        let tls = TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .unversioned_rustls_crypto_provider(Arc::new(crypto))
            .client_cert(own)
            // whom to trust is for the product to know
            .disable_verification(true);
        let agent = Agent::config_builder()
            .timeout_global(Some(CALL_LIMIT))
            .http_status_as_error(false)
            .tls_config(tls.build())
            .build()
            .into();
        Self {
            agent,
            url,
            version,
        }
    }

    /// `http://127.0.0.1:port`, where the web interface is too.
    pub fn address(&self) -> &str {
        &self.url
    }

    /// Any GET, e.g. `/jobs/overview`.
    ///
    /// # Errors
    /// When Flink does not answer, or answers with an error.
    pub fn get(&self, path: &str) -> Result<Value> {
        let response = self.agent.get(format!("{}{path}", self.address())).call();
        read(path, response)
    }

    /// How many TaskManagers are registered.
    ///
    /// # Errors
    /// When Flink does not answer, or answers with an error.
    pub fn task_managers(&self) -> Result<usize> {
        let overview = self.get("/overview")?;
        let count = overview["taskmanagers"]
            .as_u64()
            .context("no count of TaskManagers")?;
        Ok(usize::try_from(count)?)
    }

    /// Uploads the jar, runs it, and answers with the job's id.
    ///
    /// # Errors
    /// When the jar cannot be read, or Flink refuses the job: with Flink's words.
    pub fn submit(&self, submission: &Submission) -> Result<String> {
        let jar = self.upload(&submission.jar)?;
        let mut body = Map::new();
        body.insert("entryClass".to_owned(), json!(submission.main_class));
        body.insert("programArgsList".to_owned(), json!(submission.arguments));
        if submission.parallelism > 0 {
            body.insert("parallelism".to_owned(), json!(submission.parallelism));
        }
        if let Some(path) = &submission.restore_from {
            let mode = if self.version.is_at_least(2, 0) {
                "claimMode"
            } else {
                "restoreMode"
            };
            body.insert("savepointPath".to_owned(), json!(path));
            let claim = if submission.claim {
                "CLAIM"
            } else {
                "NO_CLAIM"
            };
            body.insert(mode.to_owned(), json!(claim));
        }
        if !submission.configuration.is_empty() {
            body.insert(
                "flinkConfiguration".to_owned(),
                json!(submission.configuration),
            );
        }
        let path = format!("/jars/{jar}/run");
        let answer = self.post(&path, &Value::Object(body))?;
        let id = answer["jobid"]
            .as_str()
            .ok_or_else(|| anyhow!("no job id in {answer}"))?;
        Ok(id.to_owned())
    }

    /// The job's state, e.g. `RUNNING`, `RESTARTING`, `FINISHED`.
    ///
    /// # Errors
    /// When Flink does not answer, or does not know the job.
    pub fn job_state(&self, job: &str) -> Result<String> {
        let details = self.get(&format!("/jobs/{job}"))?;
        Ok(details["state"]
            .as_str()
            .context("a job without a state")?
            .to_owned())
    }

    /// Waits until the job is in `state`.
    ///
    /// # Errors
    /// At the limit, or when the job has ended in another state: with its exceptions.
    pub fn wait_for_state(&self, job: &str, state: &str, limit: Duration) -> Result<()> {
        let what = format!("job {job} to be {state}");
        wait_until(&what, limit, || match self.job_state(job)? {
            now if now == state => Ok(Ok(())),
            now if ["FAILED", "CANCELED", "FINISHED"].contains(&now.as_str()) => {
                let exceptions = self.get(&format!("/jobs/{job}/exceptions"))?;
                Ok(Err(anyhow!(
                    "job {job} is {now} instead of {state}: {exceptions}"
                )))
            }
            now => Err(anyhow!("{now}")),
        })?
    }

    /// Counts of the job's checkpoints.
    ///
    /// # Errors
    /// When Flink does not answer, or does not know the job.
    pub fn checkpoint_counts(&self, job: &str) -> Result<CheckpointCounts> {
        let answer = self.get(&format!("/jobs/{job}/checkpoints"))?;
        let count = |name: &str| answer["counts"][name].as_u64().unwrap_or_default();
        Ok(CheckpointCounts {
            completed: count("completed"),
            failed: count("failed"),
            in_progress: count("in_progress"),
            restored: count("restored"),
            restored_from: answer["latest"]["restored"]["id"].as_u64(),
        })
    }

    /// The job's checkpoints since its JobManager started, the newest first, at most 10 000.
    ///
    /// # Errors
    /// When Flink does not answer, or does not know the job.
    pub fn checkpoints(&self, job: &str) -> Result<Vec<CheckpointInfo>> {
        let answer = self.get(&format!("/jobs/{job}/checkpoints"))?;
        let history = answer["history"].as_array();
        let history = history.context("no history of checkpoints")?;
        history.iter().map(info).collect()
    }

    /// Waits until `count` checkpoints have completed since the JobManager started, and answers
    /// with the newest.
    ///
    /// # Errors
    /// At the limit.
    pub fn wait_for_completed(
        &self,
        job: &str,
        count: u64,
        limit: Duration,
    ) -> Result<CheckpointInfo> {
        let what = format!("{count} completed checkpoints of job {job}");
        wait_until(&what, limit, || {
            let now = self.checkpoint_counts(job)?;
            if now.completed < count {
                return Err(anyhow!("{now:?}, the job is {}", self.job_state(job)?));
            }
            let newest = self
                .checkpoints(job)?
                .into_iter()
                .find(|c| c.status == "COMPLETED");
            newest.context("none in the history")
        })
    }

    /// Waits until all tasks of a job run, so that none of them declines a checkpoint.
    ///
    /// # Errors
    /// At the limit, with how many tasks are in which state.
    pub fn wait_for_tasks(&self, job: &str, limit: Duration) -> Result<()> {
        wait_until("all tasks to run", limit, || {
            let details = self.get(&format!("/jobs/{job}"))?;
            let counts = &details["status-counts"];
            let running = counts["RUNNING"].as_u64();
            let all = details["vertices"].as_array().map_or(0, Vec::len);
            ensure!(all > 0 && running >= Some(u64::try_from(all)?), "{counts}");
            Ok(())
        })
    }

    /// Triggers a checkpoint of the kind that is configured, waits until it is complete, and
    /// answers with its number (Flink 1.17 and later).
    ///
    /// # Errors
    /// At the limit, or when it fails: with Flink's words.
    pub fn checkpoint(&self, job: &str, limit: Duration) -> Result<u64> {
        let path = format!("/jobs/{job}/checkpoints");
        let trigger = self.post(&path, &json!({}))?;
        let trigger = trigger["request-id"]
            .as_str()
            .ok_or_else(|| anyhow!("no request in {trigger}"))?
            .to_owned();
        let what = format!("a checkpoint of job {job}");
        wait_until(&what, limit, || {
            let answer = self.get(&format!("{path}/{trigger}"))?;
            let operation = &answer["operation"];
            match (
                operation["checkpointId"].as_u64(),
                &operation["failureCause"],
            ) {
                (Some(id), _) => Ok(Ok(id)),
                (None, Value::Null) => Err(anyhow!("{answer}")),
                (None, cause) => Ok(Err(anyhow!("{what} failed: {cause}"))),
            }
        })?
    }

    /// How many records the operator called `name` has received since its tasks last started, as
    /// old as `metrics.fetcher.update-interval` says.
    ///
    /// # Errors
    /// When Flink does not answer, or does not know the job or the operator.
    pub fn records_received(&self, job: &str, name: &str) -> Result<u64> {
        let details = self.get(&format!("/jobs/{job}"))?;
        let mut vertices = details["vertices"].as_array().into_iter().flatten();
        let is_it = |vertex: &&Value| vertex["name"].as_str().is_some_and(|n| n.starts_with(name));
        let vertex = vertices
            .find(is_it)
            .with_context(|| format!("{name} is not in {details}"))?;
        let records = vertex["metrics"]["read-records"].as_u64();
        records.with_context(|| format!("no count of records in {vertex}"))
    }

    /// Cancels the job and waits until it is cancelled; its checkpoints stay.
    ///
    /// # Errors
    /// When Flink does not answer, or the job is not cancelled within 60 s.
    pub fn cancel(&self, job: &str) -> Result<()> {
        let url = format!("{}/jobs/{job}?mode=cancel", self.address());
        let response = self.agent.patch(url).send_empty();
        read("cancel", response)?;
        self.wait_for_state(job, "CANCELED", Duration::from_mins(1))
    }

    /// Any POST with a JSON body.
    ///
    /// # Errors
    /// When Flink does not answer, or answers with an error.
    pub fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let url = format!("{}{path}", self.address());
        read(path, self.agent.post(url).send_json(body))
    }

    /// Answers with the jar's id.
    fn upload(&self, jar: &Path) -> Result<String> {
        const BOUNDARY: &str = "dualwrite-jar-boundary";
        let bytes = std::fs::read(jar).with_context(|| format!("cannot read {}", jar.display()))?;
        let name = jar.file_name().unwrap_or_default().to_string_lossy();
        let mut body = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"jarfile\"; \
             filename=\"{name}\"\r\nContent-Type: application/x-java-archive\r\n\r\n"
        )
        .into_bytes();
        body.extend(bytes);
        body.extend(format!("\r\n--{BOUNDARY}--\r\n").into_bytes());
        let response = self
            .agent
            .post(format!("{}/jars/upload", self.address()))
            .content_type(format!("multipart/form-data; boundary={BOUNDARY}"))
            .send(body);
        let answer = read("/jars/upload", response)?;
        let stored = answer["filename"]
            .as_str()
            .ok_or_else(|| anyhow!("no file in {answer}"))?;
        Ok(stored.rsplit('/').next().unwrap_or_default().to_owned())
    }
}

type Answer = std::result::Result<ureq::http::Response<ureq::Body>, ureq::Error>;

fn read(what: &str, answer: Answer) -> Result<Value> {
    let mut response = answer.with_context(|| format!("{what}: Flink does not answer"))?;
    let status = response.status();
    let text = response
        .body_mut()
        .with_config()
        .limit(64 << 20)
        .read_to_string()
        .with_context(|| format!("{what}: the answer breaks off"))?;
    if !status.is_success() {
        bail!("{what}: {status}: {}", text.replace("\\n", "\n"));
    }
    serde_json::from_str(&text).with_context(|| format!("{what}: not JSON: {text}"))
}

fn info(entry: &Value) -> Result<CheckpointInfo> {
    // Times that are not known yet are -1.
    let number = |name: &str| entry[name].as_u64().unwrap_or_default();
    Ok(CheckpointInfo {
        id: entry["id"].as_u64().context("a checkpoint without an id")?,
        status: entry["status"].as_str().unwrap_or_default().to_owned(),
        is_savepoint: entry["is_savepoint"].as_bool().unwrap_or_default(),
        triggered_ms: number("trigger_timestamp"),
        latest_ack_ms: number("latest_ack_timestamp"),
        duration_ms: number("end_to_end_duration"),
        state_bytes: number("state_size"),
        checkpointed_bytes: number("checkpointed_size"),
        external_path: entry["external_path"].as_str().map(str::to_owned),
    })
}
