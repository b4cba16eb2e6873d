//! Who spills: while more than half of the memory is in use, what waits longest for the link goes
//! to disk.
//!
//! Looks for what is deferred first, then for sessions without a place at the link, then for the
//! excess of those that have one. Within a session its last bytes go first, because they are needed
//! last.

use std::sync::{Arc, Weak};

use super::Spill;
use crate::caught::caught;
use crate::feed::Feed;
use crate::job::Shared;

/// Chunks that are written at once.
pub(crate) const SPILLERS: usize = 4;

/// Spills for ever, one chunk after another.
pub(crate) async fn work(shared: Arc<Shared>) {
    while caught(shared.counts(), "Spilling", spill_all(&shared))
        .await
        .is_none()
    {}
}

async fn spill_all(shared: &Shared) {
    loop {
        shared.pool.pressed().await;
        if !shared.spill.spill_one().await {
            tokio::select! {
                biased;
                () = shared.pool.leased() => {}
                () = shared.spill.0.freed.notified() => {}
            }
        }
    }
}

impl Spill {
    /// False: there is nothing to spill, or no room.
    async fn spill_one(&self) -> bool {
        let Some(feed) = self.fullest() else {
            return false;
        };
        let Some((number, bytes)) = feed.take_last() else {
            return false;
        };
        let slot = self.write(bytes, feed.is_deferred()).await;
        let spilled = slot.is_some();
        feed.put_back(number, slot);
        spilled
    }

    fn fullest(&self) -> Option<Arc<Feed>> {
        // a feed that goes gives slots back, which takes the lock
        let feeds: Vec<_> = self.0.lock().feeds.iter().map(Weak::upgrade).collect();
        let feeds = feeds.into_iter().flatten();
        let feeds = feeds.filter_map(|feed| Some((feed.spillable()?, feed)));
        let feed = feeds.max_by_key(|(spillable, _)| *spillable);
        feed.map(|(_, feed)| feed)
    }
}
