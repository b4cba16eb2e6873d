//! Files that every line of Flink wrote with its own serializers, against what its own loader found
//! in them. See tests/goldens/README.md for how they are made.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use checkpoint_format::{
    FlinkVersion, FormatError, Metadata, Operator, Reference, ReferenceKind, parse, parse_as,
    rewrite,
};

/// The Flink versions, the metadata version that each writes, and its cases of handles: those of
/// `Case.all` and `RandomCase.all` in the generator.
const FLINKS: [(&str, u32, usize); 16] = [
    ("1.9.2", 2, 14),
    ("1.10.3", 2, 14),
    ("1.11.6", 3, 15),
    ("1.12.7", 3, 15),
    ("1.13.6", 3, 16),
    ("1.14.6", 3, 18),
    ("1.15.4", 3, 19),
    ("1.16.3", 4, 20),
    ("1.17.2", 4, 20),
    ("1.18.1", 4, 20),
    ("1.19.3", 4, 20),
    ("1.20.5", 4, 21),
    ("2.0.2", 5, 21),
    ("2.1.3", 6, 21),
    ("2.2.1", 6, 21),
    ("2.3.0", 6, 21),
];
/// The cases of real jobs (`Jobs.all` in their generator), and the first and the last line of Flink
/// that each is of. What is not between was not to be had: see the README.
const JOBS: [(&str, &str, &str); 22] = [
    ("heap", "1.9", "2.3"),
    ("rocksdb-full", "1.9", "2.3"),
    ("rocksdb-incremental", "1.9", "2.3"),
    ("savepoint-canonical", "1.9", "2.3"),
    ("restored-first", "1.9", "1.14"),
    ("restored-later", "1.9", "1.14"),
    ("unaligned", "1.11", "2.3"),
    ("coordinator", "1.12", "2.3"),
    ("finished-source", "1.14", "2.3"),
    ("changelog-memory", "1.14", "2.3"),
    ("changelog", "1.15", "1.15"),
    ("changelog", "1.18", "2.3"),
    ("savepoint-native-heap", "1.15", "2.3"),
    ("savepoint-native-rocksdb", "1.15", "2.3"),
    ("claim-first", "1.15", "2.3"),
    ("claim-later", "1.15", "2.3"),
    ("no-claim-first", "1.15", "2.3"),
    ("no-claim-later", "1.15", "2.3"),
    ("file-merging", "1.20", "2.3"),
    ("file-merging-across", "1.20", "2.3"),
    ("forst", "2.0", "2.0"),
    ("forst", "2.2", "2.3"),
];
/// Where the jobs' checkpoints were.
const JOBS_ROOT: &str = "file:/tmp/flink-goldens/";
/// `Handles.PRIMARY` and `Handles.SECONDARY` in the generator.
const PRIMARY: &str = "hdfs://primary:8020/flink/checkpoints/";
const SECONDARY: &str = "hdfs://the-other-cluster/mirror/of/primary/";
/// The file of unknown length in `Case.full`: for Flink its size is the -1 that is stored, for the
/// parser it is nothing.
const OF_UNKNOWN_LENGTH: &str = "/shared/unknown";
/// A sum of random sizes beyond 64 bits, where the parser stays at the highest number.
const BEYOND: &str = "beyond 64 bits";

struct Golden {
    name: String,
    flink: FlinkVersion,
    version: u32,
    bytes: Vec<u8>,
    listing: String,
    secondary: Option<Vec<u8>>,
}

impl Golden {
    fn parse(&self) -> Metadata<'_> {
        let metadata = parse_as(&self.bytes, self.flink);
        metadata.unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    /// The case, if it is one of a real job.
    fn job(&self) -> Option<&str> {
        self.name.split_once(" job-").map(|(_, case)| case)
    }
}

fn folder(flink: &str) -> PathBuf {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/goldens/data");
    data.join(flink)
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap();
    let name = |entry: fs::DirEntry| entry.file_name().into_string().unwrap();
    entries.map(|entry| name(entry.unwrap())).collect()
}

fn goldens() -> Vec<Golden> {
    let of = |(flink, version, _)| goldens_of(flink, version);
    FLINKS.into_iter().flat_map(of).collect()
}

