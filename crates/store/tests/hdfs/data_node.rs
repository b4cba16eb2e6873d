//! A `DataNode` that falls silent, and writers that are given up.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use harness::{HdfsCluster, Run};
use store::ErrorKind;

use crate::{LIMIT, SLACK, TURN, limited, open_cluster, pattern, put, recovers, sockets, until};

#[tokio::test(flavor = "multi_thread")]
async fn data_node_frozen_in_mid_write() {
    let _turn = TURN.lock().await;
    let run = Run::new("store-data-node-frozen").unwrap();
    let hdfs = HdfsCluster::start(&run, "secondary").unwrap();
    let store = open_cluster(&hdfs);
    let before = sockets();
    let mut writers = Vec::new();
    for n in 0..6 {
        let mut writer = store.create(&format!("/frozen-{n}")).await.unwrap();
        writer.write(pattern(100_000)).await.unwrap();
        writers.push(writer);
    }

    hdfs.data_node(0).freeze().unwrap();
    let chunk = Bytes::from(vec![7; 1 << 20]);
    let lost = writers.into_iter().map(|mut writer| async {
        for _ in 0..100 {
            let Err(error) = limited(writer.write(chunk.clone())).await else {
                continue;
            };
            assert_eq!(error.kind, ErrorKind::TimedOut, "{error}");
            let start = Instant::now();
            writer.abort().await;
            assert!(start.elapsed() < LIMIT + SLACK);
            return;
        }
        panic!("100 MiB went into a frozen DataNode");
    });
    futures::future::join_all(lost).await;
    until("no file of a lost writer", async || {
        store.list("/").await.unwrap().is_empty()
    })
    .await;

    let mut small = store.create("/small").await.unwrap();
    let written = limited(small.write(pattern(10))).await;
    let lost = if written.is_ok() {
        limited(small.close()).await.map(drop)
    } else {
        written
    };
    assert!(lost.unwrap_err().is_transient());
    until(
        "lost connections are given back while the DataNode is frozen",
        async || {
            store.stat("/").await.unwrap();
            sockets() <= before + 3
        },
    )
    .await;

    hdfs.data_node(0).thaw().unwrap();
    recovers("after the thaw", || {
        put(&*store, "/after", pattern(5 << 20))
    })
    .await;
    assert_eq!(
        store.read("/after", 0, 5 << 20).await.unwrap(),
        pattern(5 << 20)
    );
    run.passed();
}

/// What is to be sent, as somebody who counts what is held would give it.
struct Counted(
    Vec<u8>,
    #[expect(dead_code, reason = "only counted")] Arc<()>,
);

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// The replicator counts by this what the client holds: it keeps what it was given, without a copy,
/// until the cluster has acknowledged it, but for what does not fill a packet.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_given_is_held_until_it_is_acknowledged() {
    const PIECE: usize = 64 << 10;
    let _turn = TURN.lock().await;
    let run = Run::new("store-held").unwrap();
    let hdfs = HdfsCluster::start(&run, "secondary").unwrap();
    let store = open_cluster(&hdfs);
    let held = Arc::new(());
    let count = || Arc::strong_count(&held) - 1;
    let piece = || Bytes::from_owner(Counted(vec![7; PIECE], Arc::clone(&held)));
    let mut writer = store.create("/held").await.unwrap();
    for _ in 0..40 {
        limited(writer.write(piece())).await.unwrap();
    }
    until("all but what a packet pins is acknowledged", async || {
        count() <= 2
    })
    .await;

    hdfs.data_node(0).freeze().unwrap();
    for _ in 0..100 {
        limited(writer.write(piece())).await.unwrap();
    }
    assert!(count() >= 100, "{} pieces are held", count());
    hdfs.data_node(0).thaw().unwrap();
    until("the rest is acknowledged", async || count() <= 2).await;
    assert_eq!(limited(writer.close()).await.unwrap(), 140 * PIECE as u64);
    assert_eq!(count(), 0);
    run.passed();
}

#[tokio::test(flavor = "multi_thread")]
async fn aborted_writers_leave_neither_file_nor_connection() {
    let _turn = TURN.lock().await;
    let run = Run::new("store-aborts").unwrap();
    let hdfs = HdfsCluster::start(&run, "secondary").unwrap();
    let store = open_cluster(&hdfs);
    put(&*store, "/warm", pattern(100_000)).await.unwrap();
    let before = sockets();
    for n in 0..20 {
        let mut writer = store.create(&format!("/aborted-{n}")).await.unwrap();
        if n % 2 == 0 {
            writer.write(pattern(100_000)).await.unwrap();
        }
        limited(async {
            writer.abort().await;
            Ok(())
        })
        .await
        .unwrap();
    }
    until("no connection stays", async || sockets() <= before).await;
    // A writer that is merely dropped is given up in the background.
    drop(store.create("/dropped").await.unwrap());
    until("only the whole file stays", async || {
        store.list("/").await.unwrap().len() == 1
    })
    .await;
    run.passed();
}
