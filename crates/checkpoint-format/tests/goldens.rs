//! Files that Flink's own serializers wrote, against what Flink's own loader found in them. See
//! tests/goldens/README.md for how they are made.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use checkpoint_format::{FormatError, Metadata, Reference, ReferenceKind, parse, rewrite};

/// The Flink versions, and the metadata version that each writes.
const FLINKS: [(&str, u32); 4] = [("1.20.5", 4), ("2.0.1", 5), ("2.2.1", 6), ("2.3.0", 6)];
/// `Case.all` in the generator.
const CASES: usize = 18;
/// `Generate.PRIMARY` and `Generate.SECONDARY` in the generator.
const PRIMARY: &str = "hdfs://primary:8020/flink/checkpoints/";
const SECONDARY: &str = "hdfs://the-other-cluster/mirror/of/primary/";

struct Golden {
    name: String,
    version: u32,
    bytes: Vec<u8>,
    listing: String,
    secondary: Option<Vec<u8>>,
}

fn goldens() -> Vec<Golden> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/goldens/data");
    let mut goldens = Vec::new();
    for (flink, version) in FLINKS {
        let mut files: BTreeMap<String, PathBuf> = BTreeMap::new();
        for entry in fs::read_dir(data.join(flink)).unwrap() {
            let path = entry.unwrap().path();
            files.insert(path.file_name().unwrap().to_str().unwrap().to_owned(), path);
        }
        let cases = files
            .keys()
            .filter_map(|name| name.strip_suffix(".listing"));
        let before = goldens.len();
        goldens.extend(cases.map(|case| {
            Golden {
                name: format!("{flink} {case}"),
                version,
                bytes: fs::read(&files[&format!("{case}.metadata")]).unwrap(),
                listing: fs::read_to_string(&files[&format!("{case}.listing")]).unwrap(),
                secondary: files
                    .get(&format!("{case}.secondary.metadata"))
                    .map(|path| fs::read(path).unwrap()),
            }
        }));
        assert_eq!(goldens.len() - before, CASES, "cases of Flink {flink}");
    }
    goldens
}

/// The listing as the generator's `Listing` writes it.
fn listing(metadata: &Metadata<'_>) -> String {
    let mut out = format!(
        "metadata\t{}\t{}\n",
        metadata.version, metadata.checkpoint_id
    );
    for operator in &metadata.operators {
        let escaped_or_empty = |text: Option<&str>| text.map(escaped).unwrap_or_default();
        writeln!(
            out,
            "operator\t{}\t{}\t{}\t{}\t{}\t{}",
            operator.id,
            operator.parallelism,
            operator.max_parallelism,
            escaped_or_empty(operator.name.as_deref()),
            escaped_or_empty(operator.uid.as_deref()),
            operator
                .subtasks
                .map_or("finished".to_owned(), |n| n.stored.to_string()),
        )
        .unwrap();
        let references = &metadata.references[operator.references.clone()];
        let mut lines: Vec<String> = references.iter().map(line).collect();
        lines.sort();
        for line in lines {
            out.push_str(&line);
        }
    }
    out
}

fn line(reference: &Reference<'_>) -> String {
    let length = reference
        .length
        .map_or("-1".to_owned(), |length| length.to_string());
    let (kind, length) = match reference.kind {
        ReferenceKind::Absolute => ("absolute", length),
        ReferenceKind::Relative => ("relative", length),
        ReferenceKind::Segment { offset } => ("segment", format!("{offset}+{length}")),
        ReferenceKind::Directory => ("directory", "-".to_owned()),
    };
    format!("{kind}\t{length}\t{}\n", escaped(&reference.path))
}

fn escaped(text: &str) -> String {
    let mut out = String::new();
    for unit in text.encode_utf16() {
        match u8::try_from(unit) {
            Ok(byte @ 0x20..0x7F) if byte != b'\\' => out.push(byte.into()),
            _ => write!(out, "\\u{unit:04x}").unwrap(),
        }
    }
    out
}

fn moved(reference: &Reference<'_>, new: &mut String) -> bool {
    let Some(rest) = reference.path.strip_prefix(PRIMARY) else {
        return false;
    };
    new.push_str(SECONDARY);
    new.push_str(rest);
    true
}

#[test]
fn every_file_is_read_as_flink_reads_it() {
    for golden in goldens() {
        let metadata = parse(&golden.bytes).unwrap();
        assert_eq!(metadata.version, golden.version, "{}", golden.name);
        assert_eq!(listing(&metadata), golden.listing, "{}", golden.name);
    }
}

#[test]
fn a_rewritten_file_is_the_one_that_flink_writes_there() {
    let mut rewritten = 0;
    for golden in goldens() {
        let metadata = parse(&golden.bytes).unwrap();
        let new = rewrite(&golden.bytes, &metadata, moved).unwrap();
        rewritten += usize::from(golden.secondary.is_some());
        assert!(
            new == golden.secondary.unwrap_or(golden.bytes.clone()),
            "{}",
            golden.name
        );
    }
    assert_eq!(rewritten, FLINKS.len() * 8);
}

#[test]
fn a_mapping_that_changes_nothing_gives_the_same_bytes() {
    for golden in goldens() {
        let metadata = parse(&golden.bytes).unwrap();
        let new = rewrite(&golden.bytes, &metadata, |reference, new| {
            new.push_str(&reference.path);
            true
        })
        .unwrap();
        assert!(new == golden.bytes, "{}", golden.name);
    }
}

/// The properties at a file's end are copied blind, yet a file cut off within them is noticed.
#[test]
fn no_prefix_of_a_file_is_taken_for_one() {
    for golden in goldens() {
        let length = golden.bytes.len();
        let last = length.saturating_sub(1000);
        for end in (0..last).step_by(1 + length / 1000).chain(last..length) {
            let error = parse(&golden.bytes[..end]).unwrap_err();
            let is_cut = matches!(error, FormatError::Truncated { offset, .. } if offset <= end);
            assert!(is_cut, "{} cut at {end} of {length}: {error}", golden.name);
        }
    }
}
