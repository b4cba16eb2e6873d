//! `dualwrite repair plan`: looks at both clusters, and writes down what would be copied. Copies
//! nothing.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use audit::{Location, Place, Step, StoreError};
use repair::{Cluster, Depth, Ends, Plan, Side, Wanted, Which};
use serde::Serialize;

use super::show;
use crate::Exit;
use crate::commands::plan_file;
use crate::context::{Context, Given};
use crate::error::{Failure, explain};
use crate::output;
use crate::progress::Spinner;

/// Write down what would be copied, from which cluster, and what cannot be repaired
///
/// Of each checkpoint that the source has, every file that its `_metadata` names is looked for on
/// the target. Of checkpoints that only the target still has, their own `_metadata` says what they
/// need. The plan is a JSON file to be read before it is applied.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
#[command(group(clap::ArgGroup::new("jobs").args(["job", "all"])))]
pub(super) struct Args {
    /// A checkpoint's directory or its `_metadata`, on either cluster, like
    /// `hdfs://nn2:8020/flink/checkpoints/<job id>/chk-42`
    #[arg(
        required_unless_present = "jobs",
        conflicts_with = "jobs",
        value_name = "PATH"
    )]
    paths: Vec<String>,
    /// All checkpoints of the jobs of this name or id; may be given several times
    #[arg(long, value_name = "NAME_OR_ID")]
    job: Vec<String>,
    /// All checkpoints of all jobs
    #[arg(long)]
    all: bool,
    /// Of each job only its newest checkpoint on the source; if the source retires that before
    /// `apply` is done, the newest then
    #[arg(long, requires = "jobs")]
    newest: bool,
    /// Which cluster is repaired
    #[arg(long, value_enum, value_name = "SIDE", default_value_t)]
    to: To,
    /// How closely the target's files are looked at
    #[arg(long, value_enum, default_value_t)]
    depth: HowClosely,
    /// The primary's checkpoint directory, or a cluster's name [default: the configuration's]
    #[arg(long, value_name = "URI")]
    primary: Option<String>,
    /// The secondary directory, as in dualwrite.secondary.dir, or a cluster's name [default: the
    /// configuration's]
    #[arg(long, value_name = "URI")]
    secondary: Option<String>,
    /// As --hadoop-conf-dir, for the primary alone
    #[arg(long, value_name = "DIR")]
    primary_hadoop_conf_dir: Option<PathBuf>,
    /// As --hadoop-conf-dir, for the secondary alone
    #[arg(long, value_name = "DIR")]
    secondary_hadoop_conf_dir: Option<PathBuf>,
    /// A further name of the primary as in dualwrite.primary.aliases; may be given several times
    /// [default: the configuration's]
    #[arg(long, value_name = "NAME")]
    primary_alias: Vec<String>,
    /// A further pair of places as in dualwrite.path-mapping; may be given several times [default:
    /// the configuration's]
    #[arg(long, value_name = "PRIMARY=SECONDARY")]
    path_mapping: Vec<String>,
    /// Write what is missing as a list for `hadoop distcp -f`, and FILE.sh that runs it, so that a
    /// cluster copies it; `apply` then moves it to its places
    #[arg(long, value_name = "FILE")]
    distcp_list: Option<PathBuf>,
    /// Where the plan is written
    #[arg(long, short, value_name = "FILE", default_value = "repair.json")]
    output: PathBuf,
}

/// Which cluster is repaired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum To {
    /// From the secondary: after a switch, when jobs are to come back
    Primary,
    /// From the primary
    #[default]
    Secondary,
}

/// How closely the target's files are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum HowClosely {
    /// They are there with their lengths
    #[default]
    Length,
    /// And every byte of them is the source's: what differs is taken for damaged on the target
    Content,
}

const AFTER_HELP: &str = "\
With --to primary nothing tells whether a Flink is writing there: repair only what no running job \
writes to. On the primary there is no catalogue, and in-flight files lie in .dualwrite below its \
checkpoint directory.

Exit codes:
  0  each checkpoint that was asked for can be made whole, or is
  1  findings: some cannot, because the source does not have what they need, or it has no place
  2  the command line, an address or the mapping is wrong
  3  cannot tell: a cluster did not answer

Examples:
  dualwrite repair plan --config clusters.toml --all --newest
  dualwrite repair plan --primary hdfs://nn1/cp --secondary hdfs://nn2/cp --job payments --newest
  dualwrite repair plan --config clusters.toml --depth content hdfs://nn2/cp/<job id>/chk-42
  dualwrite repair plan --config clusters.toml --job payments --newest --distcp-list files
  dualwrite repair plan --config clusters.toml --all --newest --to primary";

#[derive(Debug, Serialize)]
struct Document<'a> {
    result: &'static str,
    file: Option<String>,
    lists: Vec<String>,
    script: Option<String>,
    plan: Option<&'a Plan>,
    error: Option<Failure>,
}

/// What was written for distcp.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub(super) lists: Vec<PathBuf>,
    pub(super) script: Option<PathBuf>,
}

impl Args {
    pub(super) async fn run(self, context: &Context) -> Exit {
        match self.plan(context).await {
            Err(refused) => refused,
            Ok(Err((task, error))) => {
                output::complain(&explain(&task, &error));
                if context.json {
                    output::print_json(&Document {
                        result: "unknown",
                        file: None,
                        lists: Vec::new(),
                        script: None,
                        plan: None,
                        error: Some(Failure::from(&error)),
                    });
                }
                Exit::CannotTell
            }
            Ok(Ok(plan)) => self.hand_over(&plan, context.json),
        }
    }

