//! The numbers add up at every scrape, whatever fails: what has begun has ended in one counted way,
//! or is under way and counted as such.

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use replicator::{Session, Stream};
use store::ErrorKind;
use store::testing::{Call, Fault};
use support::{CHUNK, Checkpoint, STREAM, World, feed};
use telemetry::Metrics;
use tokio::time::sleep;

/// Every metric's value, summed over its labels.
fn sums(metrics: &Metrics) -> BTreeMap<String, i64> {
    let mut sums = BTreeMap::new();
    let text = metrics.render().unwrap();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().unwrap();
        let value: f64 = line.rsplit(' ').next().unwrap().parse().unwrap();
        #[expect(
            clippy::cast_possible_truncation,
            reason = "counters are whole numbers"
        )]
        let value = value as i64;
        let name = name.trim_start_matches("dualwrite_").to_owned();
        *sums.entry(name).or_insert(0) += value;
    }
    sums
}

/// What is under way: streams, uploads, bytes, checkpoints.
fn scrape(metrics: &Metrics) -> [i64; 4] {
    let read = sums(metrics);
    let of = |name: &str| read.get(name).copied().unwrap_or(0);
    let sum = |names: &[&str]| names.iter().map(|name| of(name)).sum::<i64>();
    let under_way = [
        "sessions_open",
        "uploads_in_progress",
        "inflight_bytes",
        "checkpoints_waiting",
    ];
    let identities: [(&str, &[&str]); 4] = [
        (
            "sessions_opened_total",
            &[
                "sessions_discarded_total",
                "sessions_abandoned_total",
                "files_uploaded_total",
                under_way[0],
                under_way[1],
            ],
        ),
        (
            "sessions_sealed_total",
            &["files_uploaded_total", "uploads_failed_total", under_way[1]],
        ),
        (
            "accepted_bytes_total",
            &["uploaded_bytes_total", "dropped_bytes_total", under_way[2]],
        ),
        (
            "checkpoints_offered_total",
            &[
                "checkpoints_published_total",
                "checkpoints_superseded_total",
                "checkpoints_unpublishable_total",
                under_way[3],
            ],
        ),
    ];
    for (whole, parts) in identities {
        assert_eq!(of(whole), sum(parts), "{whole}: {read:#?}");
    }
    let under_way = under_way.map(of);
    assert!(under_way.iter().all(|part| *part >= 0), "{read:#?}");
    under_way
}

/// How a stream ends on the primary.
#[derive(Debug, Clone, Copy)]
enum End {
    Sealed,
    Discarded,
    Dropped,
    /// With another length than the tee has seen.
    Strange,
}

fn end(session: Option<Session>, job: &replicator::JobHandle, path: &str, length: u64, how: End) {
    match (session, how) {
        (None, End::Sealed | End::Strange) => job.missed(path, length),
        (None, _) => {}
        (Some(session), End::Sealed) => {
            let tail = usize::try_from(length).unwrap() % CHUNK;
            session.seal(tail, path, length);
        }
        (Some(session), End::Strange) => session.seal(0, path, length + 1),
        (Some(session), End::Discarded) => session.discard(),
        (Some(session), End::Dropped) => drop(session),
    }
}

/// Streams that end in every way, beside checkpoints with and without their files; scraped at every
/// step and beside it. Gives whether anything was ever seen under way.
async fn run(
    world: &World,
    faults: impl Fn(&Call) -> Option<Fault> + Send + Sync + 'static,
) -> bool {
    world.faults.set_script(faults);
    let scraper = tokio::spawn({
        let metrics = Arc::clone(&world.metrics);
        async move {
            let mut busy = [0; 4];
            loop {
                let now = scrape(&metrics);
                busy = [0, 1, 2, 3].map(|i| busy[i].max(now[i]));
                if busy.iter().all(|most| *most > 0) {
                    return;
                }
                sleep(Duration::from_millis(3)).await;
            }
        }
    });
    let (worker, coordinator) = (world.worker(), world.coordinator());
    let ends = [End::Sealed, End::Discarded, End::Dropped, End::Strange];
    for id in 1..=12_u64 {
        let mut open = Vec::new();
        for (n, how) in ends.into_iter().cycle().take(9).enumerate() {
            let length = (n % 4) * CHUNK + 7;
            let path = format!("hdfs://primary/cp/job/chk-{id}/{n}");
            let at = format!("/cp/job/chk-{id}/{n}");
            let bytes = Bytes::from(vec![7; length]);
            let stream = Stream {
                checkpoint: Some(id),
                ..STREAM
            };
            let session = worker.open_session(stream);
            if let Some(session) = &session {
                feed(session, &bytes);
            }
            scrape(&world.metrics);
            world.put(&at, &bytes).await;
            open.push((session, path, length as u64, how));
        }
        let [streams, ..] = scrape(&world.metrics);
        let held = open.iter().filter(|(session, ..)| session.is_some());
        assert!(streams <= i64::try_from(held.count()).unwrap());
        sleep(Duration::from_millis(20)).await;
        for (session, path, length, how) in open {
            end(session, &worker, &path, length, how);
            scrape(&world.metrics);
        }
        let checkpoint = Checkpoint::new(id, id / 3);
        if id.is_multiple_of(3) {
            for (path, bytes) in checkpoint.files() {
                world.put(&path, &bytes).await;
            }
        }
        let mut offer = checkpoint.offer();
        if id.is_multiple_of(5) {
            offer.metadata = Bytes::from_static(b"nonsense");
        }
        coordinator.offer(offer);
        sleep(Duration::from_millis(300)).await;
    }
    world.faults.heal();
    // longer than a checkpoint waits
    sleep(Duration::from_mins(40)).await;
    assert_eq!(scrape(&world.metrics), [0; 4], "all has ended");
    let all_seen = scraper.is_finished();
    scraper.abort();
    all_seen
}

#[tokio::test(start_paused = true)]
async fn whatever_fails_and_when_nothing_does() {
    let world = World::new();
    assert!(run(&world, |_| None).await, "nothing was seen under way");
    let read = sums(&world.metrics);
    assert!(read["files_uploaded_total"] > 0 && read["checkpoints_published_total"] > 0);
    let ways = [
        Fault::Fail(ErrorKind::Unavailable),
        Fault::Fail(ErrorKind::NoSpace),
        Fault::TimeOut(Duration::from_secs(1)),
        Fault::LoseReply,
        Fault::Delay(Duration::from_millis(700)),
    ];
    let mut failed = 0;
    for operation in ["create", "write", "close", "rename", "stat"] {
        for fault in ways {
            let world = World::new();
            let script = move |call: &Call| {
                (call.operation == operation && call.nth.is_multiple_of(3)).then_some(fault)
            };
            run(&world, script).await;
            failed += sums(&world.metrics)["uploads_failed_total"];
        }
    }
    assert!(failed > 0, "no sealed stream has ever failed");
}
