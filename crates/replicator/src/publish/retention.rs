//! Retention: the newest published checkpoints of a job stay, older ones are retired.
//!
//! Delete last: `_metadata` is unlinked first, and only after the grace period, when no published
//! `_metadata` of any job names a file and this process still owns the job, the file is deleted.
//! Refuses to delete what lies in another job's directory, from which this one was restored: that
//! job may be about to publish a checkpoint that names it, too; what nobody names stays for gc. A
//! `_metadata` that is not understood names anything, so as long as there is one, nothing is
//! deleted. Nor is anything deleted but after a publication: a job that completes no checkpoints
//! may have ended, and another may be restored from one that it retired.

use std::collections::{HashMap, HashSet, VecDeque};

use audit::{Expected, Published};
use checkpoint_layout::{Location, METADATA};
use ownership::Removal;
use store::{ErrorKind, Result, Store, StoreError};
use tokio::time::Instant;

use super::owner::Ownership;
use super::waiting::Waiting;
use crate::job::Job;

/// Retired checkpoints whose files wait for their deletion, at most; past that their files stay for
/// gc.
const RETIRED_AT_MOST: usize = 1000;

/// What this process knows of the job's published checkpoints, oldest first.
pub(super) struct Retention {
    retained: usize,
    loaded: bool,
    published: VecDeque<Kept>,
    retired: VecDeque<Retired>,
    /// Sweeps are a grace period apart, because each looks at every job's checkpoints.
    next_sweep: Option<Instant>,
    /// What other published checkpoints name, by path, time and length of their `_metadata`.
    manifests: HashMap<(String, u64, u64), Vec<Location>>,
}

struct Kept {
    id: u64,
    dir: Location,
    files: Vec<Expected>,
    /// Whether the deletion of its `_metadata` has begun.
    retiring: bool,
}

struct Retired {
    due: Instant,
    dir: Location,
    files: Vec<Location>,
}

impl Retention {
    pub(super) fn new(job: &Job) -> Self {
        Self {
            retained: job.spec.retained,
            loaded: false,
            published: VecDeque::new(),
            retired: VecDeque::new(),
            next_sweep: None,
            manifests: HashMap::new(),
        }
    }

    /// All files that the published, not retired checkpoints name.
    pub(super) fn files(&self) -> impl Iterator<Item = &Expected> {
        self.published.iter().flat_map(|kept| &kept.files)
    }

    /// The directories of these checkpoints, but for those that may have been retired already.
    pub(super) fn dirs(&self) -> Vec<Location> {
        let kept = self.published.iter().filter(|kept| !kept.retiring);
        kept.map(|kept| kept.dir.clone()).collect()
    }

    /// When files may next be deleted.
    fn next_due(&self) -> Option<Instant> {
        let due = self.retired.front().map(|retired| retired.due)?;
        Some(self.next_sweep.map_or(due, |next| due.max(next)))
    }

    /// Another process has taken over; what it will not see stays for gc.
    pub(super) fn forget(&mut self) {
        self.retired.clear();
        self.published.clear();
        self.loaded = false;
    }

    /// Takes a published checkpoint in and retires what is too old. Gives how many were retired.
    pub(super) async fn add(&mut self, job: &Job, owner: &mut Ownership, newest: Waiting) -> u64 {
        if !self.loaded {
            match earlier(job, &newest).await {
                Ok(earlier) => {
                    self.published = earlier;
                    self.loaded = true;
                }
                Err(error) => {
                    tracing::debug!("Earlier checkpoints are not known yet: {error}");
                }
            }
        }
        self.published.retain(|kept| kept.dir != newest.dir);
        self.published.push_back(Kept {
            id: newest.id,
            dir: newest.dir.clone(),
            files: newest.into_files(),
            retiring: false,
        });
        let mut count = 0;
        while self.published.len() > self.retained {
            match self.retire_oldest(job, owner).await {
                Ok(true) => count += 1,
                Ok(false) => break,
                Err(error) => {
                    tracing::debug!("Not retired yet: {error}");
                    break;
                }
            }
        }
        count
    }

    async fn retire_oldest(&mut self, job: &Job, owner: &mut Ownership) -> Result<bool> {
        let Some(index) = oldest(self.published.iter().map(|kept| kept.id)) else {
            return Ok(false);
        };
        let Some(removal) = owner.removal(job).await? else {
            return Ok(false);
        };
        let oldest = &mut self.published[index];
        oldest.retiring = true;
        let taken = removal.take(oldest.dir.join(METADATA).path()).await;
        removal.end(taken).await?;
        let due = Instant::now() + job.spec.retention_grace;
        if let Some(Kept { dir, files, .. }) = self.published.remove(index)
            && self.retired.len() < RETIRED_AT_MOST
        {
            let files = files.into_iter().map(|file| file.location).collect();
            self.retired.push_back(Retired { due, dir, files });
        }
        Ok(true)
    }

