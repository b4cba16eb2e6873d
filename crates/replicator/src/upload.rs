//! One session's upload: its bytes to an in-flight file, its seal to the final name.
//!
//! Opens no file before there are bytes and the link has a place for it. Any failure abandons the
//! session: what still comes is dropped, and the file goes to backfill once the primary has told
//! its name.

use std::sync::Arc;

use store::{ErrorKind, StoreError};

use crate::caught::caught;
use crate::deferred::Deferred;
use crate::feed::{End, Feed, Next, Sealed};
use crate::job::Job;
use crate::link::{Class, Place};
use crate::outgoing::Outgoing;
use crate::reason::{Fate, Reason};
use crate::spill::Slot;
use crate::stream::Stream;

/// Why an upload ended before its file was under its final name.
struct Stop {
    reason: Reason,
    /// The call that failed, if it was one.
    error: Option<StoreError>,
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self {
            reason: Reason::from(&error),
            error: Some(error),
        }
    }
}

/// How an upload ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// Its file is there.
    Uploaded,
    /// It was discarded or given up.
    Nothing,
    /// No checkpoint that will be taken names its file.
    OfNoUse,
}

/// Uploads until the end of the feed.
pub(crate) async fn run(job: Arc<Job>, stream: Stream, fate: Arc<Fate>, feed: Arc<Feed>) {
    let upload = upload(&job, &stream, &feed);
    let ended = caught(job.shared.counts(), "An upload", upload).await;
    let panicked = Stop {
        reason: Reason::Other,
        error: None,
    };
    let mut of_no_use = false;
    match ended.unwrap_or(Err(panicked)) {
        Ok(Outcome::Uploaded) => return,
        Ok(Outcome::Nothing) => {}
        Ok(Outcome::OfNoUse) => {
            of_no_use = true;
            job.abandoned(&stream, &fate, Reason::Stride, None);
        }
        Err(stop) => job.abandoned(&stream, &fate, stop.reason, stop.error.as_ref()),
    }
    feed.give_up();
    let end = feed.ended().await;
    job.shared.metrics.bytes_dropped.inc_by(feed.bytes());
    if let (End::Sealed(sealed), Some(reason)) = (end, fate.reason())
        && !of_no_use
    {
        job.left_behind(&stream, reason, &sealed);
    }
}

async fn upload(job: &Arc<Job>, stream: &Stream, feed: &Feed) -> Result<Outcome, Stop> {
    let mut deferred = None;
    if feed.is_deferred() {
        let Some(sealed) = feed.sealed().await else {
            return Ok(Outcome::Nothing);
        };
        deferred = Deferred::new(job, stream, &sealed, feed);
    }
    let place = async {
        match &mut deferred {
            None => Some(job.shared.link.place(job.number, Class::Live).await),
            Some(deferred) => deferred.place().await,
        }
    };
    let place = tokio::select! {
        biased;
        () = feed.hopeless() => return Ok(Outcome::Nothing),
        place = place => place,
    };
    let Some(place) = place else {
        return Ok(Outcome::OfNoUse);
    };
    feed.got_place();
    let ticket = place.ticket();
    // boxed: streams that have no place yet, of which there may be thousands, need no room for it
    let mut carrying = Box::pin(carry(job, feed, place));
    let Some(mut deferred) = deferred else {
        return carrying.await;
    };
    tokio::select! {
        biased;
        () = deferred.of_no_use(ticket) => {}
        carried = &mut carrying => return carried,
    }
    feed.give_up();
    job.shared.link.give_up(ticket);
    let is_whole = matches!(carrying.await, Ok(Outcome::Uploaded));
    Ok(if is_whole {
        Outcome::Uploaded
    } else {
        Outcome::OfNoUse
    })
}

/// Carries one file across the link that has a place there; as far as its bytes are of use.
async fn carry(job: &Arc<Job>, feed: &Feed, place: Place) -> Result<Outcome, Stop> {
    let sealed = feed.sealed_before();
    if let Some(sealed) = &sealed
        && is_there(job, sealed).await
    {
        uploaded(job, sealed);
        return Ok(Outcome::Uploaded);
    }
    let mut file = Outgoing::new(job, place);
    if let Some(sealed) = sealed {
        file.begin(sealed.size).await?;
    }
    match send(job, feed, &mut file).await {
        Ok(Some(sealed)) => {
            finish(job, file, &sealed).await?;
            Ok(Outcome::Uploaded)
        }
        Ok(None) => {
            file.abort().await;
            Ok(Outcome::Nothing)
        }
        Err(stop) => {
            file.abort().await;
            Err(stop)
        }
    }
}

/// Whether the file is there already: after so long, the JobManager may have copied it.
async fn is_there(job: &Job, sealed: &Sealed) -> bool {
    let is_late = sealed.at.elapsed() > job.spec.backfill_grace;
    let Some(to) = job.to_secondary(&sealed.path).filter(|_| is_late) else {
        return false;
    };
    matches!(job.has(&to, Some(sealed.size)).await, Ok(true))
}

/// Sends all that comes. None: no more of it is of use.
async fn send(job: &Job, feed: &Feed, file: &mut Outgoing) -> Result<Option<Sealed>, Stop> {
    loop {
        match feed.next().await {
            Next::Bytes(bytes) => file.write(bytes).await?,
            Next::Spilled(slot) => send_spilled(job, &slot, file).await?,
            Next::Sealed(sealed) => return Ok(Some(sealed)),
            Next::Nothing => return Ok(None),
        }
    }
}

/// Reads what is spilled as its turns come, so that it is in memory only while it is on its way.
async fn send_spilled(job: &Job, slot: &Slot, file: &mut Outgoing) -> Result<(), Stop> {
    let most = usize::try_from(job.shared.link.turn_bytes()).unwrap_or(usize::MAX);
    let mut offset = 0;
    while offset < slot.length() {
        let part = most.min(slot.length() - offset);
        let turn = file.turn(part).await?;
        let bytes = slot.read(offset, part).await.map_err(|error| Stop {
            reason: Reason::SpillFailed,
            error: Some(StoreError::new(
                ErrorKind::Other,
                "read",
                "what was spilled",
                error.to_string(),
            )),
        })?;
        file.send(turn, bytes).await?;
        offset += part;
    }
    Ok(())
}

async fn finish(job: &Job, file: Outgoing, sealed: &Sealed) -> Result<(), Stop> {
    let Some(to) = job.to_secondary(&sealed.path) else {
        file.abort().await;
        return Err(Stop {
            reason: Reason::OutsideMapping,
            error: None,
        });
    };
    file.finish(&to, sealed.size).await?;
    uploaded(job, sealed);
    Ok(())
}

fn uploaded(job: &Job, sealed: &Sealed) {
    let metrics = &job.shared.metrics;
    if let Some(waits) = &sealed.waits {
        waits.crossed();
    }
    metrics.files_uploaded.inc();
    metrics.bytes_uploaded.inc_by(sealed.size);
    metrics
        .upload_seconds
        .observe(sealed.at.elapsed().as_secs_f64());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Streams may be thousands, and what their tasks take is not in the budget.
    #[test]
    fn a_stream_without_a_place_takes_little_memory() {
        fn size<F: Future>(_: impl Fn(Arc<Job>, Stream, Arc<Fate>, Arc<Feed>) -> F) -> usize {
            size_of::<F>()
        }
        let bytes = size(run);
        assert!(bytes < 4 << 10, "{bytes}");
    }
}
