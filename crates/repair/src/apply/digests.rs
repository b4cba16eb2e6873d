//! Digests of the files that a repair has put on a secondary, recorded as those who tee record
//! theirs. Refuses to matter: of what is not recorded `verify` says so.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use audit::{Digest, Digests, Location};
use bytes::Bytes;
use ownership::place_document;

use super::Repair;
use crate::Side;

/// What is not recorded yet, by the job in whose directory it is.
#[derive(Debug, Default)]
pub(super) struct Gathered(Mutex<ByJob>);

type ByJob = BTreeMap<String, Digests>;

impl Gathered {
    fn lock(&self) -> MutexGuard<'_, ByJob> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Repair<'_> {
    /// A file of these bytes is in its place.
    pub(super) fn has_put(&self, to: &Location, digest: Digest) {
        if self.ends.to == Side::Primary {
            return; // nobody looks for them there
        }
        if let Some(job) = self.root.job_of(to) {
            let mut gathered = self.gathered.lock();
            let digests = gathered.entry(job.to_owned()).or_default();
            digests.add(to.path(), digest);
        }
    }

    /// Leaves what was gathered for the jobs' owners to collect.
    pub(super) async fn record_digests(&self) {
        let gathered = std::mem::take(&mut *self.gathered.lock());
        for (job, digests) in gathered {
            let bytes = Bytes::from(digests.to_bytes());
            let (inflight, number) = (self.next_inflight(), self.next_number());
            let to = self.root.digest_batch(&job, &self.process_id, number);
            let put = place_document(self.target(), inflight.path(), to.path(), &bytes);
            // A lost one costs a notice.
            let _ = self.target_patience.ask(put).await;
        }
    }
}
