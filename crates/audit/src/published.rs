//! Which checkpoints exist: those with a `_metadata`, as the publish protocol has it. Refuses to
//! judge whether they are whole.

use std::collections::BTreeMap;

use checkpoint_layout::{CheckpointDir, Location, METADATA, SecondaryRoot};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use store::{ErrorKind, FileStatus, Store, StoreError, list_if_there};

use crate::CONCURRENT_CALLS;

/// What Flink keeps beside `chk-N` (`AbstractFsCheckpointStorageAccess`); neither is a job's, and
/// `shared` can hold very many files.
const NO_JOBS: [&str; 2] = ["shared", "taskowned"];

/// A checkpoint that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The directory that holds the job's checkpoints.
    pub job_dir: Location,
    /// The checkpoint's number within its job.
    pub id: u64,
    /// Its directory, `chk-<id>`.
    pub dir: Location,
    /// Its `_metadata`.
    pub metadata: FileStatus,
}

/// Every checkpoint below `root`: `<root>/<job>/chk-N`, and `<root>/chk-N` (Flink 1.19 and later
/// with `execution.checkpointing.create-subdir: false`). In the order of job directories and
/// numbers. A root that is not there holds none.
///
/// # Errors
/// When the store does not tell.
pub async fn published(store: &dyn Store, root: &Location) -> store::Result<Vec<Published>> {
    let (found, closed) = published_and_closed(store, root).await?;
    match closed.into_iter().next() {
        None => Ok(found),
        Some((_, refusal)) => Err(refusal),
    }
}

/// The directories of jobs that may not be read, with the store's refusals.
pub(crate) type Closed = BTreeMap<Location, StoreError>;

/// As [`published`], but the directory of a job that may not be read does not hide the others.
pub(crate) async fn published_and_closed(
    store: &dyn Store,
    root: &Location,
) -> store::Result<(Vec<Published>, Closed)> {
    let children = list_if_there(store, root.path()).await?;
    let mut found = checkpoints(store, root, &children).await?;
    let job_dirs: Vec<Location> = children
        .iter()
        .filter(|child| child.is_dir && is_job(child.name()))
        .map(|child| root.with_path(&child.path))
        .collect();
    let jobs = job_dirs.into_iter().map(|job_dir| async move {
        let told = published_of_job(store, &job_dir).await;
        (job_dir, told)
    });
    let mut told = stream::iter(jobs).buffered(CONCURRENT_CALLS);
    let mut closed = Closed::new();
    while let Some((job_dir, told)) = told.next().await {
        match told {
            Ok(more) => found.extend(more),
            Err(error) if error.kind == ErrorKind::PermissionDenied => {
                closed.insert(job_dir, error);
            }
            Err(error) => return Err(error),
        }
    }
    drop(told);
    found.sort_by(|left, right| (&left.job_dir, left.id).cmp(&(&right.job_dir, right.id)));
    Ok((found, closed))
}

/// The checkpoints in one job's directory, in the order of their numbers. A directory that is not
/// there holds none.
///
/// # Errors
/// When the store does not tell.
pub async fn published_of_job(
    store: &dyn Store,
    job_dir: &Location,
) -> store::Result<Vec<Published>> {
    let children = list_if_there(store, job_dir.path()).await?;
    checkpoints(store, job_dir, &children).await
}

async fn checkpoints(
    store: &dyn Store,
    job_dir: &Location,
    children: &[FileStatus],
) -> store::Result<Vec<Published>> {
    let dirs = children.iter().filter(|child| child.is_dir);
    let mut ids: Vec<u64> = dirs.filter_map(|dir| id_of(dir.name())).collect();
    ids.sort_unstable();
    let lookups = ids.into_iter().map(|id| checkpoint(store, job_dir, id));
    let found: Vec<Option<Published>> = stream::iter(lookups)
        .buffered(CONCURRENT_CALLS)
        .try_collect()
        .await?;
    Ok(found.into_iter().flatten().collect())
}

/// None also for `chk-007`, which is not where Flink looks for 7.
fn id_of(name: &str) -> Option<u64> {
    let dir = CheckpointDir::parse(name)?;
    (dir.to_string() == name).then_some(dir.0)
}

async fn checkpoint(
    store: &dyn Store,
    job_dir: &Location,
    id: u64,
) -> store::Result<Option<Published>> {
    let dir = job_dir.join(&CheckpointDir(id).to_string());
    let metadata = store.stat(dir.join(METADATA).path()).await?;
    Ok(metadata
        .filter(|metadata| !metadata.is_dir)
        .map(|metadata| Published {
            job_dir: job_dir.clone(),
            id,
            dir,
            metadata,
        }))
}

/// Whether a child of the root may be a job's directory.
pub(crate) fn is_job(name: &str) -> bool {
    !SecondaryRoot::is_own(name) && !NO_JOBS.contains(&name) && CheckpointDir::parse(name).is_none()
}

#[cfg(test)]
mod tests;
