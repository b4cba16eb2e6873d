//! A file being written on HDFS.
//!
//! Each step is a task with a time limit. After one failure the file is lost: no step is tried
//! again, and the file is deleted, because it would stay open under the lease of this process.
//! Refuses to tell a half-written file from a whole one: that is what `close` answers.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use hdfs_native::file::FileWriter;
use hdfs_native::{Client, HdfsError};
use tokio::select;
use tokio::time::timeout;

use super::client::Generation;
use super::cluster::Cluster;
use crate::{ErrorKind, Result, StoreError, Writer};

/// A close that takes longer is looked after; the limit of the call ends it.
const FIRST_LOOK_AFTER: Duration = Duration::from_millis(10);
/// Looks are never further apart.
const LOOKS_APART_AT_MOST: Duration = Duration::from_millis(160);
/// At least so long, and twice as long as the look took, the answer is waited for after that.
const ANSWER_AFTER_LOOK: Duration = Duration::from_millis(5);

/// Deletes its file when it is dropped without having been closed.
pub(crate) struct HdfsWriter {
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) generation: Arc<Generation>,
    pub(crate) call_timeout: Duration,
    pub(crate) path: String,
    /// `None` while a step is under way, and for ever after one failed.
    pub(crate) file: Option<FileWriter>,
    pub(crate) length: u64,
    /// Closed or deleted: nothing is left to do.
    pub(crate) finished: bool,
}

impl HdfsWriter {
    /// Does one step with the file, which is given back if that succeeds.
    async fn step<F>(
        &mut self,
        operation: &'static str,
        step: impl FnOnce(FileWriter) -> F,
    ) -> Result<FileWriter>
    where
        F: Future<Output = hdfs_native::Result<FileWriter>> + Send + 'static,
    {
        let Some(file) = self.file.take() else {
            let message =
                "lost by an earlier failure: abort it and write it again under a new name";
            return Err(StoreError::new(
                ErrorKind::Other,
                operation,
                &*self.path,
                message,
            ));
        };
        let mut task = self.generation.spawn(step(file));
        let call = (operation, &*self.path);
        self.cluster
            .wait(&self.generation, &mut task, call, self.call_timeout)
            .await
    }

    async fn close_file(&mut self) -> Result<()> {
        let (client, length) = (self.generation.client.clone(), self.length);
        let path = self.path.clone();
        let close = |file: FileWriter| close_promptly(file, client, path, length);
        self.step("close", close).await.map(drop)
    }
}

/// Closes a file without hdfs-native's pause.
///
/// The `DataNode` reports a finished block to the `NameNode` beside its answer to the client, so
/// the first `complete` is often too early. hdfs-native 0.14.8 then sleeps for 500 ms, Hadoop's own
/// client for 400 ms. Once that `complete` has committed the last block, which shows as the file's
/// length, nothing is lost by giving up the sleep: `close` called anew does nothing but ask again.
/// Before that it must not be given up, because it may still be sending. The answer to a `complete`
/// comes later than its effect, which others see before it is on the `NameNode`'s disk, so it is
/// waited for a little: asking again for what is done costs the `NameNode` an exception and a page
/// of its log. If the answer comes later still, the next one learns that the file is not open any
/// more.
async fn close_promptly(
    mut file: FileWriter,
    client: Client,
    path: String,
    length: u64,
) -> hdfs_native::Result<FileWriter> {
    let mut pause = FIRST_LOOK_AFTER;
    let mut asked_before = false;
    loop {
        let is_committed = || async {
            let found = client.get_file_info(&path).await;
            length > 0 && found.is_ok_and(|found| found.length as u64 == length)
        };
        match answer(Box::pin(file.close()), is_committed, &mut pause).await {
            None => asked_before = true,
            Some(Err(error)) if asked_before && is_closed(&error) => return Ok(file),
            Some(closed) => return closed.map(|()| file),
        }
    }
}

