//! A shared file of a checkpoint that is left out: it waits, on disk if need be, for whether a
//! checkpoint that is taken names it.
//!
//! Until then it has the link only when nobody else wants it. When a later checkpoint was taken and
//! the next one begins, the primary is asked whether it still has the file: if not, no checkpoint
//! from then on names it, and it never crosses the link; if so, the one that was taken names it,
//! and it is needed, whatever becomes of it on the primary. It is asked, too, when the disk fills,
//! and before the file is sent.

use std::sync::{Mutex, MutexGuard, PoisonError};

use checkpoint_layout::Location;
use tokio::pin;
use tokio::sync::Notify;

use crate::feed::{Feed, Sealed};
use crate::job::Job;
use crate::link::{Class, Place};
use crate::stream::Stream;

/// What those who wait are told. They are woken in the order in which they came.
#[derive(Default)]
pub(crate) struct Calls {
    last: Mutex<Call>,
    called: Notify,
}

/// To look again.
#[derive(Debug, Clone, Copy, Default)]
struct Call {
    number: u64,
    /// The last checkpoint that was taken and is complete.
    taken: u64,
}

impl Calls {
    /// Calls if another checkpoint was taken last, or `in_any_case`. Whether it did.
    pub(crate) fn call(&self, taken: u64, in_any_case: bool) -> bool {
        let mut last = self.last();
        if last.taken == taken && !in_any_case {
            return false;
        }
        last.taken = taken;
        last.number += 1;
        drop(last);
        self.called.notify_waiters();
        true
    }

    /// Returns once there was a call after the one of this number.
    async fn after(&self, seen: Option<u64>) {
        loop {
            // before the look, so that what comes after it is heard
            let called = self.called.notified();
            if Some(self.last().number) != seen {
                return;
            }
            called.await;
        }
    }

    fn last(&self) -> MutexGuard<'_, Call> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
        let last = *job.calls.last();
        let is_behind = last.taken >= checkpoint;
        Some(Self {
            job,
            feed,
            from: job.spec.mapping.aliases().resolve(&sealed.path).ok()?,
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

    /// Whether it turned out to be of no use, or needed, while it is being sent.
    pub(crate) async fn is_of_no_use(&mut self, place: &Place) -> bool {
        if !self.feed.is_deferred() || Some(self.job.calls.last().number) == self.seen {
            return false;
        }
        let verdict = self.look().await;
        if verdict == Verdict::Needed {
            place.is_needed();
        }
        verdict == Verdict::OfNoUse
    }

    async fn look(&mut self) -> Verdict {
        let Call { number, taken } = *self.job.calls.last();
        self.seen = Some(number);
        if self.job.is_gone(&self.from).await {
            return Verdict::OfNoUse;
        }
        if taken < self.checkpoint {
            return Verdict::Unknown;
        }
        self.feed.is_needed();
        Verdict::Needed
    }
}
