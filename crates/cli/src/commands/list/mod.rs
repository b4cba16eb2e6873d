//! `dualwrite list`: which jobs a secondary holds, from which checkpoint each can go on, and how
//! far that is behind the primary.

mod document;
mod primary;
mod show;

use audit::{Inventory, Look, Place, Report};

use crate::Exit;
use crate::context::Context;
use crate::error::explain;
use crate::output;
use crate::progress::{Checkpoints, Spinner};

use document::{Document, Verdict};
use primary::Primary;

/// List the jobs on a secondary, each with its newest published checkpoint
///
/// The jobs of the catalogue, by name, and those that have published checkpoints but no entry
/// there. A job that was submitted again has another id and the same name, and is one row. Works
/// with the primary dead; while that answers, its newest completed checkpoints are beside the
/// published ones.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    /// The secondary directory, as in dualwrite.secondary.dir, or a cluster's name [default: the
    /// configuration's secondary]
    #[arg(long, value_name = "URI")]
    secondary: Option<String>,
    /// The primary's checkpoint directory, to see how far the secondary is behind, or a cluster's
    /// name [default: the configuration's other one of the two]
    #[arg(long, value_name = "URI")]
    primary: Option<String>,
    /// Look whether the newest checkpoints are usable, too, as `dualwrite verify` does
    #[arg(long)]
    verify: bool,
    /// A row for each id that a job had, and not only for the newest
    #[arg(long)]
    all_ids: bool,
}

const AFTER_HELP: &str = "\
AGE is the time since the job triggered the published checkpoint, or since its _metadata was \
written where the time of the trigger is not known. BEHIND is how much newer the primary's newest \
completed checkpoint is. A job that has checkpoints on the primary and none on the secondary has a \
row, and is no finding: it may have ended before it was protected.

Exit codes:
  0  every job has a published checkpoint
  1  findings: the directory is not there, a job has no checkpoint, something is not understood, or,
     with --verify, a newest checkpoint is not usable
  2  the command line or the address is wrong
  3  cannot tell: the secondary did not answer

Examples:
  dualwrite list --config clusters.toml --verify
  dualwrite list --secondary hdfs://nn2:8020/flink/checkpoints
  dualwrite list --secondary hdfs://ns2/cp --hadoop-conf-dir /etc/hadoop/secondary
  dualwrite list --json --secondary hdfs://nn2/cp | jq -r '.jobs[].newest_path'";

impl Args {
    pub(crate) async fn run(self, context: &Context) -> Exit {
        let secondary = match context.secondary(self.secondary.as_ref()) {
            Ok(secondary) => secondary,
            Err(refused) => return refused,
        };
        let task = format!("list {secondary}");
        let place = match context.open(&task, secondary) {
            Ok(place) => place,
            Err(refused) => return refused,
        };
        let primary = match self.primary(context, secondary) {
            Ok(primary) => primary,
            Err(refused) => return refused,
        };
        let (told, primary) = {
            let spinner = Spinner::start();
            spinner.say(format!("listing {}", place.location));
            let secondary = audit::jobs(&*place.store, &place.location);
            tokio::join!(secondary, Primary::look(primary.as_ref()))
        };
        let mut document = match &told {
            Ok(inventory) => Document::of(&place.location, inventory, &primary),
            Err(error) => Document::unknown(&place.location, error, &primary),
        };
        if let (true, Ok(inventory)) = (self.verify, &told) {
            document.add_reports(&verify(&place, inventory).await);
        }
        if context.json {
            output::print_json(&document);
        } else {
            show::document(&document, self.all_ids);
        }
        if let Err(error) = &told {
            output::complain(&explain(&task, error));
        }
        match document.result {
            Verdict::Good => Exit::Good,
            Verdict::Findings => Exit::Findings,
            Verdict::Unknown => Exit::CannotTell,
        }
    }

    /// The primary, if there is one to be asked.
    fn primary(&self, context: &Context, secondary: &str) -> Result<Option<Place>, Exit> {
        let config = &context.config;
        let two = [&config.primary, &config.secondary].into_iter().flatten();
        let mut others = two.filter(|name| name.as_str() != secondary);
        let is_named = config.clusters.contains_key(secondary);
        let other = others
            .next()
            .filter(|_| is_named || self.secondary.is_none());
        let Some(primary) = self.primary.as_ref().or(other) else {
            return Ok(None);
        };
        context.open(&format!("list {primary}"), primary).map(Some)
    }
}

/// A report of each job's newest checkpoint.
async fn verify(place: &Place, inventory: &Inventory) -> Vec<Report> {
    let newest = inventory.jobs.iter().filter_map(|job| job.newest.as_ref());
    let asked: Vec<_> = newest.map(|newest| newest.checkpoint.dir.clone()).collect();
    let bar = Checkpoints::start(asked.len());
    let watch = |step| bar.hears(step);
    let look = Look {
        watch: &watch,
        ..Look::default()
    };
    audit::verify_all(&*place.store, &asked, &look).await
}
