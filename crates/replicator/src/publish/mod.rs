//! Publishing: how a checkpoint comes to exist on the secondary, and how it goes.
//!
//! One task per job on its JobManager owns all of it, so that publishing, superseding and retiring
//! never run beside each other (`task`). Here is the way to it: what is offered on Flink's threads
//! is taken or refused at once. It does not own the files' uploads, which are the TaskManagers'.

mod commit;
mod gate;
mod interval;
mod newest;
mod owner;
mod removal;
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
use interval::Interval;
use owner::Ownership;
use task::Task;
use ticket::Ticket;

/// Offers that the task has not read yet, at most; past that offers are refused.
const OFFERS_AT_MOST: usize = 8;

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
    Offered(Offer, Ticket, Instant),
    /// What a process before this one may not have published.
    Found(Offer),
    ClaimAgain,
}

/// The way to a job's publishing task. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Publisher {
    to: mpsc::Sender<Message>,
    metrics: Arc<JobMetrics>,
    interval: Arc<Mutex<Interval>>,
}

impl Publisher {
    pub(crate) fn start(job: Arc<Job>) -> Self {
        let metrics = job.shared.metrics.job(&job.spec.name, &job.spec.id);
        let metrics = Arc::new(metrics);
        let (to, from) = mpsc::channel(OFFERS_AT_MOST);
        let runtime = job.shared.runtime.clone();
        let back = to.downgrade();
        runtime.spawn(keep_publishing(job, Arc::clone(&metrics), from, back));
        Self {
            to,
            metrics,
            interval: Arc::default(),
        }
    }

    /// Never waits. False: refused.
    pub(crate) fn offer(&self, offer: Offer) -> bool {
        completed(&self.metrics, &offer);
        let mut interval = self.interval.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(gap) = interval.next(offer.triggered_at_ms) {
            self.metrics.interval.set(seconds(gap));
        }
        drop(interval);
        let offered = Message::Offered(offer, Ticket::offered(&self.metrics), Instant::now());
        let sent = self.to.try_send(offered);
        let Err(refused) = sent.map_err(mpsc::error::TrySendError::into_inner) else {
            return true;
        };
        if let Message::Offered(_, mut ticket, _) = refused {
            ticket.unpublishable(Unpublishable::Overflow);
        }
        false
    }

    /// This process leads the job again.
    pub(crate) fn claim_again(&self) {
        // a full channel has offers, which claim too
        let _ = self.to.try_send(Message::ClaimAgain);
    }
}

/// Runs the task; after a panic it starts anew with the next offer. Who owns the job is not
/// forgotten: a stale leader that panics must not become the owner again.
async fn keep_publishing(
    job: Arc<Job>,
    metrics: Arc<JobMetrics>,
    mut from: mpsc::Receiver<Message>,
    back: mpsc::WeakSender<Message>,
) {
    let mut owner = Ownership::new(&job);
    loop {
        let task = Task::new(
            Arc::clone(&job),
            Arc::clone(&metrics),
            &mut owner,
            back.clone(),
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
