//! A stand-in for Flink's REST interface that does what a test says: jobs that start, run, complete
//! checkpoints and fail, and answers that are refused or lost.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// What becomes of a call.
#[derive(Debug, Clone)]
pub enum Fault {
    /// It has its effect, and the connection breaks before the answer.
    LoseAnswer,
    /// It has no effect, and is refused with Flink's words.
    Refuse(u16, &'static str),
}

/// A job as the stub plays it.
#[derive(Debug, Clone)]
pub struct Job {
    pub name: String,
    pub since: Instant,
    /// From its start until it is RUNNING.
    pub deploys_for: Duration,
    /// From then until its first checkpoint is complete.
    pub checkpoints_after: Duration,
    /// A state that it is in, whatever the time is.
    pub state: Option<&'static str>,
    /// The newest checkpoint, whatever the time is.
    pub newest: Option<u64>,
    /// Between a cancellation and the end.
    pub ends_after: Duration,
    pub cancelled: Option<Instant>,
    /// The body of the call that has started it.
    pub started_with: Value,
}

impl Job {
    /// One that runs since long ago.
    pub fn running(name: &str, newest: u64) -> Self {
        Self {
            newest: Some(newest),
            state: Some("RUNNING"),
            ..Self::new(name)
        }
    }

    fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            since: Instant::now(),
            deploys_for: Duration::from_millis(10),
            checkpoints_after: Duration::from_millis(10),
            state: None,
            newest: None,
            ends_after: Duration::from_millis(10),
            cancelled: None,
            started_with: Value::Null,
        }
    }

    fn state(&self) -> &'static str {
        if let Some(cancelled) = self.cancelled {
            let ended = cancelled.elapsed() >= self.ends_after;
            return if ended { "CANCELED" } else { "CANCELLING" };
        }
        let deployed = self.since.elapsed() >= self.deploys_for;
        self.state
            .unwrap_or(if deployed { "RUNNING" } else { "CREATED" })
    }

    pub fn is_alive(&self) -> bool {
        !["FINISHED", "CANCELED", "FAILED"].contains(&self.state())
    }

    fn newest(&self) -> Option<u64> {
        let first = self.since.elapsed() >= self.deploys_for + self.checkpoints_after;
        let runs = self.state.is_none_or(|state| state == "RUNNING");
        self.newest.or((first && runs).then_some(1))
    }
}

type Script = Box<dyn Fn(&str) -> Option<Fault> + Send + Sync>;

/// What the stub knows.
pub struct State {
    pub jobs: BTreeMap<String, Job>,
    /// All calls so far, like `POST /jars/upload`.
    pub calls: Vec<String>,
    /// How a job that is started behaves: by its name.
    pub plays: BTreeMap<String, Job>,
    script: Script,
}

