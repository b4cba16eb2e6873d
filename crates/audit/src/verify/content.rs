//! Every byte of files, read back piece by piece and compared with the other cluster's, where that
//! has a copy. A bounded number of pieces is in memory, however large the files are. Refuses to
//! look at what is missing or has another length: that is said already.

use bytes::Bytes;
use checkpoint_layout::Location;
use futures::future::join;
use futures::{StreamExt as _, stream};
use store::{ErrorKind, Store, StoreError};

use super::counterpart::first_difference;
use super::{Asker, Step, WhyNoCopy};
use crate::patience::Patience;
use crate::read::lost;
use crate::{Digest, Digester, Expected, Finding, Presence, presence};

/// So many files are read at the same time,
const CONCURRENT_READS: usize = 8;
/// in pieces of this many bytes: at most 64 MiB with those of the other cluster.
const PIECE_BYTES: u64 = 4 << 20;

/// What reading a file to its end has told.
#[derive(Debug, Default)]
pub(super) struct Content {
    pub(super) read_bytes: u64,
    pub(super) compared_bytes: u64,
    pub(super) digest_bytes: u64,
    pub(super) finding: Option<Finding>,
    pub(super) silence: Option<StoreError>,
    pub(super) no_copy: Option<WhyNoCopy>,
}

/// What there is to compare a file with.
#[derive(Debug, Clone)]
enum Copy {
    At(Location),
    None(WhyNoCopy),
    Silent(StoreError),
}

/// Reads the files that are present; none of the others.
pub(super) async fn read_all(
    asker: &Asker<'_>,
    files: &[&Expected],
    answers: &[store::Result<Presence>],
) -> Vec<Option<Content>> {
    let lengths = (0..files.len()).map(|at| length(asker, files[at], &answers[at]));
    let lengths: Vec<_> = stream::iter(lengths)
        .buffered(crate::CONCURRENT_CALLS)
        .collect()
        .await;
    let copies = copies(asker, files, &lengths).await;
    let reads = lengths.into_iter().zip(copies).enumerate();
    let reads = reads.map(|(at, (length, copy))| read(asker, files[at], length, copy));
    let reads = stream::iter(reads).buffered(CONCURRENT_READS);
    reads.collect().await
}

type Length = Option<store::Result<u64>>;

/// How much there is to read; none of what is not to be read.
async fn length(asker: &Asker<'_>, file: &Expected, answer: &store::Result<Presence>) -> Length {
    if !matches!(answer, Ok(Presence::Present)) {
        return None;
    }
    if let (Some(length), true) = (file.length, file.exact) {
        return Some(Ok(length));
    }
    let path = file.location.path();
    let status = asker.patience.ask(asker.store.stat(path)).await;
    let gone = || StoreError::new(ErrorKind::NotFound, "stat", path, "it was there just now");
    Some(status.and_then(|status| status.map(|status| status.length).ok_or_else(gone)))
}

async fn copies(asker: &Asker<'_>, files: &[&Expected], lengths: &[Length]) -> Vec<Copy> {
    let Some(counterpart) = asker.look.counterpart else {
        return vec![Copy::None(WhyNoCopy::NotAsked); files.len()];
    };
    let mut copies = vec![Copy::None(WhyNoCopy::OutsideMapping); files.len()];
    let mut sought = Vec::new();
    for (at, (file, length)) in files.iter().zip(lengths).enumerate() {
        let place = counterpart.place_of(&file.location);
        if let (Some(location), Some(Ok(length))) = (place, length) {
            let expected = Expected {
                location,
                length: Some(*length),
                exact: file.exact && file.length.is_some(),
            };
            sought.push((at, expected));
        }
    }
    let expected: Vec<_> = sought.iter().map(|(_, expected)| expected).collect();
    let store = counterpart.store();
    let answers = presence::answers(store, &expected, asker.patience_there, |_| {}).await;
    for ((at, expected), answer) in sought.into_iter().zip(answers) {
        copies[at] = match answer {
            Ok(Presence::Present) => Copy::At(expected.location),
            Ok(Presence::Missing) => Copy::None(WhyNoCopy::NotThere),
            Err(error) if error.is_transient() => Copy::Silent(error),
            Ok(Presence::WrongLength { .. }) | Err(_) => Copy::None(WhyNoCopy::Damaged),
        };
    }
    copies
}

async fn read(asker: &Asker<'_>, file: &Expected, length: Length, copy: Copy) -> Option<Content> {
    let length = length?;
    let mut content = Content::default();
    let mut other = None;
    let mut digester = Digester::default();
    match copy {
        Copy::At(place) => other = asker.look.counterpart.zip(Some(place)),
        Copy::None(why) => content.no_copy = Some(why),
        Copy::Silent(silence) => content.silence = Some(silence),
    }
    let length = match length {
        Ok(length) => length,
        Err(error) => {
            content.is_not_read(file, error);
            0
        }
    };
    while content.read_bytes < length {
        let at = content.read_bytes;
        let range = (at, PIECE_BYTES.min(length - at));
        let here = piece(asker.store, asker.patience, &file.location, range);
        let there = async {
            let (counterpart, place) = other.as_ref()?;
            Some(piece(counterpart.store(), asker.patience_there, place, range).await)
        };
        let (here, there) = join(here, there).await;
        let here = match here {
            Ok(here) => here,
            Err(error) => {
                content.is_not_read(file, error);
                break;
            }
        };
        digester.update(&here);
        content.read_bytes += range.1;
        asker.told(Step::Read(range.1));
        match there {
            None => {}
            Some(Err(error)) => {
                other = None;
                content.has_lost_its_copy(error);
            }
            Some(Ok(there)) => match first_difference(&here, &there).zip(other.as_ref()) {
                None => content.compared_bytes += range.1,
                Some((differs, (_, place))) => {
                    content.finding = Some(Finding::DifferentContent {
                        path: file.location.clone(),
                        other: place.clone(),
                        offset: at + differs,
                    });
                    break;
                }
            },
        }
    }
    if content.no_copy.is_some() && content.read_bytes == length && content.finding.is_none() {
        content.hears(file, asker.recorded(&file.location).await, &digester);
    }
    Some(content)
}

impl Content {
    fn is_not_read(&mut self, file: &Expected, error: StoreError) {
        if error.is_silence() {
            self.silence.get_or_insert(error);
        } else {
            let path = file.location.clone();
            self.finding = Some(Finding::Unreadable { path, error });
        }
    }

    /// What was recorded of the file, all of which was read.
    fn hears(&mut self, file: &Expected, recorded: Option<Digest>, read: &Digester) {
        if let Some(recorded) = recorded {
            self.no_copy = None;
            self.digest_bytes = self.read_bytes;
            self.finding = Finding::of_digest(&file.location, recorded, read.digest());
        }
    }

    fn has_lost_its_copy(&mut self, error: StoreError) {
        if error.is_silence() {
            self.silence.get_or_insert(error);
        } else {
            self.no_copy = Some(WhyNoCopy::Damaged);
        }
    }
}

/// A piece of a file.
async fn piece(
    store: &dyn Store,
    patience: &Patience,
    file: &Location,
    (offset, length): (u64, u64),
) -> store::Result<Bytes> {
    let path = file.path();
    match patience.ask(store.read(path, offset, length)).await {
        Err(error) if error.kind == ErrorKind::Unavailable => {
            Err(lost(error, patience.ask(store.stat(path))).await?)
        }
        read => read,
    }
}
