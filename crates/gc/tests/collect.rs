//! Plans made and carried out on a store in memory: what is left over goes, what is needed stays,
//! wherever the command is killed.

use std::sync::Arc;

use audit::{ErrorKind, Location, Place, SecondaryRoot, Store};
use bytes::Bytes;
use gc::{End, Kind, Outcome, Plan, PlanningError, Refusal, Wanted};
use ownership::{Claim, write_new};
use store::MemoryStore;
use store::testing::{Call, Fault, FaultyStore};

/// A `_metadata` that Flink wrote, and what it names beside it.
const HEAP: &[u8] = include_bytes!("../../../tests/goldens/data/2.2.1/heap.metadata");
const FILES: [(&str, usize); 4] = [
    ("keyed-0", 1_048_576),
    ("op-0", 2048),
    ("raw-0", 3),
    ("timers-0", 4096),
];
/// One that names files on a primary.
const ELSEWHERE: &[u8] = include_bytes!("../../../tests/goldens/data/2.2.1/nested.metadata");

const JOB: &str = "a1b2c3d4e5f60718293a4b5c6d7e8f90";
const OTHER: &str = "00000000000000000000000000000002";
const NEVER_OWNED: &str = "00000000000000000000000000000003";
const ROOT: &str = "hdfs://two/cp";
const MIN_AGE_MS: u64 = 86_400_000;
/// When all was written, and when it is collected.
const BEFORE_MS: u64 = 1_770_000_000_000;
const NOW_MS: u64 = BEFORE_MS + 2 * MIN_AGE_MS;

/// What the plan of [`secondary`] has, below the root.
fn leftovers() -> Vec<(Kind, String)> {
    let all = [
        (Kind::Claimed, format!(".dualwrite/claimed/{JOB}/old-7")),
        (Kind::InFlight, ".dualwrite/inflight/old-1".to_owned()),
        (Kind::Stride, format!(".dualwrite/strides/{OTHER}/w.json")),
        (Kind::Unpublished, format!("{OTHER}/chk-5/x")),
        (Kind::EmptyDirectory, format!("{OTHER}/taskowned")),
        (Kind::Unpublished, format!("{JOB}/chk-41/x")),
        (Kind::Unnamed, format!("{JOB}/chk-42/not-named")),
        (Kind::Unnamed, format!("{JOB}/shared/not-named")),
    ];
    all.into()
}

async fn put(store: &dyn Store, below: &str, bytes: impl Into<Bytes>) {
    write_new(store, &format!("/cp/{below}"), &bytes.into())
        .await
        .unwrap();
}

/// A job with a published checkpoint, another one that has ended, and all kinds of leftovers.
async fn secondary() -> MemoryStore {
    let store = MemoryStore::new("hdfs://two");
    store.set_now_ms(BEFORE_MS);
    let root = SecondaryRoot::new(Location::parse(ROOT).unwrap());
    for job in [JOB, OTHER] {
        Claim::take(&store, &root, job, "old", 1).await.unwrap();
    }
    put(&store, &format!("{JOB}/chk-42/_metadata"), HEAP).await;
    for (name, length) in FILES {
        put(&store, &format!("{JOB}/chk-42/{name}"), vec![0; length]).await;
    }
    store
        .mkdirs(&format!("/cp/{OTHER}/taskowned"))
        .await
        .unwrap();
    for (kind, below) in leftovers() {
        if kind != Kind::EmptyDirectory {
            put(&store, &below, "left over").await;
        }
    }
    for below in ["strange", "shared/x", &format!("{NEVER_OWNED}/shared/x")] {
        put(&store, below, "who knows").await;
    }
    store.set_now_ms(NOW_MS);
    for below in [".dualwrite/inflight/new-1", &format!("{JOB}/shared/new")] {
        put(&store, below, "being written").await;
    }
    store
}

fn place(store: &(impl Store + Clone)) -> Place {
    Place {
        store: Arc::new(store.clone()),
        location: Location::parse(ROOT).unwrap(),
    }
}

