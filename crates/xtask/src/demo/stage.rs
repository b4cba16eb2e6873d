//! The clusters and the job of the demo: how they are started, killed, kept.
//!
//! Refuses any configuration beyond what a site would write.

use std::time::Duration;

use anyhow::Result;
use harness::{Checker, Checkpoints, ExactlyOnce, FlinkCluster, HdfsCluster, Run, dist_jar};

use crate::screen::Screen;
use crate::sites::{FACTORY, RETAINED, checkpoints, now_ms};

const INTERVAL: Duration = Duration::from_secs(2);
/// At [`RATE`] a minute and a half, more than the job runs before the kill.
const RECORDS: u64 = 180_000;
/// Records a second before the kill.
const RATE: u64 = 2_000;
/// Records a second after it, so that the rest is soon done.
const LATER_RATE: u64 = 8_000;
/// With their payloads, about 16 MB of state.
const KEYS: u64 = 4_000;

/// What runs from the start to the kill, and the secondary beyond it.
pub(super) struct Stage {
    run: Run,
    version: String,
    primary: HdfsCluster,
    secondary: HdfsCluster,
    flink: FlinkCluster,
    checker: Checker,
    job: ExactlyOnce,
}

impl Stage {
    /// Starts both HDFS clusters, and Flink on the primary's side with the jar in `lib/`.
    pub(super) fn start(run: &Run, version: &str, screen: &Screen) -> Result<Self> {
        screen.step("starting two HDFS clusters, primary and secondary");
        let primary = HdfsCluster::builder("primary").launch(run)?;
        let secondary = HdfsCluster::builder("secondary").launch(run)?;
        primary.wait_ready()?;
        secondary.wait_ready()?;
        screen.line(&format!("  primary    {}", primary.uri()));
        screen.line(&format!("  secondary  {}", secondary.uri()));

        screen.step(&format!(
            "starting Flink {version} with flink-dualwrite in lib/"
        ));
        let keys = [
            ("execution.checkpointing.storage", FACTORY.to_owned()),
            ("execution.checkpointing.dir", checkpoints(&primary)),
            ("dualwrite.secondary.dir", checkpoints(&secondary)),
        ];
        let flink = FlinkCluster::builder("flink", version)?
            .slots(2)
            .checkpoints(&habits(&primary))
            .hadoop_conf(primary.conf_dir())
            .lib(&dist_jar()?);
        let flink = keys.iter().fold(flink, |flink, (key, value)| {
            screen.line(&format!("  {key}: {value}"));
            flink.config(key, value)
        });
        let flink = flink.launch(run)?;
        let mut checker = Checker::start(run, version, secondary.conf_dir())?;
        // Its first answer takes seconds, in which what it looks at may be retired.
        checker.check(secondary.uri())?;
        flink.wait_ready()?;
        let job = ExactlyOnce {
            records: RECORDS,
            rate: RATE,
            keys: KEYS,
            ..ExactlyOnce::new("demo", &run.data_dir("sink")?)
        };
        Ok(Self {
            run: run.clone(),
            version: version.to_owned(),
            primary,
            secondary,
            flink,
            checker,
            job,
        })
    }

    /// SIGKILLs the primary's processes and Flink's; answers with when, in milliseconds since
    /// the epoch.
    pub(super) fn kill_primary(&self) -> u64 {
        let now = now_ms();
        self.primary.kill();
        self.flink.kill();
        now
    }

    /// Starts another Flink, which knows the secondary alone, and nothing of the product.
    pub(super) fn start_successor(&self) -> Result<FlinkCluster> {
        FlinkCluster::builder("flink-on-secondary", &self.version)?
            .slots(2)
            .checkpoints(&habits(&self.secondary))
            .hadoop_conf(self.secondary.conf_dir())
            .start(&self.run)
    }

    pub(super) fn primary(&self) -> &HdfsCluster {
        &self.primary
    }

    pub(super) fn secondary(&self) -> &HdfsCluster {
        &self.secondary
    }

    pub(super) fn flink(&self) -> &FlinkCluster {
        &self.flink
    }

    pub(super) fn checker(&mut self) -> &mut Checker {
        &mut self.checker
    }

    /// The job as it runs before the kill.
    pub(super) fn job(&self) -> &ExactlyOnce {
        &self.job
    }

    /// The same job, in more of a hurry; the result is to be the same.
    pub(super) fn later_job(&self) -> ExactlyOnce {
        ExactlyOnce {
            rate: LATER_RATE,
            ..self.job.clone()
        }
    }
}

fn habits(hdfs: &HdfsCluster) -> Checkpoints {
    Checkpoints {
        dir: checkpoints(hdfs),
        interval: INTERVAL,
        retained: RETAINED,
    }
}
