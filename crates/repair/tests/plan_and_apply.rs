//! What a repair promises, on stores in memory: what is missing comes, what is damaged is replaced,
//! what it must not touch stays.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use audit::{Digest, METADATA, SecondaryRoot, Store};
use repair::{Depth, Failure, Metadata, Plan, Side, Which, lists};
use store::testing::{Call, FaultyStore};

use support::{
    ID, PRIMARY, SECONDARY, World, at, bytes_at, files, golden, options, primary, put, secondary,
    wanted,
};

const CASES: [&str; 4] = ["heap", "unaligned", "file-merging", "text"];

#[tokio::test]
async fn what_was_never_there_is_copied_and_published_once() {
    for case in CASES {
        let world = World::new(case).await;
        let plan = world.plan(Which::All, Depth::Length).await;
        let [planned] = &*plan.checkpoints else {
            panic!("{plan:?}")
        };
        assert_eq!(planned.metadata, Metadata::Missing);
        assert_eq!(planned.job_id.as_deref(), Some(ID));
        let (count, bytes) = files(case)
            .iter()
            .fold((0, 0), |(count, sum), (_, length)| {
                (count + 1, sum + length)
            });
        assert_eq!((planned.copy_files, planned.copy_bytes), (count, bytes));
        assert_eq!(plan.copies.len() as u64, count);

        let outcomes = world.apply(&plan).await;
        assert_eq!(outcomes[0].result, Ok(()), "{case}");
        let mended = outcomes[0].mended;
        assert_eq!(
            (mended.files, mended.bytes, mended.replaced),
            (count, bytes, 0)
        );
        assert!(mended.published);
        world.is_good("chk-42").await;
        world.nothing_is_left();

        let root = SecondaryRoot::new(at(SECONDARY));
        let digests = audit::recorded_digests(&world.secondary, &root, ID).await;
        let digests = digests.unwrap();
        assert_eq!(digests.len() as u64, count + 1, "{case}");
        for (path, digest) in digests.iter() {
            let bytes = bytes_at(&world.secondary, &at(SECONDARY).with_path(path)).await;
            assert_eq!(digest, Digest::of(&bytes), "{path}");
        }

        let before = world.secondary.files();
        let again = world.apply(&plan).await;
        assert_eq!(
            (again[0].result.clone(), again[0].mended.files),
            (Ok(()), 0)
        );
        assert!(!again[0].mended.published);
        assert_eq!(world.secondary.files(), before);
        let plan = world.plan(Which::All, Depth::Content).await;
        assert_eq!(plan.checkpoints[0].metadata, Metadata::Published);
        assert_eq!(plan.copies, []);
    }
}

#[tokio::test]
async fn each_damage_of_a_file_is_mended_and_no_other_file_is_touched() {
    for case in CASES {
        for (below, _) in files(case) {
            let world = World::published(case).await;
            let good = world.bytes(&below).await;
            let mut flipped = good.clone();
            flipped[good.len() / 2] ^= 0x10;
            // Of a file of which segments are named, so much is named and no more.
            let short = good.len() - if case == "file-merging" { 8 } else { 1 };
            let damages = [
                ("missing", None),
                ("truncated", Some(good[..short].to_vec())),
                ("empty", Some(Vec::new())),
                ("a bit", Some(flipped)),
            ];
            for (what, bytes) in damages {
                let is_missing = bytes.is_none();
                world.damage(&below, bytes).await;
                let others = others(&world, &below).await;
                let outcomes = world.repaired(Which::All, Depth::Content).await;
                let mended = outcomes[0].mended;
                let replaced = u64::from(!is_missing);
                assert_eq!(
                    (mended.files, mended.replaced),
                    (1, replaced),
                    "{case} {below} {what}"
                );
                assert!(!mended.published);
                assert!(world.bytes(&below).await == good, "{case} {below} {what}");
                assert_eq!(others, self::others(&world, &below).await);
                world.nothing_is_left();
            }
        }
    }
}

/// When each other file of the secondary was written.
async fn others(world: &World, below: &str) -> Vec<(String, u64)> {
    let mut others = Vec::new();
    for (path, _) in world.secondary.files() {
        // what was recorded of them is no file of a job
        if path != secondary(below).path() && !path.contains("/digests/") {
            let status = world.secondary.stat(&path).await.unwrap().unwrap();
            others.push((path, status.modified_ms));
        }
    }
    others
}

