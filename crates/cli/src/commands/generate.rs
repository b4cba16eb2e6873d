//! `dualwrite completions` and `dualwrite man`: what is made of the commands' own help. Asks no
//! cluster.

use std::path::PathBuf;

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::output;
use crate::{Cli, Exit};

/// Print a script that makes a shell complete the command line
///
/// Bash: `dualwrite completions bash > /etc/bash_completion.d/dualwrite`. Zsh: into a file
/// `_dualwrite` in a directory of `$fpath`. Fish: `~/.config/fish/completions/dualwrite.fish`.
#[derive(Debug, clap::Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// Write the manual pages into a directory, one for each command
#[derive(Debug, clap::Args)]
pub(crate) struct ManArgs {
    /// The directory, like /usr/local/share/man/man1; it must be there
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}

impl CompletionsArgs {
    pub(crate) fn run(&self) -> Exit {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "dualwrite", &mut script);
        output::print(String::from_utf8_lossy(&script).trim_end());
        Exit::Good
    }
}

impl ManArgs {
    pub(crate) fn run(&self) -> Exit {
        match clap_mangen::generate_to(Cli::command(), &self.dir) {
            Ok(()) => Exit::Good,
            Err(error) => {
                let dir = self.dir.display();
                output::complain(&format!(
                    "The manual pages cannot be written to {dir}: {error}. Give a directory that \
                     is there, and that you may write to."
                ));
                Exit::Usage
            }
        }
    }
}
