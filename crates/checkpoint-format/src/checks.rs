//! For tests: what must hold of any bytes whatever, be they a `_metadata` or not. The fuzz targets
//! in `fuzz/` and the mutations here check the same by it. It refuses to make inputs.

use checkpoint_format::{
    FlinkVersion, FormatError, Metadata, Reference, ReferenceKind, Scope, parse, parse_as, rewrite,
};

/// One Flink of each layout of version 3, where the layouts have one number.
const FLINKS: [FlinkVersion; 3] = [flink_1(11), flink_1(14), flink_1(15)];
/// Before every path that is mapped.
const ROOTS: [&str; 2] = ["hdfs://secondary:8020/root/", "hdfs://\0é€😀/root/"];

const fn flink_1(minor: u16) -> FlinkVersion {
    FlinkVersion { major: 1, minor }
}

/// The bytes are parsed or refused, by a whole result or an error within them, and a Flink that is
/// told changes nothing but what the bytes leave open. Whether they are parsed.
///
/// # Panics
/// When something does not hold; so do the others.
pub fn parsing(bytes: &[u8]) -> bool {
    let found = parse(bytes);
    let told: Vec<_> = flinks(bytes)
        .iter()
        .map(|flink| parse_as(bytes, *flink))
        .collect();
    for result in told.iter().chain([&found]) {
        match result {
            Ok(metadata) => is_whole(bytes, metadata),
            Err(error) => {
                assert!(error.offset() <= bytes.len(), "{error}");
                assert!(error.to_string().starts_with("byte "), "{error}");
            }
        }
    }
    let mut fits = told.iter().flatten();
    match &found {
        Ok(metadata) => {
            assert!(told.contains(&found));
            assert!(fits.all(|other| other == metadata));
        }
        Err(FormatError::Ambiguous { .. }) => {
            let one = fits.next().expect("two meanings");
            assert!(fits.any(|other| other != one));
        }
        Err(_) => assert!(told.contains(&found) && fits.next().is_none()),
    }
    found.is_ok()
}

/// What is parsed is rewritten: to the same bytes without a mapping, and with one to bytes that
/// are parsed to the mapped paths and nothing else that is new.
pub fn rewriting(bytes: &[u8]) {
    for flink in flinks(bytes) {
        if let Ok(metadata) = parse_as(bytes, *flink) {
            is_rewritten(bytes, &metadata, *flink);
            is_refused(bytes, &metadata);
        }
    }
}

/// Those by which the bytes may have different meanings; any one where there is nothing to ask.
fn flinks(bytes: &[u8]) -> &'static [FlinkVersion] {
    let is_version_3 = bytes.get(4..8) == Some(&[0, 0, 0, 3]);
    if is_version_3 { &FLINKS } else { &FLINKS[..1] }
}

/// Order, places and parts of what was parsed.
fn is_whole(bytes: &[u8], metadata: &Metadata<'_>) {
    assert!((2..=6).contains(&metadata.version) && metadata.checkpoint_id >= 0);
    assert_ne!(metadata.flinks(), "unknown");
    let mut end = 16;
    for reference in &metadata.references {
        assert!(reference.span.start >= end, "out of order: {reference:?}");
        end = reference.span.end;
        let field = &bytes[reference.span.clone()];
        let length = usize::from(u16::from_be_bytes([field[0], field[1]]));
        assert!(length > 0 && length + 2 == field.len(), "{reference:?}");
        assert!(!reference.path.is_empty());
        assert!(reference.length <= Some(i64::MAX.unsigned_abs()));
        let required = reference.required_length();
        assert!(if reference.exact {
            required >= reference.length
        } else {
            required.is_none()
        });
        match (reference.kind, reference.scope) {
            (ReferenceKind::Relative, scope) => assert_eq!(scope, Scope::Exclusive),
            (ReferenceKind::Directory, scope) => {
                assert_eq!((scope, reference.length), (Scope::Shared, None));
            }
            (ReferenceKind::Absolute | ReferenceKind::Segment { .. }, _) => {}
        }
    }
    let mut next = 0;
    for operator in &metadata.operators {
        assert!(operator.parallelism <= operator.max_parallelism);
        assert!(operator.subtasks.is_none_or(|n| n.finished <= n.stored));
        assert_eq!(operator.references.start, next);
        next = operator.references.end;
    }
    assert_eq!(next, metadata.references.len());
}

