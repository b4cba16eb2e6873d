//! Libraries that cannot be loaded and values that are not accepted: the job runs as if the product
//! were not there, and the log says why, once per process.

mod support;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Result, ensure};
use harness::{ExactlyOnce, FlinkCluster, HdfsCluster, Run, Submission, dist_jar};
use support::{LIMIT, SECONDARY_KEY, STORAGE, STORAGE_KEY, Watched, plain_flink, said};

const FLINK: &str = "2.2.1";
const LIBRARY_KEY: &str = "dualwrite.native.path";
const VALUE_KEY: &str = "dualwrite.upload.concurrency";

/// A library that breaks off in the middle, as a full disk leaves it.
fn truncated(run: &Run) -> Result<String> {
    let folder = run.data_dir("library")?;
    let whole = std::process::Command::new("unzip")
        .args(["-p", &dist_jar()?.to_string_lossy(), "*.so"])
        .output()?
        .stdout;
    ensure!(whole.len() > 1_000_000, "the jar's library is not there");
    let path = folder.join("truncated.so");
    std::fs::write(&path, &whole[..whole.len() / 2])?;
    Ok(path.to_string_lossy().into_owned())
}

fn empty(folder: &Path) -> Result<String> {
    let path = folder.join("empty.so");
    std::fs::write(&path, [])?;
    Ok(path.to_string_lossy().into_owned())
}

/// A job of one cluster, with keys of its own, that is checkpointed by Flink alone.
fn runs_by_itself(
    run: &Run,
    flink: &FlinkCluster,
    name: &str,
    keys: &[(&str, &str)],
) -> Result<()> {
    let job = ExactlyOnce {
        records: 30_000,
        ..ExactlyOnce::new(name, &run.data_dir(name)?)
    };
    let keys = keys.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
    let submission = Submission {
        configuration: keys.collect::<BTreeMap<_, _>>(),
        ..job.submission(None)?
    };
    let watched = Watched::run(flink.rest(), &job, &submission)?;
    flink.rest().wait_for_completed(&watched.id, 2, LIMIT)?;
    let config = flink
        .rest()
        .get(&format!("/jobs/{}/checkpoints/config", watched.id))?;
    let storage = &config["checkpoint_storage"];
    ensure!(storage == "FileSystemCheckpointStorage", "{config}");
    watched.nothing_failed()?;
    watched.is_exact_at_its_end()
}

/// The only line of a level that a process has said since its log had `before` such lines.
fn only_line(flink: &FlinkCluster, level: &str, before: usize) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    for process in flink.processes() {
        let said = said(process, level)?;
        ensure!(said.len() == before + 1, "{}: {said:#?}", process.label());
        lines.extend(said.into_iter().skip(before));
    }
    Ok(lines)
}

#[test]
fn what_cannot_be_loaded_or_accepted_is_said_once_and_the_job_runs_by_itself() -> Result<()> {
    let run = Run::new("refused")?;
    let hdfs = HdfsCluster::builder("primary").launch(&run)?;
    let truncated = truncated(&run)?;
    let mut flink = plain_flink("flink", FLINK, &hdfs, &format!("{}/flink", hdfs.uri()))?
        .lib(&dist_jar()?)
        .config(STORAGE_KEY, STORAGE)
        .config(SECONDARY_KEY, "hdfs://127.0.0.1:9/flink/checkpoints")
        .config(LIBRARY_KEY, &truncated)
        .launch(&run)?;
    hdfs.wait_ready()?;
    flink.wait_ready()?;

    runs_by_itself(&run, &flink, "value", &[(VALUE_KEY, "many")])?;
    for line in only_line(&flink, "ERROR", 0)? {
        let names = [VALUE_KEY, "many", "a whole number from 1"];
        ensure!(names.iter().all(|name| line.contains(name)), "{line}");
    }
    runs_by_itself(&run, &flink, "truncated", &[])?;
    for line in only_line(&flink, "WARN", 0)? {
        ensure!(line.contains("truncated"), "{line}");
    }

    let empty = empty(&run.data_dir("library")?)?;
    let missing = "/nonexistent/libflink_dualwrite.so".to_owned();
    for (before, (name, library)) in [("empty", empty), ("missing", missing)].iter().enumerate() {
        flink.configure(LIBRARY_KEY, Some(library))?;
        flink.restart()?;
        runs_by_itself(&run, &flink, name, &[])?;
        for line in only_line(&flink, "WARN", before + 1)? {
            ensure!(line.contains("the native library is not loaded"), "{line}");
        }
    }
    run.passed();
    Ok(())
}
