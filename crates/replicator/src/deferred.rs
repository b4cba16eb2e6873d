//! A shared file of a checkpoint that is left out: it waits, on disk if need be, for whether a
//! checkpoint that is taken names it.
//!
//! Until then it has the link only when nobody else wants it. When a later checkpoint was taken and
//! the next one begins, that one's `_metadata` on the primary is read, once for all that wait: what
//! it names is needed, whatever becomes of it on the primary, and what it does not name, no
//! checkpoint from then on names. Where it cannot be read, the primary is asked for each file: if
//! it is gone, it is of no use; if it is there, it may be needed. It is asked, too, when the disk
//! fills, and before a file is sent.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use checkpoint_layout::Location;
use futures::future;
use tokio::pin;
use tokio::sync::Notify;

use crate::caught::caught;
use crate::feed::{Feed, Sealed};
use crate::job::Job;
use crate::link::{Class, Place, Ticket};
use crate::named::{Named, named};
use crate::stream::Stream;

/// What those who wait are told. They are woken in the order in which they came.
#[derive(Default)]
pub(crate) struct Calls {
    last: Mutex<Call>,
    called: Notify,
    waiting: AtomicUsize,
}

/// To look again.
#[derive(Clone, Default)]
struct Call {
    number: u64,
    /// The last checkpoint that was taken and is complete.
    taken: u64,
    /// What it names, if that is known.
    named: Option<Arc<Named>>,
    /// The last one that is to be told of.
    begun: u64,
}

impl Calls {
    /// Whether nobody was to tell of this checkpoint yet. The caller is to.
    fn begin(&self, taken: u64) -> bool {
        let begun = std::mem::replace(&mut self.last().begun, taken);
        begun != taken
    }

    /// Whether anybody waits.
    fn is_waited_for(&self) -> bool {
        self.waiting.load(Ordering::Acquire) > 0
    }

    /// Tells of a checkpoint that was taken, and what it names.
    fn call(&self, taken: u64, named: Option<Arc<Named>>) {
        let mut last = self.last();
        if taken >= last.taken {
            (last.taken, last.named) = (taken, named);
        }
        drop(last);
        self.call_again();
    }

    /// Has all look again.
    fn call_again(&self) {
        self.last().number += 1;
        self.called.notify_waiters();
    }

    /// The number of the last call.
    pub(crate) fn number(&self) -> u64 {
        self.last().number
    }

    /// Returns once there was a call after the one of this number.
    pub(crate) async fn after(&self, seen: Option<u64>) {
        loop {
            // before the look, so that what comes after it is heard
            let called = self.called.notified();
            if Some(self.number()) != seen {
                return;
            }
            called.await;
        }
    }

    /// Whether the last checkpoint that was taken names a file of `checkpoint`. None: that is not
    /// known.
    pub(crate) fn names(&self, from: &Location, checkpoint: u64) -> Option<bool> {
        let Call { taken, named, .. } = self.last().clone();
        let named = named.filter(|_| taken >= checkpoint)?;
        Some(named.contains(from))
    }

    fn last(&self) -> MutexGuard<'_, Call> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells those who wait which checkpoint was taken last and is complete by now, and what it names.
/// When the disk fills, they look in any case.
pub(crate) fn tell(job: &Arc<Job>, taken: u64) {
    let shared = &job.shared;
    if !job.calls.begin(taken) {
        if shared.spill.is_filling_with_deferred() {
            job.calls.call_again();
        }
        return;
    }
    if !job.calls.is_waited_for() && !shared.backlog.has_deferred(job.number) {
        job.calls.call(taken, None);
        return;
    }
    let job = Arc::clone(job);
    let runtime = shared.runtime.clone();
    runtime.spawn(async move {
        let told = async {
            let named = named(&job, taken).await.map(Arc::new);
            job.calls.call(taken, named);
            job.shared.backlog.promote(&job);
        };
        caught(job.shared.counts(), "Looking for what is needed", told).await;
    });
}

/// One file that waits for whether it is needed.
pub(crate) struct Deferred<'a> {
    job: &'a Job,
    feed: &'a Feed,
    from: Location,
    checkpoint: u64,
    /// The number of the last call that was followed.
    seen: Option<u64>,
}

/// What is known of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    OfNoUse,
    Unknown,
    Needed,
}

impl<'a> Deferred<'a> {
    /// None: the file has no place on the primary.
    pub(crate) fn new(
        job: &'a Job,
        stream: &Stream,
        sealed: &Sealed,
        feed: &'a Feed,
    ) -> Option<Self> {
        let checkpoint = stream.checkpoint.unwrap_or_default();
        let from = job.spec.mapping.aliases().resolve(&sealed.path).ok()?;
        job.calls.waiting.fetch_add(1, Ordering::AcqRel);
        let last = job.calls.last();
        let is_behind = last.taken >= checkpoint;
        Some(Self {
            job,
            feed,
            from,
            checkpoint,
            seen: (!is_behind).then_some(last.number),
        })
    }

    /// Waits for a place for the file. None: it is of no use.
    pub(crate) async fn place(&mut self) -> Option<Place> {
        let (link, calls) = (&self.job.shared.link, &self.job.calls);
        {
            let place = link.place(self.job.number, Class::Deferred);
            pin!(place);
            loop {
                let place = tokio::select! {
                    biased;
                    () = calls.after(self.seen) => None,
                    place = &mut place => Some(place),
                };
                match (self.look().await, place) {
                    (Verdict::OfNoUse, _) => return None,
                    (Verdict::Needed, None) => break,
                    (Verdict::Unknown, None) => {}
                    (_, place) => return place,
                }
            }
        }
        Some(link.place(self.job.number, Class::Needed).await)
    }

    /// Returns once it turns out to be of no use. Looks with each call, whatever its bytes wait
    /// for: a look that comes too late takes a file that is needed, and gone from the primary
    /// since, for one of no use. `place` is the file's at the link.
    pub(crate) async fn of_no_use(&mut self, place: Ticket) {
        while self.feed.is_deferred() {
            self.job.calls.after(self.seen).await;
            match self.look().await {
                Verdict::OfNoUse => return,
                Verdict::Unknown => {}
                Verdict::Needed => self.job.shared.link.is_needed(place),
            }
        }
        future::pending::<()>().await;
    }

    async fn look(&mut self) -> Verdict {
        let (number, taken) = {
            let last = self.job.calls.last();
            (last.number, last.taken)
        };
        self.seen = Some(number);
        let is_named = self.job.calls.names(&self.from, self.checkpoint);
        if is_named == Some(false) || (is_named.is_none() && self.job.is_gone(&self.from).await) {
            return Verdict::OfNoUse;
        }
        if taken < self.checkpoint {
            return Verdict::Unknown;
        }
        self.feed.is_needed();
        Verdict::Needed
    }
}

impl Drop for Deferred<'_> {
    fn drop(&mut self) {
        self.job.calls.waiting.fetch_sub(1, Ordering::AcqRel);
    }
}
