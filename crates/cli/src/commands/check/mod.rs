//! `dualwrite check`: is a Flink configuration directory fit for the copy? Its arguments, and what
//! is asked in which order.

mod document;
mod load;

use std::path::PathBuf;

use audit::{ClusterOptions, FlinkVersion};
use preflight::{Asked, Clusters, Report};

use crate::Exit;
use crate::context::Context;
use crate::output;
use crate::progress::Spinner;

use document::Document;
pub(crate) use load::LoadArgs;

/// Tell whether a Flink configuration directory is fit for the copy
///
/// Looks at the keys, the jar in lib/, this machine and both clusters, and says what to type where
/// something is not as it must be. Run it on a machine of Flink's, as the user that Flink runs as,
/// before the first start and after each change.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    /// Flink's configuration directory, like /opt/flink/conf
    #[arg(value_name = "CONF_DIR")]
    conf_dir: PathBuf,
    /// The directory of Flink's jars [default: `CONF_DIR/../lib`]
    #[arg(long, value_name = "DIR")]
    lib: Option<PathBuf>,
    /// Flink's version, like 1.20 or 2.2 [default: as its jars are called]
    #[arg(long, value_name = "VERSION", value_parser = version)]
    flink_version: Option<FlinkVersion>,
    /// Ask no cluster
    #[arg(long)]
    offline: bool,
    /// Write a small file to the primary's checkpoint directory, too
    #[arg(long, conflicts_with = "offline")]
    write_primary: bool,
}

const AFTER_HELP: &str = "\
On the secondary a small file is written, renamed, read back and deleted; no directory is left \
that was not there. The primary is only listed, unless --write-primary is given. The native \
library is loaded by a process of its own. Keys that are given in another way than by the file \
(-D, FLINK_PROPERTIES, a job's own code) are not seen.

The Hadoop configurations and the user are those of the keys, then --hadoop-conf-dir and --user.

Exit codes:
  0  nothing worse than a note
  1  errors or warnings
  2  the command line is wrong, or there is no configuration that Flink could read
  3  cannot tell: a cluster did not answer, and nothing else is worse

Examples:
  dualwrite check /opt/flink/conf
  dualwrite check --offline --lib /opt/flink/lib --flink-version 1.18 ./conf
  dualwrite check --json /opt/flink/conf | jq -r '.findings[].fix'";

fn version(text: &str) -> Result<FlinkVersion, String> {
    text.parse()
        .map_err(|_| "give a version of Flink, like 1.20 or 2.2.1".to_owned())
}

impl Args {
    pub(crate) async fn run(self, context: &Context) -> Exit {
        let asked = Asked {
            conf_dir: self.conf_dir,
            lib: self.lib,
            flink: self.flink_version,
            hadoop_conf_dir: context.flags.hadoop_conf_dir.clone().or_else(|| {
                let dir = std::env::var_os("HADOOP_CONF_DIR");
                dir.filter(|dir| !dir.is_empty()).map(PathBuf::from)
            }),
        };
        let given = match preflight::read(&asked) {
            Ok(given) => given,
            Err(why) => {
                output::complain(&why);
                return Exit::Usage;
            }
        };
        let report = {
            let spinner = Spinner::start();
            spinner.say(format!("looking at {}", given.file.display()));
            let mut report = preflight::judge(&given, env!("CARGO_PKG_VERSION"));
            preflight::look_at_machine(&given, &load::in_another_process, &mut report);
            if !self.offline {
                spinner.say("asking both clusters");
                ask(&given, &context.flags, self.write_primary, &mut report).await;
            }
            report
        };
        let document = Document::of(&given, &report);
        if context.json {
            output::print_json(&document);
        } else {
            document.show();
        }
        document.exit()
    }
}

async fn ask(
    given: &preflight::Given,
    flags: &ClusterOptions,
    write_primary: bool,
    report: &mut Report,
) {
    let how = Clusters {
        flags: flags.clone(),
        write_primary,
        clock: &audit::now_ms,
    };
    preflight::look_at_clusters(given, &how, report).await;
}
