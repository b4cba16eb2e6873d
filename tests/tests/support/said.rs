//! What the product said in a process's log. Refuses what Flink says.

use anyhow::Result;
use harness::Process;

/// In the line that a process says once of a job if it could hand nothing on for a while, whatever
/// the cause.
pub const SLOW_LINK: &str = "is slower than job";

/// The product's lines of one level, e.g. `WARN`, in a process's log over all its restarts.
pub fn said(process: &Process, level: &str) -> Result<Vec<String>> {
    let log = process.log()?;
    let lines = log.lines().filter(|line| {
        // date, time, level, logger: the pattern of the harness
        let mut words = line.split_whitespace().skip(2);
        words.next() == Some(level)
            && words
                .next()
                .is_some_and(|logger| logger.starts_with("io.dualwrite"))
    });
    Ok(lines.map(str::to_owned).collect())
}
