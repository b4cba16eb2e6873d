//! How an HDFS is laid out and started: names, folders, ports, one process after another.
//!
//! Refuses to wait until they serve.

use std::ffi::OsString;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::config::{self, DataNodePorts, Layout, NameNodePorts};
use super::{DataNode, HdfsCluster, NameNode, WebHdfs};
use crate::disk::Disk;
use crate::host::Host;
use crate::java;
use crate::process::{Launch, Process};
use crate::run::Run;

const NAME_NODE: &str = "org.apache.hadoop.hdfs.server.namenode.NameNode";
const DATA_NODE: &str = "org.apache.hadoop.hdfs.server.datanode.DataNode";

/// What is to be different from one DataNode with replication 1.
#[derive(Debug, Clone)]
pub struct HdfsBuilder {
    pub(super) name: String,
    pub(super) data_nodes: usize,
    pub(super) replication: usize,
    /// Two NameNodes under a name of their own.
    pub(super) pair: bool,
    /// No disk at all.
    pub(super) in_memory: bool,
    /// Megabytes of a disk for each DataNode.
    pub(super) disk: Option<u32>,
    pub(super) host: Option<(String, Ipv4Addr)>,
    pub(super) site: Vec<(String, String)>,
    pub(super) client: Vec<(String, String)>,
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

    /// Two NameNodes, of which the first becomes active, known to clients by one name alone: the
    /// cluster's. Who takes over is decided by hand ([`HdfsCluster::fail_over`]).
    #[must_use]
    pub fn pair(mut self) -> Self {
        self.pair = true;
        self
    }

    /// A disk of its own for each DataNode, of so many megabytes. Needs root.
    #[must_use]
    pub fn disks(mut self, megabytes: u32) -> Self {
        self.disk = Some(megabytes);
        self
    }

    /// All that it keeps is in memory: it takes nothing of the disk that others write to.
    #[must_use]
    pub fn in_memory(mut self) -> Self {
        self.in_memory = true;
        self
    }

    /// Where its processes run; 127.0.0.1 unless said.
    #[must_use]
    pub fn host(mut self, host: &Host) -> Self {
        self.host = Some((host.name().to_owned(), host.address()));
        self
    }

    /// An entry of the servers' `hdfs-site.xml`, e.g. `dfs.permissions.enabled` and `false`.
    #[must_use]
    pub fn site(mut self, name: &str, value: &str) -> Self {
        self.site.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same of the clients'.
    #[must_use]
    pub fn client(mut self, name: &str, value: &str) -> Self {
        self.client.push((name.to_owned(), value.to_owned()));
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
        let root = if self.in_memory {
            run.memory_dir(&self.name)?
        } else {
            run.data_dir(&self.name)?
        };
        let ip = self
            .host
            .as_ref()
            .map_or(Ipv4Addr::LOCALHOST, |(_, ip)| *ip);
        let names = (0..=usize::from(self.pair)).map(|_| NameNodePorts::take(ip));
        let names = names.collect::<Result<Vec<_>>>()?;
        let layout = Layout::new(&self.name, &root, &names);
        let conf = root.join("conf");
        let starter = Starter {
            builder: &self,
            run,
            root: &root,
            jars: &jars,
            layout: &layout,
        };
        let mut site = config::client_site(self.replication);
        site.extend(self.client.iter().cloned());
        starter.write_conf(&conf, site)?;

        let name_nodes = starter.name_nodes(names)?;
        let data_nodes = (0..self.data_nodes).map(|index| starter.data_node(index, ip));
        let data_nodes = data_nodes.collect::<Result<Vec<_>>>()?;
        Ok(HdfsCluster::new(
            layout.uri,
            (conf, jars),
            name_nodes,
            data_nodes,
            run.clone(),
        ))
    }
}

/// What the processes of one cluster share while they are started.
struct Starter<'a> {
    builder: &'a HdfsBuilder,
    run: &'a Run,
    root: &'a Path,
    jars: &'a Path,
    layout: &'a Layout,
}

