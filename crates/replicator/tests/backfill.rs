//! What is copied from the primary, in which order, and what is not copied any more.

mod support;

use std::time::Duration;

use bytes::Bytes;
use replicator::{Scope, Stream};
use store::testing::{Call, Fault};
use store::{ErrorKind, Store};
use support::{Checkpoint, JOB, World, until};
use tokio::time::{Instant, sleep};

/// Enough for a copy of all that is in these tests.
const A_WHILE: Duration = Duration::from_secs(20);

fn dropped(world: &World, reason: &str) -> u64 {
    let text = world.metrics.render().unwrap();
    let name = format!(r#"dualwrite_backfill_dropped_total{{reason="{reason}"}} "#);
    let line = text.lines().find(|line| line.starts_with(&name)).unwrap();
    line[name.len()..].parse().unwrap()
}

/// Opens the breaker.
async fn fall_silent(world: &World) {
    world
        .faults
        .set_script(|_| Some(Fault::Fail(ErrorKind::Unavailable)));
    let job = world.worker();
    world.put("/cp/any", &Bytes::from("any")).await;
    job.missed("hdfs://primary/cp/any", 3);
    until("silence", || world.count("dualwrite_secondary_up") == 0).await;
}

#[tokio::test(start_paused = true)]
async fn after_an_outage_what_is_gone_costs_one_look_and_holds_nothing_up() {
    let world = World::new();
    fall_silent(&world).await;
    let job = world.worker();
    let asked = world.primary_faults.calls().len();
    for n in 0..200 {
        job.missed(&format!("hdfs://primary/cp/{JOB}/shared/{n}"), 10);
    }
    let there = format!("/cp/{JOB}/shared/100");
    world.put(&there, &Bytes::from_static(&[7; 10])).await;
    world
        .primary_faults
        .set_script(|_| Some(Fault::Delay(Duration::from_millis(10))));
    world.faults.heal();
    sleep(A_WHILE).await;
    assert_eq!(
        (
            dropped(&world, "vanished"),
            world.count("dualwrite_backfill_queue_files")
        ),
        (199, 0)
    );
    assert!(world.secondary.stat(&there).await.unwrap().is_some());
    let calls = world.primary_faults.calls();
    let looks = calls[asked..]
        .iter()
        .filter(|call| call.operation == "stat")
        .count();
    assert!(looks <= 205, "{looks} looks at 201 files");
}

#[tokio::test(start_paused = true)]
async fn the_newest_waiting_checkpoint_is_served_first() {
    let world = World::new();
    let job = world.coordinator();
    let checkpoints = [1, 2, 3].map(|id| Checkpoint::new(id, id));
    for checkpoint in &checkpoints {
        for (path, bytes) in checkpoint.files() {
            world.put(&path, &bytes).await;
        }
        job.offer(checkpoint.offer());
    }
    world.faults.set_script(|call: &Call| {
        (call.operation == "write").then_some(Fault::Delay(Duration::from_secs(2)))
    });
    world.published_are(&[3]).await;
    let copied = async |checkpoint: &Checkpoint| {
        let mut copied = 0;
        for (path, _) in checkpoint.files() {
            copied += usize::from(world.secondary.stat(&path).await.unwrap().is_some());
        }
        copied
    };
    assert_eq!(copied(&checkpoints[2]).await, checkpoints[2].files().len());
    let others = copied(&checkpoints[0]).await + copied(&checkpoints[1]).await;
    assert!(
        others <= 2,
        "{others} of older checkpoints were copied before"
    );
}

#[tokio::test(start_paused = true)]
async fn what_superseded_checkpoints_lack_is_not_copied() {
    let world = World::new();
    let job = world.coordinator();
    for id in 1..=5 {
        let old = Checkpoint::new(id, id);
        for (path, bytes) in old.files() {
            world.put(&path, &bytes).await;
        }
        job.offer(old.offer());
    }
    world.faults.set_script(|call: &Call| {
        (call.operation == "write").then_some(Fault::Delay(Duration::from_secs(1)))
    });
    sleep(Duration::from_millis(5500)).await;
    let queued = world.count("dualwrite_backfill_queue_files");
    assert!(queued >= 6, "{queued} files wait");
    let new = Checkpoint::new(6, 6);
    world.put_on_both(&new).await;
    job.offer(new.offer());
    world.published_are(&[6]).await;
    let asked = world.primary_faults.calls().len();
    sleep(A_WHILE).await;
    assert_eq!(world.count("dualwrite_backfill_queue_files"), 0);
    assert!(dropped(&world, "superseded") >= 4);
    let calls = world.primary_faults.calls().len() - asked;
    assert!(calls <= 4, "{calls} calls for files that nobody needs");
}

#[tokio::test(start_paused = true)]
async fn a_file_of_an_old_checkpoint_alone_is_dropped_without_a_look() {
    let world = World::new();
    let job = world.worker();
    let stream = Stream {
        scope: Scope::Exclusive,
        checkpoint: Some(20),
    };
    job.open_session(stream).unwrap().discard();
    fall_silent(&world).await;
    for id in [1, 20] {
        let path = format!("/cp/{JOB}/chk-{id}/file");
        world.put(&path, &Bytes::from("bytes")).await;
        job.missed(&format!("hdfs://primary{path}"), 5);
    }
    world.faults.heal();
    sleep(A_WHILE).await;
    let there = async |id: u64| {
        let path = format!("/cp/{JOB}/chk-{id}/file");
        world.secondary.stat(&path).await.unwrap().is_some()
    };
    assert_eq!((there(1).await, there(20).await), (false, true));
    assert_eq!(dropped(&world, "superseded"), 1);
}

#[tokio::test(start_paused = true)]
async fn attempts_are_spread_and_do_not_hold_others_up() {
    let world = World::new();
    let start = Instant::now();
    world.faults.set_script(|call: &Call| {
        let fails = call.operation == "create" && call.nth <= 20;
        fails.then_some(Fault::Fail(ErrorKind::Other))
    });
    let job = world.worker();
    for n in 0..20 {
        let path = format!("/cp/{JOB}/shared/{n}");
        world.put(&path, &Bytes::from("bytes")).await;
        job.missed(&format!("hdfs://primary{path}"), 5);
    }
    let created = || {
        let calls = world.faults.calls();
        calls
            .iter()
            .filter(|call| call.operation == "create")
            .count()
    };
    until("a first attempt at each", || created() >= 20).await;
    assert!(start.elapsed() < Duration::from_millis(200));
    let mut moments = Vec::new();
    while created() < 40 {
        sleep(Duration::from_millis(10)).await;
        moments.push(created());
    }
    let took = start.elapsed().as_millis();
    assert!((400..900).contains(&took), "{took} ms");
    moments.dedup();
    assert!(moments.len() > 10, "they come one by one: {moments:?}");
    sleep(A_WHILE).await;
    assert_eq!(world.count("dualwrite_files_backfilled_total"), 20);
}
