//! The judge on the secondary: Flink's own classes say whether what is published can be restored.
//! Refuses to look a second time: one bad checkpoint at one look fails the test.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use harness::{CheckedCheckpoint, Checker, HdfsCluster, Run, wait_until};

use super::LIMIT;

/// Flink's own classes, asked about the secondary.
pub struct Judge {
    checker: Checker,
    root: String,
    seen: BTreeSet<String>,
}

impl Judge {
    pub fn start(run: &Run, version: &str, cluster: &HdfsCluster, root: &str) -> Result<Self> {
        Ok(Self {
            checker: Checker::start(run, version, cluster.conf_dir())?,
            root: root.to_owned(),
            seen: BTreeSet::new(),
        })
    }

    /// The published checkpoints, by id; an error if one of them cannot be restored.
    pub fn published(&mut self) -> Result<Vec<CheckedCheckpoint>> {
        let mut found = self.checker.check(&self.root)?;
        for checkpoint in &found {
            ensure!(
                checkpoint.is_restorable(),
                "published, but not restorable: {checkpoint:?}"
            );
            self.seen.insert(checkpoint.path.clone());
        }
        found.sort_by_key(CheckedCheckpoint::id);
        Ok(found)
    }

    /// The newest published checkpoint of `job`, if there is one.
    pub fn newest_of(&mut self, job: &str) -> Result<Option<CheckedCheckpoint>> {
        let published = self.published()?;
        Ok(published.into_iter().rfind(|found| is_of(&found.path, job)))
    }

    /// Looks at the secondary and at a condition until that holds. What cannot be restored, and a
    /// secondary that does not answer, are errors at once.
    pub fn until<T>(&mut self, what: &str, mut look: impl FnMut() -> Result<T>) -> Result<T> {
        wait_until(what, LIMIT, || match self.published() {
            Ok(_) => look().map(Ok),
            Err(error) => Ok(Err(error)),
        })?
    }

    /// Waits for a checkpoint of `job` above `id`.
    pub fn until_published(&mut self, job: &str, id: u64) -> Result<CheckedCheckpoint> {
        let what = format!("a checkpoint of job {job} above {id} to be published");
        wait_until(&what, LIMIT, || match self.newest_of(job) {
            Ok(Some(newest)) if newest.id() > Some(id) => Ok(Ok(newest)),
            Ok(newest) => Err(format!("the newest is {newest:?}")),
            Err(error) => Ok(Err(error)),
        })?
    }

    /// The ids of all checkpoints of `job` that were published at any look.
    pub fn seen_of(&self, job: &str) -> BTreeSet<u64> {
        let paths = self.seen.iter().filter(|path| is_of(path, job));
        let ids = paths.filter_map(|path| path.rsplit_once("/chk-")?.1.parse().ok());
        ids.collect()
    }
}

fn is_of(path: &str, job: &str) -> bool {
    path.contains(&format!("/{job}/chk-"))
}
