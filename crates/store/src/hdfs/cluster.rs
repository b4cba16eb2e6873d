//! One cluster: its current client, the calls made on it, and what is cleaned up behind them.
//!
//! Every call is a task with a time limit. Refuses to repeat a call: that is for who knows what it
//! meant. Only deletions of given-up files are repeated here, for some minutes.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use hdfs_native::Client;
use hdfs_native::file::FileWriter;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;

use super::client::{Generation, Spec, Task, answer};
use super::replacement::{Health, is_due};
use crate::{ErrorKind, Result, guest, spread};

/// Deletions in the background at once, per cluster; further ones are left to be collected.
const CLEANUPS: usize = 64;
/// For how long it is tried to delete one file in the background.
const CLEANUP_SECONDS: u64 = 600;
/// The longest pause between two attempts, the first being one second; each is spread.
const CLEANUP_PAUSE_SECONDS: u64 = 8;
/// A create that timed out is waited for this many call limits longer.
const LATE_CREATE_LIMITS: u32 = 6;

/// A cluster as one user sees it. One per process: see `open`.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) spec: Spec,
    pub(crate) file_permission: u32,
    pub(crate) dir_permission: u32,
    state: Mutex<State>,
    live: Arc<AtomicUsize>,
    cleanups: Arc<Semaphore>,
}

#[derive(Debug)]
struct State {
    generation: Arc<Generation>,
    strikes: u32,
    fruitless: u32,
    replacing: bool,
}

