//! The XML that makes an HDFS of the few processes of a test. Pure text.

use std::fmt::Write;

use crate::ports::Port;

/// The ports of one NameNode, kept over restarts.
#[derive(Debug)]
pub(super) struct NameNodePorts {
    pub(super) rpc: Port,
    pub(super) http: Port,
}

/// The ports of one DataNode, kept over restarts.
#[derive(Debug)]
pub(super) struct DataNodePorts {
    pub(super) data: Port,
    pub(super) http: Port,
    pub(super) ipc: Port,
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
    [
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
        ("dfs.permissions.enabled", "true"),
        ("ipc.client.connect.retry.interval", "200"),
        ("dfs.datanode.handler.count", "4"),
        ("dfs.namenode.handler.count", "8"),
        ("dfs.namenode.service.handler.count", "4"),
    ]
    .iter()
    .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
    .collect()
}

/// `-D` arguments would not reach the servers, so each has a file of its own.
pub(super) fn name_node_site(directory: &str, ports: &NameNodePorts) -> Vec<(String, String)> {
    vec![
        ("dfs.namenode.name.dir".to_owned(), directory.to_owned()),
        ("dfs.namenode.http-address".to_owned(), ports.http.address()),
    ]
}

/// As [`name_node_site`], for one DataNode.
pub(super) fn data_node_site(directory: &str, ports: &DataNodePorts) -> Vec<(String, String)> {
    vec![
        ("dfs.datanode.data.dir".to_owned(), directory.to_owned()),
        ("dfs.datanode.address".to_owned(), ports.data.address()),
        ("dfs.datanode.http.address".to_owned(), ports.http.address()),
        ("dfs.datanode.ipc.address".to_owned(), ports.ipc.address()),
    ]
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
