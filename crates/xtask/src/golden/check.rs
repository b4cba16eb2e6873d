//! Compares the committed goldens of one version with what that Flink says today: it writes the
//! cases of handles in the same bytes, and finds in each golden that was rewritten with other
//! paths what it found before, but for the paths. Refuses to run jobs: no two are alike.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};
use checkpoint_format::{FlinkVersion, parse_as, rewrite};
use harness::Run;

use super::java::Program;
use super::lines::Line;
use super::{ROOTS, data};
use crate::command::output;

/// Where rewritten goldens say that checkpoints are.
const ELSEWHERE: &str = "hdfs://other-cluster:9000/moved";

type Files = BTreeMap<String, Vec<u8>>;

/// Checks one line and prints one line, and one for each difference: their number.
///
/// # Errors
/// When the comparison cannot be made.
pub(super) fn line(line: Line) -> Result<usize> {
    let start = Instant::now();
    let scratch = Run::new(&format!("golden-check-{}", line.flink))?;
    let made = scratch.data_dir("made")?;
    let temporary = scratch.data_dir("temporary")?;
    let rewritten = scratch.data_dir("rewritten")?;

    let committed = data::files(&data::folder(line.flink))?;
    let (handles, listings) = parts(&committed);
    let paths = rewrite_all(line, &committed, &listings, &rewritten)?;
    let program = Program::of_handles(line, &scratch.data_dir("handles")?)?;
    let mut java = program.command(&temporary, &scratch.log_dir().join("flink.log"));
    java.args([&made, &temporary]);
    java.args(listings.keys().map(|case| rewritten.join(case)));
    output(&mut java)?;

    let mut differences = differing_files(&handles, &data::files(&made)?);
    for (case, before) in &listings {
        let after = read(&rewritten.join(case).join("listing"))?;
        differences.extend(differing_lines(case, before, &after));
    }
    if paths == 0 {
        differences.push("no golden has a path to be rewritten".to_owned());
    }
    println!(
        "{:7} {} files of handles written by Flink as before, {} cases with {paths} other paths \
         read by it: {}, {:.1} s",
        line.flink,
        handles.len(),
        listings.len(),
        match differences.len() {
            0 => "equal".to_owned(),
            count => format!("{count} DIFFERENCES"),
        },
        start.elapsed().as_secs_f64()
    );
    for difference in &differences {
        println!("{:7} {difference}", line.flink);
    }
    scratch.passed();
    Ok(differences.len())
}

/// The files of handles, and each case's listing.
fn parts(committed: &Files) -> (Files, BTreeMap<&str, String>) {
    let handles = committed
        .iter()
        .filter(|(name, _)| data::is_of_handles(name))
        .map(|(name, bytes)| (name.clone(), bytes.clone()))
        .collect();
    let listings = committed
        .iter()
        .filter_map(|(name, bytes)| Some((name.strip_suffix(".listing")?, bytes)))
        .map(|(case, bytes)| (case, String::from_utf8_lossy(bytes).into_owned()))
        .collect();
    (handles, listings)
}

