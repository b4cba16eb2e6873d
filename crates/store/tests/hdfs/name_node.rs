//! A `NameNode` that is gone, silent, or in safe mode.

use harness::{HdfsCluster, Run};
use store::{ErrorKind, Result};

use crate::{TURN, limited, open_cluster, pattern, put, recovers, until};

#[tokio::test(flavor = "multi_thread")]
async fn name_node_killed_and_restarted() {
    let _turn = TURN.lock().await;
    let run = Run::new("store-name-node-killed").unwrap();
    let hdfs = HdfsCluster::start(&run, "secondary").unwrap();
    let store = open_cluster(&hdfs);
    // The NameNode of Hadoop 3.4.1 waits in safe mode for 0.999 of its blocks, rounded down.
    for path in ["/before", "/before-2", "/before-3"] {
        put(&*store, path, pattern(100)).await.unwrap();
    }
    let mut open_writer = store.create("/open").await.unwrap();
    open_writer.write(pattern(100)).await.unwrap();

    hdfs.name_node().kill();
    for _ in 0..3 {
        let stat = limited(store.stat("/before")).await.unwrap_err();
        assert_eq!(stat.kind, ErrorKind::Unavailable, "{stat}");
        let made = limited(store.mkdirs("/dir")).await.unwrap_err();
        assert_eq!(made.kind, ErrorKind::Unavailable, "{made}");
    }
    let closed = limited(open_writer.close()).await.unwrap_err();
    assert!(closed.is_transient(), "{closed}");

    // Without its DataNode the NameNode stays in safe mode: it knows of blocks that nobody has.
    hdfs.data_node(0).kill();
    hdfs.name_node().restart().unwrap();
    recovers("reading in safe mode", || store.stat("/before"))
        .await
        .unwrap();
    let refused = limited(store.mkdirs("/dir")).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Unavailable, "{refused}");
    assert!(refused.message.contains("SafeMode"), "{refused}");

    hdfs.data_node(0).restart().unwrap();
    hdfs.wait_ready().unwrap();
    recovers("after the restart", || {
        put(&*store, "/after", pattern(100_000))
    })
    .await;
    assert_eq!(store.read("/before", 0, 100).await.unwrap(), pattern(100));
    until("the given-up file is deleted", async || {
        store.stat("/open").await == Ok(None)
    })
    .await;
    run.passed();
}

#[tokio::test(flavor = "multi_thread")]
async fn name_node_frozen() {
    let _turn = TURN.lock().await;
    let run = Run::new("store-name-node-frozen").unwrap();
    let hdfs = HdfsCluster::start(&run, "secondary").unwrap();
    let store = open_cluster(&hdfs);
    put(&*store, "/source", pattern(100)).await.unwrap();

    hdfs.name_node().freeze().unwrap();
    let timed_out = |result: Result<()>| {
        let error = result.unwrap_err();
        assert_eq!(error.kind, ErrorKind::TimedOut, "{error}");
    };
    timed_out(limited(store.rename("/source", "/target")).await);
    timed_out(limited(store.create("/created")).await.map(drop));
    let many = (0..20).map(|_| async { timed_out(limited(store.stat("/source")).await.map(drop)) });
    futures::future::join_all(many).await;
    for _ in 0..4 {
        timed_out(limited(store.list("/")).await.map(drop));
    }

    hdfs.name_node().thaw().unwrap();
    recovers("after the thaw", || {
        put(&*store, "/after", pattern(100_000))
    })
    .await;
    // What timed out may still take effect; a file made by it is deleted.
    until("the rename", async || {
        matches!(store.stat("/target").await, Ok(Some(_)))
    })
    .await;
    assert_eq!(store.stat("/source").await, Ok(None));
    until("no late file", async || {
        store.stat("/created").await == Ok(None)
    })
    .await;

    hdfs.name_node().freeze().unwrap();
    timed_out(limited(store.mkdirs("/dir")).await);
    hdfs.name_node().restart().unwrap();
    hdfs.wait_ready().unwrap();
    recovers("restarted while frozen", || {
        put(&*store, "/again", pattern(100_000))
    })
    .await;
    run.passed();
}
