//! One hdfs-native client with a runtime of its own, so that it can be given up as a whole.
//!
//! hdfs-native 0.14.8 frees neither a client that ever opened a file (its lease renewal holds
//! itself) nor the pipeline of a writer that was dropped (its heartbeat does). Both live as tasks,
//! and the tasks die with the runtime. Refuses to decide when a client is given up.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use hdfs_native::{Client, ClientBuilder};
use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinError, JoinHandle};

use super::errors::translate;
use super::site::Site;
use crate::{ErrorKind, Result, StoreError, guest};

/// What distinguishes a client: which cluster, as whom, and how it is configured.
#[derive(Debug)]
pub(crate) struct Spec {
    /// `hdfs://authority`.
    pub(crate) name: String,
    pub(crate) authority: String,
    pub(crate) conf_dir: Option<String>,
    pub(crate) user: Option<String>,
    pub(crate) site: Site,
    /// hdfs-native's own waits are cut to fit into this.
    pub(crate) call_timeout: Duration,
}

/// A client and the threads it lives on; both end when the last user lets go.
#[derive(Debug)]
pub(crate) struct Generation {
    pub(crate) client: Client,
    pub(crate) number: u64,
    pub(crate) started: Instant,
    /// Writers that were dropped with their pipelines, each up to 13 MB (200 packets of 64 KiB).
    pub(crate) lost_writers: AtomicUsize,
    runtime: Option<Runtime>,
    live: Arc<AtomicUsize>,
}

impl Generation {
    /// Builds the client; nothing is asked of the cluster yet. Counts itself in `live`.
    pub(crate) fn start(spec: &Spec, number: u64, live: &Arc<AtomicUsize>) -> Result<Self> {
        let fail = |kind, message| Err(StoreError::new(kind, "open", &*spec.name, message));
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        let runtime = Builder::new_multi_thread()
            .worker_threads(cores.clamp(2, 4))
            .max_blocking_threads(8)
            .thread_name("dualwrite-hdfs")
            .on_thread_start(guest::begin)
            .enable_all()
            .build();
        let runtime = match runtime {
            Ok(runtime) => runtime,
            Err(error) => return fail(ErrorKind::Other, format!("no threads to be had: {error}")),
        };
        let mut builder = ClientBuilder::new()
            .with_url(&spec.name)
            .with_io_runtime(runtime.handle().clone())
            .with_config(
                spec.site
                    .overrides(&spec.authority, number, spec.call_timeout),
            );
        if let Some(dir) = &spec.conf_dir {
            builder = builder.with_config_dir(dir);
        }
        if let Some(user) = &spec.user {
            builder = builder.with_user(user);
        }
        match builder.build() {
            Ok(client) => {
                live.fetch_add(1, Ordering::Relaxed);
                Ok(Self {
                    client,
                    number,
                    started: Instant::now(),
                    lost_writers: AtomicUsize::new(0),
                    runtime: Some(runtime),
                    live: Arc::clone(live),
                })
            }
            Err(error) => {
                runtime.shutdown_background();
                let (kind, message) = translate("open", &error);
                fail(kind, message)
            }
        }
    }

    /// Runs a call on the client's threads.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        call: impl Future<Output = hdfs_native::Result<T>> + Send + 'static,
    ) -> Task<T> {
        // The runtime is only taken by `drop`.
        Task(self.runtime.as_ref().map(|runtime| runtime.spawn(call)))
    }
}

impl Drop for Generation {
    fn drop(&mut self) {
        self.live.fetch_sub(1, Ordering::Relaxed);
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A call that ends when nobody waits for it any more. Asked again after it has ended, it is one
/// that was given up.
#[derive(Debug)]
pub(crate) struct Task<T>(Option<JoinHandle<hdfs_native::Result<T>>>);

impl<T> Future for Task<T> {
    type Output = std::result::Result<hdfs_native::Result<T>, Option<JoinError>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(handle) = &mut self.0 else {
            return Poll::Ready(Err(None));
        };
        let ended = ready!(Pin::new(handle).poll(cx));
        self.0 = None;
        Poll::Ready(ended.map_err(Some))
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        if let Some(handle) = &self.0 {
            handle.abort();
        }
    }
}

/// Waits for `task` until `limit` and puts what came of it into our words; hdfs-native's panics
/// too.
pub(crate) async fn answer<T>(
    task: &mut Task<T>,
    limit: Duration,
    operation: &'static str,
    path: &str,
) -> Result<T> {
    let (kind, message) = match tokio::time::timeout(limit, task).await {
        Ok(Ok(Ok(value))) => return Ok(value),
        Ok(Ok(Err(error))) => translate(operation, &error),
        Ok(Err(Some(error))) if error.is_panic() => {
            let panic = error.into_panic();
            let words = panic.downcast_ref::<String>().map(String::as_str);
            let words = words.or_else(|| panic.downcast_ref::<&str>().copied());
            let words = words.unwrap_or("without words");
            (ErrorKind::Other, format!("hdfs-native panicked: {words}"))
        }
        Ok(Err(_)) => (ErrorKind::TimedOut, "given up with its client".to_owned()),
        Err(_) => (ErrorKind::TimedOut, format!("no answer within {limit:?}")),
    };
    Err(StoreError::new(kind, operation, path, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_becomes_an_error() {
        let mut task = Task::<()>(Some(tokio::spawn(async { panic!("SASL state {}", 7) })));
        let error = answer(&mut task, Duration::from_secs(10), "stat", "/a")
            .await
            .unwrap_err();
        assert_eq!(
            (error.kind, error.operation, &*error.path),
            (ErrorKind::Other, "stat", "/a")
        );
        assert_eq!(error.message, "hdfs-native panicked: SASL state 7");
    }

    /// As of a client whose threads ended while a file was created: what comes late is asked for
    /// once more.
    #[tokio::test]
    async fn what_was_given_up_may_be_asked_again() {
        let handle = tokio::spawn(std::future::pending::<hdfs_native::Result<()>>());
        handle.abort();
        let mut task = Task(Some(handle));
        for _ in 0..2 {
            let limit = Duration::from_secs(10);
            let error = answer(&mut task, limit, "create", "/a").await.unwrap_err();
            assert_eq!(error.kind, ErrorKind::TimedOut);
            assert_eq!(error.message, "given up with its client");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_hangs_times_out() {
        let hang = std::future::pending();
        let mut task = Task::<()>(Some(tokio::spawn(hang)));
        let error = answer(&mut task, Duration::from_secs(10), "stat", "/a")
            .await
            .unwrap_err();
        assert_eq!(error.kind, ErrorKind::TimedOut);
    }
}
