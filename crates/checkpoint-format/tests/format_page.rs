//! docs/metadata-format.md against the parser and against bytes of Flink's own: files are written
//! by the page's tables and must be read, and the page's dump must be the golden that it says it
//! is. It takes what it expects from the page alone.

mod page;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use checkpoint_format::{FormatError, Metadata, ReferenceKind, parse, parse_as};
use page::writer::{self, Place, Written};
use page::{COLUMNS, Kind, Page, column_of, first_flink, flink, flinks};

/// The tags of the page, and one that there is not.
const TAGS: std::ops::RangeInclusive<u8> = 0..=18;

fn goldens() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/goldens")
}

/// What a column is called in a message.
fn layout(column: usize) -> String {
    format!("layout {}", COLUMNS[column])
}

/// A row of the page's table of versions.
struct Version {
    flinks: String,
    number: u32,
    column: usize,
    highest_tag: u8,
}

fn versions(page: &Page) -> Vec<Version> {
    let header = [
        "Flink",
        "version",
        "layout",
        "serializer",
        "tags up to",
        "what it added",
    ];
    let rows = page.rows(&header).into_iter();
    rows.map(|row| Version {
        flinks: row[0].clone(),
        number: row[1].parse().unwrap(),
        column: COLUMNS.iter().position(|name| *name == row[2]).unwrap(),
        highest_tag: row[4].parse().unwrap(),
    })
    .collect()
}

fn write(page: &Page, column: usize, place: Place) -> Written {
    let versions = versions(page);
    let version = versions
        .iter()
        .find(|version| version.column == column)
        .unwrap();
    writer::write(page, column, version.number.into(), place)
}

/// The words by which the page marks fields that are paths.
fn marks(metadata: &Metadata<'_>) -> Vec<&'static str> {
    let references = metadata.references.iter();
    references
        .map(|reference| match reference.kind {
            ReferenceKind::Absolute | ReferenceKind::Segment { .. } => "PATH",
            ReferenceKind::Relative => "RELATIVE PATH",
            ReferenceKind::Directory => "DIRECTORY",
        })
        .collect()
}

fn read(written: &Written, column: usize) -> Result<Metadata<'_>, FormatError> {
    parse_as(&written.bytes, flink(COLUMNS[column]))
}

/// Writes a file by the page, which the parser must read to its last byte, with its paths.
fn is_read(page: &Page, column: usize, place: Place, what: &str) -> Written {
    let written = write(page, column, place);
    let metadata = read(&written, column).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(marks(&metadata), written.paths, "{what}");
    assert_eq!(
        (metadata.master_states.len(), metadata.operators.len()),
        (1, 1),
        "{what}"
    );
    written
}

/// Each kind of channel state, and each tag in the place of each kind: read where the page has it,
/// refused by its number elsewhere. In the end each field of each layout was read.
#[test]
fn files_written_by_the_page_are_read_and_others_refused() {
    let page = Page::read();
    for column in 0..COLUMNS.len() {
        let layout = layout(column);
        let mut lines = BTreeSet::new();
        for channel in ["channel", "merged channel"]
            .into_iter()
            .filter(|n| page.has(n, column))
        {
            let what = format!("{channel} in {layout}");
            lines.extend(is_read(&page, column, Place::Channel(channel), &what).lines);
        }
        for tag in TAGS {
            for kind in [Kind::Stream, Kind::Operator, Kind::Keyed] {
                let what = format!("tag {tag} as {kind:?} in {layout}");
                let place = Place::Tag(kind, tag);
                if page.is_of_kind(tag, kind, column) {
                    assert!(page.has(&format!("tag {tag}"), column), "{what}: no table");
                    lines.extend(is_read(&page, column, place, &what).lines);
                    continue;
                }
                match read(&write(&page, column, place), column) {
                    Err(FormatError::UnknownTag { tag: found, .. }) => assert_eq!(found, tag),
                    other => panic!("{what}: {other:?}"),
                }
            }
        }
        let rows = page
            .fields
            .values()
            .flatten()
            .filter(|row| row.is_in(column));
        let unread = rows
            .map(|row| row.line)
            .filter(|line| !lines.contains(line));
        let unread: Vec<_> = unread.collect();
        assert!(
            unread.is_empty(),
            "{layout}: lines {unread:?} of the page were not read"
        );
    }
}

