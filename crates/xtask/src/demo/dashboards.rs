//! The demo to look at: a job with the product, a Prometheus with the shipped rules beside it, and
//! faults of the secondary as they are asked for. It goes on until its end is asked for.
//!
//! Refuses to harm the primary: what that survives is the other demo's.

use std::fmt::Write as _;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use harness::{
    ExactlyOnce, FlinkCluster, METRICS_SAID, Process, Prometheus, REPORTER_SAID, Run, wait_until,
    workspace_dir,
};

use super::requests::{self, Fault, HELP, Request};
use crate::screen::Screen;
use crate::sites::{Sites, checkpoints};
use crate::{dist, packages};

/// Between two checkpoints.
const INTERVAL: Duration = Duration::from_secs(2);
/// Records in a second: a few MB of state.
const RATE: u64 = 1_000;
/// The rules' five minutes become 15 seconds.
const TIMES: u64 = 20;
/// Between two looks at the numbers.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A line with the numbers is left so often, and when another alert fires.
const LINE_EVERY: Duration = Duration::from_secs(10);
/// For the job's first published checkpoint, on a busy machine.
const LIMIT: Duration = Duration::from_mins(2);

/// Shows it until its end is asked for.
///
/// # Errors
/// When something does not start, does not answer or does not come back.
pub(super) fn run(version: &str) -> Result<()> {
    packages::install(packages::OF_DASHBOARDS)?;
    let screen = Screen::new(false);
    screen.step("building target/dist, unless nothing has changed");
    dist::build()?;
    let run = Run::new("dashboards")?;
    let stage = Stage::start(&run, version, &screen)?;
    screen.line(&stage.addresses()?);
    screen.line(&format!("\n{HELP}\n"));
    stage.obey_until_the_end(&screen)?;
    screen.end();
    run.passed();
    Ok(())
}

struct Stage {
    prometheus: Prometheus,
    flink: FlinkCluster,
    sites: Sites,
}

impl Stage {
    fn start(run: &Run, version: &str, screen: &Screen) -> Result<Self> {
        screen.step("starting two HDFS clusters, primary and secondary");
        let sites = Sites::start(run)?;
        screen.step(&format!(
            "starting Flink {version} with flink-dualwrite in lib/, and a job"
        ));
        let flink = sites
            .product("flink", version, INTERVAL)?
            .config(
                "metrics.reporter.dualwrite.factory.class",
                "io.dualwrite.flink.DualWriteMetricReporterFactory",
            )
            .prometheus_reporter()?
            .launch(run)?;
        flink.wait_ready()?;
        let job = ExactlyOnce {
            records: u64::MAX / 4,
            rate: RATE,
            ..ExactlyOnce::new("payments", &run.data_dir("sink")?)
        };
        flink.rest().submit(&job.submission(None)?)?;

        screen.step("starting Prometheus with docs/dashboards/alerts.yml");
        let ours = wait_until("the processes' metrics", LIMIT, || {
            flink.processes().map(metrics).collect::<Result<Vec<_>>>()
        })?;
        let flinks = flink.processes().map(|process| {
            let port = process.last_said(REPORTER_SAID)?;
            Ok(format!("127.0.0.1:{}", port.trim_end_matches('.')))
        });
        let flinks = flinks.collect::<Result<Vec<_>>>()?;
        let targets = [("flink-dualwrite", ours), ("flink", flinks)];
        let rules = workspace_dir().join("docs/dashboards/alerts.yml");
        let prometheus = Prometheus::start(run, &rules, TIMES, &targets)?;
        wait_until("the first published checkpoint", LIMIT, || {
            number(&prometheus, "dualwrite:lag_seconds")?.context("none yet")
        })?;
        Ok(Self {
            prometheus,
            flink,
            sites,
        })
    }

