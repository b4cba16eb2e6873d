//! Tests of parsing and rewriting: what must hold of any file, whole, cut off or damaged.

use proptest::prelude::*;

use crate::arbitrary::sample;
use crate::sample::{Expected, Keyed, Stream, with_path, with_state};
use crate::{FormatError, Metadata, Reference, ReferenceKind, Subtasks, parse, parse_as, rewrite};

fn found(metadata: &Metadata<'_>) -> Vec<Expected> {
    let expected = |r: &Reference<'_>| (r.kind, r.scope, r.path.to_string(), r.length, r.exact);
    metadata.references.iter().map(expected).collect()
}

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// A mapping that makes paths longer, shorter, or leaves them.
fn moved(path: &str) -> String {
    match path.strip_prefix("hdfs://primary/") {
        Some(rest) if rest.len() % 2 == 0 => format!("hdfs://the-secondary-€😀/{rest}"),
        Some(rest) => format!("h://s/{rest}"),
        None => path.to_owned(),
    }
}

/// `moved` as `rewrite` asks for it.
fn moving(reference: &Reference<'_>, new: &mut String) -> bool {
    new.push_str(&moved(&reference.path));
    true
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn every_reference_is_found_and_nothing_else(sample in sample()) {
        let (bytes, contents) = sample.write();
        let metadata = parse_as(&bytes, sample.flink).unwrap();
        prop_assert_eq!(i64::from(metadata.version), i64::from(sample.version()));
        prop_assert_eq!(metadata.checkpoint_id, sample.id);
        prop_assert_eq!(found(&metadata), contents.references);
        prop_assert_eq!(metadata.master_states.len(), sample.masters.len());
        for (master, written) in metadata.master_states.iter().zip(&sample.masters) {
            prop_assert_eq!(&master.name, &written.name);
            prop_assert_eq!(master.version, written.version);
            prop_assert_eq!(master.length, written.bytes.len() as u64);
        }
        prop_assert_eq!(metadata.operators.len(), sample.operators.len());
        let has_marks = sample.version() > 3 || sample.version() == 3 && sample.flink.minor >= 14;
        let mut next = 0;
        let pairs = metadata.operators.iter().zip(&sample.operators);
        for (i, (operator, written)) in pairs.enumerate() {
            let named = sample.version() >= 5;
            let text = |text: &str| (named && !text.is_empty()).then(|| text.to_owned());
            prop_assert_eq!(operator.name.as_ref().map(ToString::to_string), text(&written.name));
            prop_assert_eq!(operator.uid.as_ref().map(ToString::to_string), text(&written.uid));
            prop_assert_eq!(operator.id.0, written.id);
            let subtasks = written.subtasks.as_ref().map(|subtasks| Subtasks {
                stored: u32::try_from(subtasks.len()).unwrap(),
                finished: u32::try_from(subtasks.iter().filter(|s| s.is_none()).count()).unwrap(),
            });
            let subtasks = match subtasks {
                None if !has_marks => Some(Subtasks::default()),
                Some(Subtasks { stored, .. }) if !has_marks => {
                    Some(Subtasks { stored, finished: 0 })
                }
                subtasks => subtasks,
            };
            prop_assert_eq!(operator.subtasks, subtasks);
            prop_assert_eq!(operator.state, contents.state[i]);
            prop_assert_eq!(operator.references.start, next);
            next = operator.references.end;
        }
        prop_assert_eq!(next, metadata.references.len());
    }

    /// Also where one number stands for several layouts, and nothing says which it is.
    #[test]
    fn a_file_is_never_read_as_what_it_is_not(sample in sample()) {
        let (bytes, _) = sample.write();
        match parse(&bytes) {
            Ok(metadata) => prop_assert_eq!(metadata, parse_as(&bytes, sample.flink).unwrap()),
            Err(FormatError::Ambiguous { .. }) => prop_assert_eq!(sample.version(), 3),
            Err(error) => prop_assert!(false, "{}", error),
        }
    }

    #[test]
    fn a_mapping_that_changes_nothing_gives_the_same_bytes(sample in sample()) {
        let (bytes, contents) = sample.write();
        let metadata = parse_as(&bytes, sample.flink).unwrap();
        prop_assert_eq!(&rewrite(&bytes, &metadata, |_, _| false).unwrap(), &bytes);
        let mut asked = Vec::new();
        let same = rewrite(&bytes, &metadata, |reference, new| {
            asked.push(reference.path.to_string());
            new.push_str(&reference.path);
            true
        });
        prop_assert_eq!(&same.unwrap(), &bytes);
        let paths = contents.references.into_iter().map(|(_, _, path, ..)| path);
        prop_assert_eq!(asked, paths.collect::<Vec<_>>());
    }

    #[test]
    fn a_rewritten_file_is_what_flink_writes_with_the_new_paths(sample in sample()) {
        let (bytes, _) = sample.write();
        let (wanted, contents) = sample.write_mapped(moved);
        let metadata = parse_as(&bytes, sample.flink).unwrap();
        let new = rewrite(&bytes, &metadata, moving).unwrap();
        prop_assert_eq!(&new, &wanted);
        prop_assert_eq!(found(&parse_as(&new, sample.flink).unwrap()), contents.references);
    }

    #[test]
    fn damage_never_panics(
        sample in sample(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let (mut bytes, _) = sample.write();
        for (at, value) in flips {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Err(error) = parse(&bytes) {
            prop_assert!(error.offset() <= bytes.len());
        }
        match parse_as(&bytes, sample.flink) {
            Err(error) => prop_assert!(error.offset() <= bytes.len()),
            Ok(metadata) => match rewrite(&bytes, &metadata, moving) {
                Ok(new) => prop_assert!(parse_as(&new, sample.flink).is_ok()),
                Err(FormatError::PathTooLong { .. }) => {}
                Err(error) => prop_assert!(false, "{}", error),
            },
        }
    }
}

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn every_prefix_is_an_error_within_it(sample in sample()) {
        let (bytes, _) = sample.write();
        // Every prefix of a short file, about a thousand of a long one.
        for end in (0..bytes.len()).step_by(1 + bytes.len() / 1000) {
            match parse_as(&bytes[..end], sample.flink) {
                Err(FormatError::Truncated { offset, .. }) => prop_assert!(offset <= end),
                other => prop_assert!(false, "a prefix of {} bytes: {:?}", end, other),
            }
        }
    }
}

#[test]
fn a_segment_requires_the_bytes_before_it() {
    let stream = Stream::Segment("hdfs://a/b".into(), 100, 20);
    let (bytes, _) = with_state(Keyed::KeyGroups(12, vec![], stream)).write();
    let metadata = parse(&bytes).unwrap();
    assert_eq!(
        metadata.references[0].kind,
        ReferenceKind::Segment { offset: 100 }
    );
    assert_eq!(metadata.references[0].required_length(), Some(120));
}

/// A changelog file of 29,788 bytes was named with 29,787: Flink 1.20.5 stores how much it wrote
/// behind the flag at the file's start, and that before compression. Taken for the file's length,
/// it made every checkpoint with such a file look damaged.
#[test]
fn no_length_is_required_of_a_changelog_file() {
    let file = |path: &str| Stream::File(path.to_owned(), 29_787);
    let changes = Keyed::ChangelogFiles(13, vec![file("hdfs://a/dstl/1")]);
    let base = Keyed::KeyGroups(12, vec![], file("hdfs://a/shared/1"));
    let changelog = Keyed::Changelog(14, [vec![base], vec![changes]]);
    let (bytes, _) = with_state(changelog).write();
    let metadata = parse(&bytes).unwrap();
    let lengths: Vec<_> = metadata
        .references
        .iter()
        .map(|file| (&*file.path, file.length, file.required_length()))
        .collect();
    let known = Some(29_787);
    assert_eq!(
        lengths,
        [
            ("hdfs://a/shared/1", known, known),
            ("hdfs://a/dstl/1", known, None)
        ]
    );
    assert_eq!(metadata.state().total(), 29_787 + 1000);
}

#[test]
fn the_name_of_inline_state_is_no_reference() {
    let stream = Stream::Bytes("hdfs://primary/never-made".into(), vec![1]);
    let (bytes, _) = with_state(Keyed::KeyGroups(12, vec![], stream)).write();
    let metadata = parse(&bytes).unwrap();
    assert_eq!(metadata.references, []);
    assert_eq!(rewrite(&bytes, &metadata, moving).unwrap(), bytes);
}

#[test]
fn paths_are_borrowed_from_the_input() {
    let bytes = with_path("hdfs://primary/a");
    let metadata = parse(&bytes).unwrap();
    let reference = &metadata.references[0];
    assert!(matches!(reference.path, std::borrow::Cow::Borrowed(_)));
    assert_eq!(&bytes[reference.span.clone()], b"\0\x10hdfs://primary/a");
}
