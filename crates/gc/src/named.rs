//! What the published checkpoints name, of all jobs below a root, by paths alone: one cluster has
//! several names, and what is named by any of them stays. Refuses to be sure while there is a
//! `_metadata` that is not understood: it may name anything.

use std::collections::{HashMap, HashSet};

use audit::{
    ErrorKind, Location, Manifest, Metadata, MetadataFile, Named, Published, Store, StoreError,
};
use futures::{StreamExt as _, TryStreamExt as _, stream};

use crate::CALLS_AT_ONCE;
use crate::plan::Left;

/// What was published when it was looked at.
#[derive(Debug, Default)]
pub(crate) struct Look {
    /// How many checkpoints.
    pub(crate) checkpoints: u64,
    /// The paths of their directories.
    pub(crate) dirs: HashSet<String>,
    /// When the newest `_metadata` of each job directory, by its path, was written.
    pub(crate) newest_ms: HashMap<String, u64>,
    /// Why it cannot be told what is needed.
    pub(crate) doubts: Vec<Left>,
    files: HashSet<String>,
    directories: Vec<String>,
}

impl Look {
    pub(crate) fn names(&self, path: &str) -> bool {
        self.files.contains(path) || self.directories.iter().any(|dir| is_in(path, dir))
    }

    /// Whether what is not named is not needed.
    pub(crate) fn is_sure(&self) -> bool {
        self.checkpoints > 0 && self.doubts.is_empty()
    }
}

/// The paths that one `_metadata` names, or why that is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Names {
    files: Vec<String>,
    directories: Vec<String>,
}

type Key = (String, u64, u64);

/// Looks at what is published, and reads each `_metadata` once, by path, time and length.
#[derive(Debug, Default)]
pub(crate) struct Looker {
    read: HashMap<Key, Result<Names, String>>,
}

impl Looker {
    /// # Errors
    /// When the cluster does not answer.
    pub(crate) async fn look(
        &mut self,
        store: &dyn Store,
        root: &Location,
    ) -> Result<Look, StoreError> {
        let published = audit::published(store, root).await?;
        let unread = published
            .iter()
            .filter(|one| !self.read.contains_key(&key(one)));
        let reads = unread.map(|one| read(store, root, one));
        let reads: Vec<_> = stream::iter(reads)
            .buffer_unordered(CALLS_AT_ONCE)
            .try_collect()
            .await?;
        self.read.extend(reads.into_iter().flatten());
        let mut look = Look::default();
        for one in &published {
            // not read: retired since it was listed
            if let Some(names) = self.read.get(&key(one)) {
                look.add(one, names);
            }
        }
        Ok(look)
    }
}

impl Look {
    fn add(&mut self, one: &Published, names: &Result<Names, String>) {
        self.checkpoints += 1;
        self.dirs.insert(one.dir.path().to_owned());
        let newest = self.newest_ms.entry(one.job_dir.path().to_owned());
        let newest = newest.or_default();
        *newest = one.metadata.modified_ms.max(*newest);
        match names {
            Ok(names) => {
                self.files.extend(names.files.iter().cloned());
                self.directories.extend(names.directories.iter().cloned());
            }
            Err(why) => self.doubts.push(Left {
                path: one.metadata.path.clone(),
                why: why.clone(),
            }),
        }
    }
}

fn key(one: &Published) -> Key {
    let file = &one.metadata;
    (file.path.clone(), file.modified_ms, file.length)
}

/// None if it is not there any more.
async fn read(
    store: &dyn Store,
    root: &Location,
    one: &Published,
) -> Result<Option<(Key, Result<Names, String>)>, StoreError> {
    let file = &one.metadata;
    let bytes = match audit::read_whole(store, &file.path, file.length).await {
        Err(error) if error.kind == ErrorKind::NotFound => return Ok(None),
        Err(error) if error.is_transient() => return Err(error),
        Err(error) => return Ok(Some((key(one), Err(error.to_string())))),
        Ok(bytes) => bytes,
    };
    let file = MetadataFile {
        path: root.with_path(&file.path),
        bytes,
    };
    let names = match file.parse(None) {
        Ok(metadata) => names(&metadata, &one.dir, root),
        Err(error) => Err(format!("it is not understood: {error}")),
    };
    Ok(Some((key(one), names)))
}

fn names(metadata: &Metadata<'_>, dir: &Location, root: &Location) -> Result<Names, String> {
    let manifest = Manifest::of(metadata, dir);
    let mut files = Vec::with_capacity(manifest.files.len());
    for file in &manifest.files {
        let location = file.location.as_ref().map_err(ToString::to_string)?;
        let path = location.path();
        if !is_in(path, root.path()) {
            return Err(format!(
                "it names {}, which is not below {}: what it needs may have another path here",
                file.stored,
                root.path()
            ));
        }
        files.push(path.to_owned());
    }
    let mut directories = Vec::new();
    for stored in Named::of(metadata).directories {
        let location = Location::parse(stored).map_err(|error| error.to_string())?;
        directories.push(location.path().to_owned());
    }
    Ok(Names { files, directories })
}

fn is_in(path: &str, dir: &str) -> bool {
    let rest = path.strip_prefix(dir.trim_end_matches('/'));
    rest.is_some_and(|rest| rest.starts_with('/'))
}
