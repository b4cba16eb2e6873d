//! A real HDFS keeps its files over kills and restarts and stands still when frozen.

use std::time::{Duration, Instant};

use harness::{HdfsCluster, Run};

#[test]
fn files_outlive_every_process() -> anyhow::Result<()> {
    let run = Run::new("hdfs_cluster::files_outlive_every_process")?;
    let hdfs = HdfsCluster::start(&run, "primary")?;
    hdfs.web().write("/a/b", b"kept")?;

    hdfs.kill();
    assert!(
        hdfs.web().read("/a/b").is_err(),
        "a killed cluster answered"
    );
    hdfs.restart()?;
    assert_eq!(hdfs.web().read("/a/b")?, b"kept");

    hdfs.data_node(0).restart()?;
    hdfs.wait_ready()?;
    hdfs.web().write("/a/c", b"after the DataNode's restart")?;

    hdfs.name_node().restart()?;
    hdfs.wait_ready()?;
    assert_eq!(hdfs.web().length("/a/c")?, Some(28));
    assert_eq!(
        hdfs.shell(&["-cat", "/a/b", "/a/c"])?,
        "keptafter the DataNode's restart"
    );
    run.passed();
    Ok(())
}

#[test]
fn a_frozen_cluster_answers_again_after_the_thaw() -> anyhow::Result<()> {
    let run = Run::new("hdfs_cluster::frozen")?;
    let hdfs = HdfsCluster::builder("secondary")
        .data_nodes(2)
        .replication(2)
        .start(&run)?;
    hdfs.web().write("/x", b"1")?;
    hdfs.freeze()?;
    let start = Instant::now();
    assert!(
        hdfs.web().length("/x").is_err(),
        "a frozen cluster answered"
    );
    assert!(
        start.elapsed() > Duration::from_secs(9),
        "refused instead of standing still"
    );
    assert!(hdfs.processes().all(harness::Process::is_running));
    hdfs.thaw()?;
    hdfs.wait_ready()?;
    assert_eq!(hdfs.web().read("/x")?, b"1");
    run.passed();
    Ok(())
}
