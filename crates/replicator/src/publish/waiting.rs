//! A checkpoint that waits for its files, and which of too many waits no longer. Pure.

use std::collections::BTreeSet;
use std::sync::Arc;

use audit::{Expected, Manifest};
use checkpoint_format::{Metadata, Reference, ReferenceKind};
use checkpoint_layout::{Location, Mapping, SecondaryRoot};
use tokio::time::Instant;

use super::Offer;
use super::gate::Gate;
use super::ticket::Ticket;
use crate::job::Job;
use crate::reason::Unpublishable;

/// One offered checkpoint, as it will be on the secondary.
pub(super) struct Waiting {
    pub(super) id: u64,
    pub(super) offer: Offer,
    pub(super) ticket: Ticket,
    pub(super) offered_at: Instant,
    /// Offered before Flink made this process the leader again.
    pub(super) former: bool,
    /// Its directory on the secondary.
    pub(super) dir: Location,
    /// All files that it names, on the secondary.
    files: Vec<Expected>,
    /// The other jobs in whose directories some of them are.
    pub(super) others: BTreeSet<String>,
    /// Those of them that no published checkpoint keeps there.
    pub(super) unknown: Vec<Unknown>,
    /// Whether its directory has to be made: no file of its own makes it, or it was deleted.
    pub(super) needs_dir: bool,
    /// Which of those the gate missed when it looked for all.
    pub(super) awaited: Option<usize>,
    /// The primary does not have a file of it any more that the secondary lacks: unless somebody is
    /// still sending it, it will never be complete.
    pub(super) lost: bool,
    /// Lives as long as it waits; what is copied on its account is of no use afterwards.
    pub(super) need: Arc<()>,
}

/// What an offer names, on the secondary.
pub(super) struct Named {
    dir: Location,
    files: Vec<Expected>,
    others: BTreeSet<String>,
    unknown: Vec<Unknown>,
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

impl Named {
    /// Reads the offer. What the gate knows to be there is not looked for.
    pub(super) fn by(
        job: &Job,
        offer: &Offer,
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
        let others = others(&job.root, &dir, &files);
        Ok(Self {
            dir,
            files,
            others,
            unknown,
        })
    }
}

impl Waiting {
    pub(super) fn new(offer: Offer, ticket: Ticket, offered_at: Instant, named: Named) -> Self {
        let is_own = |file: &Expected| file.location.below(&named.dir).is_some();
        Self {
            needs_dir: !named.files.iter().any(is_own),
            id: offer.checkpoint,
            offer,
            ticket,
            offered_at,
            former: false,
            dir: named.dir,
            files: named.files,
            others: named.others,
            unknown: named.unknown,
            awaited: None,
            lost: false,
            need: Arc::new(()),
        }
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
    pub(super) fn missing(&self) -> impl Iterator<Item = &Unknown> {
        self.unknown.iter().filter(|file| !file.seen)
    }

    /// The same, to be changed.
    pub(super) fn missing_mut(&mut self) -> impl Iterator<Item = &mut Unknown> {
        self.unknown.iter_mut().filter(|file| !file.seen)
    }

    /// The bytes of `_metadata` with the secondary's paths.
    pub(super) fn rewritten(&self, job: &Job) -> Result<Vec<u8>, checkpoint_format::FormatError> {
        let metadata = checkpoint_format::parse(&self.offer.metadata)?;
        audit::as_published(&self.offer.metadata, &metadata, &job.spec.mapping)
    }

    /// What the manifest says of sizes.
    pub(super) fn bytes(&self) -> u64 {
        self.files
            .iter()
            .filter_map(|file| file.length)
            .fold(0, u64::saturating_add)
    }
}

/// The jobs whose directories below `root` hold files of the checkpoint in `dir`, but for its own.
fn others(root: &SecondaryRoot, dir: &Location, files: &[Expected]) -> BTreeSet<String> {
    let own = root.job_of(dir);
    let jobs = files.iter().filter_map(|file| root.job_of(&file.location));
    let others = jobs.filter(|job| Some(*job) != own);
    others.map(str::to_owned).collect()
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

/// How far a waiting checkpoint is from being complete, as far as that is known. What is greater
/// lets others have its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Outlook {
    /// All its files may be on their way.
    Open,
    /// A `TaskManager` left it out.
    LeftOut,
    /// A file of it is lost, unless somebody is still sending it.
    Lost,
}

/// Which of the waiting checkpoints (numbers and outlooks, in their order of offer) goes, if there
/// are more than `most`: of those with the worst outlook the one whose number is a multiple of the
/// smallest power of two, the last of these. That one was left out by others if by anybody, for all
/// that is known: a stride record tells nothing of the checkpoints before it. Never the newest,
/// which a recovery wants, and of those that are open not the oldest, which is nearest to complete.
pub(super) fn one_too_many(waiting: &[(u64, Outlook)], most: usize) -> Option<usize> {
    let is_full = waiting.len() > most;
    let last = waiting.len().checked_sub(2).filter(|_| is_full)?;
    let worst = waiting[..=last].iter().map(|(_, outlook)| *outlook).max()?;
    let first = usize::from(worst == Outlook::Open && last > 0);
    (first..=last)
        .rev()
        .filter(|index| waiting[*index].1 == worst)
        .min_by_key(|index| waiting[*index].0.trailing_zeros())
}

#[cfg(test)]
mod tests {
    use super::Outlook::{LeftOut, Lost, Open};
    use super::*;

