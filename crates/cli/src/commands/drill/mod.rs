//! `dualwrite drill`: would the jobs go on from what the secondary has? Its arguments, and what is
//! done in which order.

mod document;

use std::num::NonZeroU16;
use std::path::PathBuf;
use std::time::Duration;

use audit::{Depth, Inventory, Location, Look, Place, Proof, Verdict};
use switch::{
    Drilled, Flink, FlinkError, JobsFile, LeftOut, Lineage, Options, Pattern, Rehearsal, Selection,
    lineages,
};

use crate::Exit;
use crate::commands::jobs_file;
use crate::commands::record::Recorded;
use crate::context::Context;
use crate::error::explain;
use crate::output;
use crate::progress::{Checkpoints, Jobs, Spinner};

use document::{Document, Line};

/// Rehearse a switch: read the newest checkpoints whole, and start jobs from them on another Flink
///
/// Of each job the newest published checkpoint on the secondary is verified by its content. With
/// --run, the job is then started from it on the Flink that is given, until it has completed a
/// checkpoint there, and cancelled. Nothing on the secondary is claimed or deleted, and nothing
/// written but what --record asks for.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    /// The secondary directory, as in dualwrite.secondary.dir, or a cluster's name [default: the
    /// configuration's secondary]
    #[arg(long, value_name = "URI")]
    secondary: Option<String>,
    /// Only the jobs of this name or id, with `*` for any characters; may be given several times
    /// [default: the jobs of the jobs file, or all]
    #[arg(long, value_name = "PATTERN")]
    job: Vec<String>,
    /// Start them, too
    #[arg(long, requires_all = ["flink", "jobs"])]
    run: bool,
    /// The Flink to start them on, like `http://drill:8081`; never the one on which they run
    #[arg(long, value_name = "URL", requires = "run")]
    flink: Option<String>,
    /// The jobs file, as of `dualwrite switch plan`: with the jars and arguments of a drill, whose
    /// sources and sinks hurt nobody
    #[arg(long, value_name = "FILE")]
    jobs: Option<PathBuf>,
    /// Leave on the secondary which jobs were found good, and when: their JobManagers tell it as
    /// `dualwrite_last_good_verify_timestamp_seconds` and, with --run,
    /// `dualwrite_last_good_drill_timestamp_seconds`
    #[arg(long)]
    record: bool,
    /// So many jobs are run at a time
    #[arg(long, value_name = "N", default_value = "1")]
    concurrency: NonZeroU16,
    /// For a job to run
    #[arg(long, value_name = "TIME", default_value = "5min", value_parser = crate::time)]
    start_timeout: Duration,
    /// For its first checkpoint
    #[arg(long, value_name = "TIME", default_value = "10min", value_parser = crate::time)]
    checkpoint_timeout: Duration,
    /// For it to end again
    #[arg(long, value_name = "TIME", default_value = "1min", value_parser = crate::time)]
    stop_timeout: Duration,
}

const AFTER_HELP: &str = "\
Each job is started from the newest checkpoint that is usable then, with the claim mode NO_CLAIM, \
whatever the jobs file says, and not at all where a job of its name runs on that Flink already. \
Give that Flink a checkpoint directory of its own, and no dualwrite keys: what a drill completes \
there stays there as any job's.

A sink that keeps in its state what it has begun, as those do that write to Kafka or to files \
exactly once, goes on with that wherever its arguments point, and so meddles with the running \
job's. For a drill, let such a job have a sink with another uid, and set allow-non-restored-state.

Exit codes:
  0  every newest checkpoint is usable and, with --run, every job has gone on from it
  1  one at least is not, has not, or has no checkpoint
  2  the command line, the jobs file or an address is wrong
  3  nothing is known to have failed, but of one job at least a cluster did not tell, or what
     --record asks for could not be left

Examples:
  dualwrite drill --config clusters.toml
  dualwrite drill --secondary hdfs://nn2/cp --job payments
  dualwrite drill --config clusters.toml --record
  dualwrite drill --config clusters.toml --run --flink http://drill:8081 --jobs drill.toml";

/// What is to be drilled, and what was asked for and cannot be.
struct Found {
    lines: Vec<Line>,
    left_out: Vec<LeftOut>,
}

impl Args {
    pub(crate) async fn run(self, context: &Context) -> Exit {
        match self.document(context).await {
            Err(refused) => refused,
            Ok(document) => {
                if context.json {
                    output::print_json(&document);
                } else {
                    document.show();
                }
                document.exit()
            }
        }
    }

    async fn document(&self, context: &Context) -> Result<Document, Exit> {
        let jobs_file = jobs_file::read(self.jobs.as_deref())?;
        let selection = self.selection(&jobs_file)?;
        let flink = self.flink(context)?;
        let secondary = context.secondary(self.secondary.as_ref())?;
        let task = format!("drill from {secondary}");
        let place = context.open(&task, secondary)?;
        let mut document = Document::new(&place.location);
        let inventory = {
            let spinner = Spinner::start();
            spinner.say(format!("listing {}", place.location));
            audit::jobs(&*place.store, &place.location).await
        };
        let inventory = match inventory {
            Ok(inventory) => inventory,
            Err(error) => {
                document.cannot_list(&error, explain(&task, &error));
                return Ok(document);
            }
        };
        let mut found = find(&inventory, &selection, &place);
        verify(&place, &mut found).await;
        if let Some(flink) = &flink {
            match self.rehearse(&found, &place, flink, &jobs_file).await {
                Ok(drilled) => found.add(drilled),
                Err(error) => document.cannot_run(&error),
            }
        }
        if self.record {
            document.record(found.record(&place).await);
        }
        document.add(found.lines, found.left_out, flink.is_some());
        Ok(document)
    }

