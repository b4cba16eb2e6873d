//! The tests of `targets`, on stores in memory.

use std::sync::Arc;

use bytes::Bytes;
use store::MemoryStore;
use store::testing::{Fault, FaultyStore};

use super::*;
use crate::catalogue;

fn root() -> Location {
    Location::parse("hdfs://two/cp").unwrap()
}

async fn put(store: &MemoryStore, below: &str, bytes: Vec<u8>) {
    let path = root().join(below);
    let mut writer = store.create(path.path()).await.unwrap();
    writer.write(Bytes::from(bytes)).await.unwrap();
    writer.close().await.unwrap();
}

/// Job `payments` under two ids, one of which has nothing left; one that the catalogue does not
/// know; one that calls the cluster by another name.
async fn secondary() -> MemoryStore {
    let store = MemoryStore::default();
    for (id, name, dir) in [
        ("p1", "payments", "hdfs://two/cp/p1"),
        ("p2", "payments", "hdfs://two/cp/p2"),
        ("q", "gone", "hdfs://two/cp/q"),
        ("o", "orders", "hdfs://nameservice/cp/o"),
    ] {
        let entry = CatalogueEntry {
            job_id: id.to_owned(),
            job_name: name.to_owned(),
            job_dir: dir.to_owned(),
            ..catalogue::tests::entry()
        };
        let path = format!(".dualwrite/catalogue/{id}.json");
        put(&store, &path, entry.to_json().unwrap()).await;
    }
    for checkpoint in [
        "p1/chk-9",
        "p1/chk-10",
        "p2/chk-3",
        "o/chk-1",
        "unknown/chk-7",
    ] {
        put(&store, &format!("{checkpoint}/_metadata"), vec![1]).await;
    }
    put(&store, "o/chk-2/file", vec![1]).await;
    put(&store, "shared/file", vec![1]).await;
    store
}

async fn told(which: Which, newest: bool) -> (Vec<String>, Vec<(&'static str, String)>) {
    let store = secondary().await;
    let targets = targets(&store, &root(), &which, newest).await.unwrap();
    let below = |at: &Location| at.below(&root()).unwrap().to_owned();
    let found = targets.checkpoints.iter().map(below).collect();
    let findings = targets.findings.iter().map(|f| (f.kind(), f.path()));
    (found, findings.collect())
}

fn named(names: &[&str]) -> Which {
    Which::Named(names.iter().map(|&name| name.to_owned()).collect())
}

#[tokio::test]
async fn all_are_those_that_are_there_and_what_the_catalogue_misses_is_told() {
    let gone = [("nothing_published", "hdfs://two/cp/q".to_owned())];
    let (found, findings) = told(Which::All, false).await;
    let all = [
        "o/chk-1",
        "p1/chk-9",
        "p1/chk-10",
        "p2/chk-3",
        "unknown/chk-7",
    ];
    assert_eq!(found, all);
    assert_eq!(findings, gone);
    let (found, findings) = told(Which::All, true).await;
    assert_eq!(found, ["o/chk-1", "p1/chk-10", "p2/chk-3", "unknown/chk-7"]);
    assert_eq!(findings, gone);
}

#[tokio::test]
async fn a_job_is_found_by_name_and_by_id() {
    for (names, newest, expected) in [
        (&["payments"][..], true, &["p1/chk-10", "p2/chk-3"][..]),
        (&["p1"], false, &["p1/chk-9", "p1/chk-10"]),
        (&["p1", "payments"], true, &["p1/chk-10", "p2/chk-3"]),
        (&["orders", "unknown"], true, &["o/chk-1", "unknown/chk-7"]),
    ] {
        let (found, findings) = told(named(names), newest).await;
        assert_eq!(found, expected, "{names:?}");
        assert_eq!(findings, [], "{names:?}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_told() {
    let root_is = |kind| (kind, root().to_string());
    for name in [
        "nobody",
        "shared",
        ".dualwrite",
        "../cp/p1",
        "p1/chk-9",
        "chk-9",
        "",
        ".",
    ] {
        let (found, findings) = told(named(&[name, "p2"]), false).await;
        assert_eq!(found, ["p2/chk-3"], "{name}");
        assert_eq!(findings, [root_is("no_such_job")], "{name}");
    }
    let (found, findings) = told(named(&["gone"]), false).await;
    assert_eq!(found, [""; 0]);
    assert_eq!(
        findings,
        [("nothing_published", "hdfs://two/cp/q".to_owned())]
    );
    let empty = MemoryStore::default();
    let told = targets(&empty, &root(), &Which::All, false).await.unwrap();
    assert_eq!(told.findings, [TargetFinding::NoRoot(root())]);
}

#[tokio::test]
async fn a_job_that_may_not_be_read_does_not_hide_the_others() {
    let refusing = FaultyStore::new(Arc::new(secondary().await), |call| {
        let is_closed = call.path == "/cp/p1";
        is_closed.then_some(Fault::Fail(ErrorKind::PermissionDenied))
    });
    let told = targets(&refusing, &root(), &Which::All, true)
        .await
        .unwrap();
    let found: Vec<_> = told.checkpoints.iter().map(ToString::to_string).collect();
    let others = ["o/chk-1", "p2/chk-3", "unknown/chk-7"];
    assert_eq!(found, others.map(|below| root().join(below).to_string()));
    let findings = told.findings.iter().map(TargetFinding::kind);
    let findings: Vec<_> = findings.collect();
    assert_eq!(findings, ["not_allowed", "nothing_published"]);
}
