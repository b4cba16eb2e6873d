//! How jobs are started and where, as commands are given it: a jobs file and a Flink's address.
//! Refuses what is wrong with them, and says so itself.

use std::path::Path;

use switch::{Flink, JobsFile};

use crate::Exit;
use crate::context::Context;
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

/// The Flink at an address, if there is one; `told_by` has told it.
///
/// # Errors
/// When it can be none, or a certificate cannot be read: said already.
pub(super) fn flink(
    context: &Context,
    told_by: &str,
    address: Option<&str>,
) -> Result<Option<Flink>, Exit> {
    let flink = address.map(|address| Flink::new(address, &context.config.flink_tls));
    flink.transpose().map_err(|error| {
        output::complain(&format!("{told_by}, or the configuration: {error}."));
        Exit::Usage
    })
}
