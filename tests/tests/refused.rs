//! Libraries that cannot be loaded and values that are not accepted: the job runs as if the product
//! were not there, and the log says why, once per process.

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use harness::{DIST_JAR_NAME, Disk, ExactlyOnce, FlinkCluster, HdfsCluster, Run, dist_jar};
use support::shared::{Shared, Stage};
use support::{LIMIT, SECONDARY_KEY, STORAGE, STORAGE_KEY, Watched, plain_flink, said};

const FLINK: &str = "2.2.1";
const LIBRARY_KEY: &str = "dualwrite.native.path";
const FOLDER_KEY: &str = "dualwrite.native.dir";
const VALUE_KEY: &str = "dualwrite.upload.concurrency";
const NOT_LOADED: &str = "the native library is not loaded";
/// Where ELF has its machine, and one that is none of ours: RISC-V.
const MACHINE: (usize, u8) = (18, 243);

/// A Flink with the product on its primary; nobody gets as far as to ask for a secondary.
struct Alone {
    flink: FlinkCluster,
    _hdfs: HdfsCluster,
    run: Run,
    /// The library, taken out of the jar.
    library: Vec<u8>,
}

static FREE: Shared<Alone> = Shared::new();

impl Stage for Alone {
    fn run(&self) -> &Run {
        &self.run
    }

    fn is_fit(&self) -> bool {
        true
    }
}

impl Alone {
    fn start() -> Result<Self> {
        let run = Run::new("refused")?;
        let hdfs = HdfsCluster::builder("primary").launch(&run)?;
        let flink = plain_flink("flink", FLINK, &hdfs, &format!("{}/flink", hdfs.uri()))?
            .lib(&dist_jar()?)
            .config(STORAGE_KEY, STORAGE)
            .config(SECONDARY_KEY, "hdfs://127.0.0.1:9/flink/checkpoints")
            .launch(&run)?;
        hdfs.wait_ready()?;
        flink.wait_ready()?;
        Ok(Self {
            flink,
            _hdfs: hdfs,
            run,
            library: library()?,
        })
    }

    /// Puts a library into a folder of the run.
    fn put(&self, name: &str, bytes: &[u8]) -> Result<PathBuf> {
        let path = self.run.data_dir("library")?.join(name);
        std::fs::write(&path, bytes)?;
        Ok(path)
    }

    /// A short job with a key of its own is checkpointed by the class `storage`, to its exact end.
    fn runs_by(&self, name: &str, key: Option<(&str, &str)>, storage: &str) -> Result<()> {
        let job = ExactlyOnce {
            records: 30_000,
            ..ExactlyOnce::new(name, &self.run.data_dir(name)?)
        };
        let mut submission = job.submission(None)?;
        let key = key.map(|(key, value)| (key.to_owned(), value.to_owned()));
        submission.configuration = key.into_iter().collect::<BTreeMap<_, _>>();
        let rest = self.flink.rest();
        let watched = Watched::run(rest, &job, &submission)?;
        rest.wait_for_completed(&watched.id, 2, LIMIT)?;
        let config = rest.get(&format!("/jobs/{}/checkpoints/config", watched.id))?;
        ensure!(config["checkpoint_storage"] == storage, "{config}");
        watched.nothing_failed()?;
        watched.is_exact_at_its_end()
    }

    /// Has new processes meet with a library, and looks at what they say and do.
    fn refuses(&mut self, name: &str, library: Option<&Path>, words: &str) -> Result<()> {
        let path = library.map(|path| path.to_string_lossy().into_owned());
        self.flink.configure(LIBRARY_KEY, path.as_deref())?;
        self.flink.kill();
        let before = self.said("WARN")?;
        self.flink.restart()?;
        self.runs_by(name, None, "FileSystemCheckpointStorage")?;
        for line in self.only_line("WARN", &before)? {
            let named = line.contains(NOT_LOADED) && line.contains(words);
            ensure!(named, "not of `{words}`: {line}");
        }
        Ok(())
    }

    /// How many lines of a level each process has said.
    fn said(&self, level: &str) -> Result<Vec<usize>> {
        let count = |process| Ok(said(process, level)?.len());
        self.flink.processes().map(count).collect()
    }

    /// The only line of a level that each process has said since `before`.
    fn only_line(&self, level: &str, before: &[usize]) -> Result<Vec<String>> {
        let only = |(process, before): (&harness::Process, &usize)| {
            let mut lines = said(process, level)?.split_off(*before);
            ensure!(lines.len() == 1, "{}: {lines:#?}", process.label());
            lines.pop().context("one line")
        };
        self.flink.processes().zip(before).map(only).collect()
    }
}

