//! From an address to a store.
//!
//! Keeps one client per cluster and user in the process. Refuses addresses that it would have to
//! guess.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use crate::hdfs::HdfsStore;
use crate::hdfs::client::Spec;
use crate::hdfs::cluster::Cluster;
use crate::hdfs::site::{Site, directory};
use crate::path::check;
use crate::{ErrorKind, LocalStore, Result, Store, StoreError};

/// The port of a `NameNode` where the address has none (Hadoop's default).
const NAME_NODE_PORT: u16 = 8020;

/// How to reach a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterOptions {
    /// Where `core-site.xml` and `hdfs-site.xml` are. Without it, what the environment's
    /// `HADOOP_CONF_DIR` or `HADOOP_HOME` name, as Hadoop's own clients do; without these, nothing.
    pub hadoop_conf_dir: Option<PathBuf>,
    /// The user on a cluster without Kerberos; by default `HADOOP_USER_NAME`, then the process's
    /// own.
    pub user: Option<String>,
    /// No call lasts longer: 10 s by default. What is read or written in one call must get through
    /// the link within it, and `close` sends up to 13 MB that hdfs-native still holds.
    pub call_timeout: Duration,
}

impl Default for ClusterOptions {
    fn default() -> Self {
        Self {
            hadoop_conf_dir: None,
            user: None,
            call_timeout: Duration::from_secs(10),
        }
    }
}

/// Opens the cluster that `uri` names and gives it with the path within it.
///
/// Accepted are `hdfs://host:port/path`, `hdfs://host/path` (port 8020), `hdfs://nameservice/path`
/// and `hdfs:///path` (`fs.defaultFS`) with a configuration directory, and `file:///path`. May be
/// called on any thread; the calls of the store must be made within a tokio runtime with its timer
/// enabled. Nothing is asked of the cluster yet, so an absent one is no error here.
///
/// Stores of one cluster, user and configuration directory share one client for as long as one of
/// them lives. hdfs-native's own waits then follow the `call_timeout` of the first.
///
/// # Errors
/// [`ErrorKind::Invalid`] with what is accepted, if the address or the configuration cannot be
/// right.
pub fn open(uri: &str, options: &ClusterOptions) -> Result<(Arc<dyn Store>, String)> {
    let address = Address::parse(uri).map_err(|message| invalid(uri, message))?;
    check("open", &address.path)?;
    if options.call_timeout.is_zero() {
        return Err(invalid(
            uri,
            "the call timeout must be longer than 0".to_owned(),
        ));
    }
    let store: Arc<dyn Store> = if address.scheme == "file" {
        Arc::new(LocalStore::new(options.call_timeout))
    } else {
        let cluster = cluster(uri, &address.authority, options)?;
        Arc::new(HdfsStore {
            cluster,
            call_timeout: options.call_timeout,
        })
    };
    Ok((store, address.path))
}

/// Whether the configuration in `dir` knows `name` as that of several `NameNode`s.
///
/// # Errors
/// What is wrong with the directory.
pub fn is_name_service(dir: &Path, name: &str) -> std::result::Result<bool, String> {
    Ok(Site::load(dir)?.is_name_service(name))
}

fn invalid(uri: &str, message: String) -> StoreError {
    StoreError::new(ErrorKind::Invalid, "open", uri, message)
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    authority: String,
    conf_dir: Option<PathBuf>,
    user: Option<String>,
}

fn cluster(uri: &str, authority: &str, options: &ClusterOptions) -> Result<Arc<Cluster>> {
    static CLUSTERS: Mutex<Option<HashMap<Key, Weak<Cluster>>>> = Mutex::new(None);
    let conf_dir = directory(options.hadoop_conf_dir.as_deref());
    let site = match &conf_dir {
        Some(dir) => Site::load(dir).map_err(|message| invalid(uri, message))?,
        None => Site::default(),
    };
    let permissions = site
        .permissions()
        .map_err(|message| invalid(uri, message))?;
    let authority = resolve(authority, &site).map_err(|message| invalid(uri, message))?;
    let user = options.user.clone();
    let key = Key {
        authority: authority.clone(),
        conf_dir: conf_dir.clone(),
        user: user.clone(),
    };

    let mut clusters = CLUSTERS.lock().unwrap_or_else(PoisonError::into_inner);
    let clusters = clusters.get_or_insert_default();
    if let Some(known) = clusters.get(&key).and_then(Weak::upgrade) {
        return Ok(known);
    }
    let spec = Spec {
        name: format!("hdfs://{authority}"),
        authority,
        conf_dir: conf_dir.map(|dir| dir.to_string_lossy().into_owned()),
        user,
        site,
        call_timeout: options.call_timeout,
    };
    let cluster = Cluster::start(spec, permissions)?;
    clusters.retain(|_, known| known.strong_count() > 0);
    clusters.insert(key, Arc::downgrade(&cluster));
    Ok(cluster)
}

