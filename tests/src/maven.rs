//! Jars from Maven Central, resolved once for all test processes.
//!
//! Takes what the poms under `tests/runtime/` name. Refuses to go on with half of it.

use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::paths::{harness_dir, workspace_dir};
use crate::process::{guarded, spawn};
use crate::wait::wait_until;

/// Pinned, so that a new release cannot change what the tests run on.
const COPY_DEPENDENCIES: &str =
    "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";
const MAVEN_LIMIT: Duration = Duration::from_mins(15);

/// The folder with the jars that `tests/runtime/<pom>/pom.xml` names, with `properties` set.
/// The first call of all test processes fetches them; the others wait for it.
///
/// # Errors
/// When Maven fails: with its output.
pub fn jars(pom: &str, properties: &[(&str, &str)]) -> Result<PathBuf> {
    let source = workspace_dir()
        .join("tests/runtime")
        .join(pom)
        .join("pom.xml");
    let text = std::fs::read_to_string(&source)
        .with_context(|| format!("cannot read {}", source.display()))?;
    let mut hasher = DefaultHasher::new();
    (&text, properties).hash(&mut hasher);
    let versions = properties
        .iter()
        .fold(String::new(), |all, (_, v)| all + "-" + v);
    let target = harness_dir()
        .join("jars")
        .join(format!("{pom}{versions}-{:016x}", hasher.finish()));
    let _lock = lock()?;
    if target.exists() {
        return Ok(target);
    }
    let partial = target.with_extension("partial");
    let mut command = vec![
        COPY_DEPENDENCIES.to_owned(),
        "-DincludeScope=runtime".to_owned(),
        format!("-DoutputDirectory={}", partial.display()),
    ];
    command.extend(properties.iter().map(|(k, v)| format!("-D{k}={v}")));
    run(&source, &command)?;
    std::fs::rename(&partial, &target)
        .with_context(|| format!("cannot move the jars to {}", target.display()))?;
    Ok(target)
}

/// Held while this process runs Maven: its local repository does not bear two at a time.
pub(crate) fn lock() -> Result<File> {
    let folder = harness_dir().join("jars");
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot create {}", folder.display()))?;
    let path = folder.join("maven.lock");
    let lock = File::create(&path).with_context(|| format!("cannot create {}", path.display()))?;
    wait_until("another process to end its Maven run", MAVEN_LIMIT, || {
        lock.try_lock()
    })?;
    Ok(lock)
}

/// Runs Maven on one pom, e.g. with `package`; one run of all processes at a time.
///
/// # Errors
/// When it fails, with its output, or takes longer than 15 min.
pub fn maven(pom: &Path, arguments: &[String]) -> Result<()> {
    let _lock = lock()?;
    run(pom, arguments)
}

/// Runs Maven on one pom, within [`MAVEN_LIMIT`]. The caller holds [`lock`].
pub(crate) fn run(pom: &Path, arguments: &[String]) -> Result<()> {
    let mut words = vec!["mvn", "-B", "-q", "-f"];
    let pom_text = pom.to_string_lossy();
    words.push(&pom_text);
    words.extend(arguments.iter().map(String::as_str));
    let log = harness_dir().join("jars/maven.log");
    let output = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
    let mut command: Command = guarded(&words, false);
    command
        .stdin(Stdio::null())
        .stderr(output.try_clone().context("cannot share a log file")?)
        .stdout(output);
    let mut child = spawn(command).context("cannot start mvn")?;
    let status = wait_until("Maven to end", MAVEN_LIMIT, || match child.try_wait() {
        Ok(Some(status)) => Ok(status),
        Ok(None) => Err("running".to_owned()),
        Err(error) => Err(error.to_string()),
    });
    let status = status.inspect_err(|_| {
        // Fails only for a process that is gone already.
        let _ = child.kill();
    })?;
    if !status.success() {
        let said = std::fs::read_to_string(&log).unwrap_or_default();
        bail!(
            "Maven failed on {}: is it installed, and is Maven Central reachable?\n{} \n{said}",
            pom.display(),
            words.join(" ")
        );
    }
    Ok(())
}
