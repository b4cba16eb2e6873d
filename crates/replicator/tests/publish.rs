//! A JobManager's part: what is published is restorable at every instant, the newest first, and
//! what goes is needed by nobody.

mod support;

use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use audit::{Digest, Digests, LAST_GOOD_VERSION, LastGood, Location, Proof};
use checkpoint_format::ReferenceKind;
use checkpoint_layout::SecondaryRoot;
use futures::executor::block_on;
use replicator::Offer;
use store::ErrorKind;
use store::Store;
use store::testing::{Call, Fault};
use support::{Checkpoint, JOB, World, until, write};
use tokio::time::sleep;

#[tokio::test(start_paused = true)]
async fn a_complete_checkpoint_is_published_with_its_catalogue_entry() {
    let world = World::new();
    let checkpoint = Checkpoint::new(5, 1);
    world.put_on_both(&checkpoint).await;
    assert!(world.coordinator().offer(checkpoint.offer()));
    world.published_are(&[5]).await;
    let path = format!("/cp/.dualwrite/catalogue/{JOB}.json");
    until("the catalogue", || {
        world.secondary.files().iter().any(|(at, _)| *at == path)
    })
    .await;
    let entry = world.on_secondary(&path).await.unwrap();
    let entry = audit::CatalogueEntry::from_json(&entry).unwrap();
    assert_eq!(
        (entry.newest_published_id, entry.triggered_at_ms),
        (5, 5_000)
    );
    assert_eq!(
        entry.newest_published_path,
        format!("hdfs://secondary/cp/{JOB}/chk-5")
    );
    assert!(world.inflight().is_empty());
    assert_eq!(
        world
            .faults
            .calls()
            .iter()
            .filter(|call| call.operation == "list")
            .count(),
        1
    );
}

/// The digests that are recorded of the job's files.
async fn digests(world: &World) -> Digests {
    let root = SecondaryRoot::new(Location::parse("hdfs://secondary/cp").unwrap());
    audit::recorded_digests(&world.secondary, &root, JOB)
        .await
        .unwrap()
}

/// Files that the processes put there, and each published `_metadata`.
#[tokio::test(start_paused = true)]
async fn digests_are_recorded_collected_and_dropped_with_what_they_are_of() {
    let world = World::new();
    let job = world.coordinator();
    let dir = format!("/cp/.dualwrite/digests/{JOB}");
    let mut metadata = Vec::new();
    for id in 1..=3 {
        let checkpoint = Checkpoint::new(id, id);
        world.put_on_both(&checkpoint).await;
        let copied = checkpoint.shared()[0].clone();
        world.secondary.delete(&copied, false).await.unwrap();
        job.offer(checkpoint.offer());
        until("the publication", || {
            world.count("dualwrite_checkpoints_published_total") == id
        })
        .await;
        sleep(Duration::from_secs(90)).await;
        let digests = digests(&world).await;
        for path in [copied, checkpoint.metadata_path()] {
            let bytes = world.on_secondary(&path).await.unwrap();
            assert_eq!(digests.get(&path), Some(Digest::of(&bytes)), "{path}");
        }
        metadata.push(checkpoint.metadata_path());
    }
    let collected = world.on_secondary(&format!("{dir}/collected")).await;
    let collected = Digests::parse(&collected.unwrap()).unwrap();
    assert!(collected.get(&metadata[1]).is_some());
    // those of the last publication were recorded after it was time to collect
    let batches = world.secondary.files();
    let batches = batches.iter().filter(|(path, _)| path.contains("/new/"));
    assert!(batches.count() <= 2);

    for id in 4..=40 {
        let checkpoint = Checkpoint::new(id, id);
        world.put_on_both(&checkpoint).await;
        job.offer(checkpoint.offer());
        sleep(Duration::from_secs(90)).await;
    }
    let digests = digests(&world).await;
    assert_eq!(digests.get(&metadata[0]), None);
    assert!(digests.len() < 24, "{}", digests.len());
}

