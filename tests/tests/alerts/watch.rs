//! Which alerts fire beside a stage. Refuses to overlook one that fires for a moment only.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use harness::{Process, Prometheus, Sample, wait_until, workspace_dir};

use crate::support::{LIMIT, Scraped, Stage, reporter_port};

/// What fires, but for what is only told: over a link that was slow for a while, the stride.
const FIRING: &str = r#"ALERTS{alertstate="firing", severity!="info"}"#;
/// Longer than any alert waits after `TIMES`, but for those of unsteady and slow links.
const STAYS: Duration = Duration::from_secs(40);
/// The longest time that an event counts, half an hour, and what it takes to be seen.
const BECOMES: Duration = Duration::from_secs(90 + 120);

/// The rules and dashboards that are shipped.
pub fn folder() -> PathBuf {
    workspace_dir().join("docs/dashboards")
}

/// A Prometheus that scrapes all processes of a stage.
pub struct Watch {
    pub prometheus: Prometheus,
}

/// An alert and some of its labels, as it is compared here.
pub fn alert(name: &str, labels: &[(&str, &str)]) -> String {
    let labels = labels
        .iter()
        .map(|(label, value)| format!(" {label}={value}"));
    name.to_owned() + &labels.collect::<String>()
}

impl Watch {
    /// Starts it, `times` as quick as it is shipped, and waits until the rules have all that they
    /// read.
    pub fn start(stage: &Stage, times: u64) -> Result<Self> {
        let processes = || stage.flink.processes();
        let ours = processes().map(address).collect::<Result<Vec<_>>>()?;
        let flinks =
            processes().map(|process| Ok(format!("127.0.0.1:{}", reporter_port(process)?)));
        let flinks = flinks.collect::<Result<Vec<_>>>()?;
        let targets = [("flink-dualwrite", ours), ("flink", flinks)];
        let rules = folder().join("alerts.yml");
        let prometheus = Prometheus::start(&stage.sites.run, &rules, times, &targets)?;
        let started = wait_until("the lag to be recorded", LIMIT, || {
            let lag = prometheus.query("dualwrite:lag_intervals")?;
            let first = lag.first().context("nothing yet")?;
            let name = &first.labels["job_name"];
            ensure!(!name.is_empty(), "the job has no name");
            Ok::<_, anyhow::Error>(())
        });
        started.map(|()| Self { prometheus })
    }

    /// Waits until these alerts fire and no other.
    pub fn becomes(&self, wanted: &[String]) -> Result<()> {
        self.becomes_within(BECOMES, wanted)
    }

    /// The same for alerts that wait longer.
    pub fn becomes_within(&self, limit: Duration, wanted: &[String]) -> Result<()> {
        let what = format!("{wanted:?} to fire");
        wait_until(&what, limit, || {
            let firing = self.prometheus.query(FIRING)?;
            ensure!(are(&firing, wanted), "these fire: {firing:#?}");
            Ok::<_, anyhow::Error>(())
        })
    }

    /// These alerts fire and no other, at each evaluation for a while.
    pub fn stays_at(&self, wanted: &[String], while_: &str) -> Result<()> {
        let began = Instant::now();
        while began.elapsed() < STAYS {
            std::thread::sleep(Duration::from_secs(1));
            let firing = self.prometheus.query(FIRING)?;
            ensure!(
                are(&firing, wanted),
                "while {while_}, these fire: {firing:#?}"
            );
        }
        Ok(())
    }
}

/// Where Prometheus scrapes a process.
fn address(process: &Process) -> Result<String> {
    let served = wait_until("its metrics", LIMIT, || Scraped::of(process))?;
    Ok(format!("127.0.0.1:{}", served.port))
}

/// Whether each alert is wanted, and each one that is wanted fires.
fn are(firing: &[Sample], wanted: &[String]) -> bool {
    let is = |sample: &Sample, wanted: &String| {
        let mut parts = wanted.split(' ');
        let name = parts.next().unwrap_or_default();
        let has = |(label, value): (&str, &str)| {
            sample.labels.get(label).is_some_and(|found| found == value)
        };
        has(("alertname", name)) && parts.filter_map(|part| part.split_once('=')).all(has)
    };
    let found = firing
        .iter()
        .map(|sample| wanted.iter().position(|one| is(sample, one)));
    let found: Option<BTreeSet<usize>> = found.collect();
    found.is_some_and(|found| found.len() == wanted.len())
}
