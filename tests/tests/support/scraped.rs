//! What a process of Flink serves by HTTP at the address that its log names, asked as Prometheus
//! asks. Refuses to look into the process in any other way.

use anyhow::{Context, Result, ensure};
use harness::Process;

use super::said;

/// What Prometheus sends, in short.
const ACCEPT: &str = "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;q=0.3";
const SAID: &str = "Metrics of this process are at http://";

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

/// The page that people look at.
pub fn page(process: &Process) -> Result<String> {
    get(port(process)?, "/")
}

/// Said once, also by a process that was asked often.
fn port(process: &Process) -> Result<u16> {
    let lines = said(process, "INFO")?;
    let mut urls = lines.iter().filter_map(|line| line.split_once(SAID));
    let (_, url) = urls.next().context("the log has no address")?;
    ensure!(urls.next().is_none(), "said twice: {lines:?}");
    let port = url
        .strip_suffix("/metrics")
        .and_then(|url| url.rsplit(':').next());
    Ok(port
        .with_context(|| format!("{url} has no port"))?
        .parse()?)
}

fn get(port: u16, path: &str) -> Result<String> {
    let request = ureq::get(format!("http://127.0.0.1:{port}{path}"));
    let mut answer = request.header("Accept", ACCEPT).call()?;
    Ok(answer.body_mut().read_to_string()?)
}