fn is_rewritten(bytes: &[u8], metadata: &Metadata<'_>, flink: FlinkVersion) {
    assert!(rewrite(bytes, metadata, |_, _| false).as_deref() == Ok(bytes));
    let mut asked = Vec::with_capacity(metadata.references.len());
    let same = rewrite(bytes, metadata, |reference, new| {
        asked.push(reference.span.start);
        new.push_str(&reference.path);
        true
    });
    assert!(same.as_deref() == Ok(bytes));
    let places = metadata
        .references
        .iter()
        .map(|reference| reference.span.start);
    assert!(places.eq(asked), "not asked once of each, in order");

    let fits = |reference: &Reference<'_>| {
        moved(&reference.path).chars().map(width).sum::<usize>() < 1 << 16
    };
    match rewrite(bytes, metadata, moving) {
        Ok(new) => {
            let found = parse_as(&new, flink).expect("what is rewritten is whole");
            is_same_but_moved(metadata, &found);
            let mut old = metadata.references.iter();
            let back = rewrite(&new, &found, |_, path| {
                old.next().is_some_and(|old| {
                    path.push_str(&old.path);
                    true
                })
            });
            assert!(!is_written_by_java(bytes, metadata) || back.as_deref() == Ok(bytes));
        }
        Err(FormatError::PathTooLong { .. }) => {
            assert!(!metadata.references.iter().all(fits));
        }
        Err(error) => panic!("{error}"),
    }
}

/// What cannot be written is refused where the first path is, and what is not the file too.
fn is_refused(bytes: &[u8], metadata: &Metadata<'_>) {
    let Some(first) = metadata.references.first() else {
        return;
    };
    let offset = first.span.start;
    let error = |bytes, path: &str| {
        let to = |_: &Reference<'_>, new: &mut String| {
            new.push_str(path);
            true
        };
        rewrite(bytes, metadata, to).unwrap_err()
    };
    assert_eq!(error(bytes, ""), FormatError::EmptyPath { offset });
    let end = first.span.end - 1;
    assert_eq!(
        error(&bytes[..end], "a"),
        FormatError::ForeignMetadata { offset }
    );
}

/// Leaves some paths, and moves the others below one of two roots. Below which directory of its
/// own a file is, and so its scope, stays.
fn moved(path: &str) -> String {
    match path.bytes().fold(0, u8::wrapping_add) % 3 {
        0 => path.to_owned(),
        one => format!("{}{path}", ROOTS[usize::from(one - 1)]),
    }
}

/// `moved` as `rewrite` asks for it.
fn moving(reference: &Reference<'_>, new: &mut String) -> bool {
    new.push_str(&moved(&reference.path));
    true
}

/// The bytes that a character takes in modified UTF-8.
fn width(char: char) -> usize {
    match char {
        '\0' => 2,
        '\u{10000}'.. => 6,
        _ => char.len_utf8(),
    }
}

/// Whether each path has the only form that `DataOutput.writeUTF` would give it.
fn is_written_by_java(bytes: &[u8], metadata: &Metadata<'_>) -> bool {
    metadata.references.iter().all(|reference| {
        let width: usize = reference.path.chars().map(width).sum();
        reference.span.len() == width + 2 && !bytes[reference.span.clone()][2..].contains(&0)
    })
}

fn is_same_but_moved(old: &Metadata<'_>, new: &Metadata<'_>) {
    assert_eq!(old.version, new.version);
    assert_eq!(old.checkpoint_id, new.checkpoint_id);
    assert_eq!(old.master_states, new.master_states);
    assert_eq!(old.operators, new.operators);
    assert_eq!(old.references.len(), new.references.len());
    for (old, new) in old.references.iter().zip(&new.references) {
        assert_eq!(moved(&old.path), new.path);
        assert_eq!((old.kind, old.scope), (new.kind, new.scope));
        assert_eq!(old.length, new.length);
    }
}
