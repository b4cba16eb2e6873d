//! `dualwrite verify`: is a checkpoint usable?

use audit::{ClusterOptions, Place, Report, StoreError};
use comfy_table::{Cell, Color};
use serde::Serialize;

use crate::Exit;
use crate::error::{Failure, exit_of, explain};
use crate::output::{self, FindingLine};
use crate::progress::Spinner;

/// Tell whether checkpoints are usable
///
/// Usable is a checkpoint if every file that its `_metadata` names is there, with its length. No
/// state is read. Works on either cluster, and on savepoints.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    /// The checkpoint's directory or its `_metadata`, like
    /// `hdfs://nn2:8020/flink/checkpoints/<job id>/chk-42`
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<String>,
}

const AFTER_HELP: &str = "\
Exit codes:
  0  every checkpoint is usable
  1  one at least is not: the findings say why
  2  the command line or an address is wrong
  3  none is known to be unusable, but of one at least the cluster did not tell

Examples:
  dualwrite verify hdfs://nn2:8020/flink/checkpoints/<job id>/chk-42
  dualwrite verify --json hdfs://nn2/cp/<job id>/chk-41 hdfs://nn2/cp/<job id>/chk-42";

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Usable,
    Unknown,
    NotUsable,
}

#[derive(Debug, Serialize)]
struct Document {
    result: Verdict,
    checkpoints: Vec<Line>,
}

#[derive(Debug, Serialize)]
struct Line {
    path: String,
    result: Verdict,
    version: Option<u32>,
    checkpoint_id: Option<i64>,
    files: Option<u64>,
    bytes: Option<u64>,
    findings: Vec<FindingLine>,
    error: Option<Failure>,
    #[serde(skip)]
    explanation: Option<String>,
}

impl Args {
    pub(crate) async fn run(self, cluster: &ClusterOptions, json: bool) -> Exit {
        let mut places = Vec::new();
        for path in &self.paths {
            match audit::open(path, cluster) {
                Ok(place) => places.push(place),
                Err(error) => {
                    output::complain(&explain(&format!("verify {path}"), &error));
                    return exit_of(&error);
                }
            }
        }
        let mut checkpoints = Vec::new();
        {
            let spinner = Spinner::start();
            for (at, place) in places.iter().enumerate() {
                let of = format!("{} of {}", at + 1, places.len());
                spinner.say(format!("verifying {} ({of})", place.location));
                let told = audit::verify(&*place.store, &place.location).await;
                checkpoints.push(line(place, told));
            }
        }
        let result = checkpoints.iter().map(|line| line.result).max();
        let document = Document {
            result: result.unwrap_or(Verdict::Usable),
            checkpoints,
        };
        if json {
            output::print_json(&document);
        } else {
            show(&document);
        }
        match document.result {
            Verdict::Usable => Exit::Good,
            Verdict::NotUsable => Exit::Findings,
            Verdict::Unknown => Exit::CannotTell,
        }
    }
}

fn line(place: &Place, told: Result<Report, StoreError>) -> Line {
    match told {
        Ok(report) => {
            let is_read = report.version.is_some();
            Line {
                path: report.path.to_string(),
                result: if report.usable() {
                    Verdict::Usable
                } else {
                    Verdict::NotUsable
                },
                version: report.version,
                checkpoint_id: report.checkpoint_id,
                files: is_read.then_some(report.files),
                bytes: is_read.then_some(report.bytes),
                findings: report.findings.iter().map(FindingLine::from).collect(),
                error: None,
                explanation: None,
            }
        }
        Err(error) => Line {
            path: place.location.to_string(),
            result: Verdict::Unknown,
            version: None,
            checkpoint_id: None,
            files: None,
            bytes: None,
            findings: Vec::new(),
            error: Some(Failure::from(&error)),
            explanation: Some(explain(&format!("verify {}", place.location), &error)),
        },
    }
}

fn show(document: &Document) {
    let mut table = output::table(&["RESULT", ">ID", ">FILES", ">SIZE", ">VERSION", "CHECKPOINT"]);
    for line in &document.checkpoints {
        let (text, colour) = match line.result {
            Verdict::Usable => ("usable", Color::Green),
            Verdict::NotUsable => ("not usable", Color::Red),
            Verdict::Unknown => ("unknown", Color::Yellow),
        };
        table.add_row([
            output::coloured(text, colour),
            Cell::new(output::or_dash(line.checkpoint_id)),
            Cell::new(output::or_dash(line.files)),
            Cell::new(output::or_dash(line.bytes.map(output::size))),
            Cell::new(output::or_dash(line.version)),
            output::cell(&line.path),
        ]);
    }
    output::print_table(&table);
    for line in &document.checkpoints {
        if !line.findings.is_empty() {
            output::print(&format!("\n{}", line.path));
            output::print_findings(&line.findings);
        }
        if let Some(explanation) = &line.explanation {
            output::complain(explanation);
        }
    }
}
