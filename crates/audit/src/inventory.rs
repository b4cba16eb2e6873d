//! All jobs of a secondary: what the catalogue says, held against the checkpoints that are there.
//! The checkpoints win; the catalogue adds names and times. Refuses to judge whether a checkpoint
//! is whole.

use std::collections::BTreeMap;
use std::fmt;

use checkpoint_layout::{Location, METADATA, SecondaryRoot};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use store::{FileStatus, Store, StoreError, list_if_there};

use crate::published::{Closed, published_and_closed};
use crate::verify::read_manifest;
use crate::{CONCURRENT_CALLS, CatalogueEntry, Finding, Published, read_whole};

/// A catalogue entry may be replaced while it is read: so often it is read anew.
const MOST_READS_OF_AN_ENTRY: usize = 3;

/// What is on a secondary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inventory {
    /// Whether the root is there at all.
    pub root_is_there: bool,
    /// The jobs: those of the catalogue by job id, then those that have checkpoints alone.
    pub jobs: Vec<Job>,
    /// What is wrong.
    pub findings: Vec<CatalogueFinding>,
}

/// A job of which something is known on the secondary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Where its checkpoints are.
    pub dir: Location,
    /// Flink's job id: the catalogue's, otherwise the directory's name; none where several jobs
    /// share one directory (`execution.checkpointing.create-subdir: false`).
    pub id: Option<String>,
    /// What the catalogue says.
    pub entry: Option<CatalogueEntry>,
    /// Its newest checkpoint; none if there is none.
    pub newest: Option<Newest>,
    /// How many checkpoints are published.
    pub published: usize,
}

/// A job's newest checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newest {
    /// The checkpoint.
    pub checkpoint: Published,
    /// When the job triggered it, in milliseconds since the epoch; only the catalogue knows.
    pub triggered_at_ms: Option<u64>,
    /// How many files it names, and their bytes; none if its metadata is not understood.
    pub files_and_bytes: Option<(u64, u64)>,
}

/// What is wrong with a secondary as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CatalogueFinding {
    /// A catalogue entry that is not understood.
    BadEntry {
        /// The entry.
        path: Location,
        /// What is wrong with it.
        why: String,
    },
    /// A job in the catalogue of which no checkpoint is there.
    NothingPublished {
        /// The job's directory.
        dir: Location,
        /// The job's name.
        job_name: String,
    },
    /// The newest checkpoint of a job without an entry for it cannot be used.
    BadNewest(Finding),
    /// A job's directory may not be read.
    NotAllowed {
        /// The directory.
        dir: Location,
        /// What the cluster said.
        refusal: StoreError,
    },
}

impl CatalogueFinding {
    pub(crate) fn not_allowed((dir, refusal): (Location, StoreError)) -> Self {
        Self::NotAllowed { dir, refusal }
    }

    /// The kind's name in JSON; never changes.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::BadEntry { .. } => "bad_entry",
            Self::NothingPublished { .. } => "nothing_published",
            Self::BadNewest(finding) => finding.kind(),
            Self::NotAllowed { .. } => "not_allowed",
        }
    }

    /// What it is about.
    pub fn path(&self) -> String {
        match self {
            Self::BadEntry { path, .. } => path.to_string(),
            Self::NothingPublished { dir, .. } | Self::NotAllowed { dir, .. } => dir.to_string(),
            Self::BadNewest(finding) => finding.path(),
        }
    }
}

impl fmt::Display for CatalogueFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadEntry { path, why } => write!(
                f,
                "{path}: {why}. The job's next checkpoint writes it anew; its checkpoints are \
                 usable without it"
            ),
            Self::NothingPublished { dir, job_name } => write!(
                f,
                "of the job '{job_name}' no checkpoint is left in {dir}: if the job is to be \
                 protected still, see its JobManager's log and metrics for why none is published"
            ),
            Self::BadNewest(finding) => finding.fmt(f),
            Self::NotAllowed { dir, refusal } => write!(
                f,
                "{dir} may not be read ({}): what is in it is not known. Run it as a user that may",
                refusal.message
            ),
        }
    }
}

/// All jobs below `root`, the secondary directory.
///
/// # Errors
/// When the store does not tell.
pub async fn jobs(store: &dyn Store, root: &Location) -> store::Result<Inventory> {
    let root_is_there = store.stat(root.path()).await?.is_some();
    let (entries, mut findings) = entries(store, root).await?;
    let (found, closed) = published_and_closed(store, root).await?;
    let found = join(root, entries, by_job(found));
    let jobs = found.into_iter().map(|found| job(store, found, &closed));
    let told: Vec<(Job, Option<CatalogueFinding>)> = stream::iter(jobs)
        .buffered(CONCURRENT_CALLS)
        .try_collect()
        .await?;
    let (jobs, more): (Vec<_>, Vec<_>) = told.into_iter().unzip();
    findings.extend(closed.into_iter().map(CatalogueFinding::not_allowed));
    findings.extend(more.into_iter().flatten());
    Ok(Inventory {
        root_is_there,
        jobs,
        findings,
    })
}

/// A job's entry and checkpoints, before its newest is looked at.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    dir: Location,
    id: Option<String>,
    entry: Option<CatalogueEntry>,
    published: Vec<Published>,
}

fn by_job(published: Vec<Published>) -> BTreeMap<Location, Vec<Published>> {
    let mut groups: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for checkpoint in published {
        let group = groups.entry(checkpoint.job_dir.clone()).or_default();
        group.push(checkpoint);
    }
    groups
}

