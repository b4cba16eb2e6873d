//! The circuit breaker of one cluster: a store that stops asking a cluster which does not answer.
//!
//! After [`OPENS_AFTER`] failures in a row every call is refused at once, while one probe at a time
//! finds out whether the cluster is back. It is back when it takes a file, bytes and all: a
//! NameNode in safe mode, or without DataNodes, answers every question and takes none. For the same
//! reason a success ends a row of failures only if it went as deep as they did. Refuses to judge
//! errors that the cluster answered with: a missing file is no sign of a dead cluster.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use store::{ErrorKind, FileStatus, Result, Store, StoreError, Writer, spread};
use telemetry::Metrics;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

/// Failures in a row that open the breaker.
pub const OPENS_AFTER: u32 = 3;
/// The first probe comes after this, the next ones after twice the time before. Spread
/// over processes.
const FIRST_PROBE_AFTER: Duration = Duration::from_millis(500);
/// That does not grow any more. (Spread, it may be half as much again.)
const PROBES_APART_AT_MOST: Duration = Duration::from_secs(5);

/// How deep into a cluster a call goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
enum Depth {
    /// The NameNode knows the answer.
    Asks,
    /// The NameNode changes something. It does so, too, for a file that no DataNode takes.
    Changes,
    /// A DataNode takes bytes. Only a file that was closed shows that one did: until then they may
    /// be with the client.
    Stores,
}

/// A cluster behind its breaker.
pub struct Breaker {
    inner: Arc<dyn Store>,
    /// Where probes write; nobody else does.
    probe_path: String,
    failures: AtomicU32,
    /// The [`Depth`] of the deepest of these failures.
    deepest: AtomicU8,
    up: AtomicBool,
    /// Tells those who wait that calls are let through again, or no more, in the order of their
    /// coming.
    is_changed: Notify,
    runtime: Handle,
    metrics: Arc<Metrics>,
    me: Weak<Self>,
}

impl Breaker {
    /// `inner` behind a closed breaker. Probes write a file at `probe_path` and delete it; nothing
    /// else may be there.
    pub fn new(
        inner: Arc<dyn Store>,
        probe_path: &str,
        runtime: Handle,
        metrics: Arc<Metrics>,
    ) -> Arc<Self> {
        metrics.secondary_is_up(inner.name(), true);
        Arc::new_cyclic(|me| Self {
            inner,
            probe_path: probe_path.to_owned(),
            failures: AtomicU32::new(0),
            deepest: AtomicU8::new(0),
            up: AtomicBool::new(true),
            is_changed: Notify::new(),
            runtime,
            metrics,
            me: me.clone(),
        })
    }

    /// Whether calls are let through.
    pub fn is_up(&self) -> bool {
        self.up.load(Ordering::Acquire)
    }

    /// Returns when calls are let through.
    pub async fn wait_up(&self) {
        loop {
            // before the look, so that what comes after it is heard
            let changed = self.is_changed.notified();
            if self.is_up() {
                return;
            }
            changed.await;
        }
    }

    /// A caller found the cluster silent without a call that failed.
    pub fn fell_silent(&self, error: &StoreError) {
        self.judge(Depth::Stores, Some(error));
    }

    /// Returns when calls are not let through.
    pub async fn wait_down(&self) {
        loop {
            let changed = self.is_changed.notified();
            if !self.is_up() {
                return;
            }
            changed.await;
        }
    }

    async fn call<T>(
        &self,
        operation: &'static str,
        path: &str,
        call: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        if !self.is_up() {
            let why = "not asked: it did not answer the calls before";
            return Err(StoreError::new(
                ErrorKind::Unavailable,
                operation,
                path,
                why,
            ));
        }
        let result = call.await;
        let depth = if ["read", "stat", "list"].contains(&operation) {
            Depth::Asks
        } else {
            Depth::Changes
        };
        self.judge(depth, result.as_ref().err());
        result
    }

