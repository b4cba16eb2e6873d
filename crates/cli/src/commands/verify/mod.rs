//! `dualwrite verify`: are checkpoints usable? Its arguments, and which checkpoints they mean.

mod document;

use std::path::PathBuf;

use audit::{Counterpart, Location, Look, Place, Proof, Report, Which};

use crate::Exit;
use crate::commands::record::{Recorded, by_job};
use crate::config;
use crate::context::Context;
use crate::output;
use crate::progress::{Checkpoints, Spinner};

use document::Document;

/// Tell whether checkpoints are usable
///
/// Usable is a checkpoint if every file that its `_metadata` names is there, with its length; by
/// --depth content, if every byte of them can be read, too, and is the other cluster's, or else
/// what was recorded when it was written. Works on either cluster, and on savepoints.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
#[command(group(clap::ArgGroup::new("root").args(["secondary", "primary"])))]
#[command(group(clap::ArgGroup::new("jobs").args(["job", "all"])))]
pub(crate) struct Args {
    /// The checkpoint's directory or its `_metadata`, like
    /// `hdfs://nn2:8020/flink/checkpoints/<job id>/chk-42`
    #[arg(
        required_unless_present = "jobs",
        conflicts_with = "jobs",
        value_name = "PATH"
    )]
    paths: Vec<String>,
    /// All checkpoints of the jobs of this name or id; may be given several times
    #[arg(long, value_name = "NAME_OR_ID", requires = "root")]
    job: Vec<String>,
    /// All checkpoints of all jobs
    #[arg(long, requires = "root")]
    all: bool,
    /// Of each job only its newest checkpoint
    #[arg(long, requires = "jobs")]
    newest: bool,
    /// How closely they are looked at
    #[arg(long, value_enum, default_value_t)]
    depth: Depth,
    /// The secondary directory, as in dualwrite.secondary.dir, or a cluster's name: where the jobs
    /// are looked for
    #[arg(long, value_name = "URI")]
    secondary: Option<String>,
    /// The primary's checkpoint directory, to look for the jobs there instead
    #[arg(long, value_name = "URI")]
    primary: Option<String>,
    /// The other cluster's checkpoint directory: --depth content compares with what is there
    #[arg(long, value_name = "URI", requires = "root")]
    compare: Option<String>,
    /// As --hadoop-conf-dir, for the cluster to compare with [default: the same]
    #[arg(long, value_name = "DIR", requires = "compare")]
    compare_hadoop_conf_dir: Option<PathBuf>,
    /// A further name of the primary as in dualwrite.primary.aliases, under which a _metadata may
    /// have files; may be given several times [default: the configuration's]
    #[arg(long, value_name = "NAME", requires = "compare")]
    primary_alias: Vec<String>,
    /// A further pair of places as in dualwrite.path-mapping; may be given several times [default:
    /// the configuration's]
    #[arg(long, value_name = "PRIMARY=SECONDARY", requires = "root")]
    path_mapping: Vec<String>,
    /// Leave on the secondary of which jobs the newest usable checkpoint was found, and when: their
    /// JobManagers tell it as `dualwrite_last_good_verify_timestamp_seconds`
    #[arg(long, requires_all = ["secondary", "jobs"], conflicts_with = "primary")]
    record: bool,
}

/// How closely checkpoints are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum Depth {
    /// Every file is there
    Presence,
    /// With its length
    #[default]
    Length,
    /// And every byte of it is read
    Content,
}

const AFTER_HELP: &str = "\
Exit codes:
  0  every checkpoint is usable
  1  one at least is not, or a job has none: the findings say why
  2  the command line or an address is wrong
  3  none is known to be unusable, but of one at least a cluster did not tell, or what --record
     asks for could not be left

Examples:
  dualwrite verify hdfs://nn2:8020/flink/checkpoints/<job id>/chk-42
  dualwrite verify --all --newest --record --secondary hdfs://nn2:8020/flink/checkpoints
  dualwrite verify --job payments --depth content --secondary hdfs://nn2/cp --compare hdfs://nn1/cp
  dualwrite verify --json hdfs://nn2/cp/<job id>/chk-41 hdfs://nn2/cp/<job id>/chk-42";

impl From<Depth> for audit::Depth {
    fn from(depth: Depth) -> Self {
        match depth {
            Depth::Presence => Self::Presence,
            Depth::Length => Self::Length,
            Depth::Content => Self::Content,
        }
    }
}

/// Why nothing was looked at: said already.
type Refused = Exit;

/// The cluster whose jobs are looked at, and where the other has what.
struct Clusters {
    root: Place,
    /// Where files may be on it.
    roots: Vec<Location>,
    counterpart: Option<Counterpart>,
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

