//! A TaskManager's part: what is teed arrives, what is not is copied from the primary, and nothing
//! of it is seen by the caller.

mod support;

use std::time::Duration;

use bytes::Bytes;
use store::ErrorKind;
use store::testing::{Call, Fault};
use support::{CHUNK, STREAM, World, feed, until};

const PATH: &str = "hdfs://primary/cp/job/chk-1/file";
const AT: &str = "/cp/job/chk-1/file";

fn bytes(length: usize) -> Bytes {
    (0..length)
        .map(|i| u8::try_from(i % 251).unwrap())
        .collect()
}

/// Tees a file, as its primary completes.
async fn tee(world: &World, bytes: &Bytes) {
    world.put(AT, bytes).await;
    let job = world.worker();
    let Some(session) = job.open_session(STREAM) else {
        job.missed(PATH, bytes.len() as u64);
        return;
    };
    let tail = feed(&session, bytes).unwrap_or_default();
    session.seal(tail, PATH, bytes.len() as u64);
}

async fn arrives(world: &World, bytes: &Bytes) {
    until("the file", || {
        world.secondary.files().iter().any(|(path, _)| path == AT)
    })
    .await;
    assert_eq!(world.on_secondary(AT).await.as_ref(), Some(bytes));
    until("no in-flight file", || world.inflight().is_empty()).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_written_arrives_under_its_final_name() {
    for length in [1, CHUNK - 1, CHUNK, CHUNK + 1, 5 * CHUNK + 7] {
        let world = World::new();
        let bytes = bytes(length);
        tee(&world, &bytes).await;
        arrives(&world, &bytes).await;
        assert_eq!(world.count("dualwrite_files_uploaded_total"), 1);
        assert_eq!(world.count("dualwrite_buffer_used_bytes"), 0);
        assert_eq!(world.count("dualwrite_sessions_abandoned_total"), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_seen_under_the_final_name_before_the_primary_is_complete() {
    let world = World::new();
    let session = world.worker().open_session(STREAM).unwrap();
    feed(&session, &bytes(3 * CHUNK + 5)).unwrap();
    until("the in-flight file", || !world.inflight().is_empty()).await;
    assert_eq!(world.on_secondary(AT).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_never_becomes_a_file_never_touches_the_secondary() {
    let world = World::new();
    let session = world.worker().open_session(STREAM).unwrap();
    feed(&session, &bytes(CHUNK)).unwrap();
    session.discard();
    session.seal(0, PATH, 0);
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert!(
        world.faults.calls().is_empty(),
        "{:?}",
        world.faults.calls()
    );
    assert_eq!(world.count("dualwrite_sessions_discarded_total"), 1);
    assert_eq!(world.count("dualwrite_buffer_used_bytes"), 0);
}

#[tokio::test(start_paused = true)]
async fn an_aborted_stream_leaves_no_file() {
    let world = World::new();
    let session = world.worker().open_session(STREAM).unwrap();
    feed(&session, &bytes(4 * CHUNK)).unwrap();
    until("the in-flight file", || !world.inflight().is_empty()).await;
    drop(session);
    until("no in-flight file", || world.inflight().is_empty()).await;
    assert!(world.secondary.files().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_full_buffer_abandons_and_the_file_is_copied_from_the_primary() {
    let world = World::new();
    world.faults.set_script(|call: &Call| {
        (call.operation == "write").then_some(Fault::Delay(Duration::from_millis(900)))
    });
    let bytes = bytes(40 * CHUNK);
    tee(&world, &bytes).await;
    world.faults.heal();
    arrives(&world, &bytes).await;
    let text = world.metrics.render().unwrap();
    let line = r#"dualwrite_sessions_abandoned_total{reason="buffer_full"} 1"#;
    assert!(text.contains(line), "{text}");
    assert_eq!(world.count("dualwrite_files_backfilled_total"), 1);
    assert_eq!(world.count("dualwrite_buffer_used_bytes"), 0);
}

/// Every call of an upload, failing in every way, once.
#[tokio::test(start_paused = true)]
async fn whatever_fails_the_file_arrives_and_nothing_is_left_behind() {
    let ways = [
        Fault::Fail(ErrorKind::Unavailable),
        Fault::Fail(ErrorKind::NoSpace),
        Fault::Fail(ErrorKind::Other),
        Fault::TimeOut(Duration::from_secs(1)),
        Fault::LoseReply,
    ];
    for operation in ["create", "write", "close", "rename", "mkdirs", "stat"] {
        for nth in 1..=2 {
            for fault in ways {
                let world = World::new();
                world.faults.set_script(move |call: &Call| {
                    (call.operation == operation && call.nth == nth).then_some(fault)
                });
                let bytes = bytes(3 * CHUNK + 1);
                tee(&world, &bytes).await;
                until("the file", || {
                    world.secondary.files().iter().any(|(path, _)| path == AT)
                })
                .await;
                assert_eq!(
                    world.on_secondary(AT).await.as_ref(),
                    Some(&bytes),
                    "{operation} {nth} {fault:?}"
                );
                assert_eq!(world.count("dualwrite_buffer_used_bytes"), 0);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_secondary_is_not_asked_and_afterwards_all_is_copied() {
    let world = World::new();
    world
        .faults
        .set_script(|_| Some(Fault::Fail(ErrorKind::Unavailable)));
    let job = world.worker();
    for index in 0..20 {
        let name = format!("/cp/job/shared/{index}");
        world.put(&name, &bytes(10)).await;
        let path = format!("hdfs://primary{name}");
        match job.open_session(STREAM) {
            Some(session) => {
                let tail = feed(&session, &bytes(10)).unwrap_or_default();
                session.seal(tail, &path, 10);
            }
            None => job.missed(&path, 10),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(world.count("dualwrite_secondary_up"), 0);
    let asked = world.faults.calls().len();
    tokio::time::sleep(Duration::from_mins(10)).await;
    let probes = world.faults.calls().len() - asked;
    // One each 5 s, which is spread by half of that.
    assert!(
        probes <= 140,
        "{probes} calls to a dead secondary within ten minutes"
    );

    world.faults.heal();
    until("all files", || world.secondary.files().len() == 20).await;
    assert_eq!(world.count("dualwrite_backfill_dropped_total"), 0);
    let sessions = ["opened", "discarded", "abandoned"]
        .map(|what| world.count(&format!("dualwrite_sessions_{what}_total")));
    assert_eq!(sessions, [20, 0, 20]);
}

#[tokio::test(start_paused = true)]
async fn another_file_under_the_final_name_stays() {
    let world = World::new();
    support::write(&world.secondary, AT, &Bytes::from_static(b"another")).await;
    tee(&world, &bytes(100)).await;
    until("the conflict", || {
        world.count("dualwrite_sessions_abandoned_total") > 0
    })
    .await;
    until("the backfill's end", || {
        world.count("dualwrite_backfill_dropped_total") > 0
    })
    .await;
    assert_eq!(world.on_secondary(AT).await.unwrap(), "another");
    assert!(world.inflight().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_length_that_is_not_the_primarys_is_never_given_a_name() {
    let world = World::new();
    world.put(AT, &bytes(100)).await;
    let session = world.worker().open_session(STREAM).unwrap();
    let tail = feed(&session, &bytes(99)).unwrap();
    session.seal(tail, PATH, 100);
    arrives(&world, &bytes(100)).await;
    assert_eq!(world.count("dualwrite_files_backfilled_total"), 1);
}
