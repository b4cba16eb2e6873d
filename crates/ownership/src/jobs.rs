//! What concerns several jobs below one root: which have been claimed, and what ends a collection
//! of leftovers in the directory of a job whose files another one names. Refuses to claim anything.

use checkpoint_layout::SecondaryRoot;
use store::{Result, Store, list_if_there};

/// The ids of all jobs that were ever claimed below a root, in their order.
///
/// # Errors
/// What the secondary answered.
pub async fn owned_jobs(store: &dyn Store, root: &SecondaryRoot) -> Result<Vec<String>> {
    let records = list_if_there(store, root.owner_records().path()).await?;
    let records = records.iter().filter(|record| !record.is_dir);
    let ids = records.filter_map(|record| record.name().strip_suffix(".json"));
    Ok(ids.map(str::to_owned).collect())
}

/// Ends what collectors of leftovers have under way in the directory of `job_id`. To be called by
/// the owner of another job, after its claim and before it looks for files of `job_id` that its own
/// checkpoint names: a collector that begins after that claims the owner's job first.
///
/// # Errors
/// What the secondary answered.
pub async fn keep(store: &dyn Store, root: &SecondaryRoot, job_id: &str) -> Result<()> {
    let collected = root.collected_dir(job_id);
    store.delete(collected.path(), true).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Claim, Removal, write_new};
    use bytes::Bytes;
    use checkpoint_layout::Location;
    use std::sync::Arc;
    use store::{ErrorKind, MemoryStore};

    #[tokio::test]
    async fn who_names_files_of_another_job_ends_a_collection_there_and_nothing_else() {
        let store = MemoryStore::default();
        let root = SecondaryRoot::new(Location::parse("hdfs://two/cp").unwrap());
        assert!(owned_jobs(&store, &root).await.unwrap().is_empty());
        let mut claim = Claim::take(&store, &root, "a", "gc", 1).await.unwrap();
        Claim::take(&store, &root, "b", "jm", 1).await.unwrap();
        assert_eq!(owned_jobs(&store, &root).await.unwrap(), ["a", "b"]);

        let (file, waits) = ("/cp/a/shared/f", claim.next_path());
        for path in [file, waits.path()] {
            let bytes = Bytes::from_static(b"x");
            write_new(&store, path, &bytes).await.unwrap();
        }
        let (dir, shared) = (root.collected("a", "gc", 1), Arc::new(store.clone()));
        let removal = Removal::begin(shared, dir, claim.holds(&store)).await;
        keep(&store, &root, "a").await.unwrap();
        let late = removal.unwrap().unwrap().take(file).await.unwrap_err();
        assert_eq!(late.kind, ErrorKind::NotFound);
        assert!(claim.holds(&store).await.unwrap());
        for path in [file, waits.path()] {
            assert!(store.stat(path).await.unwrap().is_some(), "{path}");
        }
    }
}
