//! docs/metadata-format.md as data: its tables of fields, its other tables, its dump. It knows how
//! the page is written, and nothing of the format.

pub mod writer;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use checkpoint_format::FlinkVersion;

/// The layouts, each called by the first Flink that wrote it, in the order of the page's columns.
pub const COLUMNS: [&str; 7] = ["1.9", "1.11", "1.12", "1.15", "1.16", "2.0", "2.1"];

/// What a handle is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Stream,
    Operator,
    Keyed,
}

/// A field in a table of fields.
pub struct Row {
    /// Where it is on the page.
    pub line: usize,
    pub offset: Option<usize>,
    /// How many fields it is below of.
    pub indent: usize,
    pub kind: String,
    pub text: String,
    /// Its size in each column; `-` where it is not there.
    pub sizes: [String; COLUMNS.len()],
}

impl Row {
    pub fn is_in(&self, column: usize) -> bool {
        self.sizes[column] != "-"
    }
}

/// A line of the dump.
pub struct DumpLine {
    pub offset: usize,
    pub bytes: Vec<u8>,
    pub text: String,
}

pub struct Page {
    text: String,
    pub fields: BTreeMap<String, Vec<Row>>,
    /// The kinds of each tag, with the first column that has it as that kind.
    pub kinds: BTreeMap<u8, Vec<(Kind, usize)>>,
}

impl Page {
    pub fn read() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/metadata-format.md");
        let text = fs::read_to_string(path).unwrap();
        let fields = blocks(&text)
            .filter_map(|(line, block)| fields(line, block))
            .collect();
        let mut page = Self {
            text,
            fields,
            kinds: BTreeMap::new(),
        };
        for row in page.tags() {
            page.kinds
                .insert(row[0].parse().unwrap(), kinds(&row[2], &row[3]));
        }
        page
    }

    /// The rows of the table of tags.
    pub fn tags(&self) -> Vec<Vec<String>> {
        self.rows(&["tag", "constant", "kind", "written", "class", "path"])
    }

    pub fn is_of_kind(&self, tag: u8, kind: Kind, column: usize) -> bool {
        let mut kinds = self.kinds.get(&tag).into_iter().flatten();
        kinds.any(|(of, since)| *of == kind && *since <= column)
    }

    /// Whether there is a table of that name with anything in the column.
    pub fn has(&self, table: &str, column: usize) -> bool {
        let rows = self.fields.get(table);
        rows.is_some_and(|rows| rows.iter().any(|row| row.is_in(column)))
    }

    /// The rows of the other table whose columns have these names, without quotes of code.
    pub fn rows(&self, header: &[&str]) -> Vec<Vec<String>> {
        let cells = |line: &str| -> Vec<String> {
            let line = line.trim_matches('|').replace('`', "");
            line.split('|').map(|cell| cell.trim().to_owned()).collect()
        };
        let lines = self
            .text
            .lines()
            .skip_while(|line| !line.starts_with('|') || cells(line) != header);
        let rows: Vec<_> = lines
            .skip(2)
            .take_while(|line| line.starts_with('|'))
            .map(cells)
            .collect();
        assert!(!rows.is_empty(), "the page has a table of {header:?}");
        rows
    }

    /// The lines of the dump, which is the block that begins with `# header`.
    pub fn dump(&self) -> Vec<DumpLine> {
        let mut blocks = blocks(&self.text).map(|(_, block)| block);
        let block = blocks.find(|block| block.starts_with("# header"));
        let lines = block.unwrap().lines();
        lines
            .filter(|line| line.starts_with(|c: char| c.is_ascii_hexdigit()))
            .map(|line| {
                let (offset, rest) = line.split_once("  ").unwrap();
                let (bytes, text) = rest.split_at(rest.len().min(47));
                let bytes = bytes.split_whitespace();
                DumpLine {
                    offset: usize::from_str_radix(offset, 16).unwrap(),
                    bytes: bytes.map(|b| u8::from_str_radix(b, 16).unwrap()).collect(),
                    text: text.trim().to_owned(),
                }
            })
            .collect()
    }
}