    async fn document(&self, context: &Context) -> Result<Document, Refused> {
        if self.compare.is_some() && self.depth != Depth::Content {
            output::complain("--compare compares bytes: give --depth content with it.");
            return Err(Exit::Usage);
        }
        if self.record && self.depth == Depth::Presence {
            output::complain("--record is for what is usable: give --depth length or content.");
            return Err(Exit::Usage);
        }
        let clusters = self.clusters(context)?;
        let mut document = Document::new(self.depth.into());
        let places: Vec<Place> = match &clusters {
            Some(clusters) if self.paths.is_empty() => {
                let found = self.find(clusters, &mut document).await;
                let place = |location| Place {
                    store: clusters.root.store.clone(),
                    location,
                };
                found.into_iter().map(place).collect()
            }
            _ => {
                let open = |path: &String| context.open(&format!("verify {path}"), path);
                self.paths.iter().map(open).collect::<Result<_, _>>()?
            }
        };
        let reports = self.verify(&places, clusters.as_ref()).await;
        if let Some(clusters) = clusters.filter(|_| self.record) {
            document.record(record(&clusters.root, &reports).await);
        }
        for report in reports {
            // One that was only found, and is retired since, is none any more.
            if self.paths.is_empty() && document::is_gone(&report) {
                document.retired_meanwhile += 1;
            } else {
                document.add(&report);
            }
        }
        Ok(document)
    }

    fn clusters(&self, context: &Context) -> Result<Option<Clusters>, Refused> {
        let Some(uri) = self.secondary.as_ref().or(self.primary.as_ref()) else {
            return Ok(None);
        };
        let root = context.open(&format!("verify {uri}"), uri)?;
        let mut roots = vec![root.location.clone()];
        for pair in context.path_mapping(&self.path_mapping) {
            roots.push(config::side(pair, self.primary.is_some())?);
        }
        let counterpart = match &self.compare {
            None => None,
            Some(uri) => Some(self.counterpart(uri, &root.location, context)?),
        };
        Ok(Some(Clusters {
            root,
            roots,
            counterpart,
        }))
    }

    fn counterpart(
        &self,
        uri: &str,
        root: &Location,
        context: &Context,
    ) -> Result<Counterpart, Refused> {
        let mut there = context.cluster(uri)?;
        if self.compare_hadoop_conf_dir.is_some() {
            let dir = &mut there.options.hadoop_conf_dir;
            dir.clone_from(&self.compare_hadoop_conf_dir);
        }
        let place = there.open(&format!("compare with {uri}"))?;
        let names = context.primary_aliases(&self.primary_alias);
        let further = context.path_mapping(&self.path_mapping);
        let counterpart = match self.primary {
            None => Counterpart::primary(place, root, names, further),
            Some(_) => Counterpart::secondary(place, root, names, further),
        };
        counterpart.map_err(|error| {
            output::complain(&format!("Cannot compare {root} with {uri}: {error}."));
            Exit::Usage
        })
    }

    /// The checkpoints of the jobs that are meant.
    async fn find(&self, clusters: &Clusters, document: &mut Document) -> Vec<Location> {
        let root = &clusters.root;
        let which = if self.all {
            Which::All
        } else {
            Which::Named(self.job.clone())
        };
        let spinner = Spinner::start();
        spinner.say(format!("listing {}", root.location));
        match audit::targets(&*root.store, &root.location, &which, self.newest).await {
            Ok(targets) => {
                document.has_not_found(&targets.findings);
                targets.checkpoints
            }
            Err(error) => {
                document.cannot_list(&root.location, &error);
                Vec::new()
            }
        }
    }

    /// A report of each, in their order; those of one cluster are verified together.
    async fn verify(&self, places: &[Place], clusters: Option<&Clusters>) -> Vec<Report> {
        let bar = Checkpoints::start(places.len());
        let watch = |step| bar.hears(step);
        let look = Look {
            depth: self.depth.into(),
            roots: clusters.map_or(&[], |clusters| &clusters.roots),
            counterpart: clusters.and_then(|clusters| clusters.counterpart.as_ref()),
            watch: &watch,
        };
        let mut reports = Vec::with_capacity(places.len());
        for together in places.chunk_by(|one, next| one.location.same_cluster(&next.location)) {
            let store = &*together[0].store;
            let asked: Vec<_> = together
                .iter()
                .map(|place| place.location.clone())
                .collect();
            reports.extend(audit::verify_all(store, &asked, &look).await);
        }
        reports
    }
}

/// Leaves on the secondary which jobs have usable checkpoints.
async fn record(root: &Place, reports: &[Report]) -> Recorded {
    let mut recorded = Recorded::default();
    match audit::catalogue(&*root.store, &root.location).await {
        Ok(catalogue) => {
            let usable = reports.iter().filter(|report| report.usable());
            let usable: Vec<_> = usable.map(|report| report.path.clone()).collect();
            let shown = by_job(&root.location, &catalogue, &usable);
            recorded.add(root, Proof::Verify, shown).await;
        }
        Err(error) => recorded.failed(root, &error),
    }
    recorded
}
