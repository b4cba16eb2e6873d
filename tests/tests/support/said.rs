//! What the product said in a process's log. Refuses what Flink says.

use anyhow::Result;
use harness::Process;

/// In the lines that a process says once of a job if it, or another one, could hand nothing on for
/// a while, whatever the cause.
const SLOW_LINK: [&str; 2] = [
    "is slower than job",
    "is not published on the secondary (skipped)",
];

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

/// Whether a line says that the link is slow.
pub fn is_of_slow_link(line: &str) -> bool {
    SLOW_LINK.iter().any(|words| line.contains(words))
}

/// The product's warnings in a process's log over all its restarts, but for those of a slow link.
pub fn warned(process: &Process) -> Result<Vec<String>> {
    let mut warnings = said(process, "WARN")?;
    warnings.retain(|line| !is_of_slow_link(line));
    Ok(warnings)
}
