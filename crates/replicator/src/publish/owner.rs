//! Ownership: of several JobManagers of one job only the last to claim publishes and deletes.
//!
//! The claim is a record on the secondary with the process's id. A process that finds another's id
//! in it does neither any more, until Flink shows that it leads: by opening the job again, or by a
//! checkpoint that it has just completed.
//!
//! Asking is not enough: see [`Claim`] for what ends what the owners before had under way.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use ownership::{Claim, Removal};
use store::{ErrorKind, Result, Store, StoreError};
use tokio::time::Instant;

use crate::job::Job;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Unclaimed,
    Ours,
    Lost,
}

/// What this process knows of who owns the job.
pub(super) struct Ownership {
    path: String,
    state: State,
    /// This process's last claim.
    claim: Option<Claim>,
    /// Other jobs in whose directories, since the claim, nobody collects any more.
    kept: HashSet<String>,
    /// When this process noticed that another one has claimed the job.
    lost_at: Option<Instant>,
    /// Nobody else has led since it was this process's, as far as is known.
    unbroken: bool,
}

impl Ownership {
    pub(super) fn new(job: &Job) -> Self {
        let path = job.root.owner_record(&job.spec.id).path().to_owned();
        Self {
            path,
            state: State::Unclaimed,
            claim: None,
            kept: HashSet::new(),
            lost_at: None,
            unbroken: false,
        }
    }

    /// As far as is known; [`Self::confirm`] asks.
    pub(super) fn is_ours(&self) -> bool {
        self.state == State::Ours
    }

    /// Neither ours nor another's yet, as far as is known.
    pub(super) fn is_unclaimed(&self) -> bool {
        self.state == State::Unclaimed
    }

    /// Flink made this process the leader again.
    pub(super) fn claim_again(&mut self) {
        self.state = State::Unclaimed;
    }

    /// Flink has completed a checkpoint in this process, at this time. If that was after the job
    /// was lost, it leads: a claim of another that came late is answered. What was completed before
    /// says nothing; the process may have stood still since.
    pub(super) fn completes(&mut self, at: Instant) {
        if self.state == State::Lost && self.lost_at.is_some_and(|lost| lost < at) {
            self.state = State::Unclaimed;
        }
    }

    /// Claims unless that was done. True: claimed just now, and what was known of the job before
    /// may be wrong.
    pub(super) async fn ensure(&mut self, job: &Job) -> Result<bool> {
        if self.state != State::Unclaimed {
            return Ok(false);
        }
        // a claim without an answer says nothing of the time before it
        let held = std::mem::take(&mut self.unbroken) && self.is_recorded(job).await?;
        if !held {
            self.claim(job).await?;
        }
        self.state = State::Ours;
        self.unbroken = true;
        Ok(!held)
    }

    async fn claim(&mut self, job: &Job) -> Result<()> {
        self.claim = None;
        self.kept.clear();
        let (store, id) = (job.secondary.as_ref(), &job.spec.id);
        let (process, number) = (&job.shared.writer_id, job.next_claim());
        self.claim = Some(Claim::take(store, &job.root, id, process, number).await?);
        Ok(())
    }

    /// Asks the secondary whether the record is still this process's. Once it is another's, so is
    /// the job, until it is claimed again.
    ///
    /// # Errors
    /// What the secondary answered; also if there is no record any more.
    pub(super) async fn confirm(&mut self, job: &Job) -> Result<bool> {
        if self.state != State::Ours || self.is_recorded(job).await? {
            return Ok(self.is_ours());
        }
        // nobody takes a job over by deleting the record
        self.need(job, &self.path.clone()).await?;
        self.state = State::Lost;
        self.lost_at = Some(Instant::now());
        self.unbroken = false;
        tracing::warn!(
            "Another JobManager, or an operator's command, has taken job {} over: this process \
             neither publishes nor deletes for it until it leads the job again.",
            job.spec.id
        );
        Ok(false)
    }

    /// To be called before files in the directories of `others` are looked for.
    ///
    /// # Errors
    /// What the secondary answered.
    pub(super) async fn keep(&mut self, job: &Job, others: &BTreeSet<String>) -> Result<()> {
        for other in others {
            if !self.kept.contains(other) {
                ownership::keep(job.secondary.as_ref(), &job.root, other).await?;
                self.kept.insert(other.clone());
            }
        }
        Ok(())
    }

    /// Prepares a deletion, if this process owns the job.
    ///
    /// # Errors
    /// What the secondary answered.
    pub(super) async fn removal(&mut self, job: &Job) -> Result<Option<Removal>> {
        let (store, dir) = (Arc::clone(&job.secondary), job.next_claimed());
        Removal::begin(store, dir, self.confirm(job)).await
    }

    /// Fails if a file that this process has put on the secondary is gone, and has the job claimed
    /// anew: whoever has deleted it may have deleted all that is known to be there.
    pub(super) async fn need(&mut self, job: &Job, path: &str) -> Result<()> {
        if job.secondary.stat(path).await?.is_some() {
            return Ok(());
        }
        self.state = State::Unclaimed;
        self.unbroken = false;
        tracing::warn!(
            "Somebody has deleted {path} on the secondary. All files of job {} are looked for \
             again, and copied from the primary where they are missing.",
            job.spec.id
        );
        let why = "deleted by somebody else";
        Err(StoreError::new(ErrorKind::NotFound, "stat", path, why))
    }

    async fn is_recorded(&self, job: &Job) -> Result<bool> {
        match &self.claim {
            Some(claim) => claim.holds(job.secondary.as_ref()).await,
            None => Ok(false),
        }
    }
}
