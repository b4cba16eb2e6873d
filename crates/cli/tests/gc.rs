//! `dualwrite gc` as operators and scripts call it, on local files: tables, documents, exit codes.

mod support;

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use support::{checkpoint_in, dualwrite, exits, json_of};

const JOB: &str = "a1b2c3d4e5f60718293a4b5c6d7e8f90";

/// A file that was last changed three days and 90 s ago: the clock by which its age is told is
/// that of the file system, which may be a few milliseconds behind.
fn old(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
    let file = fs::File::options().write(true).open(path).unwrap();
    let time = SystemTime::now() - Duration::from_secs(72 * 3600 + 90);
    file.set_modified(time).unwrap();
}

/// A job with a published checkpoint and three leftovers.
fn secondary(root: &Path) {
    checkpoint_in(&root.join(format!("{JOB}/chk-42")));
    old(&root.join(format!(".dualwrite/owners/{JOB}.json")), b"{}");
    old(&root.join(".dualwrite/inflight/w-1"), b"12345");
    old(&root.join(format!("{JOB}/chk-41/a")), b"123");
    old(&root.join(format!("{JOB}/shared/b")), b"1234");
    fs::write(root.join(format!("{JOB}/shared/new")), "x").unwrap();
    fs::write(root.join("notes.txt"), "x").unwrap();
}

#[test]
fn leftovers_are_shown_written_down_and_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("cp");
    secondary(&root);
    let uri = format!("file:{}", root.display());
    let file = dir.path().join("gc.json");
    let file = file.to_str().unwrap();
    let plan = ["gc", "plan", "--secondary", &uri, "--output", file];

    let (out, err) = exits(&dualwrite(&plan), 0);
    assert_eq!(err, "");
    let lines: Vec<_> = out.lines().collect();
    let row = |job: &str, kind: &str, size: &str| {
        lines.iter().any(|line| {
            let is_old = line.contains("3days 1m");
            line.starts_with(job) && line.contains(kind) && line.contains(size) && is_old
        })
    };
    assert!(row("-", "in flight", "5 B"), "{out}");
    assert!(row(JOB, "unpublished", "3 B"), "{out}");
    assert!(row(JOB, "unnamed", "4 B"), "{out}");
    assert!(out.contains("LEFT AS IT IS\n- "), "{out}");
    assert!(out.contains("notes.txt: it has no name that is known"));
    let written = format!("Written to {file}: 3 leftovers, 12 B; 1 published checkpoints stay.");
    assert!(out.contains(&written), "{out}");
    assert!(out.contains(&format!("dualwrite gc apply {file}")));

    let mut json = plan.to_vec();
    json.push("--json");
    let document = json_of(&dualwrite(&json), 0);
    assert_eq!(document["result"], "good");
    assert_eq!(document["rows"].as_array().unwrap().len(), 3);
    assert_eq!(document["rows"][0]["kind"], "in_flight");
    assert_eq!(document["plan"]["checkpoints"], 1);

    let document = json_of(&dualwrite(&["gc", "apply", "--json", file]), 0);
    assert_eq!(document["result"], "good");
    assert_eq!(document["deleted_files"], 3);
    assert_eq!(document["deleted_bytes"], 12);
    assert!(!root.join(format!("{JOB}/chk-41")).exists());
    assert!(root.join(format!("{JOB}/shared/new")).exists());
    assert!(root.join("notes.txt").exists());
    exits(&dualwrite(&["verify", &format!("{uri}/{JOB}/chk-42")]), 0);

    let (out, _) = exits(&dualwrite(&["gc", "apply", file]), 0);
    assert!(out.contains("gone"), "{out}");
    assert!(out.contains("0 leftovers deleted"), "{out}");
    let (out, _) = exits(&dualwrite(&plan), 0);
    assert!(
        out.starts_with(&format!("Nothing is left over in {uri}.")),
        "{out}"
    );
}

#[test]
fn what_cannot_be_right_is_said_with_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("cp");
    fs::create_dir(&root).unwrap();
    let uri = format!("file:{}", root.display());
    let file = dir.path().join("gc.json");
    let file = file.to_str().unwrap();
    let plan = ["gc", "plan", "--secondary", &uri, "--output", file];

    let (_, err) = exits(&dualwrite(&plan), 2);
    assert!(err.contains("is no secondary directory"), "{err}");
    assert!(fs::read_dir(&root).unwrap().next().is_none());
    let (_, err) = exits(&dualwrite(&["gc", "plan"]), 2);
    assert!(err.contains("Which secondary?"), "{err}");

    // no checkpoint: everything would go
    secondary(&root);
    let metadata = root.join(format!("{JOB}/chk-42/_metadata"));
    fs::remove_file(&metadata).unwrap();
    let (out, _) = exits(&dualwrite(&plan), 1);
    assert!(out.contains("which will not be applied"), "{out}");
    let (_, err) = exits(&dualwrite(&["gc", "apply", file]), 2);
    assert!(err.contains("it saw no published checkpoint"), "{err}");

    // one that is not understood
    fs::write(&metadata, "rubbish").unwrap();
    let document = json_of(&dualwrite(&[&plan[..], &["--json"]].concat()), 1);
    assert_eq!(document["result"], "findings");
    assert_eq!(document["plan"]["doubts"].as_array().unwrap().len(), 1);
    let document = json_of(&dualwrite(&["gc", "apply", "--json", file]), 0);
    assert_eq!(document["deleted_files"], 1);

    fs::write(file, "{\"version\": 1}").unwrap();
    let (_, err) = exits(&dualwrite(&["gc", "apply", file]), 2);
    assert!(err.contains("it is no plan: "), "{err}");
}
