//! A link slower than the job: what a TaskManager leaves out, what it keeps for later, what it
//! tells of it, and what the JobManager makes of that.

mod support;

use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use replicator::{JobHandle, Scope, Stream};
use store::Store;
use support::{Checkpoint, JOB, World, feed, flink, until};
use tokio::time::sleep;

const CHUNK: usize = 64 << 10;
const SIZES: [(&str, &str); 3] = [
    ("buffer.memory", "1048576"),
    ("chunk.size", "65536"),
    ("spill.max-size", "4194304"),
];
/// Eight chunks take ten seconds.
const RATE: u64 = 8 * CHUNK as u64 / 10;

fn zeros(chunks: usize) -> Bytes {
    Bytes::from(vec![0; chunks * CHUNK])
}

/// Writes a file of a checkpoint as Flink would; gives its path.
async fn write(world: &World, job: &JobHandle, scope: Scope, checkpoint: u64, n: usize) -> String {
    let path = match scope {
        Scope::Exclusive => format!("/cp/{JOB}/chk-{checkpoint}/{n}"),
        _ => format!("/cp/{JOB}/shared/{checkpoint}-{n}"),
    };
    write_chunks(world, job, (scope, checkpoint, &path), 2).await;
    path
}

async fn write_chunks(
    world: &World,
    job: &JobHandle,
    (scope, checkpoint, path): (Scope, u64, &str),
    chunks: usize,
) {
    let bytes = zeros(chunks);
    world.put(path, &bytes).await;
    let stream = Stream {
        scope,
        checkpoint: Some(checkpoint),
    };
    let session = job.open_session(stream).unwrap();
    let tail = feed(&session, &bytes).unwrap_or_default();
    let length = bytes.len() as u64;
    session.seal(tail, &format!("hdfs://primary{path}"), length);
    // time for others
    sleep(Duration::from_millis(10)).await;
}

/// Four files of a checkpoint, which take ten seconds, at once.
async fn checkpoint(world: &World, job: &JobHandle, scope: Scope, checkpoint: u64) -> Vec<String> {
    let mut paths = Vec::new();
    for n in 0..4 {
        paths.push(write(world, job, scope, checkpoint, n).await);
    }
    paths
}

/// These checkpoints, one a second.
async fn every_second(world: &World, job: &JobHandle, scope: Scope, ids: Range<u64>) {
    for id in ids {
        checkpoint(world, job, scope, id).await;
        sleep(Duration::from_secs(1)).await;
    }
}

/// Writes checkpoints 1, which is taken, and 2, which is not: its shared files.
async fn second_is_left_out(world: &World, job: &JobHandle) -> Vec<String> {
    checkpoint(world, job, Scope::Exclusive, 1).await;
    sleep(Duration::from_secs(1)).await;
    let left_out = checkpoint(world, job, Scope::Shared, 2).await;
    assert_eq!(stride(world), 2);
    left_out
}

async fn there(world: &World, paths: &[String]) -> usize {
    let mut there = 0;
    for path in paths {
        there += usize::from(world.secondary.stat(path).await.unwrap().is_some());
    }
    there
}

fn stride(world: &World) -> u64 {
    world.count("dualwrite_stride")
}

async fn record(world: &World) -> Option<serde_json::Value> {
    let dir = format!("/cp/.dualwrite/strides/{JOB}");
    let listed = world.secondary.list(&dir).await.ok()?;
    let bytes = world.on_secondary(&listed.first()?.path).await?;
    Some(serde_json::from_slice(&bytes).unwrap())
}

#[tokio::test(start_paused = true)]
async fn exclusive_files_are_refused_at_once_and_never_copied() {
    let (world, _link) = World::behind(RATE, &SIZES);
    let job = world.worker();
    let first = checkpoint(&world, &job, Scope::Exclusive, 1).await;
    sleep(Duration::from_secs(1)).await;
    let second = checkpoint(&world, &job, Scope::Exclusive, 2).await;
    assert_eq!(stride(&world), 2);
    sleep(Duration::from_mins(2)).await;
    assert_eq!(
        (there(&world, &first).await, there(&world, &second).await),
        (4, 0)
    );
    let text = world.metrics.render().unwrap();
    let line = r#"dualwrite_sessions_abandoned_total{reason="stride"} 4"#;
    assert!(text.contains(line), "{text}");
    assert_eq!(world.count("dualwrite_sessions_abandoned_total"), 4);
    assert_eq!(world.count("dualwrite_backfill_queue_files"), 0);
    assert_eq!(world.count("dualwrite_sessions_opened_total"), 8);
}

