//! Where the harness keeps its files. Refuses to create anything.

use std::path::{Path, PathBuf};

/// The workspace's root directory.
pub fn workspace_dir() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the harness is a folder of the workspace")
}

/// The folder for jars, running clusters and kept logs: `target/harness` of the workspace,
/// or what the environment variable `DUALWRITE_HARNESS_DIR` names.
pub fn harness_dir() -> PathBuf {
    std::env::var_os("DUALWRITE_HARNESS_DIR")
        .filter(|folder| !folder.is_empty())
        .map_or_else(|| workspace_dir().join("target/harness"), PathBuf::from)
}
