//! Tests of what is refused, by which error, and at which limits.

use crate::sample::{
    Channel, Keyed, OperatorState, Sample, SampleMaster, Stream, Subtask, TRAILER, with_path,
    with_state,
};
use crate::{FlinkVersion, FormatError, Reference, parse, parse_as, rewrite};

/// A mapping of all paths to one.
fn to(path: &str) -> impl Fn(&Reference<'_>, &mut String) -> bool {
    move |_, new| {
        new.push_str(path);
        true
    }
}

fn by_flink_1(minor: u16, keyed: Keyed) -> Sample {
    Sample {
        flink: FlinkVersion { major: 1, minor },
        ..with_state(keyed)
    }
}

#[test]
fn other_versions_are_refused_by_name() {
    for version in [i32::MIN, -1, 0, 1, 7, i32::MAX] {
        let mut bytes = with_path("a");
        bytes[4..8].copy_from_slice(&version.to_be_bytes());
        let error = parse(&bytes).unwrap_err();
        assert_eq!(
            error,
            FormatError::UnsupportedVersion { offset: 4, version }
        );
        assert!(
            error
                .to_string()
                .contains(&format!("found version {version}"))
        );
    }
}

#[test]
fn another_file_is_refused() {
    let error = parse(b"PAR1, say").unwrap_err();
    assert_eq!(
        error.to_string(),
        "byte 0: expected the first four bytes of Flink's _metadata (0x4960672d), found 0x50415231"
    );
}

#[test]
fn unknown_tags_are_refused_by_name() {
    let keyed = with_state(Keyed::KeyGroups(7, vec![], Stream::EmptySegment))
        .write()
        .0;
    let end = keyed.len() - TRAILER.len();
    // From the end of the file: two channel counts, the raw keyed state, the stream, the handle.
    let stream = end - 10;
    let handle = stream - 9;
    let operator_state = handle - 4;
    let cases: [(usize, &[u8], &[u8]); 3] = [
        (handle, &[], &[0, 3, 5, 7, 8, 9, 10, 11, 12, 13, 14]),
        (stream, &[], &[1, 2, 3, 6, 15, 16]),
        (operator_state, &[0, 0, 0, 1], &[0, 4, 17]),
    ];
    for (at, before, known) in cases {
        for tag in (0..=255).filter(|tag| !known.contains(tag)) {
            let mut bytes = keyed.clone();
            bytes.splice(at..at + before.len(), before.iter().copied());
            let at = at + before.len();
            bytes[at] = tag;
            match parse(&bytes) {
                Err(FormatError::UnknownTag {
                    offset, tag: found, ..
                }) => {
                    assert_eq!((offset, found), (at, tag));
                }
                other => panic!("tag {tag} at {at}: {other:?}"),
            }
        }
    }
}

#[test]
fn a_channel_state_is_of_its_own_side() {
    let channel = Channel {
        merged: false,
        offsets: vec![],
        stream: Stream::EmptySegment,
    };
    let channels = [vec![], vec![channel]];
    let mut sample = with_state(Keyed::ChangelogBytes(vec![]));
    let subtask = Subtask {
        channels,
        ..Subtask::default()
    };
    sample.operators[0].subtasks = Some(vec![Some(subtask)]);
    let (mut bytes, _) = sample.write();
    // The type, subtask, two indices, no offsets, size, no stream.
    let at = bytes.len() - TRAILER.len() - (1 + 4 + 8 + 4 + 8 + 1);
    assert_eq!(bytes[at], 2);
    for tag in (0..=255).filter(|tag| !matches!(tag, 2 | 4)) {
        bytes[at] = tag;
        let expected = "an output channel state (type 2 or 4)";
        assert_eq!(
            parse(&bytes),
            Err(FormatError::UnknownChannel {
                offset: at,
                found: tag,
                expected
            })
        );
    }
}

#[test]
fn a_coordinator_has_inline_state_or_none() {
    let mut sample = with_state(Keyed::ChangelogBytes(vec![]));
    sample.operators[0].coordinator = Some(vec![1, 2, 3]);
    let (mut bytes, _) = sample.write();
    let at = bytes
        .windows(13)
        .position(|w| w == b"\0\x0bcoordinator")
        .unwrap()
        - 1;
    bytes[at] = 2;
    let expected = "a coordinator's state (tag 0 or 1)";
    assert_eq!(
        parse(&bytes),
        Err(FormatError::UnknownTag {
            offset: at,
            tag: 2,
            highest: 17,
            expected
        })
    );
}