fn goldens_of(flink: &str, version: u32) -> Vec<Golden> {
    let folder = folder(flink);
    let names = names(&folder);
    let golden = |case: &str| Golden {
        name: format!("{flink} {case}"),
        flink: flink.parse().unwrap(),
        version,
        bytes: fs::read(folder.join(format!("{case}.metadata"))).unwrap(),
        listing: fs::read_to_string(folder.join(format!("{case}.listing"))).unwrap(),
        secondary: fs::read(folder.join(format!("{case}.secondary.metadata"))).ok(),
    };
    let cases = names
        .iter()
        .filter_map(|name| name.strip_suffix(".listing"));
    cases.map(golden).collect()
}

/// The listing as the generator's `Listing` writes it.
fn listing(metadata: &Metadata<'_>) -> String {
    let mut out = format!(
        "metadata\t{}\t{}\n",
        metadata.version, metadata.checkpoint_id
    );
    for master in &metadata.master_states {
        let name = escaped(&master.name);
        writeln!(out, "master\t{name}\t{}\t{}", master.version, master.length).unwrap();
    }
    for operator in &metadata.operators {
        let references = &metadata.references[operator.references.clone()];
        let is_unknown = |reference: &&Reference<'_>| reference.path.ends_with(OF_UNKNOWN_LENGTH);
        let unknown = references.iter().filter(is_unknown).count() as u64;
        let state_size = match operator.state.total() {
            u64::MAX => BEYOND.to_owned(),
            total => (total - unknown).cast_signed().to_string(),
        };
        out.push_str(&operator_line(operator, &state_size));
        let mut lines: Vec<String> = references.iter().map(reference_line).collect();
        lines.sort();
        out.extend(lines);
    }
    out
}

fn operator_line(operator: &Operator<'_>, state_size: &str) -> String {
    let escaped_or_empty = |text: Option<&str>| text.map(escaped).unwrap_or_default();
    format!(
        "operator\t{}\t{}\t{}\t{}\t{}\t{}\t{state_size}\n",
        operator.id,
        operator.parallelism,
        operator.max_parallelism,
        escaped_or_empty(operator.name.as_deref()),
        escaped_or_empty(operator.uid.as_deref()),
        operator
            .subtasks
            .map_or("finished".to_owned(), |n| n.stored.to_string()),
    )
}

fn reference_line(reference: &Reference<'_>) -> String {
    let mark = if reference.exact { "" } else { "~" };
    let length = reference
        .length
        .map_or("-1".to_owned(), |length| format!("{mark}{length}"));
    let (kind, length) = match reference.kind {
        ReferenceKind::Absolute => ("absolute", length),
        ReferenceKind::Relative => ("relative", length),
        ReferenceKind::Segment { offset } => ("segment", format!("{offset}+{length}")),
        ReferenceKind::Directory => ("directory", "-".to_owned()),
    };
    format!("{kind}\t{length}\t{}\n", escaped(&reference.path))
}

fn escaped(text: &str) -> String {
    let mut out = String::new();
    for unit in text.encode_utf16() {
        match u8::try_from(unit) {
            Ok(byte @ 0x20..0x7F) if byte != b'\\' => out.push(byte.into()),
            _ => write!(out, "\\u{unit:04x}").unwrap(),
        }
    }
    out
}

fn moved(reference: &Reference<'_>, new: &mut String) -> bool {
    let Some(rest) = reference.path.strip_prefix(PRIMARY) else {
        return false;
    };
    new.push_str(SECONDARY);
    new.push_str(rest);
    true
}

#[test]
fn no_golden_is_missing_and_none_is_of_an_unknown_version() {
    let versions: BTreeSet<String> = FLINKS.iter().map(|(flink, ..)| (*flink).into()).collect();
    assert_eq!(names(&folder("")), versions);
    for (flink, version, cases) in FLINKS {
        let goldens = goldens_of(flink, version);
        let of_handles = goldens.iter().filter(|golden| golden.job().is_none());
        assert_eq!(of_handles.count(), cases, "{flink}");

        let flink: FlinkVersion = flink.parse().unwrap();
        let version = |text: &str| text.parse::<FlinkVersion>().unwrap();
        let expected = JOBS
            .iter()
            .filter(|(_, first, last)| (version(first)..=version(last)).contains(&flink))
            .map(|(case, ..)| *case);
        let jobs: BTreeSet<&str> = goldens.iter().filter_map(Golden::job).collect();
        assert_eq!(jobs, expected.collect(), "{flink}");
    }
}

