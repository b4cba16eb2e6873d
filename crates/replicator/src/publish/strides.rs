//! What the TaskManagers have recorded of the checkpoints that they leave out.
//!
//! A stride of s says that a link needs about s times as long, so waiting is s times as patient.
//! And a checkpoint that is no multiple of the stride was left out by somebody: what it lacks and
//! the primary no longer has, nobody sends.
//!
//! Nobody says goodbye. A record counts as that of a dead process when it was not renewed for
//! [`VALID_FOR`] checkpoints, or when a checkpoint is published that it would have left out. The
//! owner of the job deletes it then. A record that is wrong costs patience, or a checkpoint between
//! two multiples of its stride; a multiple is never given up because of it.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::{StreamExt, future, stream};
use store::{FileStatus, Result, Store, list_if_there};

use super::gate;
use super::owner::Ownership;
use super::waiting::Waiting;
use crate::job::Job;
use crate::strides::{Record, VALID_FOR};

/// Records read or deleted at once.
const CALLS_AT_ONCE: usize = 16;
/// Larger ones are not ours.
const RECORD_BYTES_AT_MOST: u64 = 4 << 10;
/// More are not looked at.
const RECORDS_AT_MOST: usize = 10_000;

/// The records of a job, as they were when they were last looked at.
#[derive(Default)]
pub(super) struct Strides {
    /// By path, with the time and the length that tell a new one from an old one.
    records: BTreeMap<String, Seen>,
}

struct Seen {
    modified_ms: u64,
    length: u64,
    /// None: it is not understood.
    record: Option<Record>,
}

impl Strides {
    /// Looks at all of them: one listing, and a read of each that is new.
    ///
    /// # Errors
    /// What the secondary answered; what was known stays known.
    pub(super) async fn look(&mut self, job: &Job) -> Result<()> {
        let dir = job.root.stride_records(&job.spec.id);
        let listed = list_if_there(job.secondary.as_ref(), dir.path()).await?;
        let mut records = BTreeMap::new();
        let mut fresh = Vec::new();
        for file in listed
            .into_iter()
            .filter(|file| !file.is_dir)
            .take(RECORDS_AT_MOST)
        {
            match self.records.remove(&file.path) {
                Some(seen) if seen.is(&file) => {
                    records.insert(file.path, seen);
                }
                _ => fresh.push(file),
            }
        }
        let reads = stream::iter(fresh).map(|file| read(job, file));
        let mut reads = reads.buffer_unordered(CALLS_AT_ONCE);
        while let Some((path, seen)) = reads.next().await {
            records.insert(path, seen);
        }
        self.records = records;
        Ok(())
    }

    /// The largest stride of a process that is not known to be gone; 1 if there is none.
    pub(super) fn largest(&self, newest: u64) -> u64 {
        let valid = self.valid(newest).map(|record| record.stride);
        valid.max().unwrap_or(1)
    }

    /// How long to wait where a fast link would be waited for as long as `time`.
    pub(super) fn patience(&self, time: Duration, newest: u64) -> Duration {
        time.saturating_mul(u32::try_from(self.largest(newest)).unwrap_or(u32::MAX))
    }

    /// Whether somebody left this checkpoint out.
    pub(super) fn leave_out(&self, checkpoint: u64, newest: u64) -> bool {
        let mut in_force = self
            .valid(newest)
            .filter(|record| record.checkpoint <= checkpoint);
        in_force.any(|record| !checkpoint.is_multiple_of(record.stride))
    }

    fn valid(&self, newest: u64) -> impl Iterator<Item = &Record> {
        let records = self
            .records
            .values()
            .filter_map(|seen| seen.record.as_ref());
        records.filter(move |record| !is_stale(record, newest))
    }

    /// Deletes what is of processes that are gone, now that `published` is there.
    pub(super) async fn clean(
        &mut self,
        job: &Job,
        owner: &mut Ownership,
        published: u64,
        newest: u64,
    ) -> Result<()> {
        let is_refuted = |record: &Record| {
            record.checkpoint <= published && !published.is_multiple_of(record.stride)
        };
        let gone = self.records.iter().filter(|(_, seen)| {
            let record = seen.record.as_ref();
            record.is_some_and(|record| is_stale(record, newest) || is_refuted(record))
        });
        let gone: Vec<String> = gone.map(|(path, _)| path.clone()).collect();
        if gone.is_empty() || !owner.confirm(job).await? {
            return Ok(());
        }
        for path in &gone {
            self.records.remove(path);
        }
        let deletions =
            stream::iter(gone).map(|path| async move { job.secondary.delete(&path, false).await });
        let mut deletions = deletions.buffer_unordered(CALLS_AT_ONCE);
        while let Some(deleted) = deletions.next().await {
            deleted?;
        }
        Ok(())
    }
}

impl Seen {
    fn is(&self, file: &FileStatus) -> bool {
        (self.modified_ms, self.length) == (file.modified_ms, file.length)
    }
}

fn is_stale(record: &Record, newest: u64) -> bool {
    newest > record.checkpoint.saturating_add(VALID_FOR)
}

async fn read(job: &Job, file: FileStatus) -> (String, Seen) {
    let length = file.length.min(RECORD_BYTES_AT_MOST);
    let bytes = job.secondary.read(&file.path, 0, length).await.ok();
    let record = bytes.and_then(|bytes| serde_json::from_slice::<Record>(&bytes).ok());
    let seen = Seen {
        modified_ms: file.modified_ms,
        length: file.length,
        record: record.filter(|record| record.stride > 1),
    };
    (file.path, seen)
}

/// Whether a file of this checkpoint alone is on neither side. Asks for one.
pub(super) async fn has_lost_a_file(job: &Job, waiting: &Waiting) -> bool {
    let own = |missing: &&super::waiting::Unknown| {
        missing.expected.location.below(&waiting.dir).is_some()
    };
    let Some(missing) = waiting.unknown.iter().filter(|file| !file.seen).find(own) else {
        return false;
    };
    let Ok(from) = job.spec.mapping.aliases().resolve(&missing.primary) else {
        return false;
    };
    // what the last look missed may have come since
    job.is_gone(&from).await && matches!(gate::lacks(job, &missing.expected).await, Ok(true))
}

/// Finds those that were asked for in vain: for one file of each that is not known to be lost.
pub(super) async fn find_lost(job: &Job, waiting: &mut [Waiting]) {
    let looks = waiting.iter_mut().map(|waiting| async move {
        let was_asked = waiting.missing().any(|missing| missing.asked);
        waiting.lost = waiting.lost || (was_asked && has_lost_a_file(job, waiting).await);
    });
    future::join_all(looks).await;
}
