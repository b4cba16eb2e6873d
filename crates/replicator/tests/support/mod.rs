//! A replicator between two stores in memory, with a virtual clock: what the tests of the
//! protocol's laws share. Each test file uses a part of it.
#![allow(dead_code)]

pub mod disk;
pub mod flink;
pub mod model;
pub mod slow;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use audit::{Location, Manifest};
use bytes::Bytes;
use replicator::{
    JobHandle, Offer, Opener, Replicator, Scope, Session, Stream, Surroundings, from_pairs,
};
use store::testing::FaultyStore;
use store::{MemoryStore, Store};
use telemetry::Metrics;
use tokio::runtime::Handle;

use disk::MemoryDisk;
use slow::SlowStore;

pub const JOB: &str = "0123456789abcdef0123456789abcdef";
pub const CHUNK: usize = 1024;
/// A real `_metadata` with shared and exclusive files.
const GOLDEN: &[u8] = include_bytes!("../../../../tests/goldens/data/2.2.1/unaligned.metadata");

/// Two clusters and a process between them.
pub struct World {
    pub primary: MemoryStore,
    /// The primary as the process sees it.
    pub primary_faults: FaultyStore,
    /// What is on the secondary.
    pub secondary: MemoryStore,
    /// The secondary as the process sees it.
    pub faults: FaultyStore,
    /// Where the process spills to, if it has a `spill.max-size`.
    pub disk: MemoryDisk,
    pub metrics: Arc<Metrics>,
    pub replicator: Replicator,
}

impl World {
    pub fn new() -> Self {
        let secondary = MemoryStore::new("hdfs://secondary");
        Self::beside(MemoryStore::new("hdfs://primary"), secondary)
    }

    /// Another process between the same clusters.
    pub fn beside(primary: MemoryStore, secondary: MemoryStore) -> Self {
        let seen = Arc::new(secondary.clone());
        Self::seeing(primary, secondary, seen, &[])
    }

    /// A process with other settings whose secondary is behind a link of `rate` bytes a second.
    pub fn behind(rate: u64, changes: &[(&str, &str)]) -> (Self, SlowStore) {
        let secondary = MemoryStore::new("hdfs://secondary");
        let limit = Duration::from_secs(10);
        let inner = Arc::new(secondary.clone());
        let slow = SlowStore::new(inner, rate, Duration::from_millis(1), limit);
        let primary = MemoryStore::new("hdfs://primary");
        let mut all = vec![("call.timeout", "10000")];
        all.extend(changes);
        let world = Self::seeing(primary, secondary, Arc::new(slow.clone()), &all);
        (world, slow)
    }

    /// A process that sees the secondary as `seen`.
    fn seeing(
        primary: MemoryStore,
        secondary: MemoryStore,
        seen: Arc<dyn Store>,
        changes: &[(&str, &str)],
    ) -> Self {
        let faults = FaultyStore::new(seen, |_| None);
        let primary_faults = FaultyStore::new(Arc::new(primary.clone()), |_| None);
        let (to_primary, to_secondary) = (primary_faults.clone(), faults.clone());
        let opener: Opener = Arc::new(move |location, _| {
            let store: Arc<dyn Store> = match location.authority() {
                "primary" => Arc::new(to_primary.clone()),
                _ => Arc::new(to_secondary.clone()),
            };
            Ok(store)
        });
        let metrics = Metrics::new().unwrap();
        let (settings, _) = from_pairs(&pairs("worker", changes)).unwrap();
        let disk = MemoryDisk::default();
        let surroundings = Surroundings {
            opener,
            disks: disk.opener(),
            ..Surroundings::real(&settings)
        };
        let runtime = Handle::current();
        let replicator =
            Replicator::start_in(surroundings, settings, Arc::clone(&metrics), &runtime);
        Self {
            primary,
            primary_faults,
            secondary,
            faults,
            disk,
            metrics,
            replicator,
        }
    }

    pub fn worker(&self) -> JobHandle {
        self.open("worker", &[])
    }

    pub fn coordinator(&self) -> JobHandle {
        self.open("coordinator", &[])
    }

    pub fn open(&self, role: &str, changes: &[(&str, &str)]) -> JobHandle {
        let (_, spec) = from_pairs(&pairs(role, changes)).unwrap();
        self.replicator.open_job(spec).unwrap()
    }

    /// Puts a file on the primary and nowhere else.
    pub async fn put(&self, path: &str, bytes: &Bytes) {
        write(&self.primary, path, bytes).await;
    }

    /// Puts all files of a checkpoint on both clusters, as after a good tee.
    pub async fn put_on_both(&self, checkpoint: &Checkpoint) {
        for (path, bytes) in checkpoint.files() {
            write(&self.primary, &path, &bytes).await;
            write(&self.secondary, &on_secondary(&path), &bytes).await;
        }
    }

    /// The bytes of a file on the secondary.
    pub async fn on_secondary(&self, path: &str) -> Option<Bytes> {
        let found = self.secondary.stat(path).await.unwrap()?;
        Some(self.secondary.read(path, 0, found.length).await.unwrap())
    }

