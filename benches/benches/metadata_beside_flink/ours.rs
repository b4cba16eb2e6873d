//! The product's side: the commands of `FlinkSide.java`, by the parser and the publisher's mapping.
//!
//! ```text
//! open DIRECTORY    reads DIRECTORY/_metadata into memory: bytes
//! count             parses it: files named
//! write DIRECTORY   rewrites it to DIRECTORY/_metadata: bytes
//! parse             parses it: nanoseconds of the thread, nanoseconds
//! swap              parses and rewrites it, with another prefix before each path: the same
//! rewrite           parses and rewrites it as the publisher does: the same
//! peak COMMAND      what of memory one of these takes beyond the input: bytes
//! ```

use std::fs;
use std::hint::black_box;
use std::io::BufRead;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use checkpoint_format::{Reference, ReferenceKind, parse};
use checkpoint_layout::{Aliases, Location, Mapping};
use rustix::time::{ClockId, clock_gettime};

/// Serves until standard input ends.
pub fn serve() -> Result<()> {
    let mut side = Ours {
        bytes: Vec::new(),
        mapping: mapping()?,
    };
    for line in std::io::stdin().lock().lines() {
        let line = line.context("standard input breaks off")?;
        println!("{}", side.answer(&line)?);
    }
    Ok(())
}

fn mapping() -> Result<Mapping> {
    let primary = Location::parse("hdfs://nameservice1/flink/checkpoints")?;
    let secondary = Location::parse("hdfs://nn.secondary:8020/dr/flink/checkpoints")?;
    let aliases = Aliases::new(
        &primary,
        &secondary,
        ["hdfs://nn1.primary:8020", "hdfs://", "/"],
    )?;
    let further = ["hdfs://nameservice1/flink/savepoints=hdfs://nn.secondary:8020/dr/savepoints"];
    Ok(Mapping::new(&primary, &secondary, aliases, further)?)
}

struct Ours {
    bytes: Vec<u8>,
    mapping: Mapping,
}

impl Ours {
    fn answer(&mut self, line: &str) -> Result<String> {
        let (command, argument) = line.split_once(' ').unwrap_or((line, ""));
        Ok(match command {
            "open" => {
                self.bytes = fs::read(Path::new(argument).join("_metadata"))?;
                self.bytes.len().to_string()
            }
            "count" => parse(&self.bytes)?.references.len().to_string(),
            "write" => {
                fs::create_dir_all(argument)?;
                let rewritten = self.rewritten(|reference, new| self.publish(reference, new))?;
                fs::write(Path::new(argument).join("_metadata"), &rewritten)?;
                rewritten.len().to_string()
            }
            "peak" => {
                let before = reset_peak()?;
                self.perform(argument)?;
                (peak()? - before).to_string()
            }
            _ => {
                let (start, thread_start) = (Instant::now(), thread_time());
                self.perform(command)?;
                let thread_time = thread_time().saturating_sub(thread_start);
                format!("{} {}", thread_time.as_nanos(), start.elapsed().as_nanos())
            }
        })
    }

    /// With giving back what was made, which is part of the cost.
    fn perform(&self, command: &str) -> Result<()> {
        match command {
            "parse" => drop(black_box(parse(&self.bytes)?)),
            "swap" => drop(black_box(self.rewritten(swap)?)),
            "rewrite" => {
                drop(black_box(
                    self.rewritten(|reference, new| self.publish(reference, new))?,
                ));
            }
            _ => bail!("no command: {command}"),
        }
        Ok(())
    }

    fn rewritten(&self, map: impl Fn(&Reference<'_>, &mut String) -> bool) -> Result<Vec<u8>> {
        let metadata = parse(&self.bytes)?;
        Ok(checkpoint_format::rewrite(&self.bytes, &metadata, map)?)
    }

    /// As `rewritten` of a waiting checkpoint in the crate `replicator`.
    fn publish(&self, reference: &Reference<'_>, new: &mut String) -> bool {
        reference.kind != ReferenceKind::Relative && self.mapping.map_into(&reference.path, new)
    }
}

fn swap(reference: &Reference<'_>, new: &mut String) -> bool {
    let Some(rest) = reference.path.strip_prefix("hdfs://nameservice1/") else {
        return false;
    };
    new.push_str("hdfs://nn.secondary:8020/");
    new.push_str(rest);
    true
}

fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        time.tv_sec.unsigned_abs(),
        u32::try_from(time.tv_nsec).unwrap_or(0),
    )
}

/// Forgets the highest use of memory so far, and answers with that of now.
fn reset_peak() -> Result<u64> {
    fs::write("/proc/self/clear_refs", "5").context("the kernel does not reset the peak")?;
    peak()
}

/// The highest use of memory by this process, in bytes.
fn peak() -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
    let bytes = kilobytes.and_then(|number| Some(number.trim().parse::<u64>().ok()? * 1024));
    let bytes = bytes.context("the kernel does not tell the peak")?;
    ensure!(bytes > 0, "the kernel tells a peak of nothing");
    Ok(bytes)
}
