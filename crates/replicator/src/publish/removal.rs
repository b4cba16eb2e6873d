//! Deletions that the next leader of a job can prevent, however late they come.
//!
//! What goes is first renamed into a directory below the owner's; whoever claims the job deletes
//! that directory ([`super::owner`]), and what its predecessor still wants to rename into it stays
//! where it is. A leader may stand still for any time between asking whether it owns the job and
//! deleting; with a plain deletion it would then take away what its successor has published.
//! Refuses to decide what goes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use checkpoint_layout::Location;
use futures::{StreamExt, TryStreamExt, stream};
use store::{ErrorKind, Result, Store, StoreError};

use super::owner::Ownership;
use crate::breaker::Breaker;
use crate::job::Job;

/// What is taken at once.
const TAKEN_AT_ONCE: usize = 16;

/// Several files and directories that go together. Clones are the same.
#[derive(Clone)]
pub(super) struct Removal {
    store: Arc<Breaker>,
    /// Where they are until they are deleted.
    dir: Location,
    taken: Arc<AtomicU64>,
}

impl Removal {
    /// Prepares one, if this process owns the job.
    ///
    /// # Errors
    /// What the secondary answered.
    pub(super) async fn begin(job: &Job, owner: &mut Ownership) -> Result<Option<Self>> {
        let removal = Self {
            store: Arc::clone(&job.secondary),
            dir: job.next_claimed(),
            taken: Arc::default(),
        };
        // before the question: who claims the job after the answer finds the directory
        removal.store.mkdirs(removal.dir.path()).await?;
        let owns = owner.confirm(job).await;
        if matches!(owns, Ok(true)) {
            return Ok(Some(removal));
        }
        removal.end(owns.map(drop)).await.map(|()| None)
    }

    /// Takes a file, or a directory with all in it, from where it is. What is not there is gone.
    ///
    /// # Errors
    /// When it may still be there: what the secondary answered, or another process has claimed the
    /// job.
    pub(super) async fn take(&self, path: &str) -> Result<()> {
        let number = self.taken.fetch_add(1, Ordering::Relaxed);
        let to = self.dir.join(&number.to_string());
        match self.store.rename(path, to.path()).await {
            Err(error) if error.kind == ErrorKind::NotFound => {
                if self.store.stat(path).await?.is_none() {
                    return Ok(());
                }
                let why = "another process has claimed the job";
                Err(StoreError::new(ErrorKind::NotFound, "delete", path, why))
            }
            result => result,
        }
    }

    /// The same of several files.
    ///
    /// # Errors
    /// The first one's.
    pub(super) async fn take_all(&self, paths: Vec<String>) -> Result<()> {
        let takes = stream::iter(paths).map(|path| {
            let removal = self.clone();
            async move { removal.take(&path).await }
        });
        takes.buffer_unordered(TAKEN_AT_ONCE).try_collect().await
    }

    /// Deletes what was taken, however that went. What the secondary does not delete now, the next
    /// claim deletes.
    ///
    /// # Errors
    /// That of `taken`, else what the secondary answered.
    pub(super) async fn end(self, taken: Result<()>) -> Result<()> {
        let deleted = self.store.delete(self.dir.path(), true).await;
        taken.and(deleted.map(drop))
    }
}
