//! The primary's newest checkpoint, for a process that has just taken a job over: its predecessor
//! may have ended before publishing it. Refuses to look where jobs share one directory
//! (`create-subdir: false`), because there it may be another job's.

use std::sync::Arc;

use store::Store as _;
use tokio::sync::mpsc::WeakSender;

use super::{Message, Offer};
use crate::caught::caught;
use crate::job::Job;

/// Has it looked for, and offered to the job's task, which does not wait for the primary.
pub(super) fn find(job: Arc<Job>, to: WeakSender<Message>) {
    let shared = Arc::clone(&job.shared);
    let found = async move {
        match unpublished(&job).await {
            Ok(Some(offer)) => {
                // a full channel has newer ones
                to.upgrade().map(|to| to.try_send(Message::Found(offer)));
            }
            Ok(None) => {}
            Err(error) => tracing::debug!(
                "The newest checkpoint of job {} on the primary is not known: {error}",
                job.spec.id
            ),
        }
    };
    let runtime = shared.runtime.clone();
    runtime.spawn(async move {
        caught(shared.counts(), "Looking for the newest checkpoint", found).await;
    });
}

/// The newest checkpoint in the job's directory on the primary, unless it is published already.
/// When it was triggered is not known there; it counts as triggered when it was complete.
///
/// # Errors
/// When a cluster does not tell.
async fn unpublished(job: &Job) -> store::Result<Option<Offer>> {
    let job_dir = job.spec.primary_dir.join(&job.spec.id);
    let primary = job.primary(&job_dir)?;
    let mut checkpoints = audit::published_of_job(primary.as_ref(), &job_dir).await?;
    let Some(newest) = checkpoints.pop() else {
        return Ok(None);
    };
    let file = newest.metadata;
    let pointer = newest.dir.to_string();
    let copy = job.to_secondary(&pointer);
    if let Some(dir) = copy {
        let path = dir.join(checkpoint_layout::METADATA);
        if job.secondary.stat(path.path()).await?.is_some() {
            return Ok(None);
        }
    }
    let metadata = audit::read_whole(primary.as_ref(), &file.path, file.length).await?;
    Ok(Some(Offer {
        checkpoint: newest.id,
        triggered_at_ms: file.modified_ms,
        completed_at_ms: file.modified_ms,
        pointer,
        metadata,
    }))
}
