//! The tests of `inventory`, on stores in memory.

use std::sync::Arc;

use bytes::Bytes;
use store::testing::FaultyStore;
use store::{ErrorKind, MemoryStore};

use super::*;
use crate::CATALOGUE_VERSION;
use crate::catalogue::tests::entry;

/// A `_metadata` that Flink itself wrote, with four files of 1 MiB, 2048, 3 and 4096 bytes.
const HEAP: &[u8] = include_bytes!("../../../../tests/goldens/data/2.2.1/heap.metadata");

fn root() -> Location {
    Location::parse("hdfs://two/cp").unwrap()
}

async fn put(store: &dyn Store, path: &str, bytes: &[u8]) {
    let mut writer = store.create(path).await.unwrap();
    writer.write(Bytes::copy_from_slice(bytes)).await.unwrap();
    writer.close().await.unwrap();
}

async fn put_entry(store: &dyn Store, entry: &CatalogueEntry) {
    let path = SecondaryRoot::new(root()).catalogue_entry(&entry.job_id);
    put(store, path.path(), &entry.to_json().unwrap()).await;
}

fn entry_of(job_id: &str, newest: u64) -> CatalogueEntry {
    CatalogueEntry {
        job_id: job_id.to_owned(),
        // The replicator may know the cluster by another name.
        job_dir: format!("hdfs://two-by-another-name/cp/{job_id}"),
        newest_published_id: newest,
        ..entry()
    }
}

#[tokio::test]
async fn catalogue_and_checkpoints_are_joined() {
    let store = MemoryStore::default();
    put_entry(&store, &entry_of("current", 8)).await;
    put_entry(&store, &entry_of("behind", 8)).await;
    put_entry(&store, &entry_of("empty", 8)).await;
    for path in [
        "current/chk-7",
        "current/chk-8",
        "behind/chk-9",
        "unknown/chk-1",
    ] {
        put(&store, &format!("/cp/{path}/_metadata"), HEAP).await;
    }
    put(&store, "/cp/broken/chk-1/_metadata", &HEAP[..50]).await;
    let found = jobs(&store, &root()).await.unwrap();
    assert!(found.root_is_there);
    let row = |job: &Job| {
        let newest = job.newest.as_ref();
        (
            job.id.clone().unwrap(),
            job.published,
            newest.map(|newest| newest.checkpoint.id),
            newest.and_then(|newest| newest.triggered_at_ms),
            newest.and_then(|newest| newest.files_and_bytes),
        )
    };
    let heap_bytes = 1_048_576 + 2048 + 3 + 4096;
    let row_of = |id: &str, published, newest, triggered, sizes| {
        (id.to_owned(), published, newest, triggered, sizes)
    };
    assert_eq!(
        found.jobs.iter().map(row).collect::<Vec<_>>(),
        [
            row_of("behind", 1, Some(9), None, Some((4, heap_bytes))),
            row_of("current", 2, Some(8), Some(1_000), Some((4, 5))),
            row_of("empty", 0, None, None, None),
            row_of("broken", 1, Some(1), None, None),
            row_of("unknown", 1, Some(1), None, Some((4, heap_bytes))),
        ]
    );
    let kinds: Vec<_> = found.findings.iter().map(CatalogueFinding::kind).collect();
    assert_eq!(kinds, ["nothing_published", "bad_metadata"]);
}

#[tokio::test]
async fn entries_that_are_not_understood_are_told_and_hide_nothing() {
    let store = MemoryStore::default();
    let later = CatalogueEntry {
        version: CATALOGUE_VERSION + 1,
        ..entry_of("later", 1)
    };
    put_entry(&store, &later).await;
    let nowhere = CatalogueEntry {
        job_dir: "nowhere".to_owned(),
        ..entry_of("nowhere", 1)
    };
    put_entry(&store, &nowhere).await;
    put(&store, "/cp/.dualwrite/catalogue/torn.json", b"{\"job").await;
    put(&store, "/cp/.dualwrite/catalogue/note.txt", b"not an entry").await;
    put(&store, "/cp/later/chk-1/_metadata", HEAP).await;
    let found = jobs(&store, &root()).await.unwrap();
    let kinds: Vec<_> = found.findings.iter().map(CatalogueFinding::kind).collect();
    assert_eq!(kinds, ["bad_entry"; 3]);
    assert_eq!(found.jobs.len(), 1);
    assert_eq!(found.jobs[0].id.as_deref(), Some("later"));
}

/// Another process replaced the entry between the look at its length and the read.
#[tokio::test]
async fn an_entry_that_is_replaced_meanwhile_is_read_anew() {
    let memory = MemoryStore::default();
    let longer = CatalogueEntry {
        job_name: "a much longer name than before".to_owned(),
        ..entry_of("j", 1)
    };
    put_entry(&memory, &entry_of("j", 1)).await;
    put(&memory, "/cp/.dualwrite/new", &longer.to_json().unwrap()).await;
    let path = SecondaryRoot::new(root()).catalogue_entry("j");
    let store = {
        let (memory, path) = (memory.clone(), path.path().to_owned());
        FaultyStore::new(Arc::new(memory.clone()), move |call| {
            if call.operation == "read" && call.nth == 1 {
                let replace = memory.replace("/cp/.dualwrite/new", &path);
                // The store in memory never waits.
                futures::executor::block_on(replace).unwrap();
            }
            None
        })
    };
    let (_, read) = super::entry(&store, path).await.unwrap();
    assert_eq!(read.unwrap().unwrap().0, longer);
}

#[tokio::test]
async fn a_root_that_is_not_there_is_told_from_an_empty_one() {
    let store = MemoryStore::default();
    let found = jobs(&store, &root()).await.unwrap();
    assert_eq!((found.root_is_there, found.jobs.len()), (false, 0));
    store.mkdirs("/cp").await.unwrap();
    assert!(jobs(&store, &root()).await.unwrap().root_is_there);
    let silent = FaultyStore::new(Arc::new(store), |_| {
        Some(store::testing::Fault::Fail(ErrorKind::TimedOut))
    });
    let error = jobs(&silent, &root()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::TimedOut);
}

#[tokio::test]
async fn what_may_not_be_read_is_told_and_hides_nothing() {
    let store = MemoryStore::default();
    put_entry(&store, &entry_of("open", 8)).await;
    put_entry(&store, &entry_of("closed", 8)).await;
    for path in ["open/chk-8", "closed/chk-8", "another/chk-1"] {
        put(&store, &format!("/cp/{path}/_metadata"), HEAP).await;
    }
    let refusing = FaultyStore::new(Arc::new(store), |call| {
        let is_closed = call.path == "/cp/closed"
            || call.operation == "read" && call.path.starts_with("/cp/another/");
        is_closed.then_some(store::testing::Fault::Fail(ErrorKind::PermissionDenied))
    });
    let found = jobs(&refusing, &root()).await.unwrap();
    let rows = found.jobs.iter().map(|job| (job.dir.name(), job.published));
    let rows: Vec<_> = rows.collect();
    assert_eq!(rows, [("closed", 0), ("open", 1), ("another", 1)]);
    let findings = found.findings.iter().map(|f| (f.kind(), f.path()));
    let findings: Vec<_> = findings.collect();
    let at = |below: &str| root().join(below).to_string();
    let expected = [
        ("not_allowed", at("closed")),
        ("unreadable", at("another/chk-1/_metadata")),
    ];
    assert_eq!(findings, expected);
}
