//! `flink-conf.yaml`: lines of `key: value`, which is all that Flink reads of YAML there
//! (`GlobalConfiguration#loadLegacyYAMLResource`, 1.9 to 1.20). Nested keys, quotes and lists mean
//! nothing in it, and are not made to mean something here.

use super::{Conf, Oddity, Value};

/// Every text is one: what Flink does not understand, it skips.
pub(crate) fn parse(text: &str) -> Conf {
    let mut conf = Conf::default();
    for (line, whole) in (1..).zip(text.lines()) {
        let content = whole.split('#').next().unwrap_or_default().trim();
        if content.is_empty() {
            continue;
        }
        let pair = content.split_once(": ");
        let pair = pair.map(|(key, value)| (key.trim(), value.trim()));
        match pair.filter(|(key, value)| !key.is_empty() && !value.is_empty()) {
            Some((key, value)) => {
                let value = Value::Text(value.to_owned());
                conf.insert(key.to_owned(), value, line);
            }
            None => conf.oddities.push(Oddity::Ignored {
                line,
                text: content.to_owned(),
            }),
        }
    }
    conf
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_keys_and_values() {
        let conf = parse(
            "# a comment\n\
             a.b: 1 # one\n\
             \x20 a.c : hdfs://nn:8020/x\n\
             quoted: \"x\"\n\
             - not: this\n\
             a.d:no-space\n\
             a.e:\n\
             a.b: 2\n",
        );
        let value = |key: &str| conf.text(key).unwrap();
        assert_eq!(value("a.b"), "2");
        assert_eq!(value("a.c"), "hdfs://nn:8020/x");
        assert_eq!(value("quoted"), "\"x\"");
        assert_eq!(conf.text("a.d"), None);
        let ignored = |line, text: &str| Oddity::Ignored {
            line,
            text: text.to_owned(),
        };
        let repeated = Oddity::Repeated {
            line: 8,
            key: "a.b".to_owned(),
        };
        let expected = [ignored(6, "a.d:no-space"), ignored(7, "a.e:"), repeated];
        assert_eq!(conf.oddities, expected);
    }
}
