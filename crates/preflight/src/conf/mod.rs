//! Flink's configuration file as keys and values, in either of its forms. Refuses to know what a
//! key means.

mod legacy;
mod standard;

use std::collections::BTreeMap;

pub(crate) use legacy::parse as parse_legacy;
pub(crate) use standard::parse as parse_standard;

/// A value as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// A scalar, without its quotes.
    Text(String),
    /// A YAML list of scalars.
    List(Vec<String>),
}

/// A value and the line on which its key is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) value: Value,
    pub(crate) line: usize,
}

/// What Flink passes over, and people should know of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Oddity {
    /// A line that is no key and value.
    Ignored { line: usize, text: String },
    /// A key that was there before: this one counts.
    Repeated { line: usize, key: String },
}

/// All keys of a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Conf {
    pub(crate) entries: BTreeMap<String, Entry>,
    pub(crate) oddities: Vec<Oddity>,
}

impl Conf {
    fn insert(&mut self, key: String, value: Value, line: usize) {
        let entry = Entry { value, line };
        if self.entries.insert(key.clone(), entry).is_some() {
            self.oddities.push(Oddity::Repeated { line, key });
        }
    }

    /// A value as text; a list's elements are joined by semicolons, as Flink takes them, too.
    pub(crate) fn text(&self, key: &str) -> Option<String> {
        match &self.entries.get(key)?.value {
            Value::Text(text) => Some(text.clone()),
            Value::List(elements) => Some(elements.join(";")),
        }
    }

    /// The elements of a value that is a list.
    pub(crate) fn list(&self, key: &str) -> Vec<String> {
        self.entries
            .get(key)
            .map_or_else(Vec::new, |entry| entry.value.elements())
    }
}

impl Value {
    /// As Flink splits it: a YAML list, or text with semicolons.
    pub(crate) fn elements(&self) -> Vec<String> {
        let text = match self {
            Self::List(elements) => return elements.clone(),
            Self::Text(text) => text.trim(),
        };
        let flow = text.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
        let (text, separator) = flow.map_or((text, ';'), |inner| (inner, ','));
        let elements = text.split(separator).map(|element| {
            let element = element.trim();
            let quoted = ['\'', '"'].iter().find_map(|quote| {
                let inner = element.strip_prefix(*quote)?;
                inner.strip_suffix(*quote)
            });
            quoted.unwrap_or(element).to_owned()
        });
        elements.filter(|element| !element.is_empty()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_yaml_or_has_semicolons() {
        let text = |text: &str| Value::Text(text.to_owned()).elements();
        assert_eq!(text("a;b ; 'c'"), ["a", "b", "c"]);
        assert_eq!(text("[a, \"b\"]"), ["a", "b"]);
        assert_eq!(text(""), Vec::<String>::new());
        assert_eq!(text("hdfs://a,b"), ["hdfs://a,b"]);
        let list = Value::List(vec!["a;b".to_owned()]);
        assert_eq!(list.elements(), ["a;b"]);
    }
}
