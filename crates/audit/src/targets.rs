//! Which checkpoints are meant by all jobs of a cluster, or by some of them. Refuses to look into
//! any of them.

use std::collections::BTreeSet;
use std::fmt;

use checkpoint_layout::Location;
use store::{ErrorKind, Store};

use crate::inventory::{Entries, entries};
use crate::published::{Closed, is_job, published_and_closed};
use crate::{CatalogueEntry, CatalogueFinding, Published, published_of_job};

/// Which jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// All.
    All,
    /// Those of these names or ids. A name may have many ids: a job gets another each time it is
    /// submitted.
    Named(Vec<String>),
}

/// The checkpoints that are meant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Targets {
    /// Their directories, by job and number.
    pub checkpoints: Vec<Location>,
    /// What was looked for and is not there.
    pub findings: Vec<TargetFinding>,
}

/// What was looked for and is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetFinding {
    /// The root.
    NoRoot(Location),
    /// A job: neither the catalogue nor a directory below the root is called so.
    NoSuchJob {
        /// Its name or id.
        job: String,
        /// The root.
        root: Location,
    },
    /// Something that the catalogue promises.
    Catalogue(CatalogueFinding),
}

impl TargetFinding {
    /// The kind's name in JSON; never changes.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::NoRoot(_) => "no_root",
            Self::NoSuchJob { .. } => "no_such_job",
            Self::Catalogue(finding) => finding.kind(),
        }
    }

    /// What it is about.
    pub fn path(&self) -> String {
        match self {
            Self::NoRoot(root) | Self::NoSuchJob { root, .. } => root.to_string(),
            Self::Catalogue(finding) => finding.path(),
        }
    }
}

impl fmt::Display for TargetFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRoot(root) => write!(
                f,
                "{root} is not there: give the directory that Flink's configuration has for \
                 checkpoints, on the secondary dualwrite.secondary.dir"
            ),
            Self::NoSuchJob { job, root } => write!(
                f,
                "no job '{job}' in {root}: give a job's name as the secondary's catalogue has it, \
                 or its id; dualwrite list shows both"
            ),
            Self::Catalogue(finding) => finding.fmt(f),
        }
    }
}

/// The published checkpoints of jobs below `root`; of each directory of a job only the newest, if
/// `newest`. A primary has no catalogue: there jobs have ids alone.
///
/// # Errors
/// When the store does not tell.
pub async fn targets(
    store: &dyn Store,
    root: &Location,
    which: &Which,
    newest: bool,
) -> store::Result<Targets> {
    if store.stat(root.path()).await?.is_none() {
        let findings = vec![TargetFinding::NoRoot(root.clone())];
        return Ok(Targets {
            findings,
            ..Targets::default()
        });
    }
    let (entries, bad) = entries(store, root).await?;
    let mut targets = Targets::default();
    let (found, closed) = match which {
        Which::All => {
            let bad = bad.into_iter().map(TargetFinding::Catalogue);
            targets.findings.extend(bad);
            published_and_closed(store, root).await?
        }
        Which::Named(names) => {
            let found = of_names(store, root, (names, &entries), &mut targets).await?;
            (found, Closed::new())
        }
    };
    let refused = closed.clone().into_iter();
    let refused = refused.map(CatalogueFinding::not_allowed);
    targets
        .findings
        .extend(refused.map(TargetFinding::Catalogue));
    let with_some: BTreeSet<_> = found.iter().map(|found| &found.job_dir).collect();
    for (entry, dir) in &entries {
        let dir = root.with_path(dir.path());
        let is_meant = match which {
            Which::All => true,
            Which::Named(names) => names.iter().any(|name| is_called(entry, name)),
        };
        if is_meant && !with_some.contains(&dir) && !closed.contains_key(&dir) {
            let job_name = entry.job_name.clone();
            let finding = CatalogueFinding::NothingPublished { dir, job_name };
            targets.findings.push(TargetFinding::Catalogue(finding));
        }
    }
    let last_of_its_job = |at: usize| {
        let next = found.get(at + 1);
        next.is_none_or(|next| next.job_dir != found[at].job_dir)
    };
    let chosen = found.iter().enumerate();
    let chosen = chosen.filter(|(at, _)| !newest || last_of_its_job(*at));
    targets.checkpoints = chosen.map(|(_, found)| found.dir.clone()).collect();
    Ok(targets)
}

fn is_called(entry: &CatalogueEntry, name: &str) -> bool {
    entry.job_id == name || entry.job_name == name
}

async fn of_names(
    store: &dyn Store,
    root: &Location,
    (names, entries): (&[String], &Entries),
    targets: &mut Targets,
) -> store::Result<Vec<Published>> {
    let mut dirs = BTreeSet::new();
    for name in names {
        let of_name = entries.iter().filter(|(entry, _)| is_called(entry, name));
        let mut known: BTreeSet<_> = of_name.map(|(_, dir)| root.with_path(dir.path())).collect();
        if is_name(name) {
            let dir = root.join(name);
            let status = match store.stat(dir.path()).await {
                Err(error) if error.kind == ErrorKind::Invalid => None,
                answer => answer?,
            };
            known.extend(status.filter(|status| status.is_dir).map(|_| dir));
        }
        if known.is_empty() {
            targets.findings.push(TargetFinding::NoSuchJob {
                job: name.clone(),
                root: root.clone(),
            });
        }
        dirs.extend(known);
    }
    let mut found = Vec::new();
    for dir in dirs {
        found.extend(published_of_job(store, &dir).await?);
    }
    Ok(found)
}

/// Whether it can be the name of a job's directory.
fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains('/') && name != "." && name != ".." && is_job(name)
}

#[cfg(test)]
mod tests;
