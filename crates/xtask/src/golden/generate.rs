//! Writes the goldens of one version anew: first all to a folder of its own, then to their place.
//! Refuses to look into them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use harness::Run;

use super::java::Program;
use super::lines::Line;
use super::{ROOTS, data};
use crate::command::run;

/// Writes all goldens of a line, or those of handles alone. Java prints a line for each case.
///
/// # Errors
/// When a case fails; then the goldens that are there stay as they are.
pub(super) fn write(line: Line, handles_only: bool) -> Result<()> {
    let scratch = Run::new(&format!("golden-{}", line.flink))?;
    let made = scratch.data_dir("made")?;
    let temporary = scratch.data_dir("temporary")?;
    let log = scratch.log_dir().join("flink.log");

    let handles = Program::of_handles(line, &scratch.data_dir("handles")?)?;
    run(handles.command(&temporary, &log).args([&made, &temporary]))?;
    if !handles_only {
        let jobs = Program::of_jobs(line, &scratch.data_dir("jobs")?)?;
        let place = Place::open()?;
        let mut java = jobs.command(&temporary, &log);
        java.arg(line.flink)
            .arg(place.0.join(line.flink))
            .arg(&made);
        java.args(line.dstl.map(|_| "dstl"));
        java.args(line.forst.map(|_| "forst"));
        run(&mut java)?;
    }

    let (made, old) = (data::files(&made)?, data::folder(line.flink));
    ensure!(!made.is_empty(), "Flink {} made nothing", line.flink);
    for name in data::files(&old)?.keys() {
        if !handles_only || data::is_of_handles(name) {
            remove_file(&old.join(name))?;
        }
    }
    fs::create_dir_all(&old).with_context(|| format!("cannot create {}", old.display()))?;
    for (name, bytes) in made {
        let path = old.join(name);
        fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
    }
    scratch.passed();
    Ok(())
}

fn remove_file(path: &Path) -> Result<()> {
    fs::remove_file(path).with_context(|| format!("cannot remove {}", path.display()))
}

/// The folder in which real jobs run: their checkpoints name it, so it is the same everywhere. It
/// is there for one run at a time, and gone afterwards.
struct Place(PathBuf);

impl Place {
    fn open() -> Result<Self> {
        let path = ROOTS[1].strip_prefix("file:").context("no local folder")?;
        fs::create_dir(path).with_context(|| {
            format!("cannot create {path}: remove it, unless another run goes on in it")
        })?;
        Ok(Self(path.into()))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            eprintln!("cannot remove {}: {error}", self.0.display());
        }
    }
}
