//! A cluster behind a slow link, with a client in front of it as hdfs-native 0.14.8 is one: it
//! keeps what it is given until it is acknowledged, takes 12.5 MB of a file before it makes the
//! caller wait, sends the last piece of a file only when more comes or the file is closed, and
//! gives a call up after the time limit.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use store::{ErrorKind, FileStatus, Result, Store, StoreError, Writer};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// 200 packets of 64 KiB.
const CLIENT_BYTES: u64 = 200 << 16;

/// A store whose files cross a link.
#[derive(Clone)]
pub struct SlowStore {
    inner: Arc<dyn Store>,
    pipe: UnboundedSender<Piece>,
    /// Bytes a second; 0 is frozen.
    rate: watch::Sender<u64>,
    /// What each call takes besides.
    latency: Duration,
    limit: Duration,
}

struct Piece {
    bytes: Bytes,
    file: Arc<Unacknowledged>,
}

#[derive(Default)]
struct Unacknowledged {
    bytes: AtomicU64,
    fewer: Notify,
}

impl SlowStore {
    /// `inner` behind a link of `rate` bytes a second.
    pub fn new(inner: Arc<dyn Store>, rate: u64, latency: Duration, limit: Duration) -> Self {
        let (pipe, pieces) = unbounded_channel();
        let (rate, rates) = watch::channel(rate);
        tokio::spawn(carry(pieces, rates));
        Self {
            inner,
            pipe,
            rate,
            latency,
            limit,
        }
    }

    /// Changes the link's rate; 0 freezes it.
    pub fn set_rate(&self, rate: u64) {
        self.rate.send_replace(rate);
    }

    async fn call<T>(
        &self,
        operation: &'static str,
        path: &str,
        call: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        if *self.rate.borrow() == 0 {
            sleep(self.limit).await;
            let message = "the link is frozen";
            return Err(StoreError::new(
                ErrorKind::TimedOut,
                operation,
                path,
                message,
            ));
        }
        sleep(self.latency).await;
        call.await
    }
}

async fn carry(mut pieces: UnboundedReceiver<Piece>, mut rates: watch::Receiver<u64>) {
    let mut due = Instant::now();
    while let Some(Piece { bytes, file }) = pieces.recv().await {
        let Ok(rate) = rates.wait_for(|rate| *rate > 0).await.map(|rate| *rate) else {
            return;
        };
        let length = bytes.len() as u64;
        let takes = Duration::from_nanos(length * 1_000_000_000 / rate);
        due = due.max(Instant::now()) + takes;
        sleep_until(due).await;
        drop(bytes);
        file.bytes.fetch_sub(length, Ordering::AcqRel);
        file.fewer.notify_one();
    }
}

#[async_trait]
impl Store for SlowStore {
    fn name(&self) -> &str {
        self.inner.name()
    }

    async fn create(&self, path: &str) -> Result<Box<dyn Writer>> {
        let inner = self.call("create", path, self.inner.create(path)).await?;
        Ok(Box::new(SlowWriter {
            store: self.clone(),
            path: path.to_owned(),
            inner,
            last: None,
            file: Arc::default(),
        }))
    }

    async fn read(&self, path: &str, offset: u64, length: u64) -> Result<Bytes> {
        let read = self.inner.read(path, offset, length);
        self.call("read", path, read).await
    }

    async fn stat(&self, path: &str) -> Result<Option<FileStatus>> {
        self.call("stat", path, self.inner.stat(path)).await
    }

    async fn list(&self, dir: &str) -> Result<Vec<FileStatus>> {
        self.call("list", dir, self.inner.list(dir)).await
    }

    async fn rename(&self, from: &str, to: &str) -> Result<()> {
        self.call("rename", from, self.inner.rename(from, to)).await
    }

    async fn replace(&self, from: &str, to: &str) -> Result<()> {
        let replace = self.inner.replace(from, to);
        self.call("replace", from, replace).await
    }

    async fn mkdirs(&self, dir: &str) -> Result<()> {
        self.call("mkdirs", dir, self.inner.mkdirs(dir)).await
    }

    async fn delete(&self, path: &str, recursive: bool) -> Result<bool> {
        let delete = self.inner.delete(path, recursive);
        self.call("delete", path, delete).await
    }
}

struct SlowWriter {
    store: SlowStore,
    path: String,
    inner: Box<dyn Writer>,
    /// Sent when more comes.
    last: Option<Bytes>,
    file: Arc<Unacknowledged>,
}

impl SlowWriter {
    fn send_last(&mut self) {
        let Some(bytes) = self.last.take() else {
            return;
        };
        let length = bytes.len() as u64;
        self.file.bytes.fetch_add(length, Ordering::AcqRel);
        let file = Arc::clone(&self.file);
        let _ = self.store.pipe.send(Piece { bytes, file });
    }

    /// Waits until at most so many bytes are not acknowledged.
    async fn until(&mut self, operation: &'static str, most: u64) -> Result<()> {
        let waited = async {
            while self.file.bytes.load(Ordering::Acquire) > most {
                self.file.fewer.notified().await;
            }
        };
        timeout(self.store.limit, waited).await.map_err(|_| {
            let message = "the time limit is over";
            StoreError::new(ErrorKind::TimedOut, operation, &*self.path, message)
        })
    }
}

#[async_trait]
impl Writer for SlowWriter {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.send_last();
        self.until("write", CLIENT_BYTES).await?;
        self.inner.write(bytes.clone()).await?;
        self.last = Some(bytes);
        Ok(())
    }

    async fn close(mut self: Box<Self>) -> Result<u64> {
        self.send_last();
        self.until("close", 0).await?;
        self.inner.close().await
    }

    async fn abort(self: Box<Self>) {
        self.inner.abort().await;
    }
}
