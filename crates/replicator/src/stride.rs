//! The stride: which checkpoints a process takes of a job when its link is slower than the job.
//!
//! Of stride 1, 2, 4, ... only checkpoints whose number is a multiple are taken. Strides nest, so a
//! multiple of the largest is taken by every process, though none asks another. Decides alone:
//! refuses to know bytes from numbers, or the time; it goes by the checkpoints themselves.
//!
//! # When it changes
//! Looked at when a checkpoint is seen for the first time:
//!
//! - One that should be taken doubles the stride if more than an eighth of what was taken with the
//!   last one still waits. If it is more than a quarter, this one is left out, too: what is on its
//!   way goes first.
//! - One half-way to the next that should be taken votes for half the stride if nothing waits: with
//!   half the stride it would have been taken, and in time. After enough such votes in a row the
//!   stride is halved.
//!
//! So a stride settles at the smallest that lets a checkpoint cross before the next one is due, and
//! neither a busy moment nor a quiet one moves it. The first checkpoint is always taken.

use std::collections::{BTreeMap, VecDeque};

/// Never larger.
pub(crate) const STRIDE_AT_MOST: u64 = 1024;
/// Votes for half the stride that halve it.
const VOTES: u32 = 3;
/// Checkpoints whose decision is kept, so that all their streams are treated alike.
const DECISIONS_KEPT: usize = 32;

/// What one process takes of one job.
#[derive(Debug)]
pub(crate) struct Stride {
    most: u64,
    /// Takes one in so many.
    every: u64,
    newest: Option<u64>,
    /// The last one that was taken.
    taken: u64,
    votes: u32,
    decisions: VecDeque<(u64, bool)>,
    /// Bytes that wait, by the checkpoint that wrote them.
    waiting: BTreeMap<u64, u64>,
    /// Bytes of it and those before that have crossed since the last one was taken.
    crossed: u64,
}

/// What was decided of a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Decision {
    /// Whether it is taken.
    pub(crate) takes: bool,
    /// Whether it was seen for the first time.
    pub(crate) is_new: bool,
    /// The last one before it that was taken. In Flink, this one is triggered after that one was
    /// complete, unless several may be under way.
    pub(crate) taken_before: u64,
    /// The stride now, and the one before.
    pub(crate) stride: u64,
    pub(crate) stride_before: u64,
}

impl Stride {
    /// Stride 1, never above `most`.
    pub(crate) fn new(most: u64) -> Self {
        Self {
            most,
            every: 1,
            newest: None,
            taken: 0,
            votes: 0,
            decisions: VecDeque::new(),
            waiting: BTreeMap::new(),
            crossed: 0,
        }
    }

    /// A stream of this checkpoint is opened.
    pub(crate) fn enter(&mut self, checkpoint: u64) -> Decision {
        let (taken_before, stride_before) = (self.taken, self.every);
        let decided = self.decisions.iter().find(|(id, _)| *id == checkpoint);
        let (takes, is_new) = match decided {
            Some((_, takes)) => (*takes, false),
            None => (self.decide(checkpoint), true),
        };
        Decision {
            takes,
            is_new,
            taken_before,
            stride: self.every,
            stride_before,
        }
    }

    /// The newest checkpoint that was seen.
    pub(crate) fn newest(&self) -> Option<u64> {
        self.newest
    }

    /// The stride now.
    pub(crate) fn stride(&self) -> u64 {
        self.every
    }

    /// A complete file of this checkpoint waits to cross.
    pub(crate) fn waits(&mut self, checkpoint: u64, bytes: u64) {
        *self.waiting.entry(checkpoint).or_default() += bytes;
    }

    /// It does not wait any more.
    pub(crate) fn left(&mut self, checkpoint: u64, bytes: u64, has_crossed: bool) {
        if let Some(waiting) = self.waiting.get_mut(&checkpoint) {
            *waiting = waiting.saturating_sub(bytes);
            if *waiting == 0 {
                self.waiting.remove(&checkpoint);
            }
        }
        if has_crossed && checkpoint <= self.taken {
            self.crossed += bytes;
        }
    }

