//! A shared file of a checkpoint that is left out: it waits, on disk if need be, for whether a
//! checkpoint that is taken names it.
//!
//! Until then it has the link only when nobody else wants it. When a later checkpoint was taken and
//! the next one begins, the primary is asked whether it still has the file: if not, no checkpoint
//! from then on names it, and it never crosses the link; if so, the one that was taken names it,
//! and it is needed, whatever becomes of it on the primary. It is asked, too, when the disk fills,
//! and before the file is sent.

use checkpoint_layout::Location;
use tokio::pin;
use tokio::sync::watch;

use crate::feed::{Feed, Sealed};
use crate::job::Job;
use crate::link::{Class, Place};
use crate::stream::Stream;

/// What those who wait are told.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Call {
    /// The last checkpoint that was taken and is complete.
    pub(crate) taken: u64,
    /// Counts the calls to look again.
    pub(crate) looks: u64,
}

/// One file that waits for whether it is needed.
pub(crate) struct Deferred<'a> {
    job: &'a Job,
    feed: &'a Feed,
    from: Location,
    checkpoint: u64,
    calls: watch::Receiver<Call>,
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
        let mut calls = job.calls.subscribe();
        if calls.borrow().taken >= checkpoint {
            calls.mark_changed();
        }
        Some(Self {
            job,
            feed,
            from: job.spec.mapping.aliases().resolve(&sealed.path).ok()?,
            checkpoint,
            calls,
        })
    }

    /// Waits for a place for the file. None: it is of no use.
    pub(crate) async fn place(&mut self) -> Option<Place> {
        let link = &self.job.shared.link;
        {
            let place = link.place(self.job.number, Class::Deferred);
            pin!(place);
            loop {
                let place = tokio::select! {
                    biased;
                    _ = self.calls.changed() => None,
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
        if !self.feed.is_deferred() || !self.calls.has_changed().unwrap_or_default() {
            return false;
        }
        let verdict = self.look().await;
        if verdict == Verdict::Needed {
            place.is_needed();
        }
        verdict == Verdict::OfNoUse
    }

    async fn look(&mut self) -> Verdict {
        let taken = self.calls.borrow_and_update().taken;
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