/// Waits for the answer to a close. None: a look found that the last block is committed, and the
/// answer is late.
///
/// The close goes on during a look. hdfs-native's calls share a lock, which goes to who waits for
/// it in turn: it must not go to a close that nobody polls because the look waits for the lock.
async fn answer<T, F: Future<Output = bool>>(
    mut closing: impl Future<Output = T> + Unpin,
    is_committed: impl Fn() -> F,
    pause: &mut Duration,
) -> Option<T> {
    loop {
        if let Ok(closed) = timeout(*pause, &mut closing).await {
            return Some(closed);
        }
        *pause = (*pause * 2).min(LOOKS_APART_AT_MOST);
        let asked = Instant::now();
        let is_committed = select! {
            biased;
            closed = &mut closing => return Some(closed),
            is_committed = is_committed() => is_committed,
        };
        if is_committed {
            let wait = ANSWER_AFTER_LOOK.max(2 * asked.elapsed());
            return timeout(wait, closing).await.ok();
        }
    }
}

/// Whether a `complete` failed because the file is complete (`FSNamesystem.checkLease`).
fn is_closed(error: &HdfsError) -> bool {
    error.to_string().contains("File is not open for writing")
}

#[async_trait]
impl Writer for HdfsWriter {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        let length = bytes.len() as u64;
        let append = |mut file: FileWriter| async move {
            Box::pin(file.write_bytes(bytes)).await.map(|_| file)
        };
        self.file = Some(self.step("write", append).await?);
        self.length += length;
        Ok(())
    }

    async fn close(mut self: Box<Self>) -> Result<u64> {
        self.close_file().await?;
        self.finished = true;
        Ok(self.length)
    }

    async fn abort(mut self: Box<Self>) {
        let limit = self.call_timeout;
        let abort = async {
            // Only a closed file gives its pipeline back: hdfs-native 0.14.8 keeps the heartbeat
            // and the connection to the DataNode of a writer that is merely dropped.
            if self.length > 0 && self.file.is_some() {
                let _ = self.close_file().await;
            }
            self.cluster
                .delete_file("abort", &self.path, limit)
                .await
                .is_ok()
        };
        self.finished = timeout(limit, abort).await.unwrap_or(false);
    }
}

impl Drop for HdfsWriter {
    fn drop(&mut self) {
        if self.finished {
            return;
        }
        if self.length > 0 || self.file.is_none() {
            self.generation.lost_writers.fetch_add(1, Ordering::Relaxed);
        }
        self.cluster
            .delete_later(std::mem::take(&mut self.path), self.call_timeout);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::Mutex;
    use tokio::time::sleep;

    /// What the client does while it connects anew: the call that was first holds the lock, and
    /// the others wait for it.
    async fn connecting(lock: &Mutex<()>) {
        let _guard = lock.lock().await;
        sleep(FIRST_LOOK_AFTER * 5).await;
    }

    async fn close_beside(lock: &Mutex<()>, others: usize) -> Option<()> {
        let others = (0..others).map(|_| connecting(lock));
        let others = futures::future::join_all(others);
        let is_committed = || async {
            connecting(lock).await;
            false
        };
        let closing = Box::pin(connecting(lock));
        let mut pause = FIRST_LOOK_AFTER;
        let closed = answer(closing, is_committed, &mut pause);
        let limit = Duration::from_secs(10);
        timeout(limit, async { futures::join!(others, closed).1 })
            .await
            .expect("it waited for itself")
    }

    /// With more than 10 ms to connect, files that were closed just then ran out of time, and so
    /// did every other call of the client.
    #[tokio::test(start_paused = true)]
    async fn a_look_does_not_keep_what_it_waits_for() {
        for others in 0..3 {
            assert_eq!(close_beside(&Mutex::new(()), others).await, Some(()));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_committed_is_not_waited_for_long() {
        let mut pause = FIRST_LOOK_AFTER;
        let start = tokio::time::Instant::now();
        let pausing = Box::pin(sleep(Duration::from_millis(500)));
        assert_eq!(answer(pausing, || async { true }, &mut pause).await, None);
        assert_eq!(start.elapsed(), FIRST_LOOK_AFTER + ANSWER_AFTER_LOOK);
        assert_eq!(pause, FIRST_LOOK_AFTER * 2);
    }
}