    fn addresses(&self) -> Result<String> {
        let mut text = String::new();
        writeln!(
            text,
            "\n  Flink                {}",
            self.flink.rest().address()
        )?;
        for process in self.flink.processes() {
            writeln!(
                text,
                "  {:<19}  http://{}",
                process.label(),
                metrics(process)?
            )?;
        }
        let (address, times) = (self.prometheus.address(), TIMES);
        writeln!(
            text,
            "  Prometheus           {address} (each duration divided by {times})"
        )?;
        writeln!(
            text,
            "  Grafana              where you have one: a data source of the type prometheus at\n\
             \x20                      {address}, and docs/dashboards/*.json, imported"
        )?;
        let secondary = checkpoints(&self.sites.secondary);
        write!(
            text,
            "  checkpoints          target/dist/dualwrite list --secondary {secondary}"
        )?;
        Ok(text)
    }

    fn obey_until_the_end(&self, screen: &Screen) -> Result<()> {
        let typed = requests::typed();
        let mut shown = Shown::default();
        let mut deaf_until = Instant::now();
        let mut fault = None;
        loop {
            shown.look(&self.prometheus, screen)?;
            if Instant::now() < deaf_until {
                std::thread::sleep(LOOK_EVERY);
                continue;
            }
            match typed.recv_timeout(LOOK_EVERY) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(None) => screen.line(HELP),
                Ok(Some(Request::Wait(time))) => deaf_until = Instant::now() + time,
                Ok(Some(Request::Fault(next))) => {
                    self.heal(fault.take())?;
                    screen.step(&format!("the secondary is {}", next.name()));
                    self.strike(next)?;
                    fault = Some(next);
                }
                Ok(Some(Request::Heal)) => {
                    screen.step("the secondary is well");
                    self.heal(fault.take())?;
                }
                Ok(Some(Request::End)) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
        }
    }

    fn strike(&self, fault: Fault) -> Result<()> {
        let secondary = &self.sites.secondary;
        match fault {
            Fault::Frozen => secondary.freeze(),
            Fault::SafeMode => secondary.safe_mode(true),
            Fault::Killed => {
                secondary.kill();
                Ok(())
            }
        }
    }

    fn heal(&self, fault: Option<Fault>) -> Result<()> {
        let secondary = &self.sites.secondary;
        match fault {
            None => Ok(()),
            Some(Fault::Frozen) => secondary.thaw(),
            Some(Fault::SafeMode) => secondary.safe_mode(false),
            Some(Fault::Killed) => secondary.restart(),
        }
    }
}

/// What was shown last.
#[derive(Default)]
struct Shown {
    alerts: Vec<String>,
    at: Option<Instant>,
}

impl Shown {
    /// Looks at Prometheus as a person would, and leaves a line if it is time for one.
    fn look(&mut self, prometheus: &Prometheus, screen: &Screen) -> Result<()> {
        let of = |name| number(prometheus, name).map(Option::unwrap_or_default);
        let firing = prometheus.query("ALERTS{alertstate=\"firing\"}")?;
        let mut alerts: Vec<_> = firing
            .iter()
            .filter_map(|alert| alert.labels.get("alertname").cloned())
            .collect();
        alerts.sort();
        alerts.dedup();
        let text = format!(
            "checkpoint {} completed, {} published, {:.0} s behind; alerts: {}",
            of("dualwrite_newest_completed_checkpoint_id")?,
            of("dualwrite_newest_published_checkpoint_id")?,
            of("dualwrite:lag_seconds")?,
            if alerts.is_empty() {
                "none".to_owned()
            } else {
                alerts.join(", ")
            }
        );
        if self.alerts != alerts || self.at.is_none_or(|at| at.elapsed() >= LINE_EVERY) {
            screen.line(&format!("  {text}"));
            self.at = Some(Instant::now());
        }
        self.alerts = alerts;
        screen.progress(text);
        Ok(())
    }
}

/// Where a process serves the product's numbers.
fn metrics(process: &Process) -> Result<String> {
    let said = process.last_said(METRICS_SAID)?;
    Ok(said.trim_end_matches("/metrics").to_owned())
}

/// The greatest of what an expression gives.
fn number(prometheus: &Prometheus, expression: &str) -> Result<Option<f64>> {
    let samples = prometheus.query(expression)?;
    Ok(samples.iter().map(|sample| sample.value).reduce(f64::max))
}
