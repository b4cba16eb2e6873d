//! Whether the simulation has teeth: faults are planted in a copy of the product, one at a time,
//! and for each the simulation must find the law that it breaks.
//!
//! The faults are in `crates/replicator/tests/simulation/mutations`. Refuses to touch the product
//! itself, and to pass over a fault that cannot be planted or is not found.

mod mutation;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use harness::workspace_dir;

use crate::command::{line, output};
use mutation::Mutation;

/// Where the faults are described.
const MUTATIONS: &str = "crates/replicator/tests/simulation/mutations";
/// The folders of the workspace that hold packages, and what they are called in the copy: cargo
/// takes packages at other places for others, so both can share what was built of dependencies.
const FOLDERS: [&str; 3] = ["crates", "tests", "benches"];
const COPIES: &str = "mutants";

/// Of the task `mutants`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Plant only faults whose names contain this
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
}

/// Plants every fault and looks whether it is found.
///
/// # Errors
/// When one cannot be planted, does not build, or is not found under its law; all others are tried
/// before.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let copy = Copy::make()?;
    let mut missed = Vec::new();
    for path in files(&workspace_dir().join(MUTATIONS))? {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let wanted = arguments.only.as_ref();
        if wanted.is_some_and(|only| !name.contains(only.as_str())) {
            continue;
        }
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {name}"))?;
        let mutation = Mutation::parse(&text).with_context(|| format!("mutation {name}"))?;
        let start = Instant::now();
        let found = copy.finds(&mutation);
        let seconds = start.elapsed().as_secs_f64();
        let said = match &found {
            Ok(Some(broken)) => broken.clone(),
            Ok(None) => "NOT FOUND".to_owned(),
            Err(error) => format!("NOT FOUND: {error:#}"),
        };
        println!("{seconds:>5.1} s  {name}: {said}");
        if !matches!(found, Ok(Some(_))) {
            missed.push(name.into_owned());
        }
    }
    ensure!(
        missed.is_empty(),
        "the simulation does not find: {}",
        missed.join(", ")
    );
    Ok(())
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("no {}", folder.display()))?;
    let mut files: Vec<PathBuf> = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    files.sort_by_key(|path| {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let law = name
            .split('-')
            .next()
            .and_then(|law| law.parse::<u32>().ok());
        (law, name)
    });
    ensure!(!files.is_empty(), "no mutations in {}", folder.display());
    Ok(files)
}

/// A copy of the workspace, in which faults are planted.
struct Copy {
    root: PathBuf,
}

impl Copy {
    fn make() -> Result<Self> {
        let from = workspace_dir();
        let root = from.join("target").join(COPIES);
        let mut list = Command::new("git");
        list.current_dir(from);
        list.args(["ls-files", "--cached", "--others", "--exclude-standard"]);
        let mut copied = BTreeSet::new();
        for path in output(&mut list)?.lines() {
            let folder = path.split('/').next().unwrap_or_default();
            let is_manifest = ["Cargo.toml", "Cargo.lock"].contains(&path);
            let source = from.join(path);
            if !is_manifest && !FOLDERS.contains(&folder) || !source.is_file() {
                continue;
            }
            let bytes = fs::read(&source).with_context(|| format!("cannot read {path}"))?;
            if path == "Cargo.toml" {
                let text = moved(&String::from_utf8(bytes).context("Cargo.toml is not UTF-8")?);
                put(&root.join(path), text.as_bytes())?;
            } else if is_manifest {
                put(&root.join(path), &bytes)?;
            } else {
                let to = root.join(COPIES).join(path);
                put(&to, &bytes)?;
                copied.insert(to);
            }
        }
        keep_only(&copied, &root.join(COPIES))?;
        Ok(Self { root })
    }

