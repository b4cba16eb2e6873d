//! What a session has handed over and its upload has not taken yet, in order: in memory, or on disk
//! if it had to wait.
//!
//! Flink's threads put in and end it, one upload takes out, the spiller moves what waits to disk.
//! Refuses to wait when it is put in: the chunk pool bounds what is in all feeds together.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::spill::Slot;
use crate::waits::Waits;

/// Of a file that has a place at the link, what goes next stays in memory.
const STAYS_IN_MEMORY: usize = 4;

/// One stream between its session and its upload.
#[derive(Default)]
pub(crate) struct Feed {
    state: Mutex<State>,
    /// The upload is the only one that waits.
    changed: Notify,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Item>,
    /// How many were taken before the first of them.
    taken: u64,
    /// The bytes of all that was ever put in.
    bytes: u64,
    deferred: bool,
    has_place: bool,
    end: Option<End>,
    given_up: bool,
}

enum Item {
    Memory(Bytes),
    /// In memory, while it is written to disk.
    Leaving(Bytes),
    Spilled(Slot),
}

/// The primary's complete file.
#[derive(Clone)]
pub(crate) struct Sealed {
    /// Its path on the primary.
    pub(crate) path: String,
    /// Bytes.
    pub(crate) size: u64,
    /// When the primary had completed it.
    pub(crate) at: Instant,
    /// What the job's stride goes by.
    pub(crate) waits: Option<Arc<Waits>>,
}

/// How a stream ended.
#[derive(Clone)]
pub(crate) enum End {
    Sealed(Sealed),
    /// There is no such file on the primary.
    Discarded,
}

/// What comes next.
pub(crate) enum Next {
    Bytes(Bytes),
    Spilled(Slot),
    /// All bytes were taken, and there are no more.
    Sealed(Sealed),
    /// Discarded or given up: what comes is of no use.
    Nothing,
}

impl Feed {
    /// An empty one. `deferred`: of a checkpoint that is left out.
    pub(crate) fn new(deferred: bool) -> Self {
        let feed = Self::default();
        feed.lock().deferred = deferred;
        feed
    }

    pub(crate) fn is_deferred(&self) -> bool {
        self.lock().deferred
    }

    /// It turned out to be needed.
    pub(crate) fn is_needed(&self) {
        let mut state = self.lock();
        state.deferred = false;
        for item in &mut state.waiting {
            if let Item::Spilled(slot) = item {
                slot.is_needed();
            }
        }
    }

    /// The bytes of all that was ever put in.
    pub(crate) fn bytes(&self) -> u64 {
        self.lock().bytes
    }

    /// Its file has a place at the link.
    pub(crate) fn got_place(&self) {
        self.lock().has_place = true;
    }

    /// The next bytes of the stream.
    pub(crate) fn push(&self, bytes: Bytes) {
        let mut state = self.lock();
        state.bytes += bytes.len() as u64;
        if !state.given_up {
            state.waiting.push_back(Item::Memory(bytes));
        }
        drop(state);
        self.changed.notify_one();
    }

    /// The stream has ended. The first end stays.
    pub(crate) fn end(&self, end: End) {
        let mut state = self.lock();
        let of_no_use = if matches!(end, End::Discarded) {
            std::mem::take(&mut state.waiting)
        } else {
            VecDeque::new()
        };
        state.end.get_or_insert(end);
        drop(state);
        drop(of_no_use);
        self.changed.notify_one();
    }

    /// Drops what waits and what will come.
    pub(crate) fn give_up(&self) {
        let mut state = self.lock();
        state.given_up = true;
        let of_no_use = std::mem::take(&mut state.waiting);
        drop(state);
        drop(of_no_use);
        self.changed.notify_one();
    }

    /// Takes what comes next.
    pub(crate) async fn next(&self) -> Next {
        loop {
            {
                let mut state = self.lock();
                if state.is_hopeless() {
                    return Next::Nothing;
                }
                if let Some(item) = state.waiting.pop_front() {
                    state.taken += 1;
                    return match item {
                        Item::Memory(bytes) | Item::Leaving(bytes) => Next::Bytes(bytes),
                        Item::Spilled(slot) => Next::Spilled(slot),
                    };
                }
                if let Some(End::Sealed(sealed)) = &state.end {
                    return Next::Sealed(sealed.clone());
                }
            }
            self.changed.notified().await;
        }
    }

    /// Returns once what comes is of no use.
    pub(crate) async fn hopeless(&self) {
        while !self.lock().is_hopeless() {
            self.changed.notified().await;
        }
    }

    /// The complete file, if it is complete already.
    pub(crate) fn sealed_before(&self) -> Option<Sealed> {
        match &self.lock().end {
            Some(End::Sealed(sealed)) => Some(sealed.clone()),
            _ => None,
        }
    }

