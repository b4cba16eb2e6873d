//! `dualwrite switch apply`: carries a plan out, shows how far each job is, and how it ended.

use std::num::NonZeroU16;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;
use switch::{Ends, Flink, Journal, Options, Outcome, Plan};

use super::show;
use crate::Exit;
use crate::commands::{jobs_file, plan_file};
use crate::context::{Context, Given};
use crate::output;
use crate::progress::Jobs;

/// Carry a plan out: end each job at the source, start it at the target, wait until it is safe
///
/// Each job is started from the newest usable checkpoint that there is then, never from an older
/// one than the plan's, and is safe when it has completed one itself. What was done is recorded
/// beside the plan, in PLAN.progress: killed and run again, it goes on, and starts no job twice.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// What `dualwrite switch plan` has written
    #[arg(value_name = "PLAN")]
    plan: PathBuf,
    /// You are sure that nothing runs at the source any more, and that nothing will: needed if its
    /// Flink does not answer. If it does answer, its jobs are ended all the same
    #[arg(long)]
    source_is_dead: bool,
    /// Start from a checkpoint that is older than the plan's, or than the newest that the source
    /// has completed, too
    #[arg(long)]
    accept_older: bool,
    /// So many jobs at a time
    #[arg(long, value_name = "N", default_value = "16")]
    concurrency: NonZeroU16,
    /// For a job to end at the source
    #[arg(long, value_name = "TIME", default_value = "1min", value_parser = crate::time)]
    stop_timeout: Duration,
    /// For the source's newest checkpoint to arrive at the target
    #[arg(long, value_name = "TIME", default_value = "2min", value_parser = crate::time)]
    catch_up_timeout: Duration,
    /// For a job to run at the target
    #[arg(long, value_name = "TIME", default_value = "5min", value_parser = crate::time)]
    start_timeout: Duration,
    /// For its first checkpoint there
    #[arg(long, value_name = "TIME", default_value = "10min", value_parser = crate::time)]
    checkpoint_timeout: Duration,
}

const AFTER_HELP: &str = "\
RPO is how much work is done again: from the checkpoint's trigger to the job's end at the source, \
or to this command's start where the source is dead. SAFE AFTER is the time until the first \
checkpoint at the target was complete.

Exit codes:
  0  each job of the plan runs at the target
  1  one at least does not: the table says why, and what to do
  2  the command line or the plan is wrong, or another apply of it is at work
  3  nothing is known to have failed, but of one job at least a cluster did not tell

Examples:
  dualwrite switch apply plan.json
  dualwrite switch apply plan.json --source-is-dead
  dualwrite switch apply --json plan.json | jq '.jobs[] | select(.result != \"switched\")'";

#[derive(Debug, Serialize)]
struct Document {
    result: &'static str,
    jobs: Vec<Line>,
    left_out: Vec<switch::LeftOut>,
    error: Option<String>,
}

/// How a job's switch ended, as it appears in JSON.
#[derive(Debug, Default, Serialize)]
pub(super) struct Line {
    pub(super) job_name: String,
    pub(super) result: &'static str,
    pub(super) job_id: Option<String>,
    pub(super) checkpoint_id: Option<u64>,
    pub(super) checkpoint_path: Option<String>,
    pub(super) rpo_ms: Option<u64>,
    pub(super) running_after_ms: Option<u64>,
    pub(super) first_checkpoint_after_ms: Option<u64>,
    pub(super) earlier: bool,
    pub(super) message: Option<String>,
}

const SWITCHED: &str = "switched";
const FAILED: &str = "failed";
const UNKNOWN: &str = "unknown";

impl Line {
    pub(super) fn is_switched(&self) -> bool {
        self.result == SWITCHED
    }

