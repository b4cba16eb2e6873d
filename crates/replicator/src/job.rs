//! One job in one process: its two clusters, its paths, and what sessions and publisher share.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use checkpoint_layout::{Location, SecondaryRoot};
use store::{ClusterOptions, Store, StoreError};
use telemetry::Metrics;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use crate::backfill::{Backlog, Urgency, Wanted};
use crate::breaker::Breaker;
use crate::deferred::{self, Calls};
use crate::digests::Gathered;
use crate::feed::Sealed;
use crate::link::Link;
use crate::pool::Pool;
use crate::reason::{Fate, Reason};
use crate::replicator::Surroundings;
use crate::said::{Said, with_reason};
use crate::settings::{JobSpec, Settings};
use crate::spill::Spill;
use crate::stream::{Scope, Stream};
use crate::stride::{Decision, Stride};
use crate::strides::{self, Recorded};

/// How a cluster is opened; tests put stores of their own in its place.
pub type Opener =
    Arc<dyn Fn(&Location, &ClusterOptions) -> store::Result<Arc<dyn Store>> + Send + Sync>;

/// Look-ups on the primary under way at once, for what is deferred.
const LOOKS_AT_ONCE: usize = 8;

/// What the process has once.
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) pool: Pool,
    pub(crate) link: Link,
    pub(crate) spill: Spill,
    pub(crate) runtime: Handle,
    pub(crate) backlog: Backlog,
    /// The uploads under way, to be waited for at the end.
    pub(crate) uploads: TaskTracker,
    /// In no other process's in-flight names.
    pub(crate) writer_id: String,
    pub(crate) said: Said,
    looks: Semaphore,
    pub(crate) opener: Opener,
    next_number: AtomicU64,
    next_job: AtomicU64,
    breakers: Mutex<HashMap<String, Arc<Breaker>>>,
}

impl Shared {
    pub(crate) fn new(
        surroundings: Surroundings,
        settings: Settings,
        metrics: Arc<Metrics>,
        runtime: Handle,
    ) -> Arc<Self> {
        let Surroundings {
            opener,
            disks,
            writer_id,
        } = surroundings;
        metrics
            .buffer_limit
            .set(i64::try_from(settings.buffer_memory).unwrap_or(i64::MAX));
        let used = metrics.buffer_used.clone();
        let spill = Spill::new(&settings, disks, &metrics);
        Arc::new(Self {
            pool: Pool::new(settings.buffer_memory, settings.chunk_size, used),
            link: Link::new(&settings, &metrics),
            spill,
            backlog: Backlog::new(&metrics),
            uploads: TaskTracker::new(),
            writer_id,
            said: Said::default(),
            looks: Semaphore::new(LOOKS_AT_ONCE),
            next_number: AtomicU64::new(0),
            next_job: AtomicU64::new(0),
            breakers: Mutex::default(),
            settings,
            metrics,
            runtime,
            opener,
        })
    }

    /// Where panics are counted and said.
    pub(crate) fn counts(&self) -> (&Metrics, &Said) {
        (&self.metrics, &self.said)
    }

    /// In no other in-flight name of the process.
    fn next_number(&self) -> u64 {
        self.next_number.fetch_add(1, Ordering::Relaxed)
    }

    fn next_inflight(&self, root: &SecondaryRoot) -> Location {
        root.inflight(&self.writer_id, self.next_number())
    }

    /// How much of what could grow there is.
    #[cfg(test)]
    pub(crate) fn count(&self, held: &mut std::collections::BTreeMap<&'static str, usize>) {
        let breakers = self.breakers.lock().unwrap_or_else(PoisonError::into_inner);
        held.insert("breakers", breakers.len());
        self.said.count(held);
        self.link.count(held);
        self.spill.count(held);
        self.backlog.count(held);
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
    /// No other job of the process has it.
    pub(crate) number: u64,
    pub(crate) spec: JobSpec,
    pub(crate) root: SecondaryRoot,
    pub(crate) secondary: Arc<Breaker>,
    pub(crate) shared: Arc<Shared>,
    stride: Mutex<Stride>,
    /// To those that are deferred.
    pub(crate) calls: Calls,
    pub(crate) recorded: Mutex<Recorded>,
    /// Of the files that this process has put on the secondary.
    pub(crate) gathered: Gathered,
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
        let stride = Stride::new(shared.settings.stride_at_most);
        Ok(Arc::new(Self {
            number: shared.next_job.fetch_add(1, Ordering::Relaxed),
            spec,
            root,
            secondary,
            shared,
            stride: Mutex::new(stride),
            calls: Calls::default(),
            recorded: Mutex::default(),
            gathered: Gathered::default(),
        }))
    }

    /// A name under which nobody has ever written.
    pub(crate) fn next_inflight(&self) -> Location {
        self.shared.next_inflight(&self.root)
    }

    /// The same, where the next process to claim the job deletes it.
    pub(crate) fn next_claimed(&self) -> Location {
        let (writer, number) = (&self.shared.writer_id, self.shared.next_number());
        self.root.claimed(&self.spec.id, writer, number)
    }

    /// The name of a document of digests.
    pub(crate) fn next_digest_batch(&self) -> Location {
        let (writer, number) = (&self.shared.writer_id, self.shared.next_number());
        self.root.digest_batch(&self.spec.id, writer, number)
    }

