//! Every damage that is known, planted into a secondary, at each depth: what must be found, and by
//! which depth on. No depth finds less than the one before it.

use checkpoint_layout::{Aliases, Mapping};

use super::*;
use crate::Place;

const DEPTHS: [Depth; 3] = [Depth::Presence, Depth::Length, Depth::Content];
const PRIMARY: &str = "hdfs://primary:8020/flink/checkpoints";
const SECONDARY: &str = "hdfs://two:8020/dr/cp";
const ID: &str = "a1b2c3d4e5f60718293a4b5c6d7e8f90";

/// A primary, and a secondary with the same two checkpoints.
struct World {
    primary: MemoryStore,
    secondary: MemoryStore,
}

fn here(below: &str) -> Location {
    at(SECONDARY).join(ID).join(below)
}

fn counterpart(primary: Arc<dyn Store>) -> Counterpart {
    let place = Place {
        store: primary,
        location: at(PRIMARY),
    };
    Counterpart::primary(place, &at(SECONDARY), &[], &[]).unwrap()
}

/// Other bytes for each path, and more of them than are read at once if it is long.
fn bytes_of(below: &str, length: u64) -> Vec<u8> {
    let mut state = below
        .bytes()
        .fold(17u64, |sum, b| sum * 31 % 1_000_003 + u64::from(b));
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33).to_le_bytes()[0]
    };
    (0..length).map(|_| next()).collect()
}

/// `_metadata` with the secondary's paths, and the files by their paths below the job.
fn published(case: &str) -> (Vec<u8>, Vec<u8>, Vec<(String, u64)>) {
    let bytes = golden("2.2.1", case);
    let (from, to) = (at(PRIMARY), at(SECONDARY));
    let aliases = Aliases::new(&from, &to, [""; 0]).unwrap();
    let mapping = Mapping::new(&from, &to, aliases, [""; 0]).unwrap();
    let published = as_published(&bytes, &parse(&bytes).unwrap(), &mapping).unwrap();
    let files = manifest(&published, &here("chk-42")).unwrap().files;
    let files = files.into_iter().map(|file| {
        let path = file.location.unwrap();
        let below = path.below(&at(SECONDARY).join(ID)).unwrap().to_owned();
        // Of files of which segments are named, there is more than is named.
        let length = file.length.unwrap() + if file.exact { 0 } else { 7 };
        (below, length)
    });
    let files = files.collect();
    (bytes, published, files)
}

impl World {
    async fn new(case: &str) -> Self {
        let (primary, secondary) = (MemoryStore::default(), MemoryStore::default());
        let (original, published, files) = published(case);
        for (below, length) in &files {
            let bytes = bytes_of(below, *length);
            put(&primary, chk().parent().join(below).path(), bytes.clone()).await;
            put(&secondary, here(below).path(), bytes).await;
        }
        put(&primary, chk().join(METADATA).path(), original).await;
        put(&secondary, here("chk-42/_metadata").path(), published).await;
        Self { primary, secondary }
    }

    async fn bytes(&self, below: &str) -> Vec<u8> {
        let path = here(below);
        let status = self.secondary.stat(path.path()).await.unwrap().unwrap();
        let bytes = self.secondary.read(path.path(), 0, status.length).await;
        bytes.unwrap().to_vec()
    }

    async fn replace(&self, below: &str, bytes: Option<Vec<u8>>) {
        let path = here(below);
        self.secondary.delete(path.path(), true).await.unwrap();
        if let Some(bytes) = bytes {
            put(&self.secondary, path.path(), bytes).await;
        }
    }

    async fn look(&self, depth: Depth, compare: bool) -> Report {
        let counterpart = counterpart(Arc::new(self.primary.clone()));
        let look = Look {
            depth,
            roots: &[at(SECONDARY)],
            counterpart: compare.then_some(&counterpart),
            ..Look::default()
        };
        let mut reports = verify_all(&self.secondary, &[here("chk-42")], &look).await;
        assert_eq!(reports.len(), 1);
        reports.remove(0)
    }

    /// What is found at each depth, with the other cluster to compare with: kinds and paths.
    async fn found(&self) -> Vec<Vec<(&'static str, String)>> {
        let mut found = Vec::new();
        for depth in DEPTHS {
            let report = self.look(depth, true).await;
            assert_eq!(report.silence, None);
            let findings = report.findings.iter();
            let notices = report.notices.iter().map(|n| (n.kind(), n.path()));
            found.push(
                findings
                    .map(|f| (f.kind(), f.path()))
                    .chain(notices)
                    .collect(),
            );
        }
        found
    }

