//! Faults on demand, for the tests of all that uses a store.
//!
//! Refuses to invent faults: what fails, when and how is the script's, and only the script's,
//! choice.

use std::collections::HashMap;
use std::fmt;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::{ErrorKind, FileStatus, Result, Store, StoreError, Writer};

/// One call that is about to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The method's name: `create`, `write`, `close`, `abort`, `read`, `stat`, `list`, `rename`,
    /// `replace`, `mkdirs` or `delete`.
    pub operation: &'static str,
    /// Its path; of a rename, the source.
    pub path: String,
    /// The target of a rename or replace, otherwise empty.
    pub to: String,
    /// Counts the calls of this operation on this store, from 1.
    pub nth: u64,
    /// Counts the calls of this operation on this path, from 1.
    pub nth_on_path: u64,
}

/// What becomes of a call. An `abort` has no answer: of `Fail` and `TimeOut` there remains that the
/// file stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It has no effect and answers with this kind.
    Fail(ErrorKind),
    /// It has no effect and answers [`ErrorKind::TimedOut`] after this time.
    TimeOut(Duration),
    /// It waits for this time and then goes on as if nothing had been.
    Delay(Duration),
    /// It never returns and has no effect.
    Hang,
    /// It takes effect, then answers [`ErrorKind::TimedOut`].
    LoseReply,
}

type Script = Arc<dyn Fn(&Call) -> Option<Fault> + Send + Sync>;

/// A store whose calls fail, wait, hang or lose their replies as a script says. Clones share the
/// script and the record of the calls.
///
/// ```
/// use std::sync::Arc;
/// use store::{ErrorKind, MemoryStore, testing::{FaultyStore, Fault}};
/// let faulty = FaultyStore::new(Arc::new(MemoryStore::default()), |call| {
///     (call.operation == "rename" && call.nth == 1).then_some(Fault::Fail(ErrorKind::Unavailable))
/// });
/// faulty.heal();
/// ```
#[derive(Clone)]
pub struct FaultyStore {
    inner: Arc<dyn Store>,
    state: Arc<Mutex<State>>,
}

struct State {
    script: Script,
    calls: Vec<Call>,
    counts: HashMap<&'static str, u64>,
    counts_on_path: HashMap<(&'static str, String), u64>,
}

impl fmt::Debug for FaultyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyStore")
            .field("inner", &self.inner.name())
            .finish_non_exhaustive()
    }
}

impl FaultyStore {
    /// `script` is asked before every call, also those of the writers; `None` lets it pass.
    pub fn new(
        inner: Arc<dyn Store>,
        script: impl Fn(&Call) -> Option<Fault> + Send + Sync + 'static,
    ) -> Self {
        let state = State {
            script: Arc::new(script),
            calls: Vec::new(),
            counts: HashMap::new(),
            counts_on_path: HashMap::new(),
        };
        Self {
            inner,
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// Takes another script from the next call on.
    pub fn set_script(&self, script: impl Fn(&Call) -> Option<Fault> + Send + Sync + 'static) {
        self.lock().script = Arc::new(script);
    }

    /// No more faults from the next call on.
    pub fn heal(&self) {
        self.set_script(|_| None);
    }

    /// All calls so far, in their order.
    pub fn calls(&self) -> Vec<Call> {
        self.lock().calls.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn decide(&self, operation: &'static str, path: &str, to: &str) -> Option<Fault> {
        let mut state = self.lock();
        let nth = *bump(state.counts.entry(operation).or_default());
        let key = (operation, path.to_owned());
        let nth_on_path = *bump(state.counts_on_path.entry(key).or_default());
        let (path, to) = (path.to_owned(), to.to_owned());
        let call = Call {
            operation,
            path,
            to,
            nth,
            nth_on_path,
        };
        let script = Arc::clone(&state.script);
        state.calls.push(call.clone());
        drop(state);
        script(&call)
    }

    async fn run<T>(
        &self,
        operation: &'static str,
        (path, to): (&str, &str),
        call: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        let fail = |kind| Err(StoreError::new(kind, operation, path, "injected fault"));
        match self.decide(operation, path, to) {
            None => call.await,
            Some(Fault::Fail(kind)) => fail(kind),
            Some(Fault::TimeOut(limit)) => {
                tokio::time::sleep(limit).await;
                fail(ErrorKind::TimedOut)
            }
            Some(Fault::Delay(time)) => {
                tokio::time::sleep(time).await;
                call.await
            }
            Some(Fault::Hang) => pending().await,
            Some(Fault::LoseReply) => {
                call.await?;
                fail(ErrorKind::TimedOut)
            }
        }
    }
}

fn bump(count: &mut u64) -> &mut u64 {
    *count += 1;
    count
}

#[async_trait]
impl Store for FaultyStore {
    fn name(&self) -> &str {
        self.inner.name()
    }

    async fn create(&self, path: &str) -> Result<Box<dyn Writer>> {
        let inner = self
            .run("create", (path, ""), self.inner.create(path))
            .await?;
        Ok(Box::new(FaultyWriter {
            store: self.clone(),
            path: path.to_owned(),
            inner,
        }))
    }

    async fn read(&self, path: &str, offset: u64, length: u64) -> Result<Bytes> {
        self.run("read", (path, ""), self.inner.read(path, offset, length))
            .await
    }

    async fn stat(&self, path: &str) -> Result<Option<FileStatus>> {
        self.run("stat", (path, ""), self.inner.stat(path)).await
    }

    async fn list(&self, dir: &str) -> Result<Vec<FileStatus>> {
        self.run("list", (dir, ""), self.inner.list(dir)).await
    }

    async fn rename(&self, from: &str, to: &str) -> Result<()> {
        self.run("rename", (from, to), self.inner.rename(from, to))
            .await
    }

    async fn replace(&self, from: &str, to: &str) -> Result<()> {
        self.run("replace", (from, to), self.inner.replace(from, to))
            .await
    }

    async fn mkdirs(&self, dir: &str) -> Result<()> {
        self.run("mkdirs", (dir, ""), self.inner.mkdirs(dir)).await
    }

    async fn delete(&self, path: &str, recursive: bool) -> Result<bool> {
        self.run("delete", (path, ""), self.inner.delete(path, recursive))
            .await
    }
}

struct FaultyWriter {
    store: FaultyStore,
    path: String,
    inner: Box<dyn Writer>,
}

#[async_trait]
impl Writer for FaultyWriter {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.store
            .run("write", (&self.path, ""), self.inner.write(bytes))
            .await
    }

    async fn close(self: Box<Self>) -> Result<u64> {
        let Self { store, path, inner } = *self;
        store.run("close", (&path, ""), inner.close()).await
    }

    async fn abort(self: Box<Self>) {
        let Self { store, path, inner } = *self;
        let abort = async {
            inner.abort().await;
            Ok(())
        };
        // An abort has no answer; what the script did to it shows in the file that stays.
        let _ = store.run("abort", (&path, ""), abort).await;
    }
}
