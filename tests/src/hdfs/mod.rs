//! A real HDFS: one NameNode and some DataNodes, each a process of its own.
//!
//! Addresses and data stay the same over kills and restarts. Refuses high availability and
//! security: what needs them builds on this.

mod config;
mod web;

pub use web::{WebFile, WebHdfs};

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use serde_json::Value;

use self::config::{DataNodePorts, NameNodePorts};
use crate::java;
use crate::ports::Port;
use crate::process::{Launch, Process};
use crate::run::Run;
use crate::wait::wait_until;

/// A JVM start on a busy machine.
const READY_LIMIT: Duration = Duration::from_mins(2);
const NAME_NODE: &str = "org.apache.hadoop.hdfs.server.namenode.NameNode";
const DATA_NODE: &str = "org.apache.hadoop.hdfs.server.datanode.DataNode";

/// What is to be different from one DataNode with replication 1.
#[derive(Debug, Clone)]
pub struct HdfsBuilder {
    name: String,
    data_nodes: usize,
    replication: usize,
    site: Vec<(String, String)>,
}

impl HdfsBuilder {
    /// How many DataNodes; 1 unless said.
    #[must_use]
    pub fn data_nodes(mut self, count: usize) -> Self {
        self.data_nodes = count;
        self
    }

    /// How many copies of each block clients ask for; 1 unless said.
    #[must_use]
    pub fn replication(mut self, copies: usize) -> Self {
        self.replication = copies;
        self
    }

    /// An entry of the servers' `hdfs-site.xml`, e.g. `dfs.permissions.enabled` and `false`.
    #[must_use]
    pub fn site(mut self, name: &str, value: &str) -> Self {
        self.site.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Formats and starts the cluster and waits until it takes writes.
    ///
    /// # Errors
    /// When Maven, the format, or a process fails: with the end of its log.
    pub fn start(self, run: &Run) -> Result<HdfsCluster> {
        let cluster = self.launch(run)?;
        cluster.wait_ready()?;
        Ok(cluster)
    }

    /// As [`HdfsBuilder::start`], without waiting: several clusters can come up side by side.
    ///
    /// # Errors
    /// When Maven or the format fails, or no process can be started.
    pub fn launch(self, run: &Run) -> Result<HdfsCluster> {
        let jars = crate::jars("hadoop", &[])?;
        let root = run.data_dir(&self.name)?;
        let ports = NameNodePorts {
            rpc: Port::take()?,
            http: Port::take()?,
        };
        let uri = format!("hdfs://{}", ports.rpc.address());
        let conf = root.join("conf");
        write_conf(&conf, &uri, &config::client_site(self.replication))?;

        let starter = Starter {
            builder: &self,
            run,
            root: &root,
            jars: &jars,
            uri: &uri,
        };
        let name_node = starter.name_node(&ports)?;
        let mut data_nodes = Vec::new();
        for index in 0..self.data_nodes {
            data_nodes.push(starter.data_node(index)?);
        }
        let web = WebHdfs::new(ports.http.address());
        Ok(HdfsCluster {
            uri,
            conf,
            jars,
            web,
            name_node,
            ports,
            data_nodes,
            run: run.clone(),
        })
    }
}

/// A running HDFS. Dropped, all its processes are killed.
#[derive(Debug)]
pub struct HdfsCluster {
    uri: String,
    conf: PathBuf,
    jars: PathBuf,
    web: WebHdfs,
    name_node: Process,
    ports: NameNodePorts,
    data_nodes: Vec<(Process, DataNodePorts)>,
    run: Run,
}

impl HdfsCluster {
    /// A cluster to be called `name` in folders and messages, e.g. `primary`.
    pub fn builder(name: &str) -> HdfsBuilder {
        HdfsBuilder {
            name: name.to_owned(),
            data_nodes: 1,
            replication: 1,
            site: Vec::new(),
        }
    }

    /// Starts a cluster of one NameNode and one DataNode, and waits until it takes writes.
    ///
    /// # Errors
    /// As [`HdfsBuilder::start`].
    pub fn start(run: &Run, name: &str) -> Result<Self> {
        Self::builder(name).start(run)
    }

    /// `hdfs://127.0.0.1:port`.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// A folder with `core-site.xml` and `hdfs-site.xml` for clients, as `HADOOP_CONF_DIR` has.
    pub fn conf_dir(&self) -> &Path {
        &self.conf
    }

    /// The NameNode's process, to be killed, frozen, restarted.
    pub fn name_node(&self) -> &Process {
        &self.name_node
    }

    /// A DataNode's process.
    ///
    /// # Panics
    /// When there are not so many.
    pub fn data_node(&self, index: usize) -> &Process {
        &self.data_nodes[index].0
    }

