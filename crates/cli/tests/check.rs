//! `dualwrite check` on local files: what it prints and exits with, and a library that it loads in
//! another process.

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use support::{dualwrite, exits, json_of};

/// A Flink's folder with both directories on local disk.
struct Flink(TempDir);

impl Flink {
    fn new() -> Self {
        let flink = Self(tempfile::tempdir().unwrap());
        fs::create_dir(flink.path("conf")).unwrap();
        fs::create_dir(flink.path("primary")).unwrap();
        flink.write("");
        flink
    }

    fn path(&self, below: &str) -> PathBuf {
        self.0.path().join(below)
    }

    /// A configuration that is good but for what is added.
    fn write(&self, more: &str) {
        let root = self.0.path().display();
        let text = format!(
            "execution.checkpointing.storage: \
             io.dualwrite.flink.DualWriteCheckpointStorageFactory\n\
             execution.checkpointing.dir: file:{root}/primary\n\
             dualwrite.secondary.dir: file:{root}/new/secondary\n\
             dualwrite.spill.max-size: 0\n\
             metrics.reporter.dualwrite.factory.class: \
             io.dualwrite.flink.DualWriteMetricReporterFactory\n\
             {more}"
        );
        fs::write(self.path("conf/config.yaml"), text).unwrap();
    }

    fn conf(&self) -> String {
        self.path("conf").to_string_lossy().into_owned()
    }

    fn check(&self, more: &[&str]) -> std::process::Output {
        let conf = self.conf();
        let mut args = vec!["check", "--flink-version", "2.2", "--timeout", "2s", &conf];
        args.extend(more);
        dualwrite(&args)
    }
}

/// Severity, kind and key of each finding.
fn findings(document: &Value) -> Vec<(&str, &str, &str)> {
    let findings = document["findings"].as_array().unwrap().iter();
    let text = |value: &'_ Value| value.as_str().unwrap_or("-").to_owned();
    findings
        .map(|finding| {
            let part = |name: &str| finding[name].as_str().unwrap_or("-");
            assert!(!text(&finding["fix"]).is_empty(), "{finding}");
            (part("severity"), part("kind"), part("key"))
        })
        .collect()
}

const NOTES: [(&str, &str, &str); 3] = [
    ("note", "local_primary", "execution.checkpointing.dir"),
    ("note", "local_secondary", "dualwrite.secondary.dir"),
    ("note", "no_lib", "-"),
];

#[test]
fn a_good_configuration_says_what_was_looked_at() {
    let flink = Flink::new();
    let (out, err) = exits(&flink.check(&[]), 0);
    let root = flink.0.path().display().to_string();
    let expected = "\
RESULT  AREA               LOOKED AT
good    file               ROOT/conf/config.yaml: 5 keys; Flink 2.2
good    keys               keys of the product: dualwrite.secondary.dir, dualwrite.spill.max-size
good    storage            execution.checkpointing.storage: \
        io.dualwrite.flink.DualWriteCheckpointStorageFactory
note    primary            execution.checkpointing.dir: file:ROOT/primary
note    secondary          dualwrite.secondary.dir: file:ROOT/new/secondary
good    retention          execution.checkpointing.interval is left to the jobs
good    memory             dualwrite.buffer.memory is 64mb; the taskmanager's JVM overhead is not \
        known, the jobmanager's JVM overhead is not known
note    jar                no lib/ beside the directory
good    disk               dualwrite.spill.max-size is 0: nothing is spilled
good    primary cluster    file:ROOT/primary: listed; whether it can be written to is left to \
        --write-primary
good    secondary cluster  file:ROOT/new/secondary: a small file is written, renamed, read and \
        deleted

Notes
- local primary: ";
    let out = out.replace(&root, "ROOT");
    assert!(out.starts_with(expected), "{out}");
    assert_eq!(err, "");
    assert!(!flink.path("new").exists(), "it left a directory");

    let document = json_of(&flink.check(&["--json", "--write-primary"]), 0);
    assert_eq!(document["result"], "good");
    assert_eq!(document["flink_version"], "2.2");
    assert_eq!(findings(&document), NOTES);
    let look = json!({
        "area": "jar", "result": "note", "what": "no lib/ beside the directory",
    });
    assert_eq!(document["looked_at"][7], look);
    assert_eq!(fs::read_dir(flink.path("primary")).unwrap().count(), 0);
}

