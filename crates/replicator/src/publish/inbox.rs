//! What was offered and the publishing task has not read yet: a few checkpoints, as their
//! `_metadata` is in memory.
//!
//! Refuses to wait. While the task is held up, by a link that is full for example, the newest
//! stays, and of the others those that most TaskManagers have taken if their links are slow:
//! multiples of the largest powers of two.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::Offer;
use super::ticket::Ticket;

/// At most so many.
const OFFERS_AT_MOST: usize = 8;

/// An offer, and when it came.
pub(super) type Offered = (Offer, Ticket, Instant);

/// In the order in which they came.
#[derive(Default)]
pub(super) struct Inbox(Mutex<VecDeque<Offered>>);

impl Inbox {
    /// Takes an offer in. Gives the one that goes for it, if there are too many.
    pub(super) fn push(&self, offered: Offered) -> Option<Offered> {
        let mut offers = self.lock();
        offers.push_back(offered);
        if offers.len() <= OFFERS_AT_MOST {
            return None;
        }
        let ids: Vec<u64> = offers.iter().map(|(offer, ..)| offer.checkpoint).collect();
        offers.remove(one_too_many(&ids)?)
    }

    /// The one that came first.
    pub(super) fn pop(&self) -> Option<Offered> {
        self.lock().pop_front()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Offered>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Which of the checkpoints of these numbers goes: the oldest of those that are multiples of the
/// smallest power of two, but never the newest.
fn one_too_many(ids: &[u64]) -> Option<usize> {
    let but_last = ids.len().checked_sub(1)?;
    (0..but_last).min_by_key(|index| ids[*index].trailing_zeros())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_stays_and_what_slow_links_take() {
        assert_eq!(one_too_many(&[]), None);
        assert_eq!(one_too_many(&[7]), None);
        assert_eq!(one_too_many(&[31, 32, 33]), Some(0));
        assert_eq!(one_too_many(&[32, 48, 64, 65]), Some(1));
        let mut ids: Vec<u64> = Vec::new();
        for id in 1..100 {
            ids.push(id);
            if ids.len() > OFFERS_AT_MOST {
                ids.remove(one_too_many(&ids).unwrap());
            }
        }
        assert_eq!(ids, [16, 32, 48, 64, 80, 88, 96, 99]);
    }
}
