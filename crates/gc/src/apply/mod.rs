//! A plan carried out: everything is looked at again, and deleted only if it is in the plan and
//! nobody needs it still. Killed at any instant, it can be run again.
//!
//! What a checkpoint could name is deleted under claims of all jobs ([`claims`]). Refuses a plan
//! that is old, and one that saw no checkpoint: then everything would be left over.

mod claims;
mod outcome;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use audit::{Place, SecondaryRoot, Store, StoreError};
use futures::{StreamExt as _, TryStreamExt as _, stream};

use crate::named::{Look, Looker};
use crate::names::Kind;
use crate::plan::{Left, Leftover, Plan};
use crate::{CALLS_AT_ONCE, Step, Watch, clock};

pub use outcome::{End, Outcome, Refusal};

/// An older plan is refused.
const MAX_AGE_MS: u64 = 24 * 60 * 60 * 1000;

/// Carries `plan` out on the cluster of `place`, which is its root.
///
/// # Errors
/// When nothing was done: the plan is refused, or the cluster does not tell the time.
pub async fn apply(
    place: &Place,
    plan: &Plan,
    process_id: &str,
    watch: Watch<'_>,
) -> Result<Outcome, Refusal> {
    if plan.checkpoints == 0 {
        return Err(Refusal::NoCheckpoints);
    }
    let root = SecondaryRoot::new(place.location.clone());
    if place.location.to_string() != plan.root {
        return Err(Refusal::OtherRoot(plan.root.clone()));
    }
    let own = place.store.stat(root.own_dir().path()).await?;
    if own.is_none() {
        return Err(Refusal::NoSecondary(plan.root.clone()));
    }
    let now_ms = clock::now_ms(place.store.as_ref(), &root, process_id).await?;
    match now_ms.checked_sub(plan.made_at_ms) {
        None => return Err(Refusal::FromTheFuture),
        Some(age) if age > MAX_AGE_MS => return Err(Refusal::Old),
        Some(_) => {}
    }
    let mut run = Run {
        store: &place.store,
        root,
        plan,
        process_id,
        next_claim: 0,
        looker: Looker::default(),
        ends: vec![End::NotReached; plan.leftovers.len()],
        doubts: Vec::new(),
        watch,
    };
    let error = run.carry_out().await.err();
    Ok(Outcome {
        ends: run.ends,
        doubts: run.doubts,
        error,
    })
}

struct Run<'a> {
    store: &'a Arc<dyn Store>,
    root: SecondaryRoot,
    plan: &'a Plan,
    process_id: &'a str,
    next_claim: u64,
    looker: Looker,
    /// How each of the plan's leftovers has ended.
    ends: Vec<End>,
    doubts: Vec<Left>,
    watch: Watch<'a>,
}

/// By job, the leftovers that are still there; none of a job that has only to be claimed.
type Doomed = BTreeMap<String, Vec<usize>>;