    #[test]
    fn files_of_other_jobs_are_told_from_its_own() {
        let at = Location::parse("hdfs://two/cp").unwrap();
        let root = SecondaryRoot::new(at.clone());
        let file = |below: &str| Expected {
            location: at.join(below),
            length: None,
            exact: false,
        };
        let files = [
            "a/shared/f",
            "b/shared/f",
            "b/chk-3/f",
            "shared/f",
            "chk-1/f",
        ]
        .map(file);
        let of = |dir: &str| others(&root, &at.join(dir), &files);
        assert_eq!(of("a/chk-7"), BTreeSet::from(["b".to_owned()]));
        // without directories of their own
        let both = BTreeSet::from(["a".to_owned(), "b".to_owned()]);
        assert_eq!(of("chk-7"), both);
    }

    /// Of odd numbers, so that only the outlook decides.
    fn goes(outlooks: &[Outlook], most: usize) -> Option<usize> {
        let numbers = (1..).step_by(2);
        let waiting: Vec<_> = numbers.zip(outlooks.iter().copied()).collect();
        one_too_many(&waiting, most)
    }

    #[test]
    fn neither_the_newest_nor_the_oldest_goes() {
        assert_eq!(goes(&[Open; 3], 3), None);
        assert_eq!(goes(&[Open; 4], 3), Some(2));
        assert_eq!(goes(&[Open; 2], 1), Some(0));
    }

    #[test]
    fn what_may_never_be_complete_goes_first() {
        assert_eq!(goes(&[Open, LeftOut, Open, Open], 3), Some(1));
        assert_eq!(goes(&[LeftOut, Lost, LeftOut, Open], 3), Some(1));
        assert_eq!(goes(&[Lost, Open, Open, LeftOut], 3), Some(0));
        assert_eq!(goes(&[LeftOut, LeftOut, Open, Lost], 3), Some(1));
    }

    #[test]
    fn what_slow_links_take_stays() {
        let mut waiting = Vec::new();
        for id in 11..100 {
            waiting.push((id, Open));
            if let Some(index) = one_too_many(&waiting, 8) {
                waiting.remove(index);
            }
        }
        let ids: Vec<u64> = waiting.iter().map(|(id, _)| *id).collect();
        assert_eq!(ids, [11, 16, 32, 48, 64, 80, 96, 99]);
    }
}
