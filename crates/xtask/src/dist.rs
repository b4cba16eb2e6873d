//! Builds what is shipped: the jar with the native library inside, and the command `dualwrite`.
//!
//! Everything lands in `target/dist` of the workspace, wherever cargo builds. The jar is made in a
//! copy of java-bridge, so that the library does not stay among the classes that are tested
//! without it. Refuses to test anything.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use harness::{DIST_JAR_NAME, dist_dir, fingerprint, maven, wait_until, workspace_dir};

use crate::command::{cargo, metadata, run};

/// Of another build of the same folder.
const LOCK_LIMIT: Duration = Duration::from_mins(30);
const LIBRARY: &str = "libflink_dualwrite.so";

/// Builds what has changed; seconds when nothing has.
///
/// # Errors
/// When a build fails: with what it said.
pub(crate) fn build() -> Result<()> {
    let folder = dist_dir();
    create(&folder)?;
    let lock = folder.join(".lock");
    let lock = File::create(&lock).with_context(|| format!("cannot create {}", lock.display()))?;
    wait_until("another build of target/dist", LOCK_LIMIT, || {
        lock.try_lock()
    })?;

    let packages = ["--package", "jni-bridge", "--package", "cli"];
    run(cargo(&["build", "--release", "--locked"]).args(packages))?;
    let metadata = metadata()?;
    let target = metadata["target_directory"]
        .as_str()
        .context("cargo metadata names no target directory")?;
    let release = Path::new(target).join("release");
    put(&release.join("dualwrite"), &folder.join("dualwrite"))?;
    jar(&release.join(LIBRARY))
}

/// Says where everything is.
pub(crate) fn tell() {
    println!("{}", jar_path().display());
    println!("{}", dist_dir().join("dualwrite").display());
}

fn jar_path() -> PathBuf {
    dist_dir().join(DIST_JAR_NAME)
}

/// The jar, unless the one that is there was made of the same.
fn jar(library: &Path) -> Result<()> {
    let java = workspace_dir().join("java-bridge");
    let sources = [java.join("pom.xml"), java.join("src/main")];
    let made_of = fingerprint(&[library, &sources[0], &sources[1]])?;
    let made_of = format!("{made_of:016x}");
    let stamp = dist_dir().join(".jar-is-made-of");
    if jar_path().exists() && std::fs::read_to_string(&stamp).is_ok_and(|text| text == made_of) {
        return Ok(());
    }
    let stage = dist_dir().join(".build");
    if stage.exists() {
        std::fs::remove_dir_all(&stage)
            .with_context(|| format!("cannot remove {}", stage.display()))?;
    }
    let native = stage.join("native/io/dualwrite/native").join(platform()?);
    create(&native)?;
    put(library, &native.join(LIBRARY))?;
    for source in &sources {
        let name = source
            .strip_prefix(&java)
            .context("a file of java-bridge")?;
        copy_tree(source, &stage.join("java-bridge").join(name))?;
    }
    let resources = stage.join("native");
    maven(
        &stage.join("java-bridge/pom.xml"),
        &[
            "package".to_owned(),
            // Both are decided by `cargo xtask test`.
            "-Dmaven.test.skip=true".to_owned(),
            "-Dspotless.check.skip=true".to_owned(),
            format!("-Ddualwrite.native.resources={}", resources.display()),
        ],
    )?;
    let built = stage.join("java-bridge/target").join(DIST_JAR_NAME);
    put(&built, &jar_path())
        .context("give java-bridge/pom.xml the version that the root's Cargo.toml has")?;
    std::fs::write(&stamp, made_of).with_context(|| format!("cannot write {}", stamp.display()))
}

/// The folder inside the jar, as the loader composes it of `os.name` and `os.arch`.
fn platform() -> Result<&'static str> {
    match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => Ok("linux-x86_64"),
        ("linux", "aarch64") => Ok("linux-aarch64"),
        (os, arch) => {
            bail!("the native library is for Linux on x86_64 or aarch64, not {os} {arch}")
        }
    }
}

/// Replaces `to` at once: a program that has it open keeps what it has.
fn put(from: &Path, to: &Path) -> Result<()> {
    let partial = to.with_extension("partial");
    std::fs::copy(from, &partial)
        .and_then(|_| std::fs::rename(&partial, to))
        .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))
}

fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    if !from.is_dir() {
        create(to.parent().context("a path without a parent")?)?;
        return put(from, to);
    }
    let entries =
        std::fs::read_dir(from).with_context(|| format!("cannot list {}", from.display()))?;
    for entry in entries {
        let entry = entry.with_context(|| format!("cannot list {}", from.display()))?;
        copy_tree(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}

fn create(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))
}