    /// The finding is there from this depth on, and before it there is none; none if no depth
    /// finds it.
    async fn has_from(&self, what: &str, from: Depth, kind: &'static str, below: &str) {
        let expected = (kind, here(below).to_string());
        for (depth, found) in DEPTHS.iter().zip(self.found().await) {
            if *depth < from {
                assert_eq!(found, [], "{what} at {depth:?}");
            } else {
                assert_eq!(
                    found,
                    std::slice::from_ref(&expected),
                    "{what} at {depth:?}"
                );
            }
        }
    }
}

/// Rewrites the `_metadata` so that one absolute path is another.
fn with_path(bytes: &[u8], ends: &str, to: &str) -> Vec<u8> {
    let mut hits = 0;
    let changed = rewrite(bytes, &parse(bytes).unwrap(), |reference, new| {
        let hit = reference.path.ends_with(ends);
        hits += usize::from(hit);
        new.push_str(if hit { to } else { "" });
        hit
    });
    assert!(hits > 0, "{ends}");
    changed.unwrap()
}

#[tokio::test]
async fn nothing_is_found_where_nothing_is_wrong() {
    for case in ["heap", "unaligned", "file-merging", "text"] {
        let world = World::new(case).await;
        assert_eq!(world.found().await, [[], [], []], "{case}");
        let report = world.look(Depth::Content, true).await;
        assert!(
            report.read_bytes >= report.bytes && report.bytes > 0,
            "{report:?}"
        );
        assert_eq!(report.compared_bytes, report.read_bytes, "{case}");
        for depth in [Depth::Presence, Depth::Length] {
            assert_eq!(world.look(depth, true).await.read_bytes, 0);
        }
    }
}

#[tokio::test]
async fn any_file_missing_truncated_grown_or_with_one_other_bit_is_found() {
    for case in ["heap", "unaligned", "file-merging", "text"] {
        let (_, _, files) = published(case);
        for (below, length) in files {
            let world = World::new(case).await;
            let good = world.bytes(&below).await;
            assert_eq!(good.len() as u64, length);
            let what = |damage: &str| format!("{case} {below} {damage}");

            world.replace(&below, None).await;
            world
                .has_from(&what("missing"), Depth::Presence, "missing", &below)
                .await;
            world.secondary.mkdirs(here(&below).path()).await.unwrap();
            let directory = what("a directory");
            world
                .has_from(&directory, Depth::Presence, "missing", &below)
                .await;

            // Of a file of which segments are named, so much is named and no more.
            let is_exact = case != "file-merging";
            let short = good.len() - if is_exact { 1 } else { 8 };
            world.replace(&below, Some(good[..short].to_vec())).await;
            let truncated = what("truncated");
            world
                .has_from(&truncated, Depth::Length, "wrong_length", &below)
                .await;
            world.replace(&below, Some(Vec::new())).await;
            world
                .has_from(&what("empty"), Depth::Length, "wrong_length", &below)
                .await;

            let grown = [&good[..], b"x"].concat();
            world.replace(&below, Some(grown)).await;
            if is_exact {
                world
                    .has_from(&what("grown"), Depth::Length, "wrong_length", &below)
                    .await;
            } else {
                // The writer appends: that is no damage, and the primary's is not as long.
                world
                    .has_from(&what("grown"), Depth::Content, "no_other_copy", &below)
                    .await;
            }

            for byte in [0, good.len() / 2, good.len() - 1] {
                let mut flipped = good.clone();
                flipped[byte] ^= 0x10;
                world.replace(&below, Some(flipped)).await;
                let bit = what(&format!("a bit of byte {byte}"));
                world
                    .has_from(&bit, Depth::Content, "different_content", &below)
                    .await;
                let findings = world.look(Depth::Content, true).await.findings;
                let [Finding::DifferentContent { offset, .. }] = &*findings else {
                    panic!("{findings:?}")
                };
                assert_eq!(*offset, byte as u64);
            }
        }
    }
}

#[tokio::test]
async fn swapped_files_are_found() {
    let world = World::new("heap").await;
    let (one, other) = (
        world.bytes("chk-42/op-0").await,
        world.bytes("chk-42/raw-0").await,
    );
    world.replace("chk-42/op-0", Some(other)).await;
    world.replace("chk-42/raw-0", Some(one)).await;
    let both = ["chk-42/op-0", "chk-42/raw-0"].map(|b| ("wrong_length", here(b).to_string()));
    assert_eq!(world.found().await, [vec![], both.to_vec(), both.to_vec()]);

    // Of one length: only their bytes tell.
    let world = World::new("heap").await;
    let other = bytes_of("another", 2048);
    world.replace("chk-42/op-0", Some(other)).await;
    world
        .has_from(
            "swapped",
            Depth::Content,
            "different_content",
            "chk-42/op-0",
        )
        .await;
}

