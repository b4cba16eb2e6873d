//! A checkpoint that waits for its files, and which of too many waits no longer. Pure.

use std::sync::Arc;

use audit::{Expected, Manifest};
use checkpoint_format::{Metadata, Reference, ReferenceKind};
use checkpoint_layout::{Location, Mapping};
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
    /// Offered before Flink made this process the leader again.
    pub(super) former: bool,
    /// Its directory on the secondary.
    pub(super) dir: Location,
    /// All files that it names, on the secondary.
    files: Vec<Expected>,
    /// Those of them that no published checkpoint keeps there.
    pub(super) unknown: Vec<Unknown>,
    /// Lives as long as it waits; what is copied on its account is of no use afterwards.
    pub(super) need: Arc<()>,
}

/// A file that must be looked for.
pub(super) struct Unknown {
    pub(super) expected: Expected,
    /// Where the primary has it.
    pub(super) primary: String,
    /// Whether the last look found it.
    pub(super) seen: bool,
    /// Whether it was queued for backfill on this checkpoint's account.
    pub(super) asked: bool,
}

impl Waiting {
    /// Reads the offer. What the gate knows to be there is not looked for.
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
        let mapping = &job.spec.mapping;
        let resolve = |path: &str| mapping.aliases().resolve(path);
        let primary_dir = resolve(&offer.pointer).map_err(|_| outside(&offer.pointer))?;
        let dir = job
            .to_secondary(&offer.pointer)
            .ok_or_else(|| outside(&offer.pointer))?;
        let metadata = checkpoint_format::parse(&offer.metadata)
            .map_err(|error| (Unpublishable::Format, error.to_string()))?;
        let manifest = Manifest::resolved(&metadata, &primary_dir, resolve);
        if let Some(unmapped) = unmapped_directory(&metadata, mapping) {
            return Err(outside(unmapped));
        }
        let mut files = Vec::with_capacity(manifest.files.len());
        let mut unknown = Vec::new();
        for file in &manifest.files {
            let primary = file.location.as_ref().map_err(|_| outside(&file.stored))?;
            let location = mapping
                .to_secondary(primary)
                .ok_or_else(|| outside(&file.stored))?;
            let expected = Expected {
                location,
                length: file.length,
                exact: file.exact,
            };
            if !gate.knows(&expected) {
                let primary = primary.to_string();
                unknown.push(Unknown {
                    expected: expected.clone(),
                    primary,
                    seen: false,
                    asked: false,
                });
            }
            files.push(expected);
        }
        Ok(Self {
            id: offer.checkpoint,
            offer,
            offered_at,
            former: false,
            dir,
            files,
            unknown,
            need: Arc::new(()),
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

    /// Those of them that the last look did not find.
    pub(super) fn missing(&mut self) -> impl Iterator<Item = &mut Unknown> {
        self.unknown.iter_mut().filter(|file| !file.seen)
    }

    /// The bytes of `_metadata` with the secondary's paths. Every occurrence of a file becomes the
    /// same text, whatever name of the primary it is under (facts of `SharedStateRegistryKey`,
    /// Flink 1.16 and later: a file under two spellings would be two files).
    pub(super) fn rewritten(&self, job: &Job) -> Result<Vec<u8>, checkpoint_format::FormatError> {
        let metadata = checkpoint_format::parse(&self.offer.metadata)?;
        checkpoint_format::rewrite(&self.offer.metadata, &metadata, |reference, new| {
            reference.kind != ReferenceKind::Relative
                && job.spec.mapping.map_into(&reference.path, new)
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

/// The first directory that has no place on the secondary. (Of files the manifest tells.)
fn unmapped_directory<'a>(metadata: &'a Metadata<'_>, mapping: &Mapping) -> Option<&'a str> {
    let mut mapped = String::new();
    let is_unmapped = |reference: &&Reference<'_>| {
        mapped.clear();
        reference.kind == ReferenceKind::Directory
            && !mapping.map_into(&reference.path, &mut mapped)
    };
    let unmapped = metadata.references.iter().find(is_unmapped);
    unmapped.map(|reference| &*reference.path)
}

/// Which of the waiting `ids` (in their order of offer) goes, if there are more than `most`:
/// neither the newest, which a recovery wants, nor the oldest, which is nearest to complete. Of the
/// others the last one that a `TaskManager` left out, if there is one: it may never be complete.
pub(super) fn one_too_many(
    ids: &[u64],
    most: usize,
    is_left_out: impl Fn(u64) -> bool,
) -> Option<usize> {
    let last = ids.len().checked_sub(2).filter(|_| ids.len() > most)?;
    let left_out = (1..=last).rev().find(|index| is_left_out(ids[*index]));
    Some(left_out.unwrap_or(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_the_newest_nor_the_oldest_goes() {
        let none = |_| false;
        assert_eq!(one_too_many(&[1, 2, 3], 3, none), None);
        assert_eq!(one_too_many(&[1, 2, 3, 4], 3, none), Some(2));
    }

    #[test]
    fn what_was_left_out_goes_first() {
        let odd = |id| id % 2 == 1;
        assert_eq!(one_too_many(&[1, 2, 3, 4, 5], 4, odd), Some(2));
        assert_eq!(one_too_many(&[1, 2, 4, 5], 3, odd), Some(2));
        assert_eq!(one_too_many(&[1, 2], 1, odd), Some(0));
    }
}