    /// The ids of the published checkpoints; every one of them must name only what is there.
    pub async fn published(&self) -> Vec<u64> {
        let root = Location::parse("hdfs://secondary/cp").unwrap();
        let mut ids = Vec::new();
        for found in audit::published(&self.secondary, &root).await.unwrap() {
            let report = audit::verify(&self.secondary, &found.dir).await.unwrap();
            assert!(report.usable(), "{}: {:?}", found.dir, report.findings);
            ids.push(found.id);
        }
        ids.sort_unstable();
        ids
    }

    /// Waits, in virtual time, until these are published.
    pub async fn published_are(&self, ids: &[u64]) {
        for _ in 0..2000 {
            if self.published().await == ids {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("published are {:?}, not {ids:?}", self.published().await);
    }

    pub fn count(&self, name: &str) -> u64 {
        let text = self.metrics.render().unwrap();
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines
            .filter(|line| line.split(['{', ' ']).next() == Some(name))
            .map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap())
            .sum()
    }

    pub fn inflight(&self) -> Vec<String> {
        let paths = self.secondary.files().into_iter().map(|(path, _)| path);
        paths.filter(|path| path.contains("/inflight/")).collect()
    }
}

fn pairs(role: &str, changes: &[(&str, &str)]) -> Vec<String> {
    let mut pairs = BTreeMap::from([
        ("job.id", JOB),
        ("job.name", "a job"),
        ("job.role", role),
        ("primary.dir", "hdfs://primary/cp"),
        ("secondary.dir", "hdfs://secondary/cp"),
        ("chunk.size", "1024"),
        ("buffer.memory", "8192"),
        ("call.timeout", "1000"),
        ("spill.max-size", "0"),
    ]);
    pairs.extend(changes.iter().copied());
    pairs
        .iter()
        .flat_map(|(name, value)| [(*name).to_owned(), (*value).to_owned()])
        .collect()
}

pub fn on_secondary(path: &str) -> String {
    // the roots have the same path on both clusters
    path.to_owned()
}

pub async fn write(store: &dyn Store, path: &str, bytes: &Bytes) {
    let mut writer = store.create(path).await.unwrap();
    writer.write(bytes.clone()).await.unwrap();
    writer.close().await.unwrap();
}

pub const STREAM: Stream = Stream {
    scope: Scope::Exclusive,
    checkpoint: Some(1),
};

/// Writes as Flink's thread would; gives what is in the last chunk, None if abandoned.
pub fn feed(session: &Session, bytes: &[u8]) -> Option<usize> {
    let (_, chunk) = session.lease()?;
    let mut at = 0;
    let mut rest = bytes;
    while !rest.is_empty() {
        if at == chunk {
            session.hand_over(at)?;
            at = 0;
        }
        let taken = session.fill(at, rest);
        at += taken;
        rest = &rest[taken..];
    }
    Some(at)
}

/// Waits, in virtual time, for a condition.
pub async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    for _ in 0..2000 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("waited in vain for {what}");
}

/// A checkpoint of the job as Flink's own serializer wrote it, under names of our choosing.
#[derive(Clone)]
pub struct Checkpoint {
    pub id: u64,
    pub metadata: Bytes,
}

impl Checkpoint {
    /// Checkpoint `id`, whose shared files are those of generation `shared`.
    pub fn new(id: u64, shared: u64) -> Self {
        let metadata = checkpoint_format::parse(GOLDEN).unwrap();
        let mut bytes = checkpoint_format::rewrite(GOLDEN, &metadata, |reference, new| {
            if reference.kind == checkpoint_format::ReferenceKind::Relative {
                return false;
            }
            let name = reference.path.rsplit('/').next().unwrap();
            write!(new, "hdfs://primary/cp/{JOB}/shared/{shared}-{name}").is_ok()
        })
        .unwrap();
        bytes[8..16].copy_from_slice(&id.to_be_bytes());
        Self {
            id,
            metadata: Bytes::from(bytes),
        }
    }

    pub fn metadata_path(&self) -> String {
        format!("/cp/{JOB}/chk-{}/_metadata", self.id)
    }

    pub fn pointer(&self) -> String {
        format!("hdfs://primary/cp/{JOB}/chk-{}", self.id)
    }

    pub fn manifest(&self) -> Manifest {
        audit::manifest(&self.metadata, &Location::parse(&self.pointer()).unwrap()).unwrap()
    }

    /// Its files' paths on the primary, with bytes of the right lengths, some where it is unknown.
    pub fn files(&self) -> Vec<(String, Bytes)> {
        let files = self.manifest().files;
        files
            .into_iter()
            .map(|file| {
                let length = usize::try_from(file.length.unwrap_or(7)).unwrap();
                (
                    file.location.unwrap().path().to_owned(),
                    Bytes::from(vec![7; length]),
                )
            })
            .collect()
    }

    pub fn shared(&self) -> Vec<String> {
        let paths = self.files().into_iter().map(|(path, _)| path);
        paths.filter(|path| path.contains("/shared/")).collect()
    }

    pub fn offer(&self) -> Offer {
        Offer {
            checkpoint: self.id,
            triggered_at_ms: 1_000 * self.id,
            completed_at_ms: 1_000 * self.id + 10,
            pointer: self.pointer(),
            metadata: self.metadata.clone(),
        }
    }
}
