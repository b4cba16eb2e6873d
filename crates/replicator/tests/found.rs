//! What the simulation (tests/simulation) has found: each test is one story, told without chance.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use checkpoint_layout::{Location, SecondaryRoot};
use ownership::{Claim, Removal};
use store::testing::{Call, Fault};
use store::{ErrorKind, Store};
use support::{CHUNK, Checkpoint, JOB, STREAM, World, feed, until};
use tokio::time::sleep;

/// For so long a process does nothing, in the middle of a call.
const STANDSTILL: Duration = Duration::from_mins(10);

/// Puts those files of a checkpoint on both clusters that are not there yet.
async fn put_what_is_new(world: &World, checkpoint: &Checkpoint) {
    for (path, bytes) in checkpoint.files() {
        for store in [&world.primary, &world.secondary] {
            if store.stat(&path).await.unwrap().is_none() {
                support::write(store, &path, &bytes).await;
            }
        }
    }
}

/// Another JobManager leads the job, and publishes this checkpoint beside what is left of others.
async fn another_publishes(old: &World, checkpoint: &Checkpoint, published: &[u64]) -> World {
    let new = World::beside(old.primary.clone(), old.secondary.clone());
    put_what_is_new(&new, checkpoint).await;
    new.coordinator().offer(checkpoint.offer());
    new.published_are(published).await;
    new
}

/// Two checkpoints named a file. When the grace period of the first was over, its sweep deleted the
/// file, although the second had been retired a moment before.
#[tokio::test(start_paused = true)]
async fn the_grace_period_begins_with_the_last_that_named_a_file() {
    let world = World::new();
    let job = world.open("coordinator", &[("secondary.retained", "1")]);
    let shared = Checkpoint::new(1, 1).shared();
    let there = || {
        let files = world.secondary.files();
        shared
            .iter()
            .all(|path| files.iter().any(|(at, _)| at == path))
    };
    for (checkpoint, seconds) in [
        (Checkpoint::new(1, 1), 0),
        (Checkpoint::new(2, 1), 29),
        (Checkpoint::new(3, 3), 5),
        (Checkpoint::new(4, 3), 5),
    ] {
        put_what_is_new(&world, &checkpoint).await;
        job.offer(checkpoint.offer());
        world.published_are(&[checkpoint.id]).await;
        sleep(Duration::from_secs(seconds)).await;
    }
    assert!(there(), "10 s after the second was retired");
    sleep(Duration::from_mins(2)).await;
    let last = Checkpoint::new(5, 3);
    put_what_is_new(&world, &last).await;
    job.offer(last.offer());
    until("the deletion", || !there()).await;
}

/// A job ended, and another was restored from a checkpoint of it that had been retired: its files
/// were deleted just after they had been seen.
#[tokio::test(start_paused = true)]
async fn a_job_that_may_have_ended_deletes_nothing() {
    let world = World::new();
    let job = world.open("coordinator", &[("secondary.retained", "1")]);
    for id in 1..=2 {
        let checkpoint = Checkpoint::new(id, id);
        put_what_is_new(&world, &checkpoint).await;
        job.offer(checkpoint.offer());
        world.published_are(&[id]).await;
    }
    sleep(Duration::from_mins(10)).await;
    for path in Checkpoint::new(1, 1).shared() {
        assert!(world.on_secondary(&path).await.is_some(), "{path}");
    }
}

/// Another job retired a checkpoint between a sweep's list and its look, and the sweep was given
/// up. Of many jobs below one root there is always one that does.
#[tokio::test(start_paused = true)]
async fn a_sweep_bears_that_others_retire() {
    let world = World::new();
    let theirs = "/cp/ffffffffffffffffffffffffffffffff/chk-9/_metadata";
    support::write(&world.secondary, theirs, &Checkpoint::new(9, 9).metadata).await;
    world.faults.set_script(move |call: &Call| {
        let reads = call.operation == "read" && call.path == theirs;
        reads.then_some(Fault::Fail(ErrorKind::NotFound))
    });
    let job = world.open("coordinator", &[("secondary.retained", "1")]);
    for id in 1..=3 {
        let checkpoint = Checkpoint::new(id, id);
        put_what_is_new(&world, &checkpoint).await;
        job.offer(checkpoint.offer());
        sleep(Duration::from_mins(1)).await;
    }
    for path in Checkpoint::new(1, 1).shared() {
        assert!(world.on_secondary(&path).await.is_none(), "{path}");
    }
}

