//! When a cluster takes writes, and who of a pair of NameNodes is active. Asks JMX.
//!
//! Refuses to decide who becomes active, but for a pair in which nobody is.

use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde_json::Value;

use super::{DataNode, HdfsCluster, NameNode};
use crate::java;
use crate::wait::wait_until;

/// A JVM start on a busy machine.
const READY_LIMIT: Duration = Duration::from_mins(2);

impl HdfsCluster {
    /// Waits until the NameNode is out of safe mode and every running DataNode serves it and
    /// has reported its blocks. Of a pair, until every DataNode serves each that runs, and the one
    /// that clients are to use is active and out of safe mode; a pair just started has its first
    /// one made active.
    ///
    /// # Errors
    /// After 120 s, or as soon as a process has ended by itself.
    pub fn wait_ready(&self) -> Result<()> {
        let name_nodes: Vec<_> = self
            .name_nodes
            .iter()
            .filter(|n| runs(&n.process))
            .collect();
        let data_nodes: Vec<_> = self
            .data_nodes
            .iter()
            .filter(|n| runs(&n.process))
            .collect();
        ensure!(!name_nodes.is_empty(), "no NameNode runs");
        let all_ready = || {
            let what = format!("{} to be ready", self.name_node().label());
            wait_until(&what, READY_LIMIT, || {
                let processes = name_nodes.iter().map(|node| &node.process);
                let mut processes = processes.chain(data_nodes.iter().map(|node| &node.process));
                if let Some(ended) = processes.find(|process| !process.is_running()) {
                    return Ok(Err(ended.ended()));
                }
                name_node_ready(self.active())?;
                for node in &data_nodes {
                    data_node_ready(node, &name_nodes)
                        .with_context(|| node.process.label().to_owned())?;
                }
                Ok::<_, anyhow::Error>(Ok(()))
            })?
        };
        all_ready()?;
        let active = self.active.load(Ordering::Relaxed);
        if self.name_nodes.len() > 1 && state(&self.name_nodes[active])? != "active" {
            self.fail_over(active)?;
            all_ready()?;
        }
        Ok(())
    }

    /// Makes one NameNode of a pair active, by Hadoop's own `haadmin`, while the other is not.
    /// Whoever is killed, cut off or made standby before that, comes back as standby.
    ///
    /// # Errors
    /// When it cannot become active, or the other one still is.
    pub fn fail_over(&self, to: usize) -> Result<()> {
        let id = format!("nn{to}");
        let class = "org.apache.hadoop.hdfs.tools.DFSHAAdmin";
        // Forced, because it would want to hear from the other one that it is not active.
        self.run_tool(class, &["-transitionToActive", "--forceactive", &id])?;
        self.active.store(to, Ordering::Relaxed);
        wait_until(
            &format!("{id} to be active"),
            READY_LIMIT,
            || match state(&self.name_nodes[to])?.as_str() {
                "active" => Ok(()),
                other => bail!("it is {other}"),
            },
        )
    }
}

fn runs(process: &crate::Process) -> bool {
    process.is_running()
}

/// `active` or `standby`.
fn state(node: &NameNode) -> Result<String> {
    let status = java::jmx(&node.ports.http(), "NameNode", "NameNodeStatus")?;
    Ok(status["State"].as_str().unwrap_or_default().to_owned())
}

fn name_node_ready(node: &NameNode) -> Result<()> {
    let info = java::jmx(&node.ports.http(), "NameNode", "NameNodeInfo")?;
    match info["Safemode"].as_str() {
        Some("") => Ok(()),
        other => Err(anyhow!("in safe mode: {other:?}")),
    }
}

/// The DataNode has told each of the NameNodes of its blocks since any of them was started.
fn data_node_ready(node: &DataNode, name_nodes: &[&NameNode]) -> Result<()> {
    let info = java::jmx(&node.ports.http(), "DataNode", "DataNodeInfo")?;
    let actors: Value = serde_json::from_str(info["BPServiceActorInfo"].as_str().unwrap_or("[]"))?;
    let actors = actors.as_array().cloned().unwrap_or_default();
    let serves = |actor: &Value| {
        let age = |key: &str| {
            actor[key]
                .as_str()
                .and_then(|text| text.parse::<u64>().ok())
        };
        actor["ActorState"] == "RUNNING"
            && age("LastHeartbeatResponseTime").is_some_and(|seconds| seconds <= 2)
            && age("LastBlockReport").is_some()
    };
    let is_heard_by = |node: &&NameNode| {
        // By name or number, whatever the resolver gives.
        let port = |address: &str| address.rsplit(':').next().map(str::to_owned);
        let is_of = |actor: &&Value| {
            let address = actor["NamenodeAddress"].as_str().unwrap_or_default();
            port(address) == port(&node.ports.rpc())
        };
        actors.iter().filter(is_of).any(serves)
    };
    if name_nodes.iter().all(is_heard_by) {
        return Ok(());
    }
    Err(anyhow!("does not serve the NameNode yet: {actors:?}"))
}
