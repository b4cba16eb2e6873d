//! Digests of a job's files, as those who wrote them recorded them: what there is to compare a file
//! with when no other cluster has it. XXH3, 64 bits: it finds damage, not malice.
//!
//! A document of them is text, a first line that says what it is, then a line for each file: 16
//! hexadecimal digits, its length in bytes, its path on the cluster. Refuses to take a document
//! that is cut off for a whole one: its last line ends it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt::{self, Write as _};
use std::hash::Hasher as _;

use checkpoint_layout::SecondaryRoot;
use futures::{StreamExt as _, stream};
use store::{FileStatus, Store, list_if_there};
use twox_hash::XxHash3_64;

use crate::{CONCURRENT_CALLS, read_whole};

const FIRST: &str = "dualwrite-digests 1";
const LAST: &str = "end";
/// Larger documents are not ours.
const DOCUMENT_BYTES_AT_MOST: u64 = 256 << 20;

/// What is recorded of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digest {
    /// In bytes.
    pub length: u64,
    /// XXH3 of all of them, with seed 0.
    pub hash: u64,
}

impl Digest {
    /// Of a whole file.
    pub fn of(bytes: &[u8]) -> Self {
        let mut digester = Digester::default();
        digester.update(bytes);
        digester.digest()
    }
}

/// Makes a digest of bytes that come one after another.
#[derive(Default)]
pub struct Digester {
    hasher: XxHash3_64,
    length: u64,
}

impl fmt::Debug for Digester {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut f = f.debug_struct("Digester");
        f.field("length", &self.length).finish_non_exhaustive()
    }
}

impl Digester {
    /// Takes the bytes that follow.
    pub fn update(&mut self, bytes: &[u8]) {
        self.hasher.write(bytes);
        self.length += bytes.len() as u64;
    }

    /// Of what was taken so far.
    pub fn digest(&self) -> Digest {
        Digest {
            length: self.length,
            hash: self.hasher.finish(),
        }
    }
}

/// What is recorded of files, by their paths on the cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Digests(BTreeMap<String, Option<Digest>>);

/// Why bytes are no document of digests.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DigestsError {
    /// Its first line says something else.
    #[error("it does not begin with '{FIRST}': it is none, or of another release")]
    Foreign,
    /// It has no end.
    #[error("it is cut off")]
    CutOff,
    /// A line says something else.
    #[error("line {0} is not understood")]
    Line(usize),
}

impl Digests {
    /// Reads a document.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, DigestsError> {
        let text = String::from_utf8_lossy(bytes);
        let rest = text
            .strip_prefix(FIRST)
            .and_then(|rest| rest.strip_prefix('\n'))
            .ok_or(DigestsError::Foreign)?;
        let lines = rest.strip_suffix("end\n").ok_or(DigestsError::CutOff)?;
        let mut digests = Self::default();
        for (number, line) in lines.lines().enumerate() {
            let (path, digest) = entry(line).ok_or(DigestsError::Line(number + 2))?;
            digests.add(path, digest);
        }
        Ok(digests)
    }

    /// The document; empty of nothing.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = format!("{FIRST}\n");
        for (path, digest) in self.iter() {
            let Digest { length, hash } = digest;
            // a String takes everything
            let _ = writeln!(text, "{hash:016x} {length} {path}");
        }
        text += LAST;
        text.push('\n');
        text.into_bytes()
    }

    /// Takes one more in. Files are immutable, so of one that has two different digests neither is
    /// believed. A path that would end its line is left out.
    pub fn add(&mut self, path: &str, digest: Digest) {
        if path.contains(['\n', '\r']) {
            return;
        }
        match self.0.entry(path.to_owned()) {
            Entry::Vacant(free) => {
                free.insert(Some(digest));
            }
            Entry::Occupied(mut known) => {
                if *known.get() != Some(digest) {
                    known.insert(None);
                }
            }
        }
    }

    /// Takes all of the others in.
    pub fn extend(&mut self, others: &Self) {
        for (path, digest) in others.iter() {
            self.add(path, digest);
        }
    }

    /// What is recorded of the file at a path.
    pub fn get(&self, path: &str) -> Option<Digest> {
        self.0.get(path).copied().flatten()
    }

    /// Keeps those whose path is wanted.
    pub fn retain(&mut self, mut is_wanted: impl FnMut(&str) -> bool) {
        self.0.retain(|path, _| is_wanted(path));
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All that is believed, by path.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Digest)> {
        let known = self.0.iter();
        known.filter_map(|(path, digest)| Some((path.as_str(), (*digest)?)))
    }
}

