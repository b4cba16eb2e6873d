//! One job in one process: its two clusters, its paths, and what sessions and publisher share.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use checkpoint_layout::{Location, SecondaryRoot};
use store::{ClusterOptions, Store, StoreError};
use telemetry::Metrics;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_util::task::TaskTracker;

use crate::backfill::{Backlog, Wanted};
use crate::breaker::Breaker;
use crate::pool::Pool;
use crate::reason::{Abandonment, Reason};
use crate::settings::{JobSpec, Settings};
use crate::stream::Stream;

/// How a cluster is opened; tests put stores of their own in its place.
pub type Opener =
    Arc<dyn Fn(&Location, &ClusterOptions) -> store::Result<Arc<dyn Store>> + Send + Sync>;

/// What the process has once.
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) pool: Pool,
    pub(crate) runtime: Handle,
    pub(crate) backlog: Backlog,
    /// The uploads under way, to be waited for at the end.
    pub(crate) uploads: TaskTracker,
    /// In no other process's in-flight names.
    pub(crate) writer_id: String,
    pub(crate) said: SaidOnce,
    pub(crate) opener: Opener,
    next_inflight: AtomicU64,
    calls: Semaphore,
    breakers: Mutex<HashMap<String, Arc<Breaker>>>,
}

impl Shared {
    pub(crate) fn new(
        settings: Settings,
        metrics: Arc<Metrics>,
        runtime: Handle,
        opener: Opener,
    ) -> Arc<Self> {
        metrics
            .buffer_limit
            .set(i64::try_from(settings.buffer_memory).unwrap_or(i64::MAX));
        for reason in Reason::ALL {
            metrics
                .sessions_abandoned
                .with_label_values(&[reason.as_str()]);
        }
        let used = metrics.buffer_used.clone();
        Arc::new(Self {
            pool: Pool::new(settings.buffer_memory, settings.chunk_size, used),
            backlog: Backlog::new(&metrics),
            uploads: TaskTracker::new(),
            writer_id: uuid::Uuid::new_v4().simple().to_string(),
            said: SaidOnce::default(),
            next_inflight: AtomicU64::new(0),
            calls: Semaphore::new(settings.upload_concurrency),
            breakers: Mutex::default(),
            settings,
            metrics,
            runtime,
            opener,
        })
    }

    /// Waits for one of the calls that may be under way at once.
    pub(crate) async fn permit(&self) -> Option<SemaphorePermit<'_>> {
        // never closed, so always there
        self.calls.acquire().await.ok()
    }

    fn next_inflight(&self, root: &SecondaryRoot) -> Location {
        let number = self.next_inflight.fetch_add(1, Ordering::Relaxed);
        root.inflight(&self.writer_id, number)
    }

    /// The one breaker of a cluster, whichever job asks.
    fn breaker(&self, store: Arc<dyn Store>, probe_path: &str) -> Arc<Breaker> {
        let mut breakers = self.breakers.lock().unwrap_or_else(PoisonError::into_inner);
        let name = store.name().to_owned();
        let new = || {
            Breaker::new(
                store,
                probe_path,
                self.runtime.clone(),
                Arc::clone(&self.metrics),
            )
        };
        Arc::clone(breakers.entry(name).or_insert_with(new))
    }
}

/// One job.
pub struct Job {
    pub(crate) spec: JobSpec,
    pub(crate) root: SecondaryRoot,
    pub(crate) secondary: Arc<Breaker>,
    pub(crate) shared: Arc<Shared>,
}

impl Job {
    pub(crate) fn open(spec: JobSpec, shared: Arc<Shared>) -> store::Result<Arc<Self>> {
        let options = ClusterOptions {
            hadoop_conf_dir: spec.secondary_conf_dir.clone(),
            user: spec.secondary_user.clone(),
            call_timeout: shared.settings.call_timeout,
        };
        let store = (shared.opener)(&spec.secondary_dir, &options)?;
        let root = SecondaryRoot::new(spec.secondary_dir.clone());
        let secondary = shared.breaker(store, shared.next_inflight(&root).path());
        Ok(Arc::new(Self {
            spec,
            root,
            secondary,
            shared,
        }))
    }

    /// A name under which nobody has ever written.
    pub(crate) fn next_inflight(&self) -> Location {
        self.shared.next_inflight(&self.root)
    }

    /// Where a primary path belongs on the secondary; said once where it belongs nowhere.
    pub(crate) fn to_secondary(&self, primary: &str) -> Option<Location> {
        let mapping = &self.spec.mapping;
        let location = mapping.aliases().resolve(primary).ok();
        let mapped = location.and_then(|location| mapping.to_secondary(&location));
        if mapped.is_none()
            && self
                .shared
                .said
                .first(&format!("unmapped {}", self.spec.id))
        {
            let roots: Vec<_> = mapping.primary_roots().map(ToString::to_string).collect();
            tracing::warn!(
                "{primary} of job {} is under none of the primary's roots ({}), so it has no place \
                 on the secondary. Add its root to dualwrite.path-mapping or, if it is one of them \
                 by another name of the primary, that name to dualwrite.primary.aliases.",
                self.spec.id,
                roots.join(", ")
            );
        }
        mapped
    }

    /// The cluster on which a primary file lies.
    pub(crate) fn primary(&self, location: &Location) -> store::Result<Arc<dyn Store>> {
        let options = ClusterOptions {
            hadoop_conf_dir: self.spec.primary_conf_dir.clone(),
            user: None,
            call_timeout: self.shared.settings.call_timeout,
        };
        (self.shared.opener)(location, &options)
    }

    /// Queues a file to be copied from the primary, of so many bytes or of as many as it has there.
    pub(crate) fn backfill(self: &Arc<Self>, path: &str, size: Option<u64>) {
        let Some(to) = self.to_secondary(path) else {
            return;
        };
        let Ok(from) = self.spec.mapping.aliases().resolve(path) else {
            return;
        };
        self.shared
            .backlog
            .want(Wanted::new(Arc::clone(self), from, to, size));
    }

    /// Abandons a session: counted once, said once per cause.
    pub(crate) fn abandoned(
        &self,
        what: &Stream,
        abandonment: &Abandonment,
        reason: Reason,
        error: Option<&StoreError>,
    ) {
        if !abandonment.set(reason) {
            return;
        }
        // of a silent secondary its breaker tells
        let silent = matches!(
            reason,
            Reason::SecondaryDown | Reason::Timeout | Reason::Unavailable
        );
        let reason = reason.as_str();
        self.shared
            .metrics
            .sessions_abandoned
            .with_label_values(&[reason])
            .inc();
        if silent || !self.shared.said.first(&format!("abandoned {reason}")) {
            return;
        }
        let cause = error.map(|error| format!(": {error}")).unwrap_or_default();
        tracing::warn!(
            "{what} of job {} was not teed ({reason}){cause}. It is copied from the primary. \
             Further ones are only counted, in dualwrite_sessions_abandoned_total.",
            self.spec.id
        );
    }
}

/// Causes that were said already. Holds a bounded number; past that everything counts as said.
#[derive(Default)]
pub(crate) struct SaidOnce(Mutex<HashSet<String>>);

impl SaidOnce {
    const CAUSES_AT_MOST: usize = 10_000;

    /// Whether this is the first time.
    pub(crate) fn first(&self, cause: &str) -> bool {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        said.len() < Self::CAUSES_AT_MOST && said.insert(cause.to_owned())
    }
}
