//! Collects what processes have recorded of a job's files into one document: of those that the
//! published checkpoints name, and of those that may be named soon.
//!
//! Refuses to hurry: what is not collected yet is found where it was recorded.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use audit::Digests;
use bytes::Bytes;
use futures::{StreamExt, stream};
use store::{FileStatus, Result, Store, list_if_there};
use tokio::time::Instant;

use super::owner::Ownership;
use crate::job::Job;
use ownership::replace_document;

/// Between two collections.
const APART: Duration = Duration::from_mins(1);
/// What no published checkpoint names is kept for so many collections.
const UNNAMED_FOR: u8 = 16;
/// Of what no published checkpoint names, more is not kept.
const UNNAMED_AT_MOST: usize = 100_000;
/// Documents that are collected at a time.
const BATCHES_AT_MOST: usize = 10_000;
/// Documents read or deleted at once.
const CALLS_AT_ONCE: usize = 16;

/// What this process has collected of a job.
#[derive(Default)]
pub(super) struct Collected {
    digests: Digests,
    /// Of those that no published checkpoint names, for how many collections.
    unnamed: HashMap<String, u8>,
    /// Whether what earlier owners collected is among it.
    is_loaded: bool,
    next: Option<Instant>,
}

impl Collected {
    /// Whether it is time, now that a checkpoint was published.
    pub(super) fn is_due(&mut self) -> bool {
        let now = Instant::now();
        *self.next.get_or_insert(now + APART) <= now
    }

    /// Another process may have collected since.
    pub(super) fn forget(&mut self) {
        *self = Self {
            next: self.next,
            ..Self::default()
        };
    }

    /// Collects, for the files at the paths that are `named`.
    ///
    /// # Errors
    /// What the secondary answered; nothing is lost then.
    pub(super) async fn collect(
        &mut self,
        job: &Job,
        owner: &mut Ownership,
        named: &HashSet<&str>,
    ) -> Result<()> {
        self.next = Some(Instant::now() + APART);
        let batches = batches(job).await?;
        if batches.is_empty() {
            return Ok(());
        }
        let paths: Vec<_> = batches.iter().map(|file| file.path.clone()).collect();
        self.load(job).await?;
        let read = |file| async move { audit::read_digests(job.secondary.as_ref(), file).await };
        let mut reads = stream::iter(batches)
            .map(read)
            .buffer_unordered(CALLS_AT_ONCE);
        while let Some(read) = reads.next().await {
            self.digests.extend(&read?.unwrap_or_default());
        }
        drop(reads);
        self.keep(named);
        if !owner.confirm(job).await? {
            return Ok(());
        }
        let inflight = job.next_inflight();
        let to = job.root.collected_digests(&job.spec.id);
        let bytes = Bytes::from(self.digests.to_bytes());
        let store = job.secondary.as_ref();
        replace_document(store, inflight.path(), to.path(), &bytes).await?;
        let delete = |path: String| async move { store.delete(&path, false).await };
        let mut deletions = stream::iter(paths)
            .map(delete)
            .buffer_unordered(CALLS_AT_ONCE);
        while let Some(deleted) = deletions.next().await {
            deleted?;
        }
        Ok(())
    }

    /// Takes in what earlier owners collected, once.
    async fn load(&mut self, job: &Job) -> Result<()> {
        if self.is_loaded {
            return Ok(());
        }
        let store = job.secondary.as_ref();
        let collected = job.root.collected_digests(&job.spec.id);
        if let Some(file) = store.stat(collected.path()).await? {
            let before = audit::read_digests(store, file).await?;
            self.digests.extend(&before.unwrap_or_default());
        }
        self.is_loaded = true;
        Ok(())
    }

    /// Drops what is of no use any more.
    fn keep(&mut self, named: &HashSet<&str>) {
        let before = std::mem::take(&mut self.unnamed);
        let unnamed = &mut self.unnamed;
        self.digests.retain(|path| {
            if named.contains(path) {
                return true;
            }
            let times = before.get(path).map_or(1, |times| times + 1);
            let is_kept = times <= UNNAMED_FOR && unnamed.len() < UNNAMED_AT_MOST;
            if is_kept {
                unnamed.insert(path.to_owned(), times);
            }
            is_kept
        });
    }
}

async fn batches(job: &Job) -> Result<Vec<FileStatus>> {
    let dir = job.root.digest_batches(&job.spec.id);
    let listed = list_if_there(job.secondary.as_ref(), dir.path()).await?;
    let files = listed.into_iter().filter(|file| !file.is_dir);
    Ok(files.take(BATCHES_AT_MOST).collect())
}

#[cfg(test)]
mod tests {
    use audit::Digest;

    use super::*;

    #[test]
    fn what_nothing_names_is_kept_for_a_while() {
        let mut collected = Collected::default();
        let digest = Digest { length: 1, hash: 2 };
        collected.digests.add("/named", digest);
        collected.digests.add("/unnamed", digest);
        let named = HashSet::from(["/named"]);
        for _ in 0..UNNAMED_FOR {
            collected.keep(&named);
            assert_eq!(collected.digests.len(), 2);
        }
        collected.keep(&named);
        assert_eq!(collected.digests.len(), 1);
        assert!(collected.unnamed.is_empty());
    }
}
