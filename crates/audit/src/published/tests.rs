//! The tests of `published`, on stores in memory.

use bytes::Bytes;
use store::MemoryStore;

use super::*;

fn at(path: &str) -> Location {
    Location::parse(&format!("hdfs://two{path}")).unwrap()
}

async fn put(store: &MemoryStore, path: &str) {
    let mut writer = store.create(path).await.unwrap();
    writer.write(Bytes::from_static(b"x")).await.unwrap();
    writer.close().await.unwrap();
}

#[tokio::test]
async fn what_has_a_metadata_is_published() {
    let store = MemoryStore::default();
    for path in [
        "/cp/job-b/chk-10/_metadata",
        "/cp/job-b/chk-9/_metadata",
        "/cp/job-a/chk-1/_metadata",
        "/cp/chk-3/_metadata",
        // None of these is a checkpoint.
        "/cp/job-b/chk-11/file",
        "/cp/job-b/chk-x/_metadata",
        "/cp/job-b/chk-007/_metadata",
        "/cp/job-b/shared/_metadata",
        "/cp/job-c/shared/file",
        "/cp/shared/chk-1/_metadata",
        "/cp/taskowned/chk-1/_metadata",
        "/cp/.dualwrite/chk-1/_metadata",
        "/cp/file",
        "/cp/job-c/chk-5",
        "/cp/job-c/chk-6/_metadata/file",
    ] {
        put(&store, path).await;
    }
    let root = at("/cp");
    let found = published(&store, &root).await.unwrap();
    let found: Vec<_> = found
        .iter()
        .map(|p| (p.job_dir.to_string(), p.id, &*p.metadata.path))
        .collect();
    let expected = [
        ("hdfs://two/cp", 3, "/cp/chk-3/_metadata"),
        ("hdfs://two/cp/job-a", 1, "/cp/job-a/chk-1/_metadata"),
        ("hdfs://two/cp/job-b", 9, "/cp/job-b/chk-9/_metadata"),
        ("hdfs://two/cp/job-b", 10, "/cp/job-b/chk-10/_metadata"),
    ];
    let expected: Vec<_> = expected
        .iter()
        .map(|(dir, id, path)| ((*dir).to_owned(), *id, *path))
        .collect();
    assert_eq!(found, expected);
    let of_job = published_of_job(&store, &at("/cp/job-b")).await.unwrap();
    assert_eq!(of_job.iter().map(|p| p.id).collect::<Vec<_>>(), [9, 10]);
    assert_eq!(of_job[0].dir, at("/cp/job-b/chk-9"));
}

#[tokio::test]
async fn what_is_not_there_holds_nothing() {
    let store = MemoryStore::default();
    assert_eq!(published(&store, &at("/cp")).await.unwrap(), []);
    assert_eq!(published_of_job(&store, &at("/cp/j")).await.unwrap(), []);
}

#[test]
fn the_futures_can_be_spawned() {
    fn is_send(_: impl Send) {}
    let store = MemoryStore::default();
    is_send(published(&store, &at("/cp")));
    is_send(published_of_job(&store, &at("/cp")));
}
