//! What the tee takes of the thread that writes a checkpoint, through the product's Java classes
//! and JNI and with the real library behind, beside `System.arraycopy` of the same bytes; once with
//! memory that the library has, and once with memory that nobody has touched yet.
//!
//! Refuses to give figures when a file was not teed: `TeeSide.java` ends then.
#![allow(missing_docs)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use benches::{Side, Time};
use comfy_table::{Table, presets::ASCII_MARKDOWN};

const FLINK: &str = "1.20.5";
const WARM_UP_ROUNDS: usize = 30;
const ROUNDS: usize = 51;
/// Each takes a process of its own.
const FIRST_ROUNDS: usize = 7;
/// Until the JVM has compiled it. Small files touch one page of each chunk.
const SMALL_ROUNDS: usize = 400;

/// As in `TeeSide.java`.
const MIBIBYTES: f64 = 32.0;
const SMALL_FILES: f64 = 64.0;

fn main() -> Result<()> {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("tee");
    let classes = classes(&folder)?;
    let mut side = start(&classes, &folder)?;
    for _ in 0..WARM_UP_ROUNDS {
        round(&mut side)?;
    }
    let times: Result<Vec<_>> = (0..ROUNDS).map(|_| round(&mut side)).collect();
    let [cached, bare, teed, small] = medians(&times?);
    drop(side);
    let first: Result<Vec<_>> = (0..FIRST_ROUNDS)
        .map(|_| first(&classes, &folder))
        .collect();
    let first = Time::median(&first?);

    println!("\n32 MiB in files of 4 MiB and pieces of 16 KiB: the thread's CPU (wall), medians\n");
    let mut table = Table::new();
    table
        .load_style(ASCII_MARKDOWN)
        .set_header(["", "ms", "GiB/s", "beside System.arraycopy"]);
    for (name, time) in [
        ("System.arraycopy, always into the same 256 KiB", cached),
        ("System.arraycopy, into 32 MiB", bare),
        ("through the tee", teed),
        ("through the tee, into memory not touched yet", first),
    ] {
        table.add_row([
            name,
            &format!("{:.2} ({:.2})", time.cpu_ms, time.wall_ms),
            &format!("{:.1}", MIBIBYTES / 1.024 / time.cpu_ms),
            &format!("{:.2}", time.cpu_ms / bare.cpu_ms),
        ]);
    }
    println!("{table}");
    println!(
        "\nA file of 4 KiB, opened, written and completed: {:.1} µs.",
        small.cpu_ms * 1e3 / SMALL_FILES
    );
    fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))
}

/// What a process takes for its first large files.
fn first(classes: &str, folder: &Path) -> Result<Time> {
    let mut side = start(classes, folder)?;
    for _ in 0..SMALL_ROUNDS {
        side.time("small")?;
    }
    side.time("teed")
}

/// In the order of the rows, and then that of small files.
fn round(side: &mut Side) -> Result<[Time; 4]> {
    Ok([
        side.time("cached")?,
        side.time("bare")?,
        side.time("teed")?,
        side.time("small")?,
    ])
}

fn medians(rounds: &[[Time; 4]]) -> [Time; 4] {
    std::array::from_fn(|at| {
        let times: Vec<Time> = rounds.iter().map(|round| round[at]).collect();
        Time::median(&times)
    })
}

/// A class path: Flink's, the product's, and what measures, compiled.
fn classes(folder: &Path) -> Result<String> {
    let jars = harness::jars("flink", &[("flink.version", FLINK)])?;
    let path = format!("{}/*:{}", jars.display(), harness::dist_jar()?.display());
    let classes = folder.join("classes");
    let source = harness::workspace_dir().join("benches/java/TeeSide.java");
    let compiled = Command::new("javac")
        .args(["-cp", &path, "-d"])
        .args([&classes, &source])
        .status()
        .context("cannot start javac")?;
    ensure!(compiled.success(), "{} is not compiled", source.display());
    Ok(format!("{}:{path}", classes.display()))
}

fn start(classes: &str, folder: &Path) -> Result<Side> {
    let mut command = Command::new("java");
    command
        .args(["-Xms1g", "-Xmx1g", "-Dlog4j2.level=WARN", "-cp", classes])
        .arg("io.dualwrite.flink.TeeSide")
        .arg(folder);
    Side::start(&mut command)
}