/// Entries with the checkpoints of their directories, then the checkpoints that no entry claims.
/// Only an entry's path counts: it may call the cluster by another name.
fn join(
    root: &Location,
    entries: Entries,
    mut groups: BTreeMap<Location, Vec<Published>>,
) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    for (entry, job_dir) in entries {
        let dir = root.with_path(job_dir.path());
        found.push(Found {
            id: Some(entry.job_id.clone()),
            published: groups.get(&dir).cloned().unwrap_or_default(),
            entry: Some(entry),
            dir,
        });
    }
    for job in &found {
        groups.remove(&job.dir);
    }
    found.extend(groups.into_iter().map(|(dir, published)| Found {
        id: (dir != *root).then(|| dir.name().to_owned()),
        entry: None,
        published,
        dir,
    }));
    found
}

async fn job(
    store: &dyn Store,
    found: Found,
    closed: &Closed,
) -> store::Result<(Job, Option<CatalogueFinding>)> {
    let Found {
        dir,
        id,
        entry,
        mut published,
    } = found;
    let count = published.len();
    let (newest, finding) = match (published.pop(), &entry) {
        (None, entry) => {
            let entry = entry.as_ref().filter(|_| !closed.contains_key(&dir));
            let finding = entry.map(|entry| CatalogueFinding::NothingPublished {
                dir: dir.clone(),
                job_name: entry.job_name.clone(),
            });
            (None, finding)
        }
        (Some(checkpoint), Some(entry)) if entry.newest_published_id == checkpoint.id => {
            let newest = Newest {
                checkpoint,
                triggered_at_ms: Some(entry.triggered_at_ms),
                files_and_bytes: Some((entry.files, entry.bytes)),
            };
            (Some(newest), None)
        }
        (Some(checkpoint), _) => newest_by_itself(store, checkpoint).await?,
    };
    let job = Job {
        dir,
        id,
        entry,
        newest,
        published: count,
    };
    Ok((job, finding))
}

/// The newest checkpoint, with what its own metadata tells.
async fn newest_by_itself(
    store: &dyn Store,
    checkpoint: Published,
) -> store::Result<(Option<Newest>, Option<CatalogueFinding>)> {
    let path = checkpoint.dir.join(METADATA);
    let (files_and_bytes, finding) = match read_manifest(store, &path, &checkpoint.metadata).await?
    {
        Ok(manifest) => (Some((manifest.files.len() as u64, manifest.bytes())), None),
        Err(finding) => (None, Some(CatalogueFinding::BadNewest(finding))),
    };
    let newest = Newest {
        checkpoint,
        triggered_at_ms: None,
        files_and_bytes,
    };
    Ok((Some(newest), finding))
}

/// Entries of the catalogue, each with the directory of its job.
pub(crate) type Entries = Vec<(CatalogueEntry, Location)>;

/// The catalogue of the secondary directory `root`, and what is wrong with it.
pub(crate) async fn entries(
    store: &dyn Store,
    root: &Location,
) -> store::Result<(Entries, Vec<CatalogueFinding>)> {
    let dir = SecondaryRoot::new(root.clone()).catalogue_dir();
    let files = list_if_there(store, dir.path()).await?;
    let is_entry = |file: &FileStatus| !file.is_dir && file.name().strip_suffix(".json").is_some();
    let reads = files
        .into_iter()
        .filter(is_entry)
        .map(|file| entry(store, dir.with_path(&file.path)));
    let told: Vec<_> = stream::iter(reads)
        .buffered(CONCURRENT_CALLS)
        .try_collect()
        .await?;
    let mut entries = Vec::new();
    let mut findings = Vec::new();
    for (path, read) in told {
        match read {
            Ok(Some(entry)) => entries.push(entry),
            Ok(None) => {}
            Err(why) => findings.push(CatalogueFinding::BadEntry { path, why }),
        }
    }
    Ok((entries, findings))
}

/// All entries of the catalogue below `root` that are understood, by job id.
///
/// # Errors
/// When the store does not tell.
pub async fn catalogue(store: &dyn Store, root: &Location) -> store::Result<Vec<CatalogueEntry>> {
    let (entries, _) = entries(store, root).await?;
    Ok(entries.into_iter().map(|(entry, _)| entry).collect())
}

/// The catalogue's entry of one job below `root`; none if there is none, or it is not understood.
///
/// # Errors
/// When the store does not tell.
pub async fn catalogue_entry(
    store: &dyn Store,
    root: &Location,
    job_id: &str,
) -> store::Result<Option<CatalogueEntry>> {
    let path = SecondaryRoot::new(root.clone()).catalogue_entry(job_id);
    let (_, read) = entry(store, path).await?;
    Ok(read.ok().flatten().map(|(entry, _)| entry))
}

type Read = Result<Option<(CatalogueEntry, Location)>, String>;

/// One entry; none if it went away.
async fn entry(store: &dyn Store, path: Location) -> store::Result<(Location, Read)> {
    let mut read = Ok(None);
    for _ in 0..MOST_READS_OF_AN_ENTRY {
        let Some(status) = store.stat(path.path()).await? else {
            return Ok((path, Ok(None)));
        };
        read = match read_whole(store, path.path(), status.length).await {
            Ok(bytes) => parse(&bytes).map(Some),
            Err(error) if error.is_transient() => return Err(error),
            Err(error) => Err(error.to_string()),
        };
        if read.is_ok() {
            break;
        }
    }
    Ok((path, read))
}

fn parse(bytes: &[u8]) -> Result<(CatalogueEntry, Location), String> {
    let entry = CatalogueEntry::from_json(bytes).map_err(|error| error.to_string())?;
    let job_dir = Location::parse(&entry.job_dir).map_err(|error| error.to_string())?;
    Ok((entry, job_dir))
}

#[cfg(test)]
mod tests;
