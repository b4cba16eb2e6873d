//! One session's upload: its bytes to an in-flight file, its seal to the final name.
//!
//! Opens no file before there are bytes and the link has a place for it. Any failure abandons the
//! session: what still comes is dropped, and the file goes to backfill once the primary has told
//! its name.

use std::sync::Arc;

use store::StoreError;

use crate::caught::caught;
use crate::feed::{End, Feed, Next, Sealed};
use crate::job::Job;
use crate::link::Class;
use crate::outgoing::Outgoing;
use crate::reason::{Abandonment, Reason};
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
    let mut file = Outgoing::new(job, place);
    match send(feed, &mut file).await {
        Ok(Some(sealed)) => finish(job, file, &sealed).await,
        Ok(None) => {
            file.abort().await;
            Ok(())
        }
        Err(error) => {
            file.abort().await;
            Err(error.into())
        }
    }
}

/// Sends all that comes. None: it is of no use any more.
async fn send(feed: &Feed, file: &mut Outgoing) -> store::Result<Option<Sealed>> {
    loop {
        match feed.next().await {
            Next::Bytes(bytes) => file.write(bytes).await?,
            Next::Sealed(sealed) => return Ok(Some(sealed)),
            Next::Nothing => return Ok(None),
        }
    }
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
