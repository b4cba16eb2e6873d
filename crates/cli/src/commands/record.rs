//! `--record`: leaves on the secondary that jobs were shown to be restorable, and when; their
//! JobManagers tell it as metrics. Refuses to record what was not shown.

use std::collections::BTreeMap;

use audit::{CatalogueEntry, LAST_GOOD_VERSION, LastGood, Location, Place, Proof, SecondaryRoot};
use audit::{StoreError, last_good_dir, now_ms};
use serde::Serialize;

use crate::error::{Failure, explain};
use crate::output;

/// A job, and the checkpoint by which it was shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    /// Empty if it has none.
    pub(crate) name: String,
    /// None where it is not known.
    pub(crate) id: Option<String>,
    pub(crate) checkpoint: Location,
}

/// Of how many jobs it was recorded, and what prevented more.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Recorded {
    verify: u64,
    drill: u64,
    error: Option<Failure>,
    #[serde(skip)]
    explanation: Option<String>,
}

impl Recorded {
    /// Whether all was recorded.
    pub(crate) fn is_whole(&self) -> bool {
        self.error.is_none()
    }

    /// Tells people.
    pub(crate) fn show(&self) {
        let Self { verify, drill, .. } = self;
        output::print(&format!("\nRecorded: {verify} verified, {drill} drilled."));
        if let Some(explanation) = &self.explanation {
            output::complain(explanation);
        }
    }

    /// Nothing more is recorded.
    pub(crate) fn failed(&mut self, place: &Place, error: &StoreError) {
        self.error = Some(Failure::from(error));
        let task = format!("record the result in {}", place.location);
        self.explanation = Some(explain(&task, error));
    }

    /// Records each in the place of what was recorded before, up to the first failure.
    pub(crate) async fn add(&mut self, place: &Place, proof: Proof, shown: Vec<Shown>) {
        let root = SecondaryRoot::new(place.location.clone());
        let process_id = ownership::process_id();
        for (number, one) in shown.into_iter().enumerate() {
            if self.error.is_some() {
                return;
            }
            let Some(dir) = last_good_dir(&root, &one.name, one.id.as_deref()) else {
                continue;
            };
            let document = LastGood {
                job_name: one.name,
                job_id: one.id,
                checkpoint_path: one.checkpoint.to_string(),
                at_ms: now_ms(),
                version: LAST_GOOD_VERSION,
            };
            let inflight = root.inflight(&process_id, number as u64);
            let path = dir.join(proof.document());
            let bytes = document.to_json().into();
            let store = &*place.store;
            let put = ownership::replace_document(store, inflight.path(), path.path(), &bytes);
            match (put.await, proof) {
                (Ok(()), Proof::Verify) => self.verify += 1,
                (Ok(()), Proof::Drill) => self.drill += 1,
                (Err(error), _) => self.failed(place, &error),
            }
        }
    }
}

/// The jobs of which a checkpoint is `usable`. Of a name that had several ids, the one that has
/// published last decides: the others' checkpoints are not what the job would be started from.
pub(crate) fn by_job(
    root: &Location,
    catalogue: &[CatalogueEntry],
    usable: &[Location],
) -> Vec<Shown> {
    let in_dirs = catalogue.iter().filter_map(|entry| {
        let dir = Location::parse(&entry.job_dir).ok()?;
        Some((root.with_path(dir.path()), entry))
    });
    let mut entries: BTreeMap<Location, Vec<&CatalogueEntry>> = BTreeMap::new();
    for (dir, entry) in in_dirs {
        entries.entry(dir).or_default().push(entry);
    }
    let is_last = |entry: &CatalogueEntry| {
        let namesakes = catalogue
            .iter()
            .filter(|other| other.job_name == entry.job_name);
        let mut published = namesakes.map(|other| other.published_at_ms);
        published.all(|published| published <= entry.published_at_ms)
    };
    // by job and number: the last of a job is its newest
    let newest: BTreeMap<_, _> = usable.iter().map(|dir| (dir.parent(), dir)).collect();
    let shown = newest.into_iter().filter_map(|(dir, checkpoint)| {
        let (name, id) = match entries.get(&dir).map_or(&[][..], Vec::as_slice) {
            [] if dir == *root => return None,
            [] => ("", dir.name()),
            [entry] if entry.job_name.is_empty() || is_last(entry) => {
                (entry.job_name.as_str(), entry.job_id.as_str())
            }
            _ => return None, // an older id, or several jobs in one directory
        };
        Some(Shown {
            name: name.to_owned(),
            id: Some(id.to_owned()),
            checkpoint: checkpoint.clone(),
        })
    });
    shown.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(job_id: &str, job_name: &str, dir: &str, published_at_ms: u64) -> CatalogueEntry {
        CatalogueEntry {
            job_id: job_id.to_owned(),
            job_name: job_name.to_owned(),
            primary_dir: "hdfs://one/cp".to_owned(),
            job_dir: format!("hdfs://another-name/cp{dir}"),
            newest_published_id: 1,
            newest_published_path: format!("hdfs://two/cp{dir}/chk-1"),
            triggered_at_ms: 1,
            completed_at_ms: 1,
            published_at_ms,
            files: 1,
            bytes: 1,
            version: 1,
        }
    }

    #[test]
    fn a_job_is_shown_by_the_newest_checkpoint_of_its_last_id() {
        let root = Location::parse("hdfs://two/cp").unwrap();
        let catalogue = [
            entry("a", "payments", "/a", 1),
            entry("b", "payments", "/b", 2),
            entry("c", "", "/c", 3),
            entry("d", "orders", "/d", 4),
        ];
        let usable = ["a/chk-9", "b/chk-2", "b/chk-10", "c/chk-1", "e/chk-5"];
        let usable = usable.map(|below| root.join(below));
        let told = |shown: Vec<Shown>| -> Vec<_> {
            let line = |one: Shown| {
                let id = one.id.unwrap_or_default();
                format!("{} {id} {}", one.name, one.checkpoint.name())
            };
            shown.into_iter().map(line).collect()
        };
        assert_eq!(
            told(by_job(&root, &catalogue, &usable)),
            ["payments b chk-10", " c chk-1", " e chk-5"]
        );
        // the last id has nothing usable: that an older one has shows nothing
        let shown = by_job(&root, &catalogue, &usable[..1]);
        assert_eq!(shown, []);
    }

    #[test]
    fn whose_a_checkpoint_in_a_shared_directory_is_is_not_known() {
        let root = Location::parse("hdfs://two/cp").unwrap();
        let usable = [root.join("chk-3")];
        assert_eq!(by_job(&root, &[], &usable), []);
        let alone = [entry("a", "payments", "", 1)];
        assert_eq!(by_job(&root, &alone, &usable).len(), 1);
        let two = [entry("a", "payments", "", 1), entry("b", "orders", "", 2)];
        assert_eq!(by_job(&root, &two, &usable), []);
    }
}
