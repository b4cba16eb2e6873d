//! The part of Flink's REST interface that a switch needs (`/jobs`, `/jars`; Flink 1.15 to 2.3). No
//! call is without a time limit, and none is repeated here: only the caller knows what a lost
//! answer means. Refuses to log in: who may not is told so.

mod tls;
mod told;

use std::path::Path;
use std::time::Duration;

use serde_json::{Map, Value, json};
use ureq::Agent;
use ureq::unversioned::multipart::Form;

use crate::Launch;

pub use tls::Tls;
pub use told::{Completed, FlinkError, JobState, RunningJob};

use told::{causes, refusal};

/// Of a call that Flink answers from memory.
const CALL_LIMIT: Duration = Duration::from_secs(10);
/// Of the upload of a jar.
const UPLOAD_LIMIT: Duration = Duration::from_mins(10);
/// Of the start of a job, in which Flink runs its `main`.
const RUN_LIMIT: Duration = Duration::from_mins(3);
/// Answers are not read beyond: a JobManager with thousands of jobs has a few megabytes.
const MOST_ANSWER_BYTES: u64 = 64 << 20;

/// A job to be started.
#[derive(Debug, Clone, Copy)]
pub struct Start<'a> {
    /// The id that it is to have.
    pub job_id: &'a str,
    /// How.
    pub launch: &'a Launch,
    /// The checkpoint.
    pub path: &'a str,
    /// The version of the Flink that starts it, like `1.20.5`.
    pub flink_version: &'a str,
}

/// A client of one JobManager. Its calls run on threads of their own.
#[derive(Debug, Clone)]
pub struct Flink {
    agent: Agent,
    address: String,
}

impl Flink {
    /// A client of the JobManager at `address`, like `http://jobmanager:8081`; `tls` is for one of
    /// `https`. Nothing is asked of it yet.
    ///
    /// # Errors
    /// When it is no such address: with what is accepted. When a file of `tls` is not what it is
    /// for.
    pub fn new(address: &str, tls: &Tls) -> Result<Self, String> {
        let address = address.trim_end_matches('/');
        let (scheme, host) = address.split_once("://").unwrap_or_default();
        let is_known = ["http", "https"].contains(&scheme);
        if !is_known || host.is_empty() || host.contains(['?', '#', ' ']) {
            return Err(format!(
                "'{address}' is no address of a Flink (accepted: http://host:port, \
                 https://host:port)"
            ));
        }
        let mut config = Agent::config_builder()
            .timeout_global(Some(CALL_LIMIT))
            .http_status_as_error(false);
        if scheme == "https" {
            config = config.tls_config(tls.config()?);
        }
        Ok(Self {
            agent: config.build().into(),
            address: address.to_owned(),
        })
    }

    /// Its address.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Its version, like `1.20.5`.
    ///
    /// # Errors
    /// When Flink does not answer, or refuses.
    pub async fn version(&self) -> Result<String, FlinkError> {
        let answer = self.get("/config").await?;
        self.text(&answer, "flink-version", "/config")
    }

    /// All jobs that it knows, ended ones for as long as it keeps them.
    ///
    /// # Errors
    /// When Flink does not answer, or refuses.
    pub async fn jobs(&self) -> Result<Vec<RunningJob>, FlinkError> {
        const CALL: &str = "/jobs/overview";
        let answer = self.get(CALL).await?;
        let jobs = answer["jobs"].as_array();
        let jobs = jobs.ok_or_else(|| self.silent(CALL, "it has no jobs in it".to_owned()))?;
        let job = |job: &Value| {
            Ok(RunningJob {
                id: self.text(job, "jid", CALL)?,
                name: self.text(job, "name", CALL)?,
                state: JobState::parse(&self.text(job, "state", CALL)?),
            })
        };
        jobs.iter().map(job).collect()
    }

    /// The state of a job; none if Flink does not know it.
    ///
    /// # Errors
    /// When Flink does not answer, or refuses.
    pub async fn job_state(&self, job_id: &str) -> Result<Option<JobState>, FlinkError> {
        let call = format!("/jobs/{job_id}");
        match self.get(&call).await {
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
            Ok(answer) => {
                let state = self.text(&answer, "state", &call)?;
                Ok(Some(JobState::parse(&state)))
            }
        }
    }

