//! Jobs as people know them: one name, however many ids it had over restarts. Pure.

use std::collections::{BTreeMap, BTreeSet};

use audit::{Inventory, Job, Location};
use glob::Pattern;

use crate::LeftOut;

/// A job that is submitted again leaves the checkpoints of its former id behind; what was written
/// within this time of the newest, in milliseconds, may be another's.
const RIVAL_MS: u64 = 60_000;

/// Which jobs are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// All.
    All,
    /// Those whose name or id one of these patterns matches (`*`, `?`, `[ab]`).
    Matching(Vec<Pattern>),
}

/// A job by its name, with the one of its ids that wrote the newest checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lineage<'a> {
    /// Its name; where the catalogue has none, its id, or its directory.
    pub name: String,
    /// The newest.
    pub newest: &'a Job,
    /// Other ids of that name whose newest checkpoint is about as new: two jobs may have one name.
    pub rivals: Vec<String>,
}

/// The jobs that are meant, by name, and what is meant and is none.
pub fn lineages<'a>(
    inventory: &'a Inventory,
    selection: &Selection,
) -> (Vec<Lineage<'a>>, Vec<LeftOut>) {
    let mut by_name: BTreeMap<String, Vec<&Job>> = BTreeMap::new();
    for job in &inventory.jobs {
        by_name.entry(name_of(job)).or_default().push(job);
    }
    let shared = shared(&inventory.jobs);
    let (mut found, mut left_out) = (Vec::new(), Vec::new());
    let mut met = BTreeSet::new();
    for (name, jobs) in by_name {
        if let Selection::Matching(patterns) = selection {
            let ids: Vec<_> = jobs.iter().filter_map(|job| job.id.as_deref()).collect();
            let meets = |pattern: &Pattern| {
                pattern.matches(&name) || ids.iter().any(|id| pattern.matches(id))
            };
            let meeting: Vec<_> = patterns.iter().filter(|pattern| meets(pattern)).collect();
            if meeting.is_empty() {
                continue;
            }
            met.extend(meeting.into_iter().map(Pattern::as_str));
        }
        let Some(newest) = jobs.iter().copied().max_by_key(|job| as_of_ms(job)) else {
            continue;
        };
        let rivals = rivals(newest, &jobs);
        if let Some(others) = shared.get(&newest.dir).filter(|names| names.len() > 1) {
            let others: Vec<_> = others.iter().map(|name| format!("'{name}'")).collect();
            let why = format!(
                "several jobs have their checkpoints in {}: {}. Which checkpoint is whose is not \
                 known: find it with dualwrite inspect, and start the job by hand",
                newest.dir,
                others.join(", ")
            );
            left_out.push(LeftOut { name, why });
            continue;
        }
        found.push(Lineage {
            name,
            newest,
            rivals,
        });
    }
    if let Selection::Matching(patterns) = selection {
        let unmet = patterns
            .iter()
            .filter(|pattern| !met.contains(pattern.as_str()));
        left_out.extend(unmet.map(|pattern| LeftOut {
            name: pattern.as_str().to_owned(),
            why: "no job is called so: dualwrite list shows the names and ids".to_owned(),
        }));
    }
    (found, left_out)
}

fn name_of(job: &Job) -> String {
    let named = job.entry.as_ref().map(|entry| &entry.job_name);
    let named = named.filter(|name| !name.is_empty()).cloned();
    let id = || job.id.clone();
    named.or_else(id).unwrap_or_else(|| job.dir.to_string())
}

/// The ids of the others that may be another job.
fn rivals(newest: &Job, jobs: &[&Job]) -> Vec<String> {
    let since = as_of_ms(newest).map(|as_of_ms| as_of_ms.saturating_sub(RIVAL_MS));
    let others = jobs.iter().filter(|job| job.dir != newest.dir);
    others
        .filter(|job| as_of_ms(job).is_some() && as_of_ms(job) >= since)
        .filter_map(|job| job.id.clone())
        .collect()
}

/// The names of the jobs that have a directory.
fn shared(jobs: &[Job]) -> BTreeMap<Location, BTreeSet<String>> {
    let mut names: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for job in jobs {
        let of_dir = names.entry(job.dir.clone()).or_default();
        of_dir.insert(name_of(job));
    }
    names
}