/// Writes each case with other paths to `<folder>/<case>/_metadata`: how many were other ones.
fn rewrite_all(
    line: Line,
    committed: &Files,
    listings: &BTreeMap<&str, String>,
    folder: &Path,
) -> Result<usize> {
    let flink: FlinkVersion = line.flink.parse()?;
    let mut paths = 0;
    for case in listings.keys() {
        let name = format!("{case}.metadata");
        let of = || format!("{name} of Flink {}", line.flink);
        let bytes = committed
            .get(&name)
            .with_context(|| format!("there is no {}", of()))?;
        let metadata = parse_as(bytes, flink).with_context(of)?;
        let new = rewrite(bytes, &metadata, |reference, new| {
            let moved = moved(&reference.path);
            paths += usize::from(moved.is_some());
            new.push_str(moved.as_deref().unwrap_or_default());
            moved.is_some()
        });
        let folder = folder.join(case);
        let path = folder.join("_metadata");
        fs::create_dir_all(&folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
        fs::write(&path, new.with_context(of)?)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(paths)
}

/// The path elsewhere, if it is below one of the roots.
fn moved(path: &str) -> Option<String> {
    let rest = ROOTS.iter().find_map(|root| path.strip_prefix(root))?;
    rest.starts_with('/').then(|| format!("{ELSEWHERE}{rest}"))
}

fn differing_files(committed: &Files, made: &Files) -> Vec<String> {
    let names: BTreeSet<&String> = committed.keys().chain(made.keys()).collect();
    let difference = |name: &&String| match (committed.get(*name), made.get(*name)) {
        (Some(one), Some(other)) if one == other => None,
        (Some(one), Some(other)) => {
            let common = one
                .iter()
                .zip(other)
                .take_while(|(one, other)| one == other);
            let at = common.count();
            Some(format!("{name}: Flink writes another byte at {at}"))
        }
        (Some(_), None) => Some(format!("{name}: Flink's cases do not have it")),
        (None, _) => Some(format!("{name}: it is not committed")),
    };
    names.iter().filter_map(difference).collect()
}

/// The first line that Flink reads differently in what was rewritten.
fn differing_lines(case: &str, before: &str, after: &str) -> Option<String> {
    let (expected, found) = (
        listing_elsewhere(before),
        sorted(after.lines().map(Into::into)),
    );
    let lines = expected.len().max(found.len());
    let at = (0..lines).find(|&at| expected.get(at) != found.get(at))?;
    let or_end = |line: Option<&String>| line.map_or("the end", String::as_str).to_owned();
    Some(format!(
        "{case}: rewritten, line {} shall be\n        {}\n        and for Flink is\n        {}",
        at + 1,
        or_end(expected.get(at)),
        or_end(found.get(at))
    ))
}

/// A listing as it must be once the checkpoint is elsewhere.
fn listing_elsewhere(before: &str) -> Vec<String> {
    sorted(before.lines().map(|line| {
        let path = line.rsplit_once('\t').filter(|_| is_reference(line));
        match path.and_then(|(fields, path)| Some((fields, moved(path)?))) {
            Some((fields, moved)) => format!("{fields}\t{moved}"),
            None => line.to_owned(),
        }
    }))
}

fn is_reference(line: &str) -> bool {
    ["absolute\t", "relative\t", "segment\t", "directory\t"]
        .iter()
        .any(|kind| line.starts_with(kind))
}

/// The lines with the references within each operator in order: their order is that of their text,
/// which other paths change.
fn sorted(lines: impl Iterator<Item = String>) -> Vec<String> {
    let mut lines: Vec<String> = lines.collect();
    let is_same = |one: &String, other: &String| is_reference(one) && is_reference(other);
    lines.chunk_by_mut(is_same).for_each(<[String]>::sort);
    lines
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTING: &str = "metadata\t4\t42\noperator\ta\t1\t8\t\t\t1\t3\n\
        absolute\t1\tfile:/tmp/flink-goldens/x\nabsolute\t1\thdfs://other-cluster:1/y\n\
        operator\tb\t1\t8\t\t\t1\t3\nrelative\t1\tz\n";

    #[test]
    fn a_listing_elsewhere_has_other_paths_in_the_order_of_other_paths() {
        assert_eq!(
            listing_elsewhere(LISTING),
            [
                "metadata\t4\t42",
                "operator\ta\t1\t8\t\t\t1\t3",
                "absolute\t1\thdfs://other-cluster:1/y",
                "absolute\t1\thdfs://other-cluster:9000/moved/x",
                "operator\tb\t1\t8\t\t\t1\t3",
                "relative\t1\tz",
            ]
        );
        let after = listing_elsewhere(LISTING).join("\n");
        assert_eq!(differing_lines("x", LISTING, &after), None);
    }

    #[test]
    fn a_line_that_differs_is_shown_and_one_too_many_too() {
        let after = listing_elsewhere(LISTING).join("\n");
        let said = differing_lines("heap", LISTING, &after.replace("\tz", "\tZ")).unwrap();
        assert!(
            said.starts_with("heap: rewritten, line 6 shall be"),
            "{said}"
        );
        assert!(said.contains("\tz\n") && said.ends_with("\tZ"), "{said}");
        let said = differing_lines("heap", LISTING, &(after + "\nmore")).unwrap();
        assert!(said.contains("line 7") && said.ends_with("more"), "{said}");
        let unmoved = differing_lines("heap", LISTING, LISTING);
        assert!(unmoved.unwrap().ends_with("file:/tmp/flink-goldens/x"));
    }

    #[test]
    fn files_that_differ_are_missing_or_new_are_named() {
        let files = |files: &[(&str, &str)]| -> Files {
            let files = files.iter();
            files
                .map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec()))
                .collect()
        };
        let committed = files(&[("a", "same"), ("b", "one"), ("c", "")]);
        let made = files(&[("a", "same"), ("b", "other"), ("d", "")]);
        assert_eq!(
            differing_files(&committed, &made),
            [
                "b: Flink writes another byte at 1",
                "c: Flink's cases do not have it",
                "d: it is not committed",
            ]
        );
    }

    #[test]
    fn only_what_is_below_a_root_is_moved() {
        let expected = Some(format!("{ELSEWHERE}/a"));
        assert_eq!(moved("file:/tmp/flink-goldens/a"), expected);
        assert_eq!(moved("hdfs://primary:8020/flink/checkpoints/a"), expected);
        assert_eq!(moved("file:/tmp/flink-goldens-2/a"), None);
        assert_eq!(moved("chk-1"), None);
    }
}
