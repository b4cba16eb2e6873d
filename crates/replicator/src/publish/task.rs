//! The task that publishes one job's checkpoints: it takes offers, asks the gate, commits, and
//! keeps the retention. Refuses to wait for a file: what is not there yet is looked at again.

use std::sync::Arc;
use std::time::Duration;

use store::ErrorKind;
use telemetry::JobMetrics;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::commit::{self, Commit};
use super::digests::Collected;
use super::gate::{self, Gate};
use super::last_good::Looks;
use super::owner::Ownership;
use super::retention::Retention;
use super::strides::{self, Strides};
use super::ticket::Ticket;
use super::waiting::{Named, Outlook, Waiting, one_too_many};
use super::{Message, Offer, Ways, completed, newest, seconds, signed};
use crate::job::Job;
use crate::reason::Unpublishable;
use crate::said::with_reason;

/// Checkpoints that wait for their files, at most.
const WAITING_AT_MOST: usize = 16;
/// The gate looks again after this, and after an eighth of the time that the newest has waited.
const FIRST_LOOK_AFTER: Duration = Duration::from_millis(25);
/// Looks are never further apart.
pub(super) const LOOKS_APART_AT_MOST: Duration = Duration::from_secs(1);

pub(super) struct Task<'a> {
    job: Arc<Job>,
    metrics: Arc<JobMetrics>,
    waiting: Vec<Waiting>,
    /// The highest id that was offered or found; 0 before the first, as Flink counts from 1.
    newest: u64,
    gate: Gate,
    owner: &'a mut Ownership,
    ways: Ways,
    retention: Retention,
    strides: Strides,
    digests: Collected,
    last_good: Looks,
    /// Whether the strides were looked at since the last offer.
    strides_are_fresh: bool,
    /// The same of what is lost.
    losses_are_fresh: bool,
    pause: Duration,
}

impl<'a> Task<'a> {
    pub(super) fn new(
        job: Arc<Job>,
        metrics: Arc<JobMetrics>,
        owner: &'a mut Ownership,
        ways: Ways,
    ) -> Self {
        Self {
            gate: Gate::default(),
            owner,
            ways,
            retention: Retention::new(&job),
            strides: Strides::default(),
            digests: Collected::default(),
            last_good: Looks::default(),
            strides_are_fresh: false,
            losses_are_fresh: false,
            waiting: Vec::new(),
            newest: 0,
            pause: FIRST_LOOK_AFTER,
            job,
            metrics,
        }
    }

