//! Publishing: how a checkpoint comes to exist on the secondary, and how it goes.
//!
//! One task per job on its JobManager owns all of it, so that publishing, superseding and retiring
//! never run beside each other (`task`). Here is the way to it: what is offered on Flink's threads
//! is taken or refused at once. It does not own the files' uploads, which are the TaskManagers'.

mod commit;
mod digests;
mod gate;
mod inbox;
mod interval;
mod last_good;
mod newest;
mod owner;
mod retention;
mod strides;
mod task;
mod ticket;
mod waiting;

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use telemetry::JobMetrics;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::caught::caught;
use crate::job::Job;
use crate::reason::Unpublishable;
use inbox::Inbox;
use interval::Interval;
use owner::Ownership;
use task::Task;
use ticket::Ticket;

/// Messages that the task has not read yet, at most.
const MESSAGES_AT_MOST: usize = 8;

/// A checkpoint that is complete on the primary.
#[derive(Debug, Clone)]
pub struct Offer {
    /// Its id.
    pub checkpoint: u64,
    /// Milliseconds since the epoch.
    pub triggered_at_ms: u64,
    /// Milliseconds since the epoch.
    pub completed_at_ms: u64,
    /// Its external pointer: the directory of its `_metadata` on the primary.
    pub pointer: String,
    /// The bytes of `_metadata`.
    pub metadata: Bytes,
}

enum Message {
    /// There is something in the inbox.
    Offered,
    /// What a process before this one may not have published.
    Found(Offer),
    ClaimAgain,
}

/// The way to a job's publishing task. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Publisher {
    to: mpsc::Sender<Message>,
    inbox: Arc<Inbox>,
    metrics: Arc<JobMetrics>,
    interval: Arc<Mutex<Interval>>,
}

impl Publisher {
    pub(crate) fn start(job: Arc<Job>) -> Self {
        let metrics = job.shared.metrics.job(&job.spec.name, &job.spec.id);
        let metrics = Arc::new(metrics);
        let (to, from) = mpsc::channel(MESSAGES_AT_MOST);
        let inbox = Arc::<Inbox>::default();
        let runtime = job.shared.runtime.clone();
        let ways = Ways {
            inbox: Arc::clone(&inbox),
            back: to.downgrade(),
        };
        runtime.spawn(keep_publishing(job, Arc::clone(&metrics), from, ways));
        Self {
            to,
            inbox,
            metrics,
            interval: Arc::default(),
        }
    }

    /// Never waits. If the task is behind, an offer goes for it that is less likely to be wanted.
    pub(crate) fn offer(&self, offer: Offer) {
        completed(&self.metrics, &offer);
        let mut interval = self.interval.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(gap) = interval.next(offer.triggered_at_ms) {
            self.metrics.interval.set(seconds(gap));
        }
        drop(interval);
        let ticket = Ticket::offered(&self.metrics);
        let one_too_many = self.inbox.push((offer, ticket, Instant::now()));
        if let Some((_, mut ticket, _)) = one_too_many {
            ticket.unpublishable(Unpublishable::Overflow);
        }
        // a full channel wakes the task, too
        let _ = self.to.try_send(Message::Offered);
    }

    /// This process leads the job again.
    pub(crate) fn claim_again(&self) {
        // a full channel tells of offers, which claim too
        let _ = self.to.try_send(Message::ClaimAgain);
    }
}

/// What a task is given of the ways to it.
#[derive(Clone)]
struct Ways {
    inbox: Arc<Inbox>,
    /// To the task itself.
    back: mpsc::WeakSender<Message>,
}

/// Runs the task; after a panic it starts anew with the next offer. Who owns the job is not
/// forgotten: a stale leader that panics must not become the owner again.
async fn keep_publishing(
    job: Arc<Job>,
    metrics: Arc<JobMetrics>,
    mut from: mpsc::Receiver<Message>,
    ways: Ways,
) {
    let mut owner = Ownership::new(&job);
    loop {
        let task = Task::new(
            Arc::clone(&job),
            Arc::clone(&metrics),
            &mut owner,
            ways.clone(),
        );
        let ended = caught(job.shared.counts(), "Publishing", task.run(&mut from)).await;
        if ended.is_some() {
            return;
        }
    }
}

/// It is the newest that is known to be complete on the primary.
fn completed(metrics: &JobMetrics, offer: &Offer) {
    metrics.completed_id.set(signed(offer.checkpoint));
    let triggered = seconds(offer.triggered_at_ms);
    metrics.completed_timestamp.set(triggered);
}

fn signed(id: u64) -> i64 {
    i64::try_from(id).unwrap_or(i64::MAX)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "milliseconds since the epoch fit into 53 bits"
)]
fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}
