//! From a `_metadata` to the distinct files that it names. Pure: it knows where they must be and
//! how long, and refuses to look.

use std::collections::HashMap;

use checkpoint_format::{FormatError, Metadata, ReferenceKind};
use checkpoint_layout::{Location, LocationError};

use crate::{Expected, Finding};

/// What a `_metadata` needs to be restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The format's version.
    pub version: u32,
    /// The checkpoint's number within its job; never negative.
    pub checkpoint_id: i64,
    /// The files, each once, in the order in which they are first named.
    pub files: Vec<NamedFile>,
}

/// One file that a `_metadata` names, however often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedFile {
    /// The path as stored where it is first named.
    pub stored: String,
    /// Where that is; an error if it can be no place on any cluster.
    pub location: Result<Location, LocationError>,
    /// The length in bytes; none where it is not known from the `_metadata`.
    pub length: Option<u64>,
    /// Whether the length is the whole file's. If not, the file has at least so many bytes: only
    /// segments of it are named (`SegmentFileStateHandle`, Flink 1.20 and later).
    pub exact: bool,
}

/// The distinct files that `metadata` names, relative ones resolved against `dir`, the directory
/// of the `_metadata`. Directories are no files and left out: no state is read through them.
///
/// # Errors
/// When the bytes are not understood to the end.
pub fn manifest(metadata: &[u8], dir: &Location) -> Result<Manifest, FormatError> {
    Ok(Manifest::of(&checkpoint_format::parse(metadata)?, dir))
}

impl Manifest {
    /// As [`manifest`], of what is parsed already.
    pub fn of(metadata: &Metadata<'_>, dir: &Location) -> Self {
        Self::resolved(metadata, dir, Location::parse)
    }

    /// The same, where `resolve` says what place an absolute path names.
    ///
    /// A file whose whole length is named in two ways stays twice: it cannot have both, and one of
    /// them will be found wrong.
    pub fn resolved(
        metadata: &Metadata<'_>,
        dir: &Location,
        resolve: impl Fn(&str) -> Result<Location, LocationError>,
    ) -> Self {
        let mut files: Vec<NamedFile> = Vec::new();
        let mut known: HashMap<_, usize> = HashMap::new();
        for reference in &metadata.references {
            let exact = match reference.kind {
                ReferenceKind::Directory => continue,
                ReferenceKind::Segment { .. } => false,
                ReferenceKind::Absolute | ReferenceKind::Relative => true,
            };
            let length = reference.required_length();
            let location = match reference.kind {
                ReferenceKind::Relative => below(dir, &reference.path),
                _ => resolve(&reference.path),
            };
            let place = location.as_ref().map_err(|error| error.text.clone());
            let key = (place.cloned(), exact.then_some(length));
            if let Some(&at) = known.get(&key) {
                files[at].length = files[at].length.max(length);
                continue;
            }
            known.insert(key, files.len());
            files.push(NamedFile {
                stored: reference.path.to_string(),
                location,
                length,
                exact,
            });
        }
        Self {
            version: metadata.version,
            checkpoint_id: metadata.checkpoint_id,
            files,
        }
    }

    /// The bytes of all files, as far as their lengths are stored.
    pub fn bytes(&self) -> u64 {
        let lengths = self.files.iter().filter_map(|file| file.length);
        lengths.fold(0, u64::saturating_add)
    }

    /// The files to be looked for on the cluster of `place`, and a finding for each that cannot be
    /// there.
    pub fn on_cluster(&self, place: &Location) -> (Vec<Expected>, Vec<Finding>) {
        let mut expected = Vec::with_capacity(self.files.len());
        let mut findings = Vec::new();
        for file in &self.files {
            match &file.location {
                Ok(location) if location.same_cluster(place) => expected.push(Expected {
                    location: location.clone(),
                    length: file.length,
                    exact: file.exact,
                }),
                Ok(location) => findings.push(Finding::OutsideCluster {
                    path: location.clone(),
                    cluster: place.with_path("/"),
                }),
                Err(error) => findings.push(Finding::BadPath {
                    stored: file.stored.clone(),
                    why: error.clone(),
                }),
            }
        }
        (expected, findings)
    }
}