#[tokio::test(start_paused = true)]
async fn shared_files_wait_and_cross_if_a_checkpoint_that_is_taken_names_them() {
    let (world, _link) = World::behind(RATE, &SIZES);
    let job = world.worker();
    let left_out = second_is_left_out(&world, &job).await;
    // compacted away before the next checkpoint
    world.primary.delete(&left_out[0], false).await.unwrap();
    sleep(Duration::from_secs(8)).await;
    checkpoint(&world, &job, Scope::Shared, 3).await;
    let taken = checkpoint(&world, &job, Scope::Shared, 4).await;
    write(&world, &job, Scope::Exclusive, 5, 0).await;
    sleep(Duration::from_secs(1)).await;
    // what is needed does not depend on the primary any more
    for path in &left_out[1..] {
        world.primary.delete(path, false).await.unwrap();
    }
    sleep(Duration::from_mins(2)).await;
    assert_eq!(
        (there(&world, &left_out).await, there(&world, &taken).await),
        (3, 4)
    );
    assert!(world.inflight().is_empty());
    assert_eq!(world.count("dualwrite_spill_used_bytes"), 0);
    assert_eq!(world.count("dualwrite_files_backfilled_total"), 0);
}

/// Where the primary retains several checkpoints, a file that is there may be an older one's alone.
#[tokio::test(start_paused = true)]
async fn what_a_taken_checkpoint_does_not_name_never_crosses_even_if_the_primary_has_it() {
    let (world, _link) = World::behind(RATE, &SIZES);
    let job = world.worker();
    let left_out = second_is_left_out(&world, &job).await;
    sleep(Duration::from_secs(8)).await;
    let taken = checkpoint(&world, &job, Scope::Shared, 4).await;
    let named = [&left_out[..1], &taken[..]].concat();
    let named: Vec<_> = named.iter().map(|path| (path.as_str(), 0)).collect();
    let metadata = format!("/cp/{JOB}/chk-4/_metadata");
    world.put(&metadata, &flink::metadata(4, &named)).await;
    write(&world, &job, Scope::Exclusive, 5, 0).await;
    sleep(Duration::from_mins(2)).await;
    assert_eq!(
        (
            there(&world, &left_out[..1]).await,
            there(&world, &left_out[1..]).await,
            there(&world, &taken).await
        ),
        (1, 0, 4)
    );
    assert_eq!(world.count("dualwrite_spill_used_bytes"), 0);
}

/// A deferred file has begun to cross while nothing else did, when a checkpoint is taken that does
/// not name it. It would keep its place and count as waiting until those of that one had crossed.
async fn what_has_begun_is_given_up(sizes: &[(&str, &str)]) -> World {
    let (world, _link) = World::behind(RATE, sizes);
    let job = world.worker();
    checkpoint(&world, &job, Scope::Exclusive, 1).await;
    sleep(Duration::from_secs(1)).await;
    let left_out = format!("/cp/{JOB}/shared/large");
    write_chunks(&world, &job, (Scope::Shared, 2, &left_out), 8).await;
    assert_eq!(stride(&world), 2);
    sleep(Duration::from_secs(11)).await;
    let begun = world.inflight();
    assert!(!begun.is_empty(), "nothing else wants the link");
    let taken = checkpoint(&world, &job, Scope::Shared, 4).await;
    let named: Vec<_> = taken.iter().map(|path| (path.as_str(), 0)).collect();
    let metadata = format!("/cp/{JOB}/chk-4/_metadata");
    world.put(&metadata, &flink::metadata(4, &named)).await;
    write(&world, &job, Scope::Exclusive, 5, 0).await;
    sleep(Duration::from_secs(4)).await;
    assert!(there(&world, &taken).await < 4, "they are still crossing");
    let left = world.inflight();
    assert!(!left.iter().any(|path| begun.contains(path)), "{left:?}");
    sleep(Duration::from_mins(2)).await;
    assert_eq!(there(&world, &taken).await, 4);
    assert_eq!(there(&world, &[left_out]).await, 0);
    world
}