    /// Asks for a job's end; it goes on until [`Self::job_state`] says otherwise.
    ///
    /// # Errors
    /// When Flink does not answer, or refuses.
    pub async fn cancel(&self, job_id: &str) -> Result<(), FlinkError> {
        let call = format!("/jobs/{job_id}?mode=cancel");
        let sent = self.ask("PATCH", &call, |agent, url| agent.patch(url).send_empty());
        sent.await.map(drop)
    }

    /// The newest checkpoint that the job has completed; none if it has completed none, or Flink
    /// does not know the job.
    ///
    /// # Errors
    /// When Flink does not answer, or refuses.
    pub async fn newest_completed(&self, job_id: &str) -> Result<Option<Completed>, FlinkError> {
        let answer = match self.get(&format!("/jobs/{job_id}/checkpoints")).await {
            Err(error) if error.is_not_found() => return Ok(None),
            answer => answer?,
        };
        let newest = &answer["latest"]["completed"];
        Ok(newest["id"].as_u64().map(|id| Completed {
            id,
            triggered_at_ms: newest["trigger_timestamp"].as_u64().unwrap_or_default(),
            path: newest["external_path"].as_str().map(str::to_owned),
        }))
    }

    /// Why the job failed last, in a line; none if it has not failed.
    ///
    /// # Errors
    /// When Flink does not answer, or refuses.
    pub async fn last_failure(&self, job_id: &str) -> Result<Option<String>, FlinkError> {
        let answer = self.get(&format!("/jobs/{job_id}/exceptions")).await?;
        let newest = answer["exceptionHistory"]["entries"][0]["stacktrace"].as_str();
        // `root-exception` before Flink 1.13, and until 2.0.
        let root = answer["root-exception"].as_str();
        Ok(newest.or(root).map(causes))
    }

    /// Uploads a jar and answers with its id.
    ///
    /// # Errors
    /// When it cannot be read, Flink does not answer, or refuses.
    pub async fn upload(&self, jar: &Path) -> Result<String, FlinkError> {
        const CALL: &str = "/jars/upload";
        let no_jar = |error: std::io::Error| FlinkError::NoJar {
            path: jar.to_owned(),
            message: error.to_string(),
        };
        // What would otherwise be taken for a silent Flink.
        std::fs::File::open(jar).map_err(no_jar)?;
        let path = jar.to_owned();
        let answer = self
            .ask("POST", CALL, move |agent, url| {
                let form = Form::new().file("jarfile", &path)?;
                let request = agent.post(url).config();
                request
                    .timeout_global(Some(UPLOAD_LIMIT))
                    .build()
                    .send(form)
            })
            .await?;
        // The path on the JobManager, of which the name is the id (`JarUploadResponseBody`).
        let path = self.text(&answer, "filename", CALL)?;
        Ok(path
            .rsplit(['/', '\\'])
            .next()
            .unwrap_or_default()
            .to_owned())
    }

    /// Starts a job from an uploaded jar, under the id that it is to have.
    ///
    /// # Errors
    /// When Flink refuses, or does not answer: then it may be started.
    pub async fn run(&self, jar_id: &str, start: Start<'_>) -> Result<(), FlinkError> {
        let body = run_request(start);
        let call = format!("/jars/{jar_id}/run");
        let sent = self.ask("POST", &call, move |agent, url| {
            let request = agent.post(url).config();
            request
                .timeout_global(Some(RUN_LIMIT))
                .build()
                .send_json(body)
        });
        sent.await.map(drop)
    }

    async fn get(&self, call: &str) -> Result<Value, FlinkError> {
        self.ask("GET", call, |agent, url| agent.get(url).call())
            .await
    }

    /// One call, on a thread of its own.
    async fn ask(
        &self,
        method: &str,
        call: &str,
        send: impl FnOnce(&Agent, &str) -> Answer + Send + 'static,
    ) -> Result<Value, FlinkError> {
        let url = format!("{}{call}", self.address);
        let agent = self.agent.clone();
        let asked = tokio::task::spawn_blocking(move || read(send(&agent, &url)));
        let call = format!("{method} {call}");
        match asked.await {
            Ok(Ok((status, text))) if (200..300).contains(&status) => serde_json::from_str(&text)
                .map_err(|error| self.silent(&call, format!("it is not JSON: {error}"))),
            Ok(Ok((status, text))) => Err(FlinkError::Refused {
                address: self.address.clone(),
                call,
                status,
                message: refusal(&text),
            }),
            Ok(Err(error)) => Err(self.silent(&call, error.to_string())),
            Err(error) => Err(self.silent(&call, error.to_string())),
        }
    }