fn below(dir: &Location, path: &str) -> Result<Location, LocationError> {
    if path.split('/').any(|component| component == "..") {
        return Err(LocationError {
            text: path.to_owned(),
            why: "the relative path contains '..'",
        });
    }
    Ok(dir.join(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use checkpoint_format::Reference;
    use std::borrow::Cow;

    fn at(text: &str) -> Location {
        Location::parse(text).unwrap()
    }

    fn metadata<'a>(named: &[(ReferenceKind, &'a str, Option<u64>)]) -> Metadata<'a> {
        let reference = |&(kind, path, length)| Reference {
            kind,
            scope: checkpoint_format::Scope::Shared,
            path: Cow::Borrowed(path),
            length,
            exact: true,
            span: 0..0,
        };
        Metadata {
            version: 6,
            checkpoint_id: 7,
            master_states: Vec::new(),
            operators: Vec::new(),
            references: named.iter().map(reference).collect(),
        }
    }

    #[test]
    fn each_file_once_whatever_its_spelling() {
        let metadata = metadata(&[
            (ReferenceKind::Absolute, "hdfs://nn/j/shared/a", Some(5)),
            (ReferenceKind::Relative, "b", Some(1)),
            (ReferenceKind::Absolute, "hdfs://nn/j//shared/a", Some(5)),
            (ReferenceKind::Absolute, "hdfs://nn/j/chk-7/b", Some(1)),
            (ReferenceKind::Directory, "hdfs://nn/j/shared", None),
        ]);
        let found = Manifest::of(&metadata, &at("hdfs://nn/j/chk-7"));
        let stored: Vec<_> = found.files.iter().map(|f| &*f.stored).collect();
        assert_eq!(stored, ["hdfs://nn/j/shared/a", "b"]);
        assert_eq!(found.bytes(), 6);
    }

    #[test]
    fn of_segments_the_end_of_the_last_counts() {
        let segment = |offset| ReferenceKind::Segment { offset };
        let metadata = metadata(&[
            (segment(10), "hdfs://nn/s", Some(20)),
            (segment(0), "hdfs://nn/s", Some(10)),
            (segment(30), "hdfs://nn/s", None),
        ]);
        let found = Manifest::of(&metadata, &at("hdfs://nn/j/chk-7"));
        let [file] = &*found.files else {
            panic!("{found:?}")
        };
        assert_eq!((file.length, file.exact), (Some(30), false));
    }

    /// Of a changelog's file Flink stores how much it wrote, and the file is longer or shorter.
    #[test]
    fn of_a_file_with_another_length_than_is_stored_none_is_required() {
        let mut metadata = metadata(&[(ReferenceKind::Absolute, "hdfs://nn/dstl/a", Some(5))]);
        metadata.references[0].exact = false;
        let found = Manifest::of(&metadata, &at("hdfs://nn/c"));
        assert_eq!(found.files[0].length, None);
    }

    #[test]
    fn two_lengths_of_one_file_are_both_kept() {
        let metadata = metadata(&[
            (ReferenceKind::Absolute, "hdfs://nn/a", Some(5)),
            (ReferenceKind::Absolute, "hdfs://nn/a", Some(6)),
        ]);
        assert_eq!(Manifest::of(&metadata, &at("hdfs://nn/c")).files.len(), 2);
    }

    #[test]
    fn what_cannot_be_on_the_cluster_is_a_finding() {
        let metadata = metadata(&[
            (ReferenceKind::Absolute, "hdfs://one/a", Some(5)),
            (ReferenceKind::Absolute, "/no/scheme", Some(5)),
            (ReferenceKind::Relative, "../b", Some(5)),
            (ReferenceKind::Relative, "c", None),
        ]);
        let dir = at("hdfs://two/j/chk-7");
        let (expected, findings) = Manifest::of(&metadata, &dir).on_cluster(&dir);
        assert_eq!(
            expected,
            [Expected {
                location: at("hdfs://two/j/chk-7/c"),
                length: None,
                exact: true
            }]
        );
        let kinds: Vec<_> = findings.iter().map(Finding::kind).collect();
        assert_eq!(kinds, ["outside_cluster", "bad_path", "bad_path"]);
        assert!(
            findings[2].to_string().contains("'../b'"),
            "{}",
            findings[2]
        );
    }
}
