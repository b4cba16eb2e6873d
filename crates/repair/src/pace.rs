//! How fast bytes may be copied, all files together. Refuses to save time that was not used.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// The limit of all copies together.
#[derive(Debug)]
pub(crate) struct Pace {
    bytes_per_second: Option<u64>,
    /// When the bytes that were let through so far have had their time.
    free_at: Mutex<Instant>,
}

impl Pace {
    /// Without a number there is no limit.
    pub(crate) fn new(bytes_per_second: Option<u64>) -> Self {
        Self {
            bytes_per_second,
            free_at: Mutex::new(Instant::now()),
        }
    }

    /// Waits until so many bytes may go.
    pub(crate) async fn take(&self, bytes: u64) {
        let Some(rate) = self.bytes_per_second.filter(|rate| *rate > 0) else {
            return;
        };
        let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(rate);
        let time = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        let turn = {
            let mut free_at = self.free_at.lock().unwrap_or_else(PoisonError::into_inner);
            let turn = Instant::now().max(*free_at);
            *free_at = turn + time;
            turn
        };
        sleep_until(turn).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::future::join_all;

    #[tokio::test(start_paused = true)]
    async fn all_copies_share_the_limit_and_idle_time_is_not_saved() {
        let pace = Pace::new(Some(100));
        for _ in 0..2 {
            let begun = Instant::now();
            join_all((0..10).map(|_| pace.take(100))).await;
            // The tenth may go when nine have had their second.
            assert!((8..=10).contains(&begun.elapsed().as_secs()));
            tokio::time::sleep(Duration::from_mins(1)).await;
        }
        let free = Pace::new(None);
        let begun = Instant::now();
        free.take(u64::MAX).await;
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }
}
