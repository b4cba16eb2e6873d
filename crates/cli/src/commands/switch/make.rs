//! `dualwrite switch plan`: looks at the target's checkpoints, and writes down which job would
//! start from which. Starts and stops nothing.

use std::io::Write as _;
use std::path::PathBuf;

use audit::StoreError;
use serde::Serialize;
use switch::{JobsFile, Journal, LeftOut, Pattern, Plan, Selection, Source, Target, Wanted};

use super::{Direction, show};
use crate::Exit;
use crate::commands::{jobs_file, plan_file};
use crate::config;
use crate::context::{Context, Given};
use crate::error::{Failure, explain};
use crate::output;
use crate::progress::Spinner;

/// Write down which job would start from which checkpoint, and look whether each is usable
///
/// Asks the target's HDFS only: works with the source dead. The plan is a JSON file to be read, and
/// edited if need be, before it is applied.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// Where the jobs are to run: a cluster's name, or its checkpoint directory [default: the
    /// configuration's secondary; of failback, its primary]
    #[arg(long, value_name = "CLUSTER")]
    to: Option<String>,
    /// Where they run or ran: a cluster's name [default: the other one of the two]
    #[arg(long, value_name = "CLUSTER")]
    from: Option<String>,
    /// The jobs file: a TOML file that says of each job how it is started
    #[arg(long, value_name = "FILE")]
    jobs: Option<PathBuf>,
    /// Only the jobs of this name or id, with `*` for any characters; may be given several times
    /// [default: the jobs of the jobs file]
    #[arg(long, value_name = "PATTERN", conflicts_with = "all")]
    job: Vec<String>,
    /// All jobs that have checkpoints at the target
    #[arg(long)]
    all: bool,
    /// The target's Flink, like `http://jobmanager:8081` [default: the configuration's]
    #[arg(long, value_name = "URL")]
    flink: Option<String>,
    /// The source's Flink [default: the configuration's]
    #[arg(long, value_name = "URL")]
    source_flink: Option<String>,
    /// Where the plan is written
    #[arg(long, short, value_name = "FILE", default_value = "plan.json")]
    output: PathBuf,
}

