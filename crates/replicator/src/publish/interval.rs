//! How far apart a job's checkpoints are: what its own coordinator shows, as the interval that is
//! configured may be in the job's code. Pure.

use std::collections::VecDeque;

/// Gaps that are looked at. One of them may be long, because a checkpoint failed.
const GAPS: usize = 5;

/// The triggers of the last completed checkpoints, in milliseconds since the epoch.
#[derive(Debug, Default)]
pub(super) struct Interval(VecDeque<u64>);

impl Interval {
    /// A checkpoint was completed that was triggered then. The median of the gaps so far, in
    /// milliseconds; none before the second.
    pub(super) fn next(&mut self, triggered_at_ms: u64) -> Option<u64> {
        self.0.push_back(triggered_at_ms);
        if self.0.len() > GAPS + 1 {
            self.0.pop_front();
        }
        let later = self.0.iter().skip(1);
        let gaps = self.0.iter().zip(later);
        let mut gaps: Vec<u64> = gaps.map(|(one, next)| next.saturating_sub(*one)).collect();
        gaps.sort_unstable();
        gaps.get(gaps.len() / 2).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_failed_does_not_change_it_and_a_new_one_shows_after_three() {
        let mut interval = Interval::default();
        let triggers = [10, 20, 30, 50, 60, 70, 72, 74, 76];
        let seen = triggers.map(|at| interval.next(at));
        let expected = [0, 10, 10, 10, 10, 10, 10, 10, 2];
        assert_eq!(seen, expected.map(|gap| Some(gap).filter(|gap| *gap > 0)));
    }
}
