//! The commands, one file each: its arguments, and `run`.

mod inspect;
mod list;
mod verify;

use audit::ClusterOptions;

use crate::Exit;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    List(list::Args),
    Inspect(inspect::Args),
    Verify(verify::Args),
}

impl Command {
    /// Runs the command to its end, with all that it prints.
    pub(crate) async fn run(self, cluster: &ClusterOptions, json: bool) -> Exit {
        match self {
            Self::List(args) => args.run(cluster, json).await,
            Self::Inspect(args) => args.run(cluster, json).await,
            Self::Verify(args) => args.run(cluster, json).await,
        }
    }
}
