//! Whether files are there, with their lengths: the one look at a cluster that both the gate before
//! publishing and `verify` take.
//!
//! Which calls are made is planned by a pure function; what an answer means is judged by another.
//! Refuses to try again: the store does, within its time limit.

use std::collections::{BTreeMap, HashMap};

use checkpoint_layout::Location;
use futures::{StreamExt as _, stream};
use store::{ErrorKind, FileStatus, Store, StoreError, list_if_there};

use crate::CONCURRENT_CALLS;
use crate::patience::Patience;

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
pub async fn presence(store: &dyn Store, expected: &[&Expected]) -> store::Result<Vec<Presence>> {
    let lookups = plan(expected, MOST_LOOKUPS_IN_A_DIRECTORY);
    let mut presences = vec![Presence::Missing; expected.len()];
    let mut keep = |(file, answer): Answer| answer.map(|presence| presences[file] = presence);
    take(store, expected, &Patience::default(), lookups, |answers| {
        answers.into_iter().try_for_each(&mut keep)
    })
    .await?;
    Ok(presences)
}

/// As [`presence`], but an error is the answer of each file that it concerns, and the others are
/// looked up still, as long as `patience` lasts. A directory that is too large to be listed within
/// the store's time limit is no error: its files are looked up one by one.
///
/// `looked_up` hears how many more files are done with.
pub(crate) async fn answers(
    store: &dyn Store,
    expected: &[&Expected],
    patience: &Patience,
    looked_up: impl Fn(usize),
) -> Vec<store::Result<Presence>> {
    let lookups = plan(expected, MOST_LOOKUPS_IN_A_DIRECTORY);
    look_up(store, expected, patience, lookups, looked_up).await
}

async fn look_up(
    store: &dyn Store,
    expected: &[&Expected],
    patience: &Patience,
    mut lookups: Vec<Lookup>,
    looked_up: impl Fn(usize),
) -> Vec<store::Result<Presence>> {
    let mut answers = vec![Ok(Presence::Missing); expected.len()];
    for may_list in [true, false] {
        let mut one_by_one = Vec::new();
        let keep = |told: Vec<Answer>| {
            for (file, answer) in told {
                if may_list && matches!(&answer, Err(error) if is_too_long_a_listing(error)) {
                    one_by_one.push(Lookup::Stat { file });
                } else {
                    looked_up(1);
                }
                answers[file] = answer;
            }
            Ok(())
        };
        let taken = take(store, expected, patience, lookups, keep).await;
        debug_assert!(taken.is_ok(), "every error is an answer here");
        lookups = one_by_one;
    }
    answers
}

fn is_too_long_a_listing(error: &StoreError) -> bool {
    error.kind == ErrorKind::TimedOut && error.operation == "list"
}

/// One call to the cluster, and the places in the order asked of the files that it tells of.
#[derive(Debug, PartialEq, Eq)]
enum Lookup {
    List { dir: String, files: Vec<usize> },
    Stat { file: usize },
}

/// By directory: a look-up for each file where they are at most `most_lookups`, else a listing.
fn plan(expected: &[&Expected], most_lookups: usize) -> Vec<Lookup> {
    let mut directories: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (file, expected) in expected.iter().enumerate() {
        let dir = expected.location.parent_path();
        directories.entry(dir).or_default().push(file);
    }
    let mut lookups = Vec::new();
    for (dir, files) in directories {
        if files.len() > most_lookups {
            let dir = dir.to_owned();
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

/// Makes the calls, and hands over the answers to each as they come, until `keep` has had enough.
async fn take(
    store: &dyn Store,
    expected: &[&Expected],
    patience: &Patience,
    lookups: Vec<Lookup>,
    mut keep: impl FnMut(Vec<Answer>) -> store::Result<()>,
) -> store::Result<()> {
    let calls = lookups
        .into_iter()
        .map(|lookup| call(store, expected, patience, lookup));
    let mut told = stream::iter(calls).buffer_unordered(CONCURRENT_CALLS);
    while let Some(answers) = told.next().await {
        keep(answers)?;
    }
    Ok(())
}

async fn call(
    store: &dyn Store,
    expected: &[&Expected],
    patience: &Patience,
    lookup: Lookup,
) -> Vec<Answer> {
    match lookup {
        Lookup::Stat { file } => {
            let expected = expected[file];
            let found = patience.ask(store.stat(expected.location.path())).await;
            vec![(file, found.map(|found| judge(expected, found.as_ref())))]
        }
        Lookup::List { dir, files } => {
            let found = patience.ask(list_if_there(store, &dir)).await;
            let found = found.as_ref().map(|found| {
                let by_name = found.iter().map(|status| (status.name(), status));
                by_name.collect::<HashMap<_, _>>()
            });
            let answer = |file: usize| {
                let answer = found.as_ref().map_err(|error| (*error).clone());
                let name = expected[file].location.name();
                answer.map(|found| judge(expected[file], found.get(name).copied()))
            };
            files.into_iter().map(|file| (file, answer(file))).collect()
        }
    }
}

#[cfg(test)]
mod tests;
