//! The binary, called as operators and scripts call it.
#![allow(
    dead_code,
    clippy::allow_attributes,
    reason = "each test file uses a part of it"
)]

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