/// The authority that hdfs-native is given: a name service, or a host with its port.
fn resolve(authority: &str, site: &Site) -> std::result::Result<String, String> {
    let mut authority = authority.to_owned();
    if authority.is_empty() {
        let default = site.default_fs().ok_or(
            "hdfs:/// needs fs.defaultFS in the configuration directory, or give hdfs://host:port",
        )?;
        let address = Address::parse(default).map_err(|why| format!("fs.defaultFS: {why}"))?;
        if address.scheme != "hdfs" || address.authority.is_empty() {
            return Err(format!(
                "fs.defaultFS is {default}, not an hdfs://host:port or name service"
            ));
        }
        authority = address.authority;
    }
    if authority.contains(':') || site.is_name_service(&authority) {
        return Ok(authority);
    }
    Ok(format!("{authority}:{NAME_NODE_PORT}"))
}

#[derive(Debug, PartialEq, Eq)]
struct Address {
    scheme: String,
    authority: String,
    path: String,
}

impl Address {
    fn parse(uri: &str) -> std::result::Result<Self, String> {
        let accepted = "give hdfs://host:port/path, hdfs://nameservice/path or file:///path";
        let (scheme, rest) = uri
            .split_once(':')
            .ok_or(format!("no scheme: {accepted}"))?;
        let scheme = scheme.to_ascii_lowercase();
        let (authority, path) = match rest.strip_prefix("//") {
            Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
            None => ("", rest),
        };
        if !matches!(&*scheme, "hdfs" | "file") {
            return Err(format!("the scheme {scheme} is not supported: {accepted}"));
        }
        if scheme == "file" && !authority.is_empty() {
            return Err(format!("a local file has no host: {accepted}"));
        }
        let port = authority.split_once(':').map(|(_, port)| port);
        if authority.contains('@') || port.is_some_and(|port| port.parse::<u16>().is_err()) {
            return Err(format!("{authority} is not host:port: {accepted}"));
        }
        // Flink and people write paths with a slash too many.
        let parts: Vec<_> = path.split('/').filter(|part| !part.is_empty()).collect();
        let path = format!("/{}", parts.join("/"));
        Ok(Self {
            scheme,
            authority: authority.to_owned(),
            path,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(uri: &str) -> (String, String, String) {
        let Address {
            scheme,
            authority,
            path,
        } = Address::parse(uri).unwrap();
        (scheme, authority, path)
    }

    fn parts(scheme: &str, authority: &str, path: &str) -> (String, String, String) {
        (scheme.to_owned(), authority.to_owned(), path.to_owned())
    }

    fn open_fails(uri: &str, options: &ClusterOptions) -> StoreError {
        let Err(error) = open(uri, options) else {
            panic!("{uri} was accepted")
        };
        error
    }

    #[test]
    fn addresses() {
        assert_eq!(
            parse("hdfs://nn:8020/a/b"),
            parts("hdfs", "nn:8020", "/a/b")
        );
        assert_eq!(parse("hdfs://ns/a//b/"), parts("hdfs", "ns", "/a/b"));
        assert_eq!(parse("HDFS:///a"), parts("hdfs", "", "/a"));
        assert_eq!(parse("hdfs://nn:1"), parts("hdfs", "nn:1", "/"));
        assert_eq!(parse("file:///a"), parts("file", "", "/a"));
        assert_eq!(parse("file:/a"), parts("file", "", "/a"));
    }

    #[test]
    fn wrong_addresses_are_told_what_is_accepted() {
        let options = ClusterOptions::default();
        for uri in [
            "/a",
            "s3://bucket/a",
            "file://host/a",
            "hdfs://nn:port/a",
            "hdfs://me@nn:1/a",
            "hdfs://nn:1/a/../b",
        ] {
            let error = open_fails(uri, &options);
            assert_eq!(error.kind, ErrorKind::Invalid, "{uri}");
            assert!(error.message.contains("give "), "{error}");
        }
    }

    #[test]
    fn the_default_file_system_comes_from_the_directory() {
        let dir = tempfile::tempdir().unwrap();
        let options = ClusterOptions {
            hadoop_conf_dir: Some(dir.path().to_owned()),
            ..ClusterOptions::default()
        };
        let error = open_fails("hdfs:///a", &options);
        assert!(error.message.contains("core-site.xml"), "{error}");
        let set = |value: &str| {
            let xml = format!(
                "<configuration><property><name>fs.defaultFS</name><value>{value}</value>\
                 </property></configuration>"
            );
            std::fs::write(dir.path().join("core-site.xml"), xml).unwrap();
        };
        set("file:///");
        assert!(
            open_fails("hdfs:///a", &options)
                .message
                .contains("fs.defaultFS")
        );
        set("hdfs://nn");
        let (store, path) = open("hdfs:///a", &options).unwrap();
        assert_eq!((store.name(), &*path), ("hdfs://nn:8020", "/a"));
    }

    #[test]
    fn one_client_per_cluster_and_user() {
        let site = Site::default();
        assert_eq!(resolve("nn", &site).unwrap(), "nn:8020");
        let options = ClusterOptions::default();
        let other = ClusterOptions {
            user: Some("other".to_owned()),
            ..options.clone()
        };
        let first = cluster("x", "registry-test:1", &options).unwrap();
        let second = cluster("x", "registry-test:1", &options).unwrap();
        let third = cluster("x", "registry-test:1", &other).unwrap();
        assert!(Arc::ptr_eq(&first, &second));
        assert!(!Arc::ptr_eq(&first, &third));
    }
}
