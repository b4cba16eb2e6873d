//! What `dualwrite inspect` says of each `_metadata` that Flink wrote, against what Flink's own
//! loader found in it: see tests/goldens/README.md.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use support::{dualwrite, json_of};

/// What a golden's listing and a document have in common: the checkpoint with its masters and
/// operators, the distinct files, the distinct directories.
type Common = (Value, BTreeSet<String>, BTreeSet<String>);

/// A listing of Flink's own loader: see tests/goldens/README.md.
fn listed(text: &str) -> Common {
    let mut common = json!({ "master_states": [], "operators": [] });
    let (mut files, mut directories) = (BTreeSet::new(), BTreeSet::new());
    for line in text.lines() {
        let fields: Vec<_> = line.split('\t').map(unescaped).collect();
        let number = |at: usize| fields[at].parse::<i64>().unwrap();
        let some = |at: usize| Some(&*fields[at]).filter(|text| !text.is_empty());
        let length = |text: &str| text.parse::<u64>().ok();
        match &*fields[0] {
            "metadata" => {
                common["version"] = json!(number(1));
                common["checkpoint_id"] = json!(number(2));
            }
            "master" => {
                let (name, version, bytes) = (&fields[1], number(2), number(3));
                let master = json!({ "name": name, "version": version, "bytes": bytes });
                list(&mut common["master_states"]).push(master);
            }
            "operator" => {
                let operator = json!({
                    "id": fields[1], "parallelism": number(2), "max_parallelism": number(3),
                    "name": some(4), "uid": some(5), "stored": length(&fields[6]),
                    "total": number(7), "unknown_lengths": 0,
                });
                list(&mut common["operators"]).push(operator);
            }
            "directory" => drop(directories.insert(fields[2].clone())),
            kind => {
                let (offset, size) = fields[1].split_once('+').unzip();
                // `~`: stored, but not the file's
                let size = length(size.unwrap_or(&fields[1]).trim_start_matches('~'));
                let mut file = json!({ "kind": kind, "path": fields[2], "length": size });
                if let Some(offset) = offset {
                    file["offset"] = json!(length(offset));
                }
                files.insert(file.to_string());
                let operator = list(&mut common["operators"]).last_mut().unwrap();
                let unknown = operator["unknown_lengths"].as_i64().unwrap();
                operator["unknown_lengths"] = json!(unknown + i64::from(size.is_none()));
            }
        }
    }
    (common, files, directories)
}

fn list(value: &mut Value) -> &mut Vec<Value> {
    value.as_array_mut().unwrap()
}

/// The inverse of `escaped` in the goldens' generator.
fn unescaped(text: &str) -> String {
    let mut parts = text.split("\\u");
    let mut units: Vec<u16> = parts.next().unwrap().encode_utf16().collect();
    for part in parts {
        units.push(u16::from_str_radix(&part[..4], 16).unwrap());
        units.extend(part[4..].encode_utf16());
    }
    String::from_utf16(&units).unwrap()
}

/// The same of what `inspect --json --files` printed.
fn shown(document: &Value) -> Common {
    let mut operators = document["operators"].clone();
    for operator in operators.as_array_mut().unwrap() {
        operator["stored"] = operator["subtasks"]["stored"].clone();
        operator["total"] = operator["state"]["total"].clone();
        let fields = operator.as_object_mut().unwrap();
        fields.retain(|name, _| name != "subtasks" && name != "state");
    }
    let common = json!({
        "version": document["version"], "checkpoint_id": document["checkpoint_id"],
        "master_states": document["master_states"], "operators": operators,
    });
    let distinct = |list: &str, text: fn(&Value) -> String| {
        let list = document[list].as_array().unwrap();
        let texts: BTreeSet<_> = list.iter().map(text).collect();
        assert_eq!(texts.len(), list.len(), "each once: {list:?}");
        texts
    };
    let files = distinct("files", |file| {
        let mut file = file.clone();
        let scope = file.as_object_mut().unwrap().remove("scope").unwrap();
        assert!(scope == "exclusive" || scope == "shared", "{scope}");
        file.to_string()
    });
    let directories = distinct("directories", |path| path.as_str().unwrap().to_owned());
    (common, files, directories)
}

/// Whether a version of Flink writes a version 3, which does not say which Flink wrote it.
fn is_of_version_3(flink: &str) -> bool {
    let mut numbers = flink
        .split('.')
        .map(|number| number.parse::<u32>().unwrap());
    let version = (numbers.next().unwrap(), numbers.next().unwrap());
    ((1, 11)..=(1, 15)).contains(&version)
}

/// Makes equal what is meant to differ. Flink's sums overflow where sizes are random, and add the
/// -1 that says that a length is not known.
fn reconcile(shown: &mut Value, listed: &mut Value) {
    let operators = list(&mut listed["operators"]).iter_mut();
    for (listed, shown) in operators.zip(list(&mut shown["operators"])) {
        let unknown = listed["unknown_lengths"].take().as_i64().unwrap();
        listed.as_object_mut().unwrap().remove("unknown_lengths");
        match (listed["total"].as_i64(), shown["total"].as_i64()) {
            (Some(sum), Some(total)) if (0..=unknown).contains(&(total - sum)) => {
                listed["total"] = json!(total);
            }
            (Some(_), Some(_)) => {}
            _ => (listed["total"], shown["total"]) = (Value::Null, Value::Null),
        }
    }
}

#[test]
fn of_all_that_flink_wrote_it_says_what_flinks_own_loader_says() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/goldens/data");
    let mut goldens_seen = 0;
    for flink in fs::read_dir(data).unwrap() {
        let dir = flink.unwrap().path();
        let flink = dir.file_name().unwrap().to_str().unwrap().to_owned();
        for entry in fs::read_dir(&dir).unwrap() {
            let path = entry.unwrap().path().to_str().unwrap().to_owned();
            let Some(case) = path.strip_suffix(".listing") else {
                continue;
            };
            let metadata = format!("{case}.metadata");
            let mut args = vec!["inspect", "--json", "--files", &metadata];
            if is_of_version_3(&flink) {
                args.extend(["--flink", &flink]);
            }
            let document = json_of(&dualwrite(&args), 0);
            let mut listed = listed(&fs::read_to_string(&path).unwrap());
            let mut shown = shown(&document);
            reconcile(&mut shown.0, &mut listed.0);
            assert_eq!(shown.0, listed.0, "{case}");
            assert_eq!(shown.1, listed.1, "{case}");
            assert_eq!(shown.2, listed.2, "{case}");
            goldens_seen += 1;
        }
    }
    assert!(goldens_seen >= 502, "{goldens_seen}");
}
