//! What we need to know of a Hadoop configuration directory, and what we tell hdfs-native beyond
//! it.
//!
//! Refuses to be Hadoop's `Configuration`: no `${variables}`, no `final`, no defaults but those
//! named here. hdfs-native reads the same two files by itself.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A configuration directory that was read, or none.
#[derive(Debug, Clone, Default)]
pub(crate) struct Site {
    values: HashMap<String, String>,
}

/// The directory in force: the one given, else the environment's as Hadoop looks for it.
pub(crate) fn directory(given: Option<&Path>) -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    given
        .map(Path::to_owned)
        .or_else(|| variable("HADOOP_CONF_DIR").map(PathBuf::from))
        .or_else(|| variable("HADOOP_HOME").map(|home| PathBuf::from(home).join("etc/hadoop")))
}

impl Site {
    /// Reads `core-site.xml` and `hdfs-site.xml`; at least one of them must be there.
    pub(crate) fn load(dir: &Path) -> Result<Self, String> {
        let mut site = Self::default();
        let mut found = false;
        for name in ["core-site.xml", "hdfs-site.xml"] {
            let file = dir.join(name);
            if file.exists() {
                let text = std::fs::read_to_string(&file)
                    .map_err(|error| format!("cannot read {}: {error}", file.display()))?;
                site.add(&text)
                    .map_err(|error| format!("{}: {error}", file.display()))?;
                found = true;
            }
        }
        if found {
            return Ok(site);
        }
        Err(format!(
            "give a directory with core-site.xml or hdfs-site.xml, not {}",
            dir.display()
        ))
    }

