//! Flink as the replicators of many TaskManagers see it: each checkpoint, every TaskManager writes
//! its state to the primary and to its session, the JobManager offers the checkpoint when all have,
//! and the primary deletes what its newest checkpoint does not name. Time is virtual.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use replicator::{
    JobHandle, Offer, Opener, Replicator, Role, Scope, Settings, Stream, Surroundings, from_pairs,
};
use store::Store;
use telemetry::Metrics;
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep, sleep_until};

use super::JOB;
use super::model::{ModelDisk, ModelStore};
use super::slow::SlowStore;

pub const CHUNK: u64 = 64 << 10;
/// What a call takes on the way to the secondary and back.
const LATENCY: Duration = Duration::from_millis(20);
const CALL_LIMIT: Duration = Duration::from_secs(30);
/// Checkpoints on the primary.
const RETAINED: usize = 2;

/// A file of a checkpoint.
#[derive(Clone)]
pub struct Written {
    path: String,
    bytes: u64,
}

/// What a TaskManager writes.
pub trait State {
    /// The files of this checkpoint that are its own, by bytes.
    fn exclusive(&mut self, checkpoint: u64) -> Vec<u64>;
    /// The new shared files of this checkpoint, by bytes.
    fn shared(&mut self, checkpoint: u64) -> Vec<u64>;
    /// How many of the newest of all shared files the checkpoint names.
    fn names(&mut self, checkpoint: u64, written: &[Written]) -> Vec<Written>;
}

pub struct TaskManager {
    number: usize,
    job: JobHandle,
    pub metrics: Arc<Metrics>,
    state: Box<dyn State>,
    /// All shared files that it ever wrote and that are named by some checkpoint yet.
    shared: Vec<Written>,
}

/// How the processes are set up.
#[derive(Clone)]
pub struct Setup {
    pub settings: Settings,
    pub interval: Duration,
}

/// A job, its processes and the two clusters.
pub struct Cluster {
    pub primary: ModelStore,
    pub secondary: ModelStore,
    setup: Setup,
    coordinator: JobHandle,
    pub metrics: Arc<Metrics>,
    pub task_managers: Vec<TaskManager>,
    newest: u64,
    /// What each retained checkpoint names, the oldest first.
    retained: VecDeque<Vec<Written>>,
}

/// Settings of a process with `spill` bytes on disk.
pub fn settings(memory: u64, spill: u64) -> Settings {
    Settings {
        buffer_memory: memory,
        chunk_size: usize::try_from(CHUNK).unwrap(),
        spill_size: spill,
        call_timeout: CALL_LIMIT,
        ..Settings::default()
    }
}

fn open(
    setup: &Setup,
    role: Role,
    stores: (ModelStore, Arc<dyn Store>),
) -> (JobHandle, Arc<Metrics>) {
    let (primary, secondary) = stores;
    let opener: Opener = Arc::new(move |location, _| {
        Ok(match location.authority() {
            "primary" => Arc::new(primary.clone()) as Arc<dyn Store>,
            _ => Arc::clone(&secondary),
        })
    });
    let role = match role {
        Role::Coordinator => "coordinator",
        Role::Worker => "worker",
    };
    let pairs = [
        ("job.id", JOB),
        ("job.role", role),
        ("primary.dir", "hdfs://primary/cp"),
        ("secondary.dir", "hdfs://secondary/cp"),
        ("secondary.retained", "2"),
    ];
    let pairs = pairs.map(|(name, value)| [name.to_owned(), value.to_owned()]);
    let (_, spec) = from_pairs(pairs.as_flattened()).unwrap();
    let metrics = Metrics::new().unwrap();
    let settings = setup.settings.clone();
    let surroundings = Surroundings {
        opener,
        disks: ModelDisk::opener(),
        ..Surroundings::real(&settings)
    };
    let runtime = Handle::current();
    let replicator = Replicator::start_in(surroundings, settings, Arc::clone(&metrics), &runtime);
    (replicator.open_job(spec).unwrap(), metrics)
}

