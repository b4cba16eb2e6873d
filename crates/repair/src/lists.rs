//! Lists of files for `hadoop distcp -f`, and the script that runs it. Pure.
//!
//! distcp copies what is on a list into one directory, under the base names, and it may replace
//! what is there. So the directory is one that only this plan has, and `apply` moves the files to
//! their places. No list names two files of one base name, or more files than a directory of HDFS
//! may have (`dfs.namenode.fs-limits.max-directory-items`, 1,048,576 by default).

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;

use audit::Location;

use crate::{Plan, PlannedCopy};

/// So many files are on one list.
const MOST_FILES: usize = 500_000;

/// The lists of a plan, and the script that has a cluster copy what is on them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lists {
    /// The lists by their names: a source's location on each line.
    pub lists: Vec<(String, String)>,
    /// A shell script beside them that runs distcp for each.
    pub script: String,
}

/// Puts each missing file on a list: sets [`PlannedCopy::list`]. What replaces a damaged file is on
/// none, nor is a path that distcp would take for a pattern: these `apply` copies itself.
pub(crate) fn assign(copies: &mut [PlannedCopy]) {
    assign_at_most(copies, MOST_FILES);
}

fn assign_at_most(copies: &mut [PlannedCopy], most: usize) {
    let mut names: Vec<HashSet<&str>> = Vec::new();
    for copy in copies {
        let PlannedCopy {
            source,
            damaged,
            list,
            ..
        } = copy;
        if damaged.is_some() || is_pattern(source) {
            continue;
        }
        let name = base_name(source);
        let has_room = |names: &HashSet<&str>| names.len() < most && !names.contains(name);
        let at = names.iter().position(has_room).unwrap_or_else(|| {
            names.push(HashSet::new());
            names.len() - 1
        });
        names[at].insert(name);
        *list = Some(at + 1);
    }
}

fn is_pattern(path: &str) -> bool {
    path.contains(|c: char| c.is_control() || "*?[]{}\\^".contains(c))
}

fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// Where distcp puts a file of a list.
pub(crate) fn staged(dir: &Location, list: usize, source: &Location) -> Location {
    dir.join(&list.to_string()).join(source.name())
}

/// The name of a list, where `name` is the first one's.
fn list_name(name: &str, list: usize) -> String {
    match list {
        1 => name.to_owned(),
        list => format!("{name}.{list}"),
    }
}

/// The lists of a plan that was made with lists. `name` is what the first one is called, the others
/// are called NAME.2, NAME.3 and so on; the script looks for them beside itself.
pub fn lists(plan: &Plan, name: &str) -> Lists {
    let mut lines: BTreeMap<usize, String> = BTreeMap::new();
    for copy in &plan.copies {
        if let Some(list) = copy.list {
            let _ = writeln!(lines.entry(list).or_default(), "{}", copy.source);
        }
    }
    let staged = plan.staged.as_deref().unwrap_or_default();
    let mut script = SCRIPT.to_owned();
    let mut lists = Vec::new();
    for (list, lines) in lines {
        let (name, dir) = (list_name(name, list), format!("{staged}/{list}"));
        lists.push((name.clone(), lines));
        let words = ["copy", &name, &dir];
        // Refuses nothing but a NUL, which is in none of these.
        let line = shlex::try_join(words).unwrap_or_default();
        let _ = writeln!(script, "{line} \"$@\"");
    }
    Lists { lists, script }
}

const SCRIPT: &str = "\
#!/bin/sh
# Has a cluster copy what is on the lists. Afterwards `dualwrite repair apply` moves it to its
# places and publishes. Arguments are handed to distcp, like -m 40 or -bandwidth 50. May be run
# again.
set -eu
LC_ALL=C
export LC_ALL
here=$(cd \"$(dirname \"$0\")\" && pwd)

copy() { # a list, the directory for what is on it, arguments for distcp
    list=$here/$1
    into=$2
    shift 2
    # distcp refuses a list of which one file is gone by now: those that are there are listed anew.
    sed 's|/[^/]*$||' \"$list\" | sort -u | tr '\\n' '\\0' |
        xargs -0 hadoop fs -ls -C 2>\"$list.log\" | sort >\"$list.there\" || true
    sort \"$list\" | comm -12 - \"$list.there\" >\"$list.now\"
    if [ ! -s \"$list.now\" ]; then
        echo \"Nothing of $list is on the source: see $list.log, or make the plan anew.\" >&2
        exit 1
    fi
    hadoop fs -mkdir -p \"$into\"
    # -pbc: with the source's block size and kind of checksum, or the checksums would differ.
    # -i: what vanishes meanwhile stops nothing. What is not there afterwards, apply copies itself.
    hadoop distcp -update -i -pbc \"$@\" -f \"file://$list.now\" \"$into\"
}

";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stamp;

    fn copy(source: &str) -> PlannedCopy {
        PlannedCopy {
            source: source.to_owned(),
            target: String::new(),
            bytes: 1,
            damaged: None,
            list: None,
        }
    }

    /// A shell understands it, whatever the names are.
    #[test]
    fn the_script_is_one() {
        let line = shlex::try_join(["copy", "it's a list", "hdfs://two/cp/.dualwrite/staged/x/1"]);
        let script = format!("{SCRIPT}{} \"$@\"\n", line.unwrap());
        let mut shell = std::process::Command::new("sh");
        let checked = shell.args(["-n", "-c", &script]).output().unwrap();
        let said = String::from_utf8_lossy(&checked.stderr);
        assert!(checked.status.success(), "{said}");
    }

    #[test]
    fn no_list_has_a_name_twice_or_too_many_or_what_it_must_not_have() {
        let mut copies = ["/j/a", "/k/a", "/j/b", "/j/c", "/j/*", "/j/d", "/l/a"].map(copy);
        copies[5].damaged = Some(Stamp {
            bytes: 0,
            modified_ms: 0,
        });
        assign_at_most(&mut copies, 2);
        let lists = copies.map(|copy| copy.list);
        let expected = [Some(1), Some(2), Some(1), Some(2), None, None, Some(3)];
        assert_eq!(lists, expected);
    }
}
