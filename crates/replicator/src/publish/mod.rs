//! Publishing: how a checkpoint comes to exist on the secondary, and how it goes.
//!
//! One task per job on its JobManager owns all of it, so that publishing, superseding and retiring
//! never run beside each other. It reads offers, asks the gate, commits, and keeps the retention.
//! It does not own the files' uploads, which are the TaskManagers', and never runs on Flink's
//! threads.

mod commit;
mod gate;
mod newest;
mod owner;
mod retention;
mod waiting;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use telemetry::JobMetrics;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::caught::caught;
use crate::job::Job;
use crate::reason::Unpublishable;
use commit::Commit;
use gate::Gate;
use owner::Ownership;
use retention::Retention;
use waiting::{Waiting, one_too_many};

/// Offers that the task has not read yet, at most; past that offers are refused.
const OFFERS_AT_MOST: usize = 8;
/// Checkpoints that wait for their files, at most.
const WAITING_AT_MOST: usize = 16;
/// The gate looks again after this, and after an eighth of the time that the newest has waited.
const FIRST_LOOK_AFTER: Duration = Duration::from_millis(25);
/// Looks are never further apart.
const LOOKS_APART_AT_MOST: Duration = Duration::from_secs(1);

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
        let ended = caught(&job.shared.metrics, "Publishing", task.run(&mut from)).await;
        if ended.is_some() {
            return;
        }
    }
}

struct Task<'a> {
    job: Arc<Job>,
    metrics: JobMetrics,
    waiting: Vec<Waiting>,
    /// The highest id that was offered or found.
    newest: Option<u64>,
    gate: Gate,
    owner: &'a mut Ownership,
    /// To this task itself.
    back: mpsc::WeakSender<Message>,
    retention: Retention,
    pause: Duration,
}

impl<'a> Task<'a> {
    fn new(
        job: Arc<Job>,
        metrics: JobMetrics,
        owner: &'a mut Ownership,
        back: mpsc::WeakSender<Message>,
    ) -> Self {
        Self {
            gate: Gate::default(),
            owner,
            back,
            retention: Retention::new(&job),
            waiting: Vec::new(),
            newest: None,
            pause: FIRST_LOOK_AFTER,
            job,
            metrics,
        }
    }

    async fn run(mut self, from: &mut mpsc::Receiver<Message>) {
        if self.job.secondary.is_up() {
            self.step().await; // claims the job
        }
        loop {
            let up = self.job.secondary.is_up();
            tokio::select! {
                // in this order, not in a random one: what was offered is known before a look
                biased;
                message = from.recv() => match message {
                    Some(Message::Offered(offer, at)) => {
                        self.owner.completes();
                        self.accept(offer, at);
                    }
                    Some(Message::Found(offer)) => self.accept_found(offer),
                    Some(Message::ClaimAgain) => self.claim_again(),
                    None => return,
                },
                () = sleep_until(self.next_look()), if up => {}
                () = self.job.secondary.wait_up(), if !up => self.pause = FIRST_LOOK_AFTER,
            }
            if self.job.secondary.is_up() {
                self.step().await;
            }
        }
    }

    /// When to look again without being told.
    fn next_look(&self) -> Instant {
        let is_busy = !self.waiting.is_empty() || self.owner.is_unclaimed();
        let looks = is_busy.then(|| Instant::now() + self.pause);
        let idle = Instant::now() + Duration::from_hours(1);
        looks
            .into_iter()
            .chain(self.retention.next_due())
            .min()
            .unwrap_or(idle)
    }

    fn accept_found(&mut self, offer: Offer) {
        if self.newest.is_some_and(|newest| newest >= offer.checkpoint) {
            return;
        }
        self.metrics.offered.inc();
        self.metrics.completed_id.set(signed(offer.checkpoint));
        self.metrics
            .completed_timestamp
            .set(seconds(offer.triggered_at_ms));
        self.accept(offer, Instant::now());
    }

    fn accept(&mut self, offer: Offer, at: Instant) {
        let id = offer.checkpoint;
        self.newest = self.newest.max(Some(id));
        match Waiting::new(&self.job, offer, at, &self.gate) {
            Ok(waiting) => self.waiting.push(waiting),
            Err((reason, why)) => self.give_up(id, reason, &why),
        }
        let ids: Vec<u64> = self.waiting.iter().map(|waiting| waiting.id).collect();
        if let Some(index) = one_too_many(&ids, WAITING_AT_MOST) {
            self.waiting.remove(index);
            self.metrics.superseded.inc();
        }
        self.pause = FIRST_LOOK_AFTER;
    }

    fn claim_again(&mut self) {
        self.owner.claim_again();
        for waiting in &mut self.waiting {
            waiting.former = true;
        }
    }

