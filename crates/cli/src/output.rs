//! What is printed and how numbers look to people. Refuses to decide what is worth printing.

use std::io::{BufWriter, Write as _};
use std::time::{Duration, UNIX_EPOCH};

use audit::Finding;
use comfy_table::{Cell, CellAlignment, Color, ContentArrangement, Table, presets};
use serde::Serialize;

/// People are shown so many findings; JSON has all.
const MOST_FINDINGS_SHOWN: usize = 20;

/// Prints to standard output; a reader that has gone away (`| head`) is no error.
pub(crate) fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// Prints very many lines.
pub(crate) fn print_lines(lines: impl Iterator<Item = String>) {
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut lines = lines;
    let _ = lines
        .try_for_each(|line| writeln!(out, "{line}"))
        .and_then(|()| out.flush());
}

/// Prints a title and lines below it; nothing if there are none.
pub(crate) fn print_section(title: &str, lines: impl Iterator<Item = String>) {
    let mut lines = lines.peekable();
    if lines.peek().is_some() {
        print(&format!("\n{title}"));
        print_lines(lines);
    }
}

/// Prints to standard error.
pub(crate) fn complain(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Prints one JSON document, piece by piece: it may be large.
pub(crate) fn print_json(document: &impl Serialize) {
    let mut out = BufWriter::new(std::io::stdout().lock());
    match serde_json::to_writer_pretty(&mut out, document) {
        Err(error) if !error.is_io() => {
            complain(&format!("Cannot write the result as JSON: {error}."));
        }
        _ => {
            let _ = writeln!(out).and_then(|()| out.flush());
        }
    }
}

/// Something that is wrong, as it appears in JSON.
#[derive(Debug, Serialize)]
pub(crate) struct FindingLine {
    pub(crate) kind: &'static str,
    pub(crate) path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expected_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) found_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) offset: Option<u64>,
    pub(crate) message: String,
}

impl FindingLine {
    /// One that has no numbers.
    pub(crate) fn new(kind: &'static str, path: String, message: String) -> Self {
        Self {
            kind,
            path,
            expected_bytes: None,
            found_bytes: None,
            offset: None,
            message,
        }
    }
}

impl From<&Finding> for FindingLine {
    fn from(finding: &Finding) -> Self {
        let (expected_bytes, found_bytes) = match finding {
            Finding::WrongLength {
                expected, found, ..
            } => (Some(*expected), Some(*found)),
            _ => (None, None),
        };
        let offset = match finding {
            Finding::BadMetadata { error, .. } => Some(error.offset() as u64),
            Finding::DifferentContent { offset, .. } => Some(*offset),
            _ => None,
        };
        Self {
            kind: finding.kind(),
            path: finding.path(),
            expected_bytes,
            found_bytes,
            offset,
            message: finding.to_string(),
        }
    }
}

/// Prints findings for people, the first of very many.
pub(crate) fn print_findings(findings: &[FindingLine]) {
    for finding in findings.iter().take(MOST_FINDINGS_SHOWN) {
        let kind = finding.kind.replace('_', " ");
        print(&format!("- {kind}: {}", harmless(&finding.message)));
    }
    let more = findings.len().saturating_sub(MOST_FINDINGS_SHOWN);
    if more > 0 {
        print(&format!("- and {more} more; --json has them all"));
    }
}

/// A table without lines, one row a line however long: to be read, and to be cut by other tools.
/// Columns whose header begins with `>` are numbers.
pub(crate) fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(header.iter().map(|name| name.trim_start_matches('>')));
    for (at, name) in header.iter().enumerate() {
        if let Some(column) = table.column_mut(at) {
            column.set_padding((0, 2));
            if name.starts_with('>') {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
    }
    table
}

/// How many columns standard output has; none if it is no terminal.
pub(crate) fn terminal_width() -> Option<usize> {
    let width = Table::new().width().filter(|width| *width > 0);
    width.map(usize::from)
}

/// Prints a table, without blanks at the ends of its lines.
pub(crate) fn print_table(table: &Table) {
    print(&table.trim_fmt());
}

/// A cell of text from a cluster, whatever is in it.
pub(crate) fn cell(text: &str) -> Cell {
    Cell::new(harmless(text))
}

/// Without what a terminal would obey or what would break a line.
pub(crate) fn harmless(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}")
}

/// A cell in colour, if a terminal shows it and `NO_COLOR` is not set.
pub(crate) fn coloured(text: &str, colour: Color) -> Cell {
    let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let cell = Cell::new(text);
    if wanted { cell.fg(colour) } else { cell }
}

/// The value, or `-`.
pub(crate) fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// `1.4 GiB`: three digits or so.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let power = (bytes.ilog2() / 10) as usize;
    let unit = 1u64 << (10 * power);
    let tenths = u128::from(bytes) * 10 / u128::from(unit);
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[power - 1])
}

/// `3m 7s`: the two largest units.
pub(crate) fn age(milliseconds: u64) -> String {
    let whole = humantime::format_duration(Duration::from_secs(milliseconds / 1000)).to_string();
    let two: Vec<_> = whole.split(' ').take(2).collect();
    two.join(" ")
}

/// `2026-02-03T04:05:06Z`.
pub(crate) fn time(milliseconds: u64) -> String {
    UNIX_EPOCH
        .checked_add(Duration::from_millis(milliseconds))
        .filter(|_| milliseconds < 253_402_300_800_000)
        .map_or_else(
            || format!("{milliseconds} ms"),
            |time| humantime::format_rfc3339_seconds(time).to_string(),
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!(size(0), "0 B");
        assert_eq!(size(1023), "1023 B");
        assert_eq!(size(1024), "1.0 KiB");
        assert_eq!(size(1536 * 1024), "1.5 MiB");
        assert_eq!(size(u64::MAX), "15.9 EiB");
    }

    #[test]
    fn times_and_ages() {
        assert_eq!(time(0), "1970-01-01T00:00:00Z");
        assert_eq!(time(1_770_091_506_789), "2026-02-03T04:05:06Z");
        assert_eq!(time(u64::MAX), "18446744073709551615 ms");
        assert_eq!(age(187_900), "3m 7s");
        assert_eq!(age(999), "0s");
        assert_eq!(age(90_061_000), "1day 1h");
    }

    #[test]
    fn a_table_is_plain_lines() {
        let mut table = table(&["NAME", ">N"]);
        table.add_row(["a", "10"]);
        table.add_row(["bb", "7"]);
        table.add_row([cell("c\u{1b}[31m\n"), Cell::new(8)]);
        let expected = "NAME      N\na        10\nbb        7\nc\u{fffd}[31m\u{fffd}   8";
        assert_eq!(table.trim_fmt(), expected);
    }
}
