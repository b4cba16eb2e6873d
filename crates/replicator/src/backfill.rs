//! Backfill: files that the tee does not have are copied from the primary.
//!
//! Newest first, a bounded number waiting, few at a time. Refuses to copy what the primary no
//! longer has, and never overwrites.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use checkpoint_layout::Location;
use prometheus::IntGauge;
use store::{ErrorKind, Result, Store, StoreError};
use telemetry::Metrics;
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::caught::caught;
use crate::job::{Job, Shared};
use crate::place::{Placed, place};

/// Files waiting, at most; past that the oldest is dropped, and the JobManager asks again for what
/// a checkpoint needs.
const WAITING_FILES_AT_MOST: usize = 20_000;
/// Copies under way at once.
pub(crate) const COPIES_AT_ONCE: usize = 2;
/// A file that failed this often is dropped.
const ATTEMPTS_AT_MOST: u32 = 5;
/// Before the second attempt; doubled before each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// Bytes read from the primary at once.
const PIECE_BYTES: u64 = 1 << 20;

/// Why a file was not copied: the label's values.
const DROPPED: [&str; 3] = ["queue_full", "vanished", "failed"];

/// A file to be copied.
pub(crate) struct Wanted {
    job: Arc<Job>,
    from: Location,
    to: Location,
    /// Bytes; none: as many as the primary's file has.
    size: Option<u64>,
    attempts: u32,
}

impl Wanted {
    pub(crate) fn new(job: Arc<Job>, from: Location, to: Location, size: Option<u64>) -> Self {
        Self {
            job,
            from,
            to,
            size,
            attempts: 0,
        }
    }
}

/// What waits to be copied in this process.
pub(crate) struct Backlog {
    queue: Mutex<Queue>,
    more: Notify,
    length: IntGauge,
    metrics: Arc<Metrics>,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Wanted>,
    /// Waiting or under way, by the path on the secondary.
    known: HashSet<Location>,
}

impl Backlog {
    pub(crate) fn new(metrics: &Arc<Metrics>) -> Self {
        for reason in DROPPED {
            metrics.backfill_dropped.with_label_values(&[reason]);
        }
        Self {
            queue: Mutex::default(),
            more: Notify::new(),
            length: metrics.backfill_queue.clone(),
            metrics: Arc::clone(metrics),
        }
    }

    /// Queues a file before all others, unless it is queued or being copied.
    pub(crate) fn want(&self, wanted: Wanted) {
        let mut queue = self.lock();
        if !queue.known.insert(wanted.to.clone()) {
            return;
        }
        queue.waiting.push_front(wanted);
        if queue.waiting.len() > WAITING_FILES_AT_MOST
            && let Some(oldest) = queue.waiting.pop_back()
        {
            queue.known.remove(&oldest.to);
            self.dropped("queue_full");
        }
        self.note_length(&queue);
        drop(queue);
        self.more.notify_one();
    }

    fn again(&self, wanted: Wanted) {
        let mut queue = self.lock();
        queue.waiting.push_back(wanted);
        self.note_length(&queue);
        drop(queue);
        self.more.notify_one();
    }

    async fn next(&self) -> Wanted {
        loop {
            {
                let mut queue = self.lock();
                if let Some(wanted) = queue.waiting.pop_front() {
                    self.note_length(&queue);
                    // a permit of Notify is one, however many files were wanted
                    self.more.notify_one();
                    return wanted;
                }
            }
            self.more.notified().await;
        }
    }

    fn finished(&self, wanted: &Wanted) {
        self.lock().known.remove(&wanted.to);
    }

    fn dropped(&self, reason: &str) {
        self.metrics
            .backfill_dropped
            .with_label_values(&[reason])
            .inc();
    }

    fn note_length(&self, queue: &Queue) {
        self.length
            .set(i64::try_from(queue.waiting.len()).unwrap_or(i64::MAX));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Copies what is wanted, one file after another, for ever.
pub(crate) async fn work(shared: Arc<Shared>) {
    while caught(&shared.metrics, "Backfill", copy_all(&shared))
        .await
        .is_none()
    {}
}

async fn copy_all(shared: &Arc<Shared>) {
    loop {
        let mut wanted = shared.backlog.next().await;
        if !wanted.job.secondary.is_up() {
            wanted.job.secondary.wait_up().await;
        }
        let result = copy(shared, &wanted).await;
        wanted.attempts += 1;
        match result {
            Ok((copied, size)) => {
                if copied == Placed::Now {
                    shared.metrics.files_backfilled.inc();
                    shared.metrics.bytes_backfilled.inc_by(size);
                }
                shared.backlog.finished(&wanted);
            }
            Err(error) if error.kind == ErrorKind::NotFound => {
                // normal: the primary's checkpoint was subsumed meanwhile
                tracing::debug!("Not copied, gone from the primary: {error}");
                shared.backlog.dropped("vanished");
                shared.backlog.finished(&wanted);
            }
            Err(error) if error.is_transient() && wanted.attempts < ATTEMPTS_AT_MOST => {
                sleep(FIRST_PAUSE * 2_u32.pow(wanted.attempts - 1)).await;
                shared.backlog.again(wanted);
            }
            Err(error) => {
                shared.backlog.dropped("failed");
                shared.backlog.finished(&wanted);
                if shared
                    .said
                    .first(&format!("backfill {}", error.kind.as_str()))
                {
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

/// How the file came to its place, and its length in bytes.
async fn copy(shared: &Shared, wanted: &Wanted) -> Result<(Placed, u64)> {
    let Wanted {
        job,
        from,
        to,
        size,
        ..
    } = wanted;
    let secondary = job.secondary.as_ref();
    if let Some(file) = secondary.stat(to.path()).await?
        && size.is_none_or(|size| file.length == size)
    {
        return Ok((Placed::Before, file.length));
    }
    let primary = job.primary(from)?;
    let gone = || StoreError::new(ErrorKind::NotFound, "stat", from.path(), "no such file");
    let source = primary.stat(from.path()).await?.ok_or_else(gone)?;
    let length = source.length;
    if let Some(size) = size
        && *size != length
    {
        let message = format!("has {length} bytes, its handle says {size}");
        return Err(StoreError::new(
            ErrorKind::Invalid,
            "stat",
            from.path(),
            message,
        ));
    }
    let inflight = job.next_inflight();
    let mut writer = secondary.create(inflight.path()).await?;
    let mut offset = 0;
    while offset < length {
        let _permit = shared.permit().await;
        let piece = PIECE_BYTES.min(length - offset);
        let written = match primary.read(from.path(), offset, piece).await {
            Ok(bytes) => writer.write(bytes).await,
            Err(error) => Err(error),
        };
        if let Err(error) = written {
            writer.abort().await;
            return Err(error);
        }
        offset += piece;
    }
    writer.close().await?;
    let placed = place(secondary, inflight.path(), to.path(), length).await?;
    Ok((placed, length))
}
