//! A claim of a job: of several processes only the last to claim publishes and deletes.
//!
//! The claim is a record on the secondary with the process's id. Asking is not enough: a process
//! may stand still after the answer. So a claim ends with the deletion of what the owners before it
//! were about to publish and to delete, all of which goes through one directory. What they do
//! afterwards finds nothing there, and fails.

use bytes::Bytes;
use checkpoint_layout::{Location, SecondaryRoot};
use serde::{Deserialize, Serialize};
use store::{ErrorKind, Result, Store, StoreError, now_ms};

use crate::place::replace_document;

/// Larger records are not ours.
const RECORD_BYTES_AT_MOST: u64 = 64 << 10;

#[derive(Serialize, Deserialize)]
struct Record {
    job_id: String,
    process_id: String,
    /// Tells it from the process's other claims, which may take effect late.
    #[serde(default)]
    claim: u64,
    claimed_at_ms: u64,
}

/// A claim that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    root: SecondaryRoot,
    job_id: String,
    process_id: String,
    number: u64,
    next: u64,
}

impl Claim {
    /// Claims a job. No other claim of the process has this number.
    ///
    /// # Errors
    /// What the secondary answered; the claim may take effect all the same.
    pub async fn take(
        store: &dyn Store,
        root: &SecondaryRoot,
        job_id: &str,
        process_id: &str,
        number: u64,
    ) -> Result<Self> {
        let path = root.owner_record(job_id);
        let record = Record {
            job_id: job_id.to_owned(),
            process_id: process_id.to_owned(),
            claim: number,
            claimed_at_ms: now_ms(),
        };
        let bytes = serde_json::to_vec(&record).map_err(|error| {
            StoreError::new(ErrorKind::Other, "claim", path.path(), error.to_string())
        })?;
        let inflight = root.inflight(process_id, number);
        replace_document(store, inflight.path(), path.path(), &Bytes::from(bytes)).await?;
        store.delete(root.claimed_dir(job_id).path(), true).await?;
        Ok(Self {
            root: root.clone(),
            job_id: job_id.to_owned(),
            process_id: process_id.to_owned(),
            number,
            next: 0,
        })
    }

    /// Whether no other claim has been made since.
    ///
    /// # Errors
    /// What the secondary answered.
    pub async fn holds(&self, store: &dyn Store) -> Result<bool> {
        let path = self.root.owner_record(&self.job_id);
        let Some(file) = store.stat(path.path()).await? else {
            return Ok(false);
        };
        let length = file.length.min(RECORD_BYTES_AT_MOST);
        let bytes = store.read(path.path(), 0, length).await?;
        let record: Option<Record> = serde_json::from_slice(&bytes).ok();
        let own = (self.process_id.as_str(), self.number);
        Ok(record.is_some_and(|record| (record.process_id.as_str(), record.claim) == own))
    }

    /// A name for what is about to be published: the next process to claim the job deletes it.
    pub fn next_path(&mut self) -> Location {
        self.next += 1;
        let writer = format!("{}-{}", self.process_id, self.number);
        self.root.claimed(&self.job_id, &writer, self.next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{place, write_new};
    use store::MemoryStore;

    fn root() -> SecondaryRoot {
        SecondaryRoot::new(Location::parse("hdfs://two/cp").unwrap())
    }

    #[tokio::test]
    async fn the_last_to_claim_has_the_job_and_what_others_had_under_way_is_gone() {
        let store = MemoryStore::default();
        let mut first = Claim::take(&store, &root(), "job", "a", 1).await.unwrap();
        assert!(first.holds(&store).await.unwrap());
        let (one, two) = (first.next_path(), first.next_path());
        assert_ne!(one, two);
        let bytes = Bytes::from_static(b"late");
        write_new(&store, one.path(), &bytes).await.unwrap();

        // The same process, later: its first claim is another one, too.
        let second = Claim::take(&store, &root(), "job", "a", 2).await.unwrap();
        assert!(!first.holds(&store).await.unwrap() && second.holds(&store).await.unwrap());
        let late = place(&store, one.path(), "/cp/job/chk-1/_metadata", 4).await;
        assert_eq!(late.unwrap_err().kind, ErrorKind::NotFound);

        let other = Claim::take(&store, &root(), "other", "b", 1).await.unwrap();
        assert!(other.holds(&store).await.unwrap() && second.holds(&store).await.unwrap());
    }

    #[tokio::test]
    async fn a_record_that_is_gone_or_not_understood_is_nobodys() {
        let store = MemoryStore::default();
        let claim = Claim::take(&store, &root(), "job", "a", 1).await.unwrap();
        let record = root().owner_record("job");
        store.delete(record.path(), false).await.unwrap();
        assert!(!claim.holds(&store).await.unwrap());
        let rubbish = Bytes::from_static(b"rubbish");
        write_new(&store, record.path(), &rubbish).await.unwrap();
        assert!(!claim.holds(&store).await.unwrap());
    }
}