#[test]
fn counts_beyond_the_file_end_it_without_reserving_memory() {
    // Every field of four bytes in turn is made the highest count: where it counts, the file ends.
    let (bytes, _) = with_state(Keyed::ChangelogBytes(vec![vec![1; 64]])).write();
    let mut ended = 0;
    for at in 16..bytes.len() - TRAILER.len() - 4 {
        let mut hostile = bytes.clone();
        hostile[at..at + 4].copy_from_slice(&i32::MAX.to_be_bytes());
        ended += usize::from(matches!(
            parse(&hostile),
            Err(FormatError::Truncated { .. })
        ));
    }
    assert!(ended > 10, "{ended} counts seen");
}

#[test]
fn a_negative_count_is_refused() {
    let mut bytes = with_state(Keyed::ChangelogBytes(vec![])).write().0;
    bytes[16..20].copy_from_slice(&(-5_i32).to_be_bytes());
    let expected = "the number of master states";
    assert_eq!(
        parse(&bytes),
        Err(FormatError::BadNumber {
            offset: 16,
            expected,
            found: -5
        })
    );
}

#[test]
fn a_negative_checkpoint_id_is_refused() {
    let mut bytes = with_path("a");
    bytes[8..16].copy_from_slice(&(-1_i64).to_be_bytes());
    let expected = "the checkpoint's id";
    let error = parse(&bytes).unwrap_err();
    assert_eq!(
        error,
        FormatError::BadNumber {
            offset: 8,
            expected,
            found: -1
        }
    );
}

#[test]
fn negative_lengths_are_refused_but_for_the_unknown_one() {
    let unknown = with_state(Keyed::KeyGroups(7, vec![], Stream::File("a".into(), -1)))
        .write()
        .0;
    assert_eq!(parse(&unknown).unwrap().references[0].length, None);
    let bad = with_state(Keyed::KeyGroups(7, vec![], Stream::File("a".into(), -2)))
        .write()
        .0;
    assert!(matches!(
        parse(&bad),
        Err(FormatError::BadNumber { found: -2, .. })
    ));
}

#[test]
fn handles_within_handles_have_a_limit() {
    let nested = |depth| {
        let innermost = Keyed::ChangelogBytes(vec![]);
        let wrap = |inner, _| Keyed::Changelog(14, [vec![inner], vec![]]);
        with_state((0..depth).fold(innermost, wrap)).write().0
    };
    assert!(parse(&nested(16)).is_ok());
    assert!(matches!(
        parse(&nested(17)),
        Err(FormatError::NestedTooDeep { limit: 16, .. })
    ));

    // Streams within streams are read without recursion, so they have none.
    let mut bytes = with_path("a");
    let stream = bytes.iter().rposition(|byte| *byte == 7).unwrap() + 1 + 4 + 4 + 8;
    let level = [3, 0, 0, 0, 0, 0, 0, 0, 0];
    bytes.splice(stream..stream, level.repeat(1_000_000));
    assert_eq!(parse(&bytes).unwrap().references.len(), 1);
}

#[test]
fn a_path_of_the_longest_length_fits_and_no_longer_one() {
    let bytes = with_path("hdfs://primary/a");
    let metadata = parse(&bytes).unwrap();
    let offset = metadata.references[0].span.start;
    let longest = "x".repeat(65_535);
    let new = rewrite(&bytes, &metadata, to(&longest)).unwrap();
    assert_eq!(parse(&new).unwrap().references[0].path, longest);
    assert_eq!(
        rewrite(&bytes, &metadata, to(&"é".repeat(32_768))),
        Err(FormatError::PathTooLong {
            offset,
            bytes: 65_536
        })
    );
}

#[test]
fn an_empty_path_is_neither_read_nor_written() {
    assert!(matches!(
        parse(&with_path("")),
        Err(FormatError::EmptyPath { .. })
    ));
    let bytes = with_path("a");
    let metadata = parse(&bytes).unwrap();
    let offset = metadata.references[0].span.start;
    let error = rewrite(&bytes, &metadata, to("")).unwrap_err();
    assert_eq!(error, FormatError::EmptyPath { offset });
}

#[test]
fn metadata_of_another_file_is_refused() {
    let (one, other) = (with_path("hdfs://a"), with_path("hdfs://b"));
    let metadata = parse(&one).unwrap();
    for bytes in [&other[..], &one[..20], &[]] {
        let offset = metadata.references[0].span.start;
        let error = rewrite(bytes, &metadata, |_, _| false).unwrap_err();
        assert_eq!(error, FormatError::ForeignMetadata { offset });
    }
    let mut twice = metadata.clone();
    twice.references.extend(metadata.references);
    assert!(matches!(
        rewrite(&one, &twice, |_, _| false),
        Err(FormatError::ForeignMetadata { .. })
    ));
}

