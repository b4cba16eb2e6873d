//! `dualwrite switch print`: a plan for those who deploy otherwise. Asks nobody.

use std::path::PathBuf;

use serde::Serialize;
use switch::{Plan, lines};

use crate::Exit;
use crate::commands::plan_file;
use crate::context::Context;
use crate::output;

/// Print the command lines that do by hand what `apply` does; with --json, the paths
///
/// Asks nobody: a plan that is not fresh may name checkpoints that are retired since.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// What `dualwrite switch plan` has written
    #[arg(value_name = "PLAN")]
    plan: PathBuf,
}

const AFTER_HELP: &str = "\
Exit codes:
  0  printed
  2  the command line or the plan is wrong

Examples:
  dualwrite switch print plan.json
  dualwrite switch print --json plan.json | jq -r '.jobs[] | [.job_name, .checkpoint_path] | @tsv'";

#[derive(Debug, Serialize)]
struct Document {
    jobs: Vec<Line>,
}

#[derive(Debug, Serialize)]
struct Line {
    job_name: String,
    source_job_id: Option<String>,
    checkpoint_id: u64,
    checkpoint_path: String,
    command: String,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Exit {
        let plan = match plan_file::read(&self.plan, Plan::parse) {
            Ok(plan) => plan,
            Err(refused) => return refused,
        };
        let commands = lines(&plan);
        if context.json {
            let jobs = plan
                .jobs
                .into_iter()
                .zip(commands)
                .map(|(job, command)| Line {
                    job_name: job.name,
                    source_job_id: job.source_job_id,
                    checkpoint_id: job.checkpoint.id,
                    checkpoint_path: job.checkpoint.path,
                    command,
                });
            output::print_json(&Document {
                jobs: jobs.collect(),
            });
        } else {
            let named = plan.jobs.iter().zip(&commands);
            output::print_lines(
                named.map(|(job, line)| format!("# {}\n{line}", output::harmless(&job.name))),
            );
        }
        Exit::Good
    }
}
