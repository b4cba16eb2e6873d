//! The link: all that goes to the secondary waits here for its turn.
//!
//! A file waits for its [`Place`], then each of its pieces for its [`Turn`]. What a turn gave away
//! it gives back when the client holds nothing of the piece any more, which for a replicated file
//! is when the cluster has acknowledged it: hdfs-native 0.14.8 keeps slices of what it was given
//! until then, and copies nothing. So what is counted is what is held. (It does copy where files
//! are encrypted or erasure coded; what it keeps then is not counted here.)
//!
//! Who goes first is decided in `shares`; this is the waiting. Refuses to look into what is sent.

mod limits;
mod pace;
mod shares;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use prometheus::IntGauge;
use telemetry::Metrics;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::settings::Settings;
pub(crate) use limits::PIECE_BYTES;
use limits::{Limits, PINNED_BYTES};
use shares::Shares;
pub(crate) use shares::{Class, Ticket};

/// The one way to the secondary of a process. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Link(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    turn_bytes: u64,
    /// Without an acknowledgement for this long, a file is given up.
    limit: Duration,
    files: IntGauge,
    unacknowledged: IntGauge,
}

struct State {
    shares: Shares,
    waiting: BTreeMap<Ticket, oneshot::Sender<()>>,
}

/// Why nothing more of a file is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    /// The cluster takes bytes of the file and acknowledges none.
    #[error("what was sent of it is not acknowledged")]
    Stalled,
    /// No checkpoint names it.
    #[error("it is of no use any more")]
    GivenUp,
}

/// The right to have one file open; given back when dropped.
pub(crate) struct Place {
    link: Arc<Inner>,
    file: Ticket,
    acknowledged: Arc<Notify>,
}

/// The right to have bytes on their way; given back when dropped.
pub(crate) struct Turn {
    link: Arc<Inner>,
    ticket: Ticket,
    file: Ticket,
    bytes: usize,
    acknowledged: Arc<Notify>,
}

/// To close a file; taken back when dropped.
struct Request<'a> {
    link: &'a Inner,
    ticket: Ticket,
}

/// A piece with its turn, as it goes to the client.
struct Carried {
    bytes: Bytes,
    _turn: Turn,
}

impl Link {
    pub(crate) fn new(settings: &Settings, metrics: &Metrics) -> Self {
        let limits = Limits::of(settings);
        let state = State {
            shares: Shares::new(limits),
            waiting: BTreeMap::new(),
        };
        Self(Arc::new(Inner {
            state: Mutex::new(state),
            turn_bytes: limits.turn_bytes(),
            limit: settings.call_timeout,
            files: metrics.link_files.clone(),
            unacknowledged: metrics.link_unacknowledged.clone(),
        }))
    }

    /// How much of what could grow there is.
    #[cfg(test)]
    pub(crate) fn count(&self, held: &mut std::collections::BTreeMap<&'static str, usize>) {
        let state = self.0.lock();
        held.insert("waiting for the link", state.waiting.len());
        held.insert("open files", state.shares.files());
    }

    /// Bytes of one turn, at most.
    pub(crate) fn turn_bytes(&self) -> u64 {
        self.0.turn_bytes
    }

    /// Waits until a file of the job may be opened.
    pub(crate) async fn place(&self, job: u64, class: Class) -> Place {
        let ask = |shares: &mut Shares| shares.ask_place(job, class, Instant::now());
        let (file, granted) = self.0.ask(ask);
        let place = self.0.place(file);
        // its sender is kept until it is granted
        let _ = granted.await;
        place
    }

    /// An open file that was deferred turned out to be needed.
    pub(crate) fn is_needed(&self, file: Ticket) {
        let mut state = self.0.lock();
        state.shares.needed(file, Instant::now());
        self.0.grant(&mut state);
    }

    /// An open file is of no use: who waits to send more of it is refused, now and later.
    pub(crate) fn give_up(&self, file: Ticket) {
        self.0.give_up(file);
    }

    /// A place beyond the limit of files, at once: for the copies of backfill, which are few.
    pub(crate) fn place_of_copy(&self, job: u64, class: Class) -> Place {
        let mut state = self.0.lock();
        let file = state.shares.open(job, class, Instant::now());
        self.0.note(&state);
        self.0.place(file)
    }
}

impl Place {
    /// Waits until `bytes` of the file may be sent, at most those of a turn.
    pub(crate) async fn turn(&self, bytes: usize) -> Result<Turn, Refused> {
        let (ticket, granted) = self.link.ask(|shares| shares.ask_turn(self.file, bytes));
        let turn = Turn {
            link: Arc::clone(&self.link),
            ticket,
            file: self.file,
            bytes,
            acknowledged: Arc::clone(&self.acknowledged),
        };
        self.granted(granted).await?;
        Ok(turn)
    }

