//! The product's keys, as docs/configuration.md has them: their names, defaults, and what values
//! they take. The page is generated from the options themselves, so nothing is written down a
//! second time. Refuses to guess: a sentence about values that is not understood fails a test.

use std::net::Ipv4Addr;

use crate::conf::Value;
use crate::value::{boolean, duration, integer, size};

const PAGE: &str = include_str!("../../../docs/configuration.md");

/// What every key of the product begins with.
pub(crate) const PREFIX: &str = "dualwrite.";

/// One key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    /// As it would be written; none if there is none.
    pub(crate) default: Option<&'static str>,
    /// What values it takes, in words.
    pub(crate) accepted: String,
    rule: Option<Rule>,
}

/// What values a key takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    Boolean,
    Size { least: u64, most: u64 },
    Duration { least_ms: u64 },
    Whole { least: i32, most: i32 },
    Local,
    User,
    Root,
    Uri,
    Aliases,
    Pairs,
    Ports,
    Address,
}

/// All keys, in the page's order.
pub(crate) fn table() -> Vec<Key> {
    PAGE.lines().filter_map(row).collect()
}

/// The key of this name.
pub(crate) fn find(name: &str) -> Option<Key> {
    table().into_iter().find(|key| key.name == name)
}

fn row(line: &'static str) -> Option<Key> {
    let cells = line.strip_prefix("| `dualwrite.")?;
    let mut cells = cells.trim_end_matches(" |").splitn(4, " | ");
    let name = cells.next()?.trim_end_matches('`');
    let name = &line[3..3 + PREFIX.len() + name.len()];
    let default = cells.next()?.trim_matches('`');
    let _type = cells.next()?;
    let (_, accepted) = cells.next()?.rsplit_once("Accepted: ")?;
    let accepted = accepted.trim_end_matches('.');
    let accepted = accepted.replace("&lt;", "<").replace("&gt;", ">");
    Some(Key {
        name,
        default: (default != "(none)").then_some(default),
        rule: Rule::of(&accepted),
        accepted,
    })
}

impl Key {
    /// Whether the product takes this value.
    pub(crate) fn accepts(&self, value: &Value) -> bool {
        let text = match value {
            Value::Text(text) => text.trim().to_owned(),
            Value::List(elements) => elements.join(";"),
        };
        match self.rule {
            None => true,
            Some(Rule::Boolean) => boolean(&text).is_some(),
            Some(Rule::Size { least, most }) => {
                size(&text).is_some_and(|size| (least..=most).contains(&size))
            }
            Some(Rule::Duration { least_ms }) => {
                duration(&text).is_some_and(|time| time.as_millis() >= u128::from(least_ms))
            }
            Some(Rule::Whole { least, most }) => {
                integer(&text).is_some_and(|number| (least..=most).contains(&number))
            }
            Some(Rule::Local) => text.starts_with('/'),
            Some(Rule::User) => !text.is_empty() && !text.contains(char::is_whitespace),
            Some(Rule::Root) => is_root(&text),
            Some(Rule::Uri) => is_uri(&text),
            Some(Rule::Aliases) => value.elements().iter().all(|name| is_alias(name)),
            Some(Rule::Pairs) => value.elements().iter().all(|pair| is_pair(pair)),
            Some(Rule::Ports) => is_ports(&text),
            Some(Rule::Address) => is_address(&text),
        }
    }
}

impl Rule {
    fn of(accepted: &str) -> Option<Self> {
        let words: Vec<_> = accepted.split([' ', ',']).collect();
        match words.as_slice() {
            ["true", "or", "false"] => Some(Self::Boolean),
            ["a", "size", "from", least, "to", most, ..] => Some(Self::Size {
                least: size(least)?,
                most: size(most)?,
            }),
            ["a", "duration", "from", least, "ms", ..] => Some(Self::Duration {
                least_ms: least.parse().ok()?,
            }),
            ["a", "whole", "number", "from", least] => Some(Self::Whole {
                least: integer(least)?,
                most: i32::MAX,
            }),
            ["a", "whole", "number", "from", least, "to", most] => Some(Self::Whole {
                least: integer(least)?,
                most: integer(most)?,
            }),
            ["the", "absolute", "path", "of", "a", "local", ..] => Some(Self::Local),
            ["a", "user", "name", "without", "spaces"] => Some(Self::User),
            ["hdfs://<host:port", ..] => Some(Self::Root),
            ["a", "URI", "with", "a", "scheme", ..] => Some(Self::Uri),
            ["<scheme>://<authority>", ..] => Some(Self::Aliases),
            ["pairs", ..] => Some(Self::Pairs),
            ["a", "port", ..] => Some(Self::Ports),
            ["an", "IP", "address", ..] => Some(Self::Address),
            _ => None,
        }
    }
}

/// Whether Java's `URI` takes it: no blanks, none of these signs, and `%` only before two digits.
fn is_uri_text(text: &str) -> bool {
    let is_digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_hexdigit);
    let bytes = text.as_bytes();
    let mut escapes = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'%');
    !text.contains(|c: char| c.is_whitespace() || c.is_control() || "\"<>\\^`{|}".contains(c))
        && escapes.all(|(at, _)| is_digit(bytes.get(at + 1)) && is_digit(bytes.get(at + 2)))
}

