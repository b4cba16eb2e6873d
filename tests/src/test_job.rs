//! The jar of the test job and of the checker, built from `tests/java` when that has changed.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::fingerprint::fingerprint;
use crate::maven;
use crate::paths::{harness_dir, workspace_dir};

/// The jar, built by the first of all test processes that asks for it.
///
/// # Errors
/// When Maven fails: with its output.
pub fn test_job_jar() -> Result<PathBuf> {
    let project = workspace_dir().join("tests/java");
    let sources = fingerprint(&[&project.join("pom.xml"), &project.join("src")])?;
    let jar = harness_dir()
        .join("jars")
        .join(format!("dualwrite-testjob-{sources:016x}.jar"));
    let _lock = maven::lock()?;
    if !jar.exists() {
        maven::run(&project.join("pom.xml"), &["package".to_owned()])?;
        let partial = jar.with_extension("partial");
        std::fs::copy(project.join("target/dualwrite-testjob.jar"), &partial)
            .and_then(|_| std::fs::rename(&partial, &jar))
            .with_context(|| format!("cannot copy the jar to {}", jar.display()))?;
    }
    Ok(jar)
}
