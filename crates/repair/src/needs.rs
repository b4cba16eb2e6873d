//! What a checkpoint needs on the target, and where the source has it. Pure: it refuses to look
//! whether anything is there.

use audit::{
    CheckpointDir, Expected, Finding, FormatError, Location, METADATA, Manifest, Mapping,
    MetadataFile, ReferenceKind,
};
use bytes::Bytes;

use crate::{Cannot, Ways};

/// A file that a checkpoint needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Need {
    /// Where the source has it.
    pub(crate) source: Location,
    /// Where it must be on the target, and how long.
    pub(crate) expected: Expected,
}

/// What a checkpoint needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Needs {
    pub(crate) id: u64,
    /// Its directory on the source.
    pub(crate) source: Location,
    /// Its directory on the target.
    pub(crate) target: Location,
    /// Its files; those of its own directory first, since the source deletes them first.
    pub(crate) files: Vec<Need>,
    /// The bytes of all that it names, as far as their lengths are known.
    pub(crate) bytes: u64,
    /// Its `_metadata` as it must be on the target; none if the source does not have it any more,
    /// and the target's own is all that there is.
    pub(crate) metadata: Option<Bytes>,
    /// What it names and has no place.
    pub(crate) cannot: Vec<Cannot>,
}

impl Needs {
    /// Those of a checkpoint of the source, by its `_metadata` there.
    pub(crate) fn of_source(
        ways: &Ways,
        dir: &Location,
        file: &MetadataFile,
    ) -> Result<Self, Cannot> {
        let there = &ways.there;
        let target = there.to_secondary(dir).ok_or_else(|| outside(dir, there))?;
        let metadata = file.parse(None).map_err(|error| bad(file, error))?;
        let resolve = |path: &str| there.aliases().resolve(path);
        let manifest = Manifest::resolved(&metadata, dir, resolve);
        let mut needs = Self::of(dir, &target, &manifest)?;
        for named in &manifest.files {
            let Ok(source) = &named.location else {
                needs.cannot.push(outside(&named.stored, there));
                continue;
            };
            match there.to_secondary(source) {
                None => needs.cannot.push(outside(&named.stored, there)),
                Some(location) => needs.files.push(Need {
                    source: source.clone(),
                    expected: Expected {
                        location,
                        length: named.length,
                        exact: named.exact,
                    },
                }),
            }
        }
        let directories = metadata.references.iter();
        let directories = directories.filter(|named| named.kind == ReferenceKind::Directory);
        for directory in directories {
            if !there.map_into(&directory.path, &mut String::new()) {
                needs.cannot.push(outside(&directory.path, there));
            }
        }
        let published = audit::as_published(&file.bytes, &metadata, there);
        needs.metadata = Some(Bytes::from(published.map_err(|error| bad(file, error))?));
        needs.own_files_first();
        Ok(needs)
    }

    /// Those of a checkpoint that only the target has, by its `_metadata` there.
    pub(crate) fn of_target(
        ways: &Ways,
        dir: &Location,
        file: &MetadataFile,
    ) -> Result<Self, Cannot> {
        let back = &ways.back;
        let (source, _) = ways.of_target(dir).ok_or_else(|| outside(dir, back))?;
        let metadata = file.parse(None).map_err(|error| bad(file, error))?;
        let manifest = Manifest::of(&metadata, dir);
        let mut needs = Self::of(&source, dir, &manifest)?;
        let (expected, findings) = manifest.on_cluster(dir);
        needs.cannot.extend(findings.iter().map(Cannot::from));
        for expected in expected {
            match ways.of_target(&expected.location) {
                None => needs.cannot.push(outside(&expected.location, back)),
                Some((source, location)) => needs.files.push(Need {
                    source,
                    expected: Expected {
                        location,
                        ..expected
                    },
                }),
            }
        }
        needs.own_files_first();
        Ok(needs)
    }

    fn of(source: &Location, target: &Location, manifest: &Manifest) -> Result<Self, Cannot> {
        let no_checkpoint = || {
            let message = format!(
                "{source} is no chk-<n>, so it cannot be published: a savepoint is copied by other \
                 means"
            );
            Cannot::new("no_checkpoint", source, message)
        };
        let id = CheckpointDir::parse(source.name())
            .ok_or_else(no_checkpoint)?
            .0;
        let foreign = Finding::ForeignMetadata {
            path: source.join(METADATA),
            named: id,
            found: manifest.checkpoint_id,
        };
        let is_foreign = i64::try_from(id) != Ok(manifest.checkpoint_id);
        Ok(Self {
            id,
            source: source.clone(),
            target: target.clone(),
            files: Vec::new(),
            bytes: manifest.bytes(),
            metadata: None,
            cannot: is_foreign
                .then(|| Cannot::from(&foreign))
                .into_iter()
                .collect(),
        })
    }

