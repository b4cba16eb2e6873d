//! `dualwrite inspect` on local files: what it says of all that Flink wrote, in which form, and
//! what it says of what it cannot read.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use support::{dualwrite, exits, json_of};

/// The job's directory in the goldens (tests/goldens/java).
const JOB: &str = "hdfs://primary:8020/flink/checkpoints/a1b2c3d4e5f60718293a4b5c6d7e8f90";

fn goldens() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/goldens/data")
}

fn golden(flink: &str, case: &str) -> String {
    let path = goldens().join(flink).join(format!("{case}.metadata"));
    path.canonicalize().unwrap().to_str().unwrap().to_owned()
}

/// A file of this content, in a directory that goes with the first of both.
fn file(bytes: &[u8]) -> (TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("_metadata");
    fs::write(&path, bytes).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (dir, path)
}

/// Bytes as Java's `DataOutputStream` writes them.
#[derive(Default)]
struct Java(Vec<u8>);

impl Java {
    /// A file of one operator with one subtask, up to what the versions have differently.
    fn file(version: i32) -> Self {
        let operator = Self::default().int(0x4960_672d).int(version).long(7);
        operator.int(0).int(1).long(1).long(2).int(1).int(128)
    }

    fn byte(mut self, value: u8) -> Self {
        self.0.push(value);
        self
    }

    fn int(mut self, value: i32) -> Self {
        self.0.extend(value.to_be_bytes());
        self
    }

    fn long(mut self, value: i64) -> Self {
        self.0.extend(value.to_be_bytes());
        self
    }

    fn utf(mut self, text: &str) -> Self {
        self.0
            .extend(u16::try_from(text.len()).unwrap().to_be_bytes());
        self.0.extend(text.as_bytes());
        self
    }
}

/// An increment of RocksDB as Flink 1.9 writes it, of shared files with these lengths.
fn increment(lengths: &[i64]) -> Vec<u8> {
    let file = Java::file(2).int(1).int(1).int(0).long(-1).int(0);
    let keyed = file
        .int(0)
        .int(0)
        .byte(5)
        .long(7)
        .utf("backend")
        .int(0)
        .int(128);
    let mut shared = keyed.byte(1).utf("meta").int(0);
    shared = shared.int(i32::try_from(lengths.len()).unwrap());
    for (at, length) in lengths.iter().enumerate() {
        let local = format!("{at:06}.sst");
        shared = shared.utf(&local).byte(2).long(*length);
        shared = shared.utf(&format!("{JOB}/shared/{at:036}"));
    }
    shared.int(0).byte(0).0
}

/// Inline data in flight of Flink 1.11, named such that Flink 1.12 finds a file in the name.
fn ambiguous() -> Vec<u8> {
    let path = format!("hdfs://primary/{}", "x".repeat(269));
    // What Flink 1.12 reads as tag 2, a size, and the length of the path and four bytes more.
    let name = format!("n\u{2}{}\u{1}\u{20}{path}", "\u{1}".repeat(8));
    let states = Java::file(3)
        .byte(0)
        .int(1)
        .int(0)
        .int(0)
        .int(0)
        .byte(0)
        .byte(0);
    let channel = states.int(1).int(0).int(77).int(0).long(0).byte(1);
    channel.utf(&name).int(0).int(0).0
}

/// What a golden's listing and a document have in common: the checkpoint with its masters and
/// operators, the distinct files, the distinct directories.
type Common = (Value, BTreeSet<String>, BTreeSet<String>);