    /// Deletes the files of retired checkpoints whose grace period is over and which nobody needs:
    /// no published checkpoint of any job, and none of `waiting`. Gives how many were deleted.
    pub(super) async fn sweep<'a>(
        &mut self,
        job: &Job,
        owner: &mut Ownership,
        waiting: impl Iterator<Item = &'a Expected>,
    ) -> u64 {
        let now = Instant::now();
        if self.next_due().is_none_or(|due| due > now) {
            return 0;
        }
        let pause = job
            .spec
            .retention_grace
            .max(super::task::LOOKS_APART_AT_MOST);
        self.next_sweep = Some(now + pause);
        let mut live: HashSet<Location> = waiting.map(|file| file.location.clone()).collect();
        live.extend(self.files().map(|file| file.location.clone()));
        let mut deleted = 0;
        let swept = self.sweep_due(job, owner, (live, now), &mut deleted);
        if let Err(error) = swept.await {
            tracing::debug!("Files of retired checkpoints stay for now: {error}");
        }
        deleted
    }

    async fn sweep_due(
        &mut self,
        job: &Job,
        owner: &mut Ownership,
        (mut live, now): (HashSet<Location>, Instant),
        deleted: &mut u64,
    ) -> Result<()> {
        live.extend(self.named_by_anyone(job).await?);
        // of a file that several have named, the grace period begins with the last of them
        let later = self.retired.iter().filter(|retired| retired.due > now);
        live.extend(later.flat_map(|retired| retired.files.iter().cloned()));
        let Some(removal) = owner.removal(job).await? else {
            return Ok(());
        };
        let swept = self.take_due(&removal, (&live, now), deleted).await;
        removal.end(swept).await
    }

    async fn take_due(
        &mut self,
        removal: &Removal,
        (live, now): (&HashSet<Location>, Instant),
        deleted: &mut u64,
    ) -> Result<()> {
        while let Some(retired) = self.retired.front().filter(|retired| retired.due <= now) {
            // its own directory goes as a whole
            let job_dir = retired.dir.parent();
            let is_ours = |file: &&Location| {
                file.below(&job_dir).is_some() && file.below(&retired.dir).is_none()
            };
            let unneeded: Vec<String> = retired
                .files
                .iter()
                .filter(is_ours)
                .filter(|file| !live.contains(*file))
                .map(|file| file.path().to_owned())
                .collect();
            let further = unneeded.len() as u64;
            removal.take_all(unneeded).await?;
            *deleted += further;
            let needed = live.iter().any(|file| file.below(&retired.dir).is_some());
            if !needed {
                removal.take(retired.dir.path()).await?;
                let own = retired.files.iter();
                let own = own.filter(|file| file.below(&retired.dir).is_some());
                *deleted += own.count() as u64;
            }
            self.retired.pop_front();
        }
        Ok(())
    }

    /// Every file that a published checkpoint below the root names.
    async fn named_by_anyone(&mut self, job: &Job) -> Result<HashSet<Location>> {
        let store = job.secondary.as_ref();
        let published = audit::published(store, job.root.location()).await?;
        let mut manifests = HashMap::with_capacity(published.len());
        for checkpoint in &published {
            let file = &checkpoint.metadata;
            let key = (file.path.clone(), file.modified_ms, file.length);
            let files = match self.manifests.remove(&key) {
                Some(files) => files,
                None => match locations(store, checkpoint).await {
                    // retired since it was listed
                    Err(error) if error.kind == ErrorKind::NotFound => continue,
                    files => files?,
                },
            };
            manifests.insert(key, files);
        }
        self.manifests = manifests;
        Ok(self.manifests.values().flatten().cloned().collect())
    }
}

/// Which of the published checkpoints (their ids, in the order in which they were published) goes
/// first: neither the one published last nor the one with the highest id, which need not be the
/// same where JobManagers have changed or numbers have begun anew.
fn oldest(ids: impl ExactSizeIterator<Item = u64> + Clone) -> Option<usize> {
    let newest = ids.clone().max()?;
    let but_last = ids.len() - 1;
    ids.take(but_last).position(|id| id != newest)
}

/// The job's checkpoints that were published before `newest` by other processes, oldest first. What
/// is not understood is not among them, so it is never retired.
async fn earlier(job: &Job, newest: &Waiting) -> Result<VecDeque<Kept>> {
    let store = job.secondary.as_ref();
    let mut published = audit::published_of_job(store, &newest.dir.parent()).await?;
    published.retain(|checkpoint| checkpoint.dir != newest.dir);
    published.sort_by_key(|checkpoint| (checkpoint.metadata.modified_ms, checkpoint.id));
    let mut kept = VecDeque::with_capacity(published.len());
    for checkpoint in published {
        let file = &checkpoint.metadata;
        let bytes = audit::read_whole(store, &file.path, file.length).await?;
        match audit::manifest(&bytes, &checkpoint.dir) {
            Ok(manifest) => {
                let (files, _) = manifest.on_cluster(&checkpoint.dir);
                kept.push_back(Kept {
                    id: checkpoint.id,
                    dir: checkpoint.dir,
                    files,
                    retiring: false,
                });
            }
            Err(error) => tracing::warn!("{} is left as it is: {error}", checkpoint.dir),
        }
    }
    Ok(kept)
}

async fn locations(store: &dyn Store, checkpoint: &Published) -> Result<Vec<Location>> {
    let file = &checkpoint.metadata;
    let bytes = audit::read_whole(store, &file.path, file.length).await?;
    let manifest = audit::manifest(&bytes, &checkpoint.dir).map_err(|error| {
        let path = checkpoint.metadata.path.as_str();
        StoreError::new(ErrorKind::Invalid, "parse", path, error.to_string())
    })?;
    let (files, _) = manifest.on_cluster(&checkpoint.dir);
    let files = files.into_iter().map(|file| file.location);
    // the `_metadata` itself keeps its directory
    Ok(files.chain([checkpoint.dir.join(METADATA)]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_the_last_nor_the_highest_is_retired() {
        let oldest = |ids: &[u64]| oldest(ids.iter().copied());
        assert_eq!(oldest(&[4, 5, 6]), Some(0));
        assert_eq!(oldest(&[6, 5]), None);
        assert_eq!(oldest(&[6, 4, 5]), Some(1));
        assert_eq!(oldest(&[6]), None);
        assert_eq!(oldest(&[]), None);
    }
}
