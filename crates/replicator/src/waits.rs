//! A complete file that waits to cross the link, as its job's stride counts it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::job::Job;

/// Counted until it is dropped.
pub(crate) struct Waits {
    job: Arc<Job>,
    checkpoint: u64,
    bytes: u64,
    has_crossed: AtomicBool,
}

impl Waits {
    /// A file of this checkpoint; of one that nobody knows, none is counted.
    pub(crate) fn new(job: &Arc<Job>, checkpoint: Option<u64>, bytes: u64) -> Option<Arc<Self>> {
        let checkpoint = checkpoint?;
        job.stride().waits(checkpoint, bytes);
        Some(Arc::new(Self {
            job: Arc::clone(job),
            checkpoint,
            bytes,
            has_crossed: AtomicBool::new(false),
        }))
    }

    /// The one that wrote it.
    pub(crate) fn checkpoint(&self) -> u64 {
        self.checkpoint
    }

    /// It is on the secondary.
    pub(crate) fn crossed(&self) {
        self.has_crossed.store(true, Ordering::Release);
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        let has_crossed = self.has_crossed.load(Ordering::Acquire);
        self.job
            .stride()
            .left(self.checkpoint, self.bytes, has_crossed);
    }
}
