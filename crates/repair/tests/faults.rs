//! Each call of a repair fails, loses its reply, or is the last one before the process is killed;
//! it is run again, and all is well. At every instant the laws hold.

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use audit::{ErrorKind, Store as _};
use repair::{Depth, Outcome, Plan, Which};
use store::testing::{Call, Fault, FaultyStore};

use support::World;

/// What breaks one call.
const FAULTS: [Fault; 5] = [
    Fault::Fail(ErrorKind::Unavailable),
    Fault::Fail(ErrorKind::PermissionDenied),
    Fault::Fail(ErrorKind::NoSpace),
    Fault::LoseReply,
    Fault::Hang,
];

/// Which of the two clusters fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failing {
    Source,
    Target,
}

/// A checkpoint to be mended: two files are missing, one is truncated, one has another bit, and the
/// `_metadata` is torn. And one that was never there.
async fn broken() -> (World, Plan) {
    let world = World::published("heap").await;
    world.complete("heap", 43).await;
    world.damage("chk-42/op-0", None).await;
    world.damage("chk-42/raw-0", Some(vec![1; 1])).await;
    let mut keyed = world.bytes("chk-42/keyed-0").await;
    keyed[1000] ^= 1;
    world.damage("chk-42/keyed-0", Some(keyed)).await;
    let metadata = world.bytes("chk-42/_metadata").await;
    let torn = metadata[..metadata.len() / 2].to_vec();
    world.damage("chk-42/_metadata", Some(torn)).await;
    let plan = world.plan(Which::All, Depth::Content).await;
    assert!(plan.is_whole() && plan.copies.len() == 7, "{plan:?}");
    (world, plan)
}

/// Watches every call to the secondary, and breaks the `nth` of one of the clusters.
fn watched(
    world: &mut World,
    failing: Failing,
    (nth, fault): (u64, Option<Fault>),
) -> (FaultyStore, FaultyStore) {
    let count = Arc::new(Mutex::new(0));
    let break_nth = move |is_failing: bool| {
        if !is_failing {
            return None;
        }
        let mut count = count.lock().unwrap();
        *count += 1;
        fault.filter(|_| *count == nth)
    };
    let of_source = break_nth.clone();
    let source = FaultyStore::new(Arc::new(world.primary.clone()), move |_| {
        of_source(failing == Failing::Source)
    });
    let memory = world.clone();
    let target = FaultyStore::new(Arc::new(world.secondary.clone()), move |call| {
        futures::executor::block_on(laws(&memory, call));
        break_nth(failing == Failing::Target)
    });
    world.faulty = [
        Some(Arc::new(source.clone())),
        Some(Arc::new(target.clone())),
    ];
    (source, target)
}

async fn laws(world: &World, call: &Call) {
    // What was damaged before may be found so until it is mended: of that, nothing is missing that
    // was there, and checkpoint 43 is ours alone.
    let findings = world.nothing_dangles().await;
    let path_of_43 = |path: String| path.contains("chk-43");
    assert!(
        !findings.iter().any(|finding| path_of_43(finding.path())),
        "{findings:?}"
    );
    let metadata = support::secondary("chk-43/_metadata");
    if world
        .secondary
        .stat(metadata.path())
        .await
        .unwrap()
        .is_some()
    {
        assert_eq!(
            findings
                .iter()
                .filter(|f| f.kind() != "bad_metadata")
                .count(),
            0,
            "{findings:?}"
        );
    }
    if call.operation == "replace" {
        let may = ["/raw-0", "/keyed-0", "/chk-42/_metadata", ".json"];
        assert!(may.iter().any(|name| call.to.ends_with(name)), "{call:?}");
    }
    if matches!(call.operation, "delete" | "rename") {
        let own = ["/.dualwrite/"];
        assert!(own.iter().any(|name| call.path.contains(name)), "{call:?}");
    }
}

/// Runs until it ends, or for so long that only a hanging call can be the cause.
async fn or_killed(run: impl Future<Output = Vec<Outcome>>) -> Option<Vec<Outcome>> {
    tokio::time::timeout(Duration::from_hours(1), run)
        .await
        .ok()
}

fn calls(store: &FaultyStore) -> u64 {
    store.calls().len() as u64
}

async fn each_call_breaks(failing: Failing) {
    let (mut world, plan) = broken().await;
    let (source, target) = watched(&mut world, failing, (0, None));
    let outcomes = world.apply(&plan).await;
    assert!(
        outcomes.iter().all(|outcome| outcome.result.is_ok()),
        "{outcomes:?}"
    );
    let count = match failing {
        Failing::Source => calls(&source),
        Failing::Target => calls(&target),
    };
    assert!(count > 10, "{count}");
    for fault in FAULTS {
        for nth in 1..=count {
            let what = format!("{fault:?} of call {nth} to the {failing:?}");
            let (mut world, plan) = broken().await;
            let (source, target) = watched(&mut world, failing, (nth, Some(fault)));
            let first = or_killed(world.apply(&plan)).await;
            assert!(first.is_some() || fault == Fault::Hang, "{what}");
            source.heal();
            target.heal();
            let again = world.apply(&plan).await;
            for outcome in &again {
                assert_eq!(outcome.result, Ok(()), "{what}: {first:?}");
            }
            world.is_good("chk-42").await;
            world.is_good("chk-43").await;
            world.nothing_is_left();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn each_call_to_the_target_may_break_once() {
    each_call_breaks(Failing::Target).await;
}

#[tokio::test(start_paused = true)]
async fn each_call_to_the_source_may_break_once() {
    each_call_breaks(Failing::Source).await;
}

/// What passes by itself is not told: the file or the publication is begun again.
#[tokio::test(start_paused = true)]
async fn what_passes_is_tried_again_and_what_stays_is_said_in_time() {
    let (mut world, plan) = broken().await;
    let flaky = FaultyStore::new(Arc::new(world.secondary.clone()), |call| {
        let is_first = call.nth < 3 && matches!(call.operation, "write" | "close" | "rename");
        is_first.then_some(Fault::Fail(ErrorKind::Unavailable))
    });
    world.faulty[1] = Some(Arc::new(flaky));
    let outcomes = world.apply(&plan).await;
    let results: Vec<_> = outcomes.iter().map(|outcome| &outcome.result).collect();
    assert_eq!(results, [&Ok(()), &Ok(())]);
    let files: u64 = outcomes.iter().map(|outcome| outcome.mended.files).sum();
    assert_eq!(files, 7);
    world.is_good("chk-42").await;
    world.nothing_is_left();

    let (mut world, plan) = broken().await;
    let dead = FaultyStore::new(Arc::new(world.secondary.clone()), |_| {
        Some(Fault::TimeOut(Duration::from_secs(10)))
    });
    world.faulty[1] = Some(Arc::new(dead));
    let begun = tokio::time::Instant::now();
    let outcomes = world.apply(&plan).await;
    for outcome in outcomes {
        assert!(outcome.result.is_err_and(|failure| failure.is_silence()));
    }
    assert!(
        begun.elapsed() < Duration::from_mins(10),
        "{:?}",
        begun.elapsed()
    );
}
