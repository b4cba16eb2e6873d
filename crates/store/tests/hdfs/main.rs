//! The store on a real HDFS whose processes are killed, frozen and restarted.
//!
//! The tests take turns: each has a cluster of its own, and some count this process's sockets.

mod black_hole;
mod contract;
mod data_node;
mod name_node;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use harness::HdfsCluster;
use store::{ClusterOptions, Result, Store, open};
use tokio::sync::Mutex;

/// The store's time limit in these tests.
const LIMIT: Duration = Duration::from_secs(2);
/// What a call may take beyond its limit on a busy machine.
const SLACK: Duration = Duration::from_millis(1500);
/// By when the store must work again after the cluster does.
const RECOVERY: Duration = Duration::from_mins(1);

static TURN: Mutex<()> = Mutex::const_new(());

fn options() -> ClusterOptions {
    ClusterOptions {
        call_timeout: LIMIT,
        ..ClusterOptions::default()
    }
}

fn open_cluster(hdfs: &HdfsCluster) -> Arc<dyn Store> {
    open(hdfs.uri(), &options()).unwrap().0
}

/// Awaits a call and sees that it does not last longer than its limit.
async fn limited<T>(call: impl Future<Output = Result<T>>) -> Result<T> {
    let start = Instant::now();
    let result = call.await;
    let took = start.elapsed();
    assert!(took < LIMIT + SLACK, "a call took {took:?}");
    result
}

async fn put(store: &dyn Store, path: &str, bytes: Bytes) -> Result<u64> {
    let mut writer = limited(store.create(path)).await?;
    for start in (0..bytes.len()).step_by(64 << 10) {
        let end = bytes.len().min(start + (64 << 10));
        limited(writer.write(bytes.slice(start..end))).await?;
    }
    limited(writer.close()).await
}

fn pattern(length: usize) -> Bytes {
    (0..length)
        .map(|n| u8::try_from(n * 31 % 251).unwrap())
        .collect()
}

/// Waits until `call` succeeds.
async fn recovers<T, F>(what: &str, mut call: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T>>,
{
    let start = Instant::now();
    loop {
        match call().await {
            Ok(value) => {
                println!("{what}: works again after {:?}", start.elapsed());
                return value;
            }
            Err(error) => {
                assert!(start.elapsed() < RECOVERY, "{what}: still {error}");
                assert!(error.is_transient(), "{what}: {error}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

/// Waits until a condition holds.
async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !holds().await {
        assert!(
            start.elapsed() < RECOVERY,
            "waited {RECOVERY:?} for: {what}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The sockets that this process has open.
fn sockets() -> usize {
    let descriptors = std::fs::read_dir("/proc/self/fd").unwrap();
    let targets = descriptors.filter_map(|fd| std::fs::read_link(fd.ok()?.path()).ok());
    targets
        .filter(|target| target.to_string_lossy().starts_with("socket:"))
        .count()
}
