//! The end of a repair: a checkpoint all of whose files are there is published, as a JobManager
//! does it. On a secondary that means to claim the job first, so that nobody deletes under it; the
//! job's own JobManager claims it back with its next checkpoint. Refuses to go on for ever against
//! one that is quicker.

use std::collections::BTreeSet;

use audit::{
    CATALOGUE_VERSION, CatalogueEntry, Digest, ErrorKind, Expected, METADATA, Presence, StoreError,
    now_ms, read_whole, spread,
};
use bytes::Bytes;
use ownership::{Claim, place_in_existing, replace_document, write_new};

use super::outcome::Failure;
use super::{Repair, changed};
use crate::Side;
use crate::needs::Needs;
use crate::standing::Standing;

/// How a publication ended.
enum Commit {
    /// The checkpoint is there.
    Published,
    /// Another process has claimed the job.
    Lost,
    /// A file is missing again.
    Incomplete(Expected),
    /// Another `_metadata` is there.
    Conflict,
}

impl Repair<'_> {
    /// Publishes a checkpoint, if it is not: its files are looked at once more in any case.
    pub(super) async fn publish(
        &self,
        needs: &Needs,
        standing: &Standing,
        job_id: Option<&str>,
    ) -> Result<(), Failure> {
        let mut last = None;
        for attempt in 1..=self.options.attempts.max(1) {
            match self.try_publish(needs, standing, job_id).await {
                Ok(Commit::Published) => return Ok(()),
                Ok(Commit::Lost) => last = None,
                Ok(Commit::Incomplete(file)) => return Err(Failure::Incomplete(file.location)),
                Ok(Commit::Conflict) => {
                    let path = needs.target.join(METADATA);
                    return Err(Failure::Cannot(vec![changed(&path)]));
                }
                Err(error) if error.is_transient() => last = Some(error),
                Err(error) => return Err(error.into()),
            }
            if attempt < self.options.attempts {
                let pause = self.options.first_pause * 2_u32.pow(attempt - 1);
                let who = (&self.process_id, needs.target.path(), attempt);
                tokio::time::sleep(spread(pause, who)).await;
            }
        }
        Err(last.map_or_else(|| Failure::Lost(needs.target.clone()), Failure::Silent))
    }

    async fn try_publish(
        &self,
        needs: &Needs,
        standing: &Standing,
        job_id: Option<&str>,
    ) -> Result<Commit, StoreError> {
        let Some(bytes) = needs
            .metadata
            .as_ref()
            .filter(|_| *standing != Standing::Published)
        else {
            return Ok(self.incomplete(needs).await?.unwrap_or(Commit::Published));
        };
        let bytes = (bytes, standing);
        let job_id = match (self.ends.to, job_id) {
            (Side::Primary, _) => {
                let inflight = self.next_inflight();
                return self.commit(needs, bytes, inflight.path(), None).await;
            }
            (Side::Secondary, Some(job_id)) => job_id,
            (Side::Secondary, None) => {
                let path = needs.target.path();
                let why = "the job's id is not known: make the plan anew";
                return Err(StoreError::new(ErrorKind::Invalid, "publish", path, why));
            }
        };
        let (id, number) = (&self.process_id, self.next_number());
        let mut claim = Claim::take(self.target(), &self.root, job_id, id, number).await?;
        let inflight = claim.next_path();
        let commit = self
            .commit(needs, bytes, inflight.path(), Some(&claim))
            .await?;
        if matches!(commit, Commit::Published) {
            // It may be behind: lists look at the checkpoints, and the job's next one mends it.
            let _ = self.catalogue(needs, job_id, &claim).await;
        }
        Ok(commit)
    }

    async fn commit(
        &self,
        needs: &Needs,
        metadata: (&Bytes, &Standing),
        inflight: &str,
        claim: Option<&Claim>,
    ) -> Result<Commit, StoreError> {
        // After the claim: what others had under way to delete for this job, they do not any more,
        // nor, from here on, in the directories of other jobs.
        if claim.is_some() {
            for other in self.others(needs) {
                ownership::keep(self.target(), &self.root, other).await?;
            }
        }
        // Not made again after the look: who deletes it has deleted more.
        self.target().mkdirs(needs.target.path()).await?;
        if let Some(incomplete) = self.incomplete(needs).await? {
            return Ok(incomplete);
        }
        let commit = self.rename(needs, metadata, inflight, claim).await;
        if !matches!(commit, Ok(Commit::Published)) {
            // A leftover is found by its in-flight name.
            let _ = self.target().delete(inflight, false).await;
        }
        commit
    }

    async fn rename(
        &self,
        needs: &Needs,
        (bytes, standing): (&Bytes, &Standing),
        inflight: &str,
        claim: Option<&Claim>,
    ) -> Result<Commit, StoreError> {
        let target = self.target();
        write_new(target, inflight, bytes).await?;
        if read_whole(target, inflight, bytes.len() as u64).await? != *bytes {
            let why = "what was read back is not what was written";
            return Err(StoreError::new(ErrorKind::Other, "publish", inflight, why));
        }
        if let Some(claim) = claim
            && !claim.holds(target).await?
        {
            return Ok(Commit::Lost);
        }
        let to = needs.target.join(METADATA);
        let is_there = async || {
            let there = crate::standing::standing(target, needs).await?;
            Ok::<_, StoreError>(there == Standing::Published)
        };
        let renamed = match standing {
            // It is known to be damaged, and a whole one takes its place at once.
            Standing::Damaged(_) => match crate::standing::standing(target, needs).await? {
                now if now == *standing => target.replace(inflight, to.path()).await,
                _ => return Ok(Commit::Conflict),
            },
            _ => place_in_existing(target, inflight, to.path(), bytes.len() as u64)
                .await
                .map(drop),
        };
        match renamed {
            // A lost reply is looked up, never guessed.
            Ok(()) | Err(_) if is_there().await? => {
                self.has_put(&to, Digest::of(bytes));
                Ok(Commit::Published)
            }
            Ok(()) => Ok(Commit::Conflict),
            Err(error) if error.kind == ErrorKind::AlreadyExists => Ok(Commit::Conflict),
            // Who claims a job deletes what the one before was about to publish.
            Err(error) if error.kind == ErrorKind::NotFound && claim.is_some() => Ok(Commit::Lost),
            Err(error) => Err(error),
        }
    }

    /// The other jobs in whose directories files of the checkpoint are.
    fn others<'a>(&self, needs: &'a Needs) -> BTreeSet<&'a str> {
        let own = self.root.job_of(&needs.target);
        let files = needs.files.iter().map(|need| &need.expected.location);
        let jobs = files.filter_map(|file| self.root.job_of(file));
        jobs.filter(|job| Some(*job) != own).collect()
    }

    /// The gate: whether a file is not there with its length.
    async fn incomplete(&self, needs: &Needs) -> Result<Option<Commit>, StoreError> {
        let expected = needs.files.iter().map(|need| &need.expected);
        let expected: Vec<_> = expected.collect();
        let presences = audit::presence(self.target(), &expected).await?;
        let mut lacking = expected.into_iter().zip(presences);
        let lacking = lacking.find(|(_, presence)| *presence != Presence::Present);
        Ok(lacking.map(|(file, _)| Commit::Incomplete(file.clone())))
    }

    /// Replaces the job's entry, if it has one and that knows of older checkpoints only.
    async fn catalogue(
        &self,
        needs: &Needs,
        job_id: &str,
        claim: &Claim,
    ) -> Result<(), StoreError> {
        let (target, root) = (self.target(), self.root.location());
        let Some(entry) = audit::catalogue_entry(target, root, job_id).await? else {
            return Ok(());
        };
        let metadata = needs.source.join(METADATA);
        let status = self.source().stat(metadata.path()).await?;
        let Some(status) = status.filter(|_| entry.newest_published_id < needs.id) else {
            return Ok(());
        };
        let entry = CatalogueEntry {
            job_dir: needs.target.parent().to_string(),
            newest_published_id: needs.id,
            newest_published_path: needs.target.to_string(),
            // When it was triggered nothing tells.
            triggered_at_ms: status.modified_ms,
            completed_at_ms: status.modified_ms,
            published_at_ms: now_ms(),
            files: needs.files.len() as u64,
            bytes: needs.bytes,
            version: CATALOGUE_VERSION,
            ..entry
        };
        let bytes = entry.to_json().map(Bytes::from).unwrap_or_default();
        if bytes.is_empty() || !claim.holds(target).await? {
            return Ok(());
        }
        let (inflight, path) = (self.next_inflight(), self.root.catalogue_entry(job_id));
        replace_document(target, inflight.path(), path.path(), &bytes).await
    }
}