async fn plan(store: &(impl Store + Clone)) -> Plan {
    planned(store).await.unwrap()
}

async fn planned(store: &(impl Store + Clone)) -> Result<Plan, PlanningError> {
    let wanted = Wanted {
        min_age_ms: MIN_AGE_MS,
        hadoop_conf_dir: None,
        user: None,
        process_id: "planner".to_owned(),
    };
    gc::plan(&place(store), wanted, &|_| ()).await
}

async fn apply(store: &(impl Store + Clone), plan: &Plan) -> Result<Outcome, Refusal> {
    gc::apply(&place(store), plan, &ownership::process_id(), &|_| ()).await
}

/// The paths of all files but the product's own, below the root.
fn flinks_files(store: &MemoryStore) -> Vec<String> {
    let files = store.files().into_iter().map(|(path, _)| path);
    let below = files.filter_map(|path| path.strip_prefix("/cp/").map(str::to_owned));
    below
        .filter(|below| !below.starts_with(".dualwrite/"))
        .collect()
}

/// What stays, whatever happens.
fn needed() -> Vec<String> {
    let mut needed = vec![
        format!("{NEVER_OWNED}/shared/x"),
        format!("{JOB}/chk-42/_metadata"),
        format!("{JOB}/shared/new"),
        "shared/x".to_owned(),
        "strange".to_owned(),
    ];
    needed.extend(FILES.map(|(name, _)| format!("{JOB}/chk-42/{name}")));
    needed.sort();
    needed
}

#[tokio::test]
async fn what_nobody_needs_is_found_and_deleted_and_nothing_else() {
    let store = secondary().await;
    let plan = plan(&store).await;
    let found = plan.leftovers.iter();
    let mut found: Vec<_> = found
        .map(|one| (one.kind, one.path.strip_prefix("/cp/").unwrap().to_owned()))
        .collect();
    let mut expected = leftovers();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
    assert_eq!((plan.checkpoints, plan.is_sure()), (1, true));
    let left: Vec<_> = plan.left.iter().map(|left| left.path.as_str()).collect();
    let never_owned = format!("/cp/{NEVER_OWNED}");
    assert_eq!(left, ["/cp/shared", "/cp/strange", &never_owned]);

    let outcome = apply(&store, &plan).await.unwrap();
    assert_eq!(outcome.error, None);
    assert_eq!(outcome.ends, vec![End::Deleted; plan.leftovers.len()]);
    assert_eq!(flinks_files(&store), needed());
    let own = store.files().into_iter().map(|(path, _)| path);
    let own: Vec<_> = own.filter(|path| path.contains("/.dualwrite/")).collect();
    let record = |job: &str| format!("/cp/.dualwrite/owners/{job}.json");
    let inflight = "/cp/.dualwrite/inflight/new-1".to_owned();
    assert_eq!(own, [inflight, record(OTHER), record(JOB)]);
    for gone in [
        format!("/cp/{OTHER}"),
        format!("/cp/{JOB}/chk-41"),
        format!("/cp/.dualwrite/claimed/{JOB}"),
    ] {
        assert_eq!(store.stat(&gone).await.unwrap(), None, "{gone}");
    }

    let again = apply(&store, &plan).await.unwrap();
    assert_eq!(again.ends, vec![End::Gone; plan.leftovers.len()]);
    assert!(self::plan(&store).await.leftovers.is_empty());
}

