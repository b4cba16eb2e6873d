//! `dualwrite check` on the folders of real Flinks, with the jar and the library that are shipped,
//! between two real clusters: what works is good, and what Flink's processes refuse (`refused.rs`)
//! is found before they start.

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use harness::{DEFAULT_VERSIONS, DIST_JAR_NAME, dist_cli, dist_jar};
use serde_json::Value;
use support::{DIRECTORY, Sites};

/// Where ELF has its machine, and one that is none of ours: RISC-V.
const MACHINE: (usize, u8) = (18, 243);

/// A Flink's folder, and a configuration that is changed for one look.
struct Folder {
    root: PathBuf,
    file: PathBuf,
    text: String,
}

impl Folder {
    fn new(root: PathBuf) -> Result<Self> {
        let conf = root.join("conf");
        let files = ["config.yaml", "flink-conf.yaml"].map(|name| conf.join(name));
        let file = files.into_iter().find(|file| file.exists());
        let file = file.context("no configuration file")?;
        let text = std::fs::read_to_string(&file)?;
        Ok(Self { root, file, text })
    }

    /// What the command says, with what it exits with.
    fn checked(&self) -> Result<(Option<i32>, Value)> {
        let output = Command::new(dist_cli()?)
            .args(["check", "--json", "--timeout", "5s"])
            .arg(self.root.join("conf"))
            .env_remove("HADOOP_CONF_DIR")
            .output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        let error = String::from_utf8_lossy(&output.stderr);
        let document = serde_json::from_str(&text).with_context(|| format!("{text}{error}"))?;
        Ok((output.status.code(), document))
    }

    /// Another key has its finding, and words in it, as the only one that is worse than a note.
    fn finds(&self, key: &str, value: &str, kind: &str, words: &str) -> Result<()> {
        std::fs::write(&self.file, format!("{}{key}: {value}\n", self.text))?;
        let found = self.finds_now(kind, words);
        std::fs::write(&self.file, &self.text)?;
        found
    }

    fn finds_now(&self, kind: &str, words: &str) -> Result<()> {
        let (code, document) = self.checked()?;
        ensure!(code == Some(1), "{document:#}");
        let findings = document["findings"].as_array().context("findings")?;
        let worse: Vec<_> = findings
            .iter()
            .filter(|f| f["severity"] != "note")
            .collect();
        let [finding] = worse.as_slice() else {
            anyhow::bail!("not one finding: {document:#}")
        };
        let message = finding["message"].as_str().unwrap_or_default();
        let is_it = finding["kind"] == kind && message.contains(words);
        ensure!(is_it, "not {kind} of `{words}`: {finding:#}");
        Ok(())
    }
}

/// The library in the jar.
fn library() -> Result<Vec<u8>> {
    let output = Command::new("unzip")
        .args(["-p", &dist_jar()?.to_string_lossy(), "*.so"])
        .output()
        .context("is unzip installed?")?;
    ensure!(output.stdout.len() > 1_000_000, "no library in the jar");
    Ok(output.stdout)
}

fn installed(sites: &Sites, version: &str) -> Result<Folder> {
    let flink = sites.flink(version)?;
    let reporter = "io.dualwrite.flink.DualWriteMetricReporterFactory";
    let folder = flink
        .config("metrics.reporter.dualwrite.factory.class", reporter)
        // The interval of a test is short.
        .config("dualwrite.backfill.grace", "500 ms")
        .install(&sites.run)?;
    let named = folder.with_file_name(format!("flink-{version}"));
    std::fs::rename(&folder, &named)?;
    Folder::new(named)
}

fn is_good(folder: &Folder, version: &str) -> Result<()> {
    let (code, document) = folder.checked()?;
    ensure!(code == Some(0), "{version}: {document:#}");
    let told = document["flink_version"].as_str().unwrap_or_default();
    ensure!(
        version.starts_with(told) && !told.is_empty(),
        "{document:#}"
    );
    let looks = document["looked_at"].as_array().context("looks")?;
    let areas: Vec<_> = looks
        .iter()
        .filter_map(|look| look["area"].as_str())
        .collect();
    for area in ["library", "disk", "primary_cluster", "secondary_cluster"] {
        ensure!(
            areas.contains(&area),
            "{area} was not looked at: {document:#}"
        );
    }
    Ok(())
}

fn refused_libraries(folder: &Folder, dir: &Path) -> Result<()> {
    let library = library()?;
    let key = "dualwrite.native.path";
    let put = |name: &str, bytes: &[u8]| -> Result<String> {
        let path = dir.join(name);
        std::fs::write(&path, bytes)?;
        Ok(path.to_string_lossy().into_owned())
    };
    let whole = put("whole library.so", &library)?;
    std::fs::write(&folder.file, format!("{}{key}: {whole}\n", folder.text))?;
    let (code, document) = folder.checked()?;
    ensure!(code == Some(0), "a whole library: {document:#}");

    let truncated = put("truncated.so", &library[..library.len() / 2])?;
    folder.finds(key, &truncated, "not_loadable", "truncated.so")?;
    let empty = put("empty.so", &[])?;
    folder.finds(key, &empty, "not_loadable", "it is no library")?;
    folder.finds(key, "/nonexistent/x.so", "not_loadable", "No such file")?;
    let (at, machine) = MACHINE;
    let mut foreign = library;
    foreign[at] = machine;
    let foreign = put("foreign.so", &foreign)?;
    folder.finds(key, &foreign, "not_loadable", "another processor")
}

fn refused_jars(folder: &Folder) -> Result<()> {
    let jar = folder.root.join("lib").join(DIST_JAR_NAME);
    let whole = std::fs::read(&jar)?;
    let name = b"/libflink_dualwrite.so";
    let entry = whole.windows(name.len()).position(|bytes| bytes == name);
    let mut damaged = whole.clone();
    // Far behind the entry's header, and far before its end.
    damaged[entry.context("no library in the jar")? + 300_000] ^= 1;
    std::fs::write(&jar, damaged)?;
    folder.finds_now("not_loadable", "is damaged")?;
    std::fs::remove_file(&jar)?;
    folder.finds_now("no_jar", "The jar is not in")?;
    std::fs::write(&jar, whole)?;
    Ok(())
}

#[test]
fn what_works_is_good_and_what_is_refused_is_found() -> Result<()> {
    let sites = Sites::launch("check")?;
    sites.wait_ready()?;
    let libraries = sites.run.data_dir("libraries")?;
    for version in DEFAULT_VERSIONS {
        let folder = installed(&sites, version)?;
        is_good(&folder, version)?;
        let left = sites.secondary.web().list(DIRECTORY)?;
        ensure!(left.is_none(), "left on the secondary: {left:?}");
        let key = "dualwrite.upload.concurrency";
        folder.finds(key, "many", "bad_value", "'many' is not accepted")?;
        refused_jars(&folder)?;
        if version == DEFAULT_VERSIONS[0] {
            refused_libraries(&folder, &libraries)?;
        }
    }
    sites.run.passed();
    Ok(())
}