impl Cluster {
    pub fn new(setup: Setup) -> Self {
        let primary = ModelStore::new("hdfs://primary");
        let secondary = ModelStore::new("hdfs://secondary");
        let link = SlowStore::new(Arc::new(secondary.clone()), 10 << 20, LATENCY, CALL_LIMIT);
        let stores = (primary.clone(), Arc::new(link) as Arc<dyn Store>);
        let (coordinator, metrics) = open(&setup, Role::Coordinator, stores);
        Self {
            primary,
            secondary,
            setup,
            coordinator,
            metrics,
            task_managers: Vec::new(),
            newest: 0,
            retained: VecDeque::new(),
        }
    }

    /// A TaskManager behind a link of `rate` bytes a second.
    pub fn add(&mut self, rate: u64, state: impl State + 'static) -> SlowStore {
        let inner = Arc::new(self.secondary.clone());
        let link = SlowStore::new(inner, rate, LATENCY, CALL_LIMIT);
        let stores = (
            self.primary.clone(),
            Arc::new(link.clone()) as Arc<dyn Store>,
        );
        let (job, metrics) = open(&self.setup, Role::Worker, stores);
        self.task_managers.push(TaskManager {
            number: self.task_managers.len(),
            job,
            metrics,
            state: Box::new(state),
            shared: Vec::new(),
        });
        link
    }

    /// Runs for a while; gives after each checkpoint the number of the newest published one and the
    /// number of the newest at all.
    pub async fn run(&mut self, time: Duration) -> Vec<(u64, u64)> {
        let start = Instant::now();
        let mut seen = Vec::new();
        while start.elapsed() < time {
            let begun = Instant::now();
            self.checkpoint().await;
            sleep_until(begun + self.setup.interval).await;
            seen.push((self.published(), self.newest));
        }
        seen
    }

    /// The newest published checkpoint.
    pub fn published(&self) -> u64 {
        value(&self.metrics, "dualwrite_newest_published_checkpoint_id")
    }

    async fn checkpoint(&mut self) {
        self.newest += 1;
        let (checkpoint, primary) = (self.newest, self.primary.clone());
        let written = self.task_managers.iter_mut();
        let written = written.map(|task_manager| task_manager.checkpoint(checkpoint, &primary));
        let named: Vec<Written> = join_all(written).await.into_iter().flatten().collect();
        let dir = format!("/cp/{JOB}/chk-{checkpoint}");
        let (pointer, path) = (format!("hdfs://primary{dir}"), format!("{dir}/_metadata"));
        let files: Vec<_> = named.iter().map(|file| (&*file.path, file.bytes)).collect();
        let metadata = metadata(checkpoint, &files);
        self.primary.put_document(&path, &metadata);
        let offer = Offer {
            checkpoint,
            triggered_at_ms: 0,
            completed_at_ms: 0,
            pointer,
            metadata,
        };
        assert!(self.coordinator.offer(offer));
        self.subsume(named, &path);
    }

    /// As Flink deletes what no retained checkpoint names any more.
    fn subsume(&mut self, mut named: Vec<Written>, metadata: &str) {
        let (path, bytes) = (metadata.to_owned(), 0);
        named.push(Written { path, bytes });
        self.retained.push_back(named);
        if self.retained.len() <= RETAINED {
            return;
        }
        let gone = self.retained.pop_front().unwrap_or_default();
        let paths = self
            .retained
            .iter()
            .flatten()
            .map(|file| file.path.as_str());
        let retained: HashSet<&str> = paths.collect();
        for file in gone {
            if !retained.contains(file.path.as_str()) {
                self.primary.remove(&file.path);
            }
        }
    }

    /// Sums a metric up over all TaskManagers.
    pub fn sum(&self, name: &str) -> u64 {
        let of_each = self.task_managers.iter().map(|tm| value(&tm.metrics, name));
        of_each.sum()
    }
}