    fn judge(&self, depth: Depth, error: Option<&StoreError>) {
        if let Some(error) = error {
            self.metrics
                .secondary_errors
                .with_label_values(&[error.kind.as_str()])
                .inc();
        }
        match error {
            Some(error) if error.is_silence() => {
                self.deepest.fetch_max(depth as u8, Ordering::AcqRel);
                let failures = self.failures.fetch_add(1, Ordering::AcqRel) + 1;
                if failures >= OPENS_AFTER && self.up.swap(false, Ordering::AcqRel) {
                    self.opened(error);
                }
            }
            _ if depth as u8 >= self.deepest.load(Ordering::Acquire) => self.forget(),
            _ => {}
        }
    }

    /// Begins a new row of failures.
    fn forget(&self) {
        self.deepest.store(0, Ordering::Release);
        self.failures.store(0, Ordering::Release);
    }

    fn opened(&self, error: &StoreError) {
        self.metrics.secondary_is_up(self.inner.name(), false);
        self.is_changed.notify_waiters();
        tracing::warn!(
            "The secondary {} does not answer: {error}. Checkpoints on the primary go on; they are \
             not copied until it is back, then what is missing is copied from the primary.",
            self.inner.name()
        );
        if let Some(me) = self.me.upgrade() {
            self.runtime.spawn(me.probe());
        }
    }

    async fn probe(self: Arc<Self>) {
        let since = Instant::now();
        let mut pause = FIRST_PROBE_AFTER;
        for attempt in 0_u64.. {
            // nobody else has this path
            sleep(spread(pause, (&self.probe_path, attempt))).await;
            match self.takes_a_file().await {
                Err(error) if error.is_silence() => {
                    pause = (pause * 2).min(PROBES_APART_AT_MOST);
                }
                _ => break,
            }
        }
        self.forget();
        self.metrics.secondary_is_up(self.inner.name(), true);
        self.up.store(true, Ordering::Release);
        self.is_changed.notify_waiters();
        let seconds = since.elapsed().as_secs();
        tracing::info!(
            "The secondary {} answers again, after {seconds} s.",
            self.inner.name()
        );
    }

    async fn takes_a_file(&self) -> Result<()> {
        // of a probe before that did not get so far
        self.inner.delete(&self.probe_path, false).await?;
        let mut writer = self.inner.create(&self.probe_path).await?;
        if let Err(error) = writer.write(Bytes::from_static(b"probe")).await {
            writer.abort().await;
            return Err(error);
        }
        writer.close().await?;
        self.inner.delete(&self.probe_path, false).await.map(drop)
    }
}

#[async_trait]
impl Store for Breaker {
    fn name(&self) -> &str {
        self.inner.name()
    }

    async fn create(&self, path: &str) -> Result<Box<dyn Writer>> {
        let inner = self.call("create", path, self.inner.create(path)).await?;
        let breaker = self.me.upgrade();
        Ok(Box::new(Watched { inner, breaker }))
    }

    async fn read(&self, path: &str, offset: u64, length: u64) -> Result<Bytes> {
        self.call("read", path, self.inner.read(path, offset, length))
            .await
    }

    async fn stat(&self, path: &str) -> Result<Option<FileStatus>> {
        self.call("stat", path, self.inner.stat(path)).await
    }

    async fn list(&self, dir: &str) -> Result<Vec<FileStatus>> {
        self.call("list", dir, self.inner.list(dir)).await
    }

    async fn rename(&self, from: &str, to: &str) -> Result<()> {
        self.call("rename", to, self.inner.rename(from, to)).await
    }

    async fn replace(&self, from: &str, to: &str) -> Result<()> {
        self.call("replace", to, self.inner.replace(from, to)).await
    }

    async fn mkdirs(&self, dir: &str) -> Result<()> {
        self.call("mkdirs", dir, self.inner.mkdirs(dir)).await
    }

    async fn delete(&self, path: &str, recursive: bool) -> Result<bool> {
        self.call("delete", path, self.inner.delete(path, recursive))
            .await
    }
}

/// A writer whose failures count.
struct Watched {
    inner: Box<dyn Writer>,
    breaker: Option<Arc<Breaker>>,
}

