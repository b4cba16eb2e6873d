//! What the tests of the product share: two clusters, a Flink with the jar and its keys, the judge
//! on the secondary, and what is read from Flink and from logs. Refuses to take the product's word
//! for what is on the secondary: only the judge says that.
#![allow(
    dead_code,
    unused_imports,
    clippy::allow_attributes,
    reason = "each test file uses a part of it"
)]

mod fault;
mod judge;
mod said;
mod scraped;
pub mod shared;
mod stage;
mod watched;

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::{
    Checkpoints, FlinkBuilder, FlinkCluster, HdfsBuilder, HdfsCluster, Host, Proxy, Run, dist_cli,
    dist_jar,
};

pub use fault::{Fault, Shows};
pub use judge::Judge;
pub use said::{is_of_slow_link, said, warned};
pub use scraped::{Scraped, page, ports_said, reporter_port};
pub use stage::{Stage, on_stage};
pub use watched::{Watched, now_ms, restored_from};

/// Nothing in these tests takes longer.
pub const LIMIT: Duration = Duration::from_mins(2);
/// Between two checkpoints.
pub const INTERVAL: Duration = Duration::from_secs(1);
/// The key that makes Flink use the product; without the jar it must go too.
pub const STORAGE_KEY: &str = "execution.checkpointing.storage";
/// Its value.
pub const STORAGE: &str = "io.dualwrite.flink.DualWriteCheckpointStorageFactory";
/// The key that gives jobs their names, and Flink's own metrics the product's numbers.
pub const REPORTER_KEY: &str = "metrics.reporter.dualwrite.factory.class";
/// Its value.
pub const REPORTER: &str = "io.dualwrite.flink.DualWriteMetricReporterFactory";
/// Where checkpoints are copied to.
pub const SECONDARY_KEY: &str = "dualwrite.secondary.dir";
/// Below the root of each cluster.
pub const DIRECTORY: &str = "/flink/checkpoints";

/// A primary and a secondary HDFS.
pub struct Sites {
    pub run: Run,
    pub primary: HdfsCluster,
    pub secondary: HdfsCluster,
    /// By which URI the product and the judge know the secondary.
    pub secondary_uri: String,
    proxy: Option<Proxy>,
    host: Option<Host>,
}

impl Sites {
    /// Files on the secondary that nobody has given a name yet.
    pub fn in_flight(&self) -> Result<BTreeSet<String>> {
        let dir = format!("{DIRECTORY}/.dualwrite/inflight");
        let listed = self.secondary.web().list(&dir)?.unwrap_or_default();
        Ok(listed.into_iter().map(|file| file.name).collect())
    }

    /// Both are started; nobody waits for them yet.
    pub fn launch(test: &str) -> Result<Self> {
        Self::launch_with(test, HdfsCluster::builder("secondary"))
    }

    /// The same with a secondary of another kind.
    pub fn launch_with(test: &str, secondary: HdfsBuilder) -> Result<Self> {
        let run = Run::new(test)?;
        let primary = HdfsCluster::builder("primary").launch(&run)?;
        let secondary = secondary.launch(&run)?;
        Ok(Self {
            run,
            primary,
            secondary_uri: secondary.uri().to_owned(),
            secondary,
            proxy: None,
            host: None,
        })
    }

    /// Both, the secondary on a host of its own.
    pub fn launch_apart(test: &str) -> Result<Self> {
        let host = Host::start()?;
        let secondary = HdfsCluster::builder("secondary").host(&host);
        Ok(Self {
            host: Some(host),
            ..Self::launch_with(test, secondary)?
        })
    }

    /// Both, the secondary's NameNode behind a proxy.
    pub fn launch_proxied(test: &str) -> Result<Self> {
        let sites = Self::launch(test)?;
        let proxy = Proxy::start(&sites.secondary.name_node_address())?;
        Ok(Self {
            secondary_uri: format!("hdfs://{}", proxy.address()),
            proxy: Some(proxy),
            ..sites
        })
    }

    /// The secondary's host.
    pub fn host(&self) -> Result<&Host> {
        self.host.as_ref().context("it shares ours")
    }

    /// What is between everybody and the secondary's NameNode.
    pub fn proxy(&self) -> Result<&Proxy> {
        self.proxy.as_ref().context("there is none")
    }

    /// Waits until both take writes.
    pub fn wait_ready(&self) -> Result<()> {
        self.primary.wait_ready()?;
        self.secondary.wait_ready()
    }

    /// Where the primary's checkpoints go.
    pub fn primary_dir(&self) -> String {
        format!("{}{DIRECTORY}", self.primary.uri())
    }

    /// Where the secondary's checkpoints go.
    pub fn secondary_dir(&self) -> String {
        format!("{}{DIRECTORY}", self.secondary_uri)
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

/// Runs the operator's command, which must succeed, and gives back what it printed.
pub fn dualwrite(arguments: &[&str]) -> Result<String> {
    let output = Command::new(dist_cli()?).args(arguments).output()?;
    let out = String::from_utf8_lossy(&output.stdout);
    let err = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "dualwrite {arguments:?}: {out}{err}"
    );
    Ok(out.into_owned())
}
