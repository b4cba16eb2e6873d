//! The XML that makes an HDFS of the few processes of a test. Pure text.

use std::fmt::Write;
use std::net::Ipv4Addr;
use std::path::Path;

use anyhow::Result;

use crate::ports::Port;

/// The ports of one NameNode, kept over restarts.
#[derive(Debug)]
pub(super) struct NameNodePorts {
    ip: Ipv4Addr,
    rpc: Port,
    http: Port,
}

impl NameNodePorts {
    pub(super) fn take(ip: Ipv4Addr) -> Result<Self> {
        Ok(Self {
            ip,
            rpc: Port::take()?,
            http: Port::take()?,
        })
    }

    /// Where clients and DataNodes call.
    pub(super) fn rpc(&self) -> String {
        self.rpc.address_at(self.ip)
    }

    /// Where WebHDFS and JMX are.
    pub(super) fn http(&self) -> String {
        self.http.address_at(self.ip)
    }
}

/// The ports of one DataNode, kept over restarts.
#[derive(Debug)]
pub(super) struct DataNodePorts {
    ip: Ipv4Addr,
    data: Port,
    http: Port,
    ipc: Port,
}

impl DataNodePorts {
    pub(super) fn take(ip: Ipv4Addr) -> Result<Self> {
        Ok(Self {
            ip,
            data: Port::take()?,
            http: Port::take()?,
            ipc: Port::take()?,
        })
    }

    /// Where JMX is.
    pub(super) fn http(&self) -> String {
        self.http.address_at(self.ip)
    }
}

/// By which names a cluster's NameNodes are known, and to whom.
#[derive(Debug)]
pub(super) struct Layout {
    /// `hdfs://host:port`, or `hdfs://name` of a pair.
    pub(super) uri: String,
    /// What everybody needs to know of a pair; nothing of a single one.
    pub(super) names: Vec<(String, String)>,
    /// What the servers of a pair need besides.
    shared: Vec<(String, String)>,
}

impl Layout {
    /// Of one or two NameNodes of the cluster `name` with its folders in `root`.
    pub(super) fn new(name: &str, root: &Path, ports: &[NameNodePorts]) -> Self {
        let [first, second] = ports else {
            return Self {
                uri: format!("hdfs://{}", ports[0].rpc()),
                names: Vec::new(),
                shared: Vec::new(),
            };
        };
        let edits = format!("file://{}", root.join("edits").display());
        Self {
            uri: format!("hdfs://{name}"),
            names: entries(&[
                ("dfs.nameservices", name),
                (&format!("dfs.ha.namenodes.{name}"), "nn0,nn1"),
                (
                    &format!("dfs.namenode.rpc-address.{name}.nn0"),
                    &first.rpc(),
                ),
                (
                    &format!("dfs.namenode.rpc-address.{name}.nn1"),
                    &second.rpc(),
                ),
                (
                    &format!("dfs.client.failover.proxy.provider.{name}"),
                    "org.apache.hadoop.hdfs.server.namenode.ha.ConfiguredFailoverProxyProvider",
                ),
            ]),
            shared: entries(&[
                ("dfs.namenode.shared.edits.dir", &edits),
                ("dfs.ha.fencing.methods", "shell(/bin/true)"),
                // The other one is never far behind.
                ("dfs.ha.tail-edits.period", "1s"),
                ("dfs.ha.log-roll.period", "5s"),
                (
                    &format!("dfs.namenode.http-address.{name}.nn0"),
                    &first.http(),
                ),
                (
                    &format!("dfs.namenode.http-address.{name}.nn1"),
                    &second.http(),
                ),
            ]),
        }
    }

    /// `-D` arguments would not reach the servers, so each has a file of its own.
    pub(super) fn name_node_site(
        &self,
        index: usize,
        directory: &Path,
        ports: &NameNodePorts,
    ) -> Vec<(String, String)> {
        let mut site = entries(&[("dfs.namenode.name.dir", &directory.to_string_lossy())]);
        if self.shared.is_empty() {
            site.extend(entries(&[("dfs.namenode.http-address", &ports.http())]));
        } else {
            site.extend(entries(&[("dfs.ha.namenode.id", &format!("nn{index}"))]));
            site.extend(self.shared.iter().cloned());
        }
        site
    }
}

/// `core-site.xml`, for clients and servers alike.
pub(super) fn core_site(uri: &str) -> String {
    xml(&[("fs.defaultFS".to_owned(), uri.to_owned())])
}

/// What a client of the cluster needs to know besides its address.
pub(super) fn client_site(replication: usize) -> Vec<(String, String)> {
    vec![("dfs.replication".to_owned(), replication.to_string())]
}

/// What the servers need, short of directories and ports: quick to leave safe mode, quick to
/// notice each other, no forced writes to disk (a killed process loses nothing by that).
pub(super) fn server_site() -> Vec<(String, String)> {
    entries(&[
        ("dfs.namenode.safemode.extension", "0"),
        ("dfs.namenode.fs-limits.min-block-size", "0"),
        ("dfs.namenode.edits.noeditlogchannelflush", "true"),
        (
            "dfs.namenode.datanode.registration.ip-hostname-check",
            "false",
        ),
        // A DataNode counts as dead after 2 * recheck + 10 * interval = 20 s.
        ("dfs.heartbeat.interval", "1"),
        ("dfs.namenode.heartbeat.recheck-interval", "5000"),
        ("dfs.namenode.redundancy.interval.seconds", "1s"),
        ("dfs.blockreport.incremental.intervalMsec", "0"),
        // The last gigabyte of a disk counts too.
        (
            "dfs.datanode.round-robin-volume-choosing-policy.additional-available-space",
            "0",
        ),
        ("dfs.permissions.enabled", "true"),
        ("ipc.client.connect.retry.interval", "200"),
        ("dfs.datanode.handler.count", "4"),
        ("dfs.namenode.handler.count", "8"),
        ("dfs.namenode.service.handler.count", "4"),
    ])
}

/// As [`Layout::name_node_site`], for one DataNode.
pub(super) fn data_node_site(directory: &Path, ports: &DataNodePorts) -> Vec<(String, String)> {
    entries(&[
        ("dfs.datanode.data.dir", &directory.to_string_lossy()),
        ("dfs.datanode.address", &ports.data.address_at(ports.ip)),
        ("dfs.datanode.http.address", &ports.http()),
        ("dfs.datanode.ipc.address", &ports.ipc.address_at(ports.ip)),
        // Where WebHDFS sends its clients to.
        ("dfs.datanode.hostname", &ports.ip.to_string()),
    ])
}

fn entries(entries: &[(&str, &str)]) -> Vec<(String, String)> {
    let entries = entries.iter();
    entries
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

/// Hadoop's configuration file; of two entries with one name the later counts.
pub(super) fn xml(entries: &[(String, String)]) -> String {
    let mut text = String::from("<?xml version=\"1.0\"?>\n<configuration>\n");
    for (name, value) in entries {
        let value = value.replace('&', "&amp;").replace('<', "&lt;");
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "  <property><name>{name}</name><value>{value}</value></property>"
        );
    }
    text.push_str("</configuration>\n");
    text
}
