//! A real HDFS: one NameNode or two, and some DataNodes, each a process of its own.
//!
//! Addresses and data stay the same over kills and restarts. Refuses security: what needs it
//! builds on this.

mod builder;
mod config;
mod ready;
mod web;

pub use builder::HdfsBuilder;
pub use web::{WebFile, WebHdfs};

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Result;

use self::config::{DataNodePorts, NameNodePorts};
use crate::disk::Disk;
use crate::java;
use crate::process::Process;
use crate::run::Run;

/// A running HDFS. Dropped, all its processes are killed.
#[derive(Debug)]
pub struct HdfsCluster {
    uri: String,
    conf: PathBuf,
    jars: PathBuf,
    name_nodes: Vec<NameNode>,
    /// The one of them that clients are to use.
    active: AtomicUsize,
    data_nodes: Vec<DataNode>,
    run: Run,
}

#[derive(Debug)]
struct NameNode {
    process: Process,
    web: WebHdfs,
    ports: NameNodePorts,
}

#[derive(Debug)]
struct DataNode {
    process: Process,
    ports: DataNodePorts,
    disk: Option<Disk>,
}

impl HdfsCluster {
    /// A cluster to be called `name` in folders and messages, e.g. `primary`.
    pub fn builder(name: &str) -> HdfsBuilder {
        HdfsBuilder {
            name: name.to_owned(),
            data_nodes: 1,
            replication: 1,
            pair: false,
            in_memory: false,
            disk: None,
            host: None,
            site: Vec::new(),
            client: Vec::new(),
        }
    }

    fn new(
        uri: String,
        (conf, jars): (PathBuf, PathBuf),
        name_nodes: Vec<NameNode>,
        data_nodes: Vec<DataNode>,
        run: Run,
    ) -> Self {
        Self {
            uri,
            conf,
            jars,
            name_nodes,
            active: AtomicUsize::new(0),
            data_nodes,
            run,
        }
    }

    /// Starts a cluster of one NameNode and one DataNode, and waits until it takes writes.
    ///
    /// # Errors
    /// As [`HdfsBuilder::start`].
    pub fn start(run: &Run, name: &str) -> Result<Self> {
        Self::builder(name).start(run)
    }

    /// `hdfs://host:port`; of a pair `hdfs://name`.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// A folder with `core-site.xml` and `hdfs-site.xml` for clients, as `HADOOP_CONF_DIR` has.
    pub fn conf_dir(&self) -> &Path {
        &self.conf
    }

    /// The NameNode's process, to be killed, frozen, restarted; of a pair the active one's.
    pub fn name_node(&self) -> &Process {
        &self.active().process
    }

    /// `host:port` where that one takes calls.
    pub fn name_node_address(&self) -> String {
        self.active().ports.rpc()
    }

    fn active(&self) -> &NameNode {
        &self.name_nodes[self.active.load(Ordering::Relaxed)]
    }

    /// A DataNode's process.
    ///
    /// # Panics
    /// When there are not so many.
    pub fn data_node(&self, index: usize) -> &Process {
        &self.data_nodes[index].process
    }

    /// The disks of the DataNodes, if each has one of its own.
    pub fn disks(&self) -> impl Iterator<Item = &Disk> {
        self.data_nodes.iter().filter_map(|node| node.disk.as_ref())
    }

    /// All processes, the NameNodes first.
    pub fn processes(&self) -> impl Iterator<Item = &Process> {
        let name_nodes = self.name_nodes.iter().map(|node| &node.process);
        name_nodes.chain(self.data_nodes.iter().map(|node| &node.process))
    }

    /// SIGKILLs every process: the cluster is lost.
    pub fn kill(&self) {
        self.processes().for_each(Process::kill);
    }

    /// SIGSTOPs every process: the cluster answers nothing and refuses nothing.
    ///
    /// # Errors
    /// When one is not running.
    pub fn freeze(&self) -> Result<()> {
        self.processes().try_for_each(Process::freeze)
    }

    /// Ends [`HdfsCluster::freeze`].
    ///
    /// # Errors
    /// When one is not running.
    pub fn thaw(&self) -> Result<()> {
        self.processes().try_for_each(Process::thaw)
    }

    /// Restarts every process with its data and waits until the cluster takes writes.
    ///
    /// # Errors
    /// When a process fails or is not ready within its limit.
    pub fn restart(&self) -> Result<()> {
        self.processes().try_for_each(Process::restart)?;
        self.wait_ready()
    }

    /// The cluster's files, without a JVM, as the NameNode says that clients are to use.
    pub fn web(&self) -> &WebHdfs {
        &self.active().web
    }

    /// Runs Hadoop's own `FsShell`, e.g. `["-ls", "/"]`, and answers with its standard output.
    ///
    /// # Errors
    /// When it ends with another code than 0: with what it said.
    pub fn shell(&self, arguments: &[&str]) -> Result<String> {
        self.run_tool("org.apache.hadoop.fs.FsShell", arguments)
    }

    /// Runs Hadoop's own `dfsadmin` on this cluster.
    ///
    /// # Errors
    /// When it ends with another code than 0: with what it said.
    pub fn admin(&self, arguments: &[&str]) -> Result<String> {
        self.run_tool("org.apache.hadoop.hdfs.tools.DFSAdmin", arguments)
    }

    /// Has the NameNode refuse all changes, as it does until it has heard of enough blocks.
    ///
    /// # Errors
    /// As [`Self::admin`].
    pub fn safe_mode(&self, on: bool) -> Result<()> {
        self.admin(&["-safemode", if on { "enter" } else { "leave" }])?;
        Ok(())
    }

    fn run_tool(&self, class: &str, arguments: &[&str]) -> Result<String> {
        let classes: [&Path; 2] = [&self.conf, &self.jars.join("*")];
        let command = java::command(&classes, &["-Xmx96m"], class, arguments);
        java::run_to_end(&command, self.run.log_dir())
    }
}