/// A case that does not have what it is named for would compare nothing.
#[test]
fn the_goldens_of_jobs_have_what_they_are_for() {
    for golden in goldens() {
        let Some(case) = golden.job() else { continue };
        let metadata = golden.parse();
        let (state, paths) = (metadata.state(), absolute_paths(&metadata));
        let named_by: BTreeSet<&str> = paths.iter().filter_map(|path| job_of(path)).collect();
        let is_as_named = match case {
            "unaligned" => state.channel > 0,
            "changelog" | "changelog-memory" => state.changelog > 0,
            "finished-source" => metadata.operators.iter().any(|op| op.subtasks.is_none()),
            "file-merging" | "file-merging-across" => has_segments(&metadata),
            "claim-first" | "claim-later" | "restored-first" | "restored-later" => {
                named_by.len() == 2
            }
            "rocksdb-incremental" | "no-claim-first" | "no-claim-later" | "forst" => {
                state.shared > 0 && named_by.len() == 1
            }
            _ => state.exclusive > 0 && state.inline > 0,
        };
        assert!(is_as_named, "{}: {state:?} in {named_by:?}", golden.name);
        let stray = paths.iter().find(|path| !path.starts_with(JOBS_ROOT));
        assert_eq!(stray, None, "{}", golden.name);
    }
}

fn absolute_paths<'a>(metadata: &'a Metadata<'_>) -> Vec<&'a str> {
    let references = metadata.references.iter();
    let absolute = references.filter(|file| file.kind != ReferenceKind::Relative);
    absolute.map(|file| &*file.path).collect()
}

/// The id of the job whose file it is: 32 hexadecimal digits.
fn job_of(path: &str) -> Option<&str> {
    let is_id = |part: &&str| part.len() == 32 && part.bytes().all(|b| b.is_ascii_hexdigit());
    path.split('/').find(is_id)
}

fn has_segments(metadata: &Metadata<'_>) -> bool {
    let is_segment = |file: &Reference<'_>| matches!(file.kind, ReferenceKind::Segment { .. });
    metadata.references.iter().any(is_segment)
}

#[test]
fn every_file_is_read_as_flink_reads_it() {
    for golden in goldens() {
        let metadata = golden.parse();
        assert_eq!(metadata.version, golden.version, "{}", golden.name);
        let listing = listing(&metadata);
        let lines = golden.listing.lines().count();
        assert_eq!(listing.lines().count(), lines, "{}", golden.name);
        for (found, expected) in listing.lines().zip(golden.listing.lines()) {
            if let Some(found) = found.strip_suffix(BEYOND) {
                assert!(golden.name.contains(" random-") && expected.starts_with(found));
            } else {
                assert_eq!(found, expected, "{}", golden.name);
            }
        }
    }
}

/// Version 3 is the number of three layouts. Not told which, the parser must find the same or say
/// that it cannot know: what it cannot know is data in flight and changelogs alone.
#[test]
fn a_file_is_read_alike_without_its_writer_or_refused_as_ambiguous() {
    let mut ambiguous = Vec::new();
    for golden in goldens() {
        match parse(&golden.bytes) {
            Ok(metadata) => assert!(metadata == golden.parse(), "{}", golden.name),
            Err(FormatError::Ambiguous { .. }) => ambiguous.push(golden.name),
            Err(error) => panic!("{}: {error}", golden.name),
        }
    }
    assert_eq!(ambiguous, [""; 0]);
}