#[tokio::test(start_paused = true)]
async fn what_has_begun_to_cross_is_given_up_as_soon_as_nobody_names_it() {
    let world = what_has_begun_is_given_up(&SIZES).await;
    assert_eq!(world.count("dualwrite_spill_used_bytes"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_has_begun_is_given_up_as_soon_as_nobody_names_it() {
    let world = what_has_begun_is_given_up(&SIZES[..2]).await;
    let text = world.metrics.render().unwrap();
    let line = r#"dualwrite_backfill_dropped_total{reason="superseded"} 1"#;
    assert!(text.contains(line), "{text}");
}

#[tokio::test(start_paused = true)]
async fn without_a_spill_shared_files_are_copied_from_the_primary_last() {
    let sizes = [SIZES[0], SIZES[1]];
    let (world, _link) = World::behind(RATE, &sizes);
    let job = world.worker();
    checkpoint(&world, &job, Scope::Exclusive, 1).await;
    sleep(Duration::from_secs(1)).await;
    let mut deferred = Vec::new();
    for n in 0..6 {
        deferred.push(write(&world, &job, Scope::Shared, 2, n).await);
    }
    let missed = format!("/cp/{JOB}/shared/missed");
    world.put(&missed, &zeros(2)).await;
    job.missed(&format!("hdfs://primary{missed}"), 2 * CHUNK as u64);
    until("two copies", || {
        world.count("dualwrite_backfill_queue_files") == 5
    })
    .await;
    assert_eq!(
        world.count("dualwrite_backfill_queue_bytes"),
        10 * CHUNK as u64
    );
    world.primary.delete(&deferred[3], false).await.unwrap();
    while there(&world, std::slice::from_ref(&missed)).await == 0 {
        sleep(Duration::from_millis(100)).await;
        assert_eq!(
            there(&world, &deferred).await,
            0,
            "what was missed goes first"
        );
    }
    while there(&world, &deferred).await < 5 {
        sleep(Duration::from_millis(100)).await;
    }
    let text = world.metrics.render().unwrap();
    let line = r#"dualwrite_backfill_dropped_total{reason="vanished"} 1"#;
    assert!(text.contains(line), "{text}");
    assert_eq!(world.count("dualwrite_backfill_queue_bytes"), 0);
}

#[tokio::test(start_paused = true)]
async fn the_stride_is_recorded_while_it_is_not_one() {
    let (world, link) = World::behind(RATE, &SIZES);
    let job = world.worker();
    every_second(&world, &job, Scope::Exclusive, 1..5).await;
    assert_eq!(stride(&world), 4);
    sleep(Duration::from_secs(30)).await;
    write(&world, &job, Scope::Exclusive, 5, 0).await;
    sleep(Duration::from_secs(30)).await;
    let recorded = record(&world).await.unwrap();
    assert_eq!(recorded["stride"], 4);
    assert!(recorded["checkpoint"] == 4 || recorded["checkpoint"] == 5);
    assert_eq!(recorded["job_id"], JOB);
    link.set_rate(1 << 30);
    every_second(&world, &job, Scope::Exclusive, 6..200).await;
    assert_eq!((stride(&world), record(&world).await), (1, None));
    assert!(world.inflight().is_empty());
}

/// What is deferred must get the link for a moment, or it counts as waiting for ever.
#[tokio::test(start_paused = true)]
async fn the_stride_is_one_again_when_the_link_is_quick_though_files_are_shared() {
    let (world, link) = World::behind(RATE, &SIZES);
    let job = world.worker();
    every_second(&world, &job, Scope::Shared, 1..5).await;
    assert_eq!(stride(&world), 4);
    link.set_rate(1 << 20);
    every_second(&world, &job, Scope::Shared, 5..100).await;
    assert_eq!(stride(&world), 1);
}

#[tokio::test(start_paused = true)]
async fn a_record_that_could_not_be_written_is_written_with_the_next_checkpoint() {
    let (world, _link) = World::behind(RATE, &SIZES);
    let job = world.worker();
    checkpoint(&world, &job, Scope::Exclusive, 1).await;
    world.faults.set_script(|call| {
        let fails = call.operation == "replace";
        fails.then_some(store::testing::Fault::Fail(store::ErrorKind::Other))
    });
    sleep(Duration::from_secs(1)).await;
    write(&world, &job, Scope::Exclusive, 2, 0).await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!((stride(&world), record(&world).await), (2, None));
    world.faults.heal();
    write(&world, &job, Scope::Exclusive, 3, 0).await;
    until("the end", || world.inflight().len() <= 1).await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!(record(&world).await.unwrap()["stride"], 2);
}

/// Puts the record of a TaskManager on the secondary.
async fn put_record(world: &World, writer: &str, stride: u64, checkpoint: u64) {
    let record = serde_json::json!({
        "job_id": JOB,
        "writer_id": writer,
        "stride": stride,
        "checkpoint": checkpoint,
        "written_at_ms": 1,
    });
    let path = format!("/cp/.dualwrite/strides/{JOB}/{writer}.json");
    let bytes = Bytes::from(record.to_string());
    support::write(&world.secondary, &path, &bytes).await;
}

/// The first of a checkpoint's files that are its own.
fn own(checkpoint: &Checkpoint) -> String {
    let mut paths = checkpoint.files().into_iter().map(|(path, _)| path);
    paths.find(|path| path.contains("/chk-")).unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_was_left_out_and_is_gone_from_the_primary_is_given_up_at_once() {
    let world = World::new();
    put_record(&world, "w", 4, 2).await;
    let job = world.coordinator();
    for id in [3, 4, 5] {
        let checkpoint = Checkpoint::new(id, id);
        world.put_on_both(&checkpoint).await;
        world
            .secondary
            .delete(&own(&checkpoint), false)
            .await
            .unwrap();
        job.offer(checkpoint.offer());
    }
    sleep(Duration::from_secs(2)).await;
    assert_eq!(
        world.count("dualwrite_checkpoints_unpublishable_total"),
        0,
        "the primary has it"
    );
    for id in [3, 4] {
        let own = own(&Checkpoint::new(id, id));
        world.primary.delete(&own, false).await.unwrap();
    }
    sleep(Duration::from_secs(2)).await;
    let text = world.metrics.render().unwrap();
    assert!(text.contains(r#"reason="skipped"} 1"#), "{text}");
    let asked = world.faults.calls().len();
    support::write(&world.secondary, &own(&Checkpoint::new(4, 4)), &zeros(0)).await;
    sleep(Duration::from_mins(1)).await;
    assert!(world.faults.calls().len() > asked, "4 and 5 still wait");
}

/// Checkpoints that were left out, and of which the primary still has all, filled the list of those
/// that wait; the one that all take made room when the next one came, before it could be complete.
/// The record of the stride is of this checkpoint or a later one.
async fn left_out_ones_do_not_push_a_taken_one_out(record_of: u64) {
    let world = World::new();
    put_record(&world, "w", 64, record_of).await;
    let job = world.coordinator();
    let taken = own(&Checkpoint::new(64, 64));
    let mut bytes = Bytes::new();
    for id in 40..70 {
        let checkpoint = Checkpoint::new(id, id);
        world.put_on_both(&checkpoint).await;
        let own = own(&checkpoint);
        if own == taken {
            bytes = world.on_secondary(&own).await.unwrap();
        }
        world.secondary.delete(&own, false).await.unwrap();
        job.offer(checkpoint.offer());
        sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(world.published().await, Vec::<u64>::new());
    support::write(&world.secondary, &taken, &bytes).await;
    world.published_are(&[64]).await;
    assert_eq!(world.count("dualwrite_files_backfilled_total"), 0);
}

#[tokio::test(start_paused = true)]
async fn what_left_out_checkpoints_lack_does_not_push_a_taken_one_out() {
    left_out_ones_do_not_push_a_taken_one_out(1).await;
}

/// Strides grow, and a record tells nothing of the checkpoints before it.
#[tokio::test(start_paused = true)]
async fn nor_does_what_those_lack_that_were_left_out_before_the_record() {
    left_out_ones_do_not_push_a_taken_one_out(64).await;
}

#[tokio::test(start_paused = true)]
async fn who_leaves_checkpoints_out_is_given_more_time() {
    let world = World::new();
    put_record(&world, "w", 4, 1).await;
    let checkpoint = Checkpoint::new(4, 1);
    world.put_on_both(&checkpoint).await;
    world
        .secondary
        .delete(&own(&checkpoint), false)
        .await
        .unwrap();
    world.coordinator().offer(checkpoint.offer());
    sleep(Duration::from_secs(19)).await;
    assert_eq!(world.count("dualwrite_files_backfilled_total"), 0);
    sleep(Duration::from_secs(3)).await;
    assert_eq!(world.published().await, [4]);
    assert_eq!(world.count("dualwrite_files_backfilled_total"), 1);
}

#[tokio::test(start_paused = true)]
async fn records_of_dead_processes_block_nothing_and_are_deleted() {
    let world = World::new();
    put_record(&world, "refuted", 4, 1).await;
    put_record(&world, "stale", 512, 2).await;
    put_record(&world, "fitting", 3, 2).await;
    put_record(&world, "newer", 64, 301).await;
    let path = format!("/cp/.dualwrite/strides/{JOB}/odd.json");
    support::write(&world.secondary, &path, &Bytes::from("{")).await;
    let job = world.coordinator();
    let checkpoint = Checkpoint::new(300, 300);
    world.put_on_both(&checkpoint).await;
    let late = own(&checkpoint);
    let bytes = world.on_secondary(&late).await.unwrap();
    world.secondary.delete(&late, false).await.unwrap();
    job.offer(checkpoint.offer());
    sleep(Duration::from_secs(1)).await;
    support::write(&world.secondary, &late, &bytes).await;
    world.published_are(&[300]).await;
    sleep(Duration::from_secs(1)).await;
    let dir = format!("/cp/.dualwrite/strides/{JOB}");
    let left = world.secondary.list(&dir).await.unwrap();
    let left: Vec<&str> = left.iter().map(store::FileStatus::name).collect();
    assert_eq!(
        left,
        ["newer.json", "odd.json"],
        "by number: VALID_FOR is 256"
    );
}
