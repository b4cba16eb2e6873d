//! Backfill: files that the tee does not have are copied from the primary.
//!
//! A bounded number waiting, few at a time, the most urgent first (see `queue`). Refuses to copy
//! what the primary no longer has or what no checkpoint needs any more, and never overwrites.

mod copy;
mod queue;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use checkpoint_layout::{CheckpointDir, Location};
use futures::{StreamExt, stream};
use ownership::Placed;
use store::{ErrorKind, spread};
use telemetry::Metrics;
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::caught::caught;
use crate::job::{Job, Shared};
use crate::link::Class;
use crate::said::with_reason;
use crate::waits::Waits;
use copy::copy;
use queue::Queue;
pub(crate) use queue::Urgency;

/// Copies under way at once.
pub(crate) const COPIES_AT_ONCE: usize = 2;
/// Look-ups on the primary under way at once, after an outage.
const LOOKS_AT_ONCE: usize = 8;
/// A file that failed this often is dropped.
const ATTEMPTS_AT_MOST: u32 = 5;
/// Before the second attempt; doubled before each further one. Spread over processes.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// A file of one checkpoint alone is of no use when so many newer ones were taken: no more wait to
/// be published.
const CHECKPOINTS_THAT_WAIT: u64 = 16;

/// A file to be copied.
pub(crate) struct Wanted {
    job: Arc<Job>,
    from: Location,
    to: Location,
    /// Bytes; none: as many as the primary's file has.
    size: Option<u64>,
    urgency: Urgency,
    /// Lives as long as the checkpoint that needs it waits; none: nobody knows who needs it.
    need: Option<Weak<()>>,
    /// What the job's stride goes by, where it is the link's fault that the file is not there.
    waits: Option<Arc<Waits>>,
    attempts: u32,
}

impl Wanted {
    pub(crate) fn new(
        job: Arc<Job>,
        from: Location,
        to: Location,
        size: Option<u64>,
        urgency: Urgency,
    ) -> Self {
        Self {
            job,
            from,
            to,
            size,
            urgency,
            need: None,
            waits: None,
            attempts: 0,
        }
    }

    /// Of no use once `need` is gone.
    pub(crate) fn while_lives(mut self, need: Weak<()>) -> Self {
        self.need = Some(need);
        self
    }

    /// Counted as waiting until it is copied or dropped.
    pub(crate) fn counted(mut self, waits: Option<Arc<Waits>>) -> Self {
        self.waits = waits;
        self
    }

    /// Whether nobody needs it any more, as far as is known without asking.
    fn is_superseded(&self) -> bool {
        if let Some(need) = &self.need {
            return need.strong_count() == 0;
        }
        let Some(CheckpointDir(of)) = CheckpointDir::parse(self.from.parent().name()) else {
            return false;
        };
        let seen = self.job.newest_and_stride();
        seen.is_some_and(|(newest, stride)| {
            newest > of.saturating_add(CHECKPOINTS_THAT_WAIT * stride)
        })
    }

    /// Whether the checkpoint that was taken last names it. None: that is not known.
    fn is_named(&self) -> Option<bool> {
        let checkpoint = self.waits.as_ref()?.checkpoint();
        self.job.calls.names(&self.from, checkpoint)
    }

    fn is_deferred(&self) -> bool {
        self.urgency == Urgency::Deferred
    }

    fn class(&self) -> Class {
        if self.is_deferred() {
            Class::Deferred
        } else {
            Class::Needed
        }
    }
}

/// What waits to be copied in this process.
pub(crate) struct Backlog {
    queue: Mutex<Queue>,
    more: Notify,
    /// One look at all that waits is enough at a time.
    looking: AtomicBool,
    metrics: Arc<Metrics>,
}

impl Backlog {
    pub(crate) fn new(metrics: &Arc<Metrics>) -> Self {
        Self {
            queue: Mutex::default(),
            more: Notify::new(),
            looking: AtomicBool::new(false),
            metrics: Arc::clone(metrics),
        }
    }

    /// Queues a file, unless it is queued as urgently or being copied.
    pub(crate) fn want(&self, wanted: Wanted) {
        let mut queue = self.lock();
        let dropped = queue.insert(wanted);
        self.note(&queue);
        drop(queue);
        if dropped.is_some() {
            self.dropped("queue_full");
        }
        self.more.notify_one();
    }

    /// How much of what could grow there is.
    #[cfg(test)]
    pub(crate) fn count(&self, held: &mut std::collections::BTreeMap<&'static str, usize>) {
        let queue = self.lock();
        held.insert("known to backfill", queue.known());
        held.insert("waiting for backfill", queue.size().0);
    }

    /// Whether something that was deferred of a job waits or is under way.
    pub(crate) fn has_deferred(&self, job: u64) -> bool {
        self.lock().has_deferred(job)
    }

    /// What was deferred of a job is wanted now, if a checkpoint that was taken may name it.
    pub(crate) fn promote(&self, job: &Job) {
        let mut queue = self.lock();
        let dropped = queue.promote(job.number, Wanted::is_named);
        self.note(&queue);
        drop(queue);
        for _ in 0..dropped {
            self.dropped("superseded");
        }
    }

    fn put_back(&self, wanted: Wanted) {
        let mut queue = self.lock();
        queue.put_back(wanted);
        self.note(&queue);
        drop(queue);
        self.more.notify_one();
    }

