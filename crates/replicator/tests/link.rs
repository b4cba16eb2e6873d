//! What is on its way to the secondary is bounded and shared fairly, and a slow link is no error.

mod support;

use std::time::Duration;

use bytes::Bytes;
use replicator::JobHandle;
use store::Store;
use support::{STREAM, World, feed};
use tokio::time::{Instant, sleep};

const MIB: usize = 1 << 20;
const REAL: [(&str, &str); 2] = [("buffer.memory", "67108864"), ("chunk.size", "262144")];

/// Tees a complete file, which the primary has too.
async fn tee(world: &World, job: &JobHandle, path: &str, bytes: &Bytes) {
    world.put(path, bytes).await;
    let session = job.open_session(STREAM).unwrap();
    let tail = feed(&session, bytes).unwrap_or_default();
    session.seal(tail, &format!("hdfs://primary{path}"), bytes.len() as u64);
}

/// How many of the files below a directory are there under their final names.
async fn arrived(world: &World, dir: &str) -> usize {
    let listed = world.secondary.list(dir).await;
    listed.map_or(0, |files| files.len())
}

/// Waits for that; gives the seconds that it took.
async fn until_arrived(world: &World, dir: &str, files: usize) -> f64 {
    let start = Instant::now();
    while arrived(world, dir).await < files {
        sleep(Duration::from_millis(50)).await;
        assert!(start.elapsed() < Duration::from_mins(10), "waited in vain");
    }
    start.elapsed().as_secs_f64()
}

#[tokio::test(start_paused = true)]
async fn what_a_frozen_secondary_holds_is_bounded_and_arrives_when_it_thaws() {
    let (world, slow) = World::behind(0, &REAL);
    slow.set_rate(1 << 40);
    let job = world.worker();
    let bytes = Bytes::from(vec![7; 500_007]);
    let sessions: Vec<_> = (0..60).map(|_| job.open_session(STREAM).unwrap()).collect();
    for (n, session) in sessions.iter().enumerate() {
        world.put(&format!("/cp/job/chk-1/{n}"), &bytes).await;
        // they open their files before the link freezes
        session.lease();
        session.fill(0, &bytes[..100]);
        session.hand_over(100);
    }
    sleep(Duration::from_secs(1)).await;
    assert_eq!(world.count("dualwrite_link_open_files"), 32);
    slow.set_rate(0);
    for session in &sessions {
        let tail = feed(session, &bytes[100..]).unwrap();
        session.hand_over(tail);
    }
    sleep(Duration::from_secs(5)).await;
    let held = world.count("dualwrite_link_unacknowledged_bytes");
    assert!(held <= 24 << 20, "{held} bytes are with the client");
    assert!(held >= 256 << 10, "{held} bytes are with the client");
    slow.set_rate(1 << 30);
    for (n, session) in sessions.iter().enumerate() {
        let path = format!("hdfs://primary/cp/job/chk-1/{n}");
        session.seal(0, &path, bytes.len() as u64);
    }
    until_arrived(&world, "/cp/job/chk-1", 60).await;
    assert_eq!(world.count("dualwrite_sessions_abandoned_total"), 0);
    assert_eq!(world.count("dualwrite_link_unacknowledged_bytes"), 0);
    assert_eq!(world.count("dualwrite_link_open_files"), 0);
}