/// What an operator has left on the secondary, under the job's name or under another's.
#[tokio::test(start_paused = true)]
async fn when_a_job_was_last_verified_and_drilled_is_told_as_metrics() {
    let world = World::new();
    let job = world.coordinator();
    let root = SecondaryRoot::new(Location::parse("hdfs://secondary/cp").unwrap());
    let dir = audit::last_good_dir(&root, "a job", None).unwrap();
    let publish = async |id| {
        let checkpoint = Checkpoint::new(id, id);
        world.put_on_both(&checkpoint).await;
        job.offer(checkpoint.offer());
        sleep(Duration::from_secs(90)).await;
    };
    let leave = async |proof: Proof, name: &str, at_ms| {
        let document = LastGood {
            job_name: name.to_owned(),
            job_id: None,
            checkpoint_path: "hdfs://secondary/cp/former/chk-1".to_owned(),
            at_ms,
            version: LAST_GOOD_VERSION,
        };
        let path = dir.join(proof.document());
        let bytes = document.to_json().into();
        ownership::replace_document(&world.secondary, "/in/1", path.path(), &bytes)
            .await
            .unwrap();
    };
    let told = || {
        ["verify", "drill"]
            .map(|proof| world.count(&format!("dualwrite_last_good_{proof}_timestamp_seconds")))
    };
    leave(Proof::Verify, "a job", 7_000).await;
    leave(Proof::Drill, "another", 8_000).await;
    publish(1).await;
    publish(2).await;
    assert_eq!(told(), [7, 0]);
    leave(Proof::Verify, "a job", 9_000).await;
    leave(Proof::Drill, "a job", 10_000).await;
    publish(3).await;
    assert_eq!(told(), [9, 10]);
}

#[tokio::test(start_paused = true)]
async fn a_missing_file_is_waited_for_and_then_copied_from_the_primary() {
    let world = World::new();
    let checkpoint = Checkpoint::new(1, 1);
    world.put_on_both(&checkpoint).await;
    let late = checkpoint.shared()[0].clone();
    world.secondary.delete(&late, false).await.unwrap();
    world.coordinator().offer(checkpoint.offer());
    sleep(Duration::from_secs(4)).await;
    assert_eq!(world.published().await, [0; 0]);
    assert_eq!(
        world.count("dualwrite_files_backfilled_total"),
        0,
        "the grace is not over"
    );
    world.published_are(&[1]).await;
    assert_eq!(world.count("dualwrite_files_backfilled_total"), 1);
}

/// A large checkpoint would have whole directories listed at each look.
#[tokio::test(start_paused = true)]
async fn while_one_file_is_missed_the_others_are_not_asked_for() {
    let world = World::new();
    let checkpoint = Checkpoint::new(1, 1);
    world.put_on_both(&checkpoint).await;
    let files = checkpoint.files();
    let [(first, _), .., (last, bytes)] = &files[..] else {
        panic!("{} files", files.len());
    };
    for late in [first, last] {
        world.secondary.delete(late, false).await.unwrap();
    }
    let looks = |path: &str| {
        let calls = world.faults.calls();
        calls.iter().filter(|call| call.path == path).count()
    };
    world.coordinator().offer(checkpoint.offer());
    sleep(Duration::from_secs(2)).await;
    assert_eq!(looks(first), 1);
    assert!(looks(last) > 10, "{}", looks(last));

    let before = looks(last);
    write(&world.secondary, last, bytes).await;
    sleep(Duration::from_secs(2)).await;
    assert!(looks(first) > 2);
    assert!(looks(last) <= before + 2);
}

