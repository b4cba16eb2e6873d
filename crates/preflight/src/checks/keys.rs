//! The names and values of the product's own keys, each by itself and together.

use crate::conf::Conf;
use crate::finding::{Area, Kind, Report};
use crate::keys::{Key, PREFIX, find, table};
use crate::value::size;

const BUFFER_MEMORY: &str = "dualwrite.buffer.memory";
const CHUNK_SIZE: &str = "dualwrite.chunk.size";

pub(crate) fn keys(conf: &Conf, report: &mut Report) {
    let own: Vec<_> = conf
        .entries
        .iter()
        .filter(|(name, _)| name.starts_with(PREFIX))
        .collect();
    let names: Vec<_> = own.iter().map(|(name, _)| name.as_str()).collect();
    let names = match names.as_slice() {
        [] => "none".to_owned(),
        names => names.join(", "),
    };
    report.looked(Area::Keys, format!("keys of the product: {names}"));
    let known = table();
    for (name, entry) in own {
        match known.iter().find(|key| key.name == name) {
            Some(key) if key.accepts(&entry.value) => {}
            Some(key) => report.found(
                Kind::BadValue,
                Some(name),
                format!(
                    "{name}: '{}' is not accepted, and with it nothing is copied.",
                    conf.text(name).unwrap_or_default()
                ),
                format!("Give {}.", key.accepted),
            ),
            None => unknown(name, &known, report),
        }
    }
    chunks(conf, report);
}

fn unknown(name: &str, known: &[Key], report: &mut Report) {
    let nearest = known
        .iter()
        .min_by_key(|key| strsim::damerau_levenshtein(key.name, name));
    let is_near = |key: &&Key| strsim::normalized_damerau_levenshtein(key.name, name) >= 0.6;
    let fix = match nearest.filter(is_near) {
        Some(key) => format!("Is it {} that is meant?", key.name),
        None => "Remove it; docs/configuration.md has all keys.".to_owned(),
    };
    let message = format!("{name} is no key of the product: it has no effect.");
    report.found(Kind::UnknownKey, Some(name), message, fix);
}

/// A piece cannot be larger than what it is a piece of.
fn chunks(conf: &Conf, report: &mut Report) {
    let bytes = |name: &str| {
        let default = find(name).and_then(|key| key.default);
        size(&conf.text(name).or(default.map(str::to_owned))?)
    };
    let (Some(chunk), Some(memory)) = (bytes(CHUNK_SIZE), bytes(BUFFER_MEMORY)) else {
        return;
    };
    if chunk > memory {
        report.found(
            Kind::BadValue,
            Some(CHUNK_SIZE),
            format!(
                "{CHUNK_SIZE} is {chunk} bytes, more than the {memory} bytes of {BUFFER_MEMORY}; \
                 with that nothing is copied."
            ),
            format!("Lower {CHUNK_SIZE}, or raise {BUFFER_MEMORY}."),
        );
    }
}
