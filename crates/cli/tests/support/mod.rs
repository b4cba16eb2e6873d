//! The binary, called as operators and scripts call it.

use std::process::{Command, Output};

use serde_json::Value;

/// With no other configuration than the arguments'.
pub fn dualwrite(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dualwrite"));
    command.args(args).env_remove("HADOOP_CONF_DIR");
    command.env_remove("HADOOP_HOME").output().unwrap()
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
