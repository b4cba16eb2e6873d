//! What the primary has completed, if it answers. Refuses to hold up what the secondary tells.

use std::collections::BTreeMap;

use audit::{Location, Place, Published, StoreError};

/// The primary as it was found.
#[derive(Debug)]
pub(super) enum Primary {
    /// Nobody asked it.
    NotAsked,
    /// Its root, and the newest checkpoint of each job's directory, by the path below the root.
    Told(Location, BTreeMap<String, Published>),
    /// Its root, and the call that was not answered.
    Silent(Location, StoreError),
}

impl Primary {
    pub(super) async fn look(place: Option<&Place>) -> Self {
        let Some(place) = place else {
            return Self::NotAsked;
        };
        let root = place.location.clone();
        match audit::published(&*place.store, &root).await {
            Err(error) => Self::Silent(root, error),
            Ok(published) => {
                // In the order of their numbers: the last of a directory stays.
                let newest = published
                    .into_iter()
                    .map(|one| (below(&one.job_dir, &root), one));
                let newest = newest.collect();
                Self::Told(root, newest)
            }
        }
    }

    /// The newest completed checkpoint of the job in this directory below the root.
    pub(super) fn newest(&self, below: &str) -> Option<&Published> {
        match self {
            Self::Told(_, newest) => newest.get(below),
            Self::NotAsked | Self::Silent(..) => None,
        }
    }
}

/// A job's directory by its path below the root; empty where jobs share the root.
pub(super) fn below(job_dir: &Location, root: &Location) -> String {
    job_dir.below(root).unwrap_or_default().to_owned()
}
