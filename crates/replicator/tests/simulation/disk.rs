//! A process's local disk: bytes that wait for the link. It takes its time, fails as the plan has
//! it, and goes with the process. Refuses to lose what it has taken.

use std::collections::BTreeMap;
use std::io::{Error, ErrorKind, Result};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use replicator::{Disk, DiskOpener};

use crate::body::Body;
use crate::world::{World, for_ever, sleep_ms};

/// Longer than this no call takes, in milliseconds.
const SLOWEST_MS: u64 = 30;

pub struct LocalDisk {
    world: Arc<World>,
    body: Arc<Body>,
    written: Mutex<BTreeMap<u64, Bytes>>,
}

impl LocalDisk {
    /// Opens an empty one each time.
    pub fn opener(world: &Arc<World>, body: &Arc<Body>) -> DiskOpener {
        let (world, body) = (Arc::clone(world), Arc::clone(body));
        Arc::new(move || {
            let disk = Self {
                world: Arc::clone(&world),
                body: Arc::clone(&body),
                written: Mutex::default(),
            };
            Box::pin(async move {
                disk.call("opens its disk").await?;
                Ok(vec![Arc::new(disk) as Arc<dyn Disk>])
            })
        })
    }

    async fn call(&self, what: &str) -> Result<()> {
        let world = &self.world;
        sleep_ms(world.between(0..=SLOWEST_MS)).await;
        if self.body.is_dead() {
            return for_ever().await;
        }
        if !world.is_storm() || !world.chance(world.plan.disk_fails) {
            world.note(&self.body.name, what, "");
            return Ok(());
        }
        let kinds = [ErrorKind::StorageFull, ErrorKind::Other];
        let kind = kinds[usize::from(world.chance(50))];
        world.note(&self.body.name, what, "in vain");
        Err(Error::from(kind))
    }
}

#[async_trait]
impl Disk for LocalDisk {
    async fn write(&self, at: u64, bytes: Bytes) -> Result<()> {
        self.call("spills").await?;
        self.world.trace.count("spilled");
        let copy = Bytes::copy_from_slice(&bytes);
        self.written.lock().unwrap().insert(at, copy);
        Ok(())
    }

    async fn read(&self, at: u64, length: usize) -> Result<Bytes> {
        self.call("reads its spill").await?;
        let written = self.written.lock().unwrap();
        let (start, bytes) = written.range(..=at).next_back().unwrap();
        let from = usize::try_from(at - start).unwrap();
        // as a file says that is shorter
        let is_there = from + length <= bytes.len();
        is_there
            .then(|| bytes.slice(from..from + length))
            .ok_or_else(|| Error::from(ErrorKind::UnexpectedEof))
    }
}
