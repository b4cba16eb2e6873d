//! What a complete checkpoint names, as its `_metadata` on the primary tells.
//!
//! Refuses to guess: where jobs share a directory (`create-subdir: false`), where `_metadata` is
//! gone, large, or not understood, nothing is known. Keeps no names, but numbers made of them.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use checkpoint_layout::{CheckpointDir, Location, METADATA};

use crate::job::Job;

/// Of larger ones nothing is known: a task manager has better uses for its memory.
const METADATA_BYTES_AT_MOST: u64 = 8 << 20;

/// The files that a checkpoint names by whole paths. Two paths of one number are one file here,
/// which sends a file too many in 2^64.
pub(crate) struct Named {
    hasher: RandomState,
    files: HashSet<u64>,
}

impl Named {
    /// Whether it names this file of the primary.
    pub(crate) fn contains(&self, file: &Location) -> bool {
        self.files.contains(&self.hasher.hash_one(file))
    }
}

/// What a checkpoint of the job names. None: that is not known.
pub(crate) async fn named(job: &Job, checkpoint: u64) -> Option<Named> {
    let job_dir = job.spec.primary_dir.join(&job.spec.id);
    let dir = job_dir.join(&CheckpointDir(checkpoint).to_string());
    let path = dir.join(METADATA);
    let primary = job.primary(&path).ok()?;
    let file = primary.stat(path.path()).await.ok()??;
    if file.length > METADATA_BYTES_AT_MOST {
        return None;
    }
    let read = audit::read_whole(primary.as_ref(), path.path(), file.length).await;
    let bytes = read.ok()?;
    let metadata = checkpoint_format::parse(&bytes).ok()?;
    let mut named = Named {
        hasher: RandomState::new(),
        files: HashSet::new(),
    };
    for reference in &metadata.references {
        // what is relative is the checkpoint's own
        if let Ok(file) = job.spec.mapping.aliases().resolve(&reference.path) {
            named.files.insert(named.hasher.hash_one(&file));
        }
    }
    Some(named)
}
