//! `dualwrite list`: which jobs a secondary holds, and from which checkpoint each can go on.

use std::time::{SystemTime, UNIX_EPOCH};

use audit::{CatalogueFinding, ClusterOptions, Inventory, Job, Location};
use comfy_table::{Cell, Color};
use serde::Serialize;

use crate::Exit;
use crate::error::{Failure, exit_of, explain};
use crate::output::{self, FindingLine};
use crate::progress::Spinner;

/// List the jobs on a secondary, each with its newest published checkpoint
///
/// The jobs of the catalogue, by name, and those that have published checkpoints but no entry
/// there. Needs nothing of the primary. To know whether a checkpoint's files are all there, see
/// `dualwrite verify`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    /// The secondary directory, as in dualwrite.secondary.dir
    #[arg(long, value_name = "URI")]
    secondary: String,
}

const AFTER_HELP: &str = "\
AGE is the time since the job triggered the checkpoint, or since its _metadata was written where \
the time of the trigger is not known.

Exit codes:
  0  every job has a published checkpoint
  1  findings: the directory is not there, a job has no checkpoint, or something is not understood
  2  the command line or the address is wrong
  3  cannot tell: the cluster did not answer

Examples:
  dualwrite list --secondary hdfs://nn2:8020/flink/checkpoints
  dualwrite list --secondary hdfs://ns2/cp --hadoop-conf-dir /etc/hadoop/secondary
  dualwrite list --json --secondary hdfs://nn2/cp | jq -r '.jobs[].newest_path'";

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Good,
    Findings,
    Unknown,
}

#[derive(Debug, Serialize)]
struct Document {
    result: Verdict,
    secondary: String,
    now_ms: u64,
    jobs: Vec<Line>,
    findings: Vec<FindingLine>,
    error: Option<Failure>,
}

#[derive(Debug, Serialize)]
struct Line {
    job_name: Option<String>,
    job_id: Option<String>,
    job_dir: String,
    primary_dir: Option<String>,
    newest_id: Option<u64>,
    newest_path: Option<String>,
    triggered_at_ms: Option<u64>,
    age_ms: Option<u64>,
    bytes: Option<u64>,
    files: Option<u64>,
    published: usize,
}

impl Args {
    pub(crate) async fn run(self, cluster: &ClusterOptions, json: bool) -> Exit {
        let task = format!("list {}", self.secondary);
        let place = match audit::open(&self.secondary, cluster) {
            Ok(place) => place,
            Err(error) => {
                output::complain(&explain(&task, &error));
                return exit_of(&error);
            }
        };
        let told = {
            let spinner = Spinner::start();
            spinner.say(format!("listing {}", place.location));
            audit::jobs(&*place.store, &place.location).await
        };
        let now_ms = now_ms();
        let document = match &told {
            Ok(inventory) => of_inventory(&place.location, now_ms, inventory),
            Err(error) => Document {
                result: Verdict::Unknown,
                secondary: place.location.to_string(),
                now_ms,
                jobs: Vec::new(),
                findings: Vec::new(),
                error: Some(Failure::from(error)),
            },
        };
        match told {
            _ if json => output::print_json(&document),
            Ok(_) => show(&document),
            Err(error) => output::complain(&explain(&task, &error)),
        }
        match document.result {
            Verdict::Good => Exit::Good,
            Verdict::Findings => Exit::Findings,
            Verdict::Unknown => Exit::CannotTell,
        }
    }
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}

fn of_inventory(root: &Location, now_ms: u64, inventory: &Inventory) -> Document {
    let mut findings: Vec<_> = inventory.findings.iter().map(finding_line).collect();
    if !inventory.root_is_there {
        let message = format!(
            "{root} is not there: give the directory that is dualwrite.secondary.dir in Flink's \
             configuration; it is made with the first checkpoint"
        );
        findings.push(FindingLine::new("no_secondary", root.to_string(), message));
    }
    Document {
        result: if findings.is_empty() {
            Verdict::Good
        } else {
            Verdict::Findings
        },
        secondary: root.to_string(),
        now_ms,
        jobs: inventory.jobs.iter().map(|job| line(job, now_ms)).collect(),
        findings,
        error: None,
    }
}

fn line(job: &Job, now_ms: u64) -> Line {
    let entry = job.entry.as_ref();
    let newest = job.newest.as_ref();
    let checkpoint = newest.map(|newest| &newest.checkpoint);
    let sizes = newest.and_then(|newest| newest.files_and_bytes);
    let triggered_at_ms = newest.and_then(|newest| newest.triggered_at_ms);
    let since = triggered_at_ms.or(checkpoint.map(|checkpoint| checkpoint.metadata.modified_ms));
    Line {
        job_name: entry
            .map(|entry| entry.job_name.clone())
            .filter(|name| !name.is_empty()),
        job_id: job.id.clone(),
        job_dir: job.dir.to_string(),
        primary_dir: entry.map(|entry| entry.primary_dir.clone()),
        newest_id: checkpoint.map(|checkpoint| checkpoint.id),
        newest_path: checkpoint.map(|checkpoint| checkpoint.dir.to_string()),
        triggered_at_ms,
        age_ms: since.map(|since| now_ms.saturating_sub(since)),
        bytes: sizes.map(|(_, bytes)| bytes),
        files: sizes.map(|(files, _)| files),
        published: job.published,
    }
}

fn finding_line(finding: &CatalogueFinding) -> FindingLine {
    match finding {
        CatalogueFinding::BadNewest(finding) => finding.into(),
        _ => FindingLine::new(finding.kind(), finding.path(), finding.to_string()),
    }
}

fn show(document: &Document) {
    if document.jobs.is_empty() {
        output::print(&format!("No job in {}.", document.secondary));
    } else {
        output::print_table(&table(&document.jobs));
    }
    if !document.findings.is_empty() {
        output::print("");
        output::print_findings(&document.findings);
    }
}

fn table(jobs: &[Line]) -> comfy_table::Table {
    let mut table = output::table(&[
        "JOB",
        "JOB ID",
        ">NEWEST",
        "TRIGGERED",
        ">AGE",
        ">SIZE",
        ">FILES",
        ">PUBLISHED",
        "PATH",
    ]);
    for job in jobs {
        let colour = job.newest_id.map_or(Color::Red, |_| Color::Green);
        let newest = job.newest_id.map(|id| id.to_string());
        table.add_row([
            output::cell(job.job_name.as_deref().unwrap_or("-")),
            output::cell(job.job_id.as_deref().unwrap_or("-")),
            output::coloured(newest.as_deref().unwrap_or("none"), colour),
            Cell::new(output::or_dash(job.triggered_at_ms.map(output::time))),
            Cell::new(output::or_dash(job.age_ms.map(output::age))),
            Cell::new(output::or_dash(job.bytes.map(output::size))),
            Cell::new(output::or_dash(job.files)),
            Cell::new(job.published),
            output::cell(job.newest_path.as_deref().unwrap_or(&job.job_dir)),
        ]);
    }
    table
}
