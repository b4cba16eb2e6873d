//! Writes a `_metadata` by the page's tables of fields: each field once, with the simplest value
//! that it can have. It knows the page's words for types and values, and no field.

use std::collections::BTreeSet;

use super::{Kind, Page, Row};

/// What is not the simplest in a file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Nothing,
    /// The first handle of the kind has this tag.
    Tag(Kind, u8),
    /// Channel states are by this table.
    Channel(&'static str),
}

#[derive(Default)]
pub struct Written {
    pub bytes: Vec<u8>,
    /// The marks of the fields that are paths, in the order written.
    pub paths: Vec<&'static str>,
    /// The lines of the page that were written.
    pub lines: BTreeSet<usize>,
}

/// A file of the column's layout.
pub fn write(page: &Page, column: usize, version: i64, place: Place) -> Written {
    let mut writer = Writer {
        page,
        column,
        version,
        place,
        side: "input",
        written: Written::default(),
    };
    writer.table("file");
    writer.written
}

struct Writer<'a> {
    page: &'a Page,
    column: usize,
    version: i64,
    place: Place,
    /// Of the channel state at hand.
    side: &'a str,
    written: Written,
}

impl<'a> Writer<'a> {
    fn table(&mut self, name: &str) {
        let page = self.page;
        self.rows(&page.fields[name]);
    }

    fn rows(&mut self, mut rows: &'a [Row]) {
        while let Some((row, rest)) = rows.split_first() {
            let below = rest.iter().take_while(|other| other.indent > row.indent);
            let (below, next) = rest.split_at(below.count());
            if row.is_in(self.column) {
                self.written.lines.insert(row.line);
                self.field(row, below);
            }
            rows = next;
        }
    }

    fn field(&mut self, row: &'a Row, below: &'a [Row]) {
        match row.kind.as_str() {
            "byte" => self.put(1, self.value(row)),
            "int" if below.is_empty() => self.put(4, self.value(row)),
            "int" => {
                self.put(4, 1);
                self.rows(below);
            }
            "size" => {
                let start = self.written.bytes.len();
                self.put(4, 0);
                self.rows(below);
                let size = u32::try_from(self.written.bytes.len() - start - 4).unwrap();
                self.written.bytes[start..start + 4].copy_from_slice(&size.to_be_bytes());
            }
            "long" => self.put(8, self.value(row)),
            "utf" => {
                let marks = ["RELATIVE PATH", "PATH", "DIRECTORY"];
                let mark = marks.iter().find(|mark| row.text.starts_with(**mark));
                self.written.paths.extend(mark);
                self.written.bytes.extend(b"\0\x01x");
            }
            "stream" => self.handle(Kind::Stream, 2, row),
            "opstate" => self.handle(Kind::Operator, 4, row),
            "keyed" => self.handle(Kind::Keyed, 5, row),
            "channel" => {
                self.side = &row.text;
                match self.place {
                    Place::Channel(table) => self.table(table),
                    _ => self.table("channel"),
                }
            }
            // Java's null: the smallest stream of an object that there is.
            "trailer" => self.written.bytes.extend([0xAC, 0xED, 0, 5, 0x70]),
            table => self.table(table),
        }
    }

    /// The highest tag of those that the page asks for, the one to be placed, or the simplest.
    fn handle(&mut self, kind: Kind, simplest: u8, row: &Row) {
        let (_, tags) = row.text.split_once("tag ").unwrap_or_default();
        let tags = tags.split([',', ' ']).filter_map(|word| word.parse().ok());
        let asked = tags.filter(|tag| self.page.is_of_kind(*tag, kind, self.column));
        let tag = match (asked.max(), self.place) {
            (Some(tag), _) => tag,
            (None, Place::Tag(placed, tag)) if placed == kind => {
                self.place = Place::Nothing;
                tag
            }
            _ => simplest,
        };
        let table = format!("tag {tag}");
        if self.page.has(&table, self.column) {
            self.table(&table);
        } else {
            self.put(1, tag.into());
        }
    }

    /// What is written with `=` is the value, an index is 0, and what need not be 0 is 1.
    fn value(&self, row: &Row) -> i64 {
        if let Some(fixed) = row.text.strip_prefix("= ") {
            return first_number(fixed);
        }
        if row.text == "the version" {
            return self.version;
        }
        if let Some(types) = row.text.strip_prefix("type: ") {
            let of_side = |text: &&str| text.ends_with(self.side);
            return first_number(types.split(", ").find(of_side).unwrap());
        }
        i64::from(!row.text.starts_with("index"))
    }

    fn put(&mut self, width: usize, value: i64) {
        let bytes = value.to_be_bytes();
        self.written.bytes.extend(&bytes[bytes.len() - width..]);
    }
}

/// The number that a text begins with, decimal or with `0x`.
fn first_number(text: &str) -> i64 {
    let word = text.split([' ', ',']).next().unwrap();
    match word.strip_prefix("0x") {
        Some(digits) => i64::from_str_radix(digits, 16).unwrap(),
        None => word.parse().unwrap(),
    }
}
