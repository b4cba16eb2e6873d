//! The deletion of what a checkpoint could name. For a moment this process is the leader of every
//! job below the root, so what their JobManagers had under way ends, and what they begin anew ends
//! what this process has under way.
//!
//! 1. Each job of which something goes is claimed, and a directory is made for what goes.
//! 2. Each job that was ever claimed is claimed, unless it still is from 1: another job may name
//!    files of this one. Whoever claims later, and names files of another job, first deletes that
//!    job's directory of 1 ([`ownership::keep`]).
//! 3. What is published is looked at.
//! 4. What it does not name is renamed into the directory; which fails from the instant in which
//!    the job is claimed again, or another's owner has deleted the directory.
//!
//! Refuses to delete anything by its own name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use audit::{ErrorKind, StoreError};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use ownership::{Claim, Removal};

use super::{Doomed, End, Run, judged, still};
use crate::named::Look;
use crate::names::Kind;
use crate::plan::Leftover;
use crate::{CALLS_AT_ONCE, Step};

/// A job of which something goes.
struct Work {
    claim: Claim,
    removal: Removal,
    /// Another process has claimed the job since.
    is_lost: AtomicBool,
}

type Works = BTreeMap<String, Work>;

impl Run<'_> {
    pub(super) async fn delete_claimed(&mut self, doomed: Doomed) -> Result<(), StoreError> {
        (self.watch)(Step::Claiming(doomed.len()));
        let mut works = self.claim(doomed.keys().cloned().collect()).await?;
        self.claim_the_rest(&mut works).await?;
        let look = self.look().await?;
        let taken = self.take(&works, &doomed, &look).await;
        let ended = self.finish(works).await;
        taken.and(ended)
    }

    fn next_claim(&mut self) -> u64 {
        self.next_claim += 1;
        self.next_claim
    }

    /// Claims jobs, and makes a directory for what goes of each. Those that another process claims
    /// at once are left out.
    async fn claim(&mut self, jobs: Vec<String>) -> Result<Works, StoreError> {
        let numbered: Vec<_> = jobs
            .into_iter()
            .map(|job| (job, self.next_claim()))
            .collect();
        let (store, root, id) = (self.store, &self.root, self.process_id);
        let claims = numbered.into_iter().map(|(job, number)| async move {
            let claim = Claim::take(store.as_ref(), root, &job, id, number).await?;
            let dir = root.collected(&job, id, number);
            let holds = claim.holds(store.as_ref());
            let removal = Removal::begin(Arc::clone(store), dir, holds).await?;
            Ok::<_, StoreError>(removal.map(|removal| {
                let is_lost = AtomicBool::new(false);
                let work = Work {
                    claim,
                    removal,
                    is_lost,
                };
                (job, work)
            }))
        });
        let claims = stream::iter(claims).buffer_unordered(CALLS_AT_ONCE);
        let works: Vec<_> = claims.try_collect().await?;
        Ok(works.into_iter().flatten().collect())
    }

    /// Claims every job that was ever claimed and is not this process's now. The directories of all
    /// `works` are there: who claims after this look finds them.
    async fn claim_the_rest(&mut self, works: &mut Works) -> Result<(), StoreError> {
        let owned = ownership::owned_jobs(self.store.as_ref(), &self.root).await?;
        (self.watch)(Step::Claiming(owned.len()));
        let numbered: Vec<_> = owned
            .into_iter()
            .map(|job| (job, self.next_claim()))
            .collect();
        let (store, root, id) = (self.store.as_ref(), &self.root, self.process_id);
        let held = &*works;
        let claims = numbered.into_iter().map(|(job, number)| async move {
            if let Some(work) = held.get(&job)
                && work.claim.holds(store).await?
            {
                return Ok(None);
            }
            Claim::take(store, root, &job, id, number).await?;
            Ok::<_, StoreError>(Some(job))
        });
        let claims = stream::iter(claims).buffer_unordered(CALLS_AT_ONCE);
        let claimed: Vec<_> = claims.try_collect().await?;
        for job in claimed.into_iter().flatten() {
            // it lives: its JobManager has claimed it in between
            works.remove(&job);
        }
        Ok(())
    }

    async fn take(
        &mut self,
        works: &Works,
        doomed: &Doomed,
        look: &Look,
    ) -> Result<(), StoreError> {
        let (store, plan) = (self.store.as_ref(), self.plan);
        let each = doomed
            .iter()
            .flat_map(|(job, indices)| indices.iter().map(move |index| (works.get(job), *index)));
        let takes = each.map(|(work, index)| async move {
            let leftover = &plan.leftovers[index];
            let end = match (work, judged(look, leftover)) {
                (None, _) => End::Alive,
                (Some(_), Some(end)) => end,
                // by the claim itself
                (Some(_), None) if leftover.kind == Kind::Claimed => End::Deleted,
                (Some(work), None) => match still(store, leftover).await? {
                    Some(end) => end,
                    None => work.take(leftover).await?,
                },
            };
            Ok::<_, StoreError>((index, end))
        });
        let mut takes = stream::iter(takes).buffer_unordered(CALLS_AT_ONCE);
        let mut failed = Ok(());
        while let Some(taken) = takes.next().await {
            match taken {
                Ok((index, end)) => self.end(index, end),
                Err(error) => {
                    failed = Err(error);
                    break;
                }
            }
        }
        failed
    }

    /// Deletes what was taken. What the cluster does not delete now, the next claim deletes.
    async fn finish(&self, works: Works) -> Result<(), StoreError> {
        let jobs: BTreeSet<String> = works.keys().cloned().collect();
        let ends = works.into_values().map(|work| work.removal.end(Ok(())));
        let ends = stream::iter(ends).buffer_unordered(CALLS_AT_ONCE);
        ends.try_collect::<()>().await?;
        for job in jobs {
            for dir in [self.root.collected_dir(&job), self.root.claimed_dir(&job)] {
                match self.store.delete(dir.path(), false).await {
                    Err(error) if error.is_silence() => return Err(error),
                    // not there, or somebody else's is in it
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

impl Work {
    async fn take(&self, leftover: &Leftover) -> Result<End, StoreError> {
        if self.is_lost.load(Ordering::Relaxed) {
            return Ok(End::Alive);
        }
        match self.removal.take(&leftover.path).await {
            Ok(()) => Ok(End::Deleted),
            Err(error) if error.kind == ErrorKind::NotFound => {
                self.is_lost.store(true, Ordering::Relaxed);
                Ok(End::Alive)
            }
            Err(error) => Err(error),
        }
    }
}