#[tokio::test]
async fn killed_at_any_call_it_can_be_run_again() {
    let mut calls = 0;
    for fatal in 1.. {
        let store = secondary().await;
        let plan = plan(&store).await;
        let faulty = FaultyStore::new(Arc::new(store.clone()), |_| None);
        let made = Arc::new(std::sync::atomic::AtomicU64::new(0));
        let calls_made = Arc::clone(&made);
        faulty.set_script(move |_: &Call| {
            let nth = calls_made.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
            (nth >= fatal).then_some(Fault::Fail(ErrorKind::Unavailable))
        });
        let broken = apply(&faulty, &plan).await;
        let is_whole = matches!(&broken, Ok(outcome) if outcome.error.is_none());
        for path in needed() {
            assert!(flinks_files(&store).contains(&path), "{path} at {fatal}");
        }
        if let Ok(outcome) = &broken {
            let gone = plan.leftovers.iter().zip(&outcome.ends);
            for (leftover, _) in gone.filter(|(_, end)| **end == End::Deleted) {
                assert!(store.stat(&leftover.path).await.unwrap().is_none());
            }
        }
        faulty.heal();
        let outcome = apply(&faulty, &plan).await.unwrap();
        assert_eq!(outcome.error, None, "at {fatal}");
        let over = |end: &End| matches!(end, End::Deleted | End::Gone | End::Changed);
        assert!(outcome.ends.iter().all(over), "{:?}", outcome.ends);
        assert_eq!(flinks_files(&store), needed(), "at {fatal}");
        if is_whole {
            break;
        }
        calls = fatal;
    }
    assert!(calls > 50, "{calls} calls are not all of it");
}

#[tokio::test]
async fn what_was_changed_named_or_claimed_since_the_plan_stays() {
    let store = secondary().await;
    let plan = plan(&store).await;
    // published since: its directory has what was not named before
    let renamed = format!("/cp/{JOB}/chk-41/x");
    store.delete(&renamed, false).await.unwrap();
    put(&store, &format!("{JOB}/chk-41/x"), "something new").await;
    let record = format!("/cp/.dualwrite/owners/{OTHER}.json");
    store.delete(&record, false).await.unwrap();
    let faulty = FaultyStore::new(Arc::new(store.clone()), |_| None);
    let outcome = apply(&faulty, &plan).await.unwrap();
    let end = |below: &str| {
        let path = format!("/cp/{below}");
        let at = plan.leftovers.iter().position(|one| one.path == path);
        outcome.ends[at.unwrap()]
    };
    assert_eq!(end(&format!("{JOB}/chk-41/x")), End::Changed);
    assert_eq!(end(&format!("{OTHER}/chk-5/x")), End::NotOwned);
    assert_eq!(end(&format!("{JOB}/shared/not-named")), End::Deleted);
}

#[tokio::test]
async fn a_job_that_claims_itself_back_keeps_the_rest() {
    let store = secondary().await;
    let plan = plan(&store).await;
    // what the JobManager's claim does, at the first rename of a file of its job
    let (inner, root) = (store.clone(), format!("/cp/.dualwrite/claimed/{JOB}"));
    let faulty = FaultyStore::new(Arc::new(store.clone()), move |call: &Call| {
        if call.operation == "rename" && call.to.starts_with(&root) {
            let deletion = inner.delete(&root, true);
            futures::FutureExt::now_or_never(deletion).unwrap().unwrap();
        }
        None
    });
    let outcome = apply(&faulty, &plan).await.unwrap();
    assert_eq!(outcome.error, None);
    for (leftover, end) in plan.leftovers.iter().zip(&outcome.ends) {
        let is_live = leftover.kind.as_str().starts_with("un") && leftover.path.contains(JOB);
        let expected = if is_live { End::Alive } else { End::Deleted };
        assert_eq!(*end, expected, "{}", leftover.path);
        if is_live {
            assert!(store.stat(&leftover.path).await.unwrap().is_some());
        }
    }
}

#[tokio::test]
async fn while_metadata_is_not_understood_no_file_of_a_job_goes() {
    for (bytes, why) in [
        (&b"\x49\x60\x67\x2d\0\0\0\x63"[..], "is not understood"),
        (ELSEWHERE, "not below /cp"),
    ] {
        let store = secondary().await;
        let sure = plan(&store).await;
        put(&store, &format!("{JOB}/chk-43/_metadata"), bytes).await;
        let unsure = plan(&store).await;
        assert!(!unsure.is_sure());
        assert!(unsure.doubts[0].why.contains(why), "{:?}", unsure.doubts);
        let is_state = |kind: Kind| [Kind::Unnamed, Kind::Unpublished].contains(&kind);
        assert!(!unsure.leftovers.iter().any(|one| is_state(one.kind)));
        let before = flinks_files(&store);
        let outcome = apply(&store, &sure).await.unwrap();
        assert_eq!(flinks_files(&store), before);
        assert_eq!(outcome.doubts, unsure.doubts);
        for (leftover, end) in sure.leftovers.iter().zip(&outcome.ends) {
            assert_eq!(*end == End::Doubt, is_state(leftover.kind), "{end:?}");
        }
    }
}

