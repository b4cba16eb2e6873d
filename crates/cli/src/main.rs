//! The operator's command `dualwrite`: what it accepts, and what it exits with.
//!
//! Refuses to touch a cluster except through the crates `audit`, `gc`, `preflight`, `repair` and
//! `switch`.

mod commands;
mod config;
mod context;
mod error;
mod output;
#[cfg(test)]
mod page;
mod progress;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use audit::ClusterOptions;
use clap::Parser;
use tracing_subscriber::EnvFilter;

use crate::commands::Command;
use crate::config::Config;
use crate::context::Context;

/// Looks at checkpoints that Flink wrote and flink-dualwrite copied, repairs them, and starts jobs
/// from them on the other cluster, without a JVM and without the primary.
#[derive(Debug, Parser)]
#[command(name = "dualwrite", version, after_help = AFTER_HELP)]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Exit codes:
  0  good
  1  findings: something is not as it must be
  2  usage: the command line is wrong
  3  cannot tell: a cluster did not answer

Examples:
  dualwrite check /opt/flink/conf
  dualwrite list --secondary hdfs://nn2:8020/flink/checkpoints
  dualwrite verify hdfs://nn2:8020/flink/checkpoints/<job id>/chk-42
  dualwrite inspect hdfs://nn2:8020/flink/checkpoints/<job id>/chk-42
  dualwrite repair plan --config clusters.toml --all --newest
  dualwrite switch plan --config clusters.toml --jobs jobs.toml --output plan.json
  dualwrite switch apply plan.json
  dualwrite gc plan --secondary hdfs://nn2:8020/flink/checkpoints --output gc.json
  dualwrite gc apply gc.json";

/// What every command accepts, before or behind its name.
#[derive(Debug, clap::Args)]
struct Common {
    /// Print one JSON document instead of a table
    #[arg(long, global = true)]
    json: bool,
    /// The clusters by name: a TOML file. A cluster's name can then be given for its address
    #[arg(long, global = true, value_name = "FILE", env = "DUALWRITE_CONFIG")]
    config: Option<PathBuf>,
    /// Where core-site.xml and hdfs-site.xml of the cluster are [default: what `HADOOP_CONF_DIR` or
    /// `HADOOP_HOME` name]. Not needed for hdfs://host:port
    #[arg(long, global = true, value_name = "DIR")]
    hadoop_conf_dir: Option<PathBuf>,
    /// The user to be on a cluster without Kerberos [default: `HADOOP_USER_NAME`, then your own]
    #[arg(long, global = true, value_name = "NAME")]
    user: Option<String>,
    /// No call to a cluster lasts longer. A command makes several
    #[arg(long, global = true, value_name = "TIME", default_value = "10s", value_parser = time)]
    timeout: Duration,
}

fn time(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(Duration::ZERO) => Err("give a time longer than 0, like 500ms, 10s or 2min".to_owned()),
        Ok(time) => Ok(time),
        Err(error) => Err(format!("{error}; give a time like 500ms, 10s or 2min")),
    }
}

/// How a command ends; its number is the process's exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exit {
    Good = 0,
    Findings = 1,
    Usage = 2,
    CannotTell = 3,
}

fn main() -> ExitCode {
    let Cli { common, command } = Cli::parse();
    let filter = EnvFilter::try_from_env("DUALWRITE_LOG").unwrap_or_else(|_| "error".into());
    let log = tracing_subscriber::fmt().with_writer(std::io::stderr);
    log.with_env_filter(filter).init();
    let config = match common
        .config
        .as_deref()
        .map_or(Ok(Config::default()), Config::read)
    {
        Ok(config) => config,
        Err(error) => {
            output::complain(&error);
            return ExitCode::from(Exit::Usage as u8);
        }
    };
    let context = Context {
        json: common.json,
        flags: ClusterOptions {
            hadoop_conf_dir: common.hadoop_conf_dir,
            user: common.user,
            call_timeout: common.timeout,
        },
        config,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            output::complain(&format!("No threads to be had from the system: {error}"));
            return ExitCode::from(Exit::CannotTell as u8);
        }
    };
    let exit = runtime.block_on(command.run(&context));
    // A call that hangs in the kernel must not hold the process.
    runtime.shutdown_background();
    ExitCode::from(exit as u8)
}
