//! One session's upload: its bytes to an in-flight file, its seal to the final name.
//!
//! Opens no file before there are bytes and the link has a place for it. Any failure abandons the
//! session: what still comes is dropped, and the file goes to backfill once the primary has told
//! its name.

use std::sync::Arc;

use store::{ErrorKind, StoreError};

use crate::caught::caught;
use crate::feed::{End, Feed, Next, Sealed};
use crate::job::Job;
use crate::link::Class;
use crate::outgoing::Outgoing;
use crate::reason::{Abandonment, Reason};
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

/// Uploads until the end of the feed.
pub(crate) async fn run(
    job: Arc<Job>,
    stream: Stream,
    abandonment: Arc<Abandonment>,
    feed: Arc<Feed>,
) {
    let upload = upload(&job, &feed);
    let ended = caught(&job.shared.metrics, "An upload", upload).await;
    let panicked = Stop {
        reason: Reason::Other,
        error: None,
    };
    if let Err(stop) = ended.unwrap_or(Err(panicked)) {
        job.abandoned(&stream, &abandonment, stop.reason, stop.error.as_ref());
    }
    if abandonment.get().is_none() {
        return;
    }
    feed.give_up();
    if let End::Sealed(sealed) = feed.ended().await {
        job.backfill(&sealed.path, sealed.size);
    }
}

/// Ends without an error, too, when there is nothing to upload any more.
async fn upload(job: &Arc<Job>, feed: &Feed) -> Result<(), Stop> {
    let place = tokio::select! {
        place = job.shared.link.place(job.number, Class::Live) => place,
        () = feed.hopeless() => return Ok(()),
    };
    feed.got_place();
    let mut file = Outgoing::new(job, place);
    match send(job, feed, &mut file).await {
        Ok(Some(sealed)) => finish(job, file, &sealed).await,
        Ok(None) => {
            file.abort().await;
            Ok(())
        }
        Err(stop) => {
            file.abort().await;
            Err(stop)
        }
    }
}

/// Sends all that comes. None: it is of no use any more.
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
    let metrics = &job.shared.metrics;
    metrics.files_uploaded.inc();
    metrics.bytes_uploaded.inc_by(sealed.size);
    metrics
        .upload_seconds
        .observe(sealed.at.elapsed().as_secs_f64());
    Ok(())
}