#[tokio::test]
async fn plans_that_are_old_foreign_or_saw_nothing_are_refused() {
    let store = secondary().await;
    let plan = plan(&store).await;
    let before = store.files();
    let refused = async |plan: Plan| apply(&store, &plan).await.unwrap_err();
    let none = Plan {
        checkpoints: 0,
        ..plan.clone()
    };
    assert_eq!(refused(none).await, Refusal::NoCheckpoints);
    let foreign = Plan {
        root: "hdfs://one/cp".to_owned(),
        ..plan.clone()
    };
    let other = Refusal::OtherRoot("hdfs://one/cp".to_owned());
    assert_eq!(refused(foreign).await, other);
    let future = Plan {
        made_at_ms: NOW_MS * 2,
        ..plan.clone()
    };
    assert_eq!(refused(future).await, Refusal::FromTheFuture);
    store.set_now_ms(plan.made_at_ms + MIN_AGE_MS + 10);
    assert_eq!(refused(plan).await, Refusal::Old);
    assert_eq!(store.files(), before);

    let primary = MemoryStore::new("hdfs://two");
    put(&primary, &format!("{JOB}/chk-42/_metadata"), HEAP).await;
    let error = planned(&primary).await.unwrap_err();
    assert!(matches!(error, PlanningError::NoSecondary(_)), "{error}");
    assert_eq!(primary.files().len(), 1);
}

/// A plan whose checkpoints have all gone since deletes no file of a job, either.
#[tokio::test]
async fn where_nothing_is_published_any_more_no_file_of_a_job_goes() {
    let store = secondary().await;
    let plan = plan(&store).await;
    let metadata = format!("/cp/{JOB}/chk-42/_metadata");
    store.delete(&metadata, false).await.unwrap();
    let before = flinks_files(&store);
    let outcome = apply(&store, &plan).await.unwrap();
    assert!(outcome.ends.contains(&End::Doubt));
    assert_eq!(flinks_files(&store), before);
}

/// What the leader of another job has under way may name a file that goes, so it ends; and that
/// before what is published is read for the last time.
#[tokio::test]
async fn every_job_is_claimed_before_the_last_look() {
    let store = secondary().await;
    let root = SecondaryRoot::new(Location::parse(ROOT).unwrap());
    let mut leader = Claim::take(&store, &root, OTHER, "leader", 1)
        .await
        .unwrap();
    let mut plan = plan(&store).await;
    // nothing of the other job
    plan.leftovers.retain(|one| one.path.contains(JOB));
    let waits = leader.next_path();
    let bytes = Bytes::from_static(b"_metadata");
    write_new(&store, waits.path(), &bytes).await.unwrap();
    let faulty = FaultyStore::new(Arc::new(store.clone()), |_| None);
    apply(&faulty, &plan).await.unwrap();
    assert!(!leader.holds(&store).await.unwrap());
    assert_eq!(store.stat(waits.path()).await.unwrap(), None);

    let calls = faulty.calls();
    let at = |is: &dyn Fn(&Call) -> bool| calls.iter().position(is).unwrap();
    let claimed = root.claimed_dir(OTHER);
    let ended = at(&|call| call.operation == "delete" && call.path == claimed.path());
    let taken = at(&|call| call.operation == "rename" && call.path.contains("/shared/"));
    let jobs = |call: &&Call| call.operation == "list" && call.path == "/cp";
    let looks = calls[ended..taken].iter().filter(jobs).count();
    assert_eq!(looks, 1, "after the claims, and before anything goes");
}