#[tokio::test]
async fn a_damaged_metadata_is_replaced_and_another_ones_is_not() {
    let world = World::published("heap").await;
    let good = world.bytes("chk-42/_metadata").await;
    let of_43 = {
        let mut bytes = good.clone();
        bytes[15] = 43;
        bytes
    };
    for damaged in [
        None,
        Some(good[..100].to_vec()),
        Some(b"rubbish".to_vec()),
        Some(of_43),
    ] {
        world.damage("chk-42/_metadata", damaged).await;
        let outcomes = world.repaired(Which::All, Depth::Length).await;
        assert!(outcomes[0].mended.published);
        assert!(world.bytes("chk-42/_metadata").await == good);
        world.is_good("chk-42").await;
        world.nothing_is_left();
    }
    // Whole, of the same number, and of other files: which is right, nothing tells.
    let other = golden("unaligned");
    world.damage("chk-42/_metadata", Some(other.clone())).await;
    let plan = world.plan(Which::All, Depth::Content).await;
    assert_eq!(plan.checkpoints[0].cannot[0].kind, "conflict");
    let outcomes = world.apply(&plan).await;
    assert!(matches!(outcomes[0].result, Err(Failure::Cannot(_))));
    assert!(world.bytes("chk-42/_metadata").await == other);
}

