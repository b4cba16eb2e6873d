//! Is a checkpoint usable? Depth: every file that it names is there with its length. Refuses to
//! take silence for an answer: where the cluster does not tell, neither does this.

use checkpoint_layout::{Location, METADATA};
use store::{ErrorKind, FileStatus, Store};

use crate::{
    Finding, MAX_METADATA_BYTES, Manifest, manifest, presence, published_of_job, read_whole,
};

/// What is known of one checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The checkpoint's directory.
    pub path: Location,
    /// The metadata's version; none if it could not be read.
    pub version: Option<u32>,
    /// The number that the metadata has; none if it could not be read.
    pub checkpoint_id: Option<i64>,
    /// How many files it names.
    pub files: u64,
    /// Their bytes, as far as the metadata has their lengths.
    pub bytes: u64,
    /// What is wrong; nothing, if it is usable.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Whether it can be restored, as far as this was looked into.
    pub fn usable(&self) -> bool {
        self.findings.is_empty()
    }

    fn unreadable(path: &Location, finding: Finding) -> Self {
        Self {
            path: path.clone(),
            version: None,
            checkpoint_id: None,
            files: 0,
            bytes: 0,
            findings: vec![finding],
        }
    }
}

/// Verifies one checkpoint, given by its directory or its `_metadata`.
///
/// # Errors
/// When the cluster does not answer, or does not let this user look for the `_metadata`: then
/// nothing is known.
pub async fn verify(store: &dyn Store, dir_or_metadata: &Location) -> store::Result<Report> {
    let dir = match dir_or_metadata.name() {
        METADATA => dir_or_metadata.parent(),
        _ => dir_or_metadata.clone(),
    };
    let path = dir.join(METADATA);
    let Some(status) = metadata_status(store, &path).await? else {
        return absent(store, &dir).await;
    };
    let manifest = match read_manifest(store, &path, &status).await? {
        Ok(manifest) => manifest,
        Err(_) if metadata_status(store, &path).await?.is_none() => {
            return absent(store, &dir).await;
        }
        Err(finding) => return Ok(Report::unreadable(&dir, finding)),
    };
    let (expected, mut findings) = manifest.on_cluster(&dir);
    let answers = presence::answers(store, &expected).await?;
    let judged = expected.iter().zip(answers);
    findings.extend(judged.filter_map(|(expected, answer)| Finding::of(expected, answer)));
    if !findings.is_empty() && metadata_status(store, &path).await?.is_none() {
        // It was retired while its files were looked up.
        return absent(store, &dir).await;
    }
    Ok(Report {
        path: dir,
        version: Some(manifest.version),
        checkpoint_id: Some(manifest.checkpoint_id),
        files: manifest.files.len() as u64,
        bytes: manifest.bytes(),
        findings,
    })
}

/// The files that a `_metadata` names, or what is wrong with it.
pub(crate) async fn read_manifest(
    store: &dyn Store,
    path: &Location,
    status: &FileStatus,
) -> store::Result<Result<Manifest, Finding>> {
    let bytes = status.length;
    if bytes > MAX_METADATA_BYTES {
        let path = path.clone();
        return Ok(Err(Finding::HugeMetadata { path, bytes }));
    }
    let bytes = match read_whole(store, path.path(), bytes).await {
        Ok(bytes) => bytes,
        Err(error) if error.is_transient() => return Err(error),
        Err(error) => {
            let path = path.clone();
            return Ok(Err(Finding::Unreadable { path, error }));
        }
    };
    let read = manifest(&bytes, &path.parent());
    Ok(read.map_err(|error| Finding::BadMetadata {
        path: path.clone(),
        error,
    }))
}

async fn metadata_status(store: &dyn Store, path: &Location) -> store::Result<Option<FileStatus>> {
    let status = store.stat(path.path()).await?;
    Ok(status.filter(|status| !status.is_dir))
}

async fn absent(store: &dyn Store, dir: &Location) -> store::Result<Report> {
    let is_there = store.stat(dir.path()).await?.is_some();
    let newest_below = match published_of_job(store, dir).await {
        Ok(found) => found.into_iter().next_back().map(|newest| newest.dir),
        Err(error) if error.kind == ErrorKind::Invalid => None,
        Err(error) => return Err(error),
    };
    let finding = Finding::NoMetadata {
        dir: dir.clone(),
        is_there,
        newest_below,
    };
    Ok(Report::unreadable(dir, finding))
}

#[cfg(test)]
mod tests;
