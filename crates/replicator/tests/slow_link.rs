//! Hundreds of TaskManagers whose links carry a tenth of what they write: checkpoints keep being
//! published, and how old the newest is, is bounded by how long one takes to cross.

#![expect(clippy::cast_precision_loss, reason = "the numbers are small")]

mod support;

use std::time::Duration;

use audit::Location;
use support::JOB;
use support::flink::{CHUNK, Cluster, Setup, State, Written, settings, value};

/// Heap state: all of it is written anew by each checkpoint.
struct Heap {
    files: u64,
    bytes: u64,
}

impl State for Heap {
    fn exclusive(&mut self, _checkpoint: u64) -> Vec<u64> {
        (0..self.files).map(|_| self.bytes).collect()
    }

    fn shared(&mut self, _checkpoint: u64) -> Vec<u64> {
        Vec::new()
    }

    fn names(&mut self, _checkpoint: u64, written: &[Written]) -> Vec<Written> {
        written.to_vec()
    }
}

/// `RocksDB` state in some stores: of each a file of changes with each checkpoint, and with every
/// fourth one, which is another one for each, its files so far are compacted into one.
struct Rocks {
    stores: u64,
    /// Of each file that the last checkpoint named, its store.
    store_of: Vec<u64>,
}

const CHANGES: u64 = 8 * CHUNK;
const COMPACTED: u64 = 32 * CHUNK;
const COMPACTED_EVERY: u64 = 4;

impl Rocks {
    fn new(stores: u64) -> Self {
        Self {
            stores,
            store_of: Vec::new(),
        }
    }

    fn is_compacted(store: u64, checkpoint: u64) -> bool {
        (checkpoint + store).is_multiple_of(COMPACTED_EVERY)
    }
}

impl State for Rocks {
    fn exclusive(&mut self, _checkpoint: u64) -> Vec<u64> {
        (0..self.stores).map(|_| CHUNK / 8).collect()
    }

    fn shared(&mut self, checkpoint: u64) -> Vec<u64> {
        let mut files = Vec::new();
        for store in 0..self.stores {
            if Self::is_compacted(store, checkpoint) {
                files.push(COMPACTED);
                self.store_of.push(store);
            }
            files.push(CHANGES);
            self.store_of.push(store);
        }
        files
    }

    fn names(&mut self, checkpoint: u64, written: &[Written]) -> Vec<Written> {
        let mut newer = vec![0; usize::try_from(self.stores).unwrap()];
        let mut named = Vec::new();
        for (file, store) in written.iter().zip(&self.store_of).rev() {
            let newer = &mut newer[usize::try_from(*store).unwrap()];
            *newer += 1;
            if *newer <= 2 || !Self::is_compacted(*store, checkpoint) {
                named.push((file.clone(), *store));
            }
        }
        named.reverse();
        let (named, store_of) = named.into_iter().unzip();
        self.store_of = store_of;
        named
    }
}

const INTERVAL: Duration = Duration::from_secs(2);

fn setup(spill: u64, stride_at_most: u64) -> Setup {
    let mut settings = settings(1 << 20, spill);
    settings.stride_at_most = stride_at_most;
    Setup {
        settings,
        interval: INTERVAL,
    }
}

/// A job whose TaskManagers each write `bytes` in an interval, over links that carry a twentieth to
/// three twentieths of that; and how long the slowest link takes for the `volume` of a checkpoint.
fn job<S: State + 'static>(
    task_managers: u64,
    setup: Setup,
    (bytes, volume): (u64, u64),
    state: impl Fn() -> S,
) -> (Cluster, f64) {
    let mut cluster = Cluster::new(setup);
    let mut slowest = 0.0_f64;
    for number in 0..task_managers {
        let percent = 5 + number * 10 / task_managers;
        let rate = bytes * percent / 100 / INTERVAL.as_secs();
        cluster.add(rate, state());
        slowest = slowest.max(volume as f64 / rate as f64);
    }
    (cluster, slowest)
}