    async fn plan(&self, context: &Context) -> Result<Result<Plan, (String, StoreError)>, Exit> {
        let which = self.which()?;
        let config = &context.config;
        let text = self.primary.as_ref().or(config.primary.as_ref());
        let conf_dir = self.primary_hadoop_conf_dir.as_deref();
        let primary = given(context, "primary", text, conf_dir)?;
        let text = self.secondary.as_ref().or(config.secondary.as_ref());
        let conf_dir = self.secondary_hadoop_conf_dir.as_deref();
        let secondary = given(context, "secondary", text, conf_dir)?;
        let to = match self.to {
            To::Primary => Side::Primary,
            To::Secondary => Side::Secondary,
        };
        let task = match self.to {
            To::Primary => format!("plan a repair of {}", primary.uri),
            To::Secondary => format!("plan a repair of {}", secondary.uri),
        };
        let places = (primary.open(&task)?, secondary.open(&task)?);
        let (primary, secondary) = (cluster(primary, &places.0), cluster(secondary, &places.1));
        let aliases = context.primary_aliases(&self.primary_alias);
        let mapping = context.path_mapping(&self.path_mapping);
        let ends = ends(to, places, aliases, mapping)?;
        let wanted = Wanted {
            which,
            newest: self.newest,
            depth: match self.depth {
                HowClosely::Length => Depth::Length,
                HowClosely::Content => Depth::Content,
            },
            lists: self.distcp_list.is_some(),
            primary,
            secondary,
            primary_aliases: aliases.to_vec(),
            path_mapping: mapping.to_vec(),
            now_ms: audit::now_ms(),
        };
        let spinner = Spinner::start();
        spinner.say("listing checkpoints");
        let (files, bytes) = (AtomicU64::new(0), AtomicU64::new(0));
        let watch = |at: usize, count: usize, step| {
            match step {
                Step::LookedUp(more) => files.fetch_add(more as u64, Ordering::Relaxed),
                Step::Read(more) => bytes.fetch_add(more, Ordering::Relaxed),
                Step::Named(_) | Step::Verified => 0,
            };
            let [files, bytes] = [&files, &bytes].map(|sum| sum.load(Ordering::Relaxed));
            let bytes = output::size(bytes);
            spinner.say(format!(
                "checkpoint {} of {count}: {files} files looked up, {bytes} read",
                at + 1
            ));
        };
        let made = repair::plan(&ends, wanted, &watch).await;
        Ok(made.map_err(|error| (task, error)))
    }

    fn which(&self) -> Result<Which, Exit> {
        if self.all {
            return Ok(Which::All);
        }
        if !self.job.is_empty() {
            return Ok(Which::Jobs(self.job.clone()));
        }
        let places = self.paths.iter().map(|path| {
            Location::parse(path).map_err(|error| {
                output::complain(&format!("{error}."));
                Exit::Usage
            })
        });
        Ok(Which::Paths(places.collect::<Result<_, _>>()?))
    }

    /// Writes the plan down, and shows it.
    fn hand_over(&self, plan: &Plan, json: bool) -> Exit {
        let written = self.write(plan);
        let written = written.map_err(|(path, error)| plan_file::not_written(&path, error));
        let written = match written {
            Ok(written) => written,
            Err(refused) => return refused,
        };
        if json {
            let text = |path: &PathBuf| path.display().to_string();
            output::print_json(&Document {
                result: if plan.is_whole() { "good" } else { "findings" },
                file: Some(text(&self.output)),
                lists: written.lists.iter().map(text).collect(),
                script: written.script.as_ref().map(text),
                plan: Some(plan),
                error: None,
            });
        } else {
            show::plan(plan, &self.output, &written);
        }
        if plan.is_whole() {
            Exit::Good
        } else {
            Exit::Findings
        }
    }

    fn write(&self, plan: &Plan) -> Result<Written, (PathBuf, std::io::Error)> {
        let write = |path: &Path, text: &str| {
            std::fs::write(path, text).map_err(|error| (path.to_owned(), error))
        };
        write(&self.output, &plan.to_json())?;
        let mut written = Written::default();
        let Some(first) = &self.distcp_list else {
            return Ok(written);
        };
        let name = first.file_name().unwrap_or_default().to_string_lossy();
        let made = repair::lists(plan, &name);
        for (name, list) in &made.lists {
            let path = first.with_file_name(name);
            write(&path, list)?;
            written.lists.push(path);
        }
        if !made.lists.is_empty() {
            let path = first.with_file_name(format!("{name}.sh"));
            write(&path, &made.script)?;
            written.script = Some(path);
        }
        Ok(written)
    }
}

/// One of the two clusters, by its flag or the configuration.
fn given(
    context: &Context,
    side: &str,
    text: Option<&String>,
    conf_dir: Option<&Path>,
) -> Result<Given, Exit> {
    let Some(text) = text else {
        output::complain(&format!(
            "Which {side}? Give --{side} with its checkpoint directory, or --config with a primary \
             and a secondary."
        ));
        return Err(Exit::Usage);
    };
    let mut given = context.cluster(text)?;
    if let Some(dir) = conf_dir {
        given.options.hadoop_conf_dir = Some(dir.to_owned());
    }
    Ok(given)
}

fn cluster(given: Given, place: &Place) -> Cluster {
    Cluster {
        name: given.name,
        root: place.location.to_string(),
        hadoop_conf_dir: given.options.hadoop_conf_dir,
        user: given.options.user,
    }
}

/// The two clusters with their mapping.
pub(super) fn ends(
    to: Side,
    places: (Place, Place),
    names: &[String],
    further: &[String],
) -> Result<Ends, Exit> {
    Ends::new(to, places, names, further).map_err(|error| {
        output::complain(&format!(
            "The two clusters have no mapping that can be used both ways: {error}."
        ));
        Exit::Usage
    })
}