/// How new a job's newest checkpoint is.
fn as_of_ms(job: &Job) -> Option<u64> {
    let newest = job.newest.as_ref()?;
    let written = newest.checkpoint.metadata.modified_ms;
    Some(newest.triggered_at_ms.unwrap_or(written))
}

#[cfg(test)]
mod tests {
    use audit::{CatalogueEntry, CheckpointDir, FileStatus, Newest, Published};

    use super::*;

    /// A job of this name and id in its directory, with a checkpoint triggered then.
    fn job(name: &str, id: &str, dir: &str, triggered_at_ms: u64) -> Job {
        let dir = Location::parse(&format!("hdfs://nn2/cp/{dir}")).unwrap();
        let chk = dir.join(&CheckpointDir(1).to_string());
        let entry = CatalogueEntry {
            job_id: id.to_owned(),
            job_name: name.to_owned(),
            primary_dir: "hdfs://nn1/cp".to_owned(),
            job_dir: dir.to_string(),
            newest_published_id: 1,
            newest_published_path: chk.to_string(),
            triggered_at_ms,
            completed_at_ms: 0,
            published_at_ms: 0,
            files: 0,
            bytes: 0,
            version: 1,
        };
        let checkpoint = Published {
            job_dir: dir.clone(),
            id: 1,
            metadata: FileStatus {
                path: format!("{}/_metadata", chk.path()),
                is_dir: false,
                length: 1,
                modified_ms: 0,
            },
            dir: chk,
        };
        Job {
            dir,
            id: Some(id.to_owned()),
            entry: Some(entry),
            newest: Some(Newest {
                checkpoint,
                triggered_at_ms: Some(triggered_at_ms),
                files_and_bytes: None,
            }),
            published: 1,
        }
    }

    fn of(jobs: Vec<Job>) -> Inventory {
        Inventory {
            root_is_there: true,
            jobs,
            findings: Vec::new(),
        }
    }

    fn matching(patterns: &[&str]) -> Selection {
        let patterns = patterns
            .iter()
            .map(|pattern| Pattern::new(pattern).unwrap());
        Selection::Matching(patterns.collect())
    }

    fn names(inventory: &Inventory, selection: &Selection) -> (Vec<String>, Vec<String>) {
        let (found, left_out) = lineages(inventory, selection);
        let of = |lineage: Lineage<'_>| format!("{}:{}", lineage.name, lineage.newest.dir.name());
        (
            found.into_iter().map(of).collect(),
            left_out.into_iter().map(|left| left.name).collect(),
        )
    }

    #[test]
    fn a_name_is_one_job_and_its_newest_id_counts() {
        let hour = 3_600_000;
        let inventory = of(vec![
            job("payments", "a1", "a1", 3 * hour),
            job("payments", "a2", "a2", 5 * hour),
            job("payments", "a3", "a3", hour),
            job("orders", "b1", "b1", hour),
            job("", "c1", "c1", hour),
        ]);
        let all = names(&inventory, &Selection::All);
        assert_eq!(all.0, ["c1:c1", "orders:b1", "payments:a2"]);
        assert!(
            lineages(&inventory, &Selection::All)
                .0
                .iter()
                .all(|l| l.rivals.is_empty())
        );
        let (found, missed) = names(&inventory, &matching(&["pay*", "b1", "nothing"]));
        assert_eq!(found, ["orders:b1", "payments:a2"]);
        assert_eq!(missed, ["nothing"]);
    }

    #[test]
    fn two_that_write_at_the_same_time_may_be_two_jobs() {
        let inventory = of(vec![
            job("x", "a1", "a1", 100_000),
            job("x", "a2", "a2", 100_001),
        ]);
        let (found, _) = lineages(&inventory, &Selection::All);
        assert_eq!(found[0].rivals, ["a1"]);
    }

    #[test]
    fn a_directory_of_several_jobs_is_nobodys() {
        let inventory = of(vec![job("x", "a1", "same", 1), job("y", "a2", "same", 2)]);
        let (found, missed) = names(&inventory, &Selection::All);
        assert!(found.is_empty());
        assert_eq!(missed, ["x", "y"]);
    }
}