    /// Those of `--job`, else those of the jobs file, else all.
    fn selection(&self, jobs_file: &JobsFile) -> Result<Selection, Exit> {
        let patterns: Vec<_> = if self.job.is_empty() {
            jobs_file.names().map(Pattern::escape).collect()
        } else {
            self.job.clone()
        };
        if patterns.is_empty() {
            return Ok(Selection::All);
        }
        let patterns = patterns.iter().map(|text| {
            Pattern::new(text).map_err(|error| {
                output::complain(&format!("--job {text}: {error}."));
                Exit::Usage
            })
        });
        Ok(Selection::Matching(patterns.collect::<Result<_, _>>()?))
    }

    /// The Flink to run on: not the one on which the jobs run, as far as the configuration tells.
    fn flink(&self, context: &Context) -> Result<Option<Flink>, Exit> {
        let Some(flink) = jobs_file::flink(context, "--flink", self.flink.as_deref())? else {
            return Ok(None);
        };
        let config = &context.config;
        let primary = config.primary.as_ref();
        let primary = primary.and_then(|name| config.clusters.get(name));
        let own = primary.and_then(|primary| primary.flink.as_deref());
        let own = jobs_file::flink(context, "the primary's flink", own)?;
        if own.is_some_and(|own| own.address() == flink.address()) {
            output::complain(&format!(
                "{} is the primary's Flink, on which the jobs run: two of a job would write \
                 everything twice. Give the address of another.",
                flink.address()
            ));
            return Err(Exit::Usage);
        }
        Ok(Some(flink))
    }

    /// Starts those whose checkpoints are usable.
    async fn rehearse(
        &self,
        found: &Found,
        place: &Place,
        flink: &Flink,
        jobs_file: &JobsFile,
    ) -> Result<Vec<Drilled>, FlinkError> {
        let usable = found.lines.iter().filter(|line| line.is_usable());
        let rehearsals: Vec<_> = usable
            .map(|line| Rehearsal {
                name: line.job_name.clone(),
                job_dir: line.dir.parent(),
                launch: jobs_file.launch(&line.job_name),
            })
            .collect();
        let options = Options {
            stop: self.stop_timeout,
            start: self.start_timeout,
            first_checkpoint: self.checkpoint_timeout,
            concurrency: usize::from(self.concurrency.get()),
            ..Options::default()
        };
        let bars = Jobs::start(rehearsals.len());
        let watch = |job: &str, step| bars.hears(job, &step);
        switch::drill(&rehearsals, place, flink, &options, &watch).await
    }
}

impl Found {
    async fn record(&self, place: &Place) -> Recorded {
        let mut recorded = Recorded::default();
        let verified = self.lines.iter().filter_map(Line::verified).collect();
        recorded.add(place, Proof::Verify, verified).await;
        let drilled = self.lines.iter().filter_map(Line::drilled).collect();
        recorded.add(place, Proof::Drill, drilled).await;
        recorded
    }

    fn add(&mut self, drilled: Vec<Drilled>) {
        for one in drilled {
            let mut lines = self.lines.iter_mut();
            if let Some(line) = lines.find(|line| line.job_name == one.name) {
                line.add_drill(one.result);
            }
        }
    }
}

fn find(inventory: &Inventory, selection: &Selection, place: &Place) -> Found {
    let (found, mut left_out) = lineages(inventory, selection);
    if !inventory.root_is_there {
        left_out.push(LeftOut {
            name: place.location.to_string(),
            why: "it is not there: give the directory of the copies".to_owned(),
        });
    }
    let mut lines = Vec::new();
    for Lineage { name, newest, .. } in found {
        match &newest.newest {
            Some(published) => {
                lines.push(Line::new(name, newest.id.clone(), &published.checkpoint));
            }
            None => left_out.push(LeftOut {
                name,
                why: format!("no checkpoint is published in {}", newest.dir),
            }),
        }
    }
    Found { lines, left_out }
}

async fn verify(place: &Place, found: &mut Found) {
    let asked: Vec<_> = found.lines.iter().map(|line| line.dir.clone()).collect();
    let bar = Checkpoints::start(asked.len());
    let watch = |step| bar.hears(step);
    let roots = [place.location.clone()];
    let look = Look {
        depth: Depth::Content,
        roots: &roots,
        watch: &watch,
        ..Look::default()
    };
    let reports = audit::verify_all(&*place.store, &asked, &look).await;
    for (line, report) in found.lines.iter_mut().zip(&reports) {
        line.add_report(report);
        // To read a checkpoint takes time, in which its job may have retired it.
        if report.verdict() == Verdict::NotUsable && is_retired(place, &line.dir).await {
            line.is_retired();
        }
    }
}

/// Whether a checkpoint that was there is not any more.
async fn is_retired(place: &Place, dir: &Location) -> bool {
    let published = audit::published_of_job(&*place.store, &dir.parent()).await;
    published.is_ok_and(|published| published.iter().all(|one| one.dir != *dir))
}
