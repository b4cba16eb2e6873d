//! `dualwrite switch` and `dualwrite failback`: many jobs started on the other cluster. Their
//! arguments; what each does is in a file of its own.

mod apply;
mod make;
mod print;
mod show;

use crate::Exit;
use crate::context::Context;

pub(super) use make::left_out_lines;

/// Start jobs on the other cluster, from their newest usable checkpoints
///
/// In two steps: `plan` looks, and writes down what would be done; `apply` does it, and can be
/// killed and run again. Many jobs at a time; one that fails does not stop the others.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

/// As `switch`, the other way round: to the configuration's primary, when that is back
#[derive(Debug, clap::Args)]
#[command(after_help = FAILBACK_HELP)]
pub(crate) struct FailbackArgs {
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Examples:
  dualwrite switch plan --config clusters.toml --jobs jobs.toml --output plan.json
  dualwrite switch apply plan.json
  dualwrite switch apply plan.json --source-is-dead
  dualwrite switch print plan.json";

const FAILBACK_HELP: &str = "\
While jobs run at the secondary's site, that Flink's primary is what was the secondary, and what \
was the primary is its dualwrite.secondary.dir: so checkpoints go back, too, and failback starts \
from them.

Examples:
  dualwrite failback plan --config clusters.toml --jobs jobs.toml --output back.json
  dualwrite failback apply back.json";

#[derive(Debug, clap::Subcommand)]
enum Command {
    Plan(make::Args),
    Apply(apply::Args),
    Print(print::Args),
}

/// Which of the configuration's clusters jobs go to, if none is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    ToSecondary,
    ToPrimary,
}

impl Args {
    pub(crate) async fn run(self, context: &Context) -> Exit {
        self.command.run(context, Direction::ToSecondary).await
    }
}

impl FailbackArgs {
    pub(crate) async fn run(self, context: &Context) -> Exit {
        self.command.run(context, Direction::ToPrimary).await
    }
}

impl Command {
    async fn run(self, context: &Context, direction: Direction) -> Exit {
        match self {
            Self::Plan(args) => args.run(context, direction).await,
            Self::Apply(args) => args.run(context).await,
            Self::Print(args) => args.run(context),
        }
    }
}