    fn own_files_first(&mut self) {
        let own = &self.source;
        self.files
            .sort_by_key(|need| need.source.below(own).is_none());
    }
}

/// What is wrong with a `_metadata` that is not understood.
fn bad(file: &MetadataFile, error: FormatError) -> Cannot {
    let path = file.path.clone();
    Cannot::from(&Finding::BadMetadata { path, error })
}

fn outside(path: &impl std::fmt::Display, mapping: &Mapping) -> Cannot {
    let roots: Vec<_> = mapping.primary_roots().map(ToString::to_string).collect();
    let message = format!(
        "{path} is under none of the roots ({}), so it has no place on the other cluster: add its \
         root with --path-mapping, or, if it is one of them by another name of the primary, that \
         name with --primary-alias",
        roots.join(", ")
    );
    Cannot::new("outside_mapping", path, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Side;

    /// What Flink wrote as checkpoint 42.
    const HEAP: &[u8] = include_bytes!("../../../tests/goldens/data/2.2.1/heap.metadata");
    const JOB: &str = "hdfs://primary:8020/flink/checkpoints/a1b2c3d4e5f60718293a4b5c6d7e8f90";

    fn at(text: &str) -> Location {
        Location::parse(text).unwrap()
    }

    fn ways(to: Side, primary: &str) -> Ways {
        Ways::new(to, (&at(primary), &at("hdfs://two:8020/dr")), &[], &[]).unwrap()
    }

    fn file(dir: &Location) -> MetadataFile {
        MetadataFile {
            path: dir.join(METADATA),
            bytes: Bytes::from_static(HEAP),
        }
    }

    #[test]
    fn each_file_has_two_places_and_what_is_published_names_the_targets() {
        let ways = ways(Side::Secondary, "hdfs://primary:8020/flink/checkpoints");
        let dir = at(JOB).join("chk-42");
        let needs = Needs::of_source(&ways, &dir, &file(&dir)).unwrap();
        assert_eq!((needs.id, needs.cannot.len()), (42, 0));
        assert_eq!(needs.files.len(), 4);
        for need in &needs.files {
            let moved = ways.there.to_secondary(&need.source).unwrap();
            assert_eq!(moved, need.expected.location);
            assert!(need.source.below(&dir).is_some());
        }
        let published = MetadataFile {
            path: needs.target.join(METADATA),
            bytes: needs.metadata.clone().unwrap(),
        };
        let back = Needs::of_target(&ways, &needs.target, &published).unwrap();
        assert_eq!((&back.files, &back.source), (&needs.files, &dir));
        assert_eq!(back.metadata, None);

        // And the way back gives the primary's own bytes.
        let other = self::ways(Side::Primary, "hdfs://primary:8020/flink/checkpoints");
        let again = Needs::of_source(&other, &needs.target, &published).unwrap();
        assert_eq!(again.target, dir);
        assert!(again.metadata.unwrap() == HEAP);
    }

    #[test]
    fn what_has_no_place_or_is_no_checkpoint_is_said() {
        let ways = ways(
            Side::Secondary,
            "hdfs://primary:8020/flink/checkpoints/other",
        );
        let dir = at("hdfs://primary:8020/flink/checkpoints/other/job/chk-42");
        let golden = include_bytes!("../../../tests/goldens/data/2.2.1/unaligned.metadata");
        let mut file = file(&dir);
        file.bytes = Bytes::from_static(golden);
        let needs = Needs::of_source(&ways, &dir, &file).unwrap();
        assert!(!needs.cannot.is_empty());
        for cannot in &needs.cannot {
            assert_eq!(cannot.kind, "outside_mapping");
            assert!(cannot.message.contains("--path-mapping"), "{cannot:?}");
        }
        let savepoint = dir.parent().join("savepoint-1");
        let cannot = Needs::of_source(&ways, &savepoint, &file).unwrap_err();
        assert_eq!(cannot.kind, "no_checkpoint");
        let foreign = dir.parent().join("chk-43");
        let needs = Needs::of_source(&ways, &foreign, &file).unwrap();
        assert_eq!(needs.cannot[0].kind, "foreign_metadata");
        file.bytes = Bytes::from_static(b"rubbish");
        let cannot = Needs::of_source(&ways, &dir, &file).unwrap_err();
        assert_eq!(cannot.kind, "bad_metadata");
    }
}
