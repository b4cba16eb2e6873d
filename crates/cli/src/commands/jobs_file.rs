//! How jobs are started and where, as commands are given it: a jobs file and a Flink's address.
//! Refuses what is wrong with them, and says so itself.

use std::path::Path;

use switch::{Flink, JobsFile};

use crate::Exit;
use crate::output;

/// The jobs file at `path`; without one, an empty one.
///
/// # Errors
/// When it cannot be read, or is none: said already.
pub(super) fn read(path: Option<&Path>) -> Result<JobsFile, Exit> {
    let Some(path) = path else {
        return Ok(JobsFile::default());
    };
    let wrong = |why: String| {
        output::complain(&format!("The jobs file {}: {why}.", path.display()));
        Exit::Usage
    };
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    // Jars are told from another directory, too: by the plan.
    let whole = std::path::absolute(path).map_err(|error| wrong(error.to_string()))?;
    let dir = whole.parent().unwrap_or(Path::new("/"));
    JobsFile::parse(&text, dir).map_err(|error| wrong(error.to_string()))
}

/// The address of a Flink, if there is one.
///
/// # Errors
/// When it can be none: said already.
pub(super) fn flink(flag: &str, address: Option<String>) -> Result<Option<String>, Exit> {
    let Some(address) = address else {
        return Ok(None);
    };
    match Flink::new(&address) {
        Ok(flink) => Ok(Some(flink.address().to_owned())),
        Err(error) => {
            output::complain(&format!("{flag}, or the configuration: {error}."));
            Err(Exit::Usage)
        }
    }
}