/// A listing of Flink's own loader: see tests/goldens/README.md.
fn listed(text: &str) -> Common {
    let (mut version, mut id) = (0, 0);
    let (mut masters, mut operators) = (Vec::new(), Vec::new());
    let (mut files, mut directories) = (BTreeSet::new(), BTreeSet::new());
    for line in text.lines() {
        let fields: Vec<_> = line.split('\t').map(unescaped).collect();
        let number = |at: usize| fields[at].parse::<i64>().unwrap();
        let some = |at: usize| Some(&*fields[at]).filter(|text| !text.is_empty());
        let length = |text: &str| text.parse::<u64>().ok();
        match &*fields[0] {
            "metadata" => (version, id) = (number(1), number(2)),
            "master" => masters.push(json!({
                "name": fields[1], "version": number(2), "bytes": number(3),
            })),
            "operator" => {
                let mut operator = json!({
                "id": fields[1], "parallelism": number(2), "max_parallelism": number(3),
                "name": some(4), "uid": some(5), "stored": length(&fields[6]),
                });
                if let Some(size) = fields.get(7) {
                    operator["total"] = json!(length(size));
                }
                operators.push(operator);
            }
            "directory" => drop(directories.insert(fields[2].clone())),
            kind => {
                let (offset, size) = fields[1].split_once('+').unzip();
                let size = length(size.unwrap_or(&fields[1]));
                let mut file = json!({ "kind": kind, "path": fields[2], "length": size });
                if let Some(offset) = offset {
                    file["offset"] = json!(length(offset));
                }
                files.insert(file.to_string());
            }
        }
    }
    let common = json!({
        "version": version, "checkpoint_id": id, "master_states": masters, "operators": operators,
    });
    (common, files, directories)
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

fn leave_out_what_old_listings_have_not(shown: &mut Value) {
    shown["master_states"] = json!([]);
    for operator in shown["operators"].as_array_mut().unwrap() {
        operator.as_object_mut().unwrap().remove("total");
    }
}

#[test]
fn of_all_that_flink_wrote_it_says_what_flinks_own_loader_says() {
    let mut goldens_seen = 0;
    for flink in fs::read_dir(goldens()).unwrap() {
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
            let listed = listed(&fs::read_to_string(&path).unwrap());
            let mut shown = shown(&document);
            if !listed.0["operators"].to_string().contains("\"total\":") {
                leave_out_what_old_listings_have_not(&mut shown.0);
            }
            assert_eq!(shown.0, listed.0, "{case}");
            assert_eq!(shown.1, listed.1, "{case}");
            assert_eq!(shown.2, listed.2, "{case}");
            goldens_seen += 1;
        }
    }
    assert!(goldens_seen >= 72, "{goldens_seen}");
}

#[test]
fn the_document_has_this_form() {
    let path = golden("2.3.0", "finished");
    let shared = |total| {
        json!({
            "inline": 0, "exclusive": 0, "shared": total, "changelog": 0, "channel": 0,
            "total": total,
        })
    };
    let operator = |id, name, uid, parallelism, subtasks, total| {
        json!({
            "id": id, "name": name, "uid": uid, "parallelism": parallelism,
            "max_parallelism": 128, "subtasks": subtasks, "state": shared(total),
        })
    };
    let mut expected = json!({
        "result": "good",
        "path": format!("file:{path}"),
        "bytes": fs::metadata(&path).unwrap().len(),
        "version": 6,
        "flink": "2.1 to 2.3",
        "checkpoint_id": i64::MAX,
        "state": shared(5),
        "file_counts": {
            "absolute": 1, "relative": 0, "segment": 0, "segment_files": 0, "directory": 0,
            "unknown_length": 0,
        },
        "master_states": [
            { "name": "hook", "version": 1, "bytes": 26 },
            { "name": "hook-2", "version": 7, "bytes": 0 },
        ],
        "operators": [
            operator(
                "5d1c3c9e0ce94fc00000000000000006", Some("partly"), Some("partly-uid"), 3,
                json!({ "stored": 3, "finished": 2 }), 5,
            ),
            operator("7438f8d847f1c3920000000000000005", Some("fully"), None, 4, Value::Null, 0),
            operator(
                "40a01c8c271f3ef20000000000000009", None, None, 2,
                json!({ "stored": 0, "finished": 0 }), 0,
            ),
        ],
        "findings": [],
        "error": null,
    });
    assert_eq!(
        json_of(&dualwrite(&["inspect", "--json", &path]), 0),
        expected
    );

    expected["directories"] = json!([]);
    expected["files"] = json!([{
        "kind": "absolute", "path": format!("{JOB}/shared/p"), "length": 5, "scope": "shared",
    }]);
    let args = ["inspect", "--json", "--files", &path];
    assert_eq!(json_of(&dualwrite(&args), 0), expected);
}

#[test]
fn segments_have_offsets_and_directories_are_apart() {
    let path = golden("2.3.0", "file-merging");
    let document = json_of(&dualwrite(&["--json", "inspect", "--files", &path]), 0);
    let segment = |below: &str, offset: u64, length: u64| {
        json!({
            "kind": "segment", "path": format!("{JOB}/{below}"), "length": length,
            "offset": offset, "scope": "shared",
        })
    };
    let segments = [
        segment("taskowned/seg", 0, 10),
        segment("shared/seg", 10, 20),
        segment("shared/seg", 30, 0),
    ];
    assert_eq!(document["files"], json!(segments));
    let directories = ["taskowned/tm-1", "shared/job-1"].map(|below| format!("{JOB}/{below}"));
    assert_eq!(document["directories"], json!(directories));
    let counts = json!({
        "absolute": 0, "relative": 0, "segment": 3, "segment_files": 2, "directory": 2,
        "unknown_length": 0,
    });
    assert_eq!(document["file_counts"], counts);
}