#[tokio::test]
async fn a_metadata_that_is_not_whole_is_found_at_each_depth() {
    let world = World::new("heap").await;
    let good = world.bytes("chk-42/_metadata").await;
    for length in (0..good.len()).step_by(17) {
        world
            .replace("chk-42/_metadata", Some(good[..length].to_vec()))
            .await;
        let what = format!("{length} bytes of _metadata");
        let path = "chk-42/_metadata";
        world
            .has_from(&what, Depth::Presence, "bad_metadata", path)
            .await;
    }
    let rubbish = bytes_of("rubbish", 500);
    world.replace("chk-42/_metadata", Some(rubbish)).await;
    world
        .has_from(
            "rubbish",
            Depth::Presence,
            "bad_metadata",
            "chk-42/_metadata",
        )
        .await;
    world.replace("chk-42/_metadata", None).await;
    world
        .has_from("none", Depth::Presence, "no_metadata", "chk-42")
        .await;
}

#[tokio::test]
async fn a_foreign_metadata_is_found() {
    // Of the same job, another checkpoint's: its number tells.
    let world = World::new("heap").await;
    let golden_of_1 = golden("2.2.1", "job-heap");
    world.replace("chk-42/_metadata", Some(golden_of_1)).await;
    let foreign = ("foreign_metadata", here("chk-42/_metadata").to_string());
    for found in world.found().await {
        assert!(found.contains(&foreign), "{found:?}");
    }

    // Of the same number, another job's, all of whose files are there: only the other cluster's
    // `_metadata` tells.
    let world = World::new("unaligned").await;
    let bytes = world.bytes("chk-42/_metadata").await;
    let others = at(SECONDARY).join("another-job/chk-42/channels-in");
    put(&world.secondary, others.path(), vec![1; 5000]).await;
    let foreign = with_path(&bytes, "channels-in", &others.to_string());
    world.replace("chk-42/_metadata", Some(foreign)).await;
    let [presence, length, content] = &*world.found().await else {
        panic!()
    };
    assert_eq!((&presence[..], &length[..]), (&[][..], &[][..]));
    let differs = ("different_content", here("chk-42/_metadata").to_string());
    assert_eq!(content[0], differs, "{content:?}");
}

/// A bit of state that is stored within the `_metadata`.
#[tokio::test]
async fn a_bit_of_the_metadata_itself_is_found() {
    let world = World::new("heap").await;
    let good = world.bytes("chk-42/_metadata").await;
    let mut found_late = 0;
    for byte in (0..good.len()).step_by(11) {
        let mut flipped = good.clone();
        flipped[byte] ^= 1;
        world.replace("chk-42/_metadata", Some(flipped)).await;
        let [presence, length, content] = &*world.found().await else {
            panic!()
        };
        assert!(!content.is_empty(), "byte {byte}");
        assert!(presence.len() <= length.len() && length.len() <= content.len());
        found_late += usize::from(length.is_empty());
    }
    assert!(found_late > 0, "each was found without the other cluster");
}