    fn of(outcome: Outcome) -> Self {
        let job_name = outcome.name;
        match outcome.result {
            Ok(switched) => Self {
                job_name,
                result: SWITCHED,
                job_id: Some(switched.job_id),
                checkpoint_id: Some(switched.checkpoint.id),
                checkpoint_path: Some(switched.checkpoint.path),
                rpo_ms: Some(switched.done.rpo_ms),
                running_after_ms: Some(switched.done.running_after_ms),
                first_checkpoint_after_ms: switched.done.first_checkpoint_after_ms,
                earlier: switched.earlier,
                message: None,
            },
            Err(failure) => Self {
                job_name,
                result: if failure.is_silence() {
                    UNKNOWN
                } else {
                    FAILED
                },
                message: Some(failure.to_string()),
                ..Self::default()
            },
        }
    }
}

/// Both Flinks and the target's HDFS, as the plan names them.
struct Reached {
    place: audit::Place,
    target: Flink,
    source: Option<Flink>,
}

impl Args {
    pub(super) async fn run(self, context: &Context) -> Exit {
        match self.carry_out(context).await {
            Err(refused) => refused,
            Ok(document) => {
                if context.json {
                    output::print_json(&document);
                } else if let Some(error) = &document.error {
                    output::complain(error);
                } else {
                    show::outcome(&document.jobs);
                }
                exit(&document)
            }
        }
    }

    async fn carry_out(&self, context: &Context) -> Result<Document, Exit> {
        let plan = plan_file::read(&self.plan, Plan::parse)?;
        let reached = reach(&plan, context)?;
        let journal = Journal::open(&Journal::path_of(&self.plan), &plan).map_err(|error| {
            output::complain(&format!("Nothing was done: {error}."));
            Exit::Usage
        })?;
        if journal.is_resumed() && !context.json {
            output::complain("Going on from where an earlier apply of this plan has ended.");
        }
        let ends = Ends {
            place: &reached.place,
            target: &reached.target,
            source: reached.source.as_ref(),
        };
        let options = self.options();
        let done = {
            let bars = Jobs::start(plan.jobs.len());
            let watch = |job: &str, step| bars.hears(job, &step);
            switch::apply(&plan, ends, &journal, &options, &watch).await
        };
        let (jobs, error) = match done {
            Ok(outcomes) => (outcomes.into_iter().map(Line::of).collect(), None),
            Err(error) => (
                Vec::new(),
                Some(format!(
                    "Nothing was done: {error}. Is the target's Flink up?"
                )),
            ),
        };
        Ok(Document {
            result: result(&jobs, error.as_deref()),
            jobs,
            left_out: plan.left_out,
            error,
        })
    }

    fn options(&self) -> Options {
        Options {
            source_is_dead: self.source_is_dead,
            accept_older: self.accept_older,
            stop: self.stop_timeout,
            catch_up: self.catch_up_timeout,
            start: self.start_timeout,
            first_checkpoint: self.checkpoint_timeout,
            concurrency: usize::from(self.concurrency.get()),
            ..Options::default()
        }
    }
}

fn reach(plan: &Plan, context: &Context) -> Result<Reached, Exit> {
    let target = &plan.target;
    let given = Given {
        name: target.name.clone(),
        uri: target.root.clone(),
        options: context.options(target.hadoop_conf_dir.as_ref(), target.user.as_ref()),
        flink: target.flink.clone(),
    };
    let place = given.open(&format!("switch to {}", target.root))?;
    let flink = |address| jobs_file::flink(context, "The plan", address);
    let Some(to) = flink(target.flink.as_deref())? else {
        output::complain(
            "The plan has no address of the target's Flink: make it anew with --flink. For the \
             command lines, see dualwrite switch print.",
        );
        return Err(Exit::Usage);
    };
    Ok(Reached {
        place,
        target: to,
        source: flink(plan.source.flink.as_deref())?,
    })
}

fn result(jobs: &[Line], error: Option<&str>) -> &'static str {
    let any = |result| jobs.iter().any(|job| job.result == result);
    match () {
        () if any(FAILED) => FAILED,
        () if any(UNKNOWN) || error.is_some() => UNKNOWN,
        () => SWITCHED,
    }
}

fn exit(document: &Document) -> Exit {
    match document.result {
        SWITCHED => Exit::Good,
        FAILED => Exit::Findings,
        _ => Exit::CannotTell,
    }
}