    /// All processes, the NameNode first.
    pub fn processes(&self) -> impl Iterator<Item = &Process> {
        std::iter::once(&self.name_node).chain(self.data_nodes.iter().map(|(p, _)| p))
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

    /// Waits until the NameNode is out of safe mode and every running DataNode serves it and
    /// has reported its blocks.
    ///
    /// # Errors
    /// After 120 s, or as soon as a process has ended by itself.
    pub fn wait_ready(&self) -> Result<()> {
        let running: Vec<_> = self
            .data_nodes
            .iter()
            .filter(|(p, _)| p.is_running())
            .collect();
        let what = format!("{} to be ready", self.name_node.label());
        wait_until(&what, READY_LIMIT, || {
            if !self.name_node.is_running() {
                return Ok(Err(self.name_node.ended()));
            }
            self.name_node_ready()?;
            for (process, ports) in &running {
                if !process.is_running() {
                    return Ok(Err(process.ended()));
                }
                data_node_ready(ports).with_context(|| process.label().to_owned())?;
            }
            Ok::<_, anyhow::Error>(Ok(()))
        })?
    }

    /// The cluster's files, without a JVM.
    pub fn web(&self) -> &WebHdfs {
        &self.web
    }

    /// Runs Hadoop's own `FsShell`, e.g. `["-ls", "/"]`, and answers with its standard output.
    ///
    /// # Errors
    /// When it ends with another code than 0: with what it said.
    pub fn shell(&self, arguments: &[&str]) -> Result<String> {
        self.run_tool("org.apache.hadoop.fs.FsShell", arguments)
    }

    /// Has the NameNode refuse all changes, as it does until it has heard of enough blocks, by
    /// Hadoop's own `dfsadmin`.
    ///
    /// # Errors
    /// When it ends with another code than 0: with what it said.
    pub fn safe_mode(&self, on: bool) -> Result<()> {
        let class = "org.apache.hadoop.hdfs.tools.DFSAdmin";
        self.run_tool(class, &["-safemode", if on { "enter" } else { "leave" }])?;
        Ok(())
    }

    fn run_tool(&self, class: &str, arguments: &[&str]) -> Result<String> {
        let classes: [&Path; 2] = [&self.conf, &self.jars.join("*")];
        let command = java::command(&classes, &["-Xmx96m"], class, arguments);
        java::run_to_end(&command, self.run.log_dir())
    }

    fn name_node_ready(&self) -> Result<()> {
        let info = java::jmx(&self.ports.http.address(), "NameNode", "NameNodeInfo")?;
        match info["Safemode"].as_str() {
            Some("") => Ok(()),
            other => Err(anyhow!("in safe mode: {other:?}")),
        }
    }
}

/// The DataNode has told the NameNode of its blocks since either was started.
fn data_node_ready(ports: &DataNodePorts) -> Result<()> {
    let info = java::jmx(&ports.http.address(), "DataNode", "DataNodeInfo")?;
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
    if !actors.is_empty() && actors.iter().all(serves) {
        return Ok(());
    }
    Err(anyhow!("does not serve the NameNode yet: {actors:?}"))
}

/// What the processes of one cluster share while they are started.
struct Starter<'a> {
    builder: &'a HdfsBuilder,
    run: &'a Run,
    root: &'a Path,
    jars: &'a Path,
    uri: &'a str,
}

impl Starter<'_> {
    fn name_node(&self, ports: &NameNodePorts) -> Result<Process> {
        let directory = self.root.join("name");
        let site = config::name_node_site(&directory.to_string_lossy(), ports);
        let conf = self.conf("name-conf", site)?;
        let tmp = self.tmp("name-tmp")?;
        let jvm = ["-Xmx192m", &tmp];
        let classes: [&Path; 2] = [&conf, &self.jars.join("*")];
        let format = java::command(&classes, &jvm, NAME_NODE, &["-format", "-force"]);
        java::run_to_end(&format, self.run.log_dir()).context("cannot format the NameNode")?;
        self.process("namenode", java::command(&classes, &jvm, NAME_NODE, &[]))
    }

    fn data_node(&self, index: usize) -> Result<(Process, DataNodePorts)> {
        let ports = DataNodePorts {
            data: Port::take()?,
            http: Port::take()?,
            ipc: Port::take()?,
        };
        let directory = self.root.join(format!("data-{index}"));
        let site = config::data_node_site(&directory.to_string_lossy(), &ports);
        let conf = self.conf(&format!("data-conf-{index}"), site)?;
        let classes: [&Path; 2] = [&conf, &self.jars.join("*")];
        let tmp = self.tmp(&format!("data-tmp-{index}"))?;
        let jvm = ["-Xmx160m", &tmp];
        let command = java::command(&classes, &jvm, DATA_NODE, &[]);
        Ok((self.process(&format!("datanode-{index}"), command)?, ports))
    }

    /// Defaults, then this process's own, then what the test says.
    fn conf(&self, name: &str, own: Vec<(String, String)>) -> Result<PathBuf> {
        let mut site = config::client_site(self.builder.replication);
        site.extend(config::server_site());
        site.extend(own);
        site.extend(self.builder.site.iter().cloned());
        let conf = self.root.join(name);
        write_conf(&conf, self.uri, &site)?;
        Ok(conf)
    }

    /// Jetty unpacks into it and a killed process does not tidy up.
    fn tmp(&self, name: &str) -> Result<String> {
        let tmp = self.root.join(name);
        std::fs::create_dir_all(&tmp)
            .with_context(|| format!("cannot create {}", tmp.display()))?;
        Ok(format!("-Djava.io.tmpdir={}", tmp.display()))
    }

    fn process(&self, role: &str, command: Vec<OsString>) -> Result<Process> {
        let name = &self.builder.name;
        Process::start(Launch {
            label: format!("{name}/{role}"),
            command,
            env: Vec::new(),
            directory: self.root.to_owned(),
            log: self.run.log_dir().join(format!("{name}-{role}.log")),
            keep: self.run.is_kept(),
        })
    }
}

fn write_conf(folder: &Path, uri: &str, site: &[(String, String)]) -> Result<()> {
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(folder.join("core-site.xml"), config::core_site(uri)))
        .and_then(|()| std::fs::write(folder.join("hdfs-site.xml"), config::xml(site)))
        .with_context(|| format!("cannot write {}", folder.display()))
}
