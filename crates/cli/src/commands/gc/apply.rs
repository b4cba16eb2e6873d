//! `dualwrite gc apply`: deletes what is in a plan and still needed by nobody, and tells what
//! became of it.

use std::path::PathBuf;

use audit::Place;
use comfy_table::Cell;
use gc::{End, Left, Outcome, Plan, Refusal};
use serde::Serialize;

use super::rows::{self, Row};
use crate::Exit;
use crate::commands::plan_file;
use crate::context::{Context, Given};
use crate::error::{Failure, exit_of, explain};
use crate::output;
use crate::progress::Leftovers;

/// Delete what is in a plan and still needed by nobody
///
/// Looks at everything again. For files of jobs, every job below the directory is claimed first, as
/// a new JobManager would: what running jobs are just publishing is lost to them, and their next
/// checkpoints are published as ever. A job that has claimed itself back keeps the rest of its
/// leftovers for the next run. Killed, it can be run again.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// What `dualwrite gc plan` has written, not more than 24 hours ago
    #[arg(value_name = "PLAN")]
    plan: PathBuf,
}

const AFTER_HELP: &str = "\
Results:
  deleted      by this run
  gone         it was not there any more
  changed      it is not what the plan saw, and stays
  needed       a checkpoint that was published since names it, and it stays
  alive        its job has claimed itself back: make a new plan for the rest
  not_owned    its job has no owner record any more: a new plan tells
  doubt        a published _metadata is not understood, and all files of jobs stay
  not_reached  the run ended before: run it again

Exit codes:
  0  all is deleted that nobody needs, but for what is alive or has changed
  1  findings: a published _metadata is not understood, so that files of jobs stay
  2  the command line is wrong, or the plan is refused
  3  the secondary did not answer to the end: run it again

Examples:
  dualwrite gc apply gc.json
  dualwrite gc apply --json gc.json | jq '.rows[] | select(.result != \"deleted\")'";

#[derive(Debug, Default, Serialize)]
struct Document {
    result: &'static str,
    deleted_files: u64,
    deleted_bytes: u64,
    rows: Vec<Row>,
    doubts: Vec<Left>,
    error: Option<Failure>,
}

impl Args {
    pub(super) async fn run(self, context: &Context) -> Exit {
        let plan = match plan_file::read(&self.plan, Plan::parse) {
            Ok(plan) => plan,
            Err(refused) => return refused,
        };
        let task = format!("delete leftovers in {}", plan.root);
        let place = match reach(&plan, context, &task) {
            Ok(place) => place,
            Err(refused) => return refused,
        };
        let done = {
            let bar = Leftovers::start(plan.leftovers.len());
            let watch = |step| bar.hears(step);
            gc::apply(&place, &plan, &ownership::process_id(), &watch).await
        };
        match done {
            Ok(outcome) => hand_over(&plan, &outcome, context.json, &task),
            Err(Refusal::Store(error)) => {
                output::complain(&explain(&task, &error));
                if context.json {
                    output::print_json(&Document {
                        result: "unknown",
                        error: Some(Failure::from(&error)),
                        ..Document::default()
                    });
                }
                exit_of(&error)
            }
            Err(refusal) => {
                let plan = self.plan.display();
                output::complain(&format!("Nothing was done. The plan {plan}: {refusal}."));
                Exit::Usage
            }
        }
    }
}

fn reach(plan: &Plan, context: &Context, task: &str) -> Result<Place, Exit> {
    let given = Given {
        name: None,
        uri: plan.root.clone(),
        options: context.options(plan.hadoop_conf_dir.as_ref(), plan.user.as_ref()),
        flink: None,
    };
    given.open(task)
}

fn hand_over(plan: &Plan, outcome: &Outcome, json: bool, task: &str) -> Exit {
    let rows = rows::rows(plan, Some(&outcome.ends));
    let deleted = rows.iter().filter(|row| row.is(End::Deleted));
    let (files, bytes) = rows::sum(deleted);
    let (result, exit) = match &outcome.error {
        Some(_) => ("unknown", Exit::CannotTell),
        None if outcome.doubts.is_empty() => ("good", Exit::Good),
        None => ("findings", Exit::Findings),
    };
    if json {
        output::print_json(&Document {
            result,
            deleted_files: files,
            deleted_bytes: bytes,
            rows,
            doubts: outcome.doubts.clone(),
            error: outcome.error.as_ref().map(Failure::from),
        });
    } else {
        show(&rows, &outcome.doubts, (files, bytes));
    }
    if let Some(error) = &outcome.error {
        output::complain(&explain(task, error));
        output::complain("What is not deleted yet stays in the plan: run the command again.");
    }
    exit
}

fn show(rows: &[Row], doubts: &[Left], (files, bytes): (u64, u64)) {
    if !rows.is_empty() {
        let mut table = output::table(&["JOB", "KIND", "RESULT", ">FILES", ">SIZE"]);
        for row in rows {
            table.add_row([
                output::cell(row.job_id.as_deref().unwrap_or("-")),
                Cell::new(rows::words(row.kind)),
                Cell::new(rows::words(row.result.unwrap_or("-"))),
                Cell::new(row.files),
                Cell::new(output::size(row.bytes)),
            ]);
        }
        output::print_table(&table);
    }
    rows::print_left("NOT UNDERSTOOD: no file of a job is deleted", doubts);
    output::print(&format!(
        "\n{files} leftovers deleted, {}.",
        output::size(bytes)
    ));
    if rows.iter().any(|row| row.is(End::Alive)) {
        output::print("Some jobs have claimed themselves back: make a new plan for the rest.");
    }
}