#[test]
fn a_version_has_the_tags_that_its_flinks_know() {
    // Handles of Flink 2.3 after the header of an older version, where the same frame allows it.
    let cases = [
        (4, Stream::Relative("a".into(), 1), None),
        (3, Stream::Segment("a".into(), 0, 1), Some(15)),
        (3, Stream::EmptySegment, Some(16)),
    ];
    for (version, stream, refused) in cases {
        let sample = by_flink_1(20, Keyed::KeyGroups(3, vec![], stream));
        let (mut bytes, _) = sample.write();
        bytes[7] = version;
        let found = match parse(&bytes) {
            Ok(_) => None,
            Err(FormatError::UnknownTag { tag, highest, .. }) => {
                assert_eq!(highest, 12);
                Some(tag)
            }
            Err(error) => panic!("version {version}: {error}"),
        };
        assert_eq!(found, refused);
    }
}

#[test]
fn a_file_without_a_trailer_ends_with_its_last_operator() {
    for minor in [9, 11, 13, 15] {
        let sample = by_flink_1(minor, Keyed::KeyGroups(3, vec![], Stream::EmptySegment));
        let (mut bytes, _) = sample.write();
        let offset = bytes.len();
        bytes.extend([1, 2, 3]);
        let error = FormatError::NotAtTheEnd { offset, bytes: 3 };
        assert_eq!(parse_as(&bytes, sample.flink), Err(error));
        assert!(parse(&bytes).is_err());
    }
}

#[test]
fn marks_of_what_has_finished_are_refused_before_there_were_any() {
    let mut sample = by_flink_1(14, Keyed::KeyGroups(3, vec![], Stream::EmptySegment));
    sample.operators[0].subtasks = None;
    let (bytes, _) = sample.write();
    assert_eq!(parse(&bytes).unwrap().operators[0].subtasks, None);
    let old = FlinkVersion {
        major: 1,
        minor: 11,
    };
    let error = parse_as(&bytes, old).unwrap_err();
    let offset = bytes.len() - 4;
    let expected = "the number of subtasks";
    assert_eq!(
        error,
        FormatError::BadNumber {
            offset,
            expected,
            found: -1
        }
    );
}

#[test]
fn state_of_flink_1_1_is_refused() {
    let (mut bytes, _) = by_flink_1(9, Keyed::KeyGroups(3, vec![], Stream::EmptySegment)).write();
    // After header, counts, operator, its frame, one subtask's index and a long.
    let offset = 16 + 8 + 16 + 8 + 4 + 4 + 4 + 8;
    bytes[offset + 3] = 2;
    let expected = "no state of Flink 1.1";
    assert_eq!(
        parse(&bytes),
        Err(FormatError::BadNumber {
            offset,
            expected,
            found: 2
        })
    );
}

/// Inline data in flight of Flink 1.11, named such that Flink 1.12 finds a file in the name.
#[test]
fn a_file_with_two_meanings_is_refused_unless_its_flink_is_known() {
    let path = format!("hdfs://primary/{}", "x".repeat(269));
    // What Flink 1.12 reads as tag 2, a size, and the length of the path and four bytes more.
    let name = format!("n\u{2}{}\u{1}\u{20}{path}", "\u{1}".repeat(8));
    let channel = Channel {
        merged: false,
        offsets: vec![],
        stream: Stream::Bytes(name, vec![]),
    };
    let mut sample = by_flink_1(11, Keyed::ChangelogBytes(vec![]));
    sample.operators[0].subtasks = Some(vec![Some(Subtask {
        channels: [vec![channel], vec![]],
        ..Subtask::default()
    })]);
    let (bytes, _) = sample.write();

    let offset = bytes.windows(4).position(|w| w == b"\0\0\0\x4d").unwrap() - 16;
    let (one, other) = ("1.15", "1.11");
    let error = parse(&bytes).unwrap_err();
    assert_eq!(error, FormatError::Ambiguous { offset, one, other });
    assert!(
        error
            .to_string()
            .ends_with("say which version of Flink wrote the file")
    );

    let references = |minor| {
        let metadata = parse_as(&bytes, FlinkVersion { major: 1, minor }).unwrap();
        let paths = metadata
            .references
            .into_iter()
            .map(|reference| reference.path.into_owned());
        paths.collect::<Vec<_>>()
    };
    assert_eq!(references(11), [""; 0]);
    assert_eq!(references(12), [format!("{path}\0\0\0\0")]);
}