    /// The number of a claim, which no other one of the process has.
    pub(crate) fn next_claim(&self) -> u64 {
        self.shared.next_number()
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

    /// Whether the secondary has this file, of so many bytes if that is known.
    pub(crate) async fn has(&self, to: &Location, size: Option<u64>) -> store::Result<bool> {
        let found = self.secondary.stat(to.path()).await?;
        Ok(found.is_some_and(|file| !file.is_dir && size.is_none_or(|size| file.length == size)))
    }

    /// Whether the primary says that it does not have this file.
    pub(crate) async fn is_gone(&self, from: &Location) -> bool {
        let _look = self.shared.looks.acquire().await;
        match self.primary(from) {
            Ok(primary) => matches!(primary.stat(from.path()).await, Ok(None)),
            Err(_) => false,
        }
    }

    /// What this process takes of the job.
    pub(crate) fn stride(&self) -> MutexGuard<'_, Stride> {
        self.stride.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest checkpoint that this process has seen of the job, and its stride.
    pub(crate) fn newest_and_stride(&self) -> Option<(u64, u64)> {
        let stride = self.stride();
        Some((stride.newest()?, stride.stride()))
    }

    /// A stream of this checkpoint is opened. Whether the checkpoint is taken.
    pub(crate) fn enter(self: &Arc<Self>, checkpoint: Option<u64>) -> bool {
        let Some(checkpoint) = checkpoint else {
            return true;
        };
        let decision = self.stride().enter(checkpoint);
        if decision.is_new {
            self.entered(checkpoint, decision);
        }
        decision.takes
    }

    fn entered(self: &Arc<Self>, checkpoint: u64, decision: Decision) {
        let (stride, before) = (decision.stride, decision.stride_before);
        let id = &self.spec.id;
        if stride != before {
            let signed = i64::try_from(stride).unwrap_or(i64::MAX);
            let metrics = &self.shared.metrics;
            metrics.stride(&self.spec.name, id).set(signed);
        }
        if stride > before && self.shared.said.first(&format!("stride {id}")) {
            tracing::warn!(
                "The link to the secondary is slower than job {id} writes: from checkpoint \
                 {checkpoint} on this process copies one in {stride} of its checkpoints. What it \
                 is later, is told by dualwrite_stride alone."
            );
        }
        deferred::tell(self, decision.taken_before);
        strides::record_if_due(self, checkpoint, stride);
    }

    /// Queues a file to be copied from the primary.
    pub(crate) fn backfill(self: &Arc<Self>, path: &str, size: u64) {
        self.want(path, Some(size), Urgency::Missed, |wanted| wanted);
    }

    /// Queues a file that `checkpoint` lacks, which waits to be published as long as `need` lives.
    /// Without a size it is copied as long as the primary has it.
    pub(crate) fn needs(
        self: &Arc<Self>,
        path: &str,
        size: Option<u64>,
        checkpoint: u64,
        need: Weak<()>,
    ) {
        let urgency = Urgency::Needed(checkpoint);
        self.want(path, size, urgency, |wanted| wanted.while_lives(need));
    }

    /// What becomes of a complete file whose session was abandoned.
    pub(crate) fn left_behind(self: &Arc<Self>, stream: &Stream, reason: Reason, sealed: &Sealed) {
        let (path, size) = (&sealed.path, Some(sealed.size));
        if reason != Reason::Stride {
            // a link that is too slow shows in the stride, a secondary that is down does not
            let is_slow = matches!(
                reason,
                Reason::BufferFull | Reason::SpillFull | Reason::SpillFailed
            );
            let waits = sealed.waits.clone().filter(|_| is_slow);
            self.want(path, size, Urgency::Missed, |wanted| wanted.counted(waits));
        } else if stream.scope != Scope::Exclusive {
            let waits = sealed.waits.clone();
            self.want(path, size, Urgency::Deferred, |wanted| {
                wanted.counted(waits)
            });
        }
        // an exclusive file is of no use without the others of its checkpoint
    }

    fn want(
        self: &Arc<Self>,
        path: &str,
        size: Option<u64>,
        urgency: Urgency,
        with: impl FnOnce(Wanted) -> Wanted,
    ) {
        let Some(to) = self.to_secondary(path) else {
            return;
        };
        let Ok(from) = self.spec.mapping.aliases().resolve(path) else {
            return;
        };
        let wanted = Wanted::new(Arc::clone(self), from, to, size, urgency);
        self.shared.backlog.want(with(wanted));
    }

    /// Abandons a session: counted once, said once per cause.
    pub(crate) fn abandoned(
        &self,
        what: &Stream,
        fate: &Fate,
        reason: Reason,
        error: Option<&StoreError>,
    ) {
        if !fate.abandon(reason, &self.shared.metrics) {
            return;
        }
        // of a silent secondary its breaker tells, of a stride its change
        let is_silence = matches!(
            reason,
            Reason::SecondaryDown | Reason::Timeout | Reason::Unavailable
        );
        let is_chosen = reason == Reason::Stride;
        let reason = reason.as_str();
        let said = &self.shared.said;
        let cause = with_reason("Files not teed", reason, error.filter(|_| !is_silence));
        if is_silence {
            said.counted(&cause);
        }
        if is_silence || is_chosen || !said.first_or_counted(&cause) {
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
