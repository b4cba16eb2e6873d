//! `dualwrite inspect` on local files: in which form it says what, and what it says of what it
//! cannot read. What it says of all that Flink wrote is in `inspect_goldens.rs`.

mod support;

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use support::{dualwrite, exits, json_of};

/// A job's directory.
fn job(cluster: &str) -> String {
    format!("hdfs://{cluster}:8020/flink/checkpoints/a1b2c3d4e5f60718293a4b5c6d7e8f90")
}

/// A `_metadata` that Flink itself wrote.
fn heap() -> String {
    let goldens = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/goldens/data");
    let path = goldens.join("2.3.0/heap.metadata").canonicalize().unwrap();
    path.to_str().unwrap().to_owned()
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
    fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend(bytes);
        self
    }

    fn ints<const N: usize>(self, values: [i32; N]) -> Self {
        self.bytes(&values.map(i32::to_be_bytes).concat())
    }

    fn longs<const N: usize>(self, values: [i64; N]) -> Self {
        self.bytes(&values.map(i64::to_be_bytes).concat())
    }

    fn utf(self, text: &str) -> Self {
        let length = u16::try_from(text.len()).unwrap();
        self.bytes(&length.to_be_bytes()).bytes(text.as_bytes())
    }

    fn count(self, count: usize) -> Self {
        self.ints([count.try_into().unwrap()])
    }

    /// A file, up to the number of its masters.
    fn header(version: i32, checkpoint_id: i64) -> Self {
        let header = Self::default().ints([0x4960_672d, version]);
        header.longs([checkpoint_id])
    }

    /// An operator without its names, up to what the versions have differently.
    fn operator(self, id: i64, parallelism: i32) -> Self {
        self.longs([id, 9]).ints([parallelism, 128])
    }
}

/// A file of version 6 with one of everything: what docs/cli.md shows.
fn everything() -> Vec<u8> {
    let path = |below: &str| format!("{}/{below}", job("nn2"));
    let hook = Java::default()
        .ints([1])
        .utf("hook")
        .ints([6])
        .bytes(b"stored")
        .0;
    let mut file = Java::header(6, 42)
        .ints([1])
        .bytes(&0xc96b_1696_u32.to_be_bytes());
    file = file.count(hook.len()).bytes(&hook).ints([3]);
    // The first of three operators: its coordinator's state is inline, and it has two subtasks.
    file = file
        .utf("Totals")
        .utf("totals")
        .operator(0x1a65_9fe7_41f7_345c, 2);
    file = file
        .bytes(&[1])
        .utf("/inline")
        .ints([16])
        .bytes(&[0; 16])
        .ints([2]);
    // The first has operator state, managed, in a segment, and no raw;
    file = file.ints([0, 1]).bytes(&[17]).ints([0]);
    file = file.utf(&path("taskowned/tm-1")).utf(&path("shared/job-1"));
    file = file.bytes(&[0, 15]).longs([512, 2048]).ints([0]);
    file = file.utf(&path("taskowned/0a1b")).utf("id").ints([0]);
    // keyed state, managed, in a file, and raw, in a changelog;
    file = file
        .bytes(&[12])
        .ints([0, 0])
        .bytes(&[2])
        .longs([1_048_576]);
    file = file.utf(&path("shared/2c3d")).utf("id");
    file = file
        .bytes(&[9])
        .ints([0, 128])
        .longs([0, 1])
        .ints([1, 0, 100]);
    file = file.bytes(&[0; 100]).utf("id");
    // and data in flight, as input. The second has finished.
    file = file.ints([1]).bytes(&[1]).ints([0, 0, 0, 0]).longs([4000]);
    file = file.bytes(&[6]).utf("7f8e9d0c").longs([5000]).ints([0, !1]);
    // An operator that has finished, and one without a name and without subtasks.
    file = file
        .utf("Source")
        .utf("")
        .operator(0x7438_f8d8_47f1_c392, 2);
    file = file.bytes(&[0]).ints([-1]);
    file = file.utf("").utf("").operator(0x40a0_1c8c_271f_3ef2, 1);
    file = file.bytes(&[0]).ints([0]);
    // The properties of the checkpoint, of which nobody asks more than where they end.
    file.bytes(&[0xAC, 0xED, 0, 5, 0x74, 0, 3]).bytes(b"abc").0
}

/// An increment of RocksDB as Flink 1.9 writes it, of shared files with these lengths.
fn increment(lengths: &[i64]) -> Vec<u8> {
    let job = job("primary");
    let mut file = Java::header(2, 7).ints([0, 1]).operator(1, 1);
    file = file.ints([1, 1, 0]).longs([-1]).ints([0, 0, 0]);
    file = file.bytes(&[5]).longs([7]).utf("backend").ints([0, 128]);
    file = file.bytes(&[1]).utf("meta").ints([0]).count(lengths.len());
    for (at, length) in lengths.iter().enumerate() {
        file = file
            .utf(&format!("{at:06}.sst"))
            .bytes(&[2])
            .longs([*length]);
        file = file.utf(&format!("{job}/shared/{at:036}"));
    }
    file.ints([0]).bytes(&[0]).0
}

