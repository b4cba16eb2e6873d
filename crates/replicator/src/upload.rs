//! One session's upload: its bytes to an in-flight file, its seal to the final name.
//!
//! Opens no file before there are bytes. Any failure abandons the session: what still comes is
//! dropped, and the file goes to backfill once the primary has told its name.

use std::sync::Arc;

use bytes::Bytes;
use checkpoint_layout::Location;
use store::{Store, StoreError, Writer};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::Instant;

use crate::caught::caught;
use crate::job::Job;
use crate::place::place;
use crate::reason::{Abandonment, Reason};
use crate::stream::Stream;

/// What Flink's threads tell an upload. The end of the feed means: discard.
pub enum Event {
    /// The next bytes.
    Bytes(Bytes),
    /// All bytes are there; the primary's final name and length.
    Seal {
        /// The path on the primary.
        path: String,
        /// Bytes.
        size: u64,
        /// When the primary had completed the file.
        at: Instant,
    },
}

/// Uploads until the seal or the end of the feed.
pub(crate) async fn run(
    job: Arc<Job>,
    stream: Stream,
    abandonment: Arc<Abandonment>,
    mut events: UnboundedReceiver<Event>,
) {
    let upload = upload(&job, stream, &abandonment, &mut events);
    if caught(&job.shared.metrics, "An upload", upload)
        .await
        .is_none()
    {
        job.abandoned(&stream, &abandonment, Reason::Other, None);
        leave(&job, &mut events, None).await;
    }
}

async fn upload(
    job: &Arc<Job>,
    stream: Stream,
    abandonment: &Abandonment,
    events: &mut UnboundedReceiver<Event>,
) {
    let inflight = job.next_inflight();
    let mut writer = None;
    let outcome = tee(job, stream, abandonment, &inflight, &mut writer, events).await;
    if let Some(writer) = writer {
        writer.abort().await;
    }
    let Err(Stop { error, sealed }) = outcome else {
        return;
    };
    if let Some(error) = error {
        job.abandoned(&stream, abandonment, Reason::from(&error), Some(&error));
    }
    leave(job, events, sealed).await;
}

/// Why an upload ended before its file was under its final name.
struct Stop {
    /// The call that failed; none if the session was given up elsewhere.
    error: Option<StoreError>,
    /// The primary's path and length, if the seal has come.
    sealed: Option<(String, u64)>,
}

async fn tee(
    job: &Arc<Job>,
    stream: Stream,
    abandonment: &Abandonment,
    inflight: &Location,
    writer: &mut Option<Box<dyn Writer>>,
    events: &mut UnboundedReceiver<Event>,
) -> Result<(), Stop> {
    while let Some(event) = events.recv().await {
        match event {
            Event::Seal { path, size, .. } if abandonment.get().is_some() => {
                return Err(Stop {
                    error: None,
                    sealed: Some((path, size)),
                });
            }
            Event::Bytes(_) if abandonment.get().is_some() => {
                return Err(Stop {
                    error: None,
                    sealed: None,
                });
            }
            Event::Bytes(bytes) => {
                write(job, inflight, writer, bytes)
                    .await
                    .map_err(|error| Stop {
                        error: Some(error),
                        sealed: None,
                    })?;
            }
            Event::Seal { path, size, at } => {
                let Some(to) = job.to_secondary(&path) else {
                    job.abandoned(&stream, abandonment, Reason::OutsideMapping, None);
                    return Ok(());
                };
                let sealed = seal(job, inflight, &to, writer, size).await;
                if let Err(error) = sealed {
                    return Err(Stop {
                        error: Some(error),
                        sealed: Some((path, size)),
                    });
                }
                let metrics = &job.shared.metrics;
                metrics.files_uploaded.inc();
                metrics.bytes_uploaded.inc_by(size);
                metrics.upload_seconds.observe(at.elapsed().as_secs_f64());
                return Ok(());
            }
        }
    }
    Ok(())
}

async fn write(
    job: &Arc<Job>,
    inflight: &Location,
    writer: &mut Option<Box<dyn Writer>>,
    bytes: Bytes,
) -> store::Result<()> {
    let _permit = job.shared.permit().await;
    let writer = match writer {
        Some(writer) => writer,
        None => writer.insert(job.secondary.create(inflight.path()).await?),
    };
    writer.write(bytes).await
}

async fn seal(
    job: &Arc<Job>,
    inflight: &Location,
    to: &Location,
    writer: &mut Option<Box<dyn Writer>>,
    size: u64,
) -> store::Result<()> {
    let _permit = job.shared.permit().await;
    let complete = match writer.take() {
        Some(writer) => writer,
        // a file without bytes: Flink makes none, but a handle may say so
        None => job.secondary.create(inflight.path()).await?,
    };
    complete.close().await?;
    place(job.secondary.as_ref(), inflight.path(), to.path(), size)
        .await
        .map(drop)
}

/// After abandonment: drops what comes until the primary has told the file's name or discarded it.
async fn leave(
    job: &Arc<Job>,
    events: &mut UnboundedReceiver<Event>,
    mut sealed: Option<(String, u64)>,
) {
    while sealed.is_none() {
        match events.recv().await {
            Some(Event::Bytes(_)) => {}
            Some(Event::Seal { path, size, .. }) => sealed = Some((path, size)),
            None => return,
        }
    }
    if let Some((path, size)) = sealed {
        job.backfill(&path, Some(size));
    }
}
