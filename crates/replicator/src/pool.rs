//! The chunk pool: the only place in memory where the bytes of checkpoint streams live.
//!
//! Never waits and never exceeds its budget: where no chunk is free, there is none. Memory is
//! allocated as needed and given back by [`Pool::trim`].

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use crossbeam_channel::{Receiver, Sender, bounded};
use prometheus::IntGauge;
use tokio::sync::Notify;

/// Hands out chunks within a budget. Clones share it.
#[derive(Clone)]
pub struct Pool(Arc<Inner>);

struct Inner {
    chunk_size: usize,
    most: usize,
    allocated: AtomicUsize,
    leases: AtomicUsize,
    in_use: AtomicUsize,
    /// A chunk was asked for while more than half are in use.
    leased_under_pressure: Notify,
    give_back: Sender<Vec<u8>>,
    free: Receiver<Vec<u8>>,
    used_bytes: IntGauge,
}

/// One chunk, given back to its pool when dropped.
pub struct Chunk {
    memory: Vec<u8>,
    pool: Arc<Inner>,
}

impl Pool {
    /// A pool of as many chunks as fit into `budget` bytes, at least one. `used_bytes` follows what
    /// is handed out.
    pub fn new(budget: u64, chunk_size: usize, used_bytes: IntGauge) -> Self {
        let most = usize::try_from(budget / chunk_size as u64)
            .unwrap_or(usize::MAX)
            .max(1);
        let (give_back, free) = bounded(most);
        let (allocated, leases) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Self(Arc::new(Inner {
            chunk_size,
            most,
            allocated,
            leases,
            in_use: AtomicUsize::new(0),
            leased_under_pressure: Notify::new(),
            give_back,
            free,
            used_bytes,
        }))
    }

    /// A chunk, if one is free or may be allocated.
    pub fn lease(&self) -> Option<Chunk> {
        let pool = &self.0;
        let memory = pool.free.try_recv().ok().or_else(|| pool.allocate());
        if memory.is_some() {
            pool.leases.fetch_add(1, Ordering::Relaxed);
            pool.in_use.fetch_add(1, Ordering::AcqRel);
        }
        if self.is_pressed() {
            pool.leased_under_pressure.notify_one();
        }
        let memory = memory?;
        pool.used_bytes.add(signed(pool.chunk_size));
        Some(Chunk {
            memory,
            pool: Arc::clone(pool),
        })
    }

    /// Returns while more than half of the chunks are in use.
    pub async fn pressed(&self) {
        while !self.is_pressed() {
            self.leased().await;
        }
    }

    /// Returns when a chunk was asked for while more than half are in use, since the call before.
    pub async fn leased(&self) {
        self.0.leased_under_pressure.notified().await;
    }

    fn is_pressed(&self) -> bool {
        self.0.in_use.load(Ordering::Acquire) * 2 > self.0.most
    }

    /// Gives all free chunks back to the system, unless something was leased since the call before.
    pub fn trim(&self) {
        if self.0.leases.swap(0, Ordering::Relaxed) > 0 {
            return;
        }
        while self.0.free.try_recv().is_ok() {
            self.0.allocated.fetch_sub(1, Ordering::AcqRel);
        }
    }

    /// Bytes that the pool holds, handed out or free.
    #[cfg(test)]
    pub fn allocated_bytes(&self) -> usize {
        self.0.allocated.load(Ordering::Acquire) * self.0.chunk_size
    }
}

impl Inner {
    fn allocate(&self) -> Option<Vec<u8>> {
        let more = |allocated| (allocated < self.most).then_some(allocated + 1);
        self.allocated
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, more)
            .ok()?;
        // zeroed by the system when its pages are first touched, so untouched memory costs nothing
        Some(vec![0; self.chunk_size])
    }
}

impl Chunk {
    /// Where its memory begins, for a writer outside of Rust, and how many bytes it has. The memory
    /// stays in place while the chunk lives.
    pub fn memory(&mut self) -> (*mut u8, usize) {
        (self.memory.as_mut_ptr(), self.memory.len())
    }

    /// Copies what fits from position `at` on and gives how many bytes that were.
    pub fn fill(&mut self, at: usize, bytes: &[u8]) -> usize {
        let room = self.memory.get_mut(at..).unwrap_or_default();
        let fitting = room.len().min(bytes.len());
        room[..fitting].copy_from_slice(&bytes[..fitting]);
        fitting
    }

    /// Its first `length` bytes, without a copy; the chunk is given back with the last of them.
    pub fn into_bytes(self, length: usize) -> Bytes {
        let length = length.min(self.memory.len());
        Bytes::from_owner(self).slice(..length)
    }
}

impl AsRef<[u8]> for Chunk {
    fn as_ref(&self) -> &[u8] {
        &self.memory
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        self.pool.in_use.fetch_sub(1, Ordering::AcqRel);
        self.pool.used_bytes.sub(signed(self.pool.chunk_size));
        // the channel has room for every chunk there can be
        let _ = self
            .pool
            .give_back
            .try_send(std::mem::take(&mut self.memory));
    }
}

fn signed(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::time::timeout;

    fn pool(budget: u64) -> (Pool, IntGauge) {
        let used = IntGauge::new("used", "used").unwrap();
        (Pool::new(budget, 10, used.clone()), used)
    }

    #[test]
    fn the_budget_holds_and_memory_comes_back() {
        let (pool, used) = pool(35);
        let chunks: Vec<Chunk> = (0..3).map(|_| pool.lease().unwrap()).collect();
        assert!(pool.lease().is_none());
        assert_eq!(used.get(), 30);
        drop(chunks);
        assert_eq!((used.get(), pool.allocated_bytes()), (0, 30));
        pool.trim();
        assert_eq!(pool.allocated_bytes(), 30, "leased since the call before");
        pool.trim();
        assert_eq!(pool.allocated_bytes(), 0);
        assert!(pool.lease().is_some());
    }

    #[test]
    fn bytes_keep_their_chunk_until_the_last_slice_is_gone() {
        let (pool, used) = pool(10);
        let bytes = pool.lease().unwrap().into_bytes(7);
        let slice = bytes.slice(2..4);
        drop(bytes);
        assert!(pool.lease().is_none());
        drop(slice);
        assert_eq!(used.get(), 0);
        assert!(pool.lease().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn pressure_begins_with_the_second_half() {
        let (pool, _) = pool(40);
        let first = [pool.lease(), pool.lease()];
        let second = Duration::from_secs(1);
        assert!(timeout(second, pool.pressed()).await.is_err());
        let third = pool.lease();
        assert!(timeout(second, pool.pressed()).await.is_ok());
        drop(third);
        timeout(second, pool.leased()).await.unwrap();
        assert!(timeout(second, pool.pressed()).await.is_err());
        drop(first);
    }

    #[test]
    fn a_budget_below_one_chunk_is_one_chunk() {
        let (pool, _) = pool(3);
        let chunk = pool.lease();
        assert!(chunk.is_some() && pool.lease().is_none());
    }
}
