//! Digests of the files that this process has put on the secondary: gathered for a moment, then
//! written there as one small document, for the job's owner to collect.
//!
//! Refuses to matter: nothing waits for them, and of what is not recorded `verify` says so.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use audit::{Digest, Digests};
use bytes::Bytes;
use checkpoint_layout::Location;
use tokio::time::sleep;

use crate::job::Job;
use ownership::place_document;

/// So long digests are gathered before they are written.
const GATHERED_FOR: Duration = Duration::from_secs(1);
/// Further ones are not recorded until these are written.
const GATHERED_AT_MOST: usize = 10_000;

/// What is gathered of one job.
#[derive(Debug, Default)]
pub(crate) struct Gathered(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    digests: Digests,
    is_writing: bool,
}

impl Gathered {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A file of these bytes is under its final name. What cannot be written now is written with what
/// comes next.
pub(crate) fn record(job: &Arc<Job>, to: &Location, digest: Digest) {
    let mut gathered = job.gathered.lock();
    if gathered.digests.len() < GATHERED_AT_MOST {
        gathered.digests.add(to.path(), digest);
    }
    if std::mem::replace(&mut gathered.is_writing, true) {
        return;
    }
    drop(gathered);
    let job = Arc::clone(job);
    let runtime = job.shared.runtime.clone();
    runtime.spawn(async move {
        sleep(GATHERED_FOR).await;
        write(&job).await;
    });
}

async fn write(job: &Job) {
    let digests = {
        let mut gathered = job.gathered.lock();
        gathered.is_writing = false;
        if !job.secondary.is_up() {
            return;
        }
        std::mem::take(&mut gathered.digests)
    };
    let bytes = Bytes::from(digests.to_bytes());
    let (inflight, to) = (job.next_inflight(), job.next_digest_batch());
    let store = job.secondary.as_ref();
    let written = place_document(store, inflight.path(), to.path(), &bytes);
    if let Err(error) = written.await {
        tracing::debug!("Digests of job {} are not recorded: {error}", job.spec.id);
        let mut gathered = job.gathered.lock();
        if gathered.digests.len() + digests.len() <= GATHERED_AT_MOST {
            gathered.digests.extend(&digests);
        }
    }
}