/// What is between fences of plain text, and the line on which it begins.
fn blocks(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut line = 1;
    let parts = text.split("\n```").map(move |part| {
        let start = line;
        line += part.matches('\n').count() + 1;
        (start, part)
    });
    let fenced = parts.skip(1).step_by(2);
    fenced.filter_map(|(line, part)| Some((line + 1, part.strip_prefix("text\n")?)))
}

/// The name and the fields of a block that has the columns.
fn fields(line: usize, block: &str) -> Option<(String, Vec<Row>)> {
    let mut lines = block.lines();
    let (name, columns) = last_words(lines.next()?)?;
    let rows = (line + 1..).zip(lines);
    (columns == COLUMNS).then(|| (name, rows.map(|(line, text)| row(line, text)).collect()))
}

/// A row has five characters for the offset, two spaces for each field that it is below of, the
/// kind, the text, and the sizes.
fn row(line: usize, text: &str) -> Row {
    let (offset, field) = text.split_at(5);
    let (field, sizes) = last_words(field).unwrap();
    let kind = field.trim_start();
    let indent = (field.len() - kind.len()) / 2;
    let (kind, text) = kind.split_once(' ').unwrap_or((kind, ""));
    Row {
        line,
        offset: (!offset.trim().is_empty()).then(|| offset.trim().parse().unwrap()),
        indent,
        kind: kind.to_owned(),
        text: text.trim().to_owned(),
        sizes,
    }
}

/// Of a text such as `keyed; stream from 1.13`, written first by the first Flink of another text.
fn kinds(text: &str, written: &str) -> Vec<(Kind, usize)> {
    let kinds = text.split([',', ';']).map(|kind| {
        let (kind, since) = kind
            .trim()
            .split_once(" from ")
            .unwrap_or((kind.trim(), written));
        let kind = match kind {
            "stream" => Kind::Stream,
            "opstate" => Kind::Operator,
            "keyed" => Kind::Keyed,
            other => panic!("no kind: {other}"),
        };
        (kind, column_of(first_flink(since)))
    });
    kinds.collect()
}

/// The last words of a line, as many as there are columns, and what is before them.
fn last_words(line: &str) -> Option<(String, [String; COLUMNS.len()])> {
    let mut words: Vec<_> = line.rsplit(' ').filter(|word| !word.is_empty()).collect();
    words.truncate(COLUMNS.len());
    words.reverse();
    let first = words.first()?.as_ptr().addr() - line.as_ptr().addr();
    let words = words.into_iter().map(str::to_owned).collect::<Vec<_>>();
    Some((line[..first].trim_end().to_owned(), words.try_into().ok()?))
}

pub fn flink(text: &str) -> FlinkVersion {
    text.parse().unwrap()
}

/// The Flink that a text begins with.
pub fn first_flink(text: &str) -> FlinkVersion {
    flink(text.split([' ', ',']).next().unwrap())
}

/// The Flinks of a text such as `1.9, 1.10` or `2.1 to 2.3`, all with one first number.
pub fn flinks(text: &str) -> Vec<FlinkVersion> {
    let between = |text: &str| {
        let (first, last) = text.split_once(" to ").unwrap_or((text, text));
        let (first, last) = (flink(first), flink(last));
        assert_eq!(first.major, last.major, "{text}");
        (first.minor..=last.minor).map(move |minor| FlinkVersion { minor, ..first })
    };
    text.split(", ").flat_map(between).collect()
}

/// The column that a version of Flink belongs to.
pub fn column_of(version: FlinkVersion) -> usize {
    let later = COLUMNS.iter().position(|first| flink(first) > version);
    later.unwrap_or(COLUMNS.len()) - 1
}