#[tokio::test]
async fn what_the_source_lacks_too_is_said_and_nothing_is_published() {
    let world = World::new("heap").await;
    let gone = primary("chk-42/op-0");
    world.primary.delete(gone.path(), false).await.unwrap();
    let short = primary("chk-42/timers-0");
    world.primary.delete(short.path(), false).await.unwrap();
    put(&world.primary, &short, vec![1; 3]).await;
    let plan = world.plan(Which::All, Depth::Length).await;
    assert!(!plan.is_whole());
    let cannot = plan.checkpoints[0].cannot.iter();
    let mut kinds: Vec<_> = cannot.map(|cannot| cannot.kind.as_str()).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["damaged_at_source", "missing_at_source"]);
    assert_eq!(plan.copies, [], "what is of no use is not copied");
    let outcomes = world.apply(&plan).await;
    assert!(outcomes[0].result.is_err() && !outcomes[0].mended.published);
    assert_eq!(world.nothing_dangles().await, []);
    assert!(
        world
            .secondary
            .stat(secondary("chk-42/_metadata").path())
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn a_directory_in_a_files_place_stays() {
    let world = World::new("heap").await;
    let there = secondary("chk-42/op-0/inner");
    put(&world.secondary, &there, vec![1]).await;
    let plan = world.plan(Which::All, Depth::Length).await;
    let outcomes = world.apply(&plan).await;
    let Err(Failure::Cannot(cannot)) = &outcomes[0].result else {
        panic!("{outcomes:?}")
    };
    assert_eq!(cannot[0].kind, "changed");
    assert_eq!(bytes_at(&world.secondary, &there).await, [1]);
    world.nothing_is_left();
}

/// Of files of which segments are named, more may come while they are copied.
#[tokio::test(start_paused = true)]
async fn a_file_that_grows_while_it_is_copied_is_copied_again() {
    let mut world = World::new("file-merging").await;
    let plan = world.plan(Which::All, Depth::Length).await;
    let (below, length) = files("file-merging")
        .into_iter()
        .find(|(below, _)| below == "shared/seg")
        .unwrap();
    let (inner, path) = (world.primary.clone(), primary(&below));
    let growing = FaultyStore::new(Arc::new(world.primary.clone()), move |call| {
        if call.operation == "read" && call.path == path.path() && call.nth_on_path == 1 {
            // The store in memory never waits.
            futures::executor::block_on(async {
                let mut bytes = bytes_at(&inner, &path).await;
                bytes.extend([7; 100]);
                inner.delete(path.path(), false).await.unwrap();
                put(&inner, &path, bytes).await;
            });
        }
        None
    });
    world.faulty[0] = Some(Arc::new(growing));
    let outcomes = world.apply(&plan).await;
    assert_eq!(outcomes[0].result, Ok(()));
    world.is_good("chk-42").await;
    assert_eq!(world.bytes(&below).await.len() as u64, length + 100);
}

/// One checkpoint that cannot be whole does not stop the others.
#[tokio::test]
async fn each_checkpoint_by_itself() {
    let world = World::new("unaligned").await;
    world.complete("unaligned", 43).await;
    let rubbish = primary("chk-44/_metadata");
    put(&world.primary, &rubbish, b"rubbish".to_vec()).await;
    let plan = world.plan(Which::All, Depth::Length).await;
    let ids: Vec<_> = plan.checkpoints.iter().map(|one| one.id).collect();
    assert_eq!(ids, [44, 43, 42]);
    assert_eq!(plan.copies.len(), 3, "what both name is copied once");
    let outcomes = world.apply(&plan).await;
    let good: Vec<_> = outcomes
        .iter()
        .map(|outcome| outcome.result.is_ok())
        .collect();
    assert_eq!(good, [false, true, true]);
    world.is_good("chk-43").await;
    world.is_good("chk-42").await;
}

#[tokio::test]
async fn only_what_the_plan_calls_damaged_is_replaced() {
    let world = World::published("heap").await;
    world.damage("chk-42/op-0", Some(vec![7; 5])).await;
    let plan = world.plan(Which::All, Depth::Length).await;
    // Somebody has written another file since.
    world.damage("chk-42/op-0", Some(vec![8; 5])).await;
    world.damage("chk-42/raw-0", Some(vec![9; 1])).await;
    let outcomes = world.apply(&plan).await;
    let Err(Failure::Cannot(cannot)) = &outcomes[0].result else {
        panic!("{outcomes:?}")
    };
    assert_eq!(cannot[0].kind, "changed");
    assert_eq!(world.bytes("chk-42/op-0").await, [8; 5]);
    assert_eq!(world.bytes("chk-42/raw-0").await, [9; 1]);
    world.repaired(Which::All, Depth::Length).await;
    world.is_good("chk-42").await;

    // Somebody has mended it since: that stays.
    let good = world.bytes("chk-42/op-0").await;
    world.damage("chk-42/op-0", Some(vec![7; 5])).await;
    let plan = world.plan(Which::All, Depth::Length).await;
    world.damage("chk-42/op-0", Some(good)).await;
    let outcomes = world.apply(&plan).await;
    assert_eq!(
        (outcomes[0].result.clone(), outcomes[0].mended.files),
        (Ok(()), 0)
    );
}

#[tokio::test]
async fn a_path_means_one_checkpoint_on_whichever_cluster_it_is() {
    let world = World::new("heap").await;
    world.complete("heap", 43).await;
    for path in [
        primary("chk-42"),
        secondary("chk-42"),
        secondary("chk-42").join(METADATA),
    ] {
        let plan = world.plan(Which::Paths(vec![path]), Depth::Length).await;
        assert_eq!(plan.checkpoints.len(), 1);
        assert_eq!(plan.checkpoints[0].id, 42);
    }
    let elsewhere = at("hdfs://three/cp/j/chk-1");
    let paths = vec![elsewhere, primary("chk-1"), primary("")];
    let plan = world.plan(Which::Paths(paths), Depth::Length).await;
    assert_eq!((plan.checkpoints.len(), plan.left_out.len()), (0, 3));
    assert!(!plan.is_whole());
}

/// The primary has retired the checkpoint, and has its shared files still.
#[tokio::test]
async fn what_only_the_target_has_published_is_mended_by_its_own_metadata() {
    let world = World::published("heap").await;
    let metadata = primary("chk-42/_metadata");
    world.primary.delete(metadata.path(), false).await.unwrap();
    let good = world.bytes("chk-42/keyed-0").await;
    world.damage("chk-42/keyed-0", None).await;
    let outcomes = world.repaired(Which::All, Depth::Length).await;
    assert_eq!(outcomes[0].mended.files, 1);
    assert!(!outcomes[0].mended.published);
    assert!(world.bytes("chk-42/keyed-0").await == good);
}

#[tokio::test]
async fn a_newer_checkpoint_is_taken_for_one_that_the_source_retires() {
    let world = World::new("heap").await;
    let mut wanted = wanted(Which::Jobs(vec![ID.to_owned()]), Depth::Length);
    wanted.newest = true;
    let ends = world.ends(Side::Secondary);
    let plan = repair::plan(&ends, wanted, &|_, _, _| {}).await.unwrap();
    assert_eq!(plan.checkpoints[0].id, 42);
    world.complete("heap", 43).await;
    let metadata = primary("chk-42/_metadata");
    world.primary.delete(metadata.path(), false).await.unwrap();
    let outcomes = world.apply(&plan).await;
    assert_eq!(outcomes[0].result, Ok(()));
    assert_eq!(outcomes[0].target, secondary("chk-43").to_string());
    world.is_good("chk-43").await;

    // Without it, what was planned is what is done.
    let world = World::new("heap").await;
    let plan = world.plan(Which::All, Depth::Length).await;
    world.complete("heap", 43).await;
    world.primary.delete(metadata.path(), false).await.unwrap();
    let outcomes = world.apply(&plan).await;
    assert!(
        matches!(outcomes[0].result, Err(Failure::Retired(_))),
        "{outcomes:?}"
    );
}

#[tokio::test]
async fn the_way_back_publishes_by_rename_alone() {
    let world = World::published("heap").await;
    let good = world.primary.files();
    world
        .primary
        .delete(primary("").path(), true)
        .await
        .unwrap();
    let ends = world.ends(Side::Primary);
    let names = Which::Jobs(vec![ID.to_owned()]);
    world.primary.mkdirs(at(PRIMARY).path()).await.unwrap();
    let plan = repair::plan(&ends, wanted(names, Depth::Length), &|_, _, _| {});
    let plan = plan.await.unwrap();
    assert!(plan.is_whole(), "{plan:?}");
    let outcomes = world.apply(&plan).await;
    assert_eq!(outcomes[0].result, Ok(()));
    assert_eq!(world.primary.files(), good, "neither owner nor catalogue");
}

#[tokio::test]
async fn the_catalogue_is_never_set_back() {
    for (known, expected) in [(41, 42), (42, 42), (50, 50)] {
        let world = World::new("heap").await;
        world.has_entry(known).await;
        world
            .repaired(Which::Jobs(vec!["payments".to_owned()]), Depth::Length)
            .await;
        let entry = world.entry().await.unwrap();
        assert_eq!(entry.newest_published_id, expected);
        assert_eq!(entry.job_name, "payments");
        if known < 42 {
            assert_eq!(entry.newest_published_path, secondary("chk-42").to_string());
            assert_eq!(entry.files, 4);
        }
    }
    let world = World::new("heap").await;
    world.repaired(Which::All, Depth::Length).await;
    assert_eq!(world.entry().await, None, "its name is not known");
}

/// Another process claims the job when the repair is about to publish, so many times.
fn rival(world: &World, times: u64) -> Arc<FaultyStore> {
    let (inner, begun) = (world.secondary.clone(), AtomicU64::new(0));
    let store = FaultyStore::new(Arc::new(inner.clone()), move |call| {
        let is_publishing = call.operation == "create" && call.path.contains("/claimed/");
        if is_publishing && begun.fetch_add(1, Ordering::Relaxed) < times {
            let record = SecondaryRoot::new(at(SECONDARY)).owner_record(ID);
            // The store in memory never waits.
            futures::executor::block_on(async {
                inner.delete(record.path(), false).await.unwrap();
                put(&inner, &record, b"{\"process_id\":\"rival\"}".to_vec()).await;
            });
        }
        None
    });
    Arc::new(store)
}

#[tokio::test(start_paused = true)]
async fn a_publication_that_is_overtaken_is_tried_again_and_not_for_ever() {
    let mut world = World::new("heap").await;
    let plan = world.plan(Which::All, Depth::Length).await;
    world.faulty[1] = Some(rival(&world, 2));
    let outcomes = world.apply(&plan).await;
    assert_eq!(outcomes[0].result, Ok(()));
    world.is_good("chk-42").await;

    let mut world = World::new("heap").await;
    let plan = world.plan(Which::All, Depth::Length).await;
    world.faulty[1] = Some(rival(&world, u64::MAX));
    let outcomes = world.apply(&plan).await;
    assert_eq!(outcomes[0].result, Err(Failure::Lost(secondary("chk-42"))));
    assert_eq!(outcomes[0].mended.files, 4);
    world.nothing_is_left();
}

/// Somebody deletes what is `below` the job's directory when such a call is about to be made.
fn deleting(world: &World, below: &str, at: fn(&Call) -> bool) -> Arc<FaultyStore> {
    let (inner, path) = (world.secondary.clone(), secondary(below));
    let store = FaultyStore::new(Arc::new(inner.clone()), move |call| {
        if at(call) {
            // The store in memory never waits.
            let delete = inner.delete(path.path(), true);
            futures::executor::block_on(delete).unwrap();
        }
        None
    });
    Arc::new(store)
}

/// The job's JobManager deletes a file between the copy and the claim: the gate comes after.
#[tokio::test]
async fn what_is_deleted_under_it_is_not_published() {
    let mut world = World::new("heap").await;
    let plan = world.plan(Which::All, Depth::Length).await;
    let claims = |call: &Call| call.operation == "replace" && call.to.contains("/owners/");
    world.faulty[1] = Some(deleting(&world, "chk-42/op-0", claims));
    let outcomes = world.apply(&plan).await;
    let expected = Failure::Incomplete(secondary("chk-42/op-0"));
    assert_eq!(outcomes[0].result, Err(expected));
    let metadata = secondary("chk-42/_metadata");
    let there = world.secondary.stat(metadata.path()).await.unwrap();
    assert_eq!(there, None);
    world.nothing_is_left();
    world.faulty[1] = None;
    world.repaired(Which::All, Depth::Length).await;
    world.is_good("chk-42").await;
}

/// The directory was made again, and what names the deleted files was renamed into it.
#[tokio::test]
async fn what_is_deleted_in_mid_commit_is_not_published() {
    let mut world = World::new("heap").await;
    let plan = world.plan(Which::All, Depth::Length).await;
    let commits = |call: &Call| call.operation == "rename" && call.to.ends_with("_metadata");
    world.faulty[1] = Some(deleting(&world, "chk-42", commits));
    let outcomes = world.apply(&plan).await;
    let result = &outcomes[0].result;
    assert!(matches!(result, Err(Failure::Incomplete(_))), "{result:?}");
    let metadata = secondary("chk-42/_metadata");
    let there = world.secondary.stat(metadata.path()).await.unwrap();
    assert_eq!(there, None);
    world.nothing_is_left();
}

#[tokio::test]
async fn what_distcp_has_staged_is_only_moved() {
    let mut world = World::new("heap").await;
    let mut wanted = wanted(Which::All, Depth::Length);
    wanted.lists = true;
    let ends = world.ends(Side::Secondary);
    let plan = repair::plan(&ends, wanted, &|_, _, _| {}).await.unwrap();
    let made = lists(&plan, "files");
    let [(name, list)] = &*made.lists else {
        panic!("{made:?}")
    };
    assert_eq!((name.as_str(), list.lines().count()), ("files", 4));
    let staged = at(plan.staged.as_deref().unwrap());
    assert!(
        made.script
            .contains(&format!("copy files {staged}/1 \"$@\"")),
        "{}",
        made.script
    );
    // As distcp does it, but for one file that it has not got whole, and one that it has not got.
    for source in list.lines().map(at) {
        let mut bytes = bytes_at(&world.primary, &source).await;
        match source.name() {
            "op-0" => continue,
            "timers-0" => bytes.truncate(9),
            _ => {}
        }
        put(
            &world.secondary,
            &staged.join("1").join(source.name()),
            bytes,
        )
        .await;
    }
    let counted = FaultyStore::new(Arc::new(world.primary.clone()), |_| None);
    world.faulty[0] = Some(Arc::new(counted.clone()));
    let outcomes = world.apply(&plan).await;
    assert_eq!(
        (outcomes[0].result.clone(), outcomes[0].mended.files),
        (Ok(()), 4)
    );
    world.is_good("chk-42").await;
    world.nothing_is_left();
    let read = counted
        .calls()
        .into_iter()
        .filter(|call| call.operation == "read");
    let names: Vec<_> = read
        .map(|call| at("hdfs://x/").with_path(&call.path).name().to_owned())
        .collect();
    assert!(!names.contains(&"keyed-0".to_owned()), "{names:?}");
    assert!(names.contains(&"op-0".to_owned()) && names.contains(&"timers-0".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn the_limit_of_bandwidth_holds() {
    let world = World::new("heap").await;
    let plan = world.plan(Which::All, Depth::Length).await;
    let mut options = options();
    options.concurrency = 1;
    options.bytes_per_second = Some(1 << 10);
    let begun = tokio::time::Instant::now();
    let ends = world.ends(Side::Secondary);
    let outcomes = repair::apply(&plan, &ends, &options, &|_| {}).await;
    assert_eq!(outcomes[0].result, Ok(()));
    world.is_good("chk-42").await;
    // All but the last file wait for those before them; the small ones alone have 6 KiB.
    assert!(begun.elapsed().as_secs() >= 5, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_plan_that_was_edited_is_understood_or_refused() {
    let world = World::new("heap").await;
    let text = world.plan(Which::All, Depth::Length).await.to_json();
    let edited = |from: &str, to: &str| {
        let edited = text.replacen(from, to, 1);
        assert_ne!(edited, text, "{from} is not in {text}");
        Plan::parse(&edited).unwrap_err().to_string()
    };
    for (from, to, expected) in [
        ("\"copies\"", "\"copy\"", "unknown field `copy`"),
        ("\"version\": 1", "\"version\": 2", "make the plan anew"),
        (
            "two:8020/dr/cp/a1b2",
            "two:8020/dr/cp/other",
            "is not the place of",
        ),
        ("\"id\": 42", "\"id\": 41", "is not checkpoint 41's"),
        ("{", "", "it is no plan of a repair"),
    ] {
        let error = edited(from, to);
        assert!(error.contains(expected), "{error}");
    }
}