/// A JobManager lost a job without noticing it and then led it again. It took for present what the
/// leader in between had deleted, and published a checkpoint that named it.
#[tokio::test(start_paused = true)]
async fn a_leader_that_comes_back_does_not_trust_what_it_knew() {
    let old = World::new();
    let first = Checkpoint::new(1, 1);
    put_what_is_new(&old, &first).await;
    old.coordinator().offer(first.offer());
    old.published_are(&[1]).await;

    let new = World::beside(old.primary.clone(), old.secondary.clone());
    let leader = new.open("coordinator", &[("secondary.retained", "1")]);
    let second = Checkpoint::new(2, 2);
    put_what_is_new(&new, &second).await;
    leader.offer(second.offer());
    new.published_are(&[2]).await;
    sleep(Duration::from_mins(1)).await;
    let third = Checkpoint::new(3, 2);
    put_what_is_new(&new, &third).await;
    leader.offer(third.offer());
    let shared = &first.shared()[0];
    until("the deletion", || {
        new.secondary.files().iter().all(|(path, _)| path != shared)
    })
    .await;

    // the job was restored from the first checkpoint; the primary has its files still
    let fourth = Checkpoint::new(4, 1);
    for (path, bytes) in fourth.files() {
        if old.primary.stat(&path).await.unwrap().is_none() {
            old.put(&path, &bytes).await;
        }
    }
    old.coordinator().offer(fourth.offer());
    sleep(Duration::from_secs(1)).await;
    assert_eq!(old.published().await, [3]);
    old.published_are(&[3, 4]).await;
}

/// What had waited in a JobManager before others led was published when it led again, over newer
/// checkpoints, the newest of which was then retired.
#[tokio::test(start_paused = true)]
async fn a_leader_that_comes_back_does_not_publish_what_is_older() {
    let old = World::new();
    let first = Checkpoint::new(1, 1);
    let stale = old.coordinator();
    stale.offer(first.offer());
    sleep(Duration::from_secs(1)).await;

    let _new = another_publishes(&old, &Checkpoint::new(2, 2), &[2]).await;

    put_what_is_new(&old, &first).await;
    old.coordinator();
    sleep(Duration::from_secs(30)).await;
    assert_eq!(old.published().await, [2]);
    assert_eq!(old.count("dualwrite_checkpoints_superseded_total"), 1);
}

