//! One run's world: two clusters, a clock, and the randomness from which everything that happens
//! follows. Refuses to know what the processes in it are for.

use std::future::pending;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use fastrand::Rng;
use futures::FutureExt;
use store::{MemoryStore, Store};
use tokio::time::Instant;

use crate::body::Body;
use crate::laws::Laws;
use crate::plan::{Plan, chance};
use crate::trace::Trace;

/// The clusters' roots.
pub const PRIMARY: &str = "hdfs://primary/flink/cp";
pub const SECONDARY: &str = "hdfs://secondary/dr/cp";

/// See the file's comment.
pub struct World {
    pub plan: Plan,
    pub laws: Laws,
    pub trace: Trace,
    pub primary: MemoryStore,
    pub secondary: MemoryStore,
    rng: Mutex<Rng>,
    began: Instant,
    bodies: Mutex<Vec<Arc<Body>>>,
    files: AtomicU64,
}

impl World {
    pub fn new(seed: u64, readable: bool) -> Arc<Self> {
        let mut rng = Rng::with_seed(seed);
        let plan = Plan::draw(&mut rng);
        Arc::new(Self {
            laws: Laws::new(plan.retention_grace),
            trace: Trace::new(readable),
            primary: MemoryStore::new("hdfs://primary"),
            secondary: MemoryStore::new("hdfs://secondary"),
            rng: Mutex::new(rng),
            began: Instant::now(),
            bodies: Mutex::default(),
            files: AtomicU64::new(0),
            plan,
        })
    }

    /// Milliseconds since the beginning.
    pub fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap()
    }

    /// Whether there still are faults.
    pub fn is_storm(&self) -> bool {
        self.now() < self.plan.storm
    }

    pub fn draw<T>(&self, what: impl FnOnce(&mut Rng) -> T) -> T {
        what(&mut self.rng.lock().unwrap())
    }

    pub fn between(&self, range: RangeInclusive<u64>) -> u64 {
        self.draw(|rng| rng.u64(range))
    }

    pub fn chance(&self, percent: u64) -> bool {
        self.draw(|rng| chance(rng, percent))
    }

    /// All processes that there have been; their numbers are their places.
    pub fn bodies(&self) -> Vec<Arc<Body>> {
        self.bodies.lock().unwrap().clone()
    }

    pub fn add(&self, body: impl FnOnce(usize) -> Arc<Body>) -> Arc<Body> {
        let mut bodies = self.bodies.lock().unwrap();
        let body = body(bodies.len());
        bodies.push(Arc::clone(&body));
        body
    }

    pub fn next_file(&self) -> u64 {
        self.files.fetch_add(1, Ordering::Relaxed)
    }

    /// A process dies, and what it leaves is counted.
    pub fn die(&self, body: &Body) {
        if body.is_dead() {
            return;
        }
        self.note(&body.name, "dies", "");
        body.die();
        let sealed = body.sealed.lock().unwrap();
        let record = self.laws.record();
        for row in record.remains(body.number, &sealed, self.plan.retained) {
            self.trace.count(row);
        }
    }

    /// Something that no cluster saw.
    pub fn note(&self, who: &str, what: &str, about: &str) {
        let now = self.now();
        self.trace.event(now, who, what, (about, ""), &"");
    }

    /// Writes a file of the primary, as Flink.
    pub fn put_on_primary(&self, path: &str, bytes: &Bytes) {
        put(&self.primary, &format!("/flink/cp/{path}"), bytes);
    }

    /// Deletes from the primary, as Flink, whatever is there.
    pub fn delete_from_primary(&self, path: &str) {
        let path = format!("/flink/cp/{path}");
        self.note("flink", "deletes", &path);
        at_once(self.primary.delete(&path, true)).unwrap();
    }

    pub fn is_on_primary(&self, path: &str) -> bool {
        let path = format!("/flink/cp/{path}");
        at_once(self.primary.stat(&path)).unwrap().is_some()
    }
}

/// What a store in memory answers, which it does at once.
pub fn at_once<T>(call: impl Future<Output = T>) -> T {
    call.now_or_never().expect("a store in memory never waits")
}

/// Writes a whole file past all faults.
pub fn put(store: &MemoryStore, path: &str, bytes: &Bytes) {
    let mut writer = at_once(store.create(path)).unwrap();
    at_once(writer.write(bytes.clone())).unwrap();
    at_once(writer.close()).unwrap();
}

pub async fn sleep_ms(ms: u64) {
    if ms > 0 {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
}

/// What a call of a dead process waits for.
pub async fn for_ever<T>() -> T {
    pending().await
}
