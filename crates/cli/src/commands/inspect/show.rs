//! One `_metadata` as people read it. Refuses to shorten an id, a name or a path: a line is as long
//! as it must be, and what may be long comes last.

use comfy_table::Cell;

use super::document::{Document, FileCounts, FileLine, OperatorLine, Sizes, SubtaskLine};
use crate::output;

pub(super) fn print(document: &Document<'_>) {
    output::print(&facts(head(document)));
    if !document.master_states.is_empty() {
        output::print("");
        output::print_table(&masters(document));
    }
    if !document.operators.is_empty() {
        output::print("");
        output::print(&operators(document, output::terminal_width()));
    }
    if let Some(files) = document.files.as_deref().filter(|files| !files.is_empty()) {
        output::print("");
        output::print_lines(file_lines(files));
    }
    if let Some(directories) = document.directories.filter(|found| !found.is_empty()) {
        output::print("\nDIRECTORIES OF FILE MERGING");
        output::print_lines(directories.iter().map(|path| output::harmless(path)));
    }
}

/// One fact a line.
fn facts(facts: impl IntoIterator<Item = (&'static str, String)>) -> String {
    let line = |(name, value): (_, String)| format!("{name:<13}{}", output::harmless(&value));
    facts.into_iter().map(line).collect::<Vec<_>>().join("\n")
}

/// What is said of the whole.
fn head(document: &Document<'_>) -> [(&'static str, String); 6] {
    let version = format!(
        "{}, written by Flink {}",
        output::or_dash(document.version),
        document.flink.unwrap_or("-"),
    );
    let size = document.bytes.map(|bytes| output::size(bytes as u64));
    [
        ("PATH", document.path.clone()),
        ("CHECKPOINT", output::or_dash(document.checkpoint_id)),
        ("VERSION", version),
        ("SIZE", output::or_dash(size)),
        ("STATE", output::or_dash(document.state.map(state))),
        ("FILES", output::or_dash(document.file_counts.map(counts))),
    ]
}

/// `1.0 MiB: 12 B inline, 1.0 MiB exclusive`: the kinds that there are.
fn state(sizes: Sizes) -> String {
    let kinds = kinds().into_iter().filter(|(_, size)| size(&sizes) > 0);
    let parts: Vec<_> = kinds
        .map(|(name, size)| format!("{} {}", output::size(size(&sizes)), name.to_lowercase()))
        .collect();
    match parts.as_slice() {
        [] => output::size(sizes.total),
        [only] => only.clone(),
        parts => format!("{}: {}", output::size(sizes.total), parts.join(", ")),
    }
}

/// `7 absolute, 3 segments in 2 files, 1 directory`: the kinds that there are.
fn counts(counts: FileCounts) -> String {
    let some = |number, one: &str, more: &str| match number {
        0 => None,
        1 => Some(format!("1 {one}")),
        _ => Some(format!("{number} {more}")),
    };
    let segments = some(counts.segment, "segment", "segments");
    let files = some(counts.segment_files, "file", "files").unwrap_or_default();
    let parts: Vec<_> = [
        some(counts.absolute, "absolute", "absolute"),
        some(counts.relative, "relative", "relative"),
        segments.map(|segments| format!("{segments} in {files}")),
        some(counts.directory, "directory", "directories"),
    ]
    .into_iter()
    .flatten()
    .collect();
    let unknown = match counts.unknown_length {
        0 => String::new(),
        number => format!("; {number} of unknown length"),
    };
    match parts.as_slice() {
        [] => "none".to_owned(),
        parts => parts.join(", ") + &unknown,
    }
}