    pub(super) async fn run(mut self, from: &mut mpsc::Receiver<Message>) {
        self.take(Message::Offered); // what came before a panic
        if self.job.secondary.is_up() {
            self.step().await; // claims the job
        }
        loop {
            let up = self.job.secondary.is_up();
            tokio::select! {
                // in this order, not in a random one: what was offered is known before a look
                biased;
                message = from.recv() => {
                    let Some(message) = message else {
                        return;
                    };
                    self.take(message);
                    // over a slow link many may have come during the last step
                    while let Ok(message) = from.try_recv() {
                        self.take(message);
                    }
                }
                () = sleep_until(self.next_look()), if up => {}
                () = self.job.secondary.wait_up(), if !up => self.pause = FIRST_LOOK_AFTER,
            }
            if self.job.secondary.is_up() {
                self.step().await;
            }
        }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Offered => {
                while let Some((offer, ticket, at)) = self.ways.inbox.pop() {
                    self.owner.completes(at);
                    self.accept(offer, ticket, at);
                }
            }
            Message::Found(offer) => self.accept_found(offer),
            Message::ClaimAgain => self.claim_again(),
        }
    }

    /// When to look again without being told.
    fn next_look(&self) -> Instant {
        let is_busy = !self.waiting.is_empty() || self.owner.is_unclaimed();
        let idle = Duration::from_hours(1);
        Instant::now() + if is_busy { self.pause } else { idle }
    }

    fn accept_found(&mut self, offer: Offer) {
        if self.newest >= offer.checkpoint {
            return;
        }
        completed(&self.metrics, &offer);
        let ticket = Ticket::offered(&self.metrics);
        self.accept(offer, ticket, Instant::now());
    }

    fn accept(&mut self, offer: Offer, mut ticket: Ticket, at: Instant) {
        let id = offer.checkpoint;
        self.newest = self.newest.max(id);
        (self.strides_are_fresh, self.losses_are_fresh) = (false, false);
        match Named::by(&self.job, &offer, &self.gate) {
            Ok(named) => self.waiting.push(Waiting::new(offer, ticket, at, named)),
            Err((reason, why)) => self.give_up(id, &mut ticket, reason, &why),
        }
        let waiting = self.waiting.iter();
        let waiting: Vec<_> = waiting.map(|each| (each.id, self.outlook(each))).collect();
        if let Some(index) = one_too_many(&waiting, WAITING_AT_MOST) {
            self.waiting.remove(index).ticket.superseded();
        }
        self.pause = FIRST_LOOK_AFTER;
    }

    fn outlook(&self, waiting: &Waiting) -> Outlook {
        if waiting.lost {
            Outlook::Lost
        } else if self.strides.leave_out(waiting.id, self.newest) {
            Outlook::LeftOut
        } else {
            Outlook::Open
        }
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
        for mut waiting in std::mem::take(&mut self.waiting) {
            if waiting.former {
                waiting.ticket.superseded();
            } else {
                self.accept(waiting.offer, waiting.ticket, waiting.offered_at);
            }
        }
        newest::find(Arc::clone(&self.job), self.ways.back.clone());
    }

    fn forget(&mut self) {
        self.retention.forget();
        self.digests.forget();
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
            for mut waiting in std::mem::take(&mut self.waiting) {
                let why = "another process publishes for this job";
                let reason = Unpublishable::NotOwner;
                self.give_up(waiting.id, &mut waiting.ticket, reason, why);
            }
            self.forget();
            return;
        }
        match self.publish_newest().await {
            Ok(published) => {
                if published {
                    let waiting = self.waiting.iter().flat_map(Waiting::files);
                    let swept = self.retention.sweep(&self.job, self.owner, waiting).await;
                    self.metrics.retired_files.inc_by(swept);
                    self.collect_digests().await;
                    self.last_good.look(&self.job, &self.metrics).await;
                }
                self.care_for_waiting().await;
            }
            Err(error) => {
                tracing::debug!("Nothing published of job {}: {error}", self.job.spec.id);
            }
        }
        self.expire();
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

    /// Publishes the newest complete checkpoint; what is older is superseded. False: none is.
    async fn publish_newest(&mut self) -> store::Result<bool> {
        let Some(index) = self.newest_complete().await? else {
            return Ok(false);
        };
        let kept = self.retention.dirs();
        let waiting = &mut self.waiting[index];
        let outcome = commit::publish(&self.job, self.owner, &kept, waiting).await;
        waiting.needs_dir = matches!(&outcome, Err(error) if error.kind == ErrorKind::NotFound);
        let outcome = outcome?;
        for mut older in self.waiting.drain(..index) {
            older.ticket.superseded();
        }
        let waiting = self.waiting.remove(0);
        self.published(waiting, outcome).await;
        Ok(true)
    }

    /// The newest waiting checkpoint that passes the gate.
    async fn newest_complete(&mut self) -> store::Result<Option<usize>> {
        self.waiting.sort_by_key(|waiting| waiting.id);
        for waiting in &self.waiting {
            self.owner.keep(&self.job, &waiting.others).await?;
        }
        let grace = self.backfill_grace();
        let Some((newest, older)) = self.waiting.split_last_mut() else {
            return Ok(None);
        };
        let early = newest.offered_at.elapsed() < grace;
        if gate::look(&self.job, newest, early).await? {
            return Ok(Some(older.len()));
        }
        gate::find_missing(&self.job, older).await?;
        for (index, waiting) in older.iter_mut().enumerate().rev() {
            let may_pass = waiting.missing().next().is_none();
            if may_pass && gate::look(&self.job, waiting, false).await? {
                return Ok(Some(index));
            }
        }
        Ok(None)
    }

    /// How long a TaskManager has for what it sends of its own accord.
    fn backfill_grace(&self) -> Duration {
        let grace = self.job.spec.backfill_grace;
        self.strides.patience(grace, self.newest)
    }

    /// Of what is not complete: what was left out and cannot become complete is given up, what has
    /// waited long enough is copied from the primary.
    async fn care_for_waiting(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        if !self.strides_are_fresh {
            match self.strides.look(&self.job).await {
                Ok(()) => self.strides_are_fresh = true,
                Err(error) => tracing::debug!("The strides are those of before: {error}"),
            }
        }
        for index in (0..self.waiting.len()).rev() {
            let waiting = &self.waiting[index];
            let id = waiting.id;
            if self.strides.leave_out(id, self.newest)
                && strides::has_lost_a_file(&self.job, waiting).await
            {
                let mut ticket = self.waiting.remove(index).ticket;
                let why = "a TaskManager left it out because its link is slower than the job";
                self.give_up(id, &mut ticket, Unpublishable::Skipped, why);
            }
        }
        let grace = self.backfill_grace();
        for waiting in &mut self.waiting {
            gate::ask(&self.job, waiting, grace);
        }
        if self.waiting.len() >= WAITING_AT_MOST && !self.losses_are_fresh {
            strides::find_lost(&self.job, &mut self.waiting).await;
            self.losses_are_fresh = true;
        }
    }

    async fn published(&mut self, mut waiting: Waiting, outcome: Commit) {
        if let Commit::Never(reason, why) = outcome {
            self.give_up(waiting.id, &mut waiting.ticket, reason, &why);
            return;
        }
        let lag = waiting.offered_at.elapsed();
        waiting.ticket.published();
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
        let id = waiting.id;
        let retired = self.retention.add(&self.job, self.owner, waiting).await;
        self.metrics.retired.inc_by(retired);
        self.gate.known_are(self.retention.files());
        let cleaned = self.strides.clean(&self.job, self.owner, id, self.newest);
        if let Err(error) = cleaned.await {
            tracing::debug!("Stride records of dead processes stay for now: {error}");
        }
    }

    async fn collect_digests(&mut self) {
        if !self.digests.is_due() {
            return;
        }
        let files = self.retention.files().map(|file| file.location.path());
        let named = files.collect();
        let collected = self.digests.collect(&self.job, self.owner, &named);
        if let Err(error) = collected.await {
            tracing::debug!("Digests stay where they were recorded for now: {error}");
        }
    }

    fn expire(&mut self) {
        let limit = self.job.spec.publish_timeout;
        let limit = self.strides.patience(limit, self.newest);
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
            self.give_up(id, &mut waiting.ticket, Unpublishable::Timeout, &why);
        }
    }

    fn give_up(&self, id: u64, ticket: &mut Ticket, reason: Unpublishable, why: &str) {
        ticket.unpublishable(reason);
        let reason = reason.as_str();
        let job = &self.job.spec.id;
        let what = format!("Checkpoints of job {job} not published");
        let cause = with_reason(&what, reason, None);
        if self.job.shared.said.first_or_counted(&cause) {
            tracing::warn!(
                "Checkpoint {id} of job {job} is not published on the secondary ({reason}): {why}. \
                 Further ones are only counted, in dualwrite_checkpoints_unpublishable_total."
            );
        }
    }
}
