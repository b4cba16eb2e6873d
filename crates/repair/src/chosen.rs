//! Which checkpoints are meant, by their places on the source. Refuses to look into any of them.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use audit::{CatalogueEntry, CheckpointDir, Location, METADATA, Place, StoreError, TargetFinding};

use crate::ends::Ends;
use crate::{LeftOut, Side};

/// Which checkpoints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// Those of these directories or `_metadata`, on either cluster.
    Paths(Vec<Location>),
    /// Those of the jobs of these names or ids.
    Jobs(Vec<String>),
    /// All.
    All,
}

/// The checkpoints that are meant: by job, the newest of each first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Chosen {
    pub(crate) dirs: Vec<Location>,
    pub(crate) left_out: Vec<LeftOut>,
}

/// Finds them: what the source has, and, unless only the `newest` are meant, what only the target
/// still has. The names of jobs are those of the secondary's `catalogue`, whichever end that is.
///
/// # Errors
/// When a cluster does not tell.
pub(crate) async fn chosen(
    ends: &Ends,
    which: &Which,
    newest: bool,
    catalogue: &[CatalogueEntry],
) -> Result<Chosen, StoreError> {
    let which = match which {
        Which::Paths(paths) => return Ok(of_paths(ends, paths)),
        Which::Jobs(names) => audit::Which::Named(ids(names, catalogue)),
        Which::All => audit::Which::All,
    };
    let targets =
        async |place: &Place| audit::targets(&*place.store, &place.location, &which, newest).await;
    let found = targets(&ends.source).await?;
    let mut dirs = found.checkpoints;
    let only_there = if newest {
        Vec::new()
    } else {
        targets(&ends.target).await?.checkpoints
    };
    let moved = only_there.iter().filter_map(|dir| ends.ways.of_target(dir));
    dirs.extend(moved.map(|(source, _)| source));
    let left_out = found.findings.iter();
    let left_out = left_out.filter(|finding| is_said(finding, ends.to, &only_there));
    let left_out = left_out.map(|finding| LeftOut {
        name: finding.path(),
        why: finding.to_string(),
    });
    Ok(Chosen {
        left_out: left_out.collect(),
        dirs: sorted(dirs),
    })
}

/// Whether something that the source does not have matters.
fn is_said(finding: &TargetFinding, to: Side, only_there: &[Location]) -> bool {
    match finding {
        TargetFinding::NoRoot(_) => true,
        TargetFinding::NoSuchJob { job, .. } => {
            !only_there.iter().any(|dir| dir.parent().name() == job)
        }
        // A catalogue in a primary directory is that of another pair of clusters.
        TargetFinding::Catalogue(_) => to == Side::Primary,
    }
}

/// The ids of all jobs that are called so; what is no name of the catalogue is an id.
fn ids(names: &[String], catalogue: &[CatalogueEntry]) -> Vec<String> {
    let mut ids = BTreeSet::new();
    for name in names {
        let called = catalogue.iter().filter(|entry| entry.job_name == *name);
        let called: Vec<_> = called.map(|entry| entry.job_id.clone()).collect();
        if called.is_empty() {
            ids.insert(name.clone());
        }
        ids.extend(called);
    }
    ids.into_iter().collect()
}

fn of_paths(ends: &Ends, paths: &[Location]) -> Chosen {
    let mut chosen = Chosen::default();
    for path in paths {
        let dir = match path.name() {
            METADATA => path.parent(),
            _ => path.clone(),
        };
        if let Some((source, _)) = ends.ways.of_target(&dir) {
            chosen.dirs.push(source);
        } else if ends.ways.there.to_secondary(&dir).is_some() {
            chosen.dirs.push(dir);
        } else {
            let (source, target) = (&ends.source.location, &ends.target.location);
            chosen.left_out.push(LeftOut {
                name: path.to_string(),
                why: format!("it is neither below {source} nor below {target}"),
            });
        }
    }
    chosen.dirs = sorted(chosen.dirs);
    chosen
}

fn sorted(mut dirs: Vec<Location>) -> Vec<Location> {
    let number = |dir: &Location| CheckpointDir::parse(dir.name()).map(|dir| dir.0);
    dirs.sort_by_cached_key(|dir| (dir.parent(), Reverse(number(dir)), dir.clone()));
    dirs.dedup();
    dirs
}

/// Flink's id of the job whose checkpoint is in `dir` on the target: the name of the directory
/// below `root`. Where jobs share the root itself, only the catalogue knows, if there is but one.
pub(crate) fn job_id(
    dir: &Location,
    root: &Location,
    catalogue: &[CatalogueEntry],
) -> Option<String> {
    let job_dir = dir.parent();
    let below = job_dir.below(root)?;
    if !below.is_empty() {
        return (!below.contains('/')).then(|| below.to_owned());
    }
    let is_here = |entry: &&CatalogueEntry| {
        Location::parse(&entry.job_dir).is_ok_and(|dir| dir.path() == root.path())
    };
    let mut here = catalogue.iter().filter(is_here);
    let only = here.next().filter(|_| here.next().is_none());
    only.map(|entry| entry.job_id.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Location {
        Location::parse(text).unwrap()
    }

    fn entry(id: &str, name: &str, job_dir: &str) -> CatalogueEntry {
        CatalogueEntry {
            job_id: id.to_owned(),
            job_name: name.to_owned(),
            primary_dir: String::new(),
            job_dir: job_dir.to_owned(),
            newest_published_id: 1,
            newest_published_path: String::new(),
            triggered_at_ms: 0,
            completed_at_ms: 0,
            published_at_ms: 0,
            files: 0,
            bytes: 0,
            version: 1,
        }
    }

    #[test]
    fn a_name_is_all_its_ids_and_an_id_itself() {
        let catalogue = [
            entry("1", "a", "hdfs://two/cp/1"),
            entry("2", "a", "hdfs://two/cp/2"),
            entry("3", "b", "hdfs://two/cp/3"),
        ];
        let ids = |names: &[&str]| {
            let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
            super::ids(&names, &catalogue)
        };
        assert_eq!(ids(&["a", "3", "new"]), ["1", "2", "3", "new"]);
    }

    #[test]
    fn who_owns_a_checkpoint_is_known_or_not() {
        let root = at("hdfs://two/cp");
        let id = |dir: &str, catalogue: &[CatalogueEntry]| job_id(&at(dir), &root, catalogue);
        let shared = entry("9", "x", "hdfs://two:8020/cp");
        assert_eq!(id("hdfs://two/cp/1/chk-1", &[]).as_deref(), Some("1"));
        assert_eq!(id("hdfs://two/cp/1/2/chk-1", &[]), None);
        assert_eq!(id("hdfs://two/other/1/chk-1", &[]), None);
        assert_eq!(id("hdfs://two/cp/chk-1", &[]), None);
        let one = std::slice::from_ref(&shared);
        assert_eq!(id("hdfs://two/cp/chk-1", one).as_deref(), Some("9"));
        assert_eq!(id("hdfs://two/cp/chk-1", &[shared.clone(), shared]), None);
    }

    #[test]
    fn the_newest_of_each_job_comes_first_and_each_once() {
        let dirs = ["b/chk-9", "a/chk-1", "b/chk-10", "b/chk-9"];
        let dirs = dirs.map(|dir| at("hdfs://one/cp").join(dir));
        let names: Vec<_> = sorted(dirs.into())
            .iter()
            .map(ToString::to_string)
            .collect();
        let expected = ["a/chk-1", "b/chk-10", "b/chk-9"];
        assert_eq!(names, expected.map(|dir| format!("hdfs://one/cp/{dir}")));
    }
}