#[test]
fn what_flink_does_not_know_is_null() {
    let (_dir, path) = file(&increment(&[-1, 5]));
    let document = json_of(&dualwrite(&["inspect", "--json", "--files", &path]), 0);
    let lengths: Vec<_> = (0..2).map(|at| &document["files"][at]["length"]).collect();
    assert_eq!(lengths, [&Value::Null, &json!(5)]);
    assert_eq!(
        (&document["version"], &document["flink"]),
        (&json!(2), &json!("1.9, 1.10"))
    );
    assert_eq!(document["operators"][0]["name"], Value::Null);
    let (out, _) = exits(&dualwrite(&["inspect", &path]), 0);
    let expected = "\nSTATE        5 B shared\n\
                    FILES        2 absolute; 1 of unknown length, not counted as state\n\n\
                    OPERATOR                          PARALLELISM  SUBTASKS  SHARED  TOTAL\n\
                    00000000000000010000000000000002     1 of 128  1            5 B    5 B\n";
    assert!(out.ends_with(expected), "{out}");
}

#[test]
fn people_read_it_line_by_line() {
    let path = golden("2.3.0", "heap");
    let (out, err) = exits(&dualwrite(&["inspect", &path]), 0);
    let expected = "\
PATH         file:PATH
CHECKPOINT   42
VERSION      6, written by Flink 2.1 to 2.3
SIZE         3.2 KiB
STATE        1.0 MiB: 49 B inline, 1.0 MiB exclusive
FILES        4 relative

OPERATOR                          PARALLELISM  SUBTASKS  INLINE  EXCLUSIVE    TOTAL  UID       NAME
1a659fe741f7345c0000000000000004     3 of 128  3           49 B    1.0 MiB  1.0 MiB  heap-uid  heap
";
    assert_eq!(out.replace(&path, "PATH"), expected);
    assert_eq!(err, "");

    let (out, _) = exits(&dualwrite(&["inspect", "--files", &path]), 0);
    let files = "
KIND      SCOPE       LENGTH  PATH
relative  exclusive     2048  op-0
relative  exclusive        3  raw-0
relative  exclusive  1048576  keyed-0
relative  exclusive     4096  timers-0
";
    assert_eq!(out.replace(&path, "PATH"), expected.to_owned() + files);

    let path = golden("2.3.0", "file-merging");
    let (out, _) = exits(&dualwrite(&["inspect", "--files", &path]), 0);
    let expected = "
KIND      SCOPE      LENGTH  OFFSET  PATH
segment   shared         10       0  JOB/taskowned/seg
segment   shared         20      10  JOB/shared/seg
segment   shared          0      30  JOB/shared/seg

DIRECTORIES OF FILE MERGING
JOB/taskowned/tm-1
JOB/shared/job-1
";
    assert!(out.replace(JOB, "JOB").ends_with(expected), "{out}");
    assert!(
        out.contains("\nFILES        3 segments in 2 files, 2 directories\n"),
        "{out}"
    );
}

#[test]
fn it_is_found_by_any_name_and_by_its_directory() {
    let metadata = fs::read(golden("2.3.0", "heap")).unwrap();
    let (dir, path) = file(&metadata);
    let by_dir = dir.path().to_str().unwrap();
    let by_uri = format!("file://{by_dir}/");
    let climbing = format!("{by_dir}/nowhere/.././_metadata");
    for asked in [&*path, by_dir, &*by_uri, &*climbing] {
        let document = json_of(&dualwrite(&["inspect", "--json", asked]), 0);
        assert_eq!(document["path"], format!("file:{path}"), "{asked}");
    }
}

#[test]
fn what_cannot_be_read_is_told_with_its_place() {
    let heap = fs::read(golden("2.3.0", "heap")).unwrap();
    let mut unknown_version = heap.clone();
    unknown_version[7] = 9;
    let mut unknown_tag = increment(&[5]);
    let tag = unknown_tag
        .windows(4)
        .position(|bytes| bytes == b".sst")
        .unwrap()
        + 4;
    unknown_tag[tag] = 99;
    for (bytes, offset, text) in [
        (
            &heap[..19],
            16,
            "found the end of the file: it is incomplete",
        ),
        (
            &unknown_version,
            4,
            "found version 9: a release that knows it is needed",
        ),
        (&unknown_tag, tag, "found tag 99"),
        (
            b"no metadata",
            0,
            "expected the first four bytes of Flink's _metadata",
        ),
        (b"", 0, "found the end of the file"),
    ] {
        let (_dir, path) = file(bytes);
        let (out, err) = exits(&dualwrite(&["inspect", &path]), 1);
        let begins = format!("file:{path} is not understood: byte {offset}: ");
        assert!(err.starts_with(&begins) && err.contains(text), "{err}");
        assert_eq!((&*out, err.lines().count()), ("", 1), "{err}");

        let output = dualwrite(&["inspect", "--json", "--files", &path]);
        let message = exits(&output, 1).1;
        assert_eq!(message, err);
        let expected = json!({
            "result": "findings", "path": format!("file:{path}"), "bytes": null, "version": null,
            "flink": null, "checkpoint_id": null, "state": null, "file_counts": null,
            "master_states": [], "operators": [], "error": null,
            "findings": [{
                "kind": "bad_metadata", "path": format!("file:{path}"), "offset": offset,
                "message": message.trim_end(),
            }],
        });
        assert_eq!(json_of(&output, 1), expected);
    }
}

