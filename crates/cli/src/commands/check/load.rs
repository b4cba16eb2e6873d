//! A library loaded by a process of its own, which it may kill: this command, called once more with
//! the library before all others, as the dynamic linker lets anybody (`LD_PRELOAD`). The child then
//! looks whether it has it. Refuses to load anything in the process that asks.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Exit;
use crate::output;

/// No library needs longer.
const LIMIT: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(10);
/// Where a process finds what its standard input is.
const STDIN: &str = "/proc/self/fd/0";

/// Tell whether this process was started with a library
#[derive(Debug, clap::Args)]
pub(crate) struct LoadArgs {
    /// The library's absolute path
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

impl LoadArgs {
    pub(crate) fn run(&self) -> Exit {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
        if preflight::is_mapped(&maps, &self.file.to_string_lossy()) {
            Exit::Good
        } else {
            output::complain("The dynamic linker left it out.");
            Exit::Findings
        }
    }
}

/// Loads a library in a child.
///
/// # Errors
/// What the child said, or how it died.
pub(super) fn in_another_process(file: &Path) -> Result<(), String> {
    // A path in the variable must have neither blanks nor colons: the child has the file open.
    let opened = File::open(file).map_err(|error| error.to_string())?;
    // The kernel tells the child the name behind all links.
    let real = std::fs::canonicalize(file).map_err(|error| error.to_string())?;
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let child = Command::new(own)
        .arg("loads")
        .arg(&real)
        .env("LD_PRELOAD", STDIN)
        .env_remove("DUALWRITE_CONFIG")
        .stdin(opened)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    ended(child.map_err(|error| error.to_string())?)
}

fn ended(mut child: Child) -> Result<(), String> {
    let begun = Instant::now();
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if begun.elapsed() < LIMIT => std::thread::sleep(PAUSE),
            Ok(None) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("it was not loaded within {} s", LIMIT.as_secs()));
            }
            Err(error) => return Err(error.to_string()),
        }
    };
    if status.success() {
        return Ok(());
    }
    // A few lines, which a pipe holds.
    let output = child
        .wait_with_output()
        .map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&output.stderr);
    let said: Vec<_> = said.lines().map(str::trim).collect();
    let said = said.join(" ");
    Err(if said.is_empty() {
        format!("the process that loaded it ended with {status}")
    } else {
        said
    })
}