    /// Returns the complete file, once there is one. None: what comes is of no use.
    pub(crate) async fn sealed(&self) -> Option<Sealed> {
        loop {
            {
                let state = self.lock();
                if state.is_hopeless() {
                    return None;
                }
                if let Some(End::Sealed(sealed)) = &state.end {
                    return Some(sealed.clone());
                }
            }
            self.changed.notified().await;
        }
    }

    /// Returns how the stream ended, once it has.
    pub(crate) async fn ended(&self) -> End {
        loop {
            if let Some(end) = &self.lock().end {
                return end.clone();
            }
            self.changed.notified().await;
        }
    }

    /// How urgent it is to spill its bytes, and how many they are. None: there are none.
    pub(crate) fn spillable(&self) -> Option<(bool, bool, usize)> {
        let state = self.lock();
        let bytes = state.spillable().map(|(_, bytes)| bytes.len()).sum();
        (bytes > 0).then_some((state.deferred, !state.has_place, bytes))
    }

    /// The last bytes that may be spilled, which still are in the feed, and their number in it.
    pub(crate) fn take_last(&self) -> Option<(u64, Bytes)> {
        let mut state = self.lock();
        let (index, bytes) = state.spillable().last()?;
        let bytes = bytes.clone();
        state.waiting[index] = Item::Leaving(bytes.clone());
        Some((state.taken + index as u64, bytes))
    }

    /// What became of these bytes: they are on disk, or stay in memory. Without effect if they were
    /// taken meanwhile.
    pub(crate) fn put_back(&self, number: u64, slot: Option<Slot>) {
        let mut state = self.lock();
        let index = number.checked_sub(state.taken);
        let index = index.and_then(|index| usize::try_from(index).ok());
        let Some(item) = index.and_then(|index| state.waiting.get_mut(index)) else {
            return;
        };
        match (slot, &item) {
            (Some(slot), _) => *item = Item::Spilled(slot),
            (None, Item::Leaving(bytes)) => *item = Item::Memory(bytes.clone()),
            (None, _) => {}
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn spillable(&self) -> impl Iterator<Item = (usize, &Bytes)> {
        let stays = if self.has_place { STAYS_IN_MEMORY } else { 0 };
        let items = self.waiting.iter().enumerate().skip(stays);
        items.filter_map(|(index, item)| match item {
            Item::Memory(bytes) => Some((index, bytes)),
            Item::Leaving(_) | Item::Spilled(_) => None,
        })
    }

    fn is_hopeless(&self) -> bool {
        self.given_up || matches!(self.end, Some(End::Discarded))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(pieces: &[&'static str]) -> Feed {
        let feed = Feed::new(false);
        for piece in pieces {
            feed.push(Bytes::from(*piece));
        }
        feed
    }

    async fn rest(feed: &Feed) -> String {
        feed.end(End::Sealed(Sealed {
            path: String::new(),
            size: 0,
            at: Instant::now(),
            waits: None,
        }));
        let mut rest = String::new();
        while let Next::Bytes(bytes) = feed.next().await {
            rest.push_str(std::str::from_utf8(&bytes).unwrap());
        }
        rest
    }

    #[tokio::test]
    async fn the_last_bytes_are_spilled_first_and_come_back_in_order() {
        let feed = feed(&["a", "b", "c"]);
        assert_eq!(feed.spillable(), Some((false, true, 3)));
        assert_eq!(feed.take_last(), Some((2, Bytes::from("c"))));
        assert_eq!(feed.take_last(), Some((1, Bytes::from("b"))));
        feed.put_back(2, None);
        assert!(matches!(feed.next().await, Next::Bytes(bytes) if bytes == "a"));
        assert_eq!(feed.take_last(), Some((2, Bytes::from("c"))));
        feed.put_back(1, None);
        assert_eq!(rest(&feed).await, "bc", "also while they are being written");
        feed.put_back(2, None);
    }

    #[tokio::test]
    async fn what_goes_next_stays_in_memory() {
        let feed = feed(&["a", "b", "c", "d", "e"]);
        feed.got_place();
        assert_eq!(feed.spillable(), Some((false, false, 1)));
        assert_eq!(feed.take_last(), Some((4, Bytes::from("e"))));
        assert_eq!((feed.take_last(), feed.spillable()), (None, None));
        assert_eq!(rest(&feed).await, "abcde");
    }

    #[tokio::test]
    async fn nothing_is_kept_of_what_is_given_up_or_discarded() {
        let given_up = feed(&["a"]);
        given_up.give_up();
        given_up.push(Bytes::from("b"));
        assert!(given_up.lock().waiting.is_empty());
        assert!(matches!(given_up.next().await, Next::Nothing));
        let discarded = feed(&["a"]);
        discarded.end(End::Discarded);
        assert!(discarded.lock().waiting.is_empty());
        assert!(matches!(discarded.next().await, Next::Nothing));
        assert!(matches!(discarded.ended().await, End::Discarded));
    }
}
