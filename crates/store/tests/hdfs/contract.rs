//! The contract on HDFS, and what HDFS adds to it: blocks, batches, permissions, refusals.

use std::sync::Arc;
use std::time::Duration;

use harness::{HdfsCluster, Run};
use store::{ClusterOptions, ErrorKind, Result, Store, StoreError, contract, open};

use crate::{TURN, pattern, put};

#[tokio::test(flavor = "multi_thread")]
async fn contract_and_what_hdfs_adds_to_it() {
    let _turn = TURN.lock().await;
    let run = Run::new("store-contract").unwrap();
    let hdfs = HdfsCluster::builder("secondary").site("dfs.blocksize", "1048576");
    let hdfs = hdfs.start(&run).unwrap();
    let conf = ClusterOptions {
        hadoop_conf_dir: Some(hdfs.conf_dir().to_owned()),
        call_timeout: Duration::from_secs(10),
        ..ClusterOptions::default()
    };
    let (store, root) = open("hdfs:///contract", &conf).unwrap();
    assert_eq!(store.name(), hdfs.uri());
    contract::check(Arc::clone(&store), &root).await;

    blocks_are_spanned(&*store).await;
    large_directories_are_whole(&*store).await;
    permissions_are_javas(&*store, &hdfs).await;
    refusals_have_their_kinds(&*store, &hdfs, &conf).await;
    wrong_paths_have_their_kinds(&*store).await;
    run.passed();
}

async fn blocks_are_spanned(store: &dyn Store) {
    let content = pattern((3 << 20) + 12345);
    let mut writer = store.create("/blocks").await.unwrap();
    writer.write(content.clone()).await.unwrap();
    assert_eq!(writer.close().await.unwrap(), content.len() as u64);
    for (offset, length) in [
        (0, content.len()),
        (1 << 20, 1),
        ((1 << 20) - 7, (1 << 20) + 99),
    ] {
        let bytes = store
            .read("/blocks", offset as u64, length as u64)
            .await
            .unwrap();
        assert!(
            bytes == content.slice(offset..offset + length),
            "{offset} {length}"
        );
    }
}

/// More entries than the `NameNode` gives in one batch (`dfs.ls.limit`, 1000).
async fn large_directories_are_whole(store: &dyn Store) {
    let names: Vec<_> = (0..2345).map(|n| format!("/large/{n:05}")).collect();
    for batch in names.chunks(100) {
        let all = futures::future::join_all(batch.iter().map(|name| store.mkdirs(name))).await;
        assert!(all.into_iter().all(|made| made.is_ok()));
    }
    let listed = store.list("/large").await.unwrap();
    let listed: Vec<_> = listed.into_iter().map(|status| status.path).collect();
    assert!(
        listed == names,
        "{} of {} are listed",
        listed.len(),
        names.len()
    );
    assert_eq!(
        store.list("/blocks").await.unwrap_err().kind,
        ErrorKind::Invalid
    );
}

async fn permissions_are_javas(store: &dyn Store, hdfs: &HdfsCluster) {
    store
        .create("/rust/dir/file")
        .await
        .unwrap()
        .close()
        .await
        .unwrap();
    store.mkdirs("/rust/made").await.unwrap();
    hdfs.shell(&["-mkdir", "-p", "/java/dir", "/java/made"])
        .unwrap();
    hdfs.shell(&["-touchz", "/java/dir/file"]).unwrap();
    let listing = hdfs.shell(&["-ls", "-R", "/rust", "/java"]).unwrap();
    let of = |path: &str| {
        let line = listing.lines().find(|line| line.ends_with(path));
        line.unwrap().split(' ').next().unwrap().to_owned()
    };
    for path in ["/dir", "/dir/file", "/made"] {
        assert_eq!(
            of(&format!("/rust{path}")),
            of(&format!("/java{path}")),
            "{path}"
        );
    }
}

fn kind(result: Result<()>) -> ErrorKind {
    let StoreError { kind, message, .. } = result.unwrap_err();
    assert!(!message.contains("\tat "), "a stack trace: {message}");
    kind
}

async fn refusals_have_their_kinds(store: &dyn Store, hdfs: &HdfsCluster, conf: &ClusterOptions) {
    store.mkdirs("/closed").await.unwrap();
    hdfs.web()
        .put("/closed", "SETPERMISSION", "&permission=700")
        .unwrap();
    let other = ClusterOptions {
        user: Some("mallory".to_owned()),
        ..conf.clone()
    };
    let (others, _) = open("hdfs:///", &other).unwrap();
    assert_eq!(
        kind(others.create("/closed/a").await.map(drop)),
        ErrorKind::PermissionDenied
    );
    assert_eq!(
        kind(others.list("/closed").await.map(drop)),
        ErrorKind::PermissionDenied
    );

    store.mkdirs("/names").await.unwrap();
    hdfs.web()
        .put("/names", "SETQUOTA", "&namespacequota=2")
        .unwrap();
    store.mkdirs("/names/1").await.unwrap();
    assert_eq!(kind(store.mkdirs("/names/2").await), ErrorKind::NoSpace);
    store.mkdirs("/space").await.unwrap();
    hdfs.web()
        .put("/space", "SETQUOTA", "&storagespacequota=1000000")
        .unwrap();
    let too_much = put(store, "/space/file", pattern(10000)).await;
    assert_eq!(too_much.unwrap_err().kind, ErrorKind::NoSpace);
}

async fn wrong_paths_have_their_kinds(store: &dyn Store) {
    assert_eq!(
        kind(store.create("/blocks/a").await.map(drop)),
        ErrorKind::Invalid
    );
    assert_eq!(kind(store.mkdirs("/blocks/a").await), ErrorKind::Invalid);
    assert_eq!(
        kind(store.mkdirs("/blocks").await),
        ErrorKind::AlreadyExists
    );
    assert_eq!(
        kind(store.rename("/rust", "/blocks/a").await),
        ErrorKind::Invalid
    );
    assert_eq!(
        kind(store.rename("/rust", "/rust/dir/a").await),
        ErrorKind::Invalid
    );
    assert_eq!(
        kind(store.replace("/blocks", "/rust").await),
        ErrorKind::Invalid
    );
    assert_eq!(
        kind(store.delete("/rust", false).await.map(drop)),
        ErrorKind::Invalid
    );
    let mut writer = store.create("/doomed").await.unwrap();
    assert!(store.delete("/doomed", false).await.unwrap());
    let write = writer.write(pattern(100)).await;
    let closed = if write.is_ok() {
        writer.close().await.map(drop)
    } else {
        write
    };
    assert_eq!(kind(closed), ErrorKind::NotFound);
}
