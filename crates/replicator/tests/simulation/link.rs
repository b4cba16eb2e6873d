//! One process's way to one cluster: a store whose calls take time, fail, and die with the process,
//! as the weather has it. What takes effect is shown to the laws in the same instant. Refuses to
//! draw anything itself.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use store::{ErrorKind, FileStatus, MemoryStore, Result, Store, StoreError, Writer};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::body::Body;
use crate::faults::{Cluster, End, Fate};
use crate::laws::{By, Changed, Look};
use crate::names::{Kind, kind};
use crate::world::{World, at_once, for_ever, sleep_ms};

/// A file that is being written on the cluster; empty before it is opened and after its end.
type Slot = Arc<Mutex<Option<Box<dyn Writer>>>>;

#[derive(Clone)]
pub struct Link {
    pub world: Arc<World>,
    pub body: Arc<Body>,
    pub cluster: Cluster,
    pub limit_ms: u64,
}

/// A call that changes something.
enum Change {
    Create {
        path: String,
        slot: Slot,
    },
    Write {
        path: String,
        slot: Slot,
        bytes: Bytes,
    },
    Close {
        path: String,
        slot: Slot,
    },
    Abort {
        path: String,
        slot: Slot,
    },
    Rename {
        from: String,
        to: String,
    },
    Replace {
        from: String,
        to: String,
    },
    Mkdirs {
        path: String,
    },
    Delete {
        path: String,
        recursive: bool,
    },
}

impl Change {
    /// The operation, its path, and the target of a move.
    fn names(&self) -> (&'static str, &str, &str) {
        match self {
            Self::Create { path, .. } => ("create", path, ""),
            Self::Write { path, .. } => ("write", path, ""),
            Self::Close { path, .. } => ("close", path, ""),
            Self::Abort { path, .. } => ("abort", path, ""),
            Self::Rename { from, to } => ("rename", from, to),
            Self::Replace { from, to } => ("replace", from, to),
            Self::Mkdirs { path } => ("mkdirs", path, ""),
            Self::Delete { path, .. } => ("delete", path, ""),
        }
    }

    /// Of a write, the first so many percent; of others, nothing.
    fn torn(&self, percent: u8) -> Option<Self> {
        let Self::Write { path, slot, bytes } = self else {
            return None;
        };
        let part = bytes.len() * usize::from(percent) / 100;
        Some(Self::Write {
            path: path.clone(),
            slot: Arc::clone(slot),
            bytes: bytes.slice(..part),
        })
    }
}

impl Link {
    fn store(&self) -> &MemoryStore {
        match self.cluster {
            Cluster::Primary => &self.world.primary,
            Cluster::Secondary => &self.world.secondary,
        }
    }