/// The library in the jar.
fn library() -> Result<Vec<u8>> {
    let output = Command::new("unzip")
        .args(["-p", &dist_jar()?.to_string_lossy(), "*.so"])
        .output()
        .context("is unzip installed?")?;
    ensure!(
        output.stdout.len() > 1_000_000,
        "the jar's library is not there"
    );
    Ok(output.stdout)
}

#[test]
fn a_value_that_is_not_accepted() -> Result<()> {
    FREE.with(Alone::start, |alone| {
        let before = alone.said("ERROR")?;
        let key = Some((VALUE_KEY, "many"));
        alone.runs_by("value", key, "FileSystemCheckpointStorage")?;
        for line in alone.only_line("ERROR", &before)? {
            let names = [VALUE_KEY, "many", "a whole number from 1"];
            ensure!(names.iter().all(|name| line.contains(name)), "{line}");
        }
        Ok(())
    })
}

/// As a full disk leaves it.
#[test]
#[ignore = "left to `cargo xtask test --all`"]
fn a_truncated_library() -> Result<()> {
    FREE.with(Alone::start, |alone| {
        let half = &alone.library[..alone.library.len() / 2];
        let path = alone.put("truncated.so", half)?;
        alone.refuses("truncated", Some(&path), "truncated")
    })
}

#[test]
#[ignore = "left to `cargo xtask test --all`"]
fn an_empty_library() -> Result<()> {
    FREE.with(Alone::start, |alone| {
        let path = alone.put("empty.so", &[])?;
        alone.refuses("empty", Some(&path), "truncated")
    })
}

#[test]
fn a_missing_library() -> Result<()> {
    FREE.with(Alone::start, |alone| {
        let path = Path::new("/nonexistent/libflink_dualwrite.so");
        alone.refuses("missing", Some(path), "NoSuchFileException")
    })
}

#[test]
#[ignore = "left to `cargo xtask test --all`"]
fn a_library_for_another_processor() -> Result<()> {
    FREE.with(Alone::start, |alone| {
        let (at, machine) = MACHINE;
        let mut foreign = alone.library.clone();
        foreign[at] = machine;
        let path = alone.put("foreign.so", &foreign)?;
        alone.refuses(
            "foreign",
            Some(&path),
            "not a shared library for this processor",
        )
    })
}

/// One bit of the library in the jar has flipped.
#[test]
#[ignore = "left to `cargo xtask test --all`"]
fn a_damaged_jar() -> Result<()> {
    FREE.with(Alone::start, |alone| {
        let jar = alone.flink.lib_dir().join(DIST_JAR_NAME);
        let whole = std::fs::read(&jar)?;
        let name = b"/libflink_dualwrite.so";
        let entry = whole.windows(name.len()).position(|bytes| bytes == name);
        let mut damaged = whole.clone();
        // Far behind the entry's header, and far before its end.
        damaged[entry.context("no library in the jar")? + 300_000] ^= 1;
        std::fs::write(&jar, damaged)?;
        let refused = alone.refuses("damaged", None, "no directory served to unpack and load it");
        std::fs::write(&jar, whole)?;
        refused
    })
}

/// Nothing is loaded of what fitted; elsewhere there is room.
#[test]
fn a_full_disk_where_the_library_is_unpacked() -> Result<()> {
    FREE.with(Alone::start, |alone| {
        let disk = Disk::mount(&alone.run, "full", 8)?;
        disk.fill()?;
        let folder = disk.path().to_string_lossy().into_owned();
        alone.flink.configure(FOLDER_KEY, Some(&folder))?;
        alone.flink.restart()?;
        alone.runs_by("full-folder", None, "DualWriteCheckpointStorage")?;
        let left = std::fs::read_dir(disk.path())?.count();
        ensure!(
            left == 1,
            "{left} files are left beside what fills the disk"
        );
        alone.flink.configure(FOLDER_KEY, None)
    })
}

/// As where `/tmp` is mounted so: elsewhere it is still loaded, but not from where it must be.
#[test]
#[ignore = "left to `cargo xtask test --all`"]
fn a_library_on_a_disk_from_which_nothing_is_executed() -> Result<()> {
    FREE.with(Alone::start, |alone| {
        let disk = Disk::mount_noexec(&alone.run, "noexec", 64)?;
        alone.flink.configure(LIBRARY_KEY, None)?;
        let folder = disk.path().to_string_lossy().into_owned();
        alone.flink.configure(FOLDER_KEY, Some(&folder))?;
        alone.flink.restart()?;
        alone.runs_by("noexec-folder", None, "DualWriteCheckpointStorage")?;

        alone.flink.configure(FOLDER_KEY, None)?;
        let path = disk.path().join("library.so");
        std::fs::write(&path, &alone.library)?;
        alone.refuses("noexec", Some(&path), "failed to map segment")
    })
}
