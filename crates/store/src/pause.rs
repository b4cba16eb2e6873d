//! How long to wait before another attempt, so that a hundred processes do not come at once. Pure.
//!
//! What looks random follows from who waits: the same process waits the same again, so a run can be
//! repeated.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

/// `pause`, a half less or more, by a hash of who waits and how often it has.
pub fn spread(pause: Duration, who: impl Hash) -> Duration {
    let mut hash = DefaultHasher::new();
    who.hash(&mut hash);
    let thousandths = 500 + u32::try_from(hash.finish() % 1000).unwrap_or_default();
    pause * thousandths / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_spread_over_a_half_less_and_more_and_can_be_repeated() {
        let pause = Duration::from_secs(1);
        let pauses: Vec<u128> = (0..1000).map(|n| spread(pause, n).as_millis()).collect();
        assert!(pauses.iter().all(|ms| (500..1500).contains(ms)));
        for tenth in 5..15 {
            let of_tenth = pauses.iter().filter(|ms| *ms / 100 == tenth).count();
            assert!((50..150).contains(&of_tenth), "{of_tenth} at {tenth}00 ms");
        }
        assert_eq!(spread(pause, ("a", 1)), spread(pause, ("a", 1)));
    }
}
