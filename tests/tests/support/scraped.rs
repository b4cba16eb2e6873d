//! What a process of Flink serves by HTTP at the address that its log names, asked as Prometheus
//! asks. Refuses to look into the process in any other way.

use anyhow::{Context, Result, ensure};
use harness::{METRICS_SAID, Process, REPORTER_SAID};

use super::said;

/// What Prometheus sends, in short.
const ACCEPT: &str = "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;q=0.3";

/// The numbers of one process at one time.
#[derive(Debug)]
pub struct Scraped {
    /// Where they were served.
    pub port: u16,
    text: String,
}

impl Scraped {
    /// All that is served at `/metrics`.
    pub fn of(process: &Process) -> Result<Self> {
        let port = port(process)?;
        let text = get(port, "/metrics")?;
        ensure!(text.ends_with("# EOF\n"), "it is cut off: {text}");
        Ok(Self { port, text })
    }

    /// The same in the older text format, which `promtool` reads.
    pub fn in_text_format(process: &Process) -> Result<String> {
        get_as(port(process)?, "/metrics", "text/plain")
    }

    /// All that Flink's own reporter for Prometheus serves.
    pub fn of_flink(process: &Process) -> Result<Self> {
        let port = reporter_port(process)?;
        let text = get_as(port, "/metrics", "text/plain")?;
        Ok(Self { port, text })
    }

    /// The sum of a metric over its labels.
    pub fn sum(&self, name: &str) -> Result<f64> {
        let of = |line: &&str| line.split(['{', ' ']).next() == Some(name);
        let lines = self.text.lines().filter(of);
        let values = lines.map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
        let values = values.collect::<Option<Vec<_>>>();
        let values = values.filter(|values| !values.is_empty());
        let values = values.with_context(|| format!("no {name} in {}", self.text))?;
        Ok(values.iter().sum())
    }
}

/// Where Flink's own reporter for Prometheus is: in the last life of the process.
pub fn reporter_port(process: &Process) -> Result<u16> {
    let port = process.last_said(REPORTER_SAID)?;
    Ok(port.trim_end_matches('.').parse()?)
}

/// The page that people look at.
pub fn page(process: &Process) -> Result<String> {
    get(port(process)?, "/")
}

/// The ports that a process has said, one for each life of it.
pub fn ports_said(process: &Process) -> Result<Vec<u16>> {
    let lines = said(process, "INFO")?;
    let urls = lines
        .iter()
        .filter_map(|line| line.split_once(METRICS_SAID));
    let port = |(_, url): (&str, &str)| -> Result<u16> {
        let port = url
            .strip_suffix("/metrics")
            .and_then(|url| url.rsplit(':').next());
        Ok(port
            .with_context(|| format!("{url} has no port"))?
            .parse()?)
    };
    urls.map(port).collect()
}

fn port(process: &Process) -> Result<u16> {
    let ports = ports_said(process)?;
    ports.last().copied().context("the log has no address")
}

fn get(port: u16, path: &str) -> Result<String> {
    get_as(port, path, ACCEPT)
}

fn get_as(port: u16, path: &str, accept: &str) -> Result<String> {
    let request = ureq::get(format!("http://127.0.0.1:{port}{path}"));
    let mut answer = request.header("Accept", accept).call()?;
    Ok(answer.body_mut().read_to_string()?)
}
