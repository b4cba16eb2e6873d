//! Nothing grows: a process that has run for hours holds as much as in its first half hour.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use store::testing::{Call, Fault, FaultyStore};
use store::{ErrorKind, MemoryStore, Store};
use telemetry::Metrics;
use tokio::runtime::Handle;
use tokio::time::sleep;

use crate::{JobHandle, Opener, Replicator, Scope, Session, Stream, Surroundings, from_pairs};

const CHUNK: usize = 1024;

/// Every seventh call fails in one of these ways, and the secondary is silent for a while now and
/// then.
fn faults(call: &Call) -> Option<Fault> {
    let ways = [
        Fault::Fail(ErrorKind::Other),
        Fault::Fail(ErrorKind::NoSpace),
        Fault::LoseReply,
        Fault::Delay(Duration::from_secs(3)),
    ];
    let nth = usize::try_from(call.nth).unwrap_or_default();
    if nth % 500 < 20 {
        return Some(Fault::Fail(ErrorKind::Unavailable));
    }
    (nth % 7 == 0).then(|| ways[nth / 7 % ways.len()])
}

fn process(primary: &MemoryStore) -> (Replicator, JobHandle) {
    let secondary = MemoryStore::new("hdfs://secondary");
    let secondary = FaultyStore::new(Arc::new(secondary), faults);
    let primary = primary.clone();
    let opener: Opener = Arc::new(move |location, _| {
        Ok(match location.authority() {
            "primary" => Arc::new(primary.clone()) as Arc<dyn Store>,
            _ => Arc::new(secondary.clone()),
        })
    });
    let pairs = [
        ("job.id", "00ff"),
        ("job.role", "worker"),
        ("primary.dir", "hdfs://primary/cp"),
        ("secondary.dir", "hdfs://secondary/cp"),
        ("chunk.size", "1024"),
        ("buffer.memory", "16384"),
        ("spill.max-size", "65536"),
        ("spill.dirs", "/nowhere"),
    ];
    let pairs = pairs.map(|(name, value)| [name.to_owned(), value.to_owned()]);
    let (settings, spec) = from_pairs(pairs.as_flattened()).unwrap();
    let metrics = Metrics::new().unwrap();
    let surroundings = Surroundings {
        opener,
        ..Surroundings::real(&settings)
    };
    let replicator = Replicator::start_in(surroundings, settings, metrics, &Handle::current());
    let job = replicator.open_job(spec).unwrap();
    (replicator, job)
}

/// One checkpoint: files that are sealed, discarded, left to backfill, or gone before that.
async fn checkpoint(primary: &MemoryStore, job: &JobHandle, id: u64) {
    for n in 0..8_u64 {
        let scope = [Scope::Exclusive, Scope::Shared][usize::try_from(n % 2).unwrap()];
        let stream = Stream {
            scope,
            checkpoint: Some(id),
        };
        let path = match scope {
            Scope::Exclusive => format!("/cp/00ff/chk-{id}/{n}"),
            _ => format!("/cp/00ff/shared/{id}-{n}"),
        };
        let session = job.open_session(stream);
        let bytes = Bytes::from(vec![7; 3 * CHUNK]);
        let mut leased = session.as_ref().and_then(Session::lease);
        for piece in bytes.chunks(CHUNK) {
            if let (Some(session), Some(_)) = (&session, leased) {
                session.fill(0, piece);
                leased = session.hand_over(CHUNK);
            }
            tokio::task::yield_now().await;
        }
        if n == 5 {
            continue;
        }
        if n != 6 {
            let mut writer = primary.create(&path).await.unwrap();
            writer.write(bytes).await.unwrap();
            writer.close().await.unwrap();
        }
        let (path, size) = (format!("hdfs://primary{path}"), 3 * CHUNK as u64);
        match session {
            Some(session) => session.seal(0, &path, size),
            None => job.missed(&path, size),
        }
    }
    // the primary retains a few
    for n in 0..8 {
        let old = id.saturating_sub(5);
        for path in [
            format!("/cp/00ff/chk-{old}/{n}"),
            format!("/cp/00ff/shared/{old}-{n}"),
        ] {
            primary.delete(&path, false).await.unwrap();
        }
    }
}

/// What the process holds, by what it is.
fn held(replicator: &Replicator) -> BTreeMap<&'static str, usize> {
    let shared = &replicator.shared;
    let mut held = BTreeMap::from([
        ("tasks", Handle::current().metrics().num_alive_tasks()),
        ("uploads", shared.uploads.len()),
        ("jobs", replicator.jobs.lock().unwrap().len()),
    ]);
    shared.count(&mut held);
    held
}

#[tokio::test(start_paused = true)]
async fn a_process_that_has_run_for_hours_holds_what_it_held_in_its_first_half_hour() {
    let primary = MemoryStore::new("hdfs://primary");
    let (replicator, job) = process(&primary);
    let mut at_first = None;
    for id in 1..=1440 {
        checkpoint(&primary, &job, id).await;
        sleep(Duration::from_secs(10)).await;
        if id % 180 == 0 {
            // what is under way ends
            sleep(Duration::from_mins(10)).await;
            let held = held(&replicator);
            let before = at_first.get_or_insert_with(|| held.clone());
            for (what, number) in &held {
                let limit = before[what] + if *what == "said" { 10 } else { 0 };
                assert!(*number <= limit, "{what}: {held:?}, before {before:?}");
            }
        }
    }
    println!("{:?}", held(&replicator));
}

#[tokio::test(start_paused = true)]
async fn memory_stays_from_one_checkpoint_to_the_next_and_goes_when_none_comes() {
    let primary = MemoryStore::new("hdfs://primary");
    let (replicator, job) = process(&primary);
    let allocated = || replicator.shared.pool.allocated_bytes();
    for id in 1..=3 {
        checkpoint(&primary, &job, id).await;
        let of_a_checkpoint = allocated();
        assert!(of_a_checkpoint > 0);
        sleep(Duration::from_mins(9)).await;
        assert_eq!(allocated(), of_a_checkpoint);
    }
    sleep(Duration::from_mins(12)).await;
    assert_eq!(allocated(), 0);
}
