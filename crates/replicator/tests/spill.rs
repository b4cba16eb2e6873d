//! What the link cannot take in time goes to local disk, in order, and what finds no room anywhere
//! is given up under the reason that fits.

mod support;

use std::io::ErrorKind;
use std::time::Duration;

use bytes::Bytes;
use replicator::{JobHandle, Session};
use store::Store;
use support::{STREAM, World, feed, until};
use tokio::time::sleep;

const CHUNK: usize = 64 << 10;
/// 16 chunks in memory, 64 on disk.
const SIZES: [(&str, &str); 3] = [
    ("buffer.memory", "1048576"),
    ("chunk.size", "65536"),
    ("spill.max-size", "4194304"),
];
const PATH: &str = "hdfs://primary/cp/job/chk-1/file";
const AT: &str = "/cp/job/chk-1/file";

fn bytes(length: usize) -> Bytes {
    (0..length)
        .map(|i| u8::try_from(i % 251).unwrap())
        .collect()
}

/// Writes as Flink's thread would that gives others time between its chunks. None if abandoned.
async fn feed_slowly(session: &Session, bytes: &[u8]) -> Option<usize> {
    session.lease()?;
    let mut last = 0;
    for (n, chunk) in bytes.chunks(CHUNK).enumerate() {
        if n > 0 {
            session.hand_over(last)?;
        }
        last = session.fill(0, chunk);
        sleep(Duration::from_millis(10)).await;
    }
    Some(last)
}

async fn tee(job: &JobHandle, bytes: &Bytes) {
    let session = job.open_session(STREAM).unwrap();
    let tail = feed_slowly(&session, bytes).await.unwrap_or_default();
    session.seal(tail, PATH, bytes.len() as u64);
}

async fn arrives(world: &World, bytes: &Bytes) {
    let mut arrived = None;
    for _ in 0..1000 {
        arrived = world.on_secondary(AT).await;
        if arrived.is_some() {
            break;
        }
        sleep(Duration::from_millis(100)).await;
    }
    assert!(arrived.as_ref() == Some(bytes), "it arrives as it was");
    until("all is given back", || {
        world.count("dualwrite_spill_used_bytes") + world.count("dualwrite_buffer_used_bytes") == 0
    })
    .await;
}