/// Flink stores another length of a changelog's file than it has. Asked for by that one, it was
/// never copied, and no checkpoint of such a job was published.
#[tokio::test(start_paused = true)]
async fn a_changelogs_file_is_copied_as_long_as_it_is() {
    let golden = include_bytes!("../../../tests/goldens/data/2.2.1/job-changelog.metadata");
    let metadata = checkpoint_format::parse(golden).unwrap();
    let mut changes = Vec::new();
    let bytes = checkpoint_format::rewrite(golden, &metadata, |reference, new| {
        if reference.kind == ReferenceKind::Relative {
            return false;
        }
        let name = reference.path.rsplit('/').next().unwrap();
        if !reference.exact {
            changes.push(format!("/cp/{JOB}/shared/{name}"));
        }
        write!(new, "hdfs://primary/cp/{JOB}/shared/{name}").is_ok()
    });
    let metadata = bytes.unwrap().into();
    let checkpoint = Checkpoint { id: 1, metadata };
    let world = World::new();
    world.put_on_both(&checkpoint).await;
    changes.sort();
    changes.dedup();
    assert!(!changes.is_empty());
    for path in &changes {
        world.primary.delete(path, false).await.unwrap();
        world.secondary.delete(path, false).await.unwrap();
    }
    let bytes = vec![7; 3000].into();
    for path in &changes {
        world.put(path, &bytes).await;
    }
    world.coordinator().offer(checkpoint.offer());
    world.published_are(&[1]).await;
    for path in &changes {
        assert_eq!(world.on_secondary(path).await.unwrap(), bytes);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_on_neither_side_is_never_published_and_the_next_one_is() {
    let world = World::new();
    let (broken, good) = (Checkpoint::new(1, 1), Checkpoint::new(2, 2));
    world.put_on_both(&broken).await;
    for store in [&world.primary, &world.secondary] {
        store.delete(&broken.shared()[0], false).await.unwrap();
    }
    let job = world.coordinator();
    job.offer(broken.offer());
    sleep(Duration::from_secs(30)).await;
    assert_eq!(world.published().await, [0; 0]);
    world.put_on_both(&good).await;
    job.offer(good.offer());
    world.published_are(&[2]).await;
    assert_eq!(world.count("dualwrite_checkpoints_superseded_total"), 1);
}

#[tokio::test(start_paused = true)]
async fn given_up_after_the_time_limit() {
    let world = World::new();
    world.coordinator().offer(Checkpoint::new(1, 1).offer());
    sleep(Duration::from_mins(11)).await;
    let text = world.metrics.render().unwrap();
    assert!(text.contains(r#"reason="timeout"} 1"#), "{text}");
}

#[tokio::test(start_paused = true)]
async fn what_is_not_understood_or_has_no_mapping_is_unpublishable_at_once() {
    let world = World::new();
    let job = world.coordinator();
    let mut torn = Checkpoint::new(1, 1);
    torn.metadata.truncate(100);
    job.offer(torn.offer());
    let mut elsewhere = Checkpoint::new(2, 1).offer();
    elsewhere.pointer = "hdfs://third/cp/chk-2".to_owned();
    job.offer(elsewhere);
    sleep(Duration::from_secs(1)).await;
    let text = world.metrics.render().unwrap();
    for reason in ["format", "outside_mapping"] {
        assert!(
            text.contains(&format!(r#"reason="{reason}"}} 1"#)),
            "{text}"
        );
    }
}

/// Flink compares files by their paths: one under two names would be two.
#[tokio::test(start_paused = true)]
async fn all_names_of_a_file_become_one() {
    let names = ["hdfs://ns1", "hdfs:", "hdfs://", "", "hdfs://primary"];
    let world = World::new();
    let plain = Checkpoint::new(1, 1);
    world.put_on_both(&plain).await;
    let metadata = checkpoint_format::parse(&plain.metadata).unwrap();
    let mut at = 0;
    let renamed = checkpoint_format::rewrite(&plain.metadata, &metadata, |reference, new| {
        let Some(path) = reference.path.strip_prefix("hdfs://primary") else {
            return false;
        };
        new.push_str(names[at % names.len()]);
        new.push_str(path);
        at += 1;
        true
    });
    let renamed = Checkpoint {
        id: 1,
        metadata: renamed.unwrap().into(),
    };
    assert!(at > 1 && renamed.metadata != plain.metadata, "{at} paths");

    let undeclared = World::beside(world.primary.clone(), world.secondary.clone());
    undeclared.coordinator().offer(renamed.offer());
    sleep(Duration::from_secs(1)).await;
    let text = undeclared.metrics.render().unwrap();
    assert!(text.contains(r#"reason="outside_mapping"} 1"#), "{text}");

    let aliases = [("primary.aliases", "hdfs://ns1;hdfs://;/")];
    let pointer = format!("hdfs:/cp/{JOB}/chk-1");
    let offer = Offer {
        pointer,
        ..renamed.offer()
    };
    world.open("coordinator", &aliases).offer(offer);
    world.published_are(&[1]).await;
    let path = format!("/cp/{JOB}/chk-1/_metadata");
    let published = world.on_secondary(&path).await.unwrap();
    let expected = checkpoint_format::rewrite(&plain.metadata, &metadata, |reference, new| {
        let path = reference.path.strip_prefix("hdfs://primary");
        path.is_some_and(|path| write!(new, "hdfs://secondary{path}").is_ok())
    });
    assert!(published == expected.unwrap());
}

/// No file is read through a directory, but Flink deletes it: on which cluster, is not left open.
#[tokio::test(start_paused = true)]
async fn a_directory_without_a_place_is_unpublishable() {
    let golden = include_bytes!("../../../tests/goldens/data/2.2.1/file-merging.metadata");
    let metadata = checkpoint_format::parse(golden).unwrap();
    let elsewhere = |kind| {
        let moved = checkpoint_format::rewrite(golden, &metadata, |reference, new| {
            let root = if reference.kind == kind {
                "hdfs://third"
            } else {
                "hdfs://primary"
            };
            let name = reference.path.rsplit('/').next().unwrap();
            write!(new, "{root}/cp/{JOB}/shared/{name}").is_ok()
        });
        let metadata = moved.unwrap().into();
        Checkpoint { id: 42, metadata }
    };
    let unpublishable = async |checkpoint: Checkpoint| {
        let world = World::new();
        world.coordinator().offer(checkpoint.offer());
        sleep(Duration::from_secs(1)).await;
        let text = world.metrics.render().unwrap();
        text.contains(r#"reason="outside_mapping"} 1"#)
    };
    assert!(unpublishable(elsewhere(ReferenceKind::Directory)).await);
    assert!(
        !unpublishable(elsewhere(ReferenceKind::Relative)).await,
        "there is none"
    );
}

#[tokio::test(start_paused = true)]
async fn the_newest_stay_and_their_files_with_them() {
    let world = World::new();
    let job = world.coordinator();
    let there = |path: &String| world.secondary.files().iter().any(|(at, _)| at == path);
    for id in 1..=7 {
        if id == 7 {
            let first = Checkpoint::new(1, 0).shared();
            assert!(first.iter().all(there), "the grace period is not over");
            sleep(Duration::from_mins(2)).await;
            assert!(first.iter().all(there), "the job may have ended");
        }
        // shared files change with every second checkpoint
        let checkpoint = Checkpoint::new(id, id / 2);
        for (path, bytes) in checkpoint.files() {
            if world.secondary.stat(&path).await.unwrap().is_none() {
                support::write(&world.secondary, &path, &bytes).await;
            }
        }
        job.offer(checkpoint.offer());
        let first = id.saturating_sub(2).max(1);
        world.published_are(&(first..=id).collect::<Vec<_>>()).await;
    }
    let generation = |shared| Checkpoint::new(1, shared).shared();
    until("what checkpoint 1 alone named to go", || {
        !generation(0).iter().any(there)
    })
    .await;
    assert!(
        !generation(1).iter().any(there),
        "named by checkpoints 2 and 3"
    );
    assert!(generation(2).iter().all(there) && generation(3).iter().all(there));
    assert_eq!(world.published().await, [5, 6, 7]);
    let files = world.secondary.files();
    assert!(
        files.iter().all(|(path, _)| !path.contains("chk-1/")),
        "{files:?}"
    );
    assert_eq!(world.count("dualwrite_checkpoints_retired_total"), 4);
}

#[tokio::test(start_paused = true)]
async fn what_another_jobs_checkpoint_names_is_not_deleted() {
    let world = World::new();
    let job = world.open("coordinator", &[("secondary.retained", "1")]);
    let first = Checkpoint::new(1, 1);
    world.put_on_both(&first).await;
    job.offer(first.offer());
    world.published_are(&[1]).await;
    // another job was restored from it and names its shared files, in its checkpoint 9
    let theirs = world
        .on_secondary(&format!("/cp/{JOB}/chk-1/_metadata"))
        .await
        .unwrap();
    let theirs = [&theirs[..8], &9_u64.to_be_bytes(), &theirs[16..]]
        .concat()
        .into();
    let theirs_dir = "/cp/ffffffffffffffffffffffffffffffff/chk-9";
    for file in first.manifest().files {
        let path = file.location.unwrap().path().to_owned();
        if let Some((_, name)) = path.split_once("/chk-1/") {
            let bytes = world.on_secondary(&path).await.unwrap();
            support::write(&world.secondary, &format!("{theirs_dir}/{name}"), &bytes).await;
        }
    }
    support::write(
        &world.secondary,
        &format!("{theirs_dir}/_metadata"),
        &theirs,
    )
    .await;
    for id in 2..=3 {
        let checkpoint = Checkpoint::new(id, id);
        world.put_on_both(&checkpoint).await;
        job.offer(checkpoint.offer());
        world.published_are(&[id, 9]).await;
        sleep(Duration::from_mins(2)).await;
    }
    let files = world.secondary.files();
    let own = format!("{JOB}/chk-1/");
    assert!(files.iter().all(|(path, _)| !path.contains(&own)));
    assert_eq!(world.published().await, [3, 9]);
    for path in first.shared() {
        assert!(world.on_secondary(&path).await.is_some(), "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn while_there_is_metadata_that_is_not_understood_nothing_is_deleted() {
    let world = World::new();
    let unknown = bytes::Bytes::from_static(b"\x49\x60\x67\x2d\0\0\0\x63");
    support::write(&world.secondary, "/cp/other/chk-1/_metadata", &unknown).await;
    let job = world.open("coordinator", &[("secondary.retained", "1")]);
    for id in 1..=3 {
        let checkpoint = Checkpoint::new(id, id);
        world.put_on_both(&checkpoint).await;
        job.offer(checkpoint.offer());
        until("it", || {
            world.count("dualwrite_checkpoints_published_total") >= id
        })
        .await;
        sleep(Duration::from_mins(5)).await;
    }
    for path in Checkpoint::new(1, 1).shared() {
        assert!(world.on_secondary(&path).await.is_some(), "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stale_leader_neither_publishes_nor_deletes() {
    let old = World::new();
    let stale = old.coordinator();
    let first = Checkpoint::new(1, 1);
    old.put_on_both(&first).await;
    stale.offer(first.offer());
    old.published_are(&[1]).await;

    let new = World::beside(old.primary.clone(), old.secondary.clone());
    let leader = new.open("coordinator", &[("secondary.retained", "1")]);
    let second = Checkpoint::new(2, 2);
    new.put_on_both(&second).await;
    leader.offer(second.offer());
    new.published_are(&[2]).await;

    let third = Checkpoint::new(3, 3);
    old.put_on_both(&third).await;
    stale.offer(third.offer());
    sleep(Duration::from_mins(2)).await;
    assert_eq!(new.published().await, [2]);
    let text = old.metrics.render().unwrap();
    assert!(text.contains(r#"reason="not_owner"} 1"#), "{text}");
    leader.offer(third.offer());
    new.published_are(&[3]).await;

    // leadership comes back
    let regained = old.coordinator();
    let fourth = Checkpoint::new(4, 4);
    old.put_on_both(&fourth).await;
    regained.offer(fourth.offer());
    until("it", || {
        old.count("dualwrite_checkpoints_published_total") >= 2
    })
    .await;
}

/// What the JobManager before had no time for, its successor does, before the next checkpoint.
#[tokio::test(start_paused = true)]
async fn a_new_leader_publishes_what_the_one_before_it_left() {
    let world = World::new();
    let (first, second) = (Checkpoint::new(1, 1), Checkpoint::new(2, 2));
    for checkpoint in [&first, &second] {
        world.put_on_both(checkpoint).await;
        world
            .put(&checkpoint.metadata_path(), &checkpoint.metadata)
            .await;
    }
    let leader = world.coordinator();
    world.published_are(&[2]).await;
    assert_eq!(world.count("dualwrite_checkpoints_offered_total"), 1);
    assert!(world.on_secondary(&first.metadata_path()).await.is_none());

    // the next leader finds nothing to do, and an offer is not published twice
    let next = World::beside(world.primary.clone(), world.secondary.clone());
    next.coordinator();
    sleep(Duration::from_secs(10)).await;
    assert_eq!(next.count("dualwrite_checkpoints_offered_total"), 0);

    drop(leader);
    let third = Checkpoint::new(3, 3);
    next.put_on_both(&third).await;
    next.coordinator().offer(third.offer());
    next.published_are(&[2, 3]).await;
}

/// Before Flink 1.15 a `_metadata` is seen on the primary while it is being written (FLINK-17808).
#[tokio::test(start_paused = true)]
async fn a_half_written_checkpoint_is_not_taken_for_the_newest() {
    let world = World::new();
    let half = Checkpoint::new(1, 1);
    world.put_on_both(&half).await;
    let bytes = half.metadata.slice(..half.metadata.len() / 2);
    world.put(&half.metadata_path(), &bytes).await;
    let leader = world.coordinator();
    sleep(Duration::from_secs(10)).await;
    assert!(world.published().await.is_empty());
    leader.offer(half.offer());
    world.published_are(&[1]).await;
}

#[tokio::test(start_paused = true)]
async fn another_checkpoint_under_the_same_name_stays() {
    let world = World::new();
    let job = world.coordinator();
    let (first, second) = (Checkpoint::new(1, 1), Checkpoint::new(1, 2));
    world.put_on_both(&first).await;
    job.offer(first.offer());
    world.published_are(&[1]).await;
    let before = world
        .on_secondary(&format!("/cp/{JOB}/chk-1/_metadata"))
        .await;
    for (path, bytes) in second.files() {
        if world.secondary.stat(&path).await.unwrap().is_none() {
            support::write(&world.secondary, &path, &bytes).await;
        }
    }
    job.offer(second.offer());
    sleep(Duration::from_secs(10)).await;
    assert_eq!(
        world
            .on_secondary(&format!("/cp/{JOB}/chk-1/_metadata"))
            .await,
        before
    );
    let text = world.metrics.render().unwrap();
    assert!(text.contains(r#"reason="conflict"} 1"#), "{text}");
    assert!(world.inflight().is_empty());
}

/// Every call of a publication, failing in every way: published in the end, restorable always.
#[tokio::test(start_paused = true)]
async fn whatever_fails_it_is_published_in_the_end() {
    let ways = [
        Fault::Fail(ErrorKind::Unavailable),
        Fault::Fail(ErrorKind::Other),
        Fault::TimeOut(Duration::from_secs(1)),
        Fault::LoseReply,
    ];
    for operation in [
        "create", "write", "close", "read", "rename", "replace", "mkdirs", "stat",
    ] {
        for nth in 1..=3 {
            for fault in ways {
                let world = World::new();
                let checkpoint = Checkpoint::new(1, 1);
                world.put_on_both(&checkpoint).await;
                world.faults.set_script(move |call: &Call| {
                    (call.operation == operation && call.nth == nth).then_some(fault)
                });
                world.coordinator().offer(checkpoint.offer());
                world.published_are(&[1]).await;
            }
        }
    }
}

/// What lost files to the primary's retention waits in vain, and does not keep what takes longer
/// than an interval from being complete.
#[tokio::test(start_paused = true)]
async fn what_is_lost_makes_room_for_what_is_late() {
    let world = World::new();
    let job = world.coordinator();
    for id in 1..=20 {
        job.offer(Checkpoint::new(id, id).offer());
        sleep(Duration::from_secs(1)).await;
    }
    for id in 21..=40 {
        let checkpoint = Checkpoint::new(id, id);
        job.offer(checkpoint.offer());
        let secondary = world.secondary.clone();
        tokio::spawn(async move {
            sleep(Duration::from_millis(2_500)).await;
            for (path, bytes) in checkpoint.files() {
                support::write(&secondary, &path, &bytes).await;
            }
        });
        sleep(Duration::from_secs(1)).await;
    }
    let published = world.count("dualwrite_newest_published_checkpoint_id");
    assert!(published >= 36, "{published}");
    world.published().await;
}

#[tokio::test(start_paused = true)]
async fn after_an_outage_the_newest_is_published() {
    let world = World::new();
    world
        .faults
        .set_script(|_| Some(Fault::Fail(ErrorKind::Unavailable)));
    let job = world.coordinator();
    for id in 1..=30 {
        let checkpoint = Checkpoint::new(id, id);
        for (path, bytes) in checkpoint.files() {
            support::write(&world.primary, &path, &bytes).await;
        }
        job.offer(checkpoint.offer());
        sleep(Duration::from_secs(1)).await;
    }
    world.faults.heal();
    until("the newest", || {
        world.count("dualwrite_newest_published_checkpoint_id") >= 30
    })
    .await;
    world.published().await;
}

/// Whoever deletes checkpoints on the secondary by hand takes their files away with them. Those of
/// them that the next checkpoint names too counted as known, and it was published without them.
#[tokio::test(start_paused = true)]
async fn what_is_deleted_under_us_is_copied_again_before_anything_names_it() {
    for deleted in ["/cp", "/cp/.dualwrite", &format!("/cp/{JOB}")] {
        let world = World::new();
        let job = world.coordinator();
        let (first, second) = (Checkpoint::new(1, 1), Checkpoint::new(2, 1));
        world.put_on_both(&first).await;
        job.offer(first.offer());
        world.published_are(&[1]).await;
        for (path, bytes) in second.files() {
            if world.on_secondary(&path).await.is_none() {
                support::write(&world.primary, &path, &bytes).await;
            }
        }
        world.secondary.delete(deleted, true).await.unwrap();
        job.offer(second.offer());
        let rest: &[u64] = if deleted == "/cp/.dualwrite" {
            &[1, 2]
        } else {
            &[2]
        };
        world.published_are(rest).await;
        assert_eq!(world.count("dualwrite_checkpoints_unpublishable_total"), 0);
    }
}

/// The directory was made again, and what names the deleted files was renamed into it.
#[tokio::test(start_paused = true)]
async fn what_is_deleted_in_mid_commit_is_not_published() {
    let shared = format!("/cp/{JOB}/shared/1");
    let metadata = support::flink::metadata(1, &[(&shared, 100)]);
    let without_own_files = Checkpoint { id: 1, metadata };
    for checkpoint in [Checkpoint::new(1, 1), without_own_files] {
        let world = World::new();
        world.put_on_both(&checkpoint).await;
        let (secondary, deleted) = (world.secondary.clone(), AtomicBool::new(false));
        let commits = |call: &Call| call.operation == "rename" && call.to.ends_with("_metadata");
        world.faults.set_script(move |call: &Call| {
            if commits(call) && !deleted.swap(true, Ordering::Relaxed) {
                let job = format!("/cp/{JOB}");
                // the store in memory never waits
                block_on(secondary.delete(&job, true)).unwrap();
            }
            None
        });
        world.coordinator().offer(checkpoint.offer());
        world.published_are(&[1]).await;
        let commits = world.faults.calls().into_iter().filter(commits);
        assert_eq!(commits.count(), 2);
    }
}

/// The answer to a retirement's deletion was lost: that its `_metadata` is gone is our own doing.
#[tokio::test(start_paused = true)]
async fn what_we_have_deleted_ourselves_is_not_taken_for_somebody_elses_work() {
    let world = World::new();
    let job = world.open("coordinator", &[("secondary.retained", "1")]);
    world.faults.set_script(|call: &Call| {
        let retires = call.operation == "delete" && call.path.ends_with("_metadata");
        (retires && call.nth_on_path == 1).then_some(Fault::LoseReply)
    });
    for id in 1..5 {
        let checkpoint = Checkpoint::new(id, id);
        world.put_on_both(&checkpoint).await;
        job.offer(checkpoint.offer());
        world.published_are(&[id]).await;
    }
    let calls = world.faults.calls().into_iter();
    let lists = calls.filter(|call| call.operation == "list").count();
    assert_eq!(lists, 1, "what was published earlier was looked for again");
}
