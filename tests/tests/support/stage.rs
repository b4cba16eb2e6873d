//! A stage for faults: two clusters, a Flink with the product, a job that is checkpointed all the
//! time, and the judge.
//!
//! Refuses to bring a fault about.

use std::time::Duration;

use anyhow::Result;
use harness::{ExactlyOnce, FlinkBuilder, FlinkCluster, Run, ZooKeeper};

use super::shared::{self, Shared};
use super::{Judge, Sites, Watched};

/// `dualwrite.call.timeout`: how soon silence is noticed.
pub const CALL_LIMIT: Duration = Duration::from_secs(4);

static FREE: Shared<Stage> = Shared::new();

/// What a test of a fault has at hand.
pub struct Stage {
    pub flink: FlinkCluster,
    pub judge: Judge,
    pub watched: Watched,
    pub sites: Sites,
    /// Of Flink's high availability, where it has one.
    zookeeper: Option<ZooKeeper>,
}

impl Stage {
    /// Starts the rest: the clusters of `sites` are started already.
    pub fn set(sites: Sites, version: &str, flink: FlinkBuilder) -> Result<Self> {
        let flink = flink
            .config(
                "dualwrite.call.timeout",
                &format!("{} s", CALL_LIMIT.as_secs()),
            )
            // Files of retired checkpoints go while a test looks on.
            .config("dualwrite.retention.grace", "5 s")
            .launch(&sites.run)?;
        sites.wait_ready()?;
        flink.wait_ready()?;
        let judge = sites.judge(version)?;
        let watched = Watched::submit(flink.rest(), &Self::job(&sites, "stage")?)?;
        let mut stage = Self {
            flink,
            judge,
            watched,
            sites,
            zookeeper: None,
        };
        stage.judge.until_published(&stage.watched.id, 0)?;
        // Flink tells of a checkpoint a moment later.
        stage.watched.complete_more(1)?;
        Ok(stage)
    }

    /// A job of half an hour.
    pub fn job(sites: &Sites, name: &str) -> Result<ExactlyOnce> {
        Ok(ExactlyOnce {
            records: 900_000,
            burst: 10_000,
            rate: 500,
            ..ExactlyOnce::new(name, &sites.run.data_dir(name)?)
        })
    }

    /// Keeps the ZooKeeper by which its Flink is highly available.
    pub fn with(self, zookeeper: ZooKeeper) -> Self {
        Self {
            zookeeper: Some(zookeeper),
            ..self
        }
    }
}

impl shared::Stage for Stage {
    fn run(&self) -> &Run {
        &self.sites.run
    }

    /// The job outlives everything but its end.
    fn is_fit(&self) -> bool {
        let state = self.flink.rest().job_state(&self.watched.id);
        state.is_ok_and(|state| state == "RUNNING")
    }
}

/// Runs a test on the stage that the one before it left, or on one that `set` sets.
pub fn on_stage(
    set: fn() -> Result<Stage>,
    test: impl FnOnce(&mut Stage) -> Result<()>,
) -> Result<()> {
    FREE.with(set, test)
}