type Kind = (&'static str, fn(&Sizes) -> u64);

fn kinds() -> [Kind; 5] {
    [
        ("INLINE", |sizes| sizes.inline),
        ("EXCLUSIVE", |sizes| sizes.exclusive),
        ("SHARED", |sizes| sizes.shared),
        ("CHANGELOG", |sizes| sizes.changelog),
        ("CHANNEL", |sizes| sizes.channel),
    ]
}

fn masters(document: &Document<'_>) -> comfy_table::Table {
    let mut table = output::table(&[">VERSION", ">SIZE", "MASTER STATE"]);
    for master in &document.master_states {
        table.add_row([
            Cell::new(master.version),
            Cell::new(output::size(master.bytes)),
            output::cell(master.name),
        ]);
    }
    table
}

/// A row for each operator or, where the terminal is not as wide as that, a paragraph.
fn operators(document: &Document<'_>, terminal_width: Option<usize>) -> String {
    let rows = operator_rows(document).trim_fmt();
    let is_narrower = |width| rows.lines().any(|row| row.chars().count() > width);
    if !terminal_width.is_some_and(is_narrower) {
        return rows;
    }
    let paragraphs = document.operators.iter().map(operator_facts).map(facts);
    paragraphs.collect::<Vec<_>>().join("\n\n")
}

fn operator_facts(
    operator: &OperatorLine<'_>,
) -> impl Iterator<Item = (&'static str, String)> + use<> {
    let known = |name, text: Option<&str>| text.map(|text| (name, text.to_owned()));
    let facts = [
        Some(("OPERATOR", operator.id.clone())),
        known("UID", operator.uid),
        known("NAME", operator.name),
        Some(("PARALLELISM", parallelism(operator))),
        Some(("SUBTASKS", subtasks(operator))),
        Some(("STATE", state(operator.state))),
    ];
    facts.into_iter().flatten()
}

fn operator_rows(document: &Document<'_>) -> comfy_table::Table {
    let is_used = |(_, size): &Kind| document.state.is_some_and(|sizes| size(&sizes) > 0);
    let kinds: Vec<_> = kinds().into_iter().filter(is_used).collect();
    let has_names = document.version.is_some_and(|version| version >= 5);
    let sizes = kinds.iter().map(|(name, _)| format!(">{name}"));
    let mut header = vec![
        "OPERATOR".to_owned(),
        ">PARALLELISM".into(),
        "SUBTASKS".into(),
    ];
    header.extend(sizes.chain([">TOTAL".to_owned()]));
    if has_names {
        header.extend(["UID".to_owned(), "NAME".to_owned()]);
    }
    let header: Vec<_> = header.iter().map(String::as_str).collect();
    let mut table = output::table(&header);
    for operator in &document.operators {
        let sizes = kinds.iter().map(|(_, size)| size(&operator.state));
        let sizes = sizes.chain([operator.state.total]);
        let mut row = vec![
            Cell::new(&operator.id),
            Cell::new(parallelism(operator)),
            Cell::new(subtasks(operator)),
        ];
        row.extend(sizes.map(|size| Cell::new(output::size(size))));
        if has_names {
            let names = [operator.uid, operator.name];
            row.extend(names.map(|name| output::cell(name.unwrap_or("-"))));
        }
        table.add_row(row);
    }
    table
}

fn parallelism(operator: &OperatorLine<'_>) -> String {
    format!("{} of {}", operator.parallelism, operator.max_parallelism)
}

fn subtasks(operator: &OperatorLine<'_>) -> String {
    match operator.subtasks {
        None => "finished".to_owned(),
        Some(SubtaskLine {
            stored,
            finished: 0,
        }) => stored.to_string(),
        Some(SubtaskLine { stored, finished }) => format!("{stored}, {finished} finished"),
    }
}

/// One file a line, in columns; there may be very many.
fn file_lines<'m>(files: &'m [FileLine<'m>]) -> impl Iterator<Item = String> + 'm {
    let width = |of: fn(&FileLine<'_>) -> Option<u64>| {
        let largest = files.iter().filter_map(of).max()?;
        Some(largest.to_string().len().max("LENGTH".len()))
    };
    let length_width = width(|file| file.length).unwrap_or("LENGTH".len());
    // None, and no column, where there are no segments.
    let offset_width = width(|file| file.offset);
    let line = move |kind: &str, scope: &str, length: &str, offset: &str, path: &str| {
        let offset = offset_width.map(|width| format!("{offset:>width$}  "));
        let offset = offset.unwrap_or_default();
        format!("{kind:<8}  {scope:<9}  {length:>length_width$}  {offset}{path}")
    };
    let header = line("KIND", "SCOPE", "LENGTH", "OFFSET", "PATH");
    let lines = files.iter().map(move |file| {
        let length = output::or_dash(file.length);
        let offset = output::or_dash(file.offset);
        let path = output::harmless(file.path);
        line(file.kind, file.scope, &length, &offset, &path)
    });
    std::iter::once(header).chain(lines)
}

#[cfg(test)]
mod tests {
    use super::*;
    use audit::{Location, MetadataFile, Named};

    const FINISHED: &[u8] =
        include_bytes!("../../../../../tests/goldens/data/2.3.0/finished.metadata");
    const ROWS: &str = "\
OPERATOR                          PARALLELISM  SUBTASKS       SHARED  TOTAL  UID         NAME
5d1c3c9e0ce94fc00000000000000006     3 of 128  3, 2 finished     5 B    5 B  partly-uid  partly
7438f8d847f1c3920000000000000005     4 of 128  finished          0 B    0 B  -           fully
40a01c8c271f3ef20000000000000009     2 of 128  0                 0 B    0 B  -           -";
    const PARAGRAPHS: &str = "\
OPERATOR     5d1c3c9e0ce94fc00000000000000006
UID          partly-uid
NAME         partly
PARALLELISM  3 of 128
SUBTASKS     3, 2 finished
STATE        5 B shared

OPERATOR     7438f8d847f1c3920000000000000005
NAME         fully
PARALLELISM  4 of 128
SUBTASKS     finished
STATE        0 B

OPERATOR     40a01c8c271f3ef20000000000000009
PARALLELISM  2 of 128
SUBTASKS     0
STATE        0 B";

    #[test]
    fn rows_that_do_not_fit_are_paragraphs() {
        let file = MetadataFile {
            path: Location::parse("file:/_metadata").unwrap(),
            bytes: FINISHED.into(),
        };
        let metadata = file.parse(None).unwrap();
        let named = Named::of(&metadata);
        let document = Document::of(&file, &metadata, &named, false);
        let widest = ROWS.lines().map(str::len).max();
        assert_eq!(operators(&document, None), ROWS);
        assert_eq!(operators(&document, widest), ROWS);
        let narrower = widest.map(|width| width - 1);
        assert_eq!(operators(&document, narrower), PARAGRAPHS);
    }

    #[test]
    fn kinds_of_which_there_is_nothing_are_not_named() {
        let sizes = |inline, channel| Sizes {
            inline,
            exclusive: 0,
            shared: 0,
            changelog: 0,
            channel,
            total: inline + channel,
        };
        assert_eq!(state(sizes(0, 0)), "0 B");
        assert_eq!(state(sizes(0, 7)), "7 B channel");
        assert_eq!(
            state(sizes(2048, 7)),
            "2.0 KiB: 2.0 KiB inline, 7 B channel"
        );
        let files = |relative, segment, segment_files, unknown_length| FileCounts {
            absolute: 0,
            relative,
            segment,
            segment_files,
            directory: segment_files,
            unknown_length,
        };
        assert_eq!(counts(files(0, 0, 0, 0)), "none");
        assert_eq!(
            counts(files(0, 1, 1, 0)),
            "1 segment in 1 file, 1 directory"
        );
        let expected = "3 relative, 9 segments in 2 files, 2 directories; 4 of unknown length";
        assert_eq!(counts(files(3, 9, 2, 4)), expected);
    }
}
