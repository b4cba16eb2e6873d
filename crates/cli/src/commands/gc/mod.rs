//! `dualwrite gc`: what crashes and restored jobs leave on a secondary, found and deleted. Its
//! arguments; what each part does is in a file of its own.

mod apply;
mod make;
mod rows;

use crate::Exit;
use crate::context::Context;

/// Find and delete what crashes and restored jobs have left on a secondary
///
/// In two steps: `plan` looks, and writes down what nobody needs; `apply` looks again, and deletes
/// what is in the plan and still needed by nobody. No published checkpoint is deleted, nor anything
/// that one names, nor what has no name that is known.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Examples:
  dualwrite gc plan --config clusters.toml --output gc.json
  dualwrite gc apply gc.json";

#[derive(Debug, clap::Subcommand)]
enum Command {
    Plan(make::Args),
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
