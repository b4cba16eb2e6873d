//! `dualwrite gc plan`: finds what nobody needs on a secondary, and writes it down. Refuses to
//! delete anything.

use std::path::PathBuf;
use std::time::Duration;

use comfy_table::Cell;
use gc::{Plan, PlanningError, Wanted};
use serde::Serialize;

use super::rows::{self, Row};
use crate::Exit;
use crate::commands::plan_file;
use crate::context::Context;
use crate::error::{Failure, exit_of, explain};
use crate::output;
use crate::progress::{Spinner, gc_in_words};

/// Find what nobody needs on a secondary, and write it down
///
/// Looks at every name below the directory and reads every published _metadata. Deletes nothing; a
/// small file is written and deleted again, to learn the cluster's time. The plan is a JSON file to
/// be read, and shortened if need be, before it is applied.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// The secondary directory, as in dualwrite.secondary.dir, or a cluster's name [default: the
    /// configuration's secondary]
    #[arg(long, value_name = "URI")]
    secondary: Option<String>,
    /// What was changed within this time stays. By the cluster's clock. Files of a checkpoint that
    /// is being written are younger than this, or are copied once more from the primary
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = crate::time)]
    min_age: Duration,
    /// Where the plan is written
    #[arg(long, short, value_name = "FILE", default_value = "gc.json")]
    output: PathBuf,
}

const AFTER_HELP: &str = "\
Kinds of leftovers:
  in_flight        files that processes which have ended were writing
  claimed          what JobManagers which have ended were about to publish or to delete
  stride           which checkpoints a TaskManager leaves out, of a job that publishes no more
  digests          what was recorded of files, of a job that publishes no more
  unpublished      files of a checkpoint that was never published, or is not any more
  unnamed          other files that no published checkpoint of any job names
  empty_directory  directories of jobs with nothing in them

LEFT AS IT IS is what has no name that is known, and what a job may need for which no JobManager has
ever published there. While a published _metadata is not understood, no file of a job is left over:
it may name any of them.

Exit codes:
  0  the plan is written, whether there is anything in it or not
  1  findings: it is written, but what jobs need cannot be told: a _metadata is not understood, or
     there is no published checkpoint
  2  the command line or the address is wrong, or it is no secondary directory
  3  cannot tell: the secondary did not answer

Examples:
  dualwrite gc plan --config clusters.toml
  dualwrite gc plan --secondary hdfs://nn2/cp --min-age 3days --output gc.json
  dualwrite gc plan --json --secondary hdfs://nn2/cp | jq '.rows'";

#[derive(Debug, Default, Serialize)]
struct Document<'a> {
    result: &'static str,
    file: Option<String>,
    rows: Vec<Row>,
    plan: Option<&'a Plan>,
    error: Option<Failure>,
}

impl Args {
    pub(super) async fn run(self, context: &Context) -> Exit {
        let secondary = match context.secondary(self.secondary.as_ref()) {
            Ok(secondary) => secondary,
            Err(refused) => return refused,
        };
        let task = format!("look for leftovers in {secondary}");
        match self.plan(context, secondary, &task).await {
            Err(refused) => refused,
            Ok(Ok(plan)) => self.hand_over(&plan, context.json),
            Ok(Err(PlanningError::Store(error))) => {
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
            Ok(Err(error)) => {
                output::complain(&format!("{error}."));
                Exit::Usage
            }
        }
    }

    async fn plan(
        &self,
        context: &Context,
        secondary: &str,
        task: &str,
    ) -> Result<Result<Plan, PlanningError>, Exit> {
        let given = context.cluster(secondary)?;
        let place = given.open(task)?;
        let wanted = Wanted {
            min_age_ms: u64::try_from(self.min_age.as_millis()).unwrap_or(u64::MAX),
            hadoop_conf_dir: given.options.hadoop_conf_dir,
            user: given.options.user,
            process_id: ownership::process_id(),
        };
        let spinner = Spinner::start();
        let watch = |step| spinner.say(gc_in_words(step));
        Ok(gc::plan(&place, wanted, &watch).await)
    }

    /// Writes the plan down, and shows it.
    fn hand_over(&self, plan: &Plan, json: bool) -> Exit {
        if let Err(error) = std::fs::write(&self.output, plan.to_json()) {
            return plan_file::not_written(&self.output, error);
        }
        let rows = rows::rows(plan, None);
        let is_sure = plan.is_sure();
        if json {
            output::print_json(&Document {
                result: if is_sure { "good" } else { "findings" },
                file: Some(self.output.display().to_string()),
                rows,
                plan: Some(plan),
                error: None,
            });
        } else {
            self.show(plan, &rows);
        }
        if is_sure { Exit::Good } else { Exit::Findings }
    }

    fn show(&self, plan: &Plan, rows: &[Row]) {
        if rows.is_empty() {
            output::print(&format!("Nothing is left over in {}.", plan.root));
        } else {
            let mut table = output::table(&["JOB", "KIND", ">FILES", ">SIZE", ">OLDEST"]);
            for row in rows {
                let age = plan.made_at_ms.saturating_sub(row.oldest_ms);
                table.add_row([
                    output::cell(row.job_id.as_deref().unwrap_or("-")),
                    Cell::new(rows::words(row.kind)),
                    Cell::new(row.files),
                    Cell::new(output::size(row.bytes)),
                    Cell::new(output::age(age)),
                ]);
            }
            output::print_table(&table);
        }
        rows::print_left("NOT UNDERSTOOD: no file of a job is deleted", &plan.doubts);
        rows::print_left("LEFT AS IT IS", &plan.left);
        let file = self.output.display();
        let checkpoints = plan.checkpoints;
        if checkpoints == 0 {
            output::print(&format!(
                "\nWritten to {file}, which will not be applied: there is no published checkpoint \
                 in {}, so that every file would be left over.",
                plan.root
            ));
            return;
        }
        let (files, bytes) = rows::sum(rows.iter());
        output::print(&format!(
            "\nWritten to {file}: {files} leftovers, {}; {checkpoints} published checkpoints stay.",
            output::size(bytes)
        ));
        if files > 0 {
            output::print(&format!(
                "To delete them, within 24 hours: dualwrite gc apply {file}"
            ));
        }
    }
}
