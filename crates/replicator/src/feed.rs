//! What a session has handed over and its upload has not taken yet, in order.
//!
//! Flink's threads put in and end it, one upload takes out. Refuses to wait when it is put in: the
//! chunk pool bounds what is in all feeds together.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::Notify;
use tokio::time::Instant;

/// One stream between its session and its upload.
#[derive(Default)]
pub(crate) struct Feed {
    state: Mutex<State>,
    /// The upload is the only one that waits.
    changed: Notify,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Bytes>,
    end: Option<End>,
    given_up: bool,
}

/// The primary's complete file.
#[derive(Debug, Clone)]
pub(crate) struct Sealed {
    /// Its path on the primary.
    pub(crate) path: String,
    /// Bytes.
    pub(crate) size: u64,
    /// When the primary had completed it.
    pub(crate) at: Instant,
}

/// How a stream ended.
#[derive(Debug, Clone)]
pub(crate) enum End {
    Sealed(Sealed),
    /// There is no such file on the primary.
    Discarded,
}

/// What comes next.
pub(crate) enum Next {
    Bytes(Bytes),
    /// All bytes were taken, and there are no more.
    Sealed(Sealed),
    /// Discarded or given up: what comes is of no use.
    Nothing,
}

impl Feed {
    /// The next bytes of the stream.
    pub(crate) fn push(&self, bytes: Bytes) {
        let mut state = self.lock();
        if !state.given_up {
            state.waiting.push_back(bytes);
        }
        drop(state);
        self.changed.notify_one();
    }

    /// The stream has ended. The first end stays.
    pub(crate) fn end(&self, end: End) {
        let mut state = self.lock();
        if matches!(end, End::Discarded) {
            state.waiting.clear();
        }
        state.end.get_or_insert(end);
        drop(state);
        self.changed.notify_one();
    }

    /// Drops what waits and what will come.
    pub(crate) fn give_up(&self) {
        let mut state = self.lock();
        state.given_up = true;
        state.waiting.clear();
        drop(state);
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
                if let Some(bytes) = state.waiting.pop_front() {
                    return Next::Bytes(bytes);
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

    /// Returns how the stream ended, once it has.
    pub(crate) async fn ended(&self) -> End {
        loop {
            if let Some(end) = &self.lock().end {
                return end.clone();
            }
            self.changed.notified().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_hopeless(&self) -> bool {
        self.given_up || matches!(self.end, Some(End::Discarded))
    }
}
