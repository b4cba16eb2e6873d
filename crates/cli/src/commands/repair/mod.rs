//! `dualwrite repair`: what one cluster lacks, copied from the other and published. Its arguments;
//! what each part does is in a file of its own.

mod apply;
mod make;
mod show;

use crate::Exit;
use crate::context::Context;

/// Copy what one cluster lacks of its checkpoints from the other, and publish them
///
/// In two steps: `plan` looks, and writes down what would be copied; `apply` does it, and can be
/// killed and run again. Nothing is deleted, and nothing is overwritten but what the plan says is
/// damaged. For jobs that have just been given flink-dualwrite, for damage that `dualwrite verify`
/// has found, and, with --to primary, for the way back.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Examples:
  dualwrite repair plan --config clusters.toml --all --newest
  dualwrite repair apply repair.json
  dualwrite repair plan --config clusters.toml hdfs://nn2:8020/flink/checkpoints/<job id>/chk-42
  dualwrite repair plan --config clusters.toml --job payments --newest --distcp-list files";

#[derive(Debug, clap::Subcommand)]
enum Command {
    Plan(Box<make::Args>),
    Apply(apply::Args),
}

impl Args {
    pub(crate) async fn run(self, context: &Context) -> Exit {
        match self.command {
            Command::Plan(args) => args.run(context).await,
            Command::Apply(args) => args.run(context).await,
        }
    }
}