    /// Waits until the file may be closed, which sends what the client still has of it. Of a small
    /// file, its `whole` bytes may be asked for before any of them is sent.
    pub(crate) async fn closing(&self, whole: Option<u64>) -> Result<(), Refused> {
        let is_large = whole.is_some_and(|bytes| bytes > PINNED_BYTES);
        if is_large || self.link.lock().shares.may_close(self.file) {
            return Ok(());
        }
        let (ticket, granted) = self.link.ask(|shares| shares.ask_close(self.file, whole));
        let _request = Request {
            link: &self.link,
            ticket,
        };
        self.granted(granted).await
    }

    async fn granted(&self, mut granted: oneshot::Receiver<()>) -> Result<(), Refused> {
        loop {
            if self.link.lock().shares.is_given_up(self.file) {
                return Err(Refused::GivenUp);
            }
            let again = self.link.look_again(self.file);
            tokio::select! {
                biased;
                granted = &mut granted => return granted.map_err(|_| Refused::GivenUp),
                () = sleep_until(again) => {}
            }
            if self.link.is_stalled(self.file) {
                return Err(Refused::Stalled);
            }
            self.link.grant(&mut self.link.lock());
        }
    }

    /// The file is about to be aborted.
    pub(crate) fn give_up(&self) {
        self.link.give_up(self.file);
    }

    /// By which the link knows the file.
    pub(crate) fn ticket(&self) -> Ticket {
        self.file
    }

    /// Waits until the client keeps no more of the file than it must, so that closing it does not
    /// have to carry much. Returns, too, when half a time limit brings no acknowledgement: the
    /// close then finds out.
    pub(crate) async fn drained(&self) {
        loop {
            let acknowledged = self.acknowledged.notified();
            if self.link.lock().shares.is_drained(self.file) {
                return;
            }
            let until = Instant::now() + self.link.limit / 2;
            if timeout_at(until, acknowledged).await.is_err() {
                return;
            }
        }
    }
}

impl Turn {
    /// Takes a part of the turn off, to be given back by itself.
    pub(crate) fn split_off(&mut self, bytes: usize) -> Self {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        Self {
            link: Arc::clone(&self.link),
            ticket: self.ticket,
            file: self.file,
            bytes,
            acknowledged: Arc::clone(&self.acknowledged),
        }
    }

    /// The bytes, which give the turn back when the last of them is dropped.
    pub(crate) fn carry(self, bytes: Bytes) -> Bytes {
        Bytes::from_owner(Carried { bytes, _turn: self })
    }
}

impl AsRef<[u8]> for Carried {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask(&self, ask: impl FnOnce(&mut Shares) -> Ticket) -> (Ticket, oneshot::Receiver<()>) {
        let (grant, granted) = oneshot::channel();
        let mut state = self.lock();
        let ticket = ask(&mut state.shares);
        state.waiting.insert(ticket, grant);
        self.grant(&mut state);
        (ticket, granted)
    }

    fn grant(&self, state: &mut State) {
        let now = Instant::now();
        while let Some(ticket) = state.shares.grant(now) {
            if let Some(waiter) = state.waiting.remove(&ticket) {
                // who does not wait any more gives it back
                let _ = waiter.send(());
            }
        }
        self.note(state);
    }

    fn give_up(&self, file: Ticket) {
        let mut state = self.lock();
        for turn in state.shares.give_up(file) {
            state.waiting.remove(&turn);
        }
    }

    fn note(&self, state: &State) {
        let shares = &state.shares;
        let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        self.files.set(signed(shares.files() as u64));
        self.unacknowledged.set(signed(shares.unacknowledged()));
    }

    fn place(self: &Arc<Self>, file: Ticket) -> Place {
        Place {
            link: Arc::clone(self),
            file,
            acknowledged: Arc::default(),
        }
    }

    /// When a waiting request looks again by itself.
    fn look_again(&self, file: Ticket) -> Instant {
        let now = Instant::now();
        let state = self.lock();
        let times = [
            state.shares.next_grant(file, now),
            state.shares.stalls_at(file, self.limit),
        ];
        let first = times.into_iter().flatten().min();
        first.unwrap_or(now + self.limit)
    }

    fn is_stalled(&self, file: Ticket) -> bool {
        let stalls_at = self.lock().shares.stalls_at(file, self.limit);
        stalls_at.is_some_and(|at| at <= Instant::now())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.link.lock();
        state.waiting.remove(&self.file);
        state.shares.close(self.file, Instant::now());
        self.link.grant(&mut state);
    }
}

impl Drop for Request<'_> {
    fn drop(&mut self) {
        let mut state = self.link.lock();
        state.waiting.remove(&self.ticket);
        if state.shares.withdraw(self.ticket) {
            self.link.grant(&mut state);
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut state = self.link.lock();
        state.waiting.remove(&self.ticket);
        if !state.shares.withdraw(self.ticket) {
            let bytes = self.bytes as u64;
            state.shares.acknowledge(self.file, bytes, Instant::now());
        }
        self.link.grant(&mut state);
        drop(state);
        self.acknowledged.notify_one();
    }
}
