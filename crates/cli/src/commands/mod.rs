//! The commands, one file each: its arguments, and `run`.

mod check;
mod drill;
mod gc;
mod generate;
mod inspect;
mod jobs_file;
mod list;
mod plan_file;
mod record;
mod repair;
mod switch;
mod verify;

use crate::Exit;
use crate::context::Context;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    Check(check::Args),
    List(list::Args),
    Inspect(inspect::Args),
    Verify(verify::Args),
    Repair(repair::Args),
    Switch(switch::Args),
    Failback(switch::FailbackArgs),
    Drill(drill::Args),
    Gc(gc::Args),
    Completions(generate::CompletionsArgs),
    Man(generate::ManArgs),
    #[command(hide = true)]
    Loads(check::LoadArgs),
}

impl Command {
    /// Runs the command to its end, with all that it prints.
    pub(crate) async fn run(self, context: &Context) -> Exit {
        match self {
            Self::Check(args) => args.run(context).await,
            Self::List(args) => args.run(context).await,
            Self::Inspect(args) => args.run(context).await,
            Self::Verify(args) => args.run(context).await,
            Self::Repair(args) => args.run(context).await,
            Self::Switch(args) => args.run(context).await,
            Self::Failback(args) => args.run(context).await,
            Self::Drill(args) => args.run(context).await,
            Self::Gc(args) => args.run(context).await,
            Self::Completions(args) => args.run(),
            Self::Man(args) => args.run(),
            Self::Loads(args) => args.run(),
        }
    }
}