#[tokio::test(start_paused = true)]
async fn what_hung_writers_hold_is_bounded_and_comes_back() {
    let (world, slow) = World::behind(1 << 40, &REAL);
    let job = world.worker();
    let bytes = Bytes::from(vec![7; MIB]);
    let mut sessions = Vec::new();
    for n in 0..100 {
        let session = job.open_session(STREAM).unwrap();
        feed(&session, &bytes[..300_000]);
        sessions.push(session);
        if n == 40 {
            sleep(Duration::from_secs(1)).await;
            slow.set_rate(0);
        }
    }
    for session in &sessions {
        feed(session, &bytes);
    }
    let held = || {
        let buffer = world.count("dualwrite_buffer_used_bytes");
        let unacknowledged = world.count("dualwrite_link_unacknowledged_bytes");
        assert!(buffer <= 64 << 20 && unacknowledged <= 24 << 20);
        (buffer, unacknowledged)
    };
    for _ in 0..60 {
        sleep(Duration::from_secs(1)).await;
        held();
    }
    assert_eq!(world.count("dualwrite_secondary_up"), 0);
    sessions.clear();
    sleep(Duration::from_secs(1)).await;
    assert_eq!(world.count("dualwrite_link_open_files"), 0);
    let (buffer, unacknowledged) = held();
    // what a client does not let go of, is counted until it does
    assert!(
        buffer <= unacknowledged + (32 << 18),
        "{buffer}, {unacknowledged}"
    );
    slow.set_rate(1 << 30);
    sleep(Duration::from_secs(10)).await;
    assert_eq!(held(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_secondary_that_takes_bytes_and_acknowledges_none_is_found_silent() {
    let (world, slow) = World::behind(1 << 30, &REAL);
    let job = world.worker();
    let session = job.open_session(STREAM).unwrap();
    let bytes = Bytes::from(vec![7; 4 * MIB]);
    feed(&session, &bytes).unwrap();
    sleep(Duration::from_secs(1)).await;
    slow.set_rate(0);
    feed(&session, &bytes).unwrap();
    sleep(Duration::from_secs(9)).await;
    assert_eq!(world.count("dualwrite_sessions_abandoned_total"), 0);
    sleep(Duration::from_secs(2)).await;
    let text = world.metrics.render().unwrap();
    let line = r#"dualwrite_sessions_abandoned_total{reason="timeout"} 1"#;
    assert!(text.contains(line), "{text}");
    assert!(world.count("dualwrite_secondary_errors_total") > 0);
}

/// All of it takes ten times the limit of a call.
#[tokio::test(start_paused = true)]
async fn no_call_runs_out_of_time_because_the_link_is_slow() {
    let rate = 256 << 10;
    let (world, _slow) = World::behind(rate, &REAL);
    let job = world.worker();
    for n in 0..8 {
        let bytes = Bytes::from(vec![7; 3 * MIB]);
        tee(&world, &job, &format!("/cp/job/chk-1/{n}"), &bytes).await;
    }
    let took = until_arrived(&world, "/cp/job/chk-1", 8).await;
    let least = 24.0 * 4.0;
    assert!((least..least * 1.05).contains(&took), "{took} s");
    assert_eq!(world.count("dualwrite_sessions_abandoned_total"), 0);
}

/// The client keeps small files until they are closed, and a call carries what is closed.
#[tokio::test(start_paused = true)]
async fn nor_because_many_small_files_are_closed() {
    let rate = 128 << 10;
    let (world, _slow) = World::behind(rate, &REAL);
    let job = world.worker();
    let bytes = Bytes::from(vec![7; 100_000]);
    for n in 0..200 {
        tee(&world, &job, &format!("/cp/job/chk-1/{n}"), &bytes).await;
    }
    let took = until_arrived(&world, "/cp/job/chk-1", 200).await;
    let least = 20_000_000.0 / f64::from(128_u32 << 10);
    assert!((least..least * 1.05).contains(&took), "{took} s of {least}");
    assert_eq!(world.count("dualwrite_sessions_abandoned_total"), 0);
    let text = world.metrics.render().unwrap();
    assert!(text.contains(r#"{kind="timed_out"} 0"#), "{text}");
}

#[tokio::test(start_paused = true)]
async fn small_files_cross_a_fast_link_many_at_a_time() {
    let (world, _slow) = World::behind(1 << 30, &REAL);
    let job = world.worker();
    let bytes = Bytes::from(vec![7; 1_000]);
    for n in 0..200 {
        tee(&world, &job, &format!("/cp/job/chk-1/{n}"), &bytes).await;
    }
    let took = until_arrived(&world, "/cp/job/chk-1", 200).await;
    assert!(took < 1.0, "{took} s");
}

#[tokio::test(start_paused = true)]
async fn the_limit_of_bandwidth_holds_for_tees_and_backfill_together() {
    let mut changes = REAL.to_vec();
    changes.push(("upload.bandwidth-limit", "1048576"));
    let (world, _slow) = World::behind(1 << 30, &changes);
    let job = world.worker();
    let bytes = Bytes::from(vec![7; MIB]);
    for n in 0..10 {
        tee(&world, &job, &format!("/cp/job/chk-1/{n}"), &bytes).await;
        let path = format!("/cp/job/shared/{n}");
        world.put(&path, &bytes).await;
        job.missed(&format!("hdfs://primary{path}"), MIB as u64);
    }
    let tees = until_arrived(&world, "/cp/job/chk-1", 10).await;
    let copied = arrived(&world, "/cp/job/shared").await;
    assert!(copied <= 1, "{copied} were copied while tees were waiting");
    let took = tees + until_arrived(&world, "/cp/job/shared", 10).await;
    assert!((18.9..20.2).contains(&took), "{took} s");
}

#[tokio::test(start_paused = true)]
async fn a_large_job_does_not_starve_a_small_one() {
    let (world, _slow) = World::behind(1 << 20, &REAL);
    let large = world.worker();
    for n in 0..50 {
        let bytes = Bytes::from(vec![7; MIB]);
        tee(&world, &large, &format!("/cp/job/chk-1/{n}"), &bytes).await;
    }
    sleep(Duration::from_secs(1)).await;
    let small = world.open("worker", &[("job.id", "ff")]);
    for n in 0..4 {
        let bytes = Bytes::from(vec![7; 100_000]);
        tee(&world, &small, &format!("/cp/job/chk-2/{n}"), &bytes).await;
    }
    let took = until_arrived(&world, "/cp/job/chk-2", 4).await;
    println!("400 KB of the small job took {took} s beside 50 MiB of the large one");
    assert!(took <= 12.0, "{took} s");
    assert!(arrived(&world, "/cp/job/chk-1").await < 20);
}
