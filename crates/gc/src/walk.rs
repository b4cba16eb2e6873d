//! Everything below a secondary's root, and what it is by its name. Refuses to enter a directory
//! whose name it does not know.

use std::collections::HashMap;

use audit::{ErrorKind, FileStatus, Location, Store, StoreError};
use futures::{StreamExt as _, stream};

use crate::names::{Spot, spot};
use crate::plan::{Left, below};
use crate::{CALLS_AT_ONCE, Step, Watch};

/// What there is.
#[derive(Debug, Default)]
pub(crate) struct Walked {
    /// Files that may be left over.
    pub(crate) files: Vec<FileStatus>,
    /// Directories of jobs with nothing in them.
    pub(crate) empty: Vec<FileStatus>,
    /// When the owner record of each job was written.
    pub(crate) owners: HashMap<String, u64>,
    /// When the newest record of each job, of its owner or in the catalogue, was written.
    pub(crate) records_ms: HashMap<String, u64>,
    /// What has no name that is known.
    pub(crate) unknown: Vec<Left>,
}

/// # Errors
/// When the cluster does not answer.
pub(crate) async fn walk(
    store: &dyn Store,
    root: &Location,
    watch: Watch<'_>,
) -> Result<Walked, StoreError> {
    let mut walked = Walked::default();
    let mut dirs = vec![FileStatus {
        path: root.path().to_owned(),
        length: 0,
        is_dir: true,
        modified_ms: 0,
    }];
    let mut found = 0;
    while !dirs.is_empty() {
        let listings = dirs.into_iter().map(|dir| async move {
            let children = store.list(&dir.path).await;
            (dir, children)
        });
        let mut listings = stream::iter(listings).buffer_unordered(CALLS_AT_ONCE);
        let mut next = Vec::new();
        while let Some((dir, children)) = listings.next().await {
            let children = match children {
                // deleted since it was listed
                Err(error) if error.kind == ErrorKind::NotFound => continue,
                children => children?,
            };
            found += children.len();
            watch(Step::Found(found));
            if children.is_empty() {
                walked.add_empty(root, dir);
            }
            next.extend(
                children
                    .into_iter()
                    .filter_map(|child| walked.add(root, child)),
            );
        }
        dirs = next;
    }
    Ok(walked)
}

impl Walked {
    /// Takes a child in; gives it back if it is a directory to be entered.
    fn add(&mut self, root: &Location, child: FileStatus) -> Option<FileStatus> {
        let spot = below(root, &child.path).map_or(Spot::Unknown(""), spot);
        let modified_ms = child.modified_ms;
        match spot {
            Spot::Way | Spot::Claimed(_) | Spot::Job(_) | Spot::State(_) if child.is_dir => {
                return Some(child);
            }
            Spot::InFlight | Spot::Claimed(_) | Spot::Stride(_) | Spot::Digests(_)
                if !child.is_dir =>
            {
                self.files.push(child);
            }
            // a file `shared` is in the place of a directory
            Spot::State(_) if is_deep(root, &child.path) => self.files.push(child),
            Spot::Metadata(_) | Spot::LastGood if !child.is_dir => {}
            Spot::Owner(job) => {
                self.owners.insert(job.to_owned(), modified_ms);
                self.record(job, modified_ms);
            }
            Spot::Catalogue(job) => self.record(job, modified_ms),
            Spot::Unknown(why) => self.leave(&child, why),
            _ => self.leave(
                &child,
                "a file is where a directory should be, or the reverse",
            ),
        }
        None
    }

    fn add_empty(&mut self, root: &Location, dir: FileStatus) {
        let spot = below(root, &dir.path).map(spot);
        if let Some(Spot::Job(_) | Spot::State(_)) = spot {
            self.empty.push(dir);
        }
    }

    fn record(&mut self, job: &str, modified_ms: u64) {
        let newest = self.records_ms.entry(job.to_owned()).or_default();
        *newest = modified_ms.max(*newest);
    }

    fn leave(&mut self, child: &FileStatus, why: &str) {
        self.unknown.push(Left {
            path: child.path.clone(),
            why: why.to_owned(),
        });
    }
}

fn is_deep(root: &Location, path: &str) -> bool {
    below(root, path).is_some_and(|below| below.split('/').count() > 2)
}
