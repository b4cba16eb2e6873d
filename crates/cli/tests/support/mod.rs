//! The binary, called as operators and scripts call it.
#![allow(
    dead_code,
    clippy::allow_attributes,
    reason = "each test file uses a part of it"
)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// With no other configuration than the arguments'.
pub fn dualwrite(args: &[&str]) -> Output {
    command(args).output().unwrap()
}

/// The same, before it is called.
pub fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dualwrite"));
    for name in ["HADOOP_CONF_DIR", "HADOOP_HOME", "DUALWRITE_CONFIG"] {
        command.env_remove(name);
    }
    command.args(args);
    command
}

/// What it printed, to standard output and to standard error.
#[track_caller]
pub fn exits(output: &Output, code: i32) -> (String, String) {
    let out = String::from_utf8(output.stdout.clone()).unwrap();
    let err = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(code), "{out}\n{err}");
    (out, err)
}

#[track_caller]
pub fn json_of(output: &Output, code: i32) -> Value {
    serde_json::from_str(&exits(output, code).0).unwrap()
}

/// A `_metadata` that Flink itself wrote: checkpoint 42, of the files below.
pub const HEAP: &[u8] = include_bytes!("../../../../tests/goldens/data/2.2.1/heap.metadata");
/// What it names, with their lengths.
pub const FILES: [(&str, u64); 4] = [
    ("keyed-0", 1_048_576),
    ("op-0", 2048),
    ("raw-0", 3),
    ("timers-0", 4096),
];

/// Makes the directory of that checkpoint, as it must be.
pub fn checkpoint_in(dir: &Path) {
    fs::create_dir_all(dir).unwrap();
    for (name, length) in FILES {
        let file = fs::File::create(dir.join(name)).unwrap();
        file.set_len(length).unwrap();
    }
    fs::write(dir.join("_metadata"), HEAP).unwrap();
}
