//! The clusters, Flink with the product, the judge and the job of the soak, and what is done to
//! them. Refuses to wait for the product: only for what was started again.

use std::time::Duration;

use anyhow::Result;
use harness::{CheckedCheckpoint, Checker, ExactlyOnce, FlinkCluster, FlinkRest, Run};

use super::plan::Fault;
use crate::screen::Screen;
use crate::sites::{Sites, checkpoints};

/// Between two checkpoints.
const INTERVAL: Duration = Duration::from_secs(2);
/// Records in a second; with [`PAYLOAD_BYTES`], 2 MB of state change in a second.
const RATE: u64 = 250;
const PAYLOAD_BYTES: u64 = 8_192;
/// With four payloads each, 16 MiB of state.
const KEYS: u64 = 500;
/// What the job has to do besides the time of the soak.
const MORE: Duration = Duration::from_mins(3);
const FLINK: &str = "1.20.5";

/// All that runs.
pub(super) struct Stage {
    sites: Sites,
    pub(super) flink: FlinkCluster,
    checker: Checker,
    pub(super) job: ExactlyOnce,
    /// The job's id.
    pub(super) id: String,
}

impl Stage {
    /// Starts everything, and the job.
    ///
    /// # Errors
    /// When something does not start.
    pub(super) fn start(run: &Run, time: Duration, screen: &Screen) -> Result<Self> {
        screen.step("starting two HDFS clusters, primary and secondary");
        let sites = Sites::start(run)?;
        screen.step(&format!(
            "starting Flink {FLINK} with flink-dualwrite in lib/"
        ));
        let flink = sites
            .product("flink", FLINK, INTERVAL)?
            // What Flink itself remembers of checkpoints is to have its size soon.
            .config("web.checkpoints.history", "100")
            .launch(run)?;
        let mut checker = Checker::start(run, FLINK, sites.secondary.conf_dir())?;
        // Its first answer takes seconds, in which what it looks at may be retired.
        checker.check(sites.secondary.uri())?;
        flink.wait_ready()?;
        let job = ExactlyOnce {
            records: RATE * (time + MORE).as_secs(),
            rate: RATE,
            keys: KEYS,
            payload_bytes: PAYLOAD_BYTES,
            ..ExactlyOnce::new("soak", &run.data_dir("sink")?)
        };
        let id = flink.rest().submit(&job.submission(None)?)?;
        Ok(Self {
            sites,
            flink,
            checker,
            job,
            id,
        })
    }

    /// Flink's own word on the job.
    pub(super) fn rest(&self) -> &FlinkRest {
        self.flink.rest()
    }

    /// Every `_metadata` on the secondary, as Flink's own classes find it.
    ///
    /// # Errors
    /// As [`Checker::check`].
    pub(super) fn judged(&mut self) -> Result<Vec<CheckedCheckpoint>> {
        self.checker.check(&checkpoints(&self.sites.secondary))
    }

    /// Lets a fault begin.
    ///
    /// # Errors
    /// When a process is not there to be harmed.
    pub(super) fn begin(&self, fault: Fault) -> Result<()> {
        let secondary = &self.sites.secondary;
        let (name_node, data_node) = (secondary.name_node(), secondary.data_node(0));
        match fault {
            Fault::NameNodeKilled => name_node.kill(),
            Fault::NameNodeFrozen => name_node.freeze()?,
            Fault::NameNodeRestarted => name_node.restart()?,
            Fault::SafeMode => secondary.safe_mode(true)?,
            Fault::DataNodeKilled => data_node.kill(),
            Fault::DataNodeFrozen => data_node.freeze()?,
            Fault::DataNodeRestarted => data_node.restart()?,
            Fault::SecondaryKilled => secondary.kill(),
            Fault::SecondaryFrozen => secondary.freeze()?,
            Fault::TaskManagerKilled => self.flink.task_manager(0).kill(),
        }
        Ok(())
    }

    /// Lets it end, and waits until the cluster serves again.
    ///
    /// # Errors
    /// When a process does not come back.
    pub(super) fn end(&self, fault: Fault) -> Result<()> {
        let secondary = &self.sites.secondary;
        match fault {
            Fault::NameNodeKilled => secondary.name_node().restart()?,
            Fault::NameNodeFrozen => secondary.name_node().thaw()?,
            Fault::SafeMode => secondary.safe_mode(false)?,
            Fault::DataNodeKilled => secondary.data_node(0).restart()?,
            Fault::DataNodeFrozen => secondary.data_node(0).thaw()?,
            Fault::SecondaryKilled => return secondary.restart(),
            Fault::SecondaryFrozen => secondary.thaw()?,
            Fault::TaskManagerKilled => return self.flink.task_manager(0).restart(),
            Fault::NameNodeRestarted | Fault::DataNodeRestarted => (),
        }
        secondary.wait_ready()
    }
}