#[test]
fn a_master_state_ends_where_it_says() {
    let mut sample = with_state(Keyed::KeyGroups(3, vec![], Stream::EmptySegment));
    sample.masters = vec![SampleMaster {
        name: "hook".into(),
        version: 7,
        bytes: vec![1, 2, 3],
    }];
    let (mut bytes, _) = sample.write();
    let length = 16 + 4 + 4;
    assert_eq!(bytes[length + 3], 4 + 2 + 4 + 4 + 3);
    bytes[length + 3] -= 1;
    let expected = "the state of a master state";
    let offset = length + 4 + 4 + 2 + 4 + 4;
    let error = FormatError::Truncated { offset, expected };
    assert_eq!(parse(&bytes), Err(error));
    bytes[length + 3] += 1;
    bytes[offset - 1] -= 1; // of the state's own length
    let error = FormatError::NotAtTheEnd {
        offset: offset + 2,
        bytes: 1,
    };
    assert_eq!(parse(&bytes), Err(error));
}

/// The bytes of a sample with one of them changed, which must be refused there.
fn refused_at(sample: &Sample, at: usize, value: u8) -> FormatError {
    let (mut bytes, _) = sample.write();
    assert!(parse(&bytes).is_ok());
    bytes[at] = value;
    let error = parse(&bytes).unwrap_err();
    assert_eq!(error.offset() & !3, at & !3, "{error}");
    error
}

#[test]
fn what_flink_does_not_load_is_refused() {
    let sample = with_state(Keyed::ChangelogBytes(vec![]));
    // Header, two counts, name, uid and id.
    let parallelism = 16 + 4 + 4 + 6 + 5 + 16;
    let (bytes, _) = sample.write();
    assert_eq!(bytes[parallelism + 3..=parallelism + 7], [1, 0, 0, 0, 128]);
    let mut none = bytes.clone();
    none[parallelism + 7] = 0;
    let expected = "an operator's max parallelism, not below its parallelism";
    let offset = parallelism + 4;
    let found = 0;
    let error = FormatError::BadNumber {
        offset,
        expected,
        found,
    };
    assert_eq!(parse(&none), Err(error));

    // After the coordinator's tag and the count: the first subtask's index.
    let offset = parallelism + 8 + 1 + 4;
    let expected = "the index of a subtask, below the parallelism";
    for (index, found) in [([0, 0, 0, 1], 1), ([255, 255, 255, 254], -2)] {
        let mut other = bytes.clone();
        other[offset..offset + 4].copy_from_slice(&index);
        let error = FormatError::BadNumber {
            offset,
            expected,
            found,
        };
        assert_eq!(parse(&other), Err(error));
    }
}

#[test]
fn a_changelog_is_followed_by_changes_alone() {
    let change = Keyed::ChangelogBytes(vec![]);
    let mut sample = with_state(Keyed::Changelog(14, [vec![], vec![change]]));
    sample.operators[0].subtasks.as_mut().unwrap()[0]
        .as_mut()
        .unwrap()
        .keyed[1] = None;
    let (bytes, _) = sample.write();
    // From the end: channels, raw keyed state; id, checkpoint, materialization; the change.
    let change = bytes.len() - TRAILER.len() - 8 - 1 - 4 - 8 - 8 - (1 + 8 + 16 + 4 + 4);
    assert_eq!(bytes[change], 9);
    for tag in [0, 3, 5, 14] {
        let error = refused_at(&sample, change, tag);
        assert!(
            error
                .to_string()
                .contains("a handle of changes (tag 9, 10 or 13)"),
            "{error}"
        );
    }
}

#[test]
fn operator_state_of_merged_files_is_in_a_segment() {
    let mut sample = with_state(Keyed::ChangelogBytes(vec![]));
    let state = OperatorState {
        states: vec![("s".into(), vec![])],
        directories: Some(("a".into(), "b".into())),
        stream: Stream::EmptySegment,
    };
    let subtask = Subtask {
        operator_states: [None, Some(state)],
        ..Subtask::default()
    };
    sample.operators[0].subtasks = Some(vec![Some(subtask)]);
    let (bytes, _) = sample.write();
    let stream = bytes.len() - TRAILER.len() - 8 - 2 - 1;
    for tag in [0, 1, 2, 6] {
        let error = refused_at(&sample, stream, tag);
        assert!(
            error.to_string().contains("a segment (tag 15 or 16)"),
            "{error}"
        );
    }
    // Before it: whether it is empty, two directories of a letter, the offsets, the mode.
    let mode = stream - 1 - 3 - 3 - 4 - 1;
    let error = refused_at(&sample, mode, 3);
    assert!(
        error.to_string().contains("mode (0, 1 or 2), found 3"),
        "{error}"
    );
}
