//! Publishing: how a checkpoint comes to exist on the secondary, and how it goes.
//!
//! One task per job on its JobManager owns all of it, so that publishing, superseding and retiring
//! never run beside each other (`task`). Here is the way to it: what is offered on Flink's threads
//! is taken or refused at once. It does not own the files' uploads, which are the TaskManagers'.

mod commit;
mod gate;
mod newest;
mod owner;
mod removal;
mod retention;
mod strides;
mod task;
mod waiting;

use std::sync::Arc;

use bytes::Bytes;
use telemetry::JobMetrics;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::caught::caught;
use crate::job::Job;
use crate::reason::Unpublishable;
use owner::Ownership;
use task::Task;

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
    Offered(Offer, Instant),
    /// What a process before this one may not have published.
    Found(Offer),
    ClaimAgain,
}

/// The way to a job's publishing task. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Publisher {
    to: mpsc::Sender<Message>,
    metrics: JobMetrics,
}

impl Publisher {
    pub(crate) fn start(job: Arc<Job>) -> Self {
        let metrics = job
            .shared
            .metrics
            .job(&job.spec.name, &job.spec.id, &Unpublishable::ALL);
        let (to, from) = mpsc::channel(OFFERS_AT_MOST);
        let runtime = job.shared.runtime.clone();
        let back = to.downgrade();
        runtime.spawn(keep_publishing(job, metrics.clone(), from, back));
        Self { to, metrics }
    }

    /// Never waits. False: refused.
    pub(crate) fn offer(&self, offer: Offer) -> bool {
        self.metrics.offered.inc();
        self.metrics.completed_id.set(signed(offer.checkpoint));
        self.metrics
            .completed_timestamp
            .set(seconds(offer.triggered_at_ms));
        let accepted = self
            .to
            .try_send(Message::Offered(offer, Instant::now()))
            .is_ok();
        if !accepted {
            self.metrics
                .unpublishable(Unpublishable::Overflow.as_str())
                .inc();
        }
        accepted
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
    metrics: JobMetrics,
    mut from: mpsc::Receiver<Message>,
    back: mpsc::WeakSender<Message>,
) {
    let mut owner = Ownership::new(&job);
    loop {
        let task = Task::new(Arc::clone(&job), metrics.clone(), &mut owner, back.clone());
        let ended = caught(job.shared.counts(), "Publishing", task.run(&mut from)).await;
        if ended.is_some() {
            return;
        }
    }
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