#[test]
fn errors_come_first_and_say_what_to_type() {
    let flink = Flink::new();
    flink.write("dualwrite.call.timout: 5 s\ndualwrite.upload.concurrency: 65\n");
    let document = json_of(&flink.check(&["--json", "--offline"]), 1);
    let mut expected = vec![
        ("error", "bad_value", "dualwrite.upload.concurrency"),
        ("warning", "unknown_key", "dualwrite.call.timout"),
    ];
    expected.extend(NOTES);
    assert_eq!(findings(&document), expected);
    let error = json!({
        "severity": "error", "kind": "bad_value", "area": "keys",
        "key": "dualwrite.upload.concurrency",
        "message": "dualwrite.upload.concurrency: '65' is not accepted, and with it nothing is \
                    copied.",
        "fix": "Give a whole number from 1 to 64.",
    });
    assert_eq!(document["findings"][0], error);
    let (out, _) = exits(&flink.check(&["--offline"]), 1);
    let warnings = "\n\nWarnings: the copy is not what it could be\n\
                    - unknown key: dualwrite.call.timout is no key of the product: it has no \
                    effect.\n  Is it dualwrite.call.timeout that is meant?\n\nNotes\n";
    assert!(out.contains("\n\nErrors: nothing is copied"), "{out}");
    assert!(out.contains(warnings), "{out}");
}

#[test]
fn a_secondary_inside_the_primary_is_not_written_to() {
    let flink = Flink::new();
    let inside = format!("file:{}/new/secondary/x", flink.0.path().display());
    flink.write(&format!("dualwrite.primary.dir: {inside}\n"));
    let document = json_of(&flink.check(&["--json"]), 1);
    let first = findings(&document)[0];
    assert_eq!(first, ("error", "overlap", "dualwrite.secondary.dir"));
    let looks = document["looked_at"].as_array().unwrap();
    assert!(looks.iter().all(|look| look["area"] != "secondary_cluster"));
}

#[test]
fn a_cluster_that_does_not_answer_is_not_known_unless_something_is_worse() {
    let flink = Flink::new();
    let silent = "dualwrite.primary.dir: hdfs://127.0.0.1:9/x\n";
    flink.write(silent);
    let document = json_of(&flink.check(&["--json"]), 3);
    assert_eq!(document["result"], "unknown");
    let first = findings(&document)[0];
    assert_eq!(
        first,
        ("unknown", "primary_silent", "dualwrite.primary.dir")
    );
    exits(&flink.check(&["--offline"]), 0);
    flink.write(&format!("{silent}dualwrite.zzz: 1\n"));
    exits(&flink.check(&[]), 1);
}

#[test]
fn without_a_configuration_nothing_is_judged() {
    let flink = Flink::new();
    let (_, err) = exits(&dualwrite(&["check", "/nonexistent"]), 2);
    assert!(
        err.contains("Give Flink's configuration directory"),
        "{err}"
    );
    let (_, err) = exits(&flink.check(&["--lib", "/nonexistent"]), 2);
    assert!(err.contains("--lib"), "{err}");
    let (_, err) = exits(&flink.check(&["--flink-version", "new"]), 2);
    assert!(err.contains("--flink-version"), "{err}");
    fs::write(flink.path("conf/config.yaml"), "a: 1\na: 2\n").unwrap();
    let (_, err) = exits(&flink.check(&[]), 2);
    assert!(err.contains("line 2: the key a is there twice"), "{err}");
    fs::write(flink.path("conf/flink-conf.yaml"), "a: 1\n").unwrap();
    let (_, err) = exits(&dualwrite(&["check", &flink.conf()]), 2);
    assert!(err.contains("--flink-version"), "{err}");
}

/// One of the C library's own that no program needs any more.
fn library() -> PathBuf {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let libc = maps.lines().find_map(|line| {
        let path = line.split_whitespace().last()?;
        path.contains("/libc.so").then(|| PathBuf::from(path))
    });
    let library = libc.unwrap().with_file_name("libresolv.so.2");
    assert!(library.exists(), "{} is not there", library.display());
    library
}

#[test]
fn a_library_is_loaded_by_a_process_of_its_own() {
    let flink = Flink::new();
    let bytes = fs::read(library()).unwrap();
    let put = |name: &str, bytes: &[u8]| {
        let path = flink.path(name);
        fs::write(&path, bytes).unwrap();
        flink.write(&format!("dualwrite.native.path: \"{}\"\n", path.display()));
        path
    };
    // Neither blank nor colon may confuse the dynamic linker.
    put("a library: whole.so", &bytes);
    exits(&flink.check(&["--offline"]), 0);
    for (name, bytes) in [
        ("half.so", &bytes[..5000]),
        ("none.so", b"no library"),
        ("empty.so", b""),
    ] {
        put(name, bytes);
        let document = json_of(&flink.check(&["--json", "--offline"]), 1);
        let first = findings(&document)[0];
        assert_eq!(
            first,
            ("error", "not_loadable", "dualwrite.native.path"),
            "{name}"
        );
        let message = document["findings"][0]["message"].as_str().unwrap();
        assert!(message.contains(name), "{message}");
    }
    // The child tells the truth: it has not loaded what nobody made it load.
    exits(&loads(&library()), 1);
}

fn loads(file: &Path) -> std::process::Output {
    dualwrite(&["loads", file.to_str().unwrap()])
}