/// hdfs with an authority, or file without; an absolute path; nothing else in it.
fn is_root(text: &str) -> bool {
    if !is_uri_text(text) || text.contains(['?', '#']) {
        return false;
    }
    let parts = |rest: &str| {
        let slash = rest.find('/')?;
        Some((rest[..slash].to_owned(), rest[slash..].to_owned()))
    };
    if let Some(rest) = text.strip_prefix("hdfs://") {
        return parts(rest).is_some_and(|(host, _)| !host.is_empty() && !host.contains('@'));
    }
    text.strip_prefix("file:").is_some_and(|rest| {
        rest.strip_prefix("//")
            .map_or(rest.starts_with('/'), |path| path.starts_with('/'))
    })
}

/// A scheme, and a path behind it.
fn is_uri(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, rest)| {
        is_scheme(scheme) && rest.starts_with('/') && is_uri_text(text)
    })
}

fn is_scheme(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"+.-".contains(&byte);
    text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.bytes().all(is_part)
}

fn is_alias(name: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"+.-".contains(&byte);
    name == "/"
        || name.split_once("://").is_some_and(|(scheme, rest)| {
            let host = rest.strip_suffix('/').unwrap_or(rest);
            let is_host = !host.contains(|c: char| c == '/' || c.is_whitespace());
            !scheme.is_empty() && scheme.bytes().all(is_part) && is_host
        })
}

fn is_pair(pair: &str) -> bool {
    pair.split_once('=')
        .is_some_and(|(primary, secondary)| is_uri(primary.trim()) && is_root(secondary.trim()))
}

fn is_ports(text: &str) -> bool {
    let ends: Option<Vec<u32>> = text
        .split('-')
        .map(str::trim)
        .map(|end| {
            let is_port = end.len() <= 5 && end.bytes().all(|byte| byte.is_ascii_digit());
            is_port.then(|| end.parse().ok())?
        })
        .collect();
    match ends.as_deref() {
        Some([0]) => true,
        Some([port]) => *port <= 65535,
        Some([0, to]) => *to == 0,
        Some([from, to]) => from <= to && *to <= 65535,
        _ => false,
    }
}

fn is_address(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:%-".contains(&byte);
    text.parse::<Ipv4Addr>().is_ok() || !text.is_empty() && text.bytes().all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows of wrong values with which the Java part tests what it refuses.
    const JAVA: &str = include_str!(concat!(
        "../../../java-bridge/src/test/java/io/dualwrite/flink/",
        "DualWriteCheckpointStorageFactoryTest.java"
    ));
    /// Refused by looking at two keys: `places` and `checks::keys` do.
    const TOGETHER: [&str; 6] = [
        "hdfs://a:8020/flink/checkpoints",
        "hdfs://A/flink//checkpoints/",
        "hdfs://a:8020/flink/checkpoints/b",
        "hdfs://a:8020/flink",
        "hdfs://B:8020",
        "65mb",
    ];

    fn accepts(name: &str, value: &str) -> bool {
        let value = Value::Text(value.to_owned());
        find(name).unwrap().accepts(&value)
    }

    #[test]
    fn every_key_of_the_page_is_understood() {
        let keys = table();
        for key in &keys {
            assert!(key.name.starts_with(PREFIX), "{key:?}");
            assert!(key.rule.is_some(), "not understood: {key:?}");
            let default = key.default.map(|text| Value::Text(text.to_owned()));
            assert!(default.is_none_or(|value| key.accepts(&value)), "{key:?}");
        }
        let rows = PAGE.matches("\n| `dualwrite.").count();
        assert!(keys.len() == rows && rows > 20, "{rows}");
        assert_eq!(
            find("dualwrite.buffer.memory").unwrap().default,
            Some("64mb")
        );
        assert_eq!(find("dualwrite.secondary.dir").unwrap().default, None);
    }

    #[test]
    fn what_the_product_refuses_is_refused() {
        let mut tried = 0;
        for line in JAVA.lines() {
            let row = line.trim().strip_prefix("\"dualwrite.");
            let Some(cells) = row.map(|row| row.split('|').map(str::trim).collect::<Vec<_>>())
            else {
                continue;
            };
            let [name, value, _] = cells.as_slice() else {
                continue;
            };
            tried += 1;
            let is_together = TOGETHER.contains(value);
            let accepts = accepts(&format!("{PREFIX}{name}"), value);
            assert_eq!(accepts, is_together, "{PREFIX}{name}: {value}");
        }
        assert!(tried > 40, "only {tried} rows of wrong values");
    }

    #[test]
    fn what_the_product_takes_is_taken() {
        for (name, value) in [
            ("dualwrite.enabled", "False"),
            ("dualwrite.secondary.dir", "hdfs://b:8020/"),
            ("dualwrite.secondary.dir", "file:///x"),
            ("dualwrite.secondary.dir", "file:/x"),
            ("dualwrite.primary.dir", "viewfs://cluster/flink"),
            ("dualwrite.primary.aliases", "hdfs://ns1;hdfs://;/"),
            (
                "dualwrite.path-mapping",
                "hdfs://a/x = hdfs://b/x;s3://c/y=hdfs://b/y",
            ),
            ("dualwrite.spill.max-size", "0"),
            ("dualwrite.call.timeout", "2 min"),
            ("dualwrite.metrics.port", "9260 - 9299"),
            ("dualwrite.metrics.port", "0"),
            ("dualwrite.metrics.bind-address", "::1"),
            ("dualwrite.upload.concurrency", "64"),
        ] {
            assert!(accepts(name, value), "{name}: {value}");
        }
    }
}