impl Cluster {
    /// Builds the first client; nothing is asked of the cluster yet.
    pub(crate) fn start(spec: Spec, permissions: (u32, u32)) -> Result<Arc<Self>> {
        let live = Arc::default();
        let generation = Arc::new(Generation::start(&spec, 0, &live)?);
        let state = State {
            generation,
            strikes: 0,
            fruitless: 0,
            replacing: false,
        };
        let (file_permission, dir_permission) = permissions;
        let state = Mutex::new(state);
        let cleanups = Arc::new(Semaphore::new(CLEANUPS));
        Ok(Arc::new(Self {
            spec,
            file_permission,
            dir_permission,
            state,
            live,
            cleanups,
        }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The client for a new call. Has it replaced in the background when that is due.
    pub(crate) fn generation(self: &Arc<Self>) -> Arc<Generation> {
        let mut state = self.lock();
        let generation = Arc::clone(&state.generation);
        let health = Health {
            age: generation.started.elapsed(),
            strikes: state.strikes,
            lost_writers: generation.lost_writers.load(Ordering::Relaxed),
            fruitless: state.fruitless,
            live: self.live.load(Ordering::Relaxed),
        };
        if !state.replacing && is_due(health, self.spec.call_timeout) {
            state.replacing = true;
            let cluster = Arc::clone(self);
            background(move |runtime| {
                // Building may look names up.
                runtime.spawn_blocking(move || cluster.replace());
            });
        }
        generation
    }

    fn replace(&self) {
        let number = self.lock().generation.number + 1;
        let fresh = Generation::start(&self.spec, number, &self.live);
        let mut state = self.lock();
        state.replacing = false;
        match fresh {
            Ok(fresh) => {
                let cluster = &self.spec.name;
                tracing::info!(
                    cluster,
                    number,
                    strikes = state.strikes,
                    "takes a fresh client"
                );
                state.fruitless = if state.strikes > 0 {
                    state.fruitless + 1
                } else {
                    0
                };
                state.strikes = 0;
                let old = std::mem::replace(&mut state.generation, Arc::new(fresh));
                drop(state);
                drop(old);
            }
            Err(error) => tracing::warn!(%error, "no fresh client; the old one stays"),
        }
    }

    /// Waits for `task`, which runs on `generation`, and learns from it how the client fares.
    pub(crate) async fn wait<T>(
        &self,
        generation: &Generation,
        task: &mut Task<T>,
        (operation, path): (&'static str, &str),
        limit: Duration,
    ) -> Result<T> {
        let result = answer(task, limit, operation, path).await;
        let silent = result
            .as_ref()
            .is_err_and(|error| error.kind == ErrorKind::TimedOut);
        let mut state = self.lock();
        if state.generation.number == generation.number {
            if silent {
                state.strikes += 1;
            } else {
                (state.strikes, state.fruitless) = (0, 0);
            }
        }
        result
    }

    /// Makes one call on the current client.
    pub(crate) async fn call<T, F>(
        self: &Arc<Self>,
        operation: &'static str,
        path: &str,
        limit: Duration,
        call: impl FnOnce(Client) -> F,
    ) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = hdfs_native::Result<T>> + Send + 'static,
    {
        let generation = self.generation();
        let mut task = generation.spawn(call(generation.client.clone()));
        self.wait(&generation, &mut task, (operation, path), limit)
            .await
    }

    /// Deletes one file, or an empty directory.
    pub(crate) async fn delete_file(
        self: &Arc<Self>,
        operation: &'static str,
        path: &str,
        limit: Duration,
    ) -> Result<bool> {
        let owned = path.to_owned();
        let delete = |client: Client| async move { client.delete(&owned, false).await };
        self.call(operation, path, limit, delete).await
    }

    /// Deletes a file of ours in the background; what fails, is left to be collected.
    pub(crate) fn delete_later(self: &Arc<Self>, path: String, limit: Duration) {
        let Ok(permit) = Arc::clone(&self.cleanups).try_acquire_owned() else {
            tracing::debug!(
                path,
                "given up, and left to be collected: too many deletions wait"
            );
            return;
        };
        let cluster = Arc::clone(self);
        background(move |runtime| {
            runtime.spawn(async move {
                let start = Instant::now();
                for attempt in 0_u32.. {
                    match cluster.delete_file("delete", &path, limit).await {
                        Ok(_) => break,
                        Err(error)
                            if !error.is_transient()
                                || start.elapsed().as_secs() >= CLEANUP_SECONDS =>
                        {
                            tracing::debug!(%error, "a given-up file is left to be collected");
                            break;
                        }
                        Err(_) => {
                            let seconds = 2_u64.saturating_pow(attempt).min(CLEANUP_PAUSE_SECONDS);
                            let pause = Duration::from_secs(seconds);
                            tokio::time::sleep(spread(pause, (&path, attempt))).await;
                        }
                    }
                }
                drop(permit);
            });
        });
    }

    /// A create that timed out may still take effect. If it is seen to, the file is ours and goes.
    pub(crate) fn undo_late_create(
        self: &Arc<Self>,
        generation: Arc<Generation>,
        mut task: Task<FileWriter>,
        path: String,
        limit: Duration,
    ) {
        let Ok(permit) = Arc::clone(&self.cleanups).try_acquire_owned() else {
            return;
        };
        let cluster = Arc::clone(self);
        background(move |runtime| {
            runtime.spawn(async move {
                let late = limit * LATE_CREATE_LIMITS;
                if answer(&mut task, late, "create", &path).await.is_ok() {
                    drop(permit);
                    cluster.delete_later(path, limit);
                }
                drop(generation);
            });
        });
    }
}

/// Hands work to the one thread that cleans up behind all clusters; it outlives every client.
fn background(work: impl FnOnce(&Runtime)) {
    static RUNTIME: OnceLock<Option<Runtime>> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| {
        let mut builder = Builder::new_multi_thread();
        let builder = builder.worker_threads(1).thread_name("dualwrite-cleanup");
        builder
            .on_thread_start(guest::begin)
            .enable_time()
            .build()
            .ok()
    });
    if let Some(runtime) = runtime {
        work(runtime);
    } else {
        tracing::warn!("no thread to clean up with; given-up files wait for collection");
    }
}