    fn text(&self, answer: &Value, name: &str, call: &str) -> Result<String, FlinkError> {
        let text = answer[name].as_str().map(str::to_owned);
        text.ok_or_else(|| self.silent(call, format!("it has no {name} in it")))
    }

    fn silent(&self, call: &str, message: String) -> FlinkError {
        FlinkError::Silent {
            address: self.address.clone(),
            call: call.to_owned(),
            message,
        }
    }
}

type Answer = Result<ureq::http::Response<ureq::Body>, ureq::Error>;

fn read(answer: Answer) -> Result<(u16, String), ureq::Error> {
    let mut response = answer?;
    let status = response.status().as_u16();
    let body = response.body_mut().with_config().limit(MOST_ANSWER_BYTES);
    Ok((status, body.read_to_string()?))
}

/// The body of `/jars/:jarid/run` (`JarRunRequestBody`).
fn run_request(start: Start<'_>) -> Value {
    let launch = start.launch;
    let mut body = Map::new();
    body.insert("jobId".to_owned(), json!(start.job_id));
    body.insert("savepointPath".to_owned(), json!(start.path));
    if let Some(key) = claim_key(start.flink_version) {
        body.insert(key.to_owned(), json!(launch.claim_mode.as_str()));
    }
    body.insert("programArgsList".to_owned(), json!(launch.args));
    let allow = launch.allow_non_restored_state;
    body.insert("allowNonRestoredState".to_owned(), json!(allow));
    if let Some(class) = &launch.entry_class {
        body.insert("entryClass".to_owned(), json!(class));
    }
    if let Some(parallelism) = launch.parallelism {
        body.insert("parallelism".to_owned(), json!(parallelism));
    }
    if !launch.configuration.is_empty() {
        let configuration = json!(launch.configuration);
        body.insert("flinkConfiguration".to_owned(), configuration);
    }
    Value::Object(body)
}

/// What a Flink of this version calls the claim mode in `/jars/:jarid/run`: `claimMode` since 1.20,
/// `restoreMode` since 1.15, and nothing before.
fn claim_key(flink_version: &str) -> Option<&'static str> {
    let mut parts = flink_version.split(['.', '-']).map(str::parse::<u32>);
    let mut next = || parts.next().and_then(Result::ok);
    match (next(), next()) {
        (Some(1), Some(minor)) if minor < 15 => None,
        (Some(1), Some(minor)) if minor < 20 => Some("restoreMode"),
        _ => Some("claimMode"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::plan;

    #[test]
    fn an_address_is_http_or_https_or_refused() {
        for address in ["http://jm:8081", "https://flink.example/jm"] {
            let with_a_slash = format!("{address}/");
            let flink = Flink::new(&with_a_slash, &Tls::default()).unwrap();
            assert_eq!(flink.address(), address);
        }
        for address in ["jm:8081", "http://", "https://", "http://a b", "ftp://x"] {
            let error = Flink::new(address, &Tls::default()).unwrap_err();
            assert!(error.contains("accepted: http://host:port"), "{error}");
        }
    }

    #[test]
    fn the_claim_mode_is_called_as_the_version_calls_it() {
        for (version, key) in [
            ("1.14.6", None),
            ("1.15.4", Some("restoreMode")),
            ("1.19.2", Some("restoreMode")),
            ("1.20.5", Some("claimMode")),
            ("2.2-SNAPSHOT", Some("claimMode")),
        ] {
            assert_eq!(claim_key(version), key, "{version}");
        }
    }

    #[test]
    fn a_job_is_asked_for_with_all_that_is_known() {
        let launch = plan().jobs[0].launch.clone().unwrap();
        let start = Start {
            job_id: "00ff",
            launch: &launch,
            path: "hdfs://nn2/cp/chk-1",
            flink_version: "2.2.1",
        };
        let expected = json!({
            "jobId": "00ff",
            "savepointPath": "hdfs://nn2/cp/chk-1",
            "claimMode": "NO_CLAIM",
            "programArgsList": ["--name", "it's"],
            "allowNonRestoredState": false,
            "entryClass": "io.example.Payments",
            "parallelism": 8,
            "flinkConfiguration": {"a": "1"},
        });
        assert_eq!(run_request(start), expected);
    }
}
