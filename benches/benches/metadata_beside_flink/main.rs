//! Large `_metadata` that Flink's own serializer wrote: parsing it beside Flink's loader, parsing
//! and rewriting it beside Flink's loader and serializer, in turns and on the same file; and how
//! time and memory grow from 1 MB to 1 GB.
//!
//! Both sides are processes of their own that serve the same commands. Refuses to give figures of
//! a file in which Flink's loader finds another number of files than the parser.
#![allow(missing_docs)]
// Of what is measured.
#![allow(clippy::cast_precision_loss)]

mod file;
mod ours;
mod side;

use anyhow::Result;
use benches::Time;
use comfy_table::{Table, presets::ASCII_MARKDOWN};

use file::File;
use side::{Flink, Memory};

/// Until the JVM has compiled what it will: after about eight, its times change no more.
const WARM_UP_ROUNDS: usize = 12;
const ROUNDS: usize = 15;
/// Each takes a process of its own on either side.
const FIRST_ROUNDS: usize = 5;

/// What is measured, and the commands for it to Flink's side and to ours.
const WORK: [(&str, &str, &str); 3] = [
    ("parse", "parse", "parse"),
    (
        "parse and rewrite, by a swap of prefixes",
        "rewrite",
        "swap",
    ),
    (
        "parse and rewrite, by the publisher's mapping",
        "rewrite",
        "rewrite",
    ),
];

fn main() -> Result<()> {
    if std::env::args().any(|argument| argument == side::SERVE) {
        return ours::serve();
    }
    let flink = Flink::install()?;
    let files = File::write_all(&flink)?;
    let large = &files[file::LARGE];
    large.check(&flink)?;
    beside(&flink, large)?;
    growth(&files)?;
    File::remove_all()
}

/// Prints what Flink and the product take for the same, the first time and then.
fn beside(flink: &Flink, file: &File) -> Result<()> {
    println!("\n{file}: ms of the working thread's CPU (of wall time), medians; Flink / ours\n");
    let mut table = table(&["", "", "Flink", "ours", "ratio", "MB/s"]);
    let mut row = |when: &str, what: &str, theirs: &[Time], ours: &[Time]| {
        let (theirs, ours) = (Time::median(theirs), Time::median(ours));
        let text = |time: &Time| format!("{:.0} ({:.0})", time.cpu_ms, time.wall_ms);
        let ratio = format!(
            "{:.1} ({:.1})",
            theirs.cpu_ms / ours.cpu_ms,
            theirs.wall_ms / ours.wall_ms
        );
        let rate = format!("{:.0}", file.megabytes() * 1000.0 / ours.cpu_ms);
        table.add_row([when, what, &text(&theirs), &text(&ours), &ratio, &rate]);
    };
    for (what, theirs, ours) in WORK {
        let (mut their_times, mut our_times) = (Vec::new(), Vec::new());
        for _ in 0..FIRST_ROUNDS {
            their_times.push(flink.open(file)?.time(theirs)?);
            our_times.push(side::ours(file, Memory::GivenBack)?.time(ours)?);
        }
        row("first in a process", what, &their_times, &our_times);
    }
    let mut their_side = flink.open(file)?;
    let mut our_side = side::ours(file, Memory::Kept)?;
    for _ in 0..WARM_UP_ROUNDS {
        their_side.time("parse")?;
        their_side.time("rewrite")?;
    }
    for (what, theirs, ours) in WORK {
        let (mut their_times, mut our_times) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            their_times.push(their_side.time(theirs)?);
            our_times.push(our_side.time(ours)?);
        }
        row("again and again", what, &their_times, &our_times);
    }
    println!("{table}");
    Ok(())
}

/// Prints the rates and the memory on files of all sizes.
fn growth(files: &[File]) -> Result<()> {
    println!("\nMB/s of the working thread's CPU, medians; memory beyond the input at most\n");
    let mut table = table(&[
        "",
        "parse",
        "and rewrite",
        "parse, fresh memory",
        "and rewrite, fresh memory",
        "memory of parse",
        "and of rewrite",
    ]);
    for file in files {
        // As many bytes of each size, but some rounds of the largest.
        let rounds = (2_000_000_000 / file.bytes).clamp(5, 101);
        let mut row = vec![file.to_string()];
        for memory in [Memory::Kept, Memory::GivenBack] {
            for command in ["parse", "rewrite"] {
                let mut side = side::ours(file, memory)?;
                let times: Result<Vec<Time>> = (0..rounds).map(|_| side.time(command)).collect();
                let rate = file.megabytes() * 1000.0 / Time::median(&times?).cpu_ms;
                row.push(format!("{rate:.0}"));
            }
        }
        for command in ["parse", "rewrite"] {
            let mut side = side::ours(file, Memory::GivenBack)?;
            let [peak] = side.ask(&format!("peak {command}"))?;
            row.push(format!("{:.2} x", peak as f64 / file.bytes as f64));
        }
        table.add_row(row);
    }
    println!("{table}");
    Ok(())
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_header(header.to_vec());
    table
}