fn assert_abandoned(world: &World, reason: &str) {
    let text = world.metrics.render().unwrap();
    let line = format!(r#"dualwrite_sessions_abandoned_total{{reason="{reason}"}} 1"#);
    assert!(text.contains(&line), "{text}");
}

#[tokio::test(start_paused = true)]
async fn what_the_link_cannot_take_is_spilled_and_arrives_in_order() {
    let (world, _link) = World::behind(256 << 10, &SIZES);
    let bytes = bytes(4_000_007);
    world.put(AT, &bytes).await;
    tee(&world.worker(), &bytes).await;
    let spilled = world.count("dualwrite_spilled_bytes_total");
    assert!(spilled > 2 << 20, "{spilled} bytes were spilled");
    let in_memory = world.count("dualwrite_buffer_used_bytes");
    assert!(in_memory <= 9 * CHUNK as u64, "{in_memory} bytes in memory");
    world.primary.delete(AT, false).await.unwrap();
    arrives(&world, &bytes).await;
    assert_eq!(world.count("dualwrite_sessions_abandoned_total"), 0);
    assert_eq!(world.disk.opened(), 1);
    sleep(Duration::from_secs(20)).await;
    tee(&world.worker(), &bytes).await;
    assert_eq!(world.disk.opened(), 2, "the space was given back between");
}

#[tokio::test(start_paused = true)]
async fn a_fast_link_spills_nothing() {
    let (world, _link) = World::behind(1 << 30, &SIZES);
    let bytes = bytes(4_000_007);
    world.put(AT, &bytes).await;
    tee(&world.worker(), &bytes).await;
    arrives(&world, &bytes).await;
    assert_eq!(world.count("dualwrite_spilled_bytes_total"), 0);
    assert_eq!(world.disk.opened(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_full_spill_abandons_and_the_file_is_copied_from_the_primary() {
    let (world, _link) = World::behind(256 << 10, &SIZES);
    let bytes = bytes(7 << 20);
    world.put(AT, &bytes).await;
    tee(&world.worker(), &bytes).await;
    assert_abandoned(&world, "spill_full");
    assert_eq!(world.count("dualwrite_spill_used_bytes"), 0);
    arrives(&world, &bytes).await;
    assert_eq!(world.count("dualwrite_files_backfilled_total"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_disk_without_room_or_in_trouble_abandons_under_its_reason_and_is_tried_again() {
    let cases = [
        ("write", ErrorKind::StorageFull, "spill_full"),
        ("write", ErrorKind::Other, "spill_failed"),
        ("open", ErrorKind::PermissionDenied, "spill_failed"),
    ];
    for (operation, kind, reason) in cases {
        let (world, _link) = World::behind(256 << 10, &SIZES);
        world.disk.fail(operation, kind);
        let bytes = bytes(4 << 20);
        world.put(AT, &bytes).await;
        tee(&world.worker(), &bytes).await;
        assert_abandoned(&world, reason);
        arrives(&world, &bytes).await;
        world.disk.heal();
        world.secondary.delete(AT, false).await.unwrap();
        sleep(Duration::from_secs(10)).await;
        tee(&world.worker(), &bytes).await;
        arrives(&world, &bytes).await;
        assert_eq!(world.count("dualwrite_sessions_abandoned_total"), 1);
        assert!(world.count("dualwrite_spilled_bytes_total") > 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_disk_costs_the_session_and_never_the_writer() {
    let (world, _link) = World::behind(256 << 10, &SIZES);
    world.disk.slow_down(Duration::from_secs(5));
    let bytes = bytes(4 << 20);
    world.put(AT, &bytes).await;
    tee(&world.worker(), &bytes).await;
    assert_abandoned(&world, "buffer_full");
    arrives(&world, &bytes).await;
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_again_is_copied_from_the_primary() {
    let (world, _link) = World::behind(256 << 10, &SIZES);
    world.disk.fail("read", ErrorKind::Other);
    let bytes = bytes(4 << 20);
    world.put(AT, &bytes).await;
    tee(&world.worker(), &bytes).await;
    arrives(&world, &bytes).await;
    assert_abandoned(&world, "spill_failed");
}

#[tokio::test(start_paused = true)]
async fn discarded_streams_give_their_room_back() {
    let (world, _link) = World::behind(1 << 10, &SIZES);
    let job = world.worker();
    for _ in 0..20 {
        let session = job.open_session(STREAM).unwrap();
        feed_slowly(&session, &bytes(3 << 20)).await.unwrap();
        assert!(world.count("dualwrite_spill_used_bytes") > 0);
        session.discard();
        sleep(Duration::from_millis(10)).await;
        assert_eq!(world.count("dualwrite_spill_used_bytes"), 0);
    }
    assert_eq!(world.count("dualwrite_sessions_abandoned_total"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_streams_on_a_budget_of_one_chunk_all_arrive_in_the_end() {
    let one = [
        ("buffer.memory", "1024"),
        ("chunk.size", "1024"),
        ("spill.max-size", "65536"),
    ];
    let (world, _link) = World::behind(1 << 30, &one);
    let job = world.worker();
    let bytes = bytes(3000);
    let mut sessions = Vec::new();
    for n in 0..1000 {
        world.put(&format!("/cp/job/shared/{n}"), &bytes).await;
        let session = job.open_session(STREAM).unwrap();
        let tail = feed(&session, &bytes[..(n % 4) * 1000]);
        sessions.push((session, tail.unwrap_or_default()));
    }
    assert!(world.count("dualwrite_buffer_used_bytes") <= 1024);
    for (n, (session, tail)) in sessions.iter().enumerate() {
        session.seal(*tail, &format!("hdfs://primary/cp/job/shared/{n}"), 3000);
    }
    let there = async || {
        world
            .secondary
            .list("/cp/job/shared")
            .await
            .map_or(0, |files| files.len())
    };
    while there().await < 1000 {
        sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(world.count("dualwrite_sessions_abandoned_total"), 1000);
    assert_eq!(world.count("dualwrite_backfill_dropped_total"), 0);
}
