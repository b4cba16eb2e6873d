//! The Java programs that make and read goldens, compiled for one version of Flink.
//!
//! A class that changes with Flink has one file for each change, in the folder
//! `since-<version>` of the first version for which it holds; what is the same everywhere is in
//! `src`. Refuses to know what the classes do.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use harness::{FlinkVersion, JAVA_OPTIONS, jars, workspace_dir};

use super::lines::Line;
use crate::command::run;

/// Of the JVM of javac, and without `-J` of the programs: they live for seconds.
const QUICK: [&str; 2] = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"];

/// A compiled program.
pub(super) struct Program {
    main: &'static str,
    class_path: String,
}

impl Program {
    /// What makes and reads handles, `goldens.Generate`.
    ///
    /// # Errors
    /// When its jars are not to be had, or it does not compile; so too below.
    pub(super) fn of_handles(line: Line, classes: &Path) -> Result<Self> {
        let jars = jars("goldens", &line.handle_properties()?)?;
        Self::compile("goldens.Generate", &["java"], line, &jars, classes)
    }

    /// What runs real jobs, `jobs.Jobs`.
    pub(super) fn of_jobs(line: Line, classes: &Path) -> Result<Self> {
        let jars = jars("goldens-jobs", &line.job_properties()?)?;
        Self::compile("jobs.Jobs", &["jobs", "java"], line, &jars, classes)
    }

    fn compile(
        main: &'static str,
        folders: &[&str],
        line: Line,
        jars: &Path,
        classes: &Path,
    ) -> Result<Self> {
        let goldens = workspace_dir().join("tests/goldens");
        let mut path = Vec::new();
        for folder in folders {
            path.extend(source_path(&goldens.join(folder), &line.version()?)?);
        }
        let source_of_main = goldens.join(folders[0]).join("src");
        let source_of_main = source_of_main.join(main.replace('.', "/") + ".java");
        let jars = jars.join("*");
        let mut javac = Command::new("javac");
        javac
            .args(QUICK.map(|option| format!("-J{option}")))
            // Newer Flinks deprecate what older ones need.
            .args(["-nowarn", "-Xlint:none", "-proc:none", "-XDsuppressNotes"])
            .args(["-encoding", "UTF-8", "-implicit:class"])
            .arg("-d")
            .arg(classes)
            .arg("-cp")
            .arg(&jars)
            .arg("-sourcepath")
            .arg(joined(&path))
            .arg(source_of_main);
        run(&mut javac).with_context(|| format!("with the classes of Flink {}", line.flink))?;
        let class_path = joined(&[classes.to_owned(), jars]);
        Ok(Self { main, class_path })
    }

    /// How it is started, but for its arguments.
    ///
    /// `folder` is for what it writes besides its result, `log` for what Flink says.
    pub(super) fn command(&self, folder: &Path, log: &Path) -> Command {
        let mut java = Command::new("java");
        java.args(QUICK)
            .args(JAVA_OPTIONS)
            .arg("-Xmx1g")
            .arg(format!("-Djava.io.tmpdir={}", folder.display()))
            .arg(format!(
                "-Dorg.slf4j.simpleLogger.logFile={}",
                log.display()
            ))
            .args(["-cp", &self.class_path, self.main]);
        java
    }
}

/// The folders of a version, the newest first, as javac takes the first class that it finds.
fn source_path(root: &Path, version: &FlinkVersion) -> Result<Vec<PathBuf>> {
    let mut dated = Vec::new();
    let entries =
        std::fs::read_dir(root).with_context(|| format!("cannot read {}", root.display()))?;
    for entry in entries {
        let path = entry
            .with_context(|| format!("cannot read {}", root.display()))?
            .path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if let Some(since) = name.strip_prefix("since-") {
            let since = FlinkVersion::try_from(since)
                .with_context(|| format!("cannot use {}", path.display()))?;
            if since <= *version {
                dated.push((since, path));
            }
        }
    }
    dated.sort_by(|one, other| other.0.cmp(&one.0));
    let dated = dated.into_iter().map(|(_, path)| path);
    Ok(dated.chain([root.join("src")]).collect())
}

fn joined(paths: &[PathBuf]) -> String {
    let paths: Vec<String> = paths
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    paths.join(":")
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness::Run;

    #[test]
    fn the_newest_folder_that_holds_for_a_version_comes_first() {
        let run = Run::new("golden::source_path").unwrap();
        let root = run.data_dir("sources").unwrap();
        for folder in ["src", "since-1.9", "since-1.13", "since-1.20", "since-2.0"] {
            std::fs::create_dir(root.join(folder)).unwrap();
        }
        let path = |version| {
            let path = source_path(&root, &FlinkVersion::try_from(version).unwrap()).unwrap();
            let path = path.iter().map(|path| path.strip_prefix(&root).unwrap());
            joined(&path.map(Path::to_owned).collect::<Vec<_>>())
        };
        assert_eq!(path("1.9.2"), "since-1.9:src");
        assert_eq!(path("1.13.0"), "since-1.13:since-1.9:src");
        assert_eq!(
            path("2.1.3"),
            "since-2.0:since-1.20:since-1.13:since-1.9:src"
        );

        std::fs::create_dir(root.join("since-ever")).unwrap();
        assert!(source_path(&root, &FlinkVersion::try_from("1.9").unwrap()).is_err());
        run.passed();
    }
}