/// Inline data in flight of Flink 1.11, named such that Flink 1.12 finds a file in the name.
fn ambiguous() -> Vec<u8> {
    let path = format!("hdfs://primary/{}", "x".repeat(269));
    // What Flink 1.12 reads as tag 2, a size, and the length of the path and four bytes more.
    let name = format!("n\u{2}{}\u{1}\u{20}{path}", "\u{1}".repeat(8));
    let mut file = Java::header(3, 7).ints([0, 1]).operator(1, 1);
    file = file.bytes(&[0]).ints([1, 0, 0, 0]).bytes(&[0, 0]);
    file = file.ints([1, 0, 77, 0]).longs([0]).bytes(&[1]);
    file.utf(&name).ints([0, 0]).0
}

/// docs/cli.md shows it of a checkpoint on a cluster, here it is on this machine.
fn shown_in_the_docs(args: &[&str], path: &str) -> String {
    let (out, err) = exits(&dualwrite(&[&["inspect"], args, &[path]].concat()), 0);
    assert_eq!(err, "");
    out.replace(
        &format!("file:{path}"),
        &format!("{}/chk-42/_metadata", job("nn2")),
    )
}

/// The form is promised: a change here is a change of the page, and for its readers.
#[test]
fn the_docs_show_what_it_prints() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/cli.md");
    let page = fs::read_to_string(page).unwrap();
    let (_dir, path) = file(&everything());
    for (language, args) in [
        ("text", &["--files"][..]),
        ("json", &["--files", "--json"][..]),
    ] {
        let printed = shown_in_the_docs(args, &path);
        let block = format!("\n```{language}\n{printed}```\n");
        assert!(page.contains(&block), "not in docs/cli.md:\n{block}");
    }
}

#[test]
fn without_being_asked_it_lists_no_files() {
    let (_dir, path) = file(&everything());
    let mut document = json_of(&dualwrite(&["inspect", "--json", "--files", &path]), 0);
    let fields = document.as_object_mut().unwrap();
    assert_eq!(fields.remove("files").unwrap().as_array().unwrap().len(), 3);
    let directories = fields.remove("directories").unwrap();
    assert_eq!(directories.as_array().unwrap().len(), 2);
    assert_eq!(
        json_of(&dualwrite(&["--json", "inspect", &path]), 0),
        document
    );

    let with = exits(&dualwrite(&["inspect", "--files", &path]), 0).0;
    let without = exits(&dualwrite(&["inspect", &path]), 0).0;
    assert_eq!(with.split_once("\nKIND").unwrap().0, without);
}

/// A name is what a user's code says, and a path what a damaged file says.
#[test]
fn nothing_that_a_terminal_would_obey_is_printed() {
    let mut bytes = everything();
    for (from, to) in [("Totals", "To\u{1b}[2J"), ("7f8e9d0c", "7f\ne9d\u{7}c")] {
        let at = bytes
            .windows(from.len())
            .position(|bytes| bytes == from.as_bytes());
        let at = at.unwrap();
        bytes[at..at + from.len()].copy_from_slice(to.as_bytes());
    }
    let (_dir, path) = file(&bytes);
    let (out, _) = exits(&dualwrite(&["inspect", "--files", &path]), 0);
    let is_harmless = |c: char| c == '\n' || !c.is_control();
    assert!(out.chars().all(is_harmless), "{out:?}");
    assert!(
        out.contains("To\u{fffd}[2J\n") && out.contains("7f\u{fffd}e9d\u{fffd}c\n"),
        "{out}"
    );
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
                    FILES        2 absolute; 1 of unknown length\n\n\
                    OPERATOR                          PARALLELISM  SUBTASKS  SHARED  TOTAL\n\
                    00000000000000010000000000000009     1 of 128  1            5 B    5 B\n";
    assert!(out.ends_with(expected), "{out}");
}

#[test]
fn it_is_found_by_any_name_and_by_its_directory() {
    let metadata = fs::read(heap()).unwrap();
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
    let heap = fs::read(heap()).unwrap();
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
    fs::copy(heap(), chk.join("_metadata")).unwrap();
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
    let heap = heap();
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
    let below_a_file = heap() + "/chk-1";
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
    let last = format!("{}/shared/{:036}", job("primary"), 999_999);
    let last = format!("absolute  shared     1000000  {last}");
    assert_eq!(lines[1_000_000], last);
}
