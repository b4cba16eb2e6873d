//! Two real HDFS clusters and a Flink between them, plain or with the product, as tasks start them.
//!
//! Refuses any key of the product that a site would not have to set.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Result;
use harness::{Checkpoints, FlinkBuilder, FlinkCluster, HdfsBuilder, HdfsCluster, Run, dist_jar};

/// What makes Flink use the product.
pub(crate) const FACTORY: &str = "io.dualwrite.flink.DualWriteCheckpointStorageFactory";
/// The checkpoint directory, on either cluster.
pub(crate) const DIRECTORY: &str = "/flink/checkpoints";
/// How many completed checkpoints Flink keeps.
pub(crate) const RETAINED: u32 = 2;

/// A primary and a secondary HDFS, ready.
#[derive(Debug)]
pub(crate) struct Sites {
    pub(crate) primary: HdfsCluster,
    pub(crate) secondary: HdfsCluster,
}

impl Sites {
    /// Starts both and waits for them.
    ///
    /// # Errors
    /// As [`HdfsCluster::start`].
    pub(crate) fn start(run: &Run) -> Result<Self> {
        let secondary = HdfsCluster::builder("secondary");
        Self::of(run, HdfsCluster::builder("primary"), secondary)
    }

    /// The same with clusters of another kind.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub(crate) fn of(run: &Run, primary: HdfsBuilder, secondary: HdfsBuilder) -> Result<Self> {
        let primary = primary.launch(run)?;
        let secondary = secondary.launch(run)?;
        primary.wait_ready()?;
        secondary.wait_ready()?;
        Ok(Self { primary, secondary })
    }

    /// A Flink on the primary, without the product, to be called `name`. On its TaskManager's heap
    /// all is there from the start, so that what it grows by is not the heap.
    ///
    /// # Errors
    /// When `version` is none.
    pub(crate) fn plain(&self, name: &str, version: &str, every: Duration) -> Result<FlinkBuilder> {
        let checkpoints = Checkpoints {
            dir: format!("{}{DIRECTORY}", self.primary.uri()),
            interval: every,
            retained: RETAINED,
        };
        Ok(FlinkCluster::builder(name, version)?
            .slots(2)
            .checkpoints(&checkpoints)
            .hadoop_conf(self.primary.conf_dir())
            .config("web.refresh-interval", "100")
            .config("metrics.fetcher.update-interval", "200")
            .java_option("-Xms512m")
            .java_option("-XX:+AlwaysPreTouch"))
    }

    /// The same with the jar and the keys.
    ///
    /// # Errors
    /// When the jar has not been built.
    pub(crate) fn product(
        &self,
        name: &str,
        version: &str,
        every: Duration,
    ) -> Result<FlinkBuilder> {
        let plain = self.plain(name, version, every)?;
        let secondary = checkpoints(&self.secondary);
        Ok(plain
            .lib(&dist_jar()?)
            .config("execution.checkpointing.storage", FACTORY)
            .config("dualwrite.secondary.dir", &secondary))
    }
}

/// The checkpoint directory of a cluster, with its address.
pub(crate) fn checkpoints(hdfs: &HdfsCluster) -> String {
    format!("{}{DIRECTORY}", hdfs.uri())
}

/// Milliseconds since the epoch.
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}