    /// What the simulation says of the fault's law; none if it finds nothing.
    fn finds(&self, mutation: &Mutation) -> Result<Option<String>> {
        let mut healthy = Vec::new();
        for path in mutation.paths() {
            let at = self.root.join(COPIES).join(path);
            let text = fs::read_to_string(&at).with_context(|| format!("no {path}"))?;
            fs::write(&at, mutation.apply(path, &text)?)?;
            healthy.push((at, text));
        }
        let found = self.simulate(&mutation.laws);
        for (at, text) in healthy {
            fs::write(&at, text).with_context(|| format!("cannot heal {}", at.display()))?;
        }
        found
    }

    fn simulate(&self, laws: &[u32]) -> Result<Option<String>> {
        output(&mut self.cargo(&["--no-run"])).context("the mutated product does not build")?;
        let mut simulation = self.cargo(&["the_laws_hold"]);
        let said = simulation
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("cannot start `{}`", line(&simulation)))?;
        let text = String::from_utf8_lossy(&said.stdout);
        let text = text.into_owned() + &String::from_utf8_lossy(&said.stderr);
        let broken = text.lines().find(|line| line.contains(" is broken: "));
        match broken {
            None if said.status.success() => Ok(None),
            None => bail!("the simulation fails in another way:\n{text}"),
            Some(broken) => {
                let is_broken = |law| broken.contains(&format!("law {law} is broken"));
                ensure!(
                    laws.iter().any(is_broken),
                    "law {laws:?} should be broken, not: {broken}"
                );
                Ok(Some(broken.to_owned()))
            }
        }
    }

    /// Cargo's test of the simulation, with the features of the whole workspace, so that nothing
    /// of its dependencies is built again.
    fn cargo(&self, arguments: &[&str]) -> Command {
        let mut cargo = crate::command::cargo(&["test", "--workspace", "--locked", "--quiet"]);
        cargo.args(["--test", "simulation"]);
        // to build matters more than to run
        cargo.args(["--config", "profile.dev.package.replicator.opt-level=0"]);
        cargo.args(arguments).current_dir(&self.root);
        cargo.env("CARGO_TARGET_DIR", workspace_dir().join("target"));
        cargo
    }
}

/// The workspace's manifest, with its packages where the copy has them.
fn moved(manifest: &str) -> String {
    FOLDERS.iter().fold(manifest.to_owned(), |text, folder| {
        let text = text.replace(&format!("\"{folder}/"), &format!("\"{COPIES}/{folder}/"));
        text.replace(&format!("\"{folder}\""), &format!("\"{COPIES}/{folder}\""))
    })
}

/// Deletes what an earlier copy has left.
fn keep_only(copied: &BTreeSet<PathBuf>, folder: &Path) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("no {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            keep_only(copied, &path)?;
        } else if !copied.contains(&path) {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

/// Writes a file only if it changes, so that what was built of it stays.
fn put(path: &Path, bytes: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    let folder = path.parent().context("a file without a folder")?;
    fs::create_dir_all(folder)?;
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mutation_can_be_planted() {
        let laws = files(&workspace_dir().join(MUTATIONS))
            .unwrap()
            .into_iter()
            .map(|path| {
                let mutation = Mutation::parse(&fs::read_to_string(&path).unwrap()).unwrap();
                for file in mutation.paths() {
                    let text = fs::read_to_string(workspace_dir().join(file)).unwrap();
                    assert_ne!(
                        mutation.apply(file, &text).unwrap(),
                        text,
                        "{}",
                        path.display()
                    );
                }
                mutation.laws
            });
        let laws: BTreeSet<u32> = laws.flatten().collect();
        assert_eq!(laws, (1..=10).collect(), "at least one for each law");
    }

    #[test]
    fn packages_of_the_copy_have_their_own_places() {
        let manifest = r#"members = ["crates/a", "tests"] a = { path = "crates/a" }"#;
        let expected = concat!(
            r#"members = ["mutants/crates/a", "mutants/tests"] "#,
            r#"a = { path = "mutants/crates/a" }"#
        );
        assert_eq!(moved(manifest), expected);
    }
}
