//! The contract on the stores that need no cluster.

use std::sync::Arc;
use std::time::Duration;

use store::testing::{Fault, FaultyStore};
use store::{ClusterOptions, ErrorKind, MemoryStore, Store, contract, open};

#[tokio::test(flavor = "multi_thread")]
async fn memory() {
    contract::check(Arc::new(MemoryStore::default()), "/contract").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn local_files() {
    let dir = tempfile::tempdir().unwrap();
    let uri = format!("file://{}", dir.path().display());
    let (store, path) = open(&uri, &ClusterOptions::default()).unwrap();
    contract::check(store, &format!("{path}/contract")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn faulty_without_faults() {
    let faulty = FaultyStore::new(Arc::new(MemoryStore::default()), |_| None);
    contract::check(Arc::new(faulty.clone()), "/contract").await;
    assert!(faulty.calls().len() > 100);
}

#[tokio::test(flavor = "multi_thread")]
#[should_panic(expected = "sentence 5 of the store's contract is broken")]
async fn a_broken_store_is_found_out() {
    let broken = FaultyStore::new(Arc::new(MemoryStore::default()), |call| {
        (call.operation == "rename" && call.to.ends_with("rename-to")).then_some(Fault::LoseReply)
    });
    contract::check(Arc::new(broken), "/contract").await;
}

#[tokio::test(start_paused = true)]
async fn faults_follow_the_script() {
    let memory = MemoryStore::default();
    let inner = Arc::new(memory.clone());
    let faulty = FaultyStore::new(inner, |call| match (call.operation, call.nth) {
        ("stat", 1) => Some(Fault::Fail(ErrorKind::Unavailable)),
        ("stat", 2) => Some(Fault::TimeOut(Duration::from_secs(10))),
        ("stat", 3) => Some(Fault::Delay(Duration::from_secs(5))),
        ("stat", 4) => Some(Fault::Hang),
        ("mkdirs", 1) => Some(Fault::LoseReply),
        _ => None,
    });
    assert_eq!(
        faulty.stat("/a").await.unwrap_err().kind,
        ErrorKind::Unavailable
    );

    let before = tokio::time::Instant::now();
    assert_eq!(
        faulty.stat("/a").await.unwrap_err().kind,
        ErrorKind::TimedOut
    );
    assert_eq!(before.elapsed().as_secs(), 10);
    assert_eq!(faulty.stat("/a").await.unwrap(), None);
    assert_eq!(before.elapsed().as_secs(), 15);
    let hour = Duration::from_hours(1);
    assert!(tokio::time::timeout(hour, faulty.stat("/a")).await.is_err());

    assert_eq!(
        faulty.mkdirs("/a").await.unwrap_err().kind,
        ErrorKind::TimedOut
    );
    assert!(
        memory
            .stat("/a")
            .await
            .unwrap()
            .is_some_and(|status| status.is_dir)
    );
    faulty.heal();
    assert!(faulty.stat("/a").await.unwrap().is_some());
    let call = faulty.calls().pop().unwrap();
    assert_eq!(
        (call.operation, &*call.path, call.nth, call.nth_on_path),
        ("stat", "/a", 5, 5)
    );
}

#[tokio::test]
async fn memory_stamps_come_from_its_counter() {
    let store = MemoryStore::default();
    store.set_now_ms(1000);
    store.mkdirs("/a").await.unwrap();
    store.create("/a/b").await.unwrap().close().await.unwrap();
    let modified = |path: &'static str| {
        let store = store.clone();
        async move { store.stat(path).await.unwrap().unwrap().modified_ms }
    };
    assert_eq!(modified("/a").await, 1000);
    assert!(modified("/a/b").await > 1000);
    assert_eq!(store.files().len(), 1);
}
