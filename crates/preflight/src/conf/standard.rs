//! `config.yaml`: real YAML, nested or flat, as Flink reads it from 1.19 on
//! (`YamlParserUtils#loadYamlFile`): nested keys are joined by dots, and what has no value is not
//! set. Refuses what Flink refuses: a key twice in one mapping, and a document that has no keys.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle};

use super::{Conf, Value};

/// Deeper is no configuration.
const MOST_LEVELS: usize = 64;

#[derive(Debug, Clone)]
enum Node {
    Scalar(Option<String>),
    List(Vec<Node>),
    Map(Vec<(String, usize, Node)>),
}

/// Reads a document.
///
/// # Errors
/// What is wrong and where.
pub(crate) fn parse(text: &str) -> Result<Conf, String> {
    let mut reader = Reader {
        parser: Parser::new_from_str(text),
        anchors: HashMap::new(),
    };
    let mut conf = Conf::default();
    loop {
        let (event, line) = reader.next()?;
        match event {
            Event::StreamEnd => return Ok(conf),
            Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing => {}
            other => match reader.node(other, line, 0)? {
                Node::Map(pairs) => flatten("", pairs, &mut conf),
                Node::Scalar(None) => {}
                Node::Scalar(_) | Node::List(_) => {
                    return Err(format!("line {line}: expected keys and values"));
                }
            },
        }
    }
}

struct Reader<'a> {
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
    anchors: HashMap<usize, Node>,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<(Event<'a>, usize), String> {
        match self.parser.next() {
            None => Ok((Event::StreamEnd, 0)),
            Some(Ok((event, span))) => Ok((event, span.start.line())),
            Some(Err(error)) => Err(error.to_string()),
        }
    }

    fn node(&mut self, event: Event<'a>, line: usize, level: usize) -> Result<Node, String> {
        if level > MOST_LEVELS {
            return Err(format!("line {line}: more than {MOST_LEVELS} levels"));
        }
        let (node, anchor) = match event {
            Event::Alias(anchor) => {
                let node = self.anchors.get(&anchor).cloned();
                let node = node.ok_or_else(|| format!("line {line}: an alias of nothing"))?;
                return Ok(node);
            }
            Event::Scalar(text, style, anchor, _) => (scalar(&text, style), anchor),
            Event::SequenceStart(anchor, _) => (self.list(level)?, anchor),
            Event::MappingStart(anchor, _) => (self.map(level)?, anchor),
            _ => return Err(format!("line {line}: expected a value")),
        };
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn list(&mut self, level: usize) -> Result<Node, String> {
        let mut nodes = Vec::new();
        loop {
            let (event, line) = self.next()?;
            if matches!(event, Event::SequenceEnd) {
                return Ok(Node::List(nodes));
            }
            nodes.push(self.node(event, line, level + 1)?);
        }
    }

    fn map(&mut self, level: usize) -> Result<Node, String> {
        let mut pairs: Vec<(String, usize, Node)> = Vec::new();
        loop {
            let (event, line) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                return Ok(Node::Map(pairs));
            }
            let Node::Scalar(Some(key)) = self.node(event, line, level + 1)? else {
                return Err(format!("line {line}: expected a key"));
            };
            if pairs.iter().any(|(known, ..)| *known == key) {
                return Err(format!(
                    "line {line}: the key {key} is there twice, which Flink refuses"
                ));
            }
            let (event, at) = self.next()?;
            pairs.push((key, line, self.node(event, at, level + 1)?));
        }
    }
}

/// Null is what YAML's core schema calls so, unless it is quoted.
fn scalar(text: &str, style: ScalarStyle) -> Node {
    let is_null =
        matches!(style, ScalarStyle::Plain) && matches!(text, "" | "~" | "null" | "Null" | "NULL");
    Node::Scalar((!is_null).then(|| text.to_owned()))
}

fn flatten(prefix: &str, pairs: Vec<(String, usize, Node)>, conf: &mut Conf) {
    for (key, line, node) in pairs {
        let key = format!("{prefix}{key}");
        match node {
            Node::Scalar(None) => {}
            Node::Scalar(Some(text)) => conf.insert(key, Value::Text(text), line),
            Node::List(nodes) => {
                let scalars = nodes.into_iter().filter_map(|node| match node {
                    Node::Scalar(text) => text,
                    Node::List(_) | Node::Map(_) => Some("{...}".to_owned()),
                });
                conf.insert(key, Value::List(scalars.collect()), line);
            }
            Node::Map(pairs) => flatten(&format!("{key}."), pairs, conf),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conf::Oddity;

    #[test]
    fn nested_and_flat_are_the_same() {
        let conf = parse(
            "execution:\n\
             \x20 checkpointing:\n\
             \x20   dir: hdfs://nn:8020/x # where\n\
             \x20   interval: 10 s\n\
             execution.checkpointing.num-retained: 3\n\
             dualwrite:\n\
             \x20 primary.aliases: [hdfs://ns1, '/']\n\
             \x20 path-mapping:\n\
             \x20   - hdfs://a/x=hdfs://b/x\n\
             \x20 secondary:\n\
             empty: ~\n\
             quoted: \"null\"\n",
        )
        .unwrap();
        let value = |key: &str| conf.text(key).unwrap();
        assert_eq!(value("execution.checkpointing.dir"), "hdfs://nn:8020/x");
        assert_eq!(value("execution.checkpointing.interval"), "10 s");
        assert_eq!(value("execution.checkpointing.num-retained"), "3");
        assert_eq!(value("dualwrite.primary.aliases"), "hdfs://ns1;/");
        assert_eq!(
            conf.list("dualwrite.path-mapping"),
            ["hdfs://a/x=hdfs://b/x"]
        );
        assert_eq!(value("quoted"), "null");
        assert_eq!(conf.entries.len(), 6, "{conf:?}");
        assert_eq!(conf.entries["execution.checkpointing.num-retained"].line, 5);
    }

    #[test]
    fn anchors_are_followed_and_the_last_of_two_spellings_counts() {
        let conf = parse("a: &x\n  b: 1\nc: *x\nc.b: 2\n").unwrap();
        assert_eq!(conf.text("c.b").unwrap(), "2");
        let repeated = Oddity::Repeated {
            line: 4,
            key: "c.b".to_owned(),
        };
        assert_eq!(conf.oddities, [repeated]);
    }

    #[test]
    fn nothing_is_no_keys() {
        for text in ["", "# only a comment\n", "---\n", "~\n"] {
            assert_eq!(parse(text), Ok(Conf::default()), "{text:?}");
        }
    }

    #[test]
    fn what_flink_refuses_is_refused_with_its_line() {
        for (text, expected) in [
            ("a: 1\na: 2\n", "line 2: the key a is there twice"),
            ("- a\n- b\n", "line 1: expected keys and values"),
            ("just text\n", "line 1: expected keys and values"),
            ("a: [1\nb: 2\n", "line"),
            ("a: 'x\n", "line"),
            ("a: *nobody\n", "line"),
            ("[a, b]: c\n", "line 1: expected a key"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(expected), "{text:?}: {error}");
        }
        let deep = "[".repeat(1000);
        assert!(parse(&format!("a: {deep}")).is_err());
    }
}