impl TaskManager {
    async fn checkpoint(&mut self, checkpoint: u64, primary: &ModelStore) -> Vec<Written> {
        let number = self.number;
        let mut named = Vec::new();
        for (n, bytes) in self.state.exclusive(checkpoint).into_iter().enumerate() {
            let path = format!("/cp/{JOB}/chk-{checkpoint}/{number}-{n}");
            let file = Written { path, bytes };
            self.write(Scope::Exclusive, checkpoint, &file, primary)
                .await;
            named.push(file);
        }
        for (n, bytes) in self.state.shared(checkpoint).into_iter().enumerate() {
            let path = format!("/cp/{JOB}/shared/{number}-{checkpoint}-{n}");
            let file = Written { path, bytes };
            self.write(Scope::Shared, checkpoint, &file, primary).await;
            self.shared.push(file);
        }
        self.shared = self.state.names(checkpoint, &self.shared);
        named.extend(self.shared.iter().cloned());
        named
    }

    /// As Flink's thread would: it never waits.
    async fn write(&self, scope: Scope, checkpoint: u64, file: &Written, primary: &ModelStore) {
        primary.put(&file.path, file.bytes);
        let stream = Stream {
            scope,
            checkpoint: Some(checkpoint),
        };
        let path = format!("hdfs://primary{}", file.path);
        let Some(session) = self.job.open_session(stream) else {
            self.job.missed(&path, file.bytes);
            return;
        };
        let mut leased = session.lease();
        let mut left = file.bytes;
        while left > CHUNK && leased.is_some() {
            // nothing is copied: the chunk is zeros
            leased = session.hand_over(usize::try_from(CHUNK).unwrap());
            left -= CHUNK;
            // 64 MB a second
            sleep(Duration::from_millis(1)).await;
        }
        let tail = leased.map_or(0, |_| usize::try_from(left).unwrap());
        session.seal(tail, &path, file.bytes);
    }
}

/// The sum of a metric over its labels.
pub fn value(metrics: &Metrics, name: &str) -> u64 {
    let text = metrics.render().unwrap();
    let lines = text.lines().filter(|line| line.starts_with(name));
    let lines = lines.filter(|line| line[name.len()..].starts_with(['{', ' ']));
    lines
        .map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap())
        .sum()
}

/// A `_metadata` of version 2 that names these files of the primary, with their bytes: see the
/// crate `checkpoint-format`.
pub fn metadata(checkpoint: u64, files: &[(&str, u64)]) -> Bytes {
    let mut bytes = Vec::new();
    let int = |bytes: &mut Vec<u8>, n: usize| {
        bytes.extend(u32::try_from(n).unwrap().to_be_bytes());
    };
    let utf = |bytes: &mut Vec<u8>, text: &str| {
        bytes.extend(u16::try_from(text.len()).unwrap().to_be_bytes());
        bytes.extend(text.as_bytes());
    };
    int(&mut bytes, 0x4960_672d);
    int(&mut bytes, 2);
    bytes.extend(checkpoint.to_be_bytes());
    int(&mut bytes, 0);
    int(&mut bytes, 1);
    bytes.extend([7; 16]);
    int(&mut bytes, files.len());
    int(&mut bytes, files.len());
    int(&mut bytes, 0);
    int(&mut bytes, files.len());
    for (index, (path, length)) in files.iter().enumerate() {
        int(&mut bytes, index);
        bytes.extend(0_u64.to_be_bytes());
        int(&mut bytes, 0);
        int(&mut bytes, 0);
        int(&mut bytes, 0);
        bytes.push(3);
        int(&mut bytes, index);
        int(&mut bytes, 0);
        bytes.push(2);
        bytes.extend(length.to_be_bytes());
        utf(&mut bytes, &format!("hdfs://primary{path}"));
        bytes.push(0);
    }
    Bytes::from(bytes)
}