fn heap_job(task_managers: u64, setup: Setup) -> (Cluster, f64) {
    let bytes = 32 * CHUNK;
    job(task_managers, setup, (bytes, bytes), || Heap {
        files: 2,
        bytes: bytes / 2,
    })
}

fn rocks_job(task_managers: u64, stores: u64, setup: Setup) -> (Cluster, f64) {
    let bytes = stores * (CHANGES + COMPACTED / COMPACTED_EVERY);
    let volume = stores * (COMPACTED + COMPACTED_EVERY * CHANGES);
    let state = || Rocks::new(stores);
    job(task_managers, setup, (bytes, volume), state)
}

/// Of the newest published checkpoint, in seconds.
fn largest_age(seen: &[(u64, u64)]) -> f64 {
    let ages = seen
        .iter()
        .map(|(published, newest)| newest + 1 - published);
    ages.max().unwrap() as f64 * INTERVAL.as_secs_f64()
}

async fn verify_published(cluster: &Cluster) {
    let root = Location::parse(&format!("hdfs://secondary/cp/{JOB}")).unwrap();
    let dir = root.join(&format!("chk-{}", cluster.published()));
    let report = audit::verify(&cluster.secondary, &dir).await.unwrap();
    assert!(report.usable(), "{dir}: {:?}", report.findings);
}

fn published(cluster: &Cluster) -> u64 {
    value(&cluster.metrics, "dualwrite_checkpoints_published_total")
}

/// Runs for some minutes and then for a quarter of an hour, and judges the latter.
async fn keeps_being_published(what: &str, mut cluster: Cluster, crosses_in: f64) {
    let warm_up = cluster.run(Duration::from_mins(5)).await;
    let before = published(&cluster);
    let seen = cluster.run(Duration::from_mins(15)).await;
    verify_published(&cluster).await;
    let published = published(&cluster) - before;
    let (age, at_first) = (largest_age(&seen), largest_age(&warm_up));
    let bound = 3.0 * crosses_in + INTERVAL.as_secs_f64();
    println!("{what}: a checkpoint crosses in {crosses_in:.0} s; {published} published in 15 min");
    println!(
        "{what}: the oldest newest is {age:.0} s old, bound {bound:.0} s ({at_first:.0} s at first)"
    );
    assert!(age <= bound && published > 0);
}

#[tokio::test(start_paused = true)]
async fn heap_state_over_a_link_of_a_tenth_keeps_being_published() {
    let (cluster, crosses_in) = heap_job(200, setup(4 << 20, 1024));
    keeps_being_published("heap", cluster, crosses_in).await;
}

#[tokio::test(start_paused = true)]
async fn compacted_state_over_a_link_of_a_tenth_keeps_being_published() {
    let (cluster, crosses_in) = rocks_job(40, 1, setup(16 << 20, 1024));
    keeps_being_published("RocksDB", cluster, crosses_in).await;
}

/// Where files wait long for the link, what a checkpoint that is taken names of them is known
/// before the primary deletes it.
#[tokio::test(start_paused = true)]
async fn compacted_state_in_many_stores_keeps_being_published() {
    let (cluster, crosses_in) = rocks_job(8, 5, setup(256 << 20, 1024));
    keeps_being_published("RocksDB in 5 stores", cluster, crosses_in).await;
}

/// Without spill and stride each TaskManager drops what comes when its memory is full.
#[tokio::test(start_paused = true)]
async fn dropping_without_a_choice_publishes_next_to_nothing() {
    for (what, (mut cluster, _)) in [
        ("heap", heap_job(40, setup(0, 1))),
        ("RocksDB", rocks_job(40, 1, setup(0, 1))),
    ] {
        cluster.run(Duration::from_mins(10)).await;
        let published = published(&cluster);
        println!("{what}, naively: {published} published in 10 min");
        assert!(published <= 1);
    }
}
