//! What a `_metadata` names, each thing once and as it is stored there: for people who want to see
//! it, while [`manifest`](crate::manifest) is for looking the files up. Pure; it refuses to know
//! where a path leads.

use std::collections::HashSet;

use checkpoint_format::{Metadata, Reference, ReferenceKind};

/// The distinct files and directories of one `_metadata`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Named<'m> {
    /// Whole files by kind, path and length, segments by path, offset and length; each where it is
    /// first named, in the order of the `_metadata`.
    pub files: Vec<&'m Reference<'m>>,
    /// The paths of [`ReferenceKind::Directory`], in the same order.
    pub directories: Vec<&'m str>,
}

/// How many of each kind there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Whole files with an absolute path.
    pub absolute: usize,
    /// Whole files with a relative path.
    pub relative: usize,
    /// Segments.
    pub segments: usize,
    /// The files that the segments are in.
    pub segment_files: usize,
    /// Directories.
    pub directories: usize,
    /// Files and segments of which no length is stored.
    pub unknown_lengths: usize,
}

impl<'m> Named<'m> {
    /// Those of `metadata`.
    pub fn of(metadata: &'m Metadata<'m>) -> Self {
        let mut known = HashSet::with_capacity(metadata.references.len());
        let mut named = Self::default();
        for reference in &metadata.references {
            if !known.insert((reference.kind, &*reference.path, reference.length)) {
                continue;
            }
            match reference.kind {
                ReferenceKind::Directory => named.directories.push(&reference.path),
                _ => named.files.push(reference),
            }
        }
        named
    }

    /// How many there are.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts {
            directories: self.directories.len(),
            ..Counts::default()
        };
        let mut segment_files = HashSet::new();
        for file in &self.files {
            match file.kind {
                ReferenceKind::Absolute => counts.absolute += 1,
                ReferenceKind::Relative => counts.relative += 1,
                ReferenceKind::Segment { .. } => {
                    counts.segments += 1;
                    segment_files.insert(&*file.path);
                }
                ReferenceKind::Directory => {}
            }
            counts.unknown_lengths += usize::from(file.length.is_none());
        }
        counts.segment_files = segment_files.len();
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use checkpoint_format::Scope;
    use std::borrow::Cow;

    fn metadata(references: Vec<Reference<'static>>) -> Metadata<'static> {
        Metadata {
            version: 6,
            checkpoint_id: 7,
            master_states: Vec::new(),
            operators: Vec::new(),
            references,
        }
    }

    fn reference(
        kind: ReferenceKind,
        path: &'static str,
        length: impl Into<Option<u64>>,
    ) -> Reference<'static> {
        Reference {
            kind,
            scope: Scope::Shared,
            path: Cow::Borrowed(path),
            length: length.into(),
            exact: true,
            span: 0..0,
        }
    }

    #[test]
    fn each_is_named_once_in_the_order_of_the_file() {
        use ReferenceKind::{Absolute, Directory, Relative, Segment};
        let metadata = metadata(vec![
            reference(Segment { offset: 5 }, "/s", 3),
            reference(Directory, "/d", None),
            reference(Absolute, "/a", 1),
            reference(Segment { offset: 0 }, "/s", 5),
            reference(Absolute, "/a", 1),
            reference(Segment { offset: 5 }, "/s", 3),
            reference(Segment { offset: 5 }, "/t", 3),
            reference(Segment { offset: 5 }, "/s", 4),
            reference(Directory, "/d", None),
            reference(Relative, "r", None),
            reference(Directory, "/e", None),
        ]);
        let named = Named::of(&metadata);
        let files: Vec<_> = [0, 2, 3, 6, 7, 9].map(|at| &metadata.references[at]).into();
        assert_eq!(named.files, files);
        assert_eq!(named.directories, ["/d", "/e"]);
        let expected = Counts {
            absolute: 1,
            relative: 1,
            segments: 4,
            segment_files: 2,
            directories: 2,
            unknown_lengths: 1,
        };
        assert_eq!(named.counts(), expected);
    }

    /// Flink writes no such thing, and neither length is more right than the other.
    #[test]
    fn one_path_with_two_lengths_stays_twice() {
        let absolute = |length| reference(ReferenceKind::Absolute, "/a", length);
        let metadata = metadata(vec![absolute(Some(1)), absolute(Some(2)), absolute(None)]);
        let named = Named::of(&metadata);
        assert_eq!(named.files.len(), 3);
        assert_eq!(named.counts().unknown_lengths, 1);
    }
}