/// A stub that listens until it is dropped.
pub struct Stub {
    pub address: String,
    state: Arc<Mutex<State>>,
    served: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Stub {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State {
            jobs: BTreeMap::new(),
            calls: Vec::new(),
            plays: BTreeMap::new(),
            script: Box::new(|_| None),
        }));
        let served = Arc::new(AtomicUsize::new(0));
        let (shared, count) = (state.clone(), served.clone());
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (shared, count) = (shared.clone(), count.clone());
                tokio::spawn(async move {
                    let service = service_fn(|request| answer(&shared, &count, request));
                    let http = hyper::server::conn::http1::Builder::new();
                    // An error is an answer that was to be lost.
                    let _ = http.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Self {
            address,
            state,
            served,
            task,
        }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// What becomes of calls from now on, by method and path.
    pub fn script(&self, script: impl Fn(&str) -> Option<Fault> + Send + Sync + 'static) {
        self.state().script = Box::new(script);
    }

    /// How a job of this name behaves when it is started.
    pub fn plays(&self, name: &str, change: impl FnOnce(&mut Job)) {
        let mut job = Job::new(name);
        change(&mut job);
        self.state().plays.insert(name.to_owned(), job);
    }

    /// How many calls it has answered, or lost the answer of.
    pub fn served(&self) -> usize {
        self.served.load(Ordering::SeqCst)
    }

    /// The calls that begin like this.
    pub fn calls(&self, beginning: &str) -> Vec<String> {
        let state = self.state();
        let calls = state
            .calls
            .iter()
            .filter(|call| call.starts_with(beginning));
        calls.cloned().collect()
    }

    /// The ids of the jobs of this name that have not ended.
    pub fn alive(&self, name: &str) -> Vec<String> {
        let state = self.state();
        let alive = state
            .jobs
            .iter()
            .filter(|(_, job)| job.name == name && job.is_alive());
        alive.map(|(id, _)| id.clone()).collect()
    }
}

async fn answer(
    state: &Mutex<State>,
    served: &AtomicUsize,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, std::io::Error> {
    let call = format!("{} {}", request.method(), request.uri());
    let body = request.into_body().collect().await;
    let body = body.map_err(std::io::Error::other)?.to_bytes();
    let (status, answer, lost) = {
        let mut state = state.lock().unwrap();
        state.calls.push(call.clone());
        match (state.script)(&call) {
            Some(Fault::Refuse(status, words)) => (status, json!({ "errors": [words] }), false),
            fault => {
                let (status, answer) = act(&mut state, &call, &body);
                (status, answer, matches!(fault, Some(Fault::LoseAnswer)))
            }
        }
    };
    served.fetch_add(1, Ordering::SeqCst);
    if lost {
        return Err(std::io::Error::other("lost, as the test says"));
    }
    let response = Response::builder().status(status);
    let body = Full::new(Bytes::from(answer.to_string()));
    response.body(body).map_err(std::io::Error::other)
}

fn act(state: &mut State, call: &str, body: &[u8]) -> (u16, Value) {
    let (method, path) = call.split_once(' ').unwrap();
    let parts: Vec<_> = path.trim_start_matches('/').split(['/', '?']).collect();
    let not_found = || (404, json!({ "errors": [format!("{path} is not found")] }));
    match (method, parts.as_slice()) {
        ("GET", ["config"]) => (200, json!({ "flink-version": "2.2.1" })),
        ("GET", ["jobs", "overview"]) => {
            let jobs = state
                .jobs
                .iter()
                .map(|(id, job)| json!({ "jid": id, "name": job.name, "state": job.state() }));
            (200, json!({ "jobs": jobs.collect::<Vec<_>>() }))
        }
        ("POST", ["jars", "upload"]) => {
            let text = String::from_utf8_lossy(body);
            assert!(text.contains("name=\"jarfile\""), "{text}");
            (
                200,
                json!({ "filename": "/tmp/flink-web-1/flink-web-upload/5f_job.jar" }),
            )
        }
        ("POST", ["jars", _, "run"]) => start(state, body),
        (_, ["jobs", id, ..]) if !state.jobs.contains_key(*id) => not_found(),
        ("GET", ["jobs", id]) => (200, json!({ "state": state.jobs[*id].state() })),
        ("PATCH", ["jobs", id, "mode=cancel"]) => {
            let job = state.jobs.get_mut(*id).unwrap();
            job.cancelled.get_or_insert_with(Instant::now);
            (202, json!({}))
        }
        ("GET", ["jobs", id, "checkpoints"]) => {
            let newest = state.jobs[*id].newest().map(|number| {
                json!({
                    "id": number,
                    "trigger_timestamp": 1_000,
                    "external_path": format!("hdfs://there/{id}/chk-{number}"),
                })
            });
            (200, json!({ "latest": { "completed": newest } }))
        }
        ("GET", ["jobs", _, "exceptions"]) => {
            let trace = "org.A: it failed\n\tat x\nCaused by: org.B: no such file\n\tat y";
            let entries = json!([{ "stacktrace": trace }]);
            (200, json!({ "exceptionHistory": { "entries": entries } }))
        }
        _ => not_found(),
    }
}

/// As Flink: an id is taken once, also when its job has ended.
fn start(state: &mut State, body: &[u8]) -> (u16, Value) {
    let body: Value = serde_json::from_slice(body).unwrap();
    let id = body["jobId"].as_str().unwrap().to_owned();
    let args = body["programArgsList"].as_array().unwrap();
    let name = args.last().and_then(Value::as_str).unwrap().to_owned();
    if state.jobs.contains_key(&id) {
        let words = "org.A: run failed\nCaused by: DuplicateJobSubmissionException: has already \
                     been submitted.";
        return (500, json!({ "errors": ["Internal server error.", words] }));
    }
    let mut job = state
        .plays
        .get(&name)
        .cloned()
        .unwrap_or_else(|| Job::new(&name));
    job.since = Instant::now();
    job.started_with = body;
    state.jobs.insert(id.clone(), job);
    (200, json!({ "jobid": id }))
}
