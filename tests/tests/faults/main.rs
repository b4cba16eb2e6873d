//! Faults of the secondary, one after another, under one job: its NameNode, its DataNodes, and all
//! for which a cluster that answers refuses a file. What holds for each is in `support/fault.rs`.

mod data_node;
mod name_node;
mod refusal;
#[path = "../support/mod.rs"]
mod support;

use anyhow::{Context, Result};
use harness::HdfsCluster;
use support::{DIRECTORY, Sites, Stage};

const FLINK: &str = "1.20.5";
/// Who writes to the secondary: not its superuser, whom nothing is refused.
const USER: &str = "flink";
/// Of each of the two disks, on which a block takes 4 MB.
const DISK_MEGABYTES: u32 = 512;

/// A secondary of two DataNodes that have every block, each with a disk of its own.
fn stage() -> Result<Stage> {
    let secondary = HdfsCluster::builder("secondary")
        .data_nodes(2)
        .replication(2)
        .disks(DISK_MEGABYTES)
        .site("dfs.blocksize", "4194304");
    let sites = Sites::launch_with("faults", secondary)?;
    sites.secondary.wait_ready()?;
    own(&sites)?;
    let flink = sites.flink(FLINK)?.config("dualwrite.secondary.user", USER);
    Stage::set(sites, FLINK, flink)
}

/// Makes the directory on the secondary in which the checkpoint directory is to be the user's.
fn own(sites: &Sites) -> Result<()> {
    let web = sites.secondary.web();
    let (parent, _) = DIRECTORY
        .rsplit_once('/')
        .context("a directory at the top")?;
    web.put(parent, "MKDIRS", "")?;
    web.put(parent, "SETOWNER", &format!("&owner={USER}"))
}
