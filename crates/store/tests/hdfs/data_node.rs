//! A `DataNode` that falls silent, and writers that are given up.

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
