//! A session: one checkpoint stream of the primary and its copy, as Flink's threads see it.
//!
//! Every method returns at once, whatever the secondary does: bytes are handed over, never sent
//! from here. One failure abandons the session for good.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::time::Instant;

use crate::job::Job;
use crate::pool::Chunk;
use crate::reason::{Abandonment, Reason};
use crate::stream::Stream;
use crate::upload::{self, Event};

/// Where the stream's bytes go next: the memory's beginning and its length in bytes. It is the
/// caller's until the next call to the session that hands it over or ends it.
pub type Lease = (*mut u8, usize);

/// One stream. Its methods may be called from any thread.
pub struct Session {
    job: Arc<Job>,
    stream: Stream,
    abandonment: Arc<Abandonment>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    leased: Option<Chunk>,
    /// To the upload, once there is something to upload. The chunk pool bounds what is in it.
    feed: Option<UnboundedSender<Event>>,
    bytes: u64,
    ended: bool,
}

impl Session {
    pub(crate) fn new(job: Arc<Job>, stream: Stream) -> Self {
        Self {
            job,
            stream,
            abandonment: Arc::default(),
            state: Mutex::default(),
        }
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
        if state.bytes != size && self.abandonment.get().is_none() {
            self.abandon(Reason::LengthMismatch);
        }
        if self.abandonment.get().is_some() && state.feed.is_none() {
            self.job.backfill(path, Some(size));
            return;
        }
        if self.abandonment.get().is_none() {
            self.job.shared.metrics.sessions_sealed.inc();
        }
        let sealed = Event::Seal {
            path: path.to_owned(),
            size,
            at: Instant::now(),
        };
        let feed = state.feed.take().unwrap_or_else(|| self.start_upload());
        // an upload ends only after its seal or discard
        let _ = feed.send(sealed);
    }

    /// There is no such file on the primary. Ends the session.
    pub fn discard(&self) {
        let mut state = self.lock();
        if std::mem::replace(&mut state.ended, true) {
            return;
        }
        state.leased = None;
        // a write that is under way may still fail: counted once
        if self.abandonment.exclude() {
            self.job.shared.metrics.sessions_discarded.inc();
        }
        // the upload ends with its feed and deletes what it wrote
        state.feed = None;
    }

    fn lease_next(&self, state: &mut State) -> Option<Lease> {
        if state.ended || self.abandonment.get().is_some() {
            state.leased = None;
            return None;
        }
        let Some(chunk) = self.job.shared.pool.lease() else {
            self.abandon(Reason::BufferFull);
            return None;
        };
        Some(state.leased.insert(chunk).memory())
    }

    fn feed(&self, state: &mut State, length: usize) {
        let Some(chunk) = state.leased.take() else {
            return;
        };
        if self.abandonment.get().is_some() || length == 0 {
            return;
        }
        let bytes = chunk.into_bytes(length);
        state.bytes += length as u64;
        self.job.shared.metrics.bytes_accepted.inc_by(length as u64);
        let feed = state.feed.get_or_insert_with(|| self.start_upload());
        let _ = feed.send(Event::Bytes(bytes));
    }

    fn start_upload(&self) -> UnboundedSender<Event> {
        let (feed, events) = unbounded_channel();
        let (job, abandonment) = (Arc::clone(&self.job), Arc::clone(&self.abandonment));
        self.job.shared.uploads.spawn_on(
            upload::run(job, self.stream, abandonment, events),
            &self.job.shared.runtime,
        );
        feed
    }

    fn abandon(&self, reason: Reason) {
        self.job
            .abandoned(&self.stream, &self.abandonment, reason, None);
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
