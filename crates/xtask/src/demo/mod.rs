//! The whole way on one machine: a job on a primary HDFS, its checkpoints on a secondary, the
//! primary and Flink killed, the job restored from the secondary, its result compared.
//!
//! Everything is real and in its own processes. Refuses to call a result good that is not exact.

mod dashboards;
mod ledger;
mod outcome;
mod requests;
mod restore;
mod rows;
mod stage;
mod watch;

use anyhow::{Context, Result, ensure};
use harness::{DEFAULT_VERSIONS, FlinkCluster, FlinkVersion, Run};

use self::outcome::{Outcome, Recovery};
use self::stage::Stage;
use crate::screen::Screen;
use crate::sites::checkpoints;
use crate::{dist, packages};

/// Of the task `demo`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The version of Flink, 1.20 or later, e.g. 1.20.5, 2.2, 2.x
    #[arg(long, value_name = "VERSION", value_parser = version)]
    #[arg(default_value = DEFAULT_VERSIONS[0])]
    flink: String,
    /// End with one line of JSON on standard output; all else goes to standard error
    #[arg(long)]
    json: bool,
    /// Leave the clusters up, and say how to look around and how to stop them
    #[arg(long)]
    keep: bool,
    /// Show the numbers instead: a job that goes on, Prometheus with the shipped rules beside it,
    /// and faults of the secondary on request, until `end` is typed
    #[arg(long, conflicts_with_all = ["json", "keep"])]
    dashboards: bool,
}

/// Shows it.
///
/// # Errors
/// When something fails on the way, or the result is not exact.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if arguments.dashboards {
        return dashboards::run(&arguments.flink);
    }
    packages::install(packages::OF_THE_DEMO)?;
    let screen = Screen::new(arguments.json);
    screen.step("building target/dist, unless nothing has changed");
    dist::build()?;
    let run = if arguments.keep {
        Run::kept("demo")?
    } else {
        Run::new("demo")?
    };
    let shown = show(&run, &arguments.flink, &screen);
    screen.end();
    if arguments.keep {
        screen.line(&how_to_stop(&run)?);
    }
    let outcome = shown?;
    screen.line(&outcome.text());
    if arguments.json {
        println!("{}", outcome.json());
    }
    ensure!(outcome.comparison.is_exact(), "the result is not exact");
    run.passed();
    Ok(())
}

fn show(run: &Run, version: &str, screen: &Screen) -> Result<Outcome> {
    let mut stage = Stage::start(run, version, screen)?;
    screen.step("submitting the job");
    let job = stage
        .flink()
        .rest()
        .submit(&stage.job().submission(None)?)?;
    let mut ledger = watch::until_the_kill(&mut stage, &job, screen)?;

    screen.step("killing the primary's processes and Flink's (SIGKILL)");
    let killed_ms = stage.kill_primary();
    watch::once_more(&mut stage, &job, &mut ledger, screen)?;
    let newest = restore::find(&stage, &job, screen)?;
    let triggered_ms = ledger
        .triggered_by(newest.id)
        .context("Flink told of no checkpoint before the kill")?;
    let restored = restore::restore(&stage, &newest, screen)?;

    screen.step("comparing the result with the expected one, record by record");
    let comparison = stage.job().compare()?;
    if run.is_kept() {
        screen.line(&how_to_look_around(&stage, &restored.flink));
    }
    let recovery = Recovery {
        id: newest.id,
        triggered_ms,
        killed_ms,
        first_completed_ms: restored.first_completed_ms,
    };
    Ok(Outcome::new(version, &ledger, &recovery, comparison))
}

fn how_to_look_around(stage: &Stage, flink: &FlinkCluster) -> String {
    let secondary = checkpoints(stage.secondary());
    format!(
        "\nThe secondary and its Flink are up; the primary is lost.\n  Flink        {}\n  \
         checkpoints  target/dist/dualwrite list --secondary {secondary}\n  result       {}",
        flink.rest().address(),
        stage.job().sink.display(),
    )
}

/// Of all that still runs, also when something failed on the way.
fn how_to_stop(run: &Run) -> Result<String> {
    let sink = run.data_dir("sink")?;
    let data = sink.parent().context("a folder in a folder")?;
    let (data, logs) = (data.display(), run.log_dir().display());
    let pids = processes_of(&data.to_string())?.join(" ");
    Ok(format!(
        "\n  logs         {logs}\n  to stop      kill -KILL {pids}; rm -rf {data} {logs}"
    ))
}

/// The ids of the processes with the run's folder in their command lines: all that it started.
fn processes_of(folder: &str) -> Result<Vec<String>> {
    let entries = std::fs::read_dir("/proc").context("cannot list /proc")?;
    let pids = entries
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok());
    let is_ours = |pid: &String| {
        // It may be gone by now, or be no process.
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        pid.parse::<u32>().is_ok() && String::from_utf8_lossy(&line).contains(folder)
    };
    Ok(pids.filter(is_ours).collect())
}

/// A version as on Maven Central; of the ones that tests run on, the beginning is enough.
fn version(text: &str) -> Result<String, String> {
    let beginning = text.strip_suffix(".x").unwrap_or(text);
    let known = DEFAULT_VERSIONS.iter().find(|known| {
        let rest = known.strip_prefix(beginning);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    });
    let text = known.copied().unwrap_or(text);
    match FlinkVersion::try_from(text) {
        Ok(version) if version.is_at_least(1, 20) => Ok(text.to_owned()),
        Ok(_) => Err("the demo's keys are those of Flink 1.20 and later".to_owned()),
        Err(error) => Err(format!("{error:#}")),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn a_process_is_found_by_the_folder_in_its_command_line() {
        let mut child = std::process::Command::new("sh")
            .args(["-c", "echo; read line", "/a/folder/of/this/test"])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        // Until it speaks, its command line may not be in /proc yet: a spawn returns before that.
        let mut spoken = [0];
        child
            .stdout
            .take()
            .unwrap()
            .read_exact(&mut spoken)
            .unwrap();
        let found = processes_of("/a/folder/of/this/test");
        drop(child.stdin.take());
        child.wait().unwrap();
        assert_eq!(found.unwrap(), [child.id().to_string()]);
        assert!(processes_of("/a/folder/of/this/test").unwrap().is_empty());
    }

    #[test]
    fn a_version_may_be_given_by_its_beginning() {
        assert_eq!(version("1.20.x").as_deref(), Ok(DEFAULT_VERSIONS[0]));
        assert_eq!(version("2.x").as_deref(), Ok(DEFAULT_VERSIONS[1]));
        assert_eq!(version("2.2").as_deref(), Ok(DEFAULT_VERSIONS[1]));
        assert_eq!(version("2.3.0").as_deref(), Ok("2.3.0"));
        assert!(version("1.19.2").is_err() && version("latest").is_err());
    }
}
