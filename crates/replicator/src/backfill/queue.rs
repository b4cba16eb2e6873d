//! What waits to be copied, in the order in which it is copied. No clock, no IO.
//!
//! First what a checkpoint lacks that waits to be published, newest checkpoint first; then what was
//! missed, newest first; last what was deferred, oldest first, because what has lived long will
//! live on.

use std::collections::{BTreeMap, HashMap};

use checkpoint_layout::Location;

use super::Wanted;

/// Files waiting, at most; past that the least urgent is dropped, and the JobManager asks again for
/// what a checkpoint needs.
const WAITING_FILES_AT_MOST: usize = 20_000;

/// Why a file is copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Urgency {
    /// This checkpoint, which waits to be published, lacks it.
    Needed(u64),
    /// A session was abandoned.
    Missed,
    /// Its checkpoint was left out.
    Deferred,
}

/// Urgency, order within it, number.
type Rank = (u8, u64, u64);

/// What was deferred comes from here on.
const DEFERRED: Rank = (2, 0, 0);

/// The waiting files and the order among them.
#[derive(Default)]
pub(super) struct Queue {
    waiting: BTreeMap<Rank, Wanted>,
    /// Waiting (and with which rank) or under way, by the path on the secondary.
    known: HashMap<Location, Option<Rank>>,
    /// Under way of what was deferred, and of which job: one at a time, as it may wait long for the
    /// link.
    deferred: Option<(Location, u64)>,
    bytes: u64,
    next: u64,
}

impl Queue {
    /// Takes a file in, unless it waits as urgently or is under way. Gives what is dropped for it.
    pub(super) fn insert(&mut self, mut wanted: Wanted) -> Option<Wanted> {
        let rank = self.rank(wanted.urgency);
        match self.known.get(&wanted.to) {
            Some(Some(before)) if *before > rank => {
                let before = *before;
                let before = self.take(before);
                let counted = before.and_then(|before| before.waits);
                wanted.waits = wanted.waits.or(counted);
            }
            Some(_) => return None,
            None => {}
        }
        self.put(rank, wanted);
        if self.waiting.len() <= WAITING_FILES_AT_MOST {
            return None;
        }
        let least_urgent = *self.waiting.last_key_value()?.0;
        let dropped = self.take(least_urgent)?;
        self.known.remove(&dropped.to);
        Some(dropped)
    }

    /// Puts a file back that was under way.
    pub(super) fn put_back(&mut self, wanted: Wanted) {
        self.is_not_under_way(&wanted.to);
        let rank = self.rank(wanted.urgency);
        self.put(rank, wanted);
    }

    /// The most urgent file that can be copied now; it is under way from here on.
    pub(super) fn pop(&mut self, can: impl Fn(&Wanted) -> bool) -> Option<Wanted> {
        let first = self.candidates().find(|(_, wanted)| can(wanted));
        let rank = *first?.0;
        let wanted = self.take(rank)?;
        if wanted.is_deferred() {
            self.deferred = Some((wanted.to.clone(), wanted.job.number));
        }
        self.known.insert(wanted.to.clone(), None);
        Some(wanted)
    }

    /// The most urgent file of all that are not held up by one under way.
    pub(super) fn first(&self) -> Option<&Wanted> {
        self.candidates().next().map(|(_, wanted)| wanted)
    }

    fn candidates(&self) -> impl Iterator<Item = (&Rank, &Wanted)> {
        let end = if self.deferred.is_some() {
            DEFERRED
        } else {
            (u8::MAX, 0, 0)
        };
        self.waiting.range(..end)
    }

    /// A file is not under way any more.
    pub(super) fn finished(&mut self, to: &Location) {
        self.is_not_under_way(to);
        self.known.remove(to);
    }

    fn is_not_under_way(&mut self, to: &Location) {
        self.deferred.take_if(|(deferred, _)| deferred == to);
    }

    /// Takes a file out that waits; none if it does not wait any more.
    pub(super) fn remove(&mut self, to: &Location) -> Option<Wanted> {
        let rank = (*self.known.get(to)?)?;
        self.known.remove(to);
        self.take(rank)
    }

    /// Whether something that was deferred of a job waits or is under way.
    pub(super) fn has_deferred(&self, job: u64) -> bool {
        let under_way = self.deferred.as_ref().map(|(_, of)| *of);
        under_way == Some(job) || self.deferred_of(job).next().is_some()
    }

    /// What was deferred of a job is wanted as much as what was missed, unless it is known to be of
    /// no use. Gives how many of those were dropped.
    pub(super) fn promote(
        &mut self,
        job: u64,
        is_needed: impl Fn(&Wanted) -> Option<bool>,
    ) -> usize {
        let ranks: Vec<Rank> = self.deferred_of(job).collect();
        let mut dropped = 0;
        for rank in ranks {
            let Some(mut wanted) = self.take(rank) else {
                continue;
            };
            if is_needed(&wanted) == Some(false) {
                self.known.remove(&wanted.to);
                dropped += 1;
                continue;
            }
            wanted.urgency = Urgency::Missed;
            let rank = self.rank(wanted.urgency);
            self.put(rank, wanted);
        }
        dropped
    }

    fn deferred_of(&self, job: u64) -> impl Iterator<Item = Rank> {
        let deferred = self.waiting.range(DEFERRED..);
        let of_job = deferred.filter(move |(_, wanted)| wanted.job.number == job);
        of_job.map(|(rank, _)| *rank)
    }

    /// Whether a file waits.
    pub(super) fn waits(&self, to: &Location) -> bool {
        self.known.get(to).is_some_and(Option::is_some)
    }

    /// All that waits.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Wanted> {
        self.waiting.values()
    }

    /// How many files wait, and how many bytes.
    pub(super) fn size(&self) -> (usize, u64) {
        (self.waiting.len(), self.bytes)
    }

    /// How many files wait or are under way.
    #[cfg(test)]
    pub(super) fn known(&self) -> usize {
        self.known.len()
    }

    fn rank(&mut self, urgency: Urgency) -> Rank {
        self.next += 1;
        let (oldest_first, newest_first) = (self.next, u64::MAX - self.next);
        match urgency {
            Urgency::Needed(checkpoint) => (0, u64::MAX - checkpoint, oldest_first),
            Urgency::Missed => (1, 0, newest_first),
            Urgency::Deferred => (DEFERRED.0, 0, oldest_first),
        }
    }

    fn put(&mut self, rank: Rank, wanted: Wanted) {
        self.known.insert(wanted.to.clone(), Some(rank));
        self.bytes += wanted.size.unwrap_or(0);
        self.waiting.insert(rank, wanted);
    }

    fn take(&mut self, rank: Rank) -> Option<Wanted> {
        let wanted = self.waiting.remove(&rank)?;
        self.bytes -= wanted.size.unwrap_or(0);
        Some(wanted)
    }
}
