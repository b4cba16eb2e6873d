//! A real HDFS keeps its files over kills and restarts, stands still when frozen, refuses when full
//! or told to, and changes hands.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use harness::{Fate, HdfsCluster, Host, Proxy, Rule, Run, wait_until};

#[test]
#[ignore = "left to `cargo xtask test --all`"]
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
#[ignore = "left to `cargo xtask test --all`"]
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

#[test]
#[ignore = "left to `cargo xtask test --all`"]
fn a_cluster_refuses_in_safe_mode_over_its_quota_and_on_a_full_disk() -> anyhow::Result<()> {
    let run = Run::new("hdfs_cluster::refuses")?;
    let hdfs = HdfsCluster::builder("secondary")
        .disks(64)
        .site("dfs.blocksize", "1048576")
        .start(&run)?;
    let refuses = |words: &str| -> anyhow::Result<()> {
        let error = hdfs.web().write("/d/x", b"1").err();
        let error = format!("{:#}", error.context("it took a file")?);
        ensure!(error.contains(words), "{error}");
        Ok(())
    };
    hdfs.safe_mode(true)?;
    refuses("SafeMode")?;
    hdfs.safe_mode(false)?;
    hdfs.web().write("/d/x", b"1")?;

    let quota = |count: i32| {
        let arguments = format!("&namespacequota={count}&storagespacequota=-1");
        hdfs.web().put("/d", "SETQUOTA", &arguments)
    };
    quota(1)?;
    hdfs.web().delete("/d/x")?;
    refuses("NSQuotaExceeded")?;
    quota(-1)?;
    hdfs.web().write("/d/x", b"1")?;

    hdfs.disks().try_for_each(harness::Disk::fill)?;
    wait_until("the disk to be full", Duration::from_secs(30), || {
        refuses("could only be written to 0")
    })?;
    hdfs.disks().try_for_each(harness::Disk::free)?;
    wait_until("the disk to be free", Duration::from_secs(30), || {
        hdfs.web().write("/d/x", b"1")
    })?;
    run.passed();
    Ok(())
}

#[test]
#[ignore = "left to `cargo xtask test --all`"]
fn a_pair_changes_hands_and_the_one_that_was_killed_comes_back_second() -> anyhow::Result<()> {
    let run = Run::new("hdfs_cluster::pair")?;
    let hdfs = HdfsCluster::builder("pair").pair().start(&run)?;
    hdfs.web().write("/x", b"by the first")?;
    assert_eq!(hdfs.shell(&["-cat", "/x"])?, "by the first");

    let first = hdfs.name_node().label().to_owned();
    hdfs.name_node().kill();
    hdfs.fail_over(1)?;
    assert_ne!(hdfs.name_node().label(), first);
    hdfs.web().write("/y", b"by the second")?;
    assert_eq!(
        hdfs.shell(&["-cat", "/x", "/y"])?,
        "by the firstby the second"
    );

    let first = hdfs.processes().find(|process| process.label() == first);
    first.context("it was there before")?.restart()?;
    hdfs.wait_ready()?;
    assert_eq!(hdfs.web().read("/y")?, b"by the second");
    run.passed();
    Ok(())
}

#[test]
#[ignore = "left to `cargo xtask test --all`"]
fn a_cluster_on_a_host_of_its_own_is_cut_off_and_a_proxy_loses_its_answer() -> anyhow::Result<()> {
    let run = Run::new("hdfs_cluster::host")?;
    let host = Host::start()?;
    let hdfs = HdfsCluster::builder("secondary").host(&host).start(&run)?;
    hdfs.web().write("/x", b"1")?;
    host.cut()?;
    assert!(hdfs.web().length("/x").is_err(), "it answered");
    host.heal()?;
    hdfs.wait_ready()?;
    assert_eq!(hdfs.web().length("/x")?, Some(1));

    let proxy = Proxy::start(&hdfs.name_node_address())?;
    proxy.rule(Rule {
        method: "rename",
        of: "/y",
        every: 1,
        fate: Fate::LoseReply,
    });
    let by_proxy = format!("hdfs://{}", proxy.address());
    let moved = hdfs.shell(&["-fs", &by_proxy, "-mv", "/x", "/y"]);
    let error = format!("{:#}", moved.err().context("it had an answer")?);
    assert!(error.contains("EOFException"), "{error}");
    assert_eq!(proxy.struck(), 1);
    assert_eq!(hdfs.web().length("/y")?, Some(1));
    run.passed();
    Ok(())
}