#[test]
fn fields_have_the_sizes_and_offsets_of_their_types() {
    for (table, rows) in Page::read().fields {
        for column in 0..COLUMNS.len() {
            // Where the next field is, as long as that is fixed.
            let mut offset = Some(0);
            for (i, row) in rows.iter().enumerate().filter(|(_, row)| row.is_in(column)) {
                let what = format!("{table}: {} {}", row.kind, row.text);
                let size = match row.kind.as_str() {
                    "byte" => Some(1),
                    "int" | "size" => Some(4),
                    "long" => Some(8),
                    _ => None,
                };
                let in_words = match (size, row.kind.as_str()) {
                    (Some(size), _) => size.to_string(),
                    (None, "utf") => "2+n".to_owned(),
                    _ => "*".to_owned(),
                };
                assert_eq!(row.sizes[column], in_words, "{what}");
                if row.offset.is_some() {
                    assert_eq!(row.offset, offset, "{what}");
                }
                let mut before = rows[..i].iter().rev();
                let above = before.find(|other| other.indent < row.indent);
                let is_repeated = above.is_some_and(|above| above.kind == "int");
                offset = offset
                    .zip(size.filter(|_| !is_repeated))
                    .map(|(at, size)| at + size);
            }
        }
    }
}

#[test]
fn versions_are_written_by_the_flinks_and_have_the_tags_that_the_page_says() {
    let page = Page::read();
    let versions = versions(&page);
    let mut written_by: BTreeMap<u32, Vec<_>> = BTreeMap::new();
    for version in &versions {
        let flinks = flinks(&version.flinks);
        let columns: BTreeSet<_> = flinks.iter().copied().map(column_of).collect();
        assert!(
            columns.iter().eq([&version.column]),
            "Flink {}",
            version.flinks
        );
        written_by.entry(version.number).or_default().extend(flinks);
    }
    for column in 0..COLUMNS.len() {
        let of_layout = || versions.iter().filter(|version| version.column == column);
        let written = write(&page, column, Place::Nothing);
        let metadata = read(&written, column).unwrap();
        let number = metadata.version;
        assert!(of_layout().all(|version| version.number == number));
        assert_eq!(
            flinks(metadata.flinks()),
            written_by[&number],
            "version {number}"
        );

        let written = write(&page, column, Place::Tag(Kind::Keyed, *TAGS.end()));
        match read(&written, column) {
            Err(FormatError::UnknownTag { highest, .. }) => {
                let last = of_layout().map(|version| version.highest_tag).max();
                assert_eq!(Some(highest), last, "{}", layout(column));
            }
            other => panic!("{}: {other:?}", layout(column)),
        }
    }
    // Within a layout: a tag is written by the first Flink that has it, and not before.
    for row in page.tags() {
        let (tag, since): (u8, _) = (row[0].parse().unwrap(), first_flink(&row[3]));
        for version in &versions {
            for one in flinks(&version.flinks) {
                let is_there = tag <= version.highest_tag;
                assert_eq!(one >= since, is_there, "tag {tag}, Flink {one}");
            }
        }
    }
}

#[test]
fn the_dump_is_the_golden_byte_by_byte() {
    let golden = fs::read(goldens().join("page/chk-7.metadata")).unwrap();
    let dump = Page::read().dump();
    let mut bytes: Vec<u8> = Vec::new();
    for line in &dump {
        assert_eq!(
            line.offset,
            bytes.len(),
            "the offset before {:02x?}",
            line.bytes
        );
        assert!(!line.text.is_empty(), "{:04x} has no text", line.offset);
        bytes.extend(&line.bytes);
    }
    assert!(
        bytes == golden,
        "the dump has {} bytes, the golden {}",
        bytes.len(),
        golden.len()
    );

    let paths = dump.iter().filter(|line| line.text.contains("PATH"));
    let paths = paths.map(|line| (line.offset, line.text.contains("RELATIVE")));
    let metadata = parse(&golden).unwrap();
    let references = metadata.references.iter();
    let references =
        references.map(|found| (found.span.start, found.kind == ReferenceKind::Relative));
    assert!(
        paths.eq(references),
        "the paths in the dump are those that the parser finds"
    );
}

/// What the page says was seen in files is what there are goldens of.
#[test]
fn versions_said_to_be_seen_are_those_of_the_goldens() {
    let mut seen: BTreeMap<u32, BTreeSet<String>> = BTreeMap::new();
    for entry in fs::read_dir(goldens().join("data")).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(path.join("empty.metadata")).unwrap();
        let flink = path.file_name().unwrap().to_str().unwrap().to_owned();
        let version = parse(&bytes).unwrap().version;
        seen.entry(version).or_default().insert(flink);
    }
    let page = Page::read();
    let said = page.rows(&["version", "Flink", ""]).into_iter().map(|row| {
        let flinks = row[1].split(", ").filter(|flink| *flink != "none");
        (row[0].parse().unwrap(), flinks.map(str::to_owned).collect())
    });
    for version in versions(&page) {
        seen.entry(version.number).or_default();
    }
    assert_eq!(said.collect::<BTreeMap<_, _>>(), seen);
}