#[test]
fn a_rewritten_file_is_the_one_that_flink_writes_there() {
    let mut rewritten = BTreeMap::new();
    for golden in goldens() {
        let metadata = golden.parse();
        let new = rewrite(&golden.bytes, &metadata, moved).unwrap();
        *rewritten.entry(golden.flink).or_insert(0) += usize::from(golden.secondary.is_some());
        assert!(
            new == golden.secondary.unwrap_or(golden.bytes.clone()),
            "{}",
            golden.name
        );
    }
    let rewritten: Vec<usize> = rewritten.into_values().collect();
    assert_eq!(
        rewritten,
        [6, 6, 5, 5, 6, 8, 8, 9, 9, 9, 9, 10, 10, 10, 10, 10]
    );
}

#[test]
fn a_mapping_that_changes_nothing_gives_the_same_bytes() {
    for golden in goldens() {
        let metadata = golden.parse();
        let new = rewrite(&golden.bytes, &metadata, |reference, new| {
            new.push_str(&reference.path);
            true
        })
        .unwrap();
        assert!(new == golden.bytes, "{}", golden.name);
    }
}

/// A file of an old version ends with its last operator, of a newer one with properties that are
/// copied blind; one that is cut off is noticed in either, whoever wrote it.
#[test]
fn no_prefix_of_a_file_is_taken_for_one() {
    let goldens = goldens();
    let half = goldens.len() / 2;
    thread::scope(|scope| {
        for goldens in [&goldens[..half], &goldens[half..]] {
            scope.spawn(|| goldens.iter().for_each(refuse_prefixes));
        }
    });
}

fn refuse_prefixes(golden: &Golden) {
    for end in 0..golden.bytes.len() {
        let prefix = &golden.bytes[..end];
        let error = parse_as(prefix, golden.flink).unwrap_err();
        let is_cut = matches!(error, FormatError::Truncated { offset, .. } if offset <= end);
        assert!(is_cut, "{} cut at {end}: {error}", golden.name);
        // Others have one layout, which was just tried.
        let is_taken = golden.version == 3 && parse(prefix).is_ok();
        assert!(!is_taken, "{} cut at {end}", golden.name);
    }
}

/// The tags of states in the goldens of handles, noted by the generator as Flink wrote them: all
/// that the version can write, and over all versions every tag that there is.
#[test]
fn every_tag_that_a_version_writes_is_in_its_goldens() {
    let mut all = BTreeSet::new();
    for (flink, ..) in FLINKS {
        let tags = fs::read_to_string(folder(flink).join("tags.txt")).unwrap();
        let mut found: BTreeMap<&str, Vec<u8>> = BTreeMap::new();
        for line in tags.lines() {
            let (kind, tag) = line.split_once(' ').unwrap();
            found.entry(kind).or_default().push(tag.parse().unwrap());
        }
        let expected = tags_of(flink.parse().unwrap());
        assert_eq!(found, expected, "{flink}");
        let states = found.into_iter().filter(|(kind, _)| *kind != "channel");
        all.extend(states.flat_map(|(_, tags)| tags));
    }
    assert_eq!(all, (0..=17).collect());
}

/// `SavepointV2Serializer` and `MetadataV2V3SerializerBase`: what is written, not what is read.
fn tags_of(flink: FlinkVersion) -> BTreeMap<&'static str, Vec<u8>> {
    let since = |major, minor| flink >= FlinkVersion { major, minor };
    let keyed: &[u8] = match () {
        () if since(1, 16) => &[0, 7, 9, 11, 12, 13, 14],
        () if since(1, 15) => &[0, 7, 8, 9, 10, 11, 12],
        () if since(1, 14) => &[0, 3, 5, 7, 8, 9, 10],
        () if since(1, 13) => &[0, 3, 5, 7],
        () => &[0, 3, 5],
    };
    let stream: &[u8] = match () {
        () if since(1, 20) => &[0, 1, 2, 3, 6, 15, 16],
        () if since(1, 13) => &[0, 1, 2, 3, 6],
        () if since(1, 11) => &[0, 1, 2, 6],
        () => &[1, 2],
    };
    let operator: &[u8] = if since(1, 20) { &[4, 17] } else { &[4] };
    let mut tags = BTreeMap::from([
        ("keyed", keyed.to_vec()),
        ("stream", stream.to_vec()),
        ("operator", operator.to_vec()),
    ]);
    if since(2, 1) {
        tags.insert("channel", vec![1, 2, 3, 4]);
    }
    tags
}
