//! A session: one checkpoint stream of the primary and its copy, as Flink's threads see it.
//!
//! Every method returns at once, whatever the secondary does: bytes are handed over, never sent
//! from here. One failure abandons the session for good.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;

use crate::feed::{End, Feed, Sealed};
use crate::job::Job;
use crate::pool::Chunk;
use crate::reason::{Fate, Reason};
use crate::stream::Stream;
use crate::upload;
use crate::waits::Waits;

/// Where the stream's bytes go next: the memory's beginning and its length in bytes. It is the
/// caller's until the next call to the session that hands it over or ends it.
pub type Lease = (*mut u8, usize);

/// One stream. Its methods may be called from any thread.
pub struct Session {
    job: Arc<Job>,
    stream: Stream,
    /// Its checkpoint is left out.
    deferred: bool,
    fate: Arc<Fate>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    leased: Option<Chunk>,
    /// To the upload, once there is something to upload.
    feed: Option<Arc<Feed>>,
    bytes: u64,
    ended: bool,
}

impl Session {
    pub(crate) fn new(job: Arc<Job>, stream: Stream, deferred: bool) -> Self {
        Self {
            job,
            stream,
            deferred,
            fate: Arc::default(),
            state: Mutex::default(),
        }
    }

    /// Abandons it before it has begun.
    pub(crate) fn refuse(&self, reason: Reason) {
        self.abandon(&self.lock(), reason);
    }

    /// Leases the first chunk. None: the session is abandoned.
    pub fn lease(&self) -> Option<Lease> {
        let mut state = self.lock();
        self.lease_next(&mut state)
    }

    /// Copies into the leased chunk from position `at`, for callers within Rust. Gives the bytes
    /// that fitted; 0 if nothing is leased.
    pub fn fill(&self, at: usize, bytes: &[u8]) -> usize {
        self.lock()
            .leased
            .as_mut()
            .map_or(0, |chunk| chunk.fill(at, bytes))
    }

    /// Hands the first `length` bytes of the leased chunk over and leases another. None: the
    /// session is abandoned.
    pub fn hand_over(&self, length: usize) -> Option<Lease> {
        let mut state = self.lock();
        self.feed(&mut state, length);
        self.lease_next(&mut state)
    }

    /// The primary's file is complete under `path` with `size` bytes, the last `tail` of which are
    /// in the leased chunk. Ends the session; if it was abandoned, the file goes to backfill.
    pub fn seal(&self, tail: usize, path: &str, size: u64) {
        let mut state = self.lock();
        if std::mem::replace(&mut state.ended, true) {
            return;
        }
        self.feed(&mut state, tail);
        state.leased = None;
        if state.bytes == size {
            self.fate.seal(&self.job.shared.metrics);
        } else {
            self.abandon(&state, Reason::LengthMismatch);
        }
        let sealed = Sealed {
            path: path.to_owned(),
            size,
            at: Instant::now(),
            waits: Waits::new(&self.job, self.stream.checkpoint, size),
        };
        if let Some(reason) = self.fate.reason()
            && state.feed.is_none()
        {
            self.job.left_behind(&self.stream, reason, &sealed);
            return;
        }
        let feed = state.feed.take().unwrap_or_else(|| self.start_upload());
        feed.end(End::Sealed(sealed));
    }

    /// There is no such file on the primary. Ends the session.
    pub fn discard(&self) {
        let mut state = self.lock();
        if std::mem::replace(&mut state.ended, true) {
            return;
        }
        state.leased = None;
        // a write that is under way may still fail: counted once
        self.fate.discard(&self.job.shared.metrics);
        if let Some(feed) = state.feed.take() {
            // the upload deletes what it wrote
            feed.end(End::Discarded);
        }
    }

    fn lease_next(&self, state: &mut State) -> Option<Lease> {
        if state.ended || self.fate.reason().is_some() {
            state.leased = None;
            return None;
        }
        let Some(chunk) = self.job.shared.pool.lease() else {
            let reason = self.job.shared.spill.reason();
            let reason = if self.deferred {
                Reason::Stride
            } else {
                reason
            };
            self.abandon(state, reason);
            return None;
        };
        Some(state.leased.insert(chunk).memory())
    }

    fn feed(&self, state: &mut State, length: usize) {
        let Some(chunk) = state.leased.take() else {
            return;
        };
        if self.fate.reason().is_some() || length == 0 {
            return;
        }
        let bytes = chunk.into_bytes(length);
        state.bytes += length as u64;
        self.job.shared.metrics.bytes_accepted.inc_by(length as u64);
        let feed = state.feed.get_or_insert_with(|| self.start_upload());
        feed.push(bytes);
    }

    fn start_upload(&self) -> Arc<Feed> {
        let feed = Arc::new(Feed::new(self.deferred));
        self.job.shared.spill.watch(&feed);
        let (job, fate) = (Arc::clone(&self.job), Arc::clone(&self.fate));
        let upload = upload::run(job, self.stream, fate, Arc::clone(&feed));
        let shared = &self.job.shared;
        shared.uploads.spawn_on(upload, &shared.runtime);
        feed
    }

    fn abandon(&self, state: &State, reason: Reason) {
        self.job.abandoned(&self.stream, &self.fate, reason, None);
        if let Some(feed) = &state.feed {
            feed.give_up();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.discard();
    }
}