impl Run<'_> {
    async fn carry_out(&mut self) -> Result<(), StoreError> {
        self.delete_own().await?;
        let doomed = self.doomed().await?;
        if !doomed.is_empty() {
            self.delete_claimed(doomed).await?;
        }
        self.delete_empty().await
    }

    fn end(&mut self, index: usize, end: End) {
        self.ends[index] = end;
        (self.watch)(Step::Ended(1));
    }

    fn of_kind(&self, wanted: impl Fn(Kind) -> bool) -> Vec<usize> {
        let all = self.plan.leftovers.iter().enumerate();
        let wanted = all.filter(|(_, leftover)| wanted(leftover.kind));
        wanted.map(|(index, _)| index).collect()
    }

    fn leftover(&self, index: usize) -> &Leftover {
        &self.plan.leftovers[index]
    }

    /// What no checkpoint can name: nobody opens a finished name again, and a record that is missed
    /// is written again.
    async fn delete_own(&mut self) -> Result<(), StoreError> {
        let own = [Kind::InFlight, Kind::Stride, Kind::Digests];
        let own = self.of_kind(|kind| own.contains(&kind));
        let store = self.store.as_ref();
        let plan = self.plan;
        let deletions = own.into_iter().map(|index| async move {
            let leftover = &plan.leftovers[index];
            let end = match still(store, leftover).await? {
                None if store.delete(&leftover.path, false).await? => End::Deleted,
                None => End::Gone,
                Some(end) => end,
            };
            Ok::<_, StoreError>((index, end))
        });
        let mut deletions = stream::iter(deletions).buffer_unordered(CALLS_AT_ONCE);
        while let Some(ended) = deletions.next().await {
            let (index, end) = ended?;
            self.end(index, end);
        }
        Ok(())
    }

    /// What is published now.
    async fn look(&mut self) -> Result<Look, StoreError> {
        (self.watch)(Step::Reading);
        let root = self.root.location();
        let look = self.looker.look(self.store.as_ref(), root).await?;
        self.doubts.clone_from(&look.doubts);
        Ok(look)
    }

    /// A first look, before any job is disturbed.
    async fn doomed(&mut self) -> Result<Doomed, StoreError> {
        let wanted = self.of_kind(|kind| kind.is_state() || kind == Kind::Claimed);
        if wanted.is_empty() {
            return Ok(Doomed::new());
        }
        let look = self.look().await?;
        let (store, plan, look) = (self.store.as_ref(), self.plan, &look);
        let looks = wanted.into_iter().map(|index| async move {
            let leftover = &plan.leftovers[index];
            let end = match judged(look, leftover) {
                None => still(store, leftover).await?,
                end => end,
            };
            Ok::<_, StoreError>((index, end))
        });
        let looks = stream::iter(looks).buffer_unordered(CALLS_AT_ONCE);
        let looked: Vec<_> = looks.try_collect().await?;
        let owned: BTreeSet<String> = ownership::owned_jobs(store, &self.root)
            .await?
            .into_iter()
            .collect();
        let mut doomed = Doomed::new();
        for (index, end) in looked {
            let job = self.plan.job_of(self.leftover(index)).map(str::to_owned);
            match (end, job.filter(|job| owned.contains(job))) {
                (Some(end), _) => self.end(index, end),
                // its owner record has been deleted: by whom, and who writes there now?
                (None, None) => self.end(index, End::NotOwned),
                (None, Some(job)) => doomed.entry(job).or_default().push(index),
            }
        }
        Ok(doomed)
    }

    /// Empty directories of the plan, and those in which the last file was deleted just now. None
    /// that is not empty is deleted, and who wants to put a file there makes it anew.
    async fn delete_empty(&mut self) -> Result<(), StoreError> {
        let store = self.store.as_ref();
        for index in self.of_kind(|kind| kind == Kind::EmptyDirectory) {
            let leftover = self.leftover(index);
            let end = match still(store, leftover).await? {
                Some(end) => end,
                None => match store.delete(&leftover.path, false).await {
                    Ok(true) => End::Deleted,
                    Ok(false) => End::Gone,
                    Err(error) if error.is_silence() => return Err(error),
                    // it is not empty any more
                    Err(_) => End::Changed,
                },
            };
            self.end(index, end);
        }
        for dir in self.emptied() {
            match store.delete(&dir, false).await {
                Err(error) if error.is_silence() => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// Directories of files that were deleted, up to the job's, the deepest first.
    fn emptied(&self) -> Vec<String> {
        let deleted = self.plan.leftovers.iter().zip(&self.ends);
        let deleted = deleted.filter(|(leftover, end)| {
            let is_in_job = leftover.kind.is_state() || leftover.kind == Kind::EmptyDirectory;
            is_in_job && **end == End::Deleted
        });
        let mut dirs = BTreeSet::new();
        for (leftover, _) in deleted {
            let mut dir = self.root.location().with_path(&leftover.path).parent();
            while dir != *self.root.location() && dirs.insert(dir.path().to_owned()) {
                dir = dir.parent();
            }
        }
        dirs.into_iter().rev().collect()
    }
}

/// How a leftover ends without being touched; none if nobody needs it.
fn judged(look: &Look, leftover: &Leftover) -> Option<End> {
    if !leftover.kind.is_state() {
        None
    } else if !look.is_sure() {
        Some(End::Doubt)
    } else {
        look.names(&leftover.path).then_some(End::Needed)
    }
}

/// None if it is still what the plan saw.
async fn still(store: &dyn Store, leftover: &Leftover) -> Result<Option<End>, StoreError> {
    let is_dir = leftover.kind == Kind::EmptyDirectory;
    let seen = (is_dir, leftover.bytes, leftover.modified_ms);
    Ok(match store.stat(&leftover.path).await? {
        None => Some(End::Gone),
        Some(file) if (file.is_dir, file.length, file.modified_ms) == seen => None,
        Some(_) => Some(End::Changed),
    })
}
