//! Connections that swallow everything: the kernel alone would wait a quarter of an hour on them.

use std::time::Duration;

use harness::{HdfsCluster, Run};
use store::{ClusterOptions, ErrorKind, open};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::{TURN, limited, options, pattern, put, recovers};

/// Forwards to the `NameNode`; what was connected before a hole opened gets no more bytes through,
/// and no reset either.
async fn proxy(target: String) -> (String, watch::Sender<u64>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (holes, seen) = watch::channel(0);
    tokio::spawn(async move {
        loop {
            let (mut inside, _) = listener.accept().await.unwrap();
            let mut outside = TcpStream::connect(&target).await.unwrap();
            let (mut holes, born) = (seen.clone(), *seen.borrow());
            tokio::spawn(async move {
                tokio::select! {
                    _ = tokio::io::copy_bidirectional(&mut inside, &mut outside) => return,
                    _ = holes.wait_for(|hole| *hole > born) => {}
                }
                std::future::pending::<()>().await;
            });
        }
    });
    (address, holes)
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_into_a_black_hole_are_given_up() {
    let _turn = TURN.lock().await;
    let run = Run::new("store-black-hole").unwrap();
    let hdfs = HdfsCluster::start(&run, "secondary").unwrap();
    let name_node = hdfs.name_node_address();
    let (address, holes) = proxy(name_node.clone()).await;
    let (store, _) = open(&format!("hdfs://{address}/"), &options()).unwrap();
    put(&*store, "/before", pattern(1000)).await.unwrap();
    for hole in 1..4 {
        holes.send_replace(hole);
        let error = limited(store.stat("/before")).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::TimedOut, "{error}");
        let path = format!("/{hole}");
        recovers("a fresh connection", || put(&*store, &path, pattern(1000))).await;
    }

    // Of two NameNodes the first takes connections and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let property = |(name, value): (&str, &str)| {
        format!("<property><name>{name}</name><value>{value}</value></property>")
    };
    let xml: String = [
        ("dfs.ha.namenodes.ns", "nn1, nn2"),
        (
            "dfs.namenode.rpc-address.ns.nn1",
            &*silent.local_addr().unwrap().to_string(),
        ),
        ("dfs.namenode.rpc-address.ns.nn2", &*name_node),
    ]
    .map(property)
    .concat();
    let xml = format!("<configuration>{xml}</configuration>");
    std::fs::write(dir.path().join("hdfs-site.xml"), xml).unwrap();
    let conf = ClusterOptions {
        hadoop_conf_dir: Some(dir.path().to_owned()),
        ..options()
    };
    let (store, _) = open("hdfs://ns/", &conf).unwrap();
    assert_eq!(store.name(), "hdfs://ns");
    let status = recovers("the second NameNode", || limited(store.stat("/before"))).await;
    assert_eq!(status.unwrap().length, 1000);
    put(&*store, "/by-the-second", pattern(1000)).await.unwrap();
    run.passed();
}

/// Forwards one connection to the `NameNode`, until it is told to; then lets nobody in for as long
/// as the kernel takes to try again, a second, and forwards the next one.
fn slow_to_reconnect(target: String) -> (String, watch::Sender<bool>) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let (cut, mut is_cut) = watch::channel(false);
    tokio::spawn(async move {
        let forward = async || {
            let (mut inside, _) = listener.accept().await.unwrap();
            let mut outside = TcpStream::connect(&target).await.unwrap();
            let _ = tokio::io::copy_bidirectional(&mut inside, &mut outside).await;
        };
        tokio::select! {
            () = forward() => {}
            _ = is_cut.wait_for(|is_cut| *is_cut) => {}
        }
        let mut queued = Vec::new();
        let patience = Duration::from_millis(50);
        while let Ok(stream) = timeout(patience, TcpStream::connect(address)).await {
            queued.push(stream.unwrap());
        }
        sleep(Duration::from_millis(500)).await;
        for _ in &queued {
            listener.accept().await.unwrap();
        }
        forward().await;
    });
    (address.to_string(), cut)
}

/// The client connects anew while it closes a file: what looks after the close waits for that, and
/// kept it from going on.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_closed_by_a_connection_that_is_slow_to_come_back() {
    let _turn = TURN.lock().await;
    let run = Run::new("store-slow-connect").unwrap();
    let hdfs = HdfsCluster::start(&run, "secondary").unwrap();
    let name_node = hdfs.name_node_address();
    let (address, cut) = slow_to_reconnect(name_node);
    let patient = ClusterOptions {
        call_timeout: Duration::from_secs(8),
        ..options()
    };
    let (store, _) = open(&format!("hdfs://{address}/"), &patient).unwrap();
    // without bytes, so that the close begins with the NameNode and not with a DataNode
    let writer = store.create("/file").await.unwrap();
    cut.send_replace(true);
    sleep(Duration::from_millis(400)).await;
    assert_eq!(writer.close().await.unwrap(), 0);
    assert_eq!(hdfs.web().length("/file").unwrap(), Some(0));
    run.passed();
}
