//! `dualwrite repair apply`: carries a plan out, shows how far it is, and how it ended.

use std::fs::{File, TryLockError};
use std::io::Read as _;
use std::num::{NonZeroU16, NonZeroU64};
use std::path::{Path, PathBuf};

use audit::{ClusterOptions, Place};
use repair::{Cannot, Cluster, LeftOut, Options, Outcome, Plan};
use serde::Serialize;

use super::make::ends;
use super::show;
use crate::Exit;
use crate::commands::plan_file;
use crate::context::{Context, Given};
use crate::output;
use crate::progress::Copies;

/// Copy what is missing, and publish
///
/// Both clusters are asked again what is missing, so what is there by now is not copied, and it can
/// be killed and run again. A checkpoint is published when all its files are there. To publish on a
/// secondary it takes the job over for a moment, so that nothing is deleted under it; a running job
/// takes itself back with its next checkpoint, and says so in its log.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// What `dualwrite repair plan` has written
    #[arg(value_name = "PLAN")]
    plan: PathBuf,
    /// So many files at a time
    #[arg(long, value_name = "N", default_value = "4")]
    concurrency: NonZeroU16,
    /// No more than this in a second, all files together, like 50mb [default: no limit]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    bandwidth_limit: Option<NonZeroU64>,
}

const AFTER_HELP: &str = "\
Exit codes:
  0  each checkpoint of the plan is whole on the target, and published
  1  one at least is not: the message says why, and what to do
  2  the command line or the plan is wrong, or another apply of it is at work
  3  nothing is known to have failed, but of one checkpoint at least a cluster did not tell

Examples:
  dualwrite repair apply repair.json
  dualwrite repair apply repair.json --concurrency 16 --bandwidth-limit 200mb
  dualwrite repair apply --json repair.json | jq -r '.checkpoints[].message'";

