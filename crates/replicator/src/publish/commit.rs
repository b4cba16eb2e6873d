//! The commit: a checkpoint exists on the secondary from the instant its `_metadata` is renamed
//! into place, and not before. The catalogue follows; it may be behind, never ahead.

use std::sync::Arc;

use audit::{CATALOGUE_VERSION, CatalogueEntry, Digest};
use bytes::Bytes;
use checkpoint_layout::{Location, METADATA};
use ownership::{Placed, place_in_existing, replace_document, write_new};
use store::{ErrorKind, Result, Store, StoreError};

use super::owner::Ownership;
use super::waiting::Waiting;
use crate::digests;
use crate::job::Job;
use crate::reason::Unpublishable;
use telemetry::now_ms;

/// How a publication ended.
pub(super) enum Commit {
    /// The checkpoint is there.
    Published,
    /// It cannot be.
    Never(Unpublishable, String),
}

/// Publishes a complete checkpoint, if all those `kept` are still there: they tell what is known.
///
/// Its `_metadata` is written where the next owner deletes it, and before this process asks whether
/// it is the owner. So if another one claims the job after the answer, there is nothing any more to
/// rename, however late this process goes on. And it is renamed into a directory that was there
/// when the gate looked: who deletes the job's files meanwhile, deletes that.
///
/// # Errors
/// What the secondary answered; the checkpoint is then there or not, and trying again finds out.
pub(super) async fn publish(
    job: &Arc<Job>,
    owner: &mut Ownership,
    kept: &[Location],
    waiting: &Waiting,
) -> Result<Commit> {
    let bytes = match waiting.rewritten(job) {
        Ok(bytes) => Bytes::from(bytes),
        Err(error) => return Ok(Commit::Never(Unpublishable::Format, error.to_string())),
    };
    let store = job.secondary.as_ref();
    let inflight = job.next_claimed();
    write_new(store, inflight.path(), &bytes).await?;
    let outcome = commit(job, owner, kept, (waiting, inflight.path(), &bytes)).await;
    if matches!(outcome, Ok(Commit::Published)) {
        digests::record(job, &waiting.dir.join(METADATA), Digest::of(&bytes));
    } else {
        // a leftover is found by its in-flight name
        let _ = store.delete(inflight.path(), false).await;
    }
    outcome
}

async fn commit(
    job: &Job,
    owner: &mut Ownership,
    kept: &[Location],
    (waiting, inflight, bytes): (&Waiting, &str, &Bytes),
) -> Result<Commit> {
    let store = job.secondary.as_ref();
    if !is_there(store, inflight, bytes).await? {
        let message = "what was read back is not what was written";
        return Err(StoreError::new(
            ErrorKind::Other,
            "publish",
            inflight,
            message,
        ));
    }
    if !owner.confirm(job).await? {
        let why = "another process publishes for this job".to_owned();
        return Ok(Commit::Never(Unpublishable::NotOwner, why));
    }
    for dir in kept {
        owner.need(job, dir.join(METADATA).path()).await?;
    }
    let to = waiting.dir.join(METADATA);
    let conflict = || {
        let why = format!("another checkpoint is at {to}, and none is ever overwritten");
        Ok(Commit::Never(Unpublishable::Conflict, why))
    };
    match place_in_existing(store, inflight, to.path(), bytes.len() as u64).await {
        Ok(Placed::Now) => Ok(Commit::Published),
        Ok(Placed::Before) if is_there(store, to.path(), bytes).await? => Ok(Commit::Published),
        Ok(Placed::Before) => conflict(),
        Err(error) if error.kind == ErrorKind::AlreadyExists => conflict(),
        Err(error) => Err(error),
    }
}

/// Whether the file has exactly these bytes.
async fn is_there(store: &dyn Store, path: &str, bytes: &Bytes) -> Result<bool> {
    const PIECE_BYTES: u64 = 4 << 20;
    let length = bytes.len() as u64;
    if store
        .stat(path)
        .await?
        .is_none_or(|file| file.length != length)
    {
        return Ok(false);
    }
    let mut rest = bytes.as_ref();
    let mut offset = 0;
    while !rest.is_empty() {
        let piece = store
            .read(path, offset, PIECE_BYTES.min(length - offset))
            .await?;
        let Some(after) = rest.strip_prefix(piece.as_ref()) else {
            return Ok(false);
        };
        rest = after;
        offset += piece.len() as u64;
    }
    Ok(true)
}

/// Replaces the job's catalogue entry. A failure is not the checkpoint's: the next one tries again.
pub(super) async fn catalogue(job: &Job, waiting: &Waiting) {
    let entry = CatalogueEntry {
        job_id: job.spec.id.clone(),
        job_name: job.spec.name.clone(),
        primary_dir: job.spec.primary_dir.to_string(),
        job_dir: waiting.dir.parent().to_string(),
        newest_published_id: waiting.id,
        newest_published_path: waiting.dir.to_string(),
        triggered_at_ms: waiting.offer.triggered_at_ms,
        completed_at_ms: waiting.offer.completed_at_ms,
        published_at_ms: now_ms(),
        files: waiting.files().count() as u64,
        bytes: waiting.bytes(),
        version: CATALOGUE_VERSION,
    };
    let path = job.root.catalogue_entry(&job.spec.id);
    let inflight = job.next_inflight();
    let bytes = serde_json::to_vec_pretty(&entry).unwrap_or_default();
    let (store, bytes) = (job.secondary.as_ref(), Bytes::from(bytes));
    let replaced = replace_document(store, inflight.path(), path.path(), &bytes).await;
    if let Err(error) = replaced {
        tracing::debug!(
            "The catalogue entry of job {} is behind: {error}",
            job.spec.id
        );
    }
}
