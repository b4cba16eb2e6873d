//! What the process has once: runtime, replicator, handles. Made by the first job that is opened.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use replicator::{JobHandle, Replicator, Session, SettingsError, from_pairs};
use telemetry::Metrics;
use tokio::runtime::Runtime;

use crate::slots::Slots;

/// Threads of the runtime. They wait for the network; the bytes are not touched again.
const WORKER_THREADS: usize = 2;

/// The process's one instance.
pub(crate) struct Process {
    runtime: Runtime,
    replicator: Replicator,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) jobs: Slots<JobHandle>,
    pub(crate) sessions: Slots<Arc<Session>>,
    /// The handles of opened jobs by id and role, so that the same job has the same handle.
    opened: std::sync::Mutex<std::collections::HashMap<String, i64>>,
}

/// Why a job was not opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error(
        "Checkpoints are not copied to the secondary, the job runs without it: dualwrite.{0}. \
         Correct the value and restart the job."
    )]
    Settings(#[from] SettingsError),
    #[error("Checkpoints are not copied to the secondary, the job runs without it: {0}.")]
    Other(String),
}

static PROCESS: OnceLock<Option<Process>> = OnceLock::new();

/// The instance, if a job was opened.
pub(crate) fn get() -> Option<&'static Process> {
    PROCESS.get()?.as_ref()
}

/// Opens a job, with the process if this is the first.
pub(crate) fn open_job(pairs: &[String]) -> Result<i64, OpenError> {
    let (settings, spec) = from_pairs(pairs)?;
    let mut failed = None;
    let process = PROCESS.get_or_init(|| {
        let started = start(settings, pairs);
        started.map_err(|error| failed = Some(error)).ok()
    });
    let Some(process) = process else {
        let why = failed.unwrap_or_else(|| "the native library has not started".to_owned());
        return Err(OpenError::Other(why));
    };
    let key = format!("{} {:?}", spec.id, spec.role);
    let job = process.replicator.open_job(spec);
    let job = job.map_err(|error| OpenError::Other(error.to_string()))?;
    let mut opened = process
        .opened
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    Ok(*opened
        .entry(key)
        .or_insert_with(|| process.jobs.insert(job)))
}

/// `pairs` say where the metrics are served; whatever comes of that, the process starts.
fn start(settings: replicator::Settings, pairs: &[String]) -> Result<Process, String> {
    replicator::be_a_guest();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKER_THREADS)
        .thread_name("dualwrite")
        .enable_all()
        .build()
        .map_err(|error| format!("no threads: {error}"))?;
    let metrics = Metrics::new().map_err(|error| error.to_string())?;
    let replicator = Replicator::start(settings, Arc::clone(&metrics), runtime.handle());
    match endpoint::Settings::from_pairs(pairs) {
        Ok(Some(at)) => endpoint::start(at, Arc::clone(&metrics), runtime.handle()),
        Ok(None) => {}
        Err(error) => tracing::warn!("The metrics of this process are not served: {error}."),
    }
    Ok(Process {
        runtime,
        replicator,
        metrics,
        jobs: Slots::new(),
        sessions: Slots::new(),
        opened: std::sync::Mutex::default(),
    })
}

impl Process {
    /// Waits until what is under way has ended, for `limit` at most.
    pub(crate) fn shutdown(&self, limit: Duration) {
        let left = self.runtime.block_on(self.replicator.drain(limit));
        if left > 0 {
            tracing::info!("{left} files were still on their way to the secondary at the end.");
        }
    }
}
