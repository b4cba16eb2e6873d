//! The spill: bytes that the link cannot take in time, on local disk instead of in memory.
//!
//! Like the chunk pool it hands out slots of one size within a budget, and never waits for one.
//! Written and read by threads of our own alone. What cannot be spilled stays in memory; whether
//! that costs a session, the pool decides when it has no chunk left.

mod disk;
mod spiller;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{ErrorKind, Result};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use prometheus::{IntCounter, IntGauge};
use telemetry::Metrics;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::feed::Feed;
use crate::reason::Reason;
use crate::settings::Settings;
pub(crate) use disk::files;
pub use disk::{Disk, DiskOpener, Disks};
pub(crate) use spiller::{SPILLERS, work};

/// A disk that failed, or has no room, is left alone for this long.
const TROUBLE_LASTS: Duration = Duration::from_secs(10);
/// Feeds in the list before those that are gone are taken out.
const FEEDS_AT_FIRST: usize = 64;

/// The spill of a process. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Spill(Arc<Inner>);

struct Inner {
    slot_bytes: usize,
    slots: u32,
    opener: DiskOpener,
    state: Mutex<State>,
    freed: Notify,
    used_bytes: IntGauge,
    spilled_bytes: IntCounter,
}

#[derive(Default)]
struct State {
    /// Empty until they are needed.
    disks: Disks,
    free: BinaryHeap<Reverse<u32>>,
    /// Slots from here on were never used.
    fresh: u32,
    used: u32,
    /// Of these, those of sessions that are deferred.
    deferred: u32,
    trouble: Option<(Reason, Instant)>,
    /// The log has these.
    said: Vec<Reason>,
    feeds: Vec<Weak<Feed>>,
    feeds_at_most: usize,
}

/// Spilled bytes; their slot is given back when dropped.
pub(crate) struct Slot {
    spill: Arc<Inner>,
    disk: Arc<dyn Disk>,
    number: u32,
    at: u64,
    length: usize,
    deferred: bool,
}

impl Spill {
    /// A spill of as many slots as fit into its size; none where it is off.
    pub(crate) fn new(settings: &Settings, opener: DiskOpener, metrics: &Metrics) -> Self {
        let slots = settings.spill_size / settings.chunk_size as u64;
        let limit = i64::try_from(settings.spill_size).unwrap_or(i64::MAX);
        metrics.spill_limit.set(limit);
        Self(Arc::new(Inner {
            slot_bytes: settings.chunk_size,
            slots: u32::try_from(slots).unwrap_or(u32::MAX),
            opener,
            state: Mutex::default(),
            freed: Notify::new(),
            used_bytes: metrics.spill_used.clone(),
            spilled_bytes: metrics.spilled_bytes.clone(),
        }))
    }

    pub(crate) fn is_on(&self) -> bool {
        self.0.slots > 0
    }

    /// Whether half of the room for what is deferred is used.
    pub(crate) fn is_filling_with_deferred(&self) -> bool {
        self.is_on() && self.0.lock().deferred >= self.0.slots / 4
    }

    /// Why bytes stay in memory, for a session that finds none free.
    pub(crate) fn reason(&self) -> Reason {
        let state = self.0.lock();
        match state.trouble {
            Some((reason, until)) if until > Instant::now() => reason,
            _ if self.is_on() && state.used >= self.0.slots => Reason::SpillFull,
            _ => Reason::BufferFull,
        }
    }

    /// From now on bytes of this feed may be spilled.
    pub(crate) fn watch(&self, feed: &Arc<Feed>) {
        if !self.is_on() {
            return;
        }
        let mut state = self.0.lock();
        if state.feeds.len() >= state.feeds_at_most {
            state.feeds.retain(|feed| feed.strong_count() > 0);
            state.feeds_at_most = (2 * state.feeds.len()).max(FEEDS_AT_FIRST);
        }
        state.feeds.push(Arc::downgrade(feed));
    }

