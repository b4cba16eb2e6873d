//! What `cargo xtask dist` makes, as tests and the demo find it. Refuses to build it.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use crate::paths::workspace_dir;

/// The jar's name: the version is the workspace's.
pub const DIST_JAR_NAME: &str = concat!("flink-dualwrite-", env!("CARGO_PKG_VERSION"), ".jar");

/// The folder of what is shipped, whatever folder cargo builds in.
pub fn dist_dir() -> PathBuf {
    workspace_dir().join("target/dist")
}

/// The jar that goes into `lib/`, with the native library of this machine inside.
///
/// # Errors
/// When it has not been built.
pub fn dist_jar() -> Result<PathBuf> {
    built(&dist_dir().join(DIST_JAR_NAME))
}

/// The operator's command `dualwrite`.
///
/// # Errors
/// When it has not been built.
pub fn dist_cli() -> Result<PathBuf> {
    built(&dist_dir().join("dualwrite"))
}

fn built(path: &Path) -> Result<PathBuf> {
    let path = path.to_owned();
    ensure!(
        path.exists(),
        "{} is not there: run `cargo xtask dist`",
        path.display()
    );
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_names_the_command_that_builds_it() {
        let error = built(Path::new("/nonexistent/x.jar")).unwrap_err();
        assert!(error.to_string().contains("cargo xtask dist"), "{error}");
        assert!(built(workspace_dir()).is_ok());
    }
}
