//! The configuration file: the clusters by name. TOML to typed values. Refuses keys that it does
//! not know, and names that could be addresses.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use audit::Location;
use serde::Deserialize;
use switch::Tls;

use crate::{Exit, output};

/// A configuration; without a file, an empty one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Config {
    /// The name of the cluster that Flink writes its checkpoints to on a good day.
    pub(crate) primary: Option<String>,
    /// The name of the other one.
    pub(crate) secondary: Option<String>,
    /// Further pairs of places of the two, as `dualwrite.path-mapping` has them.
    #[serde(default)]
    pub(crate) path_mapping: Vec<String>,
    /// Further names of the primary, as `dualwrite.primary.aliases` has them.
    #[serde(default)]
    pub(crate) primary_aliases: Vec<String>,
    #[serde(default)]
    pub(crate) clusters: BTreeMap<String, Cluster>,
    /// For Flinks of which the address begins with `https`.
    #[serde(default)]
    pub(crate) flink_tls: Tls,
}

/// A cluster.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Cluster {
    /// The directory of its checkpoints.
    pub(crate) root: String,
    /// Where its `core-site.xml` and `hdfs-site.xml` are.
    pub(crate) hadoop_conf_dir: Option<PathBuf>,
    /// The user to be there.
    pub(crate) user: Option<String>,
    /// The address of its Flink, like `http://jobmanager:8081`.
    pub(crate) flink: Option<String>,
}

impl Config {
    /// Reads the file.
    ///
    /// # Errors
    /// A paragraph that says what is wrong and what is accepted.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let wrong = |why: String| format!("The configuration {}: {}", path.display(), why.trim());
        let text = std::fs::read_to_string(path)
            .map_err(|error| wrong(format!("{error}. Give another with --config.")))?;
        Self::parse(&text).map_err(wrong)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let config: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        if let Some(name) = config.clusters.keys().find(|name| !is_name(name)) {
            return Err(format!(
                "the cluster {name:?} has a name that could be an address: take letters, digits, \
                 '-' and '_'."
            ));
        }
        for (key, name) in [
            ("primary", &config.primary),
            ("secondary", &config.secondary),
        ] {
            if let Some(name) = name
                .as_ref()
                .filter(|name| !config.clusters.contains_key(*name))
            {
                let known = config.known();
                return Err(format!(
                    "{key} = {name:?}, and no cluster is called so: {known}."
                ));
            }
        }
        Ok(config)
    }

    /// The names that there are, for those who gave another.
    pub(crate) fn known(&self) -> String {
        let names: Vec<_> = self.clusters.keys().map(String::as_str).collect();
        if names.is_empty() {
            "it names no clusters".to_owned()
        } else {
            format!("there are {}", names.join(", "))
        }
    }
}

/// Where a pair of `path-mapping` is on one of the two clusters.
///
/// # Errors
/// When it is no pair, or that is no place: said already.
pub(crate) fn side(pair: &str, is_primary: bool) -> Result<Location, Exit> {
    let wrong = |why: String| {
        output::complain(&format!("path-mapping: {why}."));
        Exit::Usage
    };
    let Some((primary, secondary)) = pair.split_once('=') else {
        let why = format!("'{pair}' is no pair of places (accepted: primary=secondary)");
        return Err(wrong(why));
    };
    let side = if is_primary { primary } else { secondary };
    Location::parse(side.trim()).map_err(|error| wrong(error.to_string()))
}

/// Whether a text is meant as a name and not as an address.
pub(crate) fn is_name(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    !text.is_empty() && text.chars().all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clusters_have_names_and_two_of_them_parts() {
        let config = Config::parse(
            r#"
            primary = "east"
            secondary = "west"
            path-mapping = ["hdfs://nn1/tables=hdfs://nn2/tables"]
            primary-aliases = ["hdfs://east"]

            [clusters.east]
            root = "hdfs://nn1/flink/checkpoints"
            hadoop-conf-dir = "/etc/hadoop/nn1"
            user = "flink"
            flink = "http://jobmanager-east:8081"

            [clusters.west]
            root = "hdfs://nn2/flink/checkpoints"

            [flink-tls]
            ca = "/etc/flink/ca.pem"
            "#,
        )
        .unwrap();
        let west = Cluster {
            root: "hdfs://nn2/flink/checkpoints".to_owned(),
            hadoop_conf_dir: None,
            user: None,
            flink: None,
        };
        assert_eq!(config.clusters["west"], west);
        let east = &config.clusters["east"];
        assert_eq!(east.flink.as_deref(), Some("http://jobmanager-east:8081"));
        assert_eq!(config.primary.as_deref(), Some("east"));
        assert_eq!(config.path_mapping, ["hdfs://nn1/tables=hdfs://nn2/tables"]);
        assert_eq!(config.primary_aliases, ["hdfs://east"]);
        assert_eq!(config.flink_tls.ca, Some("/etc/flink/ca.pem".into()));
        assert_eq!(config.flink_tls.key, None);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, expected) in [
            (
                "[clusters.a]\nroot = \"hdfs://a/b\"\nflnk = \"x\"",
                "unknown field `flnk`",
            ),
            ("[clusters.a]\n", "missing field `root`"),
            (
                "primary = \"east\"",
                "no cluster is called so: it names no clusters",
            ),
            (
                "secondary = \"b\"\n[clusters.a]\nroot = \"hdfs://a/b\"",
                "no cluster is called so: there are a",
            ),
            (
                "[clusters.\"hdfs:x\"]\nroot = \"hdfs://a/b\"",
                "could be an address",
            ),
        ] {
            let error = Config::parse(text).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
