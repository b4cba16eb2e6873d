//! What recorded digests tell where no other cluster has a file.

use super::*;
use crate::{Digest, Digests};

const RECORD: &str = "/flink/checkpoints/.dualwrite/digests/a1b2c3d4e5f60718293a4b5c6d7e8f90";

/// A checkpoint, and what was recorded of all its files.
async fn recorded() -> (MemoryStore, Vec<String>, Digests) {
    let (store, files) = checkpoint("2.2.1", "heap").await;
    let metadata = chk().join(METADATA).path().to_owned();
    let paths: Vec<String> = files.into_keys().chain([metadata]).collect();
    let mut digests = Digests::default();
    for path in &paths {
        let length = store.stat(path).await.unwrap().unwrap().length;
        digests.add(
            path,
            Digest::of(&store.read(path, 0, length).await.unwrap()),
        );
    }
    (store, paths, digests)
}

async fn look(store: &MemoryStore) -> Report {
    let look = Look {
        depth: Depth::Content,
        ..Look::default()
    };
    let mut reports = verify_all(store, &[chk()], &look).await;
    reports.remove(0)
}

#[tokio::test]
async fn what_was_recorded_is_compared_with_wherever_it_is_recorded() {
    let (store, paths, all) = recorded().await;
    let report = look(&store).await;
    assert_eq!(report.notices[0].files(), paths.len() as u64);
    // some is collected, and some not yet
    let (mut collected, mut new) = (all.clone(), all);
    collected.retain(|path| path != paths[0]);
    new.retain(|path| path == paths[0]);
    put(&store, &format!("{RECORD}/collected"), collected.to_bytes()).await;
    put(&store, &format!("{RECORD}/new/w-1"), new.to_bytes()).await;
    let report = look(&store).await;
    assert!(report.usable() && report.notices.is_empty(), "{report:?}");
    assert_eq!(report.digest_bytes, report.bytes);
    assert_eq!(report.compared_bytes, 0);
}

#[tokio::test]
async fn each_file_that_was_changed_is_found_by_its_digest_alone() {
    let (store, paths, digests) = recorded().await;
    let record = format!("{RECORD}/collected");
    put(&store, &record, digests.to_bytes()).await;
    for path in paths.iter().filter(|path| !path.ends_with(METADATA)) {
        let length = store.stat(path).await.unwrap().unwrap().length;
        let good = store.read(path, 0, length).await.unwrap();
        let mut bytes = good.to_vec();
        *bytes.last_mut().unwrap() ^= 1;
        store.delete(path, false).await.unwrap();
        put(&store, path, bytes).await;
        let by_length = verify(&store, &chk()).await.unwrap();
        assert!(by_length.usable());
        let findings = look(&store).await.findings;
        let [Finding::DifferentDigest { path: found, .. }] = &*findings else {
            panic!("{path}: {findings:?}")
        };
        assert_eq!(found.path(), path);
        store.delete(path, false).await.unwrap();
        put(&store, path, good.to_vec()).await;
    }
    // of a `_metadata` it is the record that is changed here: the file would not be understood
    let mut other = digests.clone();
    let metadata = chk().join(METADATA);
    other.retain(|path| path != metadata.path());
    other.add(metadata.path(), Digest::of(b"another"));
    store.delete(&record, false).await.unwrap();
    put(&store, &record, other.to_bytes()).await;
    assert_eq!(look(&store).await.findings[0].kind(), "different_digest");
}

#[tokio::test]
async fn a_record_that_is_cut_off_is_none() {
    let (store, paths, digests) = recorded().await;
    let bytes = digests.to_bytes();
    put(
        &store,
        &format!("{RECORD}/new/w-1"),
        bytes[..bytes.len() - 1].to_vec(),
    )
    .await;
    let report = look(&store).await;
    assert!(report.usable());
    assert_eq!(report.notices[0].kind(), "no_other_copy");
    assert_eq!(report.notices[0].files(), paths.len() as u64);
}
