//! A real Prometheus that scrapes every second, and its `promtool`: Debian's package `prometheus`.
//!
//! Takes the rules as they are shipped, with every duration divided by one number. Refuses to wait
//! for what it is asked about.

mod hurried;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use ureq::Agent;

use crate::ports::Port;
use crate::process::{Launch, Process};
use crate::run::Run;
use crate::wait::wait_until;

const READY_LIMIT: Duration = Duration::from_mins(1);
const CALL_LIMIT: Duration = Duration::from_secs(20);
const PACKAGE: &str = "is Debian's package prometheus installed?";

/// A running server. Dropped, it is killed.
#[derive(Debug)]
pub struct Prometheus {
    process: Process,
    port: Port,
    agent: Agent,
}

/// One element of what an expression gives; a scalar has no labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// With the name as `__name__`, if it has one.
    pub labels: BTreeMap<String, String>,
    /// Its value.
    pub value: f64,
}

impl Prometheus {
    /// Starts a server with the rules of a file, `times` as quick, that scrapes `targets`: names of
    /// scrape jobs with their addresses, `host:port`.
    ///
    /// # Errors
    /// When the rules are none, or the process does not become ready: with the end of its log.
    pub fn start(
        run: &Run,
        rules: &Path,
        times: u64,
        targets: &[(&str, Vec<String>)],
    ) -> Result<Self> {
        let data = run.data_dir("prometheus")?;
        let text = std::fs::read_to_string(rules)
            .with_context(|| format!("cannot read {}", rules.display()))?;
        write(&data.join("rules.yml"), &hurried::hurried(&text, times)?)?;
        let config = write(&data.join("prometheus.yml"), &config(targets))?;
        let port = Port::take()?;
        let process = Process::start(Launch {
            label: "prometheus".to_owned(),
            command: vec![
                "prometheus".into(),
                format!("--config.file={}", config.display()).into(),
                format!("--storage.tsdb.path={}/data", data.display()).into(),
                format!("--web.listen-address={}", port.address()).into(),
                "--log.level=warn".into(),
            ],
            env: Vec::new(),
            directory: data,
            log: run.log_dir().join("prometheus.log"),
            keep: run.is_kept(),
        })
        .context(PACKAGE)?;
        let agent = Agent::config_builder()
            .timeout_global(Some(CALL_LIMIT))
            .http_status_as_error(false)
            .build()
            .into();
        let server = Self {
            process,
            port,
            agent,
        };
        wait_until("Prometheus to be ready", READY_LIMIT, || {
            if !server.process.is_running() {
                return Ok(Err(server.process.ended().context(PACKAGE)));
            }
            server.query("vector(1)").map(|_| Ok(()))
        })??;
        Ok(server)
    }

    /// `http://127.0.0.1:port`, where its own page is too.
    pub fn address(&self) -> String {
        format!("http://{}", self.port.address())
    }

    /// The name of each rule, its health and its expression.
    ///
    /// # Errors
    /// When Prometheus does not answer.
    pub fn rules(&self) -> Result<Vec<(String, String, String)>> {
        let answer = self.get("rules", "")?;
        let groups = answer["data"]["groups"].as_array().into_iter().flatten();
        let rules = groups.filter_map(|group| group["rules"].as_array());
        let text = |rule: &Value, key: &str| rule[key].as_str().map(str::to_owned);
        let of = |rule| {
            Some((
                text(rule, "name")?,
                text(rule, "health")?,
                text(rule, "query")?,
            ))
        };
        let rules = rules.flatten().map(of).collect::<Option<_>>();
        rules.with_context(|| format!("a rule without a name in {answer}"))
    }

    /// What an expression gives now.
    ///
    /// # Errors
    /// When it is none, or Prometheus does not answer.
    pub fn query(&self, expression: &str) -> Result<Vec<Sample>> {
        let answer = self.get("query", expression)?;
        let (kind, result) = (&answer["data"]["resultType"], &answer["data"]["result"]);
        let samples = match kind.as_str() {
            Some("scalar") => vec![sample(BTreeMap::new(), result)],
            Some("vector") => {
                let all = result.as_array().into_iter().flatten();
                all.map(|one| sample(labels(&one["metric"]), &one["value"]))
                    .collect()
            }
            other => bail!("{expression} gives a {other:?}"),
        };
        samples
            .into_iter()
            .collect::<Option<_>>()
            .with_context(|| format!("{expression}: {answer}"))
    }

    fn get(&self, what: &str, expression: &str) -> Result<Value> {
        let url = format!("{}/api/v1/{what}", self.address());
        let call = self.agent.get(url).query("query", expression).call();
        let mut answer = call.context("Prometheus does not answer")?;
        let answer: Value = answer.body_mut().read_json()?;
        ensure!(answer["status"] == "success", "{expression}: {answer}");
        Ok(answer)
    }
}

/// Runs `promtool` with `input` as its standard input, and answers with what it said.
///
/// # Errors
/// When it finds something wrong: with what it said.
pub fn promtool(directory: &Path, arguments: &[&str], input: &str) -> Result<String> {
    let mut child = Command::new("promtool")
        .args(arguments)
        .current_dir(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start promtool: {PACKAGE}"))?;
    let mut stdin = child.stdin.take().context("a pipe was asked for")?;
    // It may have ended already, and says why.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let output = child.wait_with_output().context("promtool is gone")?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    ensure!(output.status.success(), "promtool {arguments:?}: {said}");
    Ok(said)
}

fn sample(labels: BTreeMap<String, String>, value: &Value) -> Option<Sample> {
    let value = value[1].as_str()?.parse().ok()?;
    Some(Sample { labels, value })
}

fn labels(metric: &Value) -> BTreeMap<String, String> {
    let all = metric.as_object().into_iter().flatten();
    all.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
        .collect()
}

/// As docs/dashboards/provisioning/prometheus.yml, but quicker.
fn config(targets: &[(&str, Vec<String>)]) -> String {
    let mut text = "global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}\n\
                    rule_files: [rules.yml]\nscrape_configs:\n"
        .to_owned();
    for (job, addresses) in targets {
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "  - {{job_name: {job}, static_configs: [{{targets: {addresses:?}}}]}}"
        );
    }
    text
}

fn write(path: &Path, text: &str) -> Result<PathBuf> {
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_evaluates_rules_and_promtool_refuses_what_is_wrong() {
        let run = Run::new("prometheus::server").unwrap();
        let rules = run.data_dir("rules").unwrap().join("rules.yml");
        let group = "groups: [{name: g, rules: [{record: a, expr: 'vector(7)'}]}]\n";
        std::fs::write(&rules, group).unwrap();
        let server = Prometheus::start(&run, &rules, 20, &[("x", Vec::new())]).unwrap();
        let recorded = wait_until("the rule", READY_LIMIT, || {
            let found = server.query("a").map_err(|error| error.to_string())?;
            found.first().cloned().ok_or_else(|| "nothing".to_owned())
        });
        let recorded = recorded.unwrap();
        assert!((recorded.value - 7.0).abs() < f64::EPSILON);
        assert_eq!(recorded.labels["__name__"], "a");
        assert!(server.query("a b").is_err());

        let folder = rules.parent().unwrap();
        promtool(folder, &["check", "rules", "rules.yml"], "").unwrap();
        let wrong = "# TYPE a_total gauge\na_total 1\n";
        let error = promtool(folder, &["check", "metrics"], wrong).unwrap_err();
        assert!(error.to_string().contains("a_total"), "{error}");
        run.passed();
    }
}
