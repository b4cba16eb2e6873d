//! A checkpoint's `_metadata` read and understood, and what it asks to be looked up. Refuses to
//! look at any of its files.

use bytes::Bytes;
use checkpoint_layout::{CheckpointDir, Location, METADATA};
use store::{FileStatus, Store};

use super::{Asker, Depth, Notice, Report, WhyNoCopy};
use crate::metadata::{self, absent, status_of};
use crate::{Digest, Expected, Finding, Manifest, manifest};

/// What is known of a checkpoint before its files are looked up.
pub(super) struct Opened {
    pub(super) report: Report,
    pub(super) expected: Vec<Expected>,
    pub(super) metadata_bytes: u64,
}

/// Opens a checkpoint, given by its directory or its `_metadata`.
pub(super) async fn open(asker: &Asker<'_>, dir_or_metadata: &Location) -> Opened {
    let dir = match dir_or_metadata.name() {
        METADATA => dir_or_metadata.parent(),
        _ => dir_or_metadata.clone(),
    };
    let mut opened = Opened {
        report: Report::of(&dir),
        expected: Vec::new(),
        metadata_bytes: 0,
    };
    match asker.patience.ask(read(asker.store, &dir)).await {
        Err(silence) => opened.report.fell_silent(silence),
        Ok(Err(finding)) => opened.report.findings.push(finding),
        Ok(Ok((bytes, manifest))) => {
            opened.metadata_bytes = bytes.len() as u64;
            opened.understand(asker, &manifest);
            opened.compare(asker, &dir.join(METADATA), &bytes).await;
        }
    }
    opened
}

impl Opened {
    fn understand(&mut self, asker: &Asker<'_>, manifest: &Manifest) {
        let (mut expected, findings) = manifest.on_cluster(&self.report.path);
        let report = &mut self.report;
        report.version = Some(manifest.version);
        report.checkpoint_id = Some(manifest.checkpoint_id);
        report.files = manifest.files.len() as u64;
        report.bytes = manifest.bytes();
        report.findings.extend(foreign(&report.path, manifest));
        report.findings.extend(findings);
        report.notices.extend(outside(asker.look.roots, &expected));
        if asker.look.depth == Depth::Presence {
            for file in &mut expected {
                file.length = None;
            }
        }
        self.expected = expected;
    }

    async fn compare(&mut self, asker: &Asker<'_>, path: &Location, bytes: &Bytes) {
        if asker.look.depth < Depth::Content {
            return;
        }
        let compared = match asker.look.counterpart {
            None => Ok(Some(WhyNoCopy::NotAsked)),
            Some(counterpart) => {
                let compared = counterpart.compare_metadata(path, bytes);
                match asker.patience_there.ask(compared).await {
                    Err(silence) => return self.report.fell_silent(silence),
                    Ok(compared) => compared,
                }
            }
        };
        let no_copy = match compared {
            Err(finding) => return self.report.findings.push(finding),
            Ok(no_copy) => no_copy,
        };
        let Some(why) = no_copy else {
            return;
        };
        match asker.recorded(path).await {
            None => self.report.has_no_copy(why, path),
            Some(recorded) => {
                let finding = Finding::of_digest(path, recorded, Digest::of(bytes));
                self.report.findings.extend(finding);
            }
        }
    }
}

/// The `_metadata` of another checkpoint: Flink calls a checkpoint's directory by its number.
fn foreign(dir: &Location, manifest: &Manifest) -> Option<Finding> {
    let named = CheckpointDir::parse(dir.name())?.0;
    let found = manifest.checkpoint_id;
    let is_foreign = i64::try_from(named) != Ok(found);
    is_foreign.then(|| Finding::ForeignMetadata {
        path: dir.join(METADATA),
        named,
        found,
    })
}

fn outside(roots: &[Location], expected: &[Expected]) -> Option<Notice> {
    let is_inside = |file: &&Expected| {
        let is_below = |root| file.location.below(root).is_some();
        roots.is_empty() || roots.iter().any(is_below)
    };
    let mut outside = expected.iter().filter(|file| !is_inside(file));
    let first = outside.next()?.location.clone();
    let files = 1 + outside.count() as u64;
    Some(Notice::OutsideMapping { first, files })
}

type Read = Result<(Bytes, Manifest), Finding>;

async fn read(store: &dyn Store, dir: &Location) -> store::Result<Read> {
    let path = dir.join(METADATA);
    let Some(status) = status_of(store, &path).await? else {
        return absent(store, dir).await.map(Err);
    };
    match read_and_parse(store, &path, &status).await? {
        Err(_) if status_of(store, &path).await?.is_none() => absent(store, dir).await.map(Err),
        read => Ok(read),
    }
}

async fn read_and_parse(
    store: &dyn Store,
    path: &Location,
    status: &FileStatus,
) -> store::Result<Read> {
    let bytes = match metadata::read(store, path, status).await? {
        Ok(bytes) => bytes,
        Err(finding) => return Ok(Err(finding)),
    };
    Ok(match manifest(&bytes, &path.parent()) {
        Ok(manifest) => Ok((bytes, manifest)),
        Err(error) => {
            let path = path.clone();
            Err(Finding::BadMetadata { path, error })
        }
    })
}

/// The files that a `_metadata` names, or what is wrong with it.
pub(crate) async fn read_manifest(
    store: &dyn Store,
    path: &Location,
    status: &FileStatus,
) -> store::Result<Result<Manifest, Finding>> {
    let read = read_and_parse(store, path, status).await?;
    Ok(read.map(|(_, manifest)| manifest))
}
