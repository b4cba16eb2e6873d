//! The committed goldens as files: where they are, what they are called. Refuses to read into them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use harness::workspace_dir;

/// What begins the names of what real jobs made.
const JOBS: &str = "job-";

/// The goldens of one version, `tests/goldens/data/<version>`.
pub(super) fn folder(flink: &str) -> PathBuf {
    workspace_dir().join("tests/goldens/data").join(flink)
}

/// Whether a file is of a case of handles, which Flink writes in the same bytes each time.
pub(super) fn is_of_handles(name: &str) -> bool {
    !name.starts_with(JOBS)
}

/// The files of a folder by their names; none if there is no such folder.
pub(super) fn files(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    if !folder.exists() {
        return Ok(files);
    }
    let cannot = || format!("cannot read {}", folder.display());
    for entry in std::fs::read_dir(folder).with_context(cannot)? {
        let path = entry.with_context(cannot)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let bytes =
            std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        files.insert(name.into_owned(), bytes);
    }
    Ok(files)
}
