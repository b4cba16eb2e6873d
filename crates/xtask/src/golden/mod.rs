//! Goldens: `_metadata` as each line of Flink writes it, in `tests/goldens/data`.
//!
//! All that is in them is made and judged by Flink's own classes (`tests/goldens/java` and
//! `tests/goldens/jobs`), resolved from Maven Central. Refuses to be content with a part: a case
//! that fails is an error, and nothing of its version is replaced.

mod check;
mod data;
mod generate;
mod java;
mod lines;

use std::panic::resume_unwind;
use std::sync::{Mutex, PoisonError};
use std::{iter, thread};

use anyhow::{Result, ensure};

use self::lines::{LINES, Line};

/// The places of checkpoints in goldens: `Handles.PRIMARY` of the cases of handles, and the folder
/// in which real jobs run.
const ROOTS: [&str; 2] = [
    "hdfs://primary:8020/flink/checkpoints",
    "file:/tmp/flink-goldens",
];

/// Of the task `golden`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Of this version of Flink, and of others so given; of all unless given
    #[arg(long, value_name = "VERSION", value_parser = lines::parse)]
    flink: Vec<Line>,
    /// Write nothing, and fail if Flink does not write the committed handles and read the rest
    #[arg(long)]
    check: bool,
    /// Leave those of real jobs, which differ each time, as they are
    #[arg(long, conflicts_with = "check")]
    handles: bool,
}

/// Writes goldens anew, or checks them.
///
/// # Errors
/// When Flink does not write or read one as it should.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let lines = if arguments.flink.is_empty() {
        &LINES
    } else {
        arguments.flink.as_slice()
    };
    if arguments.check {
        return check(lines);
    }
    for line in lines {
        println!("==> Flink {}", line.flink);
        generate::write(*line, arguments.handles)?;
    }
    Ok(())
}

/// Checks the goldens of some lines, as many at a time as there are processors.
///
/// # Errors
/// When one of them differs: each difference is printed with its version and case.
fn check(lines: &[Line]) -> Result<()> {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let left = Mutex::new(lines.iter());
    let next = || left.lock().unwrap_or_else(PoisonError::into_inner).next();
    let check_next = || iter::from_fn(&next).map(|line| check::line(*line)).sum();
    let counts = thread::scope(|scope| {
        let threads: Vec<_> = (0..processors).map(|_| scope.spawn(check_next)).collect();
        let ended = threads.into_iter().map(thread::ScopedJoinHandle::join);
        let counts = ended.map(|count| count.unwrap_or_else(|panic| resume_unwind(panic)));
        counts.collect::<Result<Vec<usize>>>()
    });
    let differing: usize = counts?.iter().sum();
    ensure!(
        differing == 0,
        "{differing} goldens differ; `cargo xtask golden` writes them anew"
    );
    Ok(())
}

/// Checks the goldens of all lines.
///
/// # Errors
/// When one of them differs.
pub(crate) fn check_all() -> Result<()> {
    check(&LINES)
}
