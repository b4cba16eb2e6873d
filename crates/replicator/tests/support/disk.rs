//! A local disk in memory, which fails and takes its time as it is told.

use std::collections::BTreeMap;
use std::io::{Error, ErrorKind, Result};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use replicator::{Disk, DiskOpener};
use tokio::time::sleep;

/// Clones are the same disk.
#[derive(Clone, Default)]
pub struct MemoryDisk(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    written: BTreeMap<u64, Bytes>,
    opened: usize,
    failing: Vec<(&'static str, ErrorKind)>,
    pause: Duration,
}

impl MemoryDisk {
    /// Opens this disk.
    pub fn opener(&self) -> DiskOpener {
        let disk = self.clone();
        Arc::new(move || {
            let disk = disk.clone();
            Box::pin(async move {
                disk.lock().opened += 1;
                disk.failed("open")?;
                Ok(vec![Arc::new(disk) as Arc<dyn Disk>])
            })
        })
    }

    /// From now on `open`, `write` or `read` fails.
    pub fn fail(&self, operation: &'static str, kind: ErrorKind) {
        self.lock().failing.push((operation, kind));
    }

    /// From now on writing takes so long.
    pub fn slow_down(&self, pause: Duration) {
        self.lock().pause = pause;
    }

    pub fn heal(&self) {
        let mut state = self.lock();
        state.failing.clear();
        state.pause = Duration::ZERO;
    }

    /// How often it was opened.
    pub fn opened(&self) -> usize {
        self.lock().opened
    }

    fn failed(&self, operation: &str) -> Result<()> {
        let state = self.lock();
        let failing = state
            .failing
            .iter()
            .find(|(failing, _)| *failing == operation);
        failing.map_or(Ok(()), |(_, kind)| Err(Error::from(*kind)))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Disk for MemoryDisk {
    async fn write(&self, at: u64, bytes: Bytes) -> Result<()> {
        let pause = self.lock().pause;
        sleep(pause).await;
        self.failed("write")?;
        // a copy, as a disk makes one
        self.lock()
            .written
            .insert(at, Bytes::copy_from_slice(&bytes));
        Ok(())
    }

    async fn read(&self, at: u64, length: usize) -> Result<Bytes> {
        self.failed("read")?;
        let state = self.lock();
        let (start, bytes) = state.written.range(..=at).next_back().unwrap();
        let from = usize::try_from(at - start).unwrap();
        Ok(bytes.slice(from..from + length))
    }
}