#[async_trait]
impl Writer for Watched {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        let result = self.inner.write(bytes).await;
        if let (Some(breaker), Err(error)) = (&self.breaker, &result) {
            breaker.judge(Depth::Stores, Some(error));
        }
        result
    }

    async fn close(self: Box<Self>) -> Result<u64> {
        let Self { inner, breaker } = *self;
        let result = inner.close().await;
        if let Some(breaker) = breaker {
            breaker.judge(Depth::Stores, result.as_ref().err());
        }
        result
    }

    async fn abort(self: Box<Self>) {
        self.inner.abort().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::MemoryStore;
    use store::testing::{Fault, FaultyStore};

    fn breaker(faulty: &FaultyStore) -> Arc<Breaker> {
        probing_at("/probe", faulty)
    }

    fn probing_at(path: &str, faulty: &FaultyStore) -> Arc<Breaker> {
        let metrics = Metrics::new().unwrap();
        let store = Arc::new(faulty.clone());
        Breaker::new(store, path, Handle::current(), metrics)
    }

    #[tokio::test(start_paused = true)]
    async fn opens_after_silence_and_closes_when_a_probe_is_answered() {
        let dead = |_: &store::testing::Call| Some(Fault::Fail(ErrorKind::Unavailable));
        let faulty = FaultyStore::new(Arc::new(MemoryStore::default()), dead);
        let breaker = breaker(&faulty);
        for _ in 0..OPENS_AFTER {
            assert!(breaker.is_up());
            breaker.stat("/x").await.unwrap_err();
        }
        assert!(!breaker.is_up());
        let asked = faulty.calls().len();
        breaker.stat("/x").await.unwrap_err();
        assert_eq!(faulty.calls().len(), asked, "an open breaker does not ask");

        sleep(Duration::from_mins(1)).await;
        assert!(!breaker.is_up());
        faulty.heal();
        tokio::time::timeout(PROBES_APART_AT_MOST * 2, breaker.wait_up())
            .await
            .unwrap();
        assert_eq!(breaker.stat("/x").await.unwrap(), None);
    }

    /// When the probes of a process came that wrote at `path`, in milliseconds from the silence on.
    async fn probes(path: &str) -> Vec<u128> {
        let dead = |_: &store::testing::Call| Some(Fault::Fail(ErrorKind::Unavailable));
        let faulty = FaultyStore::new(Arc::new(MemoryStore::default()), dead);
        let breaker = probing_at(path, &faulty);
        for _ in 0..OPENS_AFTER {
            breaker.stat("/x").await.unwrap_err();
        }
        let (silent_at, mut seen, mut moments) = (Instant::now(), OPENS_AFTER as usize, Vec::new());
        while moments.len() < 10 {
            sleep(Duration::from_millis(1)).await;
            if faulty.calls().len() > seen {
                seen = faulty.calls().len();
                moments.push(silent_at.elapsed().as_millis());
            }
        }
        moments
    }

    /// The processes that find a cluster silent do so at the same time.
    #[tokio::test(start_paused = true)]
    async fn processes_do_not_probe_all_at_once() {
        let (of_a, of_b) = (probes("/probe-a").await, probes("/probe-b").await);
        let apart = of_a.iter().zip(&of_b).filter(|(a, b)| a.abs_diff(**b) > 20);
        assert!(apart.count() >= 8, "{of_a:?}, {of_b:?}");
        for moments in [&of_a, &of_b] {
            let pauses = moments.windows(2).map(|pair| pair[1] - pair[0]);
            let most = PROBES_APART_AT_MOST.as_millis() * 3 / 2;
            assert!(pauses.max() <= Some(most + 2), "{moments:?}");
        }
        assert_eq!(of_a, probes("/probe-a").await, "and a run can be repeated");
    }

    #[tokio::test(start_paused = true)]
    async fn a_cluster_that_answers_but_takes_no_file_is_not_back() {
        let safe_mode = |call: &store::testing::Call| {
            let reads = ["stat", "read", "list"].contains(&call.operation);
            (!reads).then_some(Fault::Fail(ErrorKind::Unavailable))
        };
        let memory = Arc::new(MemoryStore::default());
        let faulty = FaultyStore::new(Arc::clone(&memory) as Arc<dyn Store>, safe_mode);
        let breaker = breaker(&faulty);
        for _ in 0..OPENS_AFTER {
            breaker.create("/x").await.err().unwrap();
        }
        for _ in 0..60 {
            sleep(Duration::from_secs(1)).await;
            assert!(!breaker.is_up());
        }
        faulty.heal();
        breaker.wait_up().await;
        assert!(memory.files().is_empty(), "probes leave nothing behind");
    }

    /// Under a NameNode in safe mode the JobManager asked what there is between its attempts to
    /// write; each answer counted as a sign of life, so it never learned that nothing is taken.
    #[tokio::test(start_paused = true)]
    async fn questions_that_are_answered_do_not_hide_that_no_file_is_taken() {
        let safe_mode = |call: &store::testing::Call| {
            (call.operation == "create").then_some(Fault::Fail(ErrorKind::Unavailable))
        };
        let faulty = FaultyStore::new(Arc::new(MemoryStore::default()), safe_mode);
        let breaker = breaker(&faulty);
        for _ in 0..OPENS_AFTER {
            assert!(breaker.is_up());
            breaker.stat("/x").await.unwrap();
            breaker.create("/x").await.err().unwrap();
        }
        assert!(!breaker.is_up());
        faulty.heal();
        breaker.wait_up().await;

        // One file that cannot be read is no silence while others are.
        let lost = |call: &store::testing::Call| {
            (call.path == "/lost").then_some(Fault::Fail(ErrorKind::Unavailable))
        };
        let faulty = FaultyStore::new(Arc::new(MemoryStore::default()), lost);
        let breaker = self::breaker(&faulty);
        for _ in 0..OPENS_AFTER * 2 {
            breaker.stat("/lost").await.unwrap_err();
            breaker.stat("/x").await.unwrap();
        }
        assert!(breaker.is_up());
    }

    /// Without DataNodes the NameNode opens every file; each that it opened counted as a sign of
    /// life, so the JobManager, which copies few files at a time, never learned that none is taken.
    #[tokio::test(start_paused = true)]
    async fn files_that_are_opened_do_not_hide_that_no_byte_is_taken() {
        let no_data_node = |call: &store::testing::Call| {
            (call.operation == "close").then_some(Fault::Fail(ErrorKind::Unavailable))
        };
        let faulty = FaultyStore::new(Arc::new(MemoryStore::default()), no_data_node);
        let breaker = breaker(&faulty);
        for file in 0..OPENS_AFTER {
            assert!(breaker.is_up());
            let mut writer = breaker.create(&format!("/{file}")).await.unwrap();
            writer.write(Bytes::from_static(b"x")).await.unwrap();
            writer.close().await.unwrap_err();
        }
        assert!(!breaker.is_up());
        faulty.heal();
        breaker.wait_up().await;

        // One that was taken ends the row.
        for file in 0..OPENS_AFTER * 2 {
            breaker.fell_silent(&StoreError::new(ErrorKind::TimedOut, "write", "/x", "slow"));
            let mut writer = breaker.create(&format!("/later{file}")).await.unwrap();
            writer.write(Bytes::from_static(b"x")).await.unwrap();
            writer.close().await.unwrap();
        }
        assert!(breaker.is_up());
    }

    #[tokio::test]
    async fn an_answer_is_no_silence() {
        let full = |_: &store::testing::Call| Some(Fault::Fail(ErrorKind::NoSpace));
        let faulty = FaultyStore::new(Arc::new(MemoryStore::default()), full);
        let breaker = breaker(&faulty);
        for _ in 0..OPENS_AFTER * 2 {
            breaker.mkdirs("/x").await.unwrap_err();
        }
        assert!(breaker.is_up());
    }
}
