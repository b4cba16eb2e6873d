//! What every command is called with: how to reach clusters, by address or by name. Flags go before
//! the configuration.

use std::path::PathBuf;

use audit::{ClusterOptions, Place};

use crate::Exit;
use crate::config::{Cluster, Config, is_name};
use crate::error::{exit_of, explain};
use crate::output;

/// What every command is called with.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    /// Whether one JSON document is printed instead of tables.
    pub(crate) json: bool,
    /// What the flags say of a cluster.
    pub(crate) flags: ClusterOptions,
    /// The clusters by name.
    pub(crate) config: Config,
}

/// A cluster that was given by its address or its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Given {
    /// Its name, if it was given by that.
    pub(crate) name: Option<String>,
    /// Its address.
    pub(crate) uri: String,
    /// How to reach it.
    pub(crate) options: ClusterOptions,
    /// The address of its Flink, if the configuration has one.
    pub(crate) flink: Option<String>,
}

impl Context {
    /// The cluster that a text means.
    ///
    /// # Errors
    /// When it is a name, and no cluster is called so: said already.
    pub(crate) fn cluster(&self, text: &str) -> Result<Given, Exit> {
        if !is_name(text) {
            return Ok(Given {
                name: None,
                uri: text.to_owned(),
                options: self.flags.clone(),
                flink: None,
            });
        }
        let Some(cluster) = self.config.clusters.get(text) else {
            let known = self.config.known();
            output::complain(&format!(
                "'{text}' is no address, and the configuration has no cluster of this name: \
                 {known}. Give an address like hdfs://nn2:8020/flink/checkpoints, or a \
                 configuration with --config."
            ));
            return Err(Exit::Usage);
        };
        Ok(self.named(text, cluster))
    }

    fn named(&self, name: &str, cluster: &Cluster) -> Given {
        Given {
            name: Some(name.to_owned()),
            uri: cluster.root.clone(),
            options: self.options(cluster.hadoop_conf_dir.as_ref(), cluster.user.as_ref()),
            flink: cluster.flink.clone(),
        }
    }

    /// How to reach a cluster of which the configuration or a plan says this; flags go before it.
    pub(crate) fn options(
        &self,
        hadoop_conf_dir: Option<&PathBuf>,
        user: Option<&String>,
    ) -> ClusterOptions {
        let flags = self.flags.clone();
        ClusterOptions {
            hadoop_conf_dir: flags.hadoop_conf_dir.or_else(|| hadoop_conf_dir.cloned()),
            user: flags.user.or_else(|| user.cloned()),
            call_timeout: flags.call_timeout,
        }
    }

    /// The secondary that is meant: the flag's, or the configuration's.
    ///
    /// # Errors
    /// When there is neither: said already.
    pub(crate) fn secondary<'a>(&'a self, flag: Option<&'a String>) -> Result<&'a String, Exit> {
        flag.or(self.config.secondary.as_ref()).ok_or_else(|| {
            output::complain(
                "Which secondary? Give --secondary <URI>, or a configuration with one.",
            );
            Exit::Usage
        })
    }

    /// The further pairs of places that are meant: the flags', or the configuration's.
    pub(crate) fn path_mapping<'a>(&'a self, flags: &'a [String]) -> &'a [String] {
        if flags.is_empty() {
            &self.config.path_mapping
        } else {
            flags
        }
    }

    /// The further names of the primary that are meant: the flags', or the configuration's.
    pub(crate) fn primary_aliases<'a>(&'a self, flags: &'a [String]) -> &'a [String] {
        if flags.is_empty() {
            &self.config.primary_aliases
        } else {
            flags
        }
    }

    /// Opens the cluster that a text means. `task` is what is to be done there.
    ///
    /// # Errors
    /// When it cannot be one: said already.
    pub(crate) fn open(&self, task: &str, text: &str) -> Result<Place, Exit> {
        self.cluster(text)?.open(task)
    }
}

impl Given {
    /// Opens it. `task` is what is to be done there.
    ///
    /// # Errors
    /// When the address or its configuration cannot be right: said already.
    pub(crate) fn open(&self, task: &str) -> Result<Place, Exit> {
        audit::open(&self.uri, &self.options).map_err(|error| {
            output::complain(&explain(task, &error));
            exit_of(&error)
        })
    }
}