#[test]
fn what_is_not_there_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().to_str().unwrap();
    for (below, text) in [
        ("nowhere", "nowhere is not there"),
        ("nowhere/_metadata", "nowhere is not there"),
        (".", "has no _metadata"),
    ] {
        let asked = format!("{root}/{below}");
        let (out, err) = exits(&dualwrite(&["inspect", &asked]), 1);
        assert!(out.is_empty() && err.contains(text), "{err}");
        let document = json_of(&dualwrite(&["inspect", "--json", &asked]), 1);
        assert_eq!(document["findings"][0]["kind"], "no_metadata");
    }
    let chk = dir.path().join("chk-7");
    fs::create_dir(&chk).unwrap();
    fs::copy(golden("2.3.0", "heap"), chk.join("_metadata")).unwrap();
    let (_, err) = exits(&dualwrite(&["inspect", root]), 1);
    assert!(
        err.contains(&format!("the newest is file:{root}/chk-7")),
        "{err}"
    );
}

#[test]
fn a_file_with_two_meanings_is_read_when_its_flink_is_given() {
    let (_dir, path) = file(&ambiguous());
    let (_, err) = exits(&dualwrite(&["inspect", &path]), 1);
    assert!(
        err.contains("one thing by Flink 1.15 and another by Flink 1.11: "),
        "{err}"
    );
    let remedy = "say which version of Flink wrote the file by --flink, like --flink 1.14\n";
    assert!(err.ends_with(remedy), "{err}");
    let absolute = |flink| {
        let args = ["inspect", "--json", "--flink", flink, &path];
        json_of(&dualwrite(&args), 0)["file_counts"]["absolute"].clone()
    };
    assert_eq!(absolute("1.11.6"), 0);
    assert_eq!(absolute("1.13"), 1);
    assert_eq!(absolute("1.15"), 1);
    // Where there is nothing to choose it changes nothing.
    let heap = golden("2.3.0", "heap");
    let version = json_of(
        &dualwrite(&["inspect", "--json", "--flink", "1.11", &heap]),
        0,
    );
    assert_eq!(version["version"], 6);
}

#[test]
fn a_wrong_command_line_is_told_what_is_accepted() {
    let told = |args: &[&str], text: &str| {
        let (out, err) = exits(&dualwrite(args), 2);
        assert!(out.is_empty() && err.contains(text), "{args:?}: {out}{err}");
    };
    told(&["inspect"], "<PATH>");
    told(&["inspect", ""], "give hdfs://host:port/path");
    told(
        &["inspect", "s3://bucket/chk-1"],
        "give hdfs://host:port/path",
    );
    told(&["inspect", "--json", "hdfs:///chk-1"], "fs.defaultFS");
    told(
        &["inspect", "--flink", "new", "/a"],
        "expected a version of Flink, such as 1.11",
    );
    let below_a_file = golden("2.3.0", "heap") + "/chk-1";
    told(&["inspect", "--json", &below_a_file], "Not a directory");
}

/// As large as those of jobs with a great many files: 1 000 000 of them here.
#[test]
fn a_hundred_megabytes_are_read() {
    let bytes = increment(&(1..=1_000_000).collect::<Vec<_>>());
    assert!(bytes.len() > 100 << 20, "{}", bytes.len());
    let (_dir, path) = file(&bytes);
    let document = json_of(&dualwrite(&["inspect", "--json", &path]), 0);
    assert_eq!(document["file_counts"]["absolute"], 1_000_000);
    assert_eq!(document["state"]["total"], 500_000_500_000_u64);
    let (out, _) = exits(&dualwrite(&["inspect", "--files", &path]), 0);
    let lines: Vec<_> = out
        .lines()
        .skip_while(|line| !line.starts_with("KIND"))
        .collect();
    assert_eq!(lines.len(), 1_000_001);
    let last = format!("absolute  shared     1000000  {JOB}/shared/{:036}", 999_999);
    assert_eq!(lines[1_000_000], last);
}
