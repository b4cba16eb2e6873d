//! One subtask on a TaskManager: its state, and how it is written with a checkpoint, as RocksDB's
//! incremental snapshots and the tee's streams do it. Refuses to know which checkpoints complete.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::join_all;
use replicator::{JobHandle, Scope, Session, Stream};

use crate::metadata::{File, Handle, TaskState};
use crate::process::Process;
use crate::world::{PRIMARY, World, sleep_ms};

/// The longest state that is written inline, in bytes.
const INLINE_AT_MOST: u64 = 20;

/// A subtask and the process that it runs in.
pub struct Task {
    pub world: Arc<World>,
    pub job: String,
    pub process: Arc<Process>,
    pub handle: JobHandle,
    /// RocksDB's files by their local numbers, with the shared file that a completed checkpoint
    /// has of them.
    local: BTreeMap<u64, Option<File>>,
}

/// Bytes of one stream, and whose they are.
struct Content {
    scope: Scope,
    checkpoint: u64,
    bytes: Bytes,
}

impl Task {
    pub fn new(world: &Arc<World>, job: &str, process: Arc<Process>, handle: JobHandle) -> Self {
        Self {
            world: Arc::clone(world),
            job: job.to_owned(),
            process,
            handle,
            local: BTreeMap::new(),
        }
    }

    /// Begins again with what a checkpoint has of it.
    pub fn restore(&mut self, state: Option<&TaskState>) {
        let shared = state.map_or(&[][..], |state| &state.shared);
        let files = shared.iter().map(|(at, file)| (*at, Some(file.clone())));
        self.local = files.collect();
    }

    /// A checkpoint has completed: what it has need not be written again.
    pub fn completed(&mut self, state: &TaskState) {
        for (at, file) in &state.shared {
            if let Some(known) = self.local.get_mut(at) {
                *known = Some(file.clone());
            }
        }
    }

    /// Of the job's checkpoints its process takes one in so many.
    pub fn stride(&self) -> u64 {
        self.process.body.stride(&self.job)
    }

    /// Writes a snapshot; none if a stream failed or the process died.
    pub async fn snapshot(&mut self, checkpoint: u64, aborts: bool) -> Option<TaskState> {
        self.compact();
        let (me, world) = (&*self, &self.world);
        let operator = me.stream(checkpoint, Scope::Exclusive, world.chance(40), aborts);
        let meta = me.stream(checkpoint, Scope::Exclusive, world.chance(80), aborts);
        let shared = me.local.iter().map(|(at, known)| async move {
            let file = match known {
                Some(file) => Some(file.clone()),
                None => me.shared(checkpoint, aborts).await,
            };
            Some((*at, file?))
        });
        let (operator, meta, shared) = futures::join!(operator, meta, join_all(shared));
        Some(TaskState {
            operator: operator?,
            meta: meta?,
            shared: shared.into_iter().collect::<Option<_>>()?,
        })
    }

    /// Adds new files and merges old ones away.
    fn compact(&mut self) {
        let world = &self.world;
        if self.local.len() > 5 || world.chance(20) {
            let keep = world.chance(50);
            let old: Vec<u64> = self.local.keys().copied().collect();
            for at in old.into_iter().skip(usize::from(keep)) {
                if !keep || world.chance(70) {
                    self.local.remove(&at);
                }
            }
        }
        for _ in 0..world.between(0..=2) {
            self.local.insert(world.next_file(), None);
        }
    }

    async fn shared(&self, checkpoint: u64, aborts: bool) -> Option<File> {
        let written = self.stream(checkpoint, Scope::Shared, false, aborts).await;
        written?.file().cloned()
    }

    /// Writes one stream, as Flink's thread and the tee on it do.
    async fn stream(
        &self,
        checkpoint: u64,
        scope: Scope,
        inline: bool,
        aborts: bool,
    ) -> Option<Handle> {
        let world = &self.world;
        let most = 5 * world.plan.chunk as u64;
        let length = if inline {
            world.between(1..=INLINE_AT_MOST)
        } else {
            world.between(INLINE_AT_MOST + 1..=most.max(INLINE_AT_MOST + 1))
        };
        let number = world.next_file();
        let content = Content {
            scope,
            checkpoint,
            bytes: (0..length)
                .map(|at| (number * 31 + at * 7).to_le_bytes()[0])
                .collect(),
        };
        self.process.count_session();
        let stream = Stream {
            scope,
            checkpoint: Some(checkpoint),
        };
        let mut tee = Tee::new(self.handle.open_session(stream));
        let mut rest = &content.bytes[..];
        while !rest.is_empty() {
            let length = world.between(1..=rest.len() as u64);
            let (piece, after) = rest.split_at(usize::try_from(length).unwrap());
            tee.write(piece);
            rest = after;
            sleep_ms(world.between(0..=20)).await;
            if self.process.body.is_dead() {
                return None;
            }
            if aborts && world.chance(20) {
                tee.discard(world.chance(50));
                return None;
            }
        }
        if inline {
            tee.discard(false);
            return Some(Handle::Inline(content.bytes.to_vec()));
        }
        Some(self.complete(number, &tee, content))
    }

    /// The stream's file is complete on the primary.
    fn complete(&self, number: u64, tee: &Tee, content: Content) -> Handle {
        let Content {
            scope,
            checkpoint,
            bytes,
        } = content;
        let dir = match scope {
            Scope::Exclusive => format!("chk-{checkpoint}"),
            _ => "shared".to_owned(),
        };
        let file = File {
            path: format!("{}/{dir}/{number:08}", self.job),
            length: bytes.len() as u64,
        };
        self.world.laws.record().original(&file.path, bytes.clone());
        self.world.put_on_primary(&file.path, &bytes);
        let path = format!("{PRIMARY}/{}", file.path);
        match &tee.session {
            Some(session) => session.seal(tee.at, &path, file.length),
            None => self.handle.missed(&path, file.length),
        }
        self.process
            .body
            .sealed
            .lock()
            .unwrap()
            .push(file.path.clone());
        self.world
            .note(&self.process.body.name, "seals", &file.path);
        if scope == Scope::Exclusive && self.world.chance(50) {
            return Handle::Relative(file);
        }
        Handle::Absolute(file)
    }
}

/// What `TeeSession` is in Java: bytes go into the leased chunk, a full one is handed over.
struct Tee {
    session: Option<Session>,
    /// Of the leased chunk so many bytes are filled.
    at: usize,
    capacity: usize,
}

impl Tee {
    fn new(session: Option<Session>) -> Self {
        let lease = session.as_ref().and_then(Session::lease);
        let capacity = lease.map_or(0, |(_, capacity)| capacity);
        Self {
            session,
            at: 0,
            capacity,
        }
    }

    fn write(&mut self, mut bytes: &[u8]) {
        let Some(session) = &self.session else { return };
        while self.capacity > 0 && !bytes.is_empty() {
            if self.at == self.capacity {
                let lease = session.hand_over(self.at);
                (self.at, self.capacity) = (0, lease.map_or(0, |(_, capacity)| capacity));
                continue;
            }
            let taken = session.fill(self.at, bytes);
            self.at += taken;
            bytes = &bytes[taken..];
        }
    }

    fn discard(self, by_dropping: bool) {
        if let (Some(session), false) = (self.session, by_dropping) {
            session.discard();
        }
    }
}
