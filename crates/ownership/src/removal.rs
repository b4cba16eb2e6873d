//! Deletions that the next owner of a job can prevent, however late they come.
//!
//! What goes is first renamed into a directory below the owner's; whoever claims the job deletes
//! that directory ([`Claim`](crate::Claim)), and what its predecessor still wants to rename into it
//! stays where it is. An owner may stand still for any time between asking whether it owns the job
//! and deleting; with a plain deletion it would then take away what its successor has published.
//! Refuses to decide what goes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use checkpoint_layout::Location;
use futures::{StreamExt, TryStreamExt, stream};
use store::{ErrorKind, Result, Store, StoreError};

/// What is taken at once.
const TAKEN_AT_ONCE: usize = 16;

/// Several files and directories that go together. Clones are the same.
#[derive(Clone)]
pub struct Removal {
    store: Arc<dyn Store>,
    /// Where they are until they are deleted.
    dir: Location,
    taken: Arc<AtomicU64>,
}

impl Removal {
    /// Prepares one in the new directory `dir`, below `claimed/<job id>`, if `owns` then finds that
    /// this process owns the job.
    ///
    /// # Errors
    /// What the secondary answered.
    pub async fn begin(
        store: Arc<dyn Store>,
        dir: Location,
        owns: impl Future<Output = Result<bool>>,
    ) -> Result<Option<Self>> {
        // before the question: who claims the job after the answer finds the directory
        store.mkdirs(dir.path()).await?;
        let removal = Self {
            store,
            dir,
            taken: Arc::default(),
        };
        let owns = owns.await;
        if matches!(owns, Ok(true)) {
            return Ok(Some(removal));
        }
        removal.end(owns.map(drop)).await.map(|()| None)
    }

    /// Takes a file, or a directory with all in it, from where it is. What is not there is gone.
    ///
    /// # Errors
    /// When it may still be there: what the secondary answered, or another process has claimed the
    /// job ([`ErrorKind::NotFound`]).
    pub async fn take(&self, path: &str) -> Result<()> {
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
    pub async fn take_all(&self, paths: Vec<String>) -> Result<()> {
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
    pub async fn end(self, taken: Result<()>) -> Result<()> {
        let deleted = self.store.delete(self.dir.path(), true).await;
        taken.and(deleted.map(drop))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Claim, write_new};
    use bytes::Bytes;
    use checkpoint_layout::SecondaryRoot;
    use store::MemoryStore;

    #[tokio::test]
    async fn what_an_owner_takes_after_the_next_claim_stays() {
        let store = MemoryStore::default();
        let root = SecondaryRoot::new(Location::parse("hdfs://two/cp").unwrap());
        for path in ["/cp/job/shared/a", "/cp/job/shared/b"] {
            write_new(&store, path, &Bytes::from_static(b"x"))
                .await
                .unwrap();
        }
        let mut claim = Claim::take(&store, &root, "job", "a", 1).await.unwrap();
        let shared: Arc<dyn Store> = Arc::new(store.clone());
        let dir = claim.next_path();
        let removal = Removal::begin(Arc::clone(&shared), dir, claim.holds(&store)).await;
        let removal = removal.unwrap().unwrap();
        removal.take("/cp/job/shared/a").await.unwrap();
        // a second time it is gone already
        removal.take("/cp/job/shared/a").await.unwrap();
        Claim::take(&store, &root, "job", "b", 1).await.unwrap();
        let late = removal.take("/cp/job/shared/b").await.unwrap_err();
        assert_eq!(late.kind, ErrorKind::NotFound);
        assert!(store.stat("/cp/job/shared/b").await.unwrap().is_some());
        removal.end(Ok(())).await.unwrap();

        let dir = claim.next_path();
        let none = Removal::begin(shared, dir.clone(), claim.holds(&store)).await;
        assert!(none.unwrap().is_none());
        assert_eq!(store.stat(dir.path()).await.unwrap(), None);
    }
}
