//! What is shipped in docs/dashboards, expression by expression. Refuses one that gives nothing,
//! but for alerts, which have to.

use anyhow::{Context, Result, ensure};
use harness::{Prometheus, wait_until};
use serde_json::Value;

use crate::support::LIMIT;
use crate::watch::folder;

/// Asks for all of them as Grafana does, of the one job that there is.
pub fn every_expression_gives_numbers(prometheus: &Prometheus) -> Result<()> {
    let jobs = prometheus.query("dualwrite:lag_seconds")?;
    let job = &jobs.first().context("no job")?.labels["job_id"];
    for name in ["fleet.json", "job.json"] {
        let expressions = of_dashboard(name)?;
        ensure!(expressions.len() > 15, "{name} has only {expressions:?}");
        for expression in expressions {
            // Of this evaluation interval, 15 s are a usual `$__rate_interval`.
            let asked = expression
                .replace("$__rate_interval", "15s")
                .replace("$job_id", job);
            ensure!(
                !asked.contains('$'),
                "{asked} has a variable that nobody sets"
            );
            wait_until(&asked, LIMIT, || {
                let found = prometheus.query(&asked)?;
                ensure!(!found.is_empty(), "it gives nothing");
                Ok::<_, anyhow::Error>(())
            })?;
        }
    }
    // Of alerts it is enough that they can be asked for: firing is what the tests are about.
    let rules = prometheus.rules()?;
    ensure!(rules.len() > 20, "only {rules:?}");
    for (name, health, expression) in rules {
        ensure!(health == "ok", "{name} is {health}: {expression}");
        prometheus.query(&format!("count({expression}) or vector(0)"))?;
    }
    Ok(())
}

fn of_dashboard(name: &str) -> Result<Vec<String>> {
    let text = std::fs::read_to_string(folder().join(name))?;
    let dashboard: Value = serde_json::from_str(&text)?;
    let panels = dashboard["panels"].as_array().into_iter().flatten();
    let targets = panels
        .filter_map(|panel| panel["targets"].as_array())
        .flatten();
    let expressions = targets.map(|target| target["expr"].as_str().map(str::to_owned));
    expressions
        .collect::<Option<_>>()
        .with_context(|| format!("{name} has a target without an expression"))
}
