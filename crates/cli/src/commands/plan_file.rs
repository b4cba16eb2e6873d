//! Plans as files, for the commands that make and apply them. Refuses what is wrong with one, and
//! says so itself.

use std::fmt::Display;
use std::path::Path;

use crate::Exit;
use crate::output;

/// Says what is wrong with the plan at `path`.
pub(super) fn wrong(path: &Path, why: impl Display) -> Exit {
    output::complain(&format!("The plan {}: {why}.", path.display()));
    Exit::Usage
}

/// Says why the plan, or what goes with it, could not be written to `path`.
pub(super) fn not_written(path: &Path, why: impl Display) -> Exit {
    let path = path.display();
    output::complain(&format!("The plan cannot be written to {path}: {why}."));
    Exit::Usage
}

/// Reads a plan.
///
/// # Errors
/// When there is none that is understood: said already.
pub(super) fn read<P, E: Display>(
    path: &Path,
    parse: impl FnOnce(&str) -> Result<P, E>,
) -> Result<P, Exit> {
    let text = std::fs::read_to_string(path).map_err(|error| wrong(path, error))?;
    parse(&text).map_err(|error| wrong(path, format!("{error}. Correct it, or make it anew")))
}