    fn add(&mut self, xml: &str) -> Result<(), roxmltree::Error> {
        let options = roxmltree::ParsingOptions {
            allow_dtd: true,
            ..Default::default()
        };
        let document = roxmltree::Document::parse_with_options(xml, options)?;
        let properties = document.root_element().children();
        for property in properties.filter(|node| node.has_tag_name("property")) {
            let text = |tag| {
                let child = property.children().find(|node| node.has_tag_name(tag))?;
                child.text().map(|text| text.trim().to_owned())
            };
            if let (Some(name), Some(value)) = (text("name"), text("value")) {
                self.values.insert(name, value);
            }
        }
        Ok(())
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.values
            .get(key)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// `fs.defaultFS`.
    pub(crate) fn default_fs(&self) -> Option<&str> {
        self.get("fs.defaultFS")
    }

    /// Whether `authority` is the logical name of several `NameNode`s.
    pub(crate) fn is_name_service(&self, authority: &str) -> bool {
        self.get(&format!("dfs.ha.namenodes.{authority}")).is_some()
    }

    /// The permissions of new files and directories, as Java's client sets them: 0666 and 0777
    /// without the bits of `fs.permissions.umask-mode` (`FsPermission.getUMask` of Hadoop 3.4.1,
    /// default 022).
    pub(crate) fn permissions(&self) -> Result<(u32, u32), String> {
        let text = self.get("fs.permissions.umask-mode").unwrap_or("022");
        let umask = u32::from_str_radix(text, 8)
            .ok()
            .filter(|umask| *umask <= 0o777);
        let umask = umask.ok_or_else(|| {
            format!("fs.permissions.umask-mode is `{text}`: give three octal digits, e.g. 022")
        })?;
        Ok((0o666 & !umask, 0o777 & !umask))
    }

    /// What hdfs-native is told beyond the files. Its own retries are shortened so that an answer
    /// comes within `limit`: 3 more attempts, with sleeps that add up to less than half of it. A
    /// `DataNode` that falls silent is given up after half of it, so that a read can turn to
    /// another one. The `NameNode`s are tried from the `first` one on.
    pub(crate) fn overrides(
        &self,
        authority: &str,
        first: u64,
        limit: Duration,
    ) -> Vec<(String, String)> {
        let limit_ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
        let socket_timeout_ms = (limit_ms / 2).max(1);
        let sleep_max_ms = (limit_ms / 8).clamp(1, 500);
        let mut overrides = vec![
            (
                "dfs.client.failover.max.attempts".to_owned(),
                "3".to_owned(),
            ),
            (
                "dfs.client.failover.sleep.base.millis".to_owned(),
                (sleep_max_ms / 4).to_string(),
            ),
            (
                "dfs.client.failover.sleep.max.millis".to_owned(),
                sleep_max_ms.to_string(),
            ),
            (
                "dfs.client.socket-timeout".to_owned(),
                socket_timeout_ms.to_string(),
            ),
        ];
        let key = format!("dfs.ha.namenodes.{authority}");
        if let Some(nodes) = self.get(&key) {
            let mut nodes: Vec<_> = nodes.split(',').map(str::trim).collect();
            let turns = usize::try_from(first % nodes.len() as u64).unwrap_or_default();
            nodes.rotate_left(turns);
            // hdfs-native does not trim what it reads.
            for node in &nodes {
                let key = format!("dfs.namenode.rpc-address.{authority}.{node}");
                let address = self.get(&key).map(str::to_owned);
                overrides.extend(address.map(|address| (key, address)));
            }
            overrides.push((key, nodes.join(",")));
        }
        overrides
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(properties: &[(&str, &str)]) -> Site {
        let properties = properties.iter().map(|(name, value)| {
            format!("<property><name>{name}</name><value>{value}</value></property>")
        });
        let properties: String = properties.collect();
        let xml = format!("<?xml version=\"1.0\"?>\n<configuration>{properties}</configuration>");
        let mut site = Site::default();
        site.add(&xml).unwrap();
        site
    }

    #[test]
    fn name_nodes_take_turns_in_coming_first() {
        let site = site(&[
            ("dfs.ha.namenodes.ns", " a, b "),
            ("dfs.namenode.rpc-address.ns.a", "\nhost-a:8020 "),
            ("dfs.namenode.rpc-address.ns.b", "host-b:8020"),
        ]);
        let get = |first, key: &str| {
            let overrides = site.overrides("ns", first, Duration::from_secs(10));
            overrides
                .into_iter()
                .find(|(name, _)| name == key)
                .map(|(_, value)| value)
        };
        assert!(site.is_name_service("ns") && !site.is_name_service("other"));
        assert_eq!(get(0, "dfs.ha.namenodes.ns").unwrap(), "a,b");
        assert_eq!(get(1, "dfs.ha.namenodes.ns").unwrap(), "b,a");
        assert_eq!(get(2, "dfs.ha.namenodes.ns").unwrap(), "a,b");
        assert_eq!(
            get(0, "dfs.namenode.rpc-address.ns.a").unwrap(),
            "host-a:8020"
        );
    }

    #[test]
    fn permissions_follow_the_umask() {
        assert_eq!(site(&[]).permissions(), Ok((0o644, 0o755)));
        let strict = site(&[("fs.permissions.umask-mode", "077")]);
        assert_eq!(strict.permissions(), Ok((0o600, 0o700)));
        let symbolic = site(&[("fs.permissions.umask-mode", "u=rwx,g=,o=")]);
        assert!(symbolic.permissions().unwrap_err().contains("octal"));
    }

    #[test]
    fn a_directory_without_the_files_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        assert!(
            Site::load(dir.path())
                .unwrap_err()
                .contains("core-site.xml")
        );
        std::fs::write(dir.path().join("core-site.xml"), "<configuration").unwrap();
        assert!(
            Site::load(dir.path())
                .unwrap_err()
                .contains("core-site.xml")
        );
        let xml = "<configuration><property><name>fs.defaultFS</name>\
                   <value>hdfs://nn:1</value></property></configuration>";
        std::fs::write(dir.path().join("core-site.xml"), xml).unwrap();
        assert_eq!(
            Site::load(dir.path()).unwrap().default_fs(),
            Some("hdfs://nn:1")
        );
    }
}
