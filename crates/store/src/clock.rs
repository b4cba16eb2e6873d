//! This machine's clock, in the unit in which clusters tell theirs.

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since the epoch; 0 before it.
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}
