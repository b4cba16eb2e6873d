//! What is there and what is not, told by a real HDFS.

use std::sync::Arc;

use audit::{
    ClusterOptions, Expected, Finding, Location, Presence, Store, presence, published, verify,
};
use bytes::Bytes;
use harness::{HdfsCluster, Run};

/// A `_metadata` that Flink itself wrote: it names four files beside it.
const HEAP: &[u8] = include_bytes!("../../../tests/goldens/data/2.2.1/heap.metadata");
const FILES: [(&str, usize); 4] = [
    ("keyed-0", 1_048_576),
    ("op-0", 2048),
    ("raw-0", 3),
    ("timers-0", 4096),
];

async fn put(store: &dyn Store, path: &str, bytes: &[u8]) {
    let mut writer = store.create(path).await.unwrap();
    writer.write(Bytes::copy_from_slice(bytes)).await.unwrap();
    writer.close().await.unwrap();
}

/// A directory that is listed, one whose files are looked up, one that is not there.
async fn presence_is_told(store: &dyn Store, root: &Location) {
    for at in 0..20 {
        put(store, root.join(&format!("many/{at}")).path(), &[0; 3]).await;
    }
    put(store, root.join("few/1").path(), &[0; 3]).await;
    let many = (0..22).map(|at| format!("many/{at}"));
    let others = ["few/1", "few/2", "none/1"].map(str::to_owned);
    let expected: Vec<_> = many
        .chain(others)
        .map(|name| Expected {
            length: Some(if name == "many/7" { 4 } else { 3 }),
            location: root.join(&name),
            exact: true,
        })
        .collect();
    let mut answers = vec![Presence::Present; expected.len()];
    answers[7] = Presence::WrongLength { found: 3 };
    for missing in [20, 21, 23, 24] {
        answers[missing] = Presence::Missing;
    }
    let expected: Vec<_> = expected.iter().collect();
    assert_eq!(presence(store, &expected).await.unwrap(), answers);
}

async fn a_checkpoint_is_verified(store: &dyn Store, root: &Location) {
    let chk = root.join("job/chk-42");
    for (name, length) in FILES {
        put(store, chk.join(name).path(), &vec![0; length]).await;
    }
    assert_eq!(published(store, root).await.unwrap(), []);
    put(store, chk.join("_metadata").path(), HEAP).await;
    let found = published(store, root).await.unwrap();
    assert_eq!((found.len(), found[0].id, &found[0].dir), (1, 42, &chk));
    assert_eq!(found[0].metadata.length, HEAP.len() as u64);
    let report = verify(store, &chk).await.unwrap();
    assert!(report.usable(), "{:?}", report.findings);

    let path = chk.join("raw-0");
    store.delete(path.path(), false).await.unwrap();
    let report = verify(store, &chk).await.unwrap();
    assert_eq!(report.findings, [Finding::Missing { path }]);
    let report = verify(store, &chk.join("op-0")).await.unwrap();
    assert_eq!(report.findings[0].kind(), "no_metadata");
}

#[tokio::test]
async fn a_real_hdfs_tells() {
    let run = Run::new("audit").unwrap();
    let hdfs = HdfsCluster::start(&run, "secondary").unwrap();
    let uri = format!("{}/flink/checkpoints", hdfs.uri());
    let place = audit::open(&uri, &ClusterOptions::default()).unwrap();
    let store: Arc<dyn Store> = place.store;
    assert_eq!(published(&*store, &place.location).await.unwrap(), []);
    presence_is_told(&*store, &place.location).await;
    a_checkpoint_is_verified(&*store, &place.location).await;
    drop(hdfs);
    run.passed();
}
