//! What became of each checkpoint: when it completed on the primary, when it was published on
//! the secondary. Pure: times are told, none is taken.

use std::collections::BTreeMap;

/// One checkpoint. Times are milliseconds since the epoch, of the machine's one clock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Entry {
    /// The checkpoint's number.
    pub(super) id: u64,
    /// When Flink began it: what it holds is of that time.
    pub(super) triggered_ms: Option<u64>,
    /// When its `_metadata` was complete on the primary.
    pub(super) completed_ms: Option<u64>,
    /// When its `_metadata` was renamed into place on the secondary.
    pub(super) published_ms: Option<u64>,
    /// How many files it names, and how many bytes those have; of one that was still there when
    /// it was looked at.
    pub(super) files_and_bytes: Option<(u64, u64)>,
}

impl Entry {
    /// From complete on the primary to published, in milliseconds.
    pub(super) fn lag_ms(&self) -> Option<u64> {
        Some(self.published_ms?.saturating_sub(self.completed_ms?))
    }
}

/// All checkpoints that were seen.
#[derive(Debug, Default)]
pub(super) struct Ledger(BTreeMap<u64, Entry>);

impl Ledger {
    /// What is written down of a checkpoint, to be added to.
    pub(super) fn entry(&mut self, id: u64) -> &mut Entry {
        let empty = Entry {
            id,
            ..Entry::default()
        };
        self.0.entry(id).or_insert(empty)
    }

    /// When the checkpoint was triggered. One that came between the last look and the kill was
    /// triggered after the one before it, so that one's time stands for it: it makes it no younger.
    pub(super) fn triggered_by(&self, id: u64) -> Option<u64> {
        let mut until = self.0.range(..=id).rev();
        until.find_map(|(_, entry)| entry.triggered_ms)
    }

    /// Whether its completion was seen.
    pub(super) fn is_completed(&self, id: u64) -> bool {
        self.0.get(&id).is_some_and(|e| e.completed_ms.is_some())
    }

    /// Whether its publication was seen.
    pub(super) fn is_published(&self, id: u64) -> bool {
        self.0.get(&id).is_some_and(|e| e.published_ms.is_some())
    }

    /// Those completed on the primary, the oldest first.
    pub(super) fn completed(&self) -> impl Iterator<Item = &Entry> {
        self.0.values().filter(|e| e.completed_ms.is_some())
    }

    /// Those published on the secondary, the oldest first.
    pub(super) fn published(&self) -> impl Iterator<Item = &Entry> {
        self.0.values().filter(|e| e.published_ms.is_some())
    }

    /// The median of the lags, in seconds; of an even number of lags, the greater middle one.
    pub(super) fn median_lag_seconds(&self) -> Option<f64> {
        let mut lags: Vec<u64> = self.0.values().filter_map(Entry::lag_ms).collect();
        lags.sort_unstable();
        lags.get(lags.len() / 2).map(|ms| seconds(*ms))
    }
}

/// Milliseconds as seconds.
pub(super) fn seconds(ms: u64) -> f64 {
    std::time::Duration::from_millis(ms).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger(times: &[(u64, Option<u64>, Option<u64>)]) -> Ledger {
        let mut ledger = Ledger::default();
        for (id, completed, published) in times {
            let entry = ledger.entry(*id);
            entry.completed_ms = *completed;
            entry.published_ms = *published;
        }
        ledger
    }

    #[test]
    fn a_checkpoint_of_which_flink_never_told_is_no_younger_than_the_one_before() {
        let mut ledger = ledger(&[(1, None, None), (2, None, None), (3, None, None)]);
        ledger.entry(1).triggered_ms = Some(10);
        ledger.entry(2).triggered_ms = Some(20);
        let told = [1, 2, 3].map(|id| ledger.triggered_by(id));
        assert_eq!(told, [Some(10), Some(20), Some(20)]);
    }

    #[test]
    fn the_median_is_of_those_that_are_on_both() {
        let times = [
            (1, Some(1_000), Some(1_200)),
            (2, Some(2_000), Some(2_900)),
            (3, Some(3_000), Some(3_100)),
            (4, Some(4_000), None),
            (5, None, Some(5_000)),
        ];
        let ledger = ledger(&times);
        assert_eq!(ledger.median_lag_seconds(), Some(0.2));
        assert_eq!(ledger.completed().count(), 4);
        assert_eq!(ledger.published().count(), 4);
        assert!(ledger.is_completed(4) && !ledger.is_published(4));
    }

    #[test]
    fn nothing_published_has_no_median() {
        assert_eq!(ledger(&[(1, Some(1), None)]).median_lag_seconds(), None);
    }
}
