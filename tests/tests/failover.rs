//! A secondary with two NameNodes: the active one is lost, and the other takes over.

mod support;

use anyhow::{Context, Result};
use harness::{HdfsCluster, Process};
use support::{Fault, Shows, Sites, Stage, on_stage};

const FLINK: &str = "1.20.5";

fn stage() -> Result<Stage> {
    let sites = Sites::launch_with("failover", HdfsCluster::builder("pair").pair())?;
    let conf = sites.secondary.conf_dir().to_string_lossy().into_owned();
    let flink = sites
        .flink(FLINK)?
        .config("dualwrite.secondary.hadoop-conf-dir", &conf);
    Stage::set(sites, FLINK, flink)
}

/// The first one comes back as standby, and later takes over again.
#[test]
#[ignore = "left to `cargo xtask test --all`"]
fn name_node_failed_over_and_back() -> Result<()> {
    let to_second = Fault {
        strike: |sites| {
            sites.secondary.name_node().kill();
            Ok(())
        },
        heal: |sites| {
            sites.secondary.fail_over(1)?;
            sites.secondary.wait_ready()
        },
        judged: false,
        shows: Shows::Silence,
    };
    let back = Fault {
        strike: |sites| {
            dead(sites)?.restart()?;
            sites.secondary.wait_ready()?;
            sites.secondary.name_node().kill();
            Ok(())
        },
        heal: |sites| {
            sites.secondary.fail_over(0)?;
            sites.secondary.wait_ready()
        },
        ..to_second
    };
    on_stage(stage, |stage| {
        stage.endures(&to_second)?;
        stage.endures(&back)
    })
}

/// The NameNode that does not run.
fn dead(sites: &Sites) -> Result<&Process> {
    let mut processes = sites.secondary.processes();
    let dead = processes.find(|process| !process.is_running());
    dead.context("all run")
}