const AFTER_HELP: &str = "\
A jobs file:
  [defaults]
  jar = \"/srv/jobs/all.jar\"       # uploaded once; or jar-id = \"<id of one that is there>\"
  claim-mode = \"NO_CLAIM\"         # or CLAIM

  [jobs.payments]                 # the job's name, as Flink shows it
  entry-class = \"io.example.Payments\"
  args = [\"--region\", \"west\"]
  parallelism = 8
  allow-non-restored-state = false
  configuration = { \"pipeline.max-parallelism\" = \"256\" }

Exit codes:
  0  each job that was asked for is in the plan
  1  findings: some are left out, because they have no usable checkpoint
  2  the command line, the jobs file or an address is wrong
  3  cannot tell: the target's HDFS did not answer

Examples:
  dualwrite switch plan --config clusters.toml --jobs jobs.toml
  dualwrite switch plan --to hdfs://nn2/cp --flink http://west:8081 --all --jobs jobs.toml
  dualwrite switch plan --config clusters.toml --job 'payments*' --jobs jobs.toml -o payments.json";

#[derive(Debug, Serialize)]
struct Document<'a> {
    result: &'static str,
    file: Option<String>,
    plan: Option<&'a Plan>,
    error: Option<Failure>,
}

impl Args {
    pub(super) async fn run(self, context: &Context, direction: Direction) -> Exit {
        match self.plan(context, direction).await {
            Err(refused) => refused,
            Ok(Err((task, error))) => {
                output::complain(&explain(&task, &error));
                if context.json {
                    output::print_json(&Document {
                        result: "unknown",
                        file: None,
                        plan: None,
                        error: Some(Failure::from(&error)),
                    });
                }
                Exit::CannotTell
            }
            Ok(Ok(plan)) => self.hand_over(&plan, context.json),
        }
    }

    async fn plan(
        &self,
        context: &Context,
        direction: Direction,
    ) -> Result<Result<Plan, (String, StoreError)>, Exit> {
        let jobs_file = jobs_file::read(self.jobs.as_deref())?;
        let selection = self.selection(&jobs_file)?;
        let target = self.target(context, direction)?;
        let source = self.source(context, &target)?;
        let task = format!("plan a switch to {}", target.uri);
        let place = target.open(&task)?;
        let is_primary = match &target.name {
            Some(name) => Some(name) == context.config.primary.as_ref(),
            None => matches!(direction, Direction::ToPrimary),
        };
        let further = context.config.path_mapping.iter();
        let further = further.map(|pair| config::side(pair, is_primary));
        let wanted = Wanted {
            target: Target {
                name: target.name,
                root: place.location.to_string(),
                hadoop_conf_dir: target.options.hadoop_conf_dir,
                user: target.options.user,
                flink: target.flink,
            },
            source,
            selection,
            jobs_file: &jobs_file,
            further: further.collect::<Result<_, _>>()?,
            now_ms: audit::now_ms(),
        };
        let spinner = Spinner::start();
        spinner.say(format!("listing {}", place.location));
        let watch = |looked_at, count| {
            spinner.say(format!(
                "{looked_at} of {count} jobs: are their checkpoints usable?"
            ));
        };
        let made = switch::plan(&place, wanted, &watch).await;
        Ok(made.map_err(|error| (task, error)))
    }

    fn selection(&self, jobs_file: &JobsFile) -> Result<Selection, Exit> {
        let usage = |why: &str| {
            output::complain(why);
            Exit::Usage
        };
        if self.all {
            return Ok(Selection::All);
        }
        let patterns: Vec<_> = if self.job.is_empty() {
            jobs_file.names().map(Pattern::escape).collect()
        } else {
            self.job.clone()
        };
        if patterns.is_empty() {
            return Err(usage(
                "Which jobs? Give --jobs with a file that names some, --job PATTERN, or --all.",
            ));
        }
        let patterns = patterns.iter().map(|text| {
            Pattern::new(text).map_err(|error| usage(&format!("--job {text}: {error}.")))
        });
        Ok(Selection::Matching(patterns.collect::<Result<_, _>>()?))
    }

    fn target(&self, context: &Context, direction: Direction) -> Result<Given, Exit> {
        let config = &context.config;
        let default = match direction {
            Direction::ToSecondary => &config.secondary,
            Direction::ToPrimary => &config.primary,
        };
        let Some(to) = self.to.as_ref().or(default.as_ref()) else {
            output::complain(
                "Where to? Give --to with a checkpoint directory, or --config with a primary and a \
                 secondary.",
            );
            return Err(Exit::Usage);
        };
        let mut target = context.cluster(to)?;
        let address = self.flink.clone().or(target.flink);
        let flink = jobs_file::flink(context, "--flink", address.as_deref())?;
        target.flink = flink.map(|flink| flink.address().to_owned());
        Ok(target)
    }

    fn source(&self, context: &Context, target: &Given) -> Result<Source, Exit> {
        let config = &context.config;
        let two = [&config.primary, &config.secondary].into_iter().flatten();
        let other = |name: &&String| target.name.is_some() && Some(*name) != target.name.as_ref();
        let from = self
            .from
            .clone()
            .or_else(|| two.clone().find(other).cloned());
        let given = from
            .as_deref()
            .map(|from| context.cluster(from))
            .transpose()?;
        let address = given.as_ref().and_then(|given| given.flink.clone());
        let address = self.source_flink.clone().or(address);
        let flink = jobs_file::flink(context, "--source-flink", address.as_deref())?;
        Ok(Source {
            name: given.and_then(|given| given.name),
            flink: flink.map(|flink| flink.address().to_owned()),
        })
    }

    /// Writes the plan down, and shows it.
    fn hand_over(&self, plan: &Plan, json: bool) -> Exit {
        let journal = Journal::path_of(&self.output);
        if journal.exists() {
            output::complain(&format!(
                "{} was applied, at least in part ({} is there). Take another name with --output, \
                 or move both away.",
                self.output.display(),
                journal.display()
            ));
            return Exit::Usage;
        }
        let written = std::fs::File::create(&self.output)
            .and_then(|mut file| file.write_all(plan.to_json().as_bytes()));
        if let Err(error) = written {
            return plan_file::not_written(&self.output, error);
        }
        let is_whole = plan.left_out.is_empty();
        if json {
            output::print_json(&Document {
                result: if is_whole { "good" } else { "findings" },
                file: Some(self.output.display().to_string()),
                plan: Some(plan),
                error: None,
            });
        } else {
            show::plan(plan, &self.output, audit::now_ms());
        }
        if is_whole { Exit::Good } else { Exit::Findings }
    }
}

/// Those who were asked for and cannot be switched, for people.
pub(crate) fn left_out_lines(left_out: &[LeftOut]) -> impl Iterator<Item = String> {
    left_out.iter().map(|left| {
        let text = format!("- {}: {}", left.name, left.why);
        output::harmless(&text)
    })
}
