//! Tests of parsing and rewriting: what must hold of any file, whole, cut off or damaged.

use proptest::prelude::*;

use crate::arbitrary::sample;
use crate::sample::{Expected, Keyed, Stream, with_path, with_state};
use crate::{FormatError, Metadata, ReferenceKind, parse, rewrite};

fn found(metadata: &Metadata<'_>) -> Vec<Expected> {
    let expected = |r: &crate::Reference<'_>| (r.kind, r.path.to_string(), r.length);
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

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn every_reference_is_found_and_nothing_else(sample in sample()) {
        let (bytes, references) = sample.write();
        let metadata = parse(&bytes).unwrap();
        prop_assert_eq!(i64::from(metadata.version), i64::from(sample.version));
        prop_assert_eq!(metadata.checkpoint_id, sample.id);
        prop_assert_eq!(found(&metadata), references);
        prop_assert_eq!(metadata.operators.len(), sample.operators.len());
        let mut next = 0;
        for (operator, written) in metadata.operators.iter().zip(&sample.operators) {
            let named = sample.version >= 5;
            let text = |text: &str| (named && !text.is_empty()).then(|| text.to_owned());
            prop_assert_eq!(operator.name.as_ref().map(ToString::to_string), text(&written.name));
            prop_assert_eq!(operator.uid.as_ref().map(ToString::to_string), text(&written.uid));
            prop_assert_eq!(operator.id.0, written.id);
            let subtasks = written.subtasks.as_ref().map(Vec::len);
            prop_assert_eq!(operator.subtasks.map(|n| n as usize), subtasks);
            prop_assert_eq!(operator.references.start, next);
            next = operator.references.end;
        }
        prop_assert_eq!(next, metadata.references.len());
    }

    #[test]
    fn a_mapping_that_changes_nothing_gives_the_same_bytes(sample in sample()) {
        let (bytes, references) = sample.write();
        let metadata = parse(&bytes).unwrap();
        prop_assert_eq!(&rewrite(&bytes, &metadata, |_| None).unwrap(), &bytes);
        let mut asked = Vec::new();
        let same = rewrite(&bytes, &metadata, |reference| {
            asked.push(reference.path.to_string());
            Some(reference.path.to_string())
        });
        prop_assert_eq!(&same.unwrap(), &bytes);
        prop_assert_eq!(asked, references.into_iter().map(|(_, path, _)| path).collect::<Vec<_>>());
    }

    #[test]
    fn a_rewritten_file_is_what_flink_writes_with_the_new_paths(sample in sample()) {
        let (bytes, _) = sample.write();
        let (wanted, references) = sample.write_mapped(moved);
        let metadata = parse(&bytes).unwrap();
        let new = rewrite(&bytes, &metadata, |reference| Some(moved(&reference.path))).unwrap();
        prop_assert_eq!(&new, &wanted);
        prop_assert_eq!(found(&parse(&new).unwrap()), references);
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
        match parse(&bytes) {
            Err(error) => prop_assert!(error.offset() <= bytes.len()),
            Ok(metadata) => {
                match rewrite(&bytes, &metadata, |reference| Some(moved(&reference.path))) {
                    Ok(new) => prop_assert!(parse(&new).is_ok()),
                    Err(FormatError::PathTooLong { .. }) => {}
                    Err(error) => prop_assert!(false, "{}", error),
                }
            }
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
            match parse(&bytes[..end]) {
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

#[test]
fn the_name_of_inline_state_is_no_reference() {
    let stream = Stream::Bytes("hdfs://primary/never-made".into(), vec![1]);
    let (bytes, _) = with_state(Keyed::KeyGroups(12, vec![], stream)).write();
    let metadata = parse(&bytes).unwrap();
    assert_eq!(metadata.references, []);
    let new = rewrite(&bytes, &metadata, |reference| Some(moved(&reference.path))).unwrap();
    assert_eq!(new, bytes);
}

#[test]
fn paths_are_borrowed_from_the_input() {
    let bytes = with_path("hdfs://primary/a");
    let metadata = parse(&bytes).unwrap();
    let reference = &metadata.references[0];
    assert!(matches!(reference.path, std::borrow::Cow::Borrowed(_)));
    assert_eq!(&bytes[reference.span.clone()], b"\0\x10hdfs://primary/a");
}