fn entry(line: &str) -> Option<(&str, Digest)> {
    let (hash, rest) = line.split_once(' ')?;
    let (length, path) = rest.split_once(' ')?;
    let hash = u64::from_str_radix(hash, 16).ok()?;
    let length = length.parse().ok()?;
    path.starts_with('/')
        .then_some((path, Digest { length, hash }))
}

/// All that is recorded of the files of a job below `root`; what is not understood is passed over.
///
/// # Errors
/// When the store does not tell.
pub async fn recorded_digests(
    store: &dyn Store,
    root: &SecondaryRoot,
    job_id: &str,
) -> store::Result<Digests> {
    let mut digests = Digests::default();
    // in this order: what is collected meanwhile, and gone from the first, is in the second
    for dir in [root.digest_batches(job_id), root.digests(job_id)] {
        let files = list_if_there(store, dir.path()).await?;
        let reads = files.into_iter().map(|file| read_digests(store, file));
        let mut reads = stream::iter(reads).buffered(CONCURRENT_CALLS);
        while let Some(read) = reads.next().await {
            if let Some(read) = read? {
                digests.extend(&read);
            }
        }
    }
    Ok(digests)
}

/// One document; none if it is a directory, is gone, or is not understood.
///
/// # Errors
/// When the store does not tell.
pub async fn read_digests(store: &dyn Store, file: FileStatus) -> store::Result<Option<Digests>> {
    if file.is_dir || file.length > DOCUMENT_BYTES_AT_MOST {
        return Ok(None);
    }
    match read_whole(store, &file.path, file.length).await {
        Ok(bytes) => Ok(Digests::parse(&bytes).ok()),
        Err(error) if error.is_transient() => Err(error),
        Err(_) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_xxh3_whatever_the_pieces() {
        // XXH3_64bits of nothing, by the reference implementation (xxHash 0.8, XXH_TESTS).
        assert_eq!(Digest::of(b"").hash, 0x2d06_8005_38d3_94c2);
        let bytes: Vec<u8> = (0..100_000u32).map(|n| n.to_le_bytes()[0]).collect();
        let mut digester = Digester::default();
        for piece in bytes.chunks(777) {
            digester.update(piece);
        }
        assert_eq!(digester.digest(), Digest::of(&bytes));
        assert_eq!(digester.digest().length, 100_000);
    }

    #[test]
    fn what_is_written_is_read_and_no_part_of_it_is() {
        let mut digests = Digests::default();
        digests.add("/cp/job/shared/a b", Digest::of(b"a"));
        digests.add("/cp/job/chk-7/c", Digest::of(b"c"));
        digests.add("/no\nline", Digest::of(b"d"));
        assert_eq!(digests.len(), 2);
        let bytes = digests.to_bytes();
        assert_eq!(Digests::parse(&bytes).as_ref(), Ok(&digests));
        for length in 0..bytes.len() {
            assert!(Digests::parse(&bytes[..length]).is_err(), "{length}");
        }
        let line = "dualwrite-digests 1\n0 0\nend\n";
        assert_eq!(Digests::parse(line.as_bytes()), Err(DigestsError::Line(2)));
    }

    #[test]
    fn of_two_that_contradict_each_other_neither_is_believed() {
        let mut digests = Digests::default();
        for bytes in [b"a", b"a", b"b", b"a"] {
            digests.add("/x", Digest::of(bytes));
        }
        assert_eq!(digests.get("/x"), None);
        let mut others = Digests::default();
        others.add("/y", Digest::of(b"y"));
        digests.extend(&others);
        assert_eq!(digests.get("/y"), Some(Digest::of(b"y")));
        digests.retain(|path| path != "/y");
        assert_eq!(digests.get("/y"), None);
    }
}