#[tokio::test]
async fn a_reference_to_the_other_cluster_or_to_none_is_found_at_each_depth() {
    for (path, kind) in [
        (
            "hdfs://primary:8020/flink/checkpoints/j/chk-42/channels-in",
            "outside_cluster",
        ),
        ("hdfs://two:9000/dr/cp/channels-in", "outside_cluster"),
        ("/no/scheme", "bad_path"),
        ("hdfs://two:8020/dr/cp/../up", "bad_path"),
    ] {
        let world = World::new("unaligned").await;
        let bytes = world.bytes("chk-42/_metadata").await;
        let changed = with_path(&bytes, "channels-in", path);
        world.replace("chk-42/_metadata", Some(changed)).await;
        for found in world.found().await {
            assert!(
                found.contains(&(kind, path.to_owned())),
                "{path}: {found:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_reference_outside_the_mapping_is_found_at_each_depth() {
    let world = World::new("unaligned").await;
    let bytes = world.bytes("chk-42/_metadata").await;
    let outside = at("hdfs://two:8020/elsewhere/channels-in");
    let changed = with_path(&bytes, "channels-in", &outside.to_string());
    world.replace("chk-42/_metadata", Some(changed)).await;
    let missing = ("missing", outside.to_string());
    let notice = ("outside_mapping", outside.to_string());
    for found in world.found().await {
        assert!(
            found.contains(&missing) && found.contains(&notice),
            "{found:?}"
        );
    }
    put(&world.secondary, outside.path(), vec![0; 5000]).await;
    for found in &world.found().await[..2] {
        assert_eq!(*found, std::slice::from_ref(&notice));
    }
    let report = world.look(Depth::Length, true).await;
    assert!(report.usable() && report.notices[0].files() == 1);
}

#[tokio::test]
async fn what_there_is_no_copy_of_is_read_and_said() {
    let world = World::new("heap").await;
    let report = world.look(Depth::Content, false).await;
    assert!(report.usable(), "{report:?}");
    assert_eq!(
        (report.read_bytes, report.compared_bytes),
        (report.bytes, 0)
    );
    let [
        notice @ Notice::NoOtherCopy {
            files: 5,
            why: WhyNoCopy::NotAsked,
            ..
        },
    ] = &*report.notices
    else {
        panic!("{:?}", report.notices)
    };
    assert!(notice.to_string().contains("--compare"), "{notice}");

    // The primary deletes what is subsumed, and may be damaged itself.
    world
        .primary
        .delete(chk().join("op-0").path(), false)
        .await
        .unwrap();
    world
        .primary
        .delete(chk().join("raw-0").path(), false)
        .await
        .unwrap();
    put(&world.primary, chk().join("raw-0").path(), vec![0; 2]).await;
    world
        .primary
        .delete(chk().join(METADATA).path(), false)
        .await
        .unwrap();
    let report = world.look(Depth::Content, true).await;
    assert!(report.usable(), "{report:?}");
    let mut notices: Vec<_> = report
        .notices
        .iter()
        .map(|notice| match notice {
            Notice::NoOtherCopy { first, files, why } => (*why, *files, first.name()),
            Notice::OutsideMapping { .. } => panic!("{notice}"),
        })
        .collect();
    notices.sort_by_key(|(_, files, _)| *files);
    let expected = [
        (WhyNoCopy::Damaged, 1, "raw-0"),
        (WhyNoCopy::NotThere, 2, METADATA),
    ];
    assert_eq!(notices, expected);
    assert_eq!(report.compared_bytes, report.bytes - 2048 - 3);
}

#[tokio::test]
async fn the_primary_is_compared_with_the_secondary_as_well() {
    let world = World::new("unaligned").await;
    let place = Place {
        store: Arc::new(world.secondary.clone()),
        location: at(SECONDARY),
    };
    let counterpart = Counterpart::secondary(place, &at(PRIMARY), &[], &[]).unwrap();
    let look = Look {
        depth: Depth::Content,
        counterpart: Some(&counterpart),
        ..Look::default()
    };
    let report = async || verify_all(&world.primary, &[chk()], &look).await.remove(0);
    let good = report().await;
    assert!(good.usable() && good.notices.is_empty(), "{good:?}");
    assert_eq!(good.compared_bytes, 11_000);
    world
        .replace("chk-42/channels-out", Some(vec![0; 6000]))
        .await;
    let findings = report().await.findings;
    assert_eq!(findings[0].path(), chk().join("channels-out").to_string());
    assert_eq!(findings[0].kind(), "different_content");
}

/// Its `_metadata` has files under another name than it is given by here.
#[tokio::test]
async fn a_further_name_of_the_primary_is_the_primarys() {
    let world = World::new("unaligned").await;
    let report = async |names: &[&str]| {
        let place = Place {
            store: Arc::new(world.primary.clone()),
            location: at("hdfs://renamed/flink/checkpoints"),
        };
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let counterpart = Counterpart::primary(place, &at(SECONDARY), &names, &[]).unwrap();
        let look = Look {
            depth: Depth::Content,
            counterpart: Some(&counterpart),
            ..Look::default()
        };
        let reports = verify_all(&world.secondary, &[here("chk-42")], &look).await;
        (reports[0].usable(), reports[0].notices.len())
    };
    assert_eq!(report(&[]).await, (true, 1));
    assert_eq!(report(&["hdfs://primary:8020"]).await, (true, 0));
}

/// What is read of either cluster may end anywhere: in the bytes of a file, too.
#[tokio::test]
async fn a_read_that_fails_is_a_finding_and_silence_is_none() {
    let world = World::new("heap").await;
    let fails = |store: &MemoryStore, file: &'static str, kind| {
        FaultyStore::new(Arc::new(store.clone()), move |call| {
            let hit = call.operation == "read" && call.path.ends_with(file);
            hit.then_some(Fault::Fail(kind))
        })
    };
    let report = async |store: Arc<dyn Store>, there: Arc<dyn Store>| {
        let counterpart = counterpart(there);
        let look = Look {
            depth: Depth::Content,
            counterpart: Some(&counterpart),
            ..Look::default()
        };
        verify_all(&*store, &[here("chk-42")], &look)
            .await
            .remove(0)
    };
    // The NameNode knows the file, and no DataNode gives it: lost or damaged.
    for kind in [
        ErrorKind::Unavailable,
        ErrorKind::Other,
        ErrorKind::PermissionDenied,
    ] {
        let bad = fails(&world.secondary, "/op-0", kind);
        let report = report(Arc::new(bad), Arc::new(world.primary.clone())).await;
        let [finding @ Finding::Unreadable { .. }] = &*report.findings else {
            panic!("{kind:?}: {report:?}")
        };
        assert_eq!(finding.path(), here("chk-42/op-0").to_string());
    }
    let silent = fails(&world.secondary, "/op-0", ErrorKind::TimedOut);
    let told = report(Arc::new(silent), Arc::new(world.primary.clone())).await;
    assert_eq!(
        (told.verdict(), &*told.findings),
        (Verdict::Unknown, &[][..])
    );

    // Of the copy, a damage is no finding here, and silence leaves it unknown.
    let bad = fails(&world.primary, "/op-0", ErrorKind::Other);
    let told = report(Arc::new(world.secondary.clone()), Arc::new(bad)).await;
    assert!(told.usable(), "{told:?}");
    assert!(matches!(
        &*told.notices,
        [Notice::NoOtherCopy {
            why: WhyNoCopy::Damaged,
            files: 1,
            ..
        }]
    ));
    let silent = fails(&world.primary, "/op-0", ErrorKind::TimedOut);
    let told = report(Arc::new(world.secondary.clone()), Arc::new(silent)).await;
    assert_eq!(told.verdict(), Verdict::Unknown);
    assert_eq!(told.read_bytes, told.bytes, "it is read for all that");
}

/// Of files of which segments are named the length is asked for once more before they are read.
#[tokio::test]
async fn what_goes_between_two_looks_is_not_taken_for_read() {
    let world = World::new("file-merging").await;
    let inner = world.secondary.clone();
    let going = FaultyStore::new(Arc::new(inner.clone()), move |call| {
        if call.operation == "stat" && call.path.ends_with("shared/seg") && call.nth_on_path == 2 {
            // The store in memory never waits.
            futures::executor::block_on(inner.delete(&call.path, false)).unwrap();
        }
        None
    });
    let look = Look {
        depth: Depth::Content,
        ..Look::default()
    };
    let report = verify_all(&going, &[here("chk-42")], &look).await.remove(0);
    let [Finding::Unreadable { path, .. }] = &*report.findings else {
        panic!("{report:?}")
    };
    assert_eq!(*path, here("shared/seg"));
}

/// A shared file is looked up and read once for all, and told to each.
#[tokio::test]
async fn what_several_checkpoints_name_is_looked_at_once() {
    let world = World::new("unaligned").await;
    let bytes = world.bytes("chk-42/_metadata").await;
    let twin = at(SECONDARY).join("twin/chk-42");
    put(&world.secondary, twin.join(METADATA).path(), bytes).await;
    put(
        &world.secondary,
        twin.join("channels-out").path(),
        vec![0; 6000],
    )
    .await;
    world
        .replace("chk-42/channels-in", Some(vec![0; 4999]))
        .await;
    let counted = FaultyStore::new(Arc::new(world.secondary.clone()), |_| None);
    let look = Look {
        depth: Depth::Content,
        ..Look::default()
    };
    let reports = verify_all(&counted, &[here("chk-42"), twin], &look).await;
    for report in &reports {
        assert_eq!(report.findings.len(), 1, "{report:?}");
        assert_eq!(
            report.findings[0].path(),
            here("chk-42/channels-in").to_string()
        );
        assert_eq!(report.read_bytes, 6000);
    }
    let calls = counted.calls();
    let of_it = calls
        .iter()
        .filter(|call| call.path.ends_with("channels-in"));
    assert_eq!(of_it.count(), 1);
}
