//! How many bytes may be on their way at once, so that what is asked for now does not queue behind
//! what was sent long ago. Pure.
//!
//! What a link carries in two seconds is enough to keep it busy, and short enough for live bytes to
//! overtake a backfill and for a small job to go beside a large one. What it carries is measured by
//! what it acknowledges; how long that takes, nobody has to know.

use std::time::Duration;

use tokio::time::Instant;

/// Measured over this.
const EPOCH: Duration = Duration::from_millis(500);
/// So many epochs' bytes may be on their way.
const EPOCHS: u64 = 4;
/// On the slowest of links, and before anything was measured.
const BYTES_AT_LEAST: u64 = 256 << 10;

/// The number of bytes that may be on their way.
pub(super) struct Pace {
    most: u64,
    bytes: u64,
    /// When the first look at this epoch's numbers ends it.
    ends_at: Option<Instant>,
    acknowledged: u64,
    /// What was on its way when the epoch began.
    before: u64,
    /// Whether more would have been sent.
    was_short: bool,
    was_measured: bool,
}

impl Pace {
    /// Never above `most`.
    pub(super) fn new(most: u64) -> Self {
        Self {
            most,
            bytes: most.min(BYTES_AT_LEAST),
            ends_at: None,
            acknowledged: 0,
            before: 0,
            was_short: false,
            was_measured: false,
        }
    }

    /// One that never holds anything up.
    #[cfg(test)]
    pub(super) fn unlimited() -> Self {
        Self {
            bytes: u64::MAX,
            ..Self::new(u64::MAX)
        }
    }

    /// Bytes came back.
    pub(super) fn acknowledged(&mut self, bytes: u64) {
        self.acknowledged += bytes;
    }

    /// How many bytes may be on their way, as was measured. None: nobody was short of anything yet.
    pub(super) fn measured(&self) -> Option<u64> {
        self.was_measured.then_some(self.bytes)
    }

    /// More would have been sent.
    pub(super) fn is_short(&mut self) {
        self.was_short = true;
    }

    /// Whether `more` bytes may be on their way beside `others`.
    pub(super) fn allows(&mut self, others: u64, more: u64, now: Instant) -> bool {
        let ends_at = *self.ends_at.get_or_insert(now + EPOCH);
        if now >= ends_at {
            let carried = self.acknowledged.saturating_mul(EPOCHS);
            // without a shortage the numbers tell what was asked for, not what can be carried
            if self.was_short || self.before > carried {
                self.bytes = carried.clamp(BYTES_AT_LEAST.min(self.most), self.most);
                self.was_measured = true;
            }
            self.ends_at = Some(now + EPOCH);
            self.acknowledged = 0;
            self.before = others;
            self.was_short = false;
        }
        let allows = others.saturating_add(more) <= self.bytes;
        self.was_short |= !allows;
        allows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: u64 = 24 << 20;

    /// Sends as much as it may for a while over a link of `rate` bytes a millisecond that answers
    /// after `delay_ms`; gives the bytes on their way and those acknowledged a second at the end.
    fn run(rate: u64, delay_ms: u64) -> (u64, u64) {
        let (mut pace, start) = (Pace::new(MOST), Instant::now());
        let (mut queued, mut on_their_way, mut last_second) = (0, 0, 0);
        let mut answers = std::collections::VecDeque::new();
        let seconds = 20;
        for ms in 0..seconds * 1000 {
            let now = start + Duration::from_millis(ms);
            while pace.allows(on_their_way, 1000, now) {
                (queued, on_their_way) = (queued + 1000, on_their_way + 1000);
            }
            let carried = rate.min(queued);
            queued -= carried;
            answers.push_back((ms + delay_ms, carried));
            while let Some((_, bytes)) = answers.pop_front_if(|(at, _)| *at <= ms) {
                on_their_way -= bytes;
                pace.acknowledged(bytes);
                last_second += if ms >= (seconds - 1) * 1000 { bytes } else { 0 };
            }
        }
        (on_their_way, last_second)
    }

    #[test]
    fn a_slow_link_has_two_seconds_on_its_way_and_stays_busy() {
        let (on_their_way, carried) = run(2_000, 50);
        assert!(
            (3_000_000..5_000_000).contains(&on_their_way),
            "{on_their_way}"
        );
        assert!(carried >= 1_999_000, "{carried}");
    }

    #[test]
    fn a_fast_link_is_filled_also_when_it_is_far() {
        let (on_their_way, carried) = run(100_000, 100);
        assert!(on_their_way <= MOST);
        assert!(carried >= 99_000_000, "{carried}");
    }

    #[test]
    fn a_silent_link_gets_no_more_than_the_least() {
        let (mut pace, now) = (Pace::new(MOST), Instant::now());
        for now in [now, now + EPOCH] {
            assert!(pace.allows(0, BYTES_AT_LEAST, now) && !pace.allows(1, BYTES_AT_LEAST, now));
        }
    }

    #[test]
    fn what_is_not_asked_for_does_not_lower_it() {
        let (mut pace, now) = (Pace::new(MOST), Instant::now());
        for epoch in 0..100 {
            assert!(pace.allows(0, BYTES_AT_LEAST, now + EPOCH * epoch));
        }
        assert_eq!(pace.measured(), None);
    }

    #[test]
    fn what_does_not_come_back_lowers_it_though_nobody_was_short() {
        let (mut pace, now) = (Pace::new(MOST), Instant::now());
        pace.bytes = MOST;
        for epoch in 0..3 {
            assert!(pace.allows(MOST / 2, 1, now + EPOCH * epoch));
            assert_eq!(pace.measured(), None);
            pace.acknowledged(MOST / 2);
        }
        assert!(pace.allows(MOST / 2, 1, now + EPOCH * 3));
        pace.acknowledged(100_000);
        assert!(pace.allows(0, 1, now + EPOCH * 4));
        assert_eq!(pace.measured(), Some(400_000));
    }
}
