//! `dualwrite inspect`: what one `_metadata` says.

mod document;
mod show;

use std::path::{Component, PathBuf};

use audit::{Finding, FlinkVersion, FormatError, Location, MetadataFile, Named};

use crate::Exit;
use crate::context::Context;
use crate::error::{exit_of, explain};
use crate::output;
use crate::progress::Spinner;

use document::Document;

/// Show what one `_metadata` says: operators, sizes of state, files
///
/// Reads the `_metadata` alone, of any Flink from 1.9 to 2.3: none of the files that it names has
/// to be there. To know whether they are, see `dualwrite verify`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    /// The `_metadata`, whatever its name is, or the directory that holds it, like
    /// `hdfs://nn2:8020/flink/checkpoints/<job id>/chk-42`; without a scheme, on this machine
    #[arg(value_name = "PATH")]
    path: String,
    /// List every file that it names, and every directory
    #[arg(long)]
    files: bool,
    /// The Flink that wrote it, like 1.14. Needed only if a `_metadata` of version 3 (1.11 to 1.15)
    /// can be read in two ways, which is then said
    #[arg(long, value_name = "VERSION")]
    flink: Option<FlinkVersion>,
}

const AFTER_HELP: &str = "\
PARALLELISM is how many subtasks an operator has, of how many it can have (max parallelism); \
SUBTASKS how many of them have an entry. Each byte of state counts once: INLINE within the \
_metadata, EXCLUSIVE in files of this checkpoint alone, SHARED in files that other checkpoints may \
use too, CHANGELOG in changes of the changelog state backend, CHANNEL in data in flight of an \
unaligned checkpoint. A kind of which there is nothing has no column.

Exit codes:
  0  it was read to its end
  1  it is not there, is no _metadata, is damaged, or of a version that is not known
  2  the command line or the address is wrong
  3  cannot tell: the cluster did not answer

Examples:
  dualwrite inspect hdfs://nn2:8020/flink/checkpoints/<job id>/chk-42
  dualwrite inspect --files ./_metadata
  dualwrite inspect --flink 1.14 hdfs://nn1/savepoints/savepoint-a1b2c3-0123456789ab
  dualwrite inspect --json hdfs://nn2/cp/<job id>/chk-42 | jq '.operators[] | [.uid, .state.total]'
  dualwrite inspect --json --files ./_metadata | jq -r '.files[].path'";

impl Args {
    pub(crate) async fn run(self, context: &Context) -> Exit {
        let json = context.json;
        let task = format!("inspect {}", self.path);
        let place = match audit::open(&address(&self.path), &context.flags) {
            Ok(place) => place,
            Err(error) => {
                output::complain(&explain(&task, &error));
                return exit_of(&error);
            }
        };
        let told = {
            let spinner = Spinner::start();
            spinner.say(format!("reading {}", place.location));
            audit::read_metadata(&*place.store, &place.location).await
        };
        let read = match told {
            Ok(read) => read,
            Err(error) => {
                let exit = exit_of(&error);
                output::complain(&explain(&task, &error));
                if json && exit == Exit::CannotTell {
                    output::print_json(&Document::unknown(&place.location, &error));
                }
                return exit;
            }
        };
        match read {
            Ok(file) => self.say(&file, json),
            Err(finding) => not_understood(&finding, &place.location, json),
        }
    }

    fn say(&self, file: &MetadataFile, json: bool) -> Exit {
        let metadata = match file.parse(self.flink) {
            Ok(metadata) => metadata,
            Err(error) => {
                let path = file.path.clone();
                let finding = Finding::BadMetadata { path, error };
                return not_understood(&finding, &file.path, json);
            }
        };
        let named = Named::of(&metadata);
        let document = Document::of(file, &metadata, &named, self.files);
        if json {
            output::print_json(&document);
        } else {
            show::print(&document);
        }
        Exit::Good
    }
}

fn not_understood(finding: &Finding, path: &Location, json: bool) -> Exit {
    let message = message(finding);
    output::complain(&message);
    if json {
        output::print_json(&Document::not_understood(path, finding, message));
    }
    Exit::Findings
}

/// A path without a scheme is one of this machine, as for other commands; what `..` leads to is
/// seen by the names alone.
fn address(path: &str) -> String {
    let begins = path.split('/').next().unwrap_or_default();
    if path.is_empty() || begins.contains(':') {
        return path.to_owned();
    }
    let Ok(absolute) = std::path::absolute(path) else {
        return path.to_owned();
    };
    let mut whole = PathBuf::new();
    for component in absolute.components() {
        if component == Component::ParentDir {
            whole.pop();
        } else {
            whole.push(component);
        }
    }
    format!("file:{}", whole.display())
}

/// What is wrong, for someone who wants to look, not to restore.
fn message(finding: &Finding) -> String {
    match finding {
        Finding::BadMetadata { path, error } => {
            let remedy = match error {
                FormatError::Ambiguous { .. } => " by --flink, like --flink 1.14",
                _ => "",
            };
            format!("{path} is not understood: {error}{remedy}")
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_scheme_a_path_is_of_this_machine() {
        for uri in [
            "hdfs://nn:8020/a/../b",
            "file:///a",
            "s3://bucket/a",
            "nn:8020/a",
            "",
        ] {
            assert_eq!(address(uri), uri);
        }
        assert_eq!(address("/a/./b:c/"), "file:/a/b:c");
        assert_eq!(address("/a/../b/../../c"), "file:/c");
        let here = std::env::current_dir().unwrap();
        let expected = format!("file:{}/x/_metadata", here.display());
        assert_eq!(address("x/_metadata"), expected);
        assert_eq!(address("./y/../x/_metadata"), expected);
    }
}
