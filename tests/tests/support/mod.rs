//! What the tests of the product share: two clusters, a Flink with the jar and its keys, the judge
//! on the secondary, and what is read from Flink and from logs. Refuses to take the product's word
//! for what is on the secondary: only the judge says that.
#![allow(
    dead_code,
    unused_imports,
    clippy::allow_attributes,
    reason = "each test file uses a part of it"
)]

mod judge;
mod said;
mod watched;

use std::time::Duration;

use anyhow::Result;
use harness::{Checkpoints, FlinkBuilder, FlinkCluster, HdfsCluster, Run, dist_jar};

pub use judge::Judge;
pub use said::said;
pub use watched::{Watched, now_ms};

/// Nothing in these tests takes longer.
pub const LIMIT: Duration = Duration::from_mins(2);
/// Between two checkpoints.
pub const INTERVAL: Duration = Duration::from_secs(1);
/// The key that makes Flink use the product; without the jar it must go too.
pub const STORAGE_KEY: &str = "execution.checkpointing.storage";
/// Its value.
pub const STORAGE: &str = "io.dualwrite.flink.DualWriteCheckpointStorageFactory";
/// Where checkpoints are copied to.
pub const SECONDARY_KEY: &str = "dualwrite.secondary.dir";
/// Below the root of each cluster.
const DIRECTORY: &str = "/flink/checkpoints";

/// A primary and a secondary HDFS.
pub struct Sites {
    pub run: Run,
    pub primary: HdfsCluster,
    pub secondary: HdfsCluster,
}

impl Sites {
    /// Both are started; nobody waits for them yet.
    pub fn launch(test: &str) -> Result<Self> {
        let run = Run::new(test)?;
        let primary = HdfsCluster::builder("primary").launch(&run)?;
        let secondary = HdfsCluster::builder("secondary").launch(&run)?;
        Ok(Self {
            run,
            primary,
            secondary,
        })
    }

    /// Where the primary's checkpoints go.
    pub fn primary_dir(&self) -> String {
        format!("{}{DIRECTORY}", self.primary.uri())
    }

    /// Where the secondary's checkpoints go.
    pub fn secondary_dir(&self) -> String {
        format!("{}{DIRECTORY}", self.secondary.uri())
    }

    /// Flink on the primary, without the product.
    pub fn plain_flink(&self, version: &str) -> Result<FlinkBuilder> {
        plain_flink("flink", version, &self.primary, &self.primary_dir())
    }

    /// Flink on the primary with the jar and its keys.
    pub fn flink(&self, version: &str) -> Result<FlinkBuilder> {
        let plain = self.plain_flink(version)?;
        Ok(plain
            .lib(&dist_jar()?)
            .config(STORAGE_KEY, STORAGE)
            .config(SECONDARY_KEY, &self.secondary_dir()))
    }

    /// Flink on the secondary, as after the loss of the primary, without the product.
    pub fn flink_elsewhere(&self, version: &str) -> Result<FlinkBuilder> {
        let dir = format!("{}/flink/elsewhere", self.secondary.uri());
        plain_flink("elsewhere", version, &self.secondary, &dir)
    }

    /// The judge on the secondary.
    pub fn judge(&self, version: &str) -> Result<Judge> {
        Judge::start(&self.run, version, &self.secondary, &self.secondary_dir())
    }
}

/// Flink with its checkpoints in `dir` of `cluster`.
pub fn plain_flink(
    name: &str,
    version: &str,
    cluster: &HdfsCluster,
    dir: &str,
) -> Result<FlinkBuilder> {
    let checkpoints = Checkpoints {
        dir: dir.to_owned(),
        interval: INTERVAL,
        retained: 2,
    };
    Ok(FlinkCluster::builder(name, version)?
        .checkpoints(&checkpoints)
        .hadoop_conf(cluster.conf_dir())
        // The oldest files are the largest and stay for long, as those of a large state do.
        .config("state.backend.rocksdb.compaction.style", "UNIVERSAL")
        // How old Flink's answers on checkpoints may be.
        .config("web.refresh-interval", "100"))
}

/// Drops the jar into the `lib/` of a Flink and sets its keys, for processes that start later.
pub fn switch_on(flink: &mut FlinkCluster, sites: &Sites) -> Result<()> {
    std::fs::copy(dist_jar()?, flink.lib_dir().join(harness::DIST_JAR_NAME))?;
    flink.configure(STORAGE_KEY, Some(STORAGE))?;
    flink.configure(SECONDARY_KEY, Some(&sites.secondary_dir()))
}

/// Takes the jar and the key that needs it away, as an operator does.
pub fn switch_off(flink: &mut FlinkCluster) -> Result<()> {
    std::fs::remove_file(flink.lib_dir().join(harness::DIST_JAR_NAME))?;
    flink.configure(STORAGE_KEY, None)
}

/// The names of the files that a job shares between its checkpoints, on one of the clusters.
pub fn shared_files(cluster: &HdfsCluster, job: &str) -> Result<Vec<String>> {
    let listed = cluster.web().list(&format!("{DIRECTORY}/{job}/shared"))?;
    let files = listed.unwrap_or_default();
    Ok(files.into_iter().map(|file| file.name).collect())
}
