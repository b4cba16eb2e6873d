//! Stride records: by a small document on the secondary a process tells which checkpoints of a job
//! it leaves out, so that the JobManager neither waits for what nobody sends nor hurries those who
//! are slow.
//!
//! Written when the stride changes, and again after [`RENEWED_AFTER`] checkpoints; deleted when
//! the stride is 1 again. Refuses to matter: what is published is decided by what is there.

use std::sync::{Arc, PoisonError};

use bytes::Bytes;
use ownership::replace_document;
use serde::{Deserialize, Serialize};
use store::Store;

use crate::job::Job;
use telemetry::now_ms;

/// A record is written again after so many checkpoints.
const RENEWED_AFTER: u64 = 64;
/// A record that so many checkpoints have not renewed is of a process that is gone.
pub(crate) const VALID_FOR: u64 = 4 * RENEWED_AFTER;

/// What is in the document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) job_id: String,
    pub(crate) writer_id: String,
    /// More than 1.
    pub(crate) stride: u64,
    /// From this checkpoint on.
    pub(crate) checkpoint: u64,
    pub(crate) written_at_ms: u64,
}

/// What this process has recorded of a job.
#[derive(Debug, Default)]
pub(crate) struct Recorded {
    stride: u64,
    checkpoint: u64,
    under_way: bool,
}

/// Has the record written, if there is something new to tell. A failure is made good with the next
/// checkpoint.
pub(crate) fn record_if_due(job: &Arc<Job>, checkpoint: u64, stride: u64) {
    let mut recorded = job.recorded.lock().unwrap_or_else(PoisonError::into_inner);
    let is_same = recorded.stride == stride || (recorded.stride == 0 && stride == 1);
    let is_fresh = stride == 1 || checkpoint < recorded.checkpoint + RENEWED_AFTER;
    if recorded.under_way || (is_same && is_fresh) {
        return;
    }
    recorded.under_way = true;
    drop(recorded);
    let job = Arc::clone(job);
    let runtime = job.shared.runtime.clone();
    runtime.spawn(async move {
        let written = record(&job, checkpoint, stride).await;
        if let Err(error) = &written {
            tracing::debug!("The stride of job {} is not recorded: {error}", job.spec.id);
        }
        let mut recorded = job.recorded.lock().unwrap_or_else(PoisonError::into_inner);
        recorded.under_way = false;
        if written.is_ok() {
            (recorded.stride, recorded.checkpoint) = (stride, checkpoint);
        }
    });
}

async fn record(job: &Job, checkpoint: u64, stride: u64) -> store::Result<()> {
    let writer_id = &job.shared.writer_id;
    let path = job.root.stride_record(&job.spec.id, writer_id);
    let secondary = job.secondary.as_ref();
    if stride == 1 {
        return secondary.delete(path.path(), false).await.map(drop);
    }
    let record = Record {
        job_id: job.spec.id.clone(),
        writer_id: writer_id.clone(),
        stride,
        checkpoint,
        written_at_ms: now_ms(),
    };
    let bytes = Bytes::from(serde_json::to_vec(&record).unwrap_or_default());
    let inflight = job.next_inflight();
    replace_document(secondary, inflight.path(), path.path(), &bytes).await
}