impl Starter<'_> {
    /// Formats the first; the second begins with a copy of what that makes.
    fn name_nodes(&self, ports: Vec<NameNodePorts>) -> Result<Vec<NameNode>> {
        let mut started = Vec::new();
        for (index, ports) in ports.into_iter().enumerate() {
            let directory = self.root.join(format!("name-{index}"));
            let site = self.layout.name_node_site(index, &directory, &ports);
            let conf = self.conf(&format!("name-conf-{index}"), site)?;
            let tmp = self.tmp(&format!("name-tmp-{index}"))?;
            let jvm = ["-Xmx192m", &tmp];
            let classes: [&Path; 2] = [&conf, &self.jars.join("*")];
            if index == 0 {
                let format = java::command(&classes, &jvm, NAME_NODE, &["-format", "-force"]);
                java::run_to_end(&format, self.run.log_dir())
                    .context("cannot format the NameNode")?;
                if self.builder.pair {
                    copy_tree(&directory, &self.root.join("name-1"))?;
                }
            }
            let command = java::command(&classes, &jvm, NAME_NODE, &[]);
            let role = match (self.builder.pair, index) {
                (true, index) => format!("namenode-{index}"),
                (false, _) => "namenode".to_owned(),
            };
            started.push(NameNode {
                process: self.process(&role, command)?,
                web: WebHdfs::new(ports.http()),
                ports,
            });
        }
        Ok(started)
    }

    fn data_node(&self, index: usize, ip: Ipv4Addr) -> Result<DataNode> {
        let ports = DataNodePorts::take(ip)?;
        let name = format!("{}/data-{index}", self.builder.name);
        let mount = |megabytes| Disk::mount(self.run, &name, megabytes);
        let disk = self.builder.disk.map(mount).transpose()?;
        // Not the folder itself: on a disk there is more than the DataNode's.
        let directory = self.root.join(format!("data-{index}/blocks"));
        let site = config::data_node_site(&directory, &ports);
        let conf = self.conf(&format!("data-conf-{index}"), site)?;
        let classes: [&Path; 2] = [&conf, &self.jars.join("*")];
        let tmp = self.tmp(&format!("data-tmp-{index}"))?;
        let jvm = ["-Xmx160m", &tmp];
        let command = java::command(&classes, &jvm, DATA_NODE, &[]);
        Ok(DataNode {
            process: self.process(&format!("datanode-{index}"), command)?,
            ports,
            disk,
        })
    }

    /// Defaults, then this process's own, then what the test says.
    fn conf(&self, name: &str, own: Vec<(String, String)>) -> Result<PathBuf> {
        let mut site = config::client_site(self.builder.replication);
        site.extend(config::server_site());
        site.extend(own);
        site.extend(self.builder.site.iter().cloned());
        let conf = self.root.join(name);
        self.write_conf(&conf, site)?;
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
        let inside = self.builder.host.as_ref().map(|(host, _)| {
            let words = ["ip", "netns", "exec", host];
            words.map(OsString::from)
        });
        Process::start(Launch {
            label: format!("{name}/{role}"),
            command: inside.into_iter().flatten().chain(command).collect(),
            env: Vec::new(),
            directory: self.root.to_owned(),
            log: self.run.log_dir().join(format!("{name}-{role}.log")),
            keep: self.run.is_kept(),
        })
    }

    fn write_conf(&self, folder: &Path, mut site: Vec<(String, String)>) -> Result<()> {
        let core = config::core_site(&self.layout.uri);
        site.extend(self.layout.names.iter().cloned());
        std::fs::create_dir_all(folder)
            .and_then(|()| std::fs::write(folder.join("core-site.xml"), core))
            .and_then(|()| std::fs::write(folder.join("hdfs-site.xml"), config::xml(&site)))
            .with_context(|| format!("cannot write {}", folder.display()))
    }
}

/// Copies a folder with all in it.
fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    let what = || format!("cannot copy {} to {}", from.display(), to.display());
    std::fs::create_dir_all(to).with_context(what)?;
    for entry in std::fs::read_dir(from).with_context(what)? {
        let entry = entry.with_context(what)?;
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_tree(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target).with_context(what)?;
        }
    }
    Ok(())
}
