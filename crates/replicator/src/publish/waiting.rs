//! A checkpoint that waits for its files, and which of too many waits no longer. Pure.

use std::collections::HashMap;

use audit::Expected;
use checkpoint_layout::Location;
use tokio::time::Instant;

use super::Offer;
use super::gate::Gate;
use crate::job::Job;
use crate::reason::Unpublishable;

/// One offered checkpoint, as it will be on the secondary.
pub(super) struct Waiting {
    pub(super) id: u64,
    pub(super) offer: Offer,
    pub(super) offered_at: Instant,
    /// Its directory on the secondary.
    pub(super) dir: Location,
    /// All files that it names, on the secondary.
    files: Vec<Expected>,
    /// Those of them that were not seen yet, with their primary path and since when they are
    /// missed.
    pub(super) missing: Vec<Missing>,
}

/// A file that was not seen on the secondary yet.
pub(super) struct Missing {
    pub(super) expected: Expected,
    /// Where the primary has it.
    pub(super) primary: String,
    /// Whether it was queued for backfill on this checkpoint's account.
    pub(super) asked: bool,
}

impl Waiting {
    /// Reads the offer. What the gate knows to be there is not missing.
    pub(super) fn new(
        job: &Job,
        offer: Offer,
        offered_at: Instant,
        gate: &Gate,
    ) -> Result<Self, (Unpublishable, String)> {
        let outside = |path: &str| {
            (
                Unpublishable::OutsideMapping,
                format!("{path} has no mapping"),
            )
        };
        let primary_dir =
            Location::parse(&offer.pointer).map_err(|_| outside(offer.pointer.as_str()))?;
        let dir = job
            .to_secondary(&offer.pointer)
            .ok_or_else(|| outside(&offer.pointer))?;
        let manifest = audit::manifest(&offer.metadata, &primary_dir)
            .map_err(|error| (Unpublishable::Format, error.to_string()))?;
        let mut files = Vec::with_capacity(manifest.files.len());
        let mut missing = Vec::new();
        for file in &manifest.files {
            let primary = file.location.as_ref().map_err(|_| outside(&file.stored))?;
            let location = job
                .spec
                .mapping
                .to_secondary(primary)
                .ok_or_else(|| outside(&file.stored))?;
            let expected = Expected {
                location,
                length: file.length,
                exact: file.exact,
            };
            if !gate.knows(&expected) {
                let primary = primary.to_string();
                missing.push(Missing {
                    expected: expected.clone(),
                    primary,
                    asked: false,
                });
            }
            files.push(expected);
        }
        Ok(Self {
            id: offer.checkpoint,
            offer,
            offered_at,
            dir,
            files,
            missing,
        })
    }

    /// All files that it names, on the secondary.
    pub(super) fn files(&self) -> impl Iterator<Item = &Expected> {
        self.files.iter()
    }

    /// The same, to keep.
    pub(super) fn into_files(self) -> Vec<Expected> {
        self.files
    }

    /// The bytes of `_metadata` with the secondary's paths. Every occurrence of a path becomes the
    /// same text (facts of `SharedStateRegistryKey`, Flink 1.16 and later: a file under two
    /// spellings would be two files).
    pub(super) fn rewritten(&self, job: &Job) -> Result<Vec<u8>, checkpoint_format::FormatError> {
        let metadata = checkpoint_format::parse(&self.offer.metadata)?;
        let mut mapped: HashMap<String, Option<String>> = HashMap::new();
        checkpoint_format::rewrite(&self.offer.metadata, &metadata, |reference| {
            if reference.kind == checkpoint_format::ReferenceKind::Relative {
                return None;
            }
            if let Some(known) = mapped.get(reference.path.as_ref()) {
                return known.clone();
            }
            let location = Location::parse(&reference.path).ok();
            let to = location
                .and_then(|location| job.spec.mapping.to_secondary(&location))
                .map(|location| location.to_string());
            mapped.insert(reference.path.to_string(), to.clone());
            to
        })
    }

    /// What the manifest says of sizes.
    pub(super) fn bytes(&self) -> u64 {
        self.files
            .iter()
            .filter_map(|file| file.length)
            .fold(0, u64::saturating_add)
    }
}

/// Which of the waiting `ids` (in their order of offer) goes, if there are more than `most`:
/// neither the newest, which a recovery wants, nor the oldest, which is nearest to complete.
pub(super) fn one_too_many(ids: &[u64], most: usize) -> Option<usize> {
    (ids.len() > most).then(|| ids.len() - 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_the_newest_nor_the_oldest_goes() {
        assert_eq!(one_too_many(&[1, 2, 3], 3), None);
        assert_eq!(one_too_many(&[1, 2, 3, 4], 3), Some(2));
    }
}
