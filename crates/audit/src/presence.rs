//! Whether files are there, with their lengths: the one look at a cluster that both the gate before
//! publishing and `verify` take.
//!
//! Which calls are made is planned by a pure function; what an answer means is judged by another.
//! Refuses to try again: the store does, within its time limit.

use std::collections::{BTreeMap, HashMap};

use checkpoint_layout::Location;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use store::{ErrorKind, FileStatus, Store, StoreError};

use crate::CONCURRENT_CALLS;

/// Of more files than this in one directory, one listing is cheaper than as many look-ups.
const MOST_LOOKUPS_IN_A_DIRECTORY: usize = 16;

/// A file that a checkpoint needs: where it must be and how long.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Expected {
    /// Its place on the cluster looked at; only the path is used.
    pub location: Location,
    /// Its length in bytes; none if any length will do.
    pub length: Option<u64>,
    /// Whether the file must have this length. If not, it must have at least this length.
    pub exact: bool,
}

/// What became of one expected file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It is there with its length.
    Present,
    /// It is not there, or a directory is in its place.
    Missing,
    /// It is there with another length.
    WrongLength {
        /// Its length in bytes.
        found: u64,
    },
}

/// Looks expected files up: one answer for each, in their order. At most 16 calls are under way at
/// the same time. Many files of one directory are looked up by listing it.
///
/// # Errors
/// Whatever the store answers first that tells neither that a file is there nor that it is not.
pub async fn presence(store: &dyn Store, expected: &[Expected]) -> store::Result<Vec<Presence>> {
    let answers = look_up(store, expected, MOST_LOOKUPS_IN_A_DIRECTORY).await?;
    answers.into_iter().collect()
}

/// As [`presence`], but an error that concerns the file alone (no permission, for example) is the
/// file's answer.
pub(crate) async fn answers(
    store: &dyn Store,
    expected: &[Expected],
) -> store::Result<Vec<store::Result<Presence>>> {
    look_up(store, expected, MOST_LOOKUPS_IN_A_DIRECTORY).await
}

/// One call to the cluster, and the places in the order asked of the files that it tells of.
#[derive(Debug, PartialEq, Eq)]
enum Lookup {
    List { dir: String, files: Vec<usize> },
    Stat { file: usize },
}

/// By directory: a look-up for each file where they are at most `most_lookups`, else a listing.
fn plan(expected: &[Expected], most_lookups: usize) -> Vec<Lookup> {
    let mut directories: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (file, expected) in expected.iter().enumerate() {
        let dir = expected.location.parent().path().to_owned();
        directories.entry(dir).or_default().push(file);
    }
    let mut lookups = Vec::new();
    for (dir, files) in directories {
        if files.len() > most_lookups {
            lookups.push(Lookup::List { dir, files });
        } else {
            lookups.extend(files.into_iter().map(|file| Lookup::Stat { file }));
        }
    }
    lookups
}

fn judge(expected: &Expected, found: Option<&FileStatus>) -> Presence {
    let Some(found) = found.filter(|found| !found.is_dir) else {
        return Presence::Missing;
    };
    let fits = match expected.length {
        None => true,
        Some(length) if expected.exact => found.length == length,
        Some(length) => found.length >= length,
    };
    if fits {
        Presence::Present
    } else {
        Presence::WrongLength {
            found: found.length,
        }
    }
}

type Answer = (usize, store::Result<Presence>);

async fn look_up(
    store: &dyn Store,
    expected: &[Expected],
    most_lookups: usize,
) -> store::Result<Vec<store::Result<Presence>>> {
    let calls = plan(expected, most_lookups)
        .into_iter()
        .map(|lookup| call(store, expected, lookup));
    let told: Vec<Vec<Answer>> = stream::iter(calls)
        .buffer_unordered(CONCURRENT_CALLS)
        .try_collect()
        .await?;
    let mut answers = vec![Ok(Presence::Missing); expected.len()];
    for (file, answer) in told.into_iter().flatten() {
        answers[file] = answer;
    }
    Ok(answers)
}

async fn call(
    store: &dyn Store,
    expected: &[Expected],
    lookup: Lookup,
) -> store::Result<Vec<Answer>> {
    match lookup {
        Lookup::Stat { file } => {
            let expected = &expected[file];
            let found = of_the_file(store.stat(expected.location.path()).await)?;
            let answer = found.map(|found| judge(expected, found.as_ref()));
            Ok(vec![(file, answer)])
        }
        Lookup::List { dir, files } => {
            let found = match store.list(&dir).await {
                Err(error) if error.kind == ErrorKind::NotFound => Ok(Vec::new()),
                listed => of_the_file(listed)?,
            };
            let found = found.as_ref().map(|found| {
                let by_name = found.iter().map(|status| (status.name(), status));
                by_name.collect::<HashMap<_, _>>()
            });
            let answer = |file: usize| {
                let expected = &expected[file];
                let answer = found.as_ref().map_err(|error| (*error).clone());
                let name = expected.location.name();
                answer.map(|found| judge(expected, found.get(name).copied()))
            };
            Ok(files.into_iter().map(|file| (file, answer(file))).collect())
        }
    }
}

/// Tells an answer of the cluster (inside) from none (outside).
fn of_the_file<T>(answer: store::Result<T>) -> Result<store::Result<T>, StoreError> {
    match answer {
        Err(error) if error.is_transient() => Err(error),
        answer => Ok(answer),
    }
}

#[cfg(test)]
mod tests;