/// As Flink writes sizes: `50mb`, `1gb`, 1024 to the next.
fn size(text: &str) -> Result<NonZeroU64, String> {
    let wrong = || format!("'{text}' is no size above 0: give one like 500kb, 50mb or 1gb");
    let text = text.trim().to_ascii_lowercase();
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let number = &text[..text.len() - unit.len()];
    let shift = match unit.trim() {
        "" | "b" => 0,
        "k" | "kb" => 10,
        "m" | "mb" => 20,
        "g" | "gb" => 30,
        "t" | "tb" => 40,
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let bytes = number.checked_mul(1 << shift).ok_or_else(wrong)?;
    NonZeroU64::new(bytes).ok_or_else(wrong)
}

#[derive(Debug, Serialize)]
struct Document {
    result: &'static str,
    checkpoints: Vec<Line>,
    left_out: Vec<LeftOut>,
}

/// How a checkpoint's repair ended, as it appears in JSON.
#[derive(Debug, Serialize)]
pub(super) struct Line {
    pub(super) job_id: Option<String>,
    pub(super) path: String,
    pub(super) result: &'static str,
    pub(super) copied_files: u64,
    pub(super) copied_bytes: u64,
    pub(super) replaced_files: u64,
    pub(super) published: bool,
    pub(super) message: Option<String>,
    findings: Vec<Cannot>,
}

pub(super) const REPAIRED: &str = "repaired";
const FAILED: &str = "failed";
const UNKNOWN: &str = "unknown";

impl From<Outcome> for Line {
    fn from(outcome: Outcome) -> Self {
        let mended = outcome.mended;
        let (result, message, findings) = match outcome.result {
            Ok(()) => (REPAIRED, None, Vec::new()),
            Err(failure) => {
                let result = if failure.is_silence() {
                    UNKNOWN
                } else {
                    FAILED
                };
                let message = Some(failure.to_string());
                let findings = match failure {
                    repair::Failure::Cannot(findings) => findings,
                    _ => Vec::new(),
                };
                (result, message, findings)
            }
        };
        Self {
            job_id: outcome.planned.job_id,
            path: outcome.target,
            result,
            copied_files: mended.files,
            copied_bytes: mended.bytes,
            replaced_files: mended.replaced,
            published: mended.published,
            message,
            findings,
        }
    }
}

impl Args {
    pub(super) async fn run(self, context: &Context) -> Exit {
        match self.carry_out(context).await {
            Err(refused) => refused,
            Ok(document) => {
                if context.json {
                    output::print_json(&document);
                } else {
                    show::outcome(&document.checkpoints);
                }
                match document.result {
                    REPAIRED => Exit::Good,
                    FAILED => Exit::Findings,
                    _ => Exit::CannotTell,
                }
            }
        }
    }

    async fn carry_out(&self, context: &Context) -> Result<Document, Exit> {
        let (plan, _held) = read_plan(&self.plan)?;
        let task = format!("repair {}", plan.target().root);
        let place = |cluster: &Cluster| open(cluster, context, &task);
        let places = (place(&plan.primary)?, place(&plan.secondary)?);
        let ends = ends(plan.to, places, &plan.primary_aliases, &plan.path_mapping)?;
        let options = Options {
            concurrency: usize::from(self.concurrency.get()),
            bytes_per_second: self.bandwidth_limit.map(NonZeroU64::get),
            ..Options::default()
        };
        let outcomes = {
            let bytes = plan.copies.iter().map(|copy| copy.bytes).sum();
            let bar = Copies::start(plan.checkpoints.len(), bytes);
            let watch = |step| bar.hears(step);
            repair::apply(&plan, &ends, &options, &watch).await
        };
        let checkpoints: Vec<_> = outcomes.into_iter().map(Line::from).collect();
        let any = |result| checkpoints.iter().any(|line| line.result == result);
        Ok(Document {
            result: match () {
                () if any(FAILED) => FAILED,
                () if any(UNKNOWN) => UNKNOWN,
                () => REPAIRED,
            },
            checkpoints,
            left_out: plan.left_out,
        })
    }
}

/// Reads a plan, and holds its file against another apply of it for as long as that is kept.
fn read_plan(path: &Path) -> Result<(Plan, File), Exit> {
    let wrong = |why: String| plan_file::wrong(path, why);
    let mut file = File::open(path).map_err(|error| wrong(error.to_string()))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let why = "another apply of it is running; wait for its end, or stop it";
            return Err(wrong(why.to_owned()));
        }
        Err(TryLockError::Error(error)) => return Err(wrong(error.to_string())),
    }
    let mut text = String::new();
    file.read_to_string(&mut text)
        .map_err(|error| wrong(error.to_string()))?;
    let plan = Plan::parse(&text).map_err(|error| wrong(error.to_string()))?;
    Ok((plan, file))
}

/// A cluster as the plan has it; the flags say what the plan does not.
fn open(cluster: &Cluster, context: &Context, task: &str) -> Result<Place, Exit> {
    let flags = context.flags.clone();
    let given = Given {
        name: cluster.name.clone(),
        uri: cluster.root.clone(),
        options: ClusterOptions {
            hadoop_conf_dir: cluster.hadoop_conf_dir.clone().or(flags.hadoop_conf_dir),
            user: cluster.user.clone().or(flags.user),
            call_timeout: flags.call_timeout,
        },
        flink: None,
    };
    given.open(task)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_flinks() {
        let bytes = |text| size(text).map(NonZeroU64::get);
        assert_eq!(bytes("50mb"), Ok(50 << 20));
        assert_eq!(bytes(" 1 GB"), Ok(1 << 30));
        assert_eq!(bytes("17"), Ok(17));
        for wrong in ["", "0", "mb", "-1mb", "5 parsecs", "99999999999tb", "1.5gb"] {
            assert!(bytes(wrong).unwrap_err().contains("like 500kb"), "{wrong}");
        }
    }
}