    /// How much of what could grow there is.
    #[cfg(test)]
    pub(crate) fn count(&self, held: &mut std::collections::BTreeMap<&'static str, usize>) {
        let state = self.0.lock();
        held.insert("spilled", state.used as usize);
        // a list that is shortened when it has this many
        held.insert("feeds", state.feeds.len() / (2 * FEEDS_AT_FIRST));
    }

    /// Gives the disk space back, if nothing is on it.
    pub(crate) fn trim(&self) {
        let mut state = self.0.lock();
        if state.used == 0 {
            // a file without a name goes when it is closed
            state.disks.clear();
            state.free.clear();
            state.fresh = 0;
        }
    }

    /// Writes bytes, at most a slot's. None: they stay where they are.
    async fn write(&self, bytes: Bytes, deferred: bool) -> Option<Slot> {
        self.open().await?;
        let slot = self.0.slot(bytes.len(), deferred)?;
        let length = bytes.len() as u64;
        let written = slot.disk.write(slot.at, bytes).await;
        if let Err(error) = written {
            self.trouble(&error);
            return None;
        }
        self.0.spilled_bytes.inc_by(length);
        Some(slot)
    }

    /// Opens the disks unless they are open. None: there are none.
    async fn open(&self) -> Option<()> {
        {
            let state = self.0.lock();
            let in_trouble = state
                .trouble
                .is_some_and(|(_, until)| until > Instant::now());
            if in_trouble || !self.is_on() {
                return None;
            }
            if !state.disks.is_empty() {
                return Some(());
            }
        }
        match (self.0.opener)().await {
            Ok(disks) => {
                let mut state = self.0.lock();
                if state.disks.is_empty() {
                    state.disks = disks;
                }
                Some(())
            }
            Err(error) => {
                self.trouble(&error);
                None
            }
        }
    }

    fn trouble(&self, error: &std::io::Error) {
        let reason = match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Reason::SpillFull,
            _ => Reason::SpillFailed,
        };
        let mut state = self.0.lock();
        state.trouble = Some((reason, Instant::now() + TROUBLE_LASTS));
        if !state.said.contains(&reason) {
            state.said.push(reason);
            tracing::warn!(
                "Nothing is spilled to local disk for now ({}): {error}. Bytes that the link \
                 cannot take wait in memory alone, and what does not fit is copied from the \
                 primary later. It is tried again every {} s.",
                reason.as_str(),
                TROUBLE_LASTS.as_secs()
            );
        }
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A free slot. Those that are deferred leave half to those that are not.
    fn slot(self: &Arc<Self>, length: usize, deferred: bool) -> Option<Slot> {
        let mut state = self.lock();
        if state.disks.is_empty() || (deferred && state.deferred >= self.slots / 2) {
            return None;
        }
        let fresh = (state.fresh < self.slots).then_some(state.fresh);
        let number = state.free.pop().map(|free| free.0).or(fresh)?;
        state.fresh = state.fresh.max(number + 1);
        state.used += 1;
        state.deferred += u32::from(deferred);
        self.note(&state);
        let (disk, row) = (
            number as usize % state.disks.len(),
            number as usize / state.disks.len(),
        );
        Some(Slot {
            spill: Arc::clone(self),
            disk: Arc::clone(&state.disks[disk]),
            number,
            at: row as u64 * self.slot_bytes as u64,
            length,
            deferred,
        })
    }

    fn note(&self, state: &State) {
        let bytes = u64::from(state.used) * self.slot_bytes as u64;
        self.used_bytes
            .set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }
}

impl Slot {
    /// Bytes.
    pub(crate) fn length(&self) -> usize {
        self.length
    }

    /// It does not count as deferred any more.
    pub(crate) fn is_needed(&mut self) {
        if std::mem::take(&mut self.deferred) {
            self.spill.lock().deferred -= 1;
        }
    }

    /// Reads a part.
    pub(crate) async fn read(&self, offset: usize, length: usize) -> Result<Bytes> {
        self.disk.read(self.at + offset as u64, length).await
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut state = self.spill.lock();
        state.free.push(Reverse(self.number));
        state.used -= 1;
        state.deferred -= u32::from(self.deferred);
        self.spill.note(&state);
        drop(state);
        self.spill.freed.notify_one();
    }
}
