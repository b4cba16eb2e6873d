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

use std::thread;

use anyhow::{Result, ensure};

use self::lines::{LINES, Line};
use crate::side_by_side::side_by_side;

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
    let counts = side_by_side(lines, processors, |line| check::line(*line));
    let differing: usize = counts.into_iter().sum::<Result<_>>()?;
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