    /// The job was claimed just now: others may have published and deleted since this process knew
    /// it, and have been offered newer checkpoints than those before the claim.
    fn begin_anew(&mut self) {
        self.forget();
        for waiting in std::mem::take(&mut self.waiting) {
            if waiting.former {
                self.metrics.superseded.inc();
            } else {
                self.accept(waiting.offer, waiting.offered_at);
            }
        }
        newest::find(Arc::clone(&self.job), self.back.clone());
    }

    fn forget(&mut self) {
        self.retention.forget();
        self.gate = Gate::default();
    }

    async fn step(&mut self) {
        match self.owner.ensure(&self.job).await {
            Ok(true) => self.begin_anew(),
            Ok(false) => {}
            Err(error) => {
                tracing::debug!(
                    "The ownership of job {} is not known: {error}",
                    self.job.spec.id
                );
                self.look_later();
                return;
            }
        }
        if !self.owner.is_ours() {
            for waiting in std::mem::take(&mut self.waiting) {
                let why = "another process publishes for this job";
                self.give_up(waiting.id, Unpublishable::NotOwner, why);
            }
            self.forget();
            return;
        }
        if let Err(error) = self.publish_newest().await {
            tracing::debug!("Nothing published of job {}: {error}", self.job.spec.id);
        }
        self.expire();
        let waiting = self.waiting.iter().flat_map(Waiting::files);
        self.retention.sweep(&self.job, self.owner, waiting).await;
        self.look_later();
    }

    fn look_later(&mut self) {
        let newest = self
            .waiting
            .last()
            .map(|waiting| waiting.offered_at.elapsed() / 8);
        let pause = newest.unwrap_or_default();
        self.pause = pause.clamp(FIRST_LOOK_AFTER, LOOKS_APART_AT_MOST);
    }

    /// Publishes the newest complete checkpoint; what is older is superseded.
    async fn publish_newest(&mut self) -> store::Result<()> {
        self.waiting.sort_by_key(|waiting| waiting.id);
        for index in (0..self.waiting.len()).rev() {
            let complete = gate::look(&self.job, &mut self.waiting[index]).await?;
            if !complete {
                continue;
            }
            let outcome = commit::publish(&self.job, self.owner, &self.waiting[index]).await?;
            let done: Vec<Waiting> = self.waiting.drain(..=index).collect();
            self.metrics.superseded.inc_by(index as u64);
            if let Some(waiting) = done.into_iter().next_back() {
                self.published(waiting, outcome).await;
            }
            return Ok(());
        }
        Ok(())
    }

    async fn published(&mut self, waiting: Waiting, outcome: Commit) {
        if let Commit::Never(reason, why) = outcome {
            self.give_up(waiting.id, reason, &why);
            return;
        }
        let lag = waiting.offered_at.elapsed();
        self.metrics.published.inc();
        self.metrics.published_id.set(signed(waiting.id));
        self.metrics
            .published_timestamp
            .set(seconds(waiting.offer.triggered_at_ms));
        self.metrics.lag_seconds.observe(lag.as_secs_f64());
        tracing::info!(
            "Published checkpoint {} of job {} on the secondary as {}: {} files, {} ms after it \
             was complete on the primary.",
            waiting.id,
            self.job.spec.id,
            waiting.dir,
            waiting.files().count(),
            lag.as_millis()
        );
        commit::catalogue(&self.job, &waiting).await;
        let retired = self.retention.add(&self.job, self.owner, waiting).await;
        self.metrics.retired.inc_by(retired);
        self.gate.known_are(self.retention.files());
    }

    fn expire(&mut self) {
        let limit = self.job.spec.publish_timeout;
        let expired: Vec<u64> = self
            .waiting
            .iter()
            .filter(|waiting| waiting.offered_at.elapsed() >= limit)
            .map(|waiting| waiting.id)
            .collect();
        for id in expired {
            let Some(index) = self.waiting.iter().position(|waiting| waiting.id == id) else {
                continue;
            };
            let mut waiting = self.waiting.remove(index);
            let why = format!("{} files are still missing", waiting.missing().count());
            self.give_up(id, Unpublishable::Timeout, &why);
        }
    }

    fn give_up(&self, id: u64, reason: Unpublishable, why: &str) {
        let reason = reason.as_str();
        self.metrics.unpublishable(reason).inc();
        let job = &self.job.spec.id;
        if self
            .job
            .shared
            .said
            .first(&format!("unpublishable {job} {reason}"))
        {
            tracing::warn!(
                "Checkpoint {id} of job {job} is not published on the secondary ({reason}): {why}. \
                 Further ones are only counted, in dualwrite_checkpoints_unpublishable_total."
            );
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
