//! Is a checkpoint usable? Depth: every file that it names is there with its length. Refuses to
//! take silence for an answer: where the cluster does not tell, neither does this.

use checkpoint_layout::{Location, METADATA};
use store::{FileStatus, Store};

use crate::metadata::{self, absent, status_of};
use crate::{Finding, Manifest, manifest, presence};

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
    let gone = async || Ok(Report::unreadable(&dir, absent(store, &dir).await?));
    let Some(status) = status_of(store, &path).await? else {
        return gone().await;
    };
    let manifest = match read_manifest(store, &path, &status).await? {
        Ok(manifest) => manifest,
        Err(_) if status_of(store, &path).await?.is_none() => return gone().await,
        Err(finding) => return Ok(Report::unreadable(&dir, finding)),
    };
    let (expected, mut findings) = manifest.on_cluster(&dir);
    let answers = presence::answers(store, &expected).await?;
    let judged = expected.iter().zip(answers);
    findings.extend(judged.filter_map(|(expected, answer)| Finding::of(expected, answer)));
    if !findings.is_empty() && status_of(store, &path).await?.is_none() {
        // It was retired while its files were looked up.
        return gone().await;
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
    let bytes = match metadata::read(store, path, status).await? {
        Ok(bytes) => bytes,
        Err(finding) => return Ok(Err(finding)),
    };
    let read = manifest(&bytes, &path.parent());
    Ok(read.map_err(|error| Finding::BadMetadata {
        path: path.clone(),
        error,
    }))
}

#[cfg(test)]
mod tests;