    fn decide(&mut self, checkpoint: u64) -> bool {
        let takes = match self.newest {
            None => true,
            // a late one: numbers only grow
            Some(newest) if checkpoint < newest => checkpoint.is_multiple_of(self.every),
            Some(_) => self.adapt(checkpoint),
        };
        if takes && self.newest.is_none_or(|newest| checkpoint > newest) {
            self.taken = checkpoint;
            self.crossed = 0;
        }
        self.newest = self.newest.max(Some(checkpoint));
        self.decisions.push_front((checkpoint, takes));
        self.decisions.truncate(DECISIONS_KEPT);
        takes
    }

    fn adapt(&mut self, checkpoint: u64) -> bool {
        let waits: u64 = self
            .waiting
            .range(..=self.taken)
            .map(|(_, bytes)| bytes)
            .sum();
        let all = waits + self.crossed;
        if checkpoint.is_multiple_of(self.every) {
            if waits > all / 8 {
                self.votes = 0;
                self.every = (self.every * 2).min(self.most);
                return waits <= all / 4 && checkpoint.is_multiple_of(self.every);
            }
            return true;
        }
        if checkpoint.is_multiple_of(self.every / 2) {
            self.votes = if waits == 0 { self.votes + 1 } else { 0 };
            if self.votes >= VOTES {
                self.votes = 0;
                self.every /= 2;
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the numbers are small"
    )]

    use super::*;
    use proptest::prelude::*;

    /// A process whose link carries `rate` of the bytes of one checkpoint in one interval, in
    /// numbers alone: bytes cross in the order in which they were taken.
    struct Process {
        stride: Stride,
        queue: VecDeque<(u64, u64)>,
        /// When each taken checkpoint had crossed, in intervals.
        crossed_at: Vec<(u64, f64)>,
    }

    const BYTES: u64 = 1_000_000;

    impl Process {
        fn new() -> Self {
            let stride = Stride::new(STRIDE_AT_MOST);
            let (queue, crossed_at) = (VecDeque::new(), Vec::new());
            Self {
                stride,
                queue,
                crossed_at,
            }
        }

        /// One interval that begins with a checkpoint.
        fn interval(&mut self, checkpoint: u64, rate: f64) {
            if self.stride.enter(checkpoint).takes {
                self.stride.waits(checkpoint, BYTES);
                self.queue.push_back((checkpoint, BYTES));
            }
            let carries = (rate * BYTES as f64) as u64;
            let mut left = carries;
            while let Some((id, bytes)) = self.queue.front_mut() {
                let part = left.min(*bytes);
                self.stride.left(*id, part, true);
                (*bytes, left) = (*bytes - part, left - part);
                if *bytes > 0 {
                    break;
                }
                let within = (carries - left) as f64 / carries as f64;
                self.crossed_at.push((*id, checkpoint as f64 + within));
                self.queue.pop_front();
            }
        }

        /// The largest age of the newest that has crossed, from checkpoint `from` on.
        fn largest_age(&self, from: u64, to: u64) -> f64 {
            let pairs = self.crossed_at.windows(2);
            let ages = pairs.map(|pair| (pair[1].0, pair[1].1 - pair[0].0 as f64));
            let last = self.crossed_at.last().map(|last| to as f64 - last.0 as f64);
            let ages = ages.filter(|(id, _)| *id >= from).map(|(_, age)| age);
            ages.chain(last).fold(0.0, f64::max)
        }
    }

    #[test]
    fn without_pressure_every_checkpoint_is_taken() {
        let mut process = Process::new();
        for checkpoint in 1..200 {
            process.interval(checkpoint, 1.5);
        }
        assert_eq!(
            (process.stride.stride(), process.crossed_at.len()),
            (1, 199)
        );
    }

    #[test]
    fn all_streams_of_a_checkpoint_are_treated_alike() {
        let mut stride = Stride::new(STRIDE_AT_MOST);
        assert!(stride.enter(7).takes, "the first");
        stride.waits(7, 100);
        let eighth = stride.enter(8);
        assert_eq!(
            (eighth.takes, eighth.is_new, eighth.stride),
            (false, true, 2)
        );
        stride.left(7, 100, true);
        let again = stride.enter(8);
        assert_eq!((again.takes, again.is_new), (false, false));
        assert!(stride.enter(7).takes && stride.enter(10).takes);
        assert!(!stride.enter(9).takes, "late");
    }

    #[test]
    fn what_is_dropped_is_no_pressure() {
        let mut stride = Stride::new(STRIDE_AT_MOST);
        stride.enter(1);
        stride.waits(1, 100);
        stride.left(1, 100, false);
        stride.waits(2, 100);
        assert!(
            stride.enter(2).takes,
            "of a checkpoint that was not taken before"
        );
        assert_eq!(stride.stride(), 1);
    }

    #[test]
    fn it_settles_at_the_smallest_that_is_enough_and_comes_back() {
        for (rate, settled) in [(0.9, 2), (0.3, 4), (0.1, 16), (0.06, 32), (0.011, 128)] {
            let mut process = Process::new();
            let mut seen = std::collections::BTreeSet::new();
            for checkpoint in 1001..4000 {
                process.interval(checkpoint, rate);
                if checkpoint > 1400 {
                    seen.insert(process.stride.stride());
                }
            }
            let limit = settled.max(process.stride.stride());
            assert_eq!((limit, seen.len()), (settled, 1), "rate {rate}: {seen:?}");
            for checkpoint in 4000..5000 {
                process.interval(checkpoint, 2.0);
            }
            assert_eq!(process.stride.stride(), 1);
        }
    }

    #[test]
    fn nothing_grows() {
        let mut process = Process::new();
        for checkpoint in 1..20_000 {
            process.interval(checkpoint, 0.1);
        }
        assert!(process.stride.waiting.len() <= 2);
        assert!(process.stride.decisions.len() <= DECISIONS_KEPT);
    }

    proptest! {
        /// Steadily, whatever the link's speed and wherever the numbers begin.
        #[test]
        fn the_age_is_bounded_by_the_time_that_a_checkpoint_takes(
            rate in 0.01_f64..1.5,
            first in 1..5000_u64,
        ) {
            let mut process = Process::new();
            let (steady, end) = (first + 1000, first + 3000);
            for checkpoint in first..end {
                process.interval(checkpoint, rate);
            }
            let age = process.largest_age(steady, end);
            let bound = 3.0 / rate + 1.0;
            prop_assert!(age <= bound, "{age} intervals, not {bound}");
        }

        /// Strides nest: what the slowest takes, all others take.
        #[test]
        fn what_the_slowest_takes_is_taken_by_all(
            rates in proptest::collection::vec(0.02_f64..1.5, 2..20),
            first in 1..5000_u64,
        ) {
            let mut processes: Vec<_> = rates.iter().map(|_| Process::new()).collect();
            let (steady, end) = (first + 600, first + 1200);
            for checkpoint in first..end {
                for (process, rate) in processes.iter_mut().zip(&rates) {
                    process.interval(checkpoint, *rate);
                }
            }
            let ids = |process: &Process| -> Vec<u64> {
                let ids = process.crossed_at.iter().map(|(id, _)| *id);
                ids.filter(|id| *id >= steady).collect()
            };
            let by_number = processes.iter().min_by_key(|process| ids(process).len());
            let slowest = ids(by_number.unwrap());
            prop_assert!(!slowest.is_empty());
            let end = end - 200;
            for process in &processes {
                let taken = ids(process);
                for id in slowest.iter().filter(|id| **id < end) {
                    prop_assert!(taken.contains(id), "{id} is not among {taken:?}");
                }
            }
        }
    }
}
