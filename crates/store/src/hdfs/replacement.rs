//! When a client is given up for a fresh one. Pure: no clock, no cluster.
//!
//! A client cannot always recover by itself: an established connection into a black hole is retried
//! by the kernel for a quarter of an hour, and hdfs-native turns to another `NameNode` only after
//! an error. A fresh client connects anew, to the next `NameNode` first, and takes no lost writers
//! along.

use std::time::Duration;

/// Unanswered calls in a row that speak for a fresh client.
const STRIKES: u32 = 2;
/// Lost writers that speak for one: what their pipelines hold is only freed with the client.
const LOST_WRITERS: usize = 2;
/// Clients of one cluster alive at once; old ones live until their last writer has ended.
const LIVE_CLIENTS: usize = 4;
/// Fruitless replacements double the time to the next one, up to 2^3 times the call limit.
const DOUBLINGS: u32 = 3;

/// How the current client fares.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Health {
    /// Since it was built.
    pub(crate) age: Duration,
    /// Calls without an answer since the last one with.
    pub(crate) strikes: u32,
    /// Writers lost on it.
    pub(crate) lost_writers: usize,
    /// Clients before it that were replaced without one answer between.
    pub(crate) fruitless: u32,
    /// Clients of this cluster that are alive, this one included.
    pub(crate) live: usize,
}

/// Whether to replace it now, where no call may last longer than `call_timeout`.
pub(crate) fn is_due(health: Health, call_timeout: Duration) -> bool {
    let wanted = health.strikes >= STRIKES || health.lost_writers >= LOST_WRITERS;
    let rest = call_timeout * 2_u32.pow(health.fruitless.min(DOUBLINGS));
    wanted && health.live < LIVE_CLIENTS && health.age >= rest
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);
    const SICK: Health = Health {
        age: LIMIT,
        strikes: 2,
        lost_writers: 0,
        fruitless: 0,
        live: 1,
    };

    #[test]
    fn a_silent_client_is_replaced() {
        assert!(is_due(SICK, LIMIT));
        assert!(!is_due(Health { strikes: 1, ..SICK }, LIMIT));
    }

    #[test]
    fn lost_writers_are_freed() {
        let health = Health {
            strikes: 0,
            lost_writers: 2,
            ..SICK
        };
        assert!(is_due(health, LIMIT));
        assert!(!is_due(
            Health {
                lost_writers: 1,
                ..health
            },
            LIMIT
        ));
    }

    #[test]
    fn replacing_is_bounded_in_pace_and_number() {
        assert!(!is_due(
            Health {
                age: LIMIT / 2,
                ..SICK
            },
            LIMIT
        ));
        assert!(!is_due(
            Health {
                fruitless: 1,
                ..SICK
            },
            LIMIT
        ));
        assert!(is_due(
            Health {
                fruitless: 1,
                age: LIMIT * 2,
                ..SICK
            },
            LIMIT
        ));
        assert!(is_due(
            Health {
                fruitless: 1000,
                age: LIMIT * 8,
                ..SICK
            },
            LIMIT
        ));
        assert!(!is_due(Health { live: 4, ..SICK }, LIMIT));
    }
}