    fn end<T>(&self, (what, path, to): (&'static str, &str, &str), result: &Result<T>, fate: Fate) {
        let now = self.world.now();
        let names = (path, to);
        let error = result.as_ref().err();
        if what != "abort" {
            self.body
                .answered(self.cluster, error.map(|error| error.kind));
        }
        let Some(error) = error else {
            return self
                .world
                .trace
                .event(now, &self.body.name, what, names, &"ok");
        };
        let outcome = format!("{} ({:?})", error.kind.as_str(), fate.end);
        self.world
            .trace
            .event(now, &self.body.name, what, names, &outcome);
    }

    /// A question.
    async fn ask<T>(
        &self,
        operation: &'static str,
        path: &str,
        question: impl FnOnce(&MemoryStore) -> Result<T> + Send,
    ) -> Result<T> {
        let names = (operation, path, "");
        let fate = self.body.calls(self, names).await;
        sleep_ms(fate.before).await;
        let result = match fate.end {
            End::Answered => {
                let result = question(self.store());
                sleep_ms(fate.after).await;
                result
            }
            End::Refused(kind) => Err(refused(names, kind)),
            End::Silent(_) => {
                sleep_ms(self.limit_ms.saturating_sub(fate.before)).await;
                Err(refused(names, ErrorKind::TimedOut))
            }
            End::ReplyLost | End::Torn(_) => Err(refused(names, ErrorKind::TimedOut)),
        };
        self.lives().await;
        self.end(names, &result, fate);
        result
    }

    /// A change; gives the length of a closed file, and whether something was deleted.
    async fn change(&self, change: Change) -> Result<u64> {
        if self.cluster == Cluster::Primary {
            let what = format!("the product asks the primary for {:?}", change.names());
            self.world.laws.breaks(1, what);
        }
        let owner = |path| self.world.laws.record().owner(self.body.number, path);
        let owner = match &change {
            Change::Rename { from: path, to } if kind(to) == Kind::Going => owner(path),
            Change::Rename { to: path, .. } | Change::Delete { path, .. } => owner(path),
            _ => None,
        };
        let fate = self.body.calls(self, change.names()).await;
        let (tell, told) = oneshot::channel();
        // the caller may stop waiting, what is on its way goes on
        let change = Arc::new(change);
        tokio::spawn(self.clone().carry(Arc::clone(&change), owner, fate, tell));
        let limit = Duration::from_millis(self.limit_ms);
        let result = match timeout(limit, told).await {
            Ok(Ok(result)) => result,
            _ => Err(refused(change.names(), ErrorKind::TimedOut)),
        };
        self.lives().await;
        self.end(change.names(), &result, fate);
        result
    }

    async fn carry(
        self,
        change: Arc<Change>,
        owner: Option<Look>,
        fate: Fate,
        tell: oneshot::Sender<Result<u64>>,
    ) {
        sleep_ms(fate.before).await;
        if self.body.is_dead() && !fate.outlives {
            return;
        }
        match fate.end {
            End::Answered => {
                let result = self.take_effect(&change, owner);
                sleep_ms(fate.after).await;
                let _ = tell.send(result);
            }
            End::Refused(kind) => {
                let _ = tell.send(Err(refused(change.names(), kind)));
            }
            End::ReplyLost => {
                self.world.trace.count("reply lost");
                let _ = self.take_effect(&change, owner);
            }
            End::Torn(percent) => {
                if let Some(part) = change.torn(percent) {
                    self.world.trace.count("write torn");
                    let _ = self.take_effect(&part, owner);
                }
            }
            End::Silent(later) => {
                if let Some(later) = later {
                    sleep_ms(later.saturating_sub(fate.before)).await;
                    self.late(&change, owner, later);
                }
                sleep_ms(self.limit_ms.saturating_sub(later.unwrap_or(fate.before))).await;
            }
        }
    }

    fn late(&self, change: &Change, owner: Option<Look>, later: u64) {
        let (what, path, to) = change.names();
        let outcome = match self.take_effect(change, owner) {
            Ok(_) if later > self.limit_ms => {
                self.world.trace.count("takes effect late");
                "takes effect after it was given up".to_owned()
            }
            Ok(_) => "takes effect, says nothing".to_owned(),
            Err(error) => format!("arrives, {}", error.kind.as_str()),
        };
        let now = self.world.now();
        let names = (path, to);
        self.world
            .trace
            .event(now, &self.body.name, what, names, &outcome);
    }

    /// Does it, and lets the laws judge it.
    fn take_effect(&self, change: &Change, owner: Option<Look>) -> Result<u64> {
        let store = self.store();
        // files have ages, by the cluster's clock
        store.set_now_ms(self.world.now());
        let done = match change {
            Change::Create { path, slot } => at_once(store.create(path)).map(|writer| {
                *slot.lock().unwrap() = Some(writer);
                0
            }),
            Change::Write { slot, bytes, .. } => match slot.lock().unwrap().as_mut() {
                Some(writer) => at_once(writer.write(bytes.clone())).map(|()| 0),
                None => Err(gone(change)),
            },
            Change::Close { slot, .. } => match slot.lock().unwrap().take() {
                Some(writer) => at_once(writer.close()),
                None => Err(gone(change)),
            },
            Change::Abort { slot, .. } => {
                if let Some(writer) = slot.lock().unwrap().take() {
                    at_once(writer.abort());
                }
                Ok(0)
            }
            Change::Rename { from, to } => at_once(store.rename(from, to)).map(|()| 0),
            Change::Replace { from, to } => at_once(store.replace(from, to)).map(|()| 0),
            Change::Mkdirs { path } => at_once(store.mkdirs(path)).map(|()| 0),
            Change::Delete { path, recursive } => {
                at_once(store.delete(path, *recursive)).map(u64::from)
            }
        };
        if done.is_ok() {
            self.show(change, owner);
        }
        done
    }

    fn show(&self, change: &Change, owner: Option<Look>) {
        let laws = &self.world.laws;
        let by = By {
            process: self.body.number,
            now: self.world.now(),
            owner,
        };
        let moved = |from, to, replaced| {
            let length = at_once(self.store().stat(to))
                .unwrap()
                .map(|file| file.length);
            let bytes = at_once(self.store().read(to, 0, length.unwrap())).unwrap();
            let moved = Changed::Renamed {
                from,
                to,
                bytes,
                replaced,
            };
            laws.changed(by, &moved);
        };
        match change {
            Change::Create { path, .. } => laws.changed(by, &Changed::Created(path)),
            Change::Close { path, .. } => laws.changed(by, &Changed::Closed(path)),
            Change::Rename { from, to } if kind(to) == Kind::Going => {
                laws.changed(by, &Changed::Deleted(from));
            }
            Change::Rename { from, to } => moved(from, to, false),
            Change::Replace { from, to } => moved(from, to, true),
            Change::Abort { path, .. } | Change::Delete { path, .. } => {
                laws.changed(by, &Changed::Deleted(path));
            }
            Change::Write { .. } | Change::Mkdirs { .. } => {}
        }
    }

    /// Goes on only if the process does.
    async fn lives(&self) {
        self.body.goes_on(&self.world).await;
        if self.body.is_dead() {
            for_ever::<()>().await;
        }
    }
}

fn refused((operation, path, _): (&'static str, &str, &str), kind: ErrorKind) -> StoreError {
    StoreError::new(kind, operation, path, "as the weather has it")
}

fn gone(change: &Change) -> StoreError {
    refused(change.names(), ErrorKind::NotFound)
}

#[async_trait]
impl Store for Link {
    fn name(&self) -> &str {
        self.store().name()
    }

    async fn create(&self, path: &str) -> Result<Box<dyn Writer>> {
        let (path, slot) = (path.to_owned(), Slot::default());
        let create = Change::Create {
            path: path.clone(),
            slot: Arc::clone(&slot),
        };
        self.change(create).await?;
        let link = self.clone();
        Ok(Box::new(LinkWriter { link, path, slot }))
    }

    async fn read(&self, path: &str, offset: u64, length: u64) -> Result<Bytes> {
        let read = self
            .ask("read", path, |store| {
                at_once(store.read(path, offset, length))
            })
            .await;
        if let (Ok(bytes), Cluster::Secondary) = (&read, self.cluster) {
            self.world.laws.record().read(self.body.number, path, bytes);
        }
        read
    }

    async fn stat(&self, path: &str) -> Result<Option<FileStatus>> {
        self.ask("stat", path, |store| at_once(store.stat(path)))
            .await
    }

    async fn list(&self, dir: &str) -> Result<Vec<FileStatus>> {
        self.ask("list", dir, |store| at_once(store.list(dir)))
            .await
    }

    async fn rename(&self, from: &str, to: &str) -> Result<()> {
        let (from, to) = (from.to_owned(), to.to_owned());
        self.change(Change::Rename { from, to }).await.map(drop)
    }

    async fn replace(&self, from: &str, to: &str) -> Result<()> {
        let (from, to) = (from.to_owned(), to.to_owned());
        self.change(Change::Replace { from, to }).await.map(drop)
    }

    async fn mkdirs(&self, dir: &str) -> Result<()> {
        let path = dir.to_owned();
        self.change(Change::Mkdirs { path }).await.map(drop)
    }

    async fn delete(&self, path: &str, recursive: bool) -> Result<bool> {
        let path = path.to_owned();
        let deleted = self.change(Change::Delete { path, recursive }).await?;
        Ok(deleted > 0)
    }
}

struct LinkWriter {
    link: Link,
    path: String,
    slot: Slot,
}

#[async_trait]
impl Writer for LinkWriter {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        let (path, slot) = (self.path.clone(), Arc::clone(&self.slot));
        let write = Change::Write { path, slot, bytes };
        self.link.change(write).await.map(drop)
    }

    async fn close(self: Box<Self>) -> Result<u64> {
        let Self { link, path, slot } = *self;
        link.change(Change::Close { path, slot }).await
    }

    async fn abort(self: Box<Self>) {
        let Self { link, path, slot } = *self;
        // it has no answer: what becomes of it shows in whether the file stays
        let _ = link.change(Change::Abort { path, slot }).await;
    }
}