    /// The next file whose secondary answers and that somebody may need.
    async fn next(&self, shared: &Arc<Shared>) -> Wanted {
        loop {
            let (wanted, down) = {
                let mut queue = self.lock();
                let wanted = queue.pop(|wanted| wanted.job.secondary.is_up());
                let down = queue.first().map(|first| Arc::clone(&first.job.secondary));
                self.note(&queue);
                (wanted, down)
            };
            match (wanted, down) {
                (Some(wanted), _) if wanted.is_superseded() => {
                    self.finished(&wanted);
                    self.dropped("superseded");
                }
                (Some(wanted), _) => {
                    // a permit of Notify is one, however many files were wanted
                    self.more.notify_one();
                    return wanted;
                }
                (None, Some(secondary)) => {
                    tokio::select! {
                        biased;
                        () = secondary.wait_up() => look_after_outage(shared),
                        () = self.more.notified() => {}
                    }
                }
                (None, None) => self.more.notified().await,
            }
        }
    }

    fn finished(&self, wanted: &Wanted) {
        self.lock().finished(&wanted.to);
    }

    fn dropped(&self, reason: &str) {
        self.metrics
            .backfill_dropped
            .with_label_values(&[reason])
            .inc();
    }

    fn note(&self, queue: &Queue) {
        let (files, bytes) = queue.size();
        let files = i64::try_from(files).unwrap_or(i64::MAX);
        self.metrics.backfill_queue.set(files);
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        self.metrics.backfill_queue_bytes.set(bytes);
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Copies what is wanted, one file after another, for ever.
pub(crate) async fn work(shared: Arc<Shared>) {
    while caught(shared.counts(), "Backfill", copy_all(&shared))
        .await
        .is_none()
    {}
}

async fn copy_all(shared: &Arc<Shared>) {
    loop {
        let mut wanted = shared.backlog.next(shared).await;
        let result = copy(shared, &wanted).await;
        wanted.attempts += 1;
        match result {
            Ok((copied, size)) => {
                if copied == Placed::Now {
                    shared.metrics.files_backfilled.inc();
                    shared.metrics.bytes_backfilled.inc_by(size);
                }
                if let Some(waits) = &wanted.waits {
                    waits.crossed();
                }
                shared.backlog.finished(&wanted);
            }
            Err(_) if wanted.is_deferred() && wanted.is_named() == Some(false) => {
                shared.backlog.dropped("superseded");
                shared.backlog.finished(&wanted);
            }
            Err(error) if error.kind == ErrorKind::NotFound => {
                // normal: the primary's checkpoint was subsumed meanwhile
                tracing::debug!("Not copied, gone from the primary: {error}");
                shared.backlog.dropped("vanished");
                shared.backlog.finished(&wanted);
            }
            Err(error) if error.is_transient() && wanted.attempts < ATTEMPTS_AT_MOST => {
                try_later(shared, wanted);
            }
            Err(error) => {
                shared.backlog.dropped("failed");
                shared.backlog.finished(&wanted);
                let cause = with_reason("Files not copied", error.kind.as_str(), None);
                if shared.said.first_or_counted(&cause) {
                    tracing::warn!(
                        "{} could not be copied to {}: {error}. Further ones with this cause are \
                         only counted, in dualwrite_backfill_dropped_total.",
                        wanted.from,
                        wanted.to
                    );
                }
            }
        }
    }
}

/// It stays known meanwhile, and the copies go on with others.
fn try_later(shared: &Arc<Shared>, wanted: Wanted) {
    let pause = FIRST_PAUSE * 2_u32.pow(wanted.attempts - 1);
    let pause = spread(pause, (&shared.writer_id, &wanted.to, wanted.attempts));
    let shared = Arc::clone(shared);
    let runtime = shared.runtime.clone();
    runtime.spawn(async move {
        sleep(pause).await;
        shared.backlog.put_back(wanted);
    });
}

/// Drops what the primary no longer has, at the cost of one look-up each, so that what can be
/// copied need not wait for it.
fn look_after_outage(shared: &Arc<Shared>) {
    if shared.backlog.looking.swap(true, Ordering::AcqRel) {
        return;
    }
    let shared = Arc::clone(shared);
    let runtime = shared.runtime.clone();
    runtime.spawn(async move {
        let looking = look_at_all(&shared);
        caught(shared.counts(), "Looking for what vanished", looking).await;
        shared.backlog.looking.store(false, Ordering::Release);
    });
}

async fn look_at_all(shared: &Shared) {
    // from the other end than the copies, which look for themselves
    let waiting: Vec<_> = {
        let queue = shared.backlog.lock();
        let waiting = queue.iter().rev();
        let waiting = waiting.map(|w| (Arc::clone(&w.job), w.from.clone(), w.to.clone()));
        waiting.collect()
    };
    let looks = stream::iter(waiting).map(|(job, from, to)| async move {
        let waits = shared.backlog.lock().waits(&to);
        let gone = waits && job.is_gone(&from).await;
        (gone, to)
    });
    let mut looks = looks.buffer_unordered(LOOKS_AT_ONCE);
    while let Some((gone, to)) = looks.next().await {
        if gone && shared.backlog.lock().remove(&to).is_some() {
            shared.backlog.dropped("vanished");
        }
    }
    shared.backlog.note(&shared.backlog.lock());
}