/// A JobManager that did not lead any more claimed the job when the secondary answered it at last.
/// The one that led took itself for dethroned and never published again.
#[tokio::test(start_paused = true)]
async fn a_claim_that_comes_late_costs_one_checkpoint() {
    let new = World::new();
    let leader = new.coordinator();
    let old = World::beside(new.primary.clone(), new.secondary.clone());
    for id in 1..=3 {
        let checkpoint = Checkpoint::new(id, id);
        put_what_is_new(&new, &checkpoint).await;
        leader.offer(checkpoint.offer());
        sleep(Duration::from_secs(1)).await;
        if id == 1 {
            old.coordinator();
            sleep(Duration::from_secs(1)).await;
        }
    }
    assert_eq!(new.published().await, [1, 3]);
    let text = new.metrics.render().unwrap();
    assert!(text.contains(r#"reason="not_owner"} 1"#), "{text}");
}

/// A JobManager stood still just before it published. When it went on, another one led, and had
/// deleted files of that checkpoint.
#[tokio::test(start_paused = true)]
async fn what_a_leader_was_about_to_publish_ends_with_the_next_claim() {
    let old = World::new();
    old.faults.set_script(|call: &Call| {
        let publishes = call.operation == "rename" && call.path.contains("/claimed/");
        publishes.then_some(Fault::Delay(STANDSTILL))
    });
    let first = Checkpoint::new(1, 1);
    put_what_is_new(&old, &first).await;
    old.coordinator().offer(first.offer());
    sleep(Duration::from_secs(1)).await;

    let new = another_publishes(&old, &Checkpoint::new(2, 2), &[2]).await;
    sleep(2 * STANDSTILL).await;
    assert_eq!(new.published().await, [2]);
}

/// A JobManager stood still just before it deleted a file. When it went on, another one led, and
/// had published a checkpoint that named it.
#[tokio::test(start_paused = true)]
async fn what_a_leader_was_about_to_delete_stays_with_the_next_claim() {
    let old = World::new();
    let shared = Checkpoint::new(1, 1).shared();
    let doomed = shared[0].clone();
    old.faults.set_script(move |call: &Call| {
        let deletes = call.operation == "rename" && call.path == doomed;
        deletes.then_some(Fault::Delay(STANDSTILL))
    });
    let job = old.open("coordinator", &[("secondary.retained", "1")]);
    for id in 1..=3 {
        let checkpoint = Checkpoint::new(id, id);
        put_what_is_new(&old, &checkpoint).await;
        job.offer(checkpoint.offer());
        old.published_are(&[id]).await;
        sleep(Duration::from_mins(1)).await;
    }
    assert!(old.on_secondary(&shared[0]).await.is_some());

    // the job was restored from the first checkpoint
    let new = another_publishes(&old, &Checkpoint::new(4, 1), &[3, 4]).await;
    sleep(2 * STANDSTILL).await;
    for path in shared {
        assert!(new.on_secondary(&path).await.is_some(), "{path}");
    }
}

/// A JobManager stood still after a publication while the next checkpoint was offered to it. When
/// it went on, another one led; it took that offer for a sign that it led itself, and claimed the
/// job.
#[tokio::test(start_paused = true)]
async fn what_was_completed_before_the_job_was_lost_does_not_claim_it() {
    let old = World::new();
    let stale = old.open("coordinator", &[("secondary.retained", "1")]);
    let first = Checkpoint::new(1, 1);
    put_what_is_new(&old, &first).await;
    stale.offer(first.offer());
    old.published_are(&[1]).await;
    // its catalogue entry
    let stands_still = AtomicBool::new(true);
    old.faults.set_script(move |call: &Call| {
        let delayed = call.operation == "replace" && stands_still.swap(false, Ordering::Relaxed);
        delayed.then_some(Fault::Delay(STANDSTILL))
    });
    for id in 2..=3 {
        let checkpoint = Checkpoint::new(id, id);
        put_what_is_new(&old, &checkpoint).await;
        stale.offer(checkpoint.offer());
        sleep(Duration::from_secs(1)).await;
    }

    let new = World::beside(old.primary.clone(), old.secondary.clone());
    let leader = new.coordinator();
    for id in 4..=5 {
        sleep(STANDSTILL * 3 / 4).await;
        let checkpoint = Checkpoint::new(id, id);
        put_what_is_new(&new, &checkpoint).await;
        leader.offer(checkpoint.offer());
    }
    new.published_are(&[2, 4, 5]).await;
    let text = new.metrics.render().unwrap();
    assert!(text.contains(r#"reason="not_owner"} 0"#), "{text}");
}

/// A checkpoint waited for one file while another, which had been seen, was deleted by the
/// retention of a job that had been restored from the same checkpoint. It was published without.
#[tokio::test(start_paused = true)]
async fn what_was_seen_once_is_looked_at_again() {
    let world = World::new();
    let checkpoint = Checkpoint::new(1, 1);
    world.put_on_both(&checkpoint).await;
    let files = checkpoint.files();
    let [(seen, _), (late, bytes), ..] = &files[..] else {
        panic!("{} files", files.len());
    };
    world.secondary.delete(late, false).await.unwrap();
    let job = world.open("coordinator", &[("backfill.grace", "60000")]);
    job.offer(checkpoint.offer());
    sleep(Duration::from_secs(1)).await;
    world.secondary.delete(seen, false).await.unwrap();
    support::write(&world.secondary, late, bytes).await;
    sleep(Duration::from_secs(10)).await;
    assert!(world.published().await.is_empty());
    world.published_are(&[1]).await;
    assert_eq!(world.count("dualwrite_files_backfilled_total"), 1);
}

/// A stream was discarded while a write of it was under way, which then failed: it was counted as
/// discarded and as abandoned.
#[tokio::test(start_paused = true)]
async fn a_stream_that_ends_in_mid_write_is_counted_once() {
    let world = World::new();
    let limit = Duration::from_secs(1);
    world.faults.set_script(move |call: &Call| {
        (call.operation == "write").then_some(Fault::TimeOut(limit))
    });
    let session = world.worker().open_session(STREAM).unwrap();
    feed(&session, &[7; 3 * CHUNK]).unwrap();
    sleep(limit / 2).await;
    session.discard();
    until("no in-flight file", || world.inflight().is_empty()).await;
    let ended = ["discarded", "abandoned"]
        .map(|how| world.count(&format!("dualwrite_sessions_{how}_total")));
    assert_eq!(ended, [1, 0]);
}

/// A job was restored from another one's checkpoint and retired what it named of that one. The
/// other one's JobManager lived on, and published a late checkpoint with the same files a moment
/// before they were deleted.
#[tokio::test(start_paused = true)]
async fn what_lies_in_another_jobs_directory_is_not_deleted() {
    const RESTORED: &str = "ffffffffffffffffffffffffffffffff";
    let world = World::new();
    let changes = [("job.id", RESTORED), ("secondary.retained", "1")];
    let job = world.open("coordinator", &changes);
    let own_dir = |path: &str| path.replace(&format!("{JOB}/chk"), &format!("{RESTORED}/chk"));
    let theirs = Checkpoint::new(2, 1).shared();
    for (id, shared) in [(2, 1), (3, 3), (4, 3)] {
        let checkpoint = Checkpoint::new(id, shared);
        for (path, bytes) in checkpoint.files() {
            let path = own_dir(&path);
            if world.secondary.stat(&path).await.unwrap().is_none() {
                support::write(&world.secondary, &path, &bytes).await;
            }
        }
        let mut offer = checkpoint.offer();
        offer.pointer = own_dir(&offer.pointer);
        job.offer(offer);
        world.published_are(&[id]).await;
        sleep(Duration::from_mins(2)).await;
    }
    let files = world.secondary.files();
    let retired = format!("{RESTORED}/chk-2/");
    assert!(files.iter().all(|(path, _)| !path.contains(&retired)));
    for path in theirs {
        assert!(world.on_secondary(&path).await.is_some(), "{path}");
    }
}

/// A job was restored from another's checkpoint that nobody has published, whose files are being
/// collected: they were seen just before they went.
#[tokio::test(start_paused = true)]
async fn files_of_another_job_are_not_collected_once_they_are_seen() {
    const RESTORED: &str = "ffffffffffffffffffffffffffffffff";
    let world = World::new();
    let secondary = &world.secondary;
    let root = SecondaryRoot::new(Location::parse("hdfs://secondary/cp").unwrap());
    let claim = Claim::take(secondary, &root, JOB, "gc", 1).await.unwrap();
    let dir = root.collected(JOB, "gc", 1);
    let removal = Removal::begin(Arc::new(secondary.clone()), dir, claim.holds(secondary)).await;
    let removal = removal.unwrap().unwrap();

    let checkpoint = Checkpoint::new(2, 1);
    let own_dir = |path: &str| path.replace(&format!("{JOB}/chk"), &format!("{RESTORED}/chk"));
    for (path, bytes) in checkpoint.files() {
        support::write(secondary, &own_dir(&path), &bytes).await;
    }
    let job = world.open("coordinator", &[("job.id", RESTORED)]);
    let mut offer = checkpoint.offer();
    offer.pointer = own_dir(&offer.pointer);
    job.offer(offer);
    world.published_are(&[2]).await;
    for path in checkpoint.shared() {
        let late = removal.take(&path).await.unwrap_err();
        assert_eq!(late.kind, ErrorKind::NotFound, "{path}");
        assert!(world.on_secondary(&path).await.is_some(), "{path}");
    }
}
