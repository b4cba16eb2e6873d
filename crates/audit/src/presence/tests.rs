//! The tests of `presence`, on stores in memory.

use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;
use store::testing::{Fault, FaultyStore};
use store::{ErrorKind, MemoryStore};

use super::*;

fn expect(path: &str, length: impl Into<Option<u64>>, exact: bool) -> Expected {
    Expected {
        location: Location::parse(&format!("hdfs://nn{path}")).unwrap(),
        length: length.into(),
        exact,
    }
}

async fn put(store: &MemoryStore, path: &str, length: usize) {
    let mut writer = store.create(path).await.unwrap();
    writer.write(Bytes::from(vec![0; length])).await.unwrap();
    writer.close().await.unwrap();
}

/// As the gate asks.
async fn gate(store: &dyn Store, expected: &[Expected]) -> store::Result<Vec<Presence>> {
    presence(store, &expected.iter().collect::<Vec<_>>()).await
}

fn is_send(_: impl Send) {}

#[tokio::test]
async fn every_answer_is_in_its_place() {
    let store = MemoryStore::default();
    put(&store, "/a/five", 5).await;
    put(&store, "/b/six", 6).await;
    store.mkdirs("/a/dir").await.unwrap();
    let expected = [
        expect("/b/six", 6, true),
        expect("/a/none", 5, true),
        expect("/a/five", 6, true),
        expect("/a/five", 4, true),
        expect("/a/five", 4, false),
        expect("/a/five", 6, false),
        expect("/a/five", None, true),
        expect("/a/dir", None, false),
        expect("/no/such/dir", 0, true),
        expect("/b/six", 6, true),
    ];
    is_send(gate(&store, &expected));
    let wrong = Presence::WrongLength { found: 5 };
    let answers = [
        Presence::Present,
        Presence::Missing,
        wrong,
        wrong,
        Presence::Present,
        wrong,
        Presence::Present,
        Presence::Missing,
        Presence::Missing,
        Presence::Present,
    ];
    assert_eq!(gate(&store, &expected).await.unwrap(), answers);
}

#[test]
fn only_crowded_directories_are_listed() {
    let files = |dir: &str, count: usize| {
        let file = |at| expect(&format!("/{dir}/{at}"), 1, true);
        (0..count).map(file).collect::<Vec<_>>()
    };
    let mut expected = files("few", 16);
    expected.extend(files("many", 17));
    let expected: Vec<_> = expected.iter().collect();
    let plan = plan(&expected, MOST_LOOKUPS_IN_A_DIRECTORY);
    let stats = plan.iter().filter(|l| matches!(l, Lookup::Stat { .. }));
    assert_eq!(stats.count(), 16);
    let listing = Lookup::List {
        dir: "/many".to_owned(),
        files: (16..33).collect(),
    };
    assert!(plan.contains(&listing), "{plan:?}");
}

async fn told(
    store: &dyn Store,
    expected: &[Expected],
    most_lookups: usize,
) -> Vec<store::Result<Presence>> {
    let expected: Vec<_> = expected.iter().collect();
    let lookups = plan(&expected, most_lookups);
    look_up(store, &expected, &Patience::default(), lookups, |_| {}).await
}

/// Fails calls of `operation` below `/bad`.
fn faulty(store: &MemoryStore, operation: &'static str, kind: ErrorKind) -> FaultyStore {
    FaultyStore::new(Arc::new(store.clone()), move |call| {
        let hit = call.operation == operation && call.path.starts_with("/bad");
        hit.then_some(Fault::Fail(kind))
    })
}

#[tokio::test]
async fn an_error_is_the_files_own_and_the_gates_end() {
    for (operation, most_lookups) in [("stat", usize::MAX), ("list", 0)] {
        let store = MemoryStore::default();
        put(&store, "/good/a", 1).await;
        put(&store, "/bad/a", 1).await;
        let expected = [expect("/good/a", 1, true), expect("/bad/a", 1, true)];
        for kind in [ErrorKind::Unavailable, ErrorKind::PermissionDenied] {
            let faulty = faulty(&store, operation, kind);
            let answers = told(&faulty, &expected, most_lookups).await;
            assert_eq!(answers[0], Ok(Presence::Present));
            assert_eq!(answers[1].as_ref().unwrap_err().kind, kind);
            if operation == "stat" {
                assert_eq!(gate(&faulty, &expected).await.unwrap_err().kind, kind);
            }
        }
    }
}

#[tokio::test]
async fn what_is_too_large_to_be_listed_is_looked_up() {
    let store = MemoryStore::default();
    put(&store, "/bad/a", 1).await;
    let expected = [expect("/bad/a", 1, true), expect("/bad/b", 1, true)];
    let faulty = faulty(&store, "list", ErrorKind::TimedOut);
    let answers = told(&faulty, &expected, 0).await;
    assert_eq!(answers, [Ok(Presence::Present), Ok(Presence::Missing)]);
    let calls: Vec<_> = faulty.calls().iter().map(|call| call.operation).collect();
    assert_eq!(calls, ["list", "stat", "stat"]);
}

/// Otherwise a dead cluster costs one time limit for each of its directories.
#[tokio::test]
async fn a_dead_cluster_is_not_asked_to_the_end() {
    let dead = FaultyStore::new(Arc::new(MemoryStore::default()), |_| {
        Some(Fault::Fail(ErrorKind::TimedOut))
    });
    let files = (0..5000).map(|at| expect(&format!("/{}/{at}", at / 50), 1, true));
    let expected: Vec<_> = files.collect();
    let answers = told(&dead, &expected, MOST_LOOKUPS_IN_A_DIRECTORY).await;
    assert!(answers.iter().all(Result::is_err));
    assert!(
        dead.calls().len() <= CONCURRENT_CALLS,
        "{}",
        dead.calls().len()
    );
}

#[tokio::test(start_paused = true)]
async fn calls_are_made_together_and_bounded() {
    let store = FaultyStore::new(Arc::new(MemoryStore::default()), |_| {
        Some(Fault::Delay(std::time::Duration::from_secs(1)))
    });
    let expected: Vec<_> = (0..CONCURRENT_CALLS * 3)
        .map(|at| expect(&format!("/{at}/file"), 1, true))
        .collect();
    let begun = tokio::time::Instant::now();
    gate(&store, &expected).await.unwrap();
    assert_eq!(begun.elapsed().as_secs(), 3);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn listing_and_looking_up_say_the_same(
        there in proptest::collection::btree_map((0..4u8, 0..8u8), 0..4usize, 0..24),
        asked in proptest::collection::vec(
            ((0..5u8, 0..9u8), proptest::option::of(0..4u64), any::<bool>()), 0..40),
        most_lookups in 0..20usize,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let store = MemoryStore::default();
            for ((dir, file), length) in there {
                put(&store, &format!("/d{dir}/f{file}"), length).await;
            }
            let expected: Vec<_> = asked
                .into_iter()
                .map(|((dir, file), length, exact)| {
                    expect(&format!("/d{dir}/f{file}"), length, exact)
                })
                .collect();
            let by_stat = told(&store, &expected, usize::MAX).await;
            assert_eq!(told(&store, &expected, 0).await, by_stat);
            assert_eq!(told(&store, &expected, most_lookups).await, by_stat);
        });
    }
}
