//! The tests of `verify`, on stores in memory.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use checkpoint_format::{parse, rewrite};
use store::testing::{Fault, FaultyStore};
use store::{ErrorKind, FileStatus, LocalStore, MemoryStore};

use super::*;
use crate::{FormatError, MAX_METADATA_BYTES, manifest};

mod damages;
mod digests;

const FLINKS: [(&str, u32); 4] = [("1.20.5", 4), ("2.0.2", 5), ("2.2.1", 6), ("2.3.0", 6)];
/// Where the goldens' checkpoint lies (tests/goldens/java), and the job's directory.
const JOB: &str = "hdfs://primary:8020/flink/checkpoints/a1b2c3d4e5f60718293a4b5c6d7e8f90";

fn at(text: &str) -> Location {
    Location::parse(text).unwrap()
}

fn chk() -> Location {
    at(JOB).join("chk-42")
}

/// A `_metadata` that Flink itself wrote, with paths on the primary.
fn golden(flink: &str, case: &str) -> Vec<u8> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/goldens/data");
    fs::read(data.join(flink).join(format!("{case}.metadata"))).unwrap()
}

async fn put(store: &dyn Store, path: &str, bytes: Vec<u8>) {
    let mut writer = store.create(path).await.unwrap();
    writer.write(Bytes::from(bytes)).await.unwrap();
    writer.close().await.unwrap();
}

/// A checkpoint as it must be, with the lengths of its files by their paths.
async fn checkpoint(flink: &str, case: &str) -> (MemoryStore, BTreeMap<String, usize>) {
    let store = MemoryStore::default();
    let bytes = golden(flink, case);
    let mut files = BTreeMap::new();
    for file in manifest(&bytes, &chk()).unwrap().files {
        let path = file.location.unwrap().path().to_owned();
        files.insert(path, usize::try_from(file.length.unwrap()).unwrap());
    }
    for (path, length) in &files {
        put(&store, path, vec![0; *length]).await;
    }
    put(&store, chk().join(METADATA).path(), bytes).await;
    (store, files)
}

#[test]
fn the_futures_can_be_spawned() {
    fn is_send(_: impl Send) {}
    let store = MemoryStore::default();
    is_send(verify(&store, &chk()));
    is_send(verify_all(&store, &[], &Look::default()));
    is_send(crate::targets(&store, &chk(), &crate::Which::All, true));
    is_send(crate::jobs(&store, &chk()));
}

#[tokio::test]
async fn a_whole_checkpoint_is_usable_and_without_any_one_file_it_is_not() {
    for (flink, version) in FLINKS {
        for case in ["heap", "unaligned", "file-merging", "text"] {
            let (store, files) = checkpoint(flink, case).await;
            let report = verify(&store, &chk()).await.unwrap();
            assert!(report.usable(), "{flink} {case}: {:?}", report.findings);
            assert_eq!(report.version, Some(version));
            assert_eq!(report.checkpoint_id, Some(42));
            assert_eq!(report.files, files.len() as u64);
            assert_eq!(report.bytes, files.values().sum::<usize>() as u64);
            let by_file = verify(&store, &chk().join(METADATA)).await.unwrap();
            assert_eq!(by_file, report);

            for (path, length) in files {
                let location = chk().with_path(&path);
                store.delete(&path, false).await.unwrap();
                let findings = verify(&store, &chk()).await.unwrap().findings;
                let missing = Finding::Missing {
                    path: location.clone(),
                };
                assert_eq!(findings, [missing], "{flink} {case} {path}");

                put(&store, &path, vec![0; length.saturating_sub(1)]).await;
                let findings = verify(&store, &chk()).await.unwrap().findings;
                let [Finding::WrongLength { found, .. }] = &*findings else {
                    panic!("{flink} {case} {path}: {findings:?}")
                };
                assert_eq!(*found, length as u64 - 1);

                store.delete(&path, false).await.unwrap();
                put(&store, &path, vec![0; length]).await;
            }
        }
    }
}

#[tokio::test]
async fn an_increment_is_looked_up_where_it_was_moved_to() {
    let dir = tempfile::tempdir().unwrap();
    let job = at(&format!("file://{}/job", dir.path().display()));
    let bytes = golden("2.2.1", "rocksdb-incremental");
    let moved = |path: &str| path.strip_prefix(JOB).map(|rest| format!("{job}{rest}"));
    let bytes = rewrite(&bytes, &parse(&bytes).unwrap(), |reference, new| {
        let moved = moved(&reference.path);
        new.push_str(moved.as_deref().unwrap_or_default());
        moved.is_some()
    });
    let bytes = bytes.unwrap();
    let chk = job.join("chk-42");
    let store = LocalStore::new(Duration::from_mins(1));
    let files = manifest(&bytes, &chk).unwrap().files;
    for file in &files {
        let path = file.location.as_ref().unwrap().path();
        store.create(path).await.unwrap().close().await.unwrap();
        let sparse = fs::File::options().write(true).open(path).unwrap();
        sparse.set_len(file.length.unwrap()).unwrap();
    }
    put(&store, chk.join(METADATA).path(), bytes).await;
    let report = verify(&store, &chk).await.unwrap();
    assert_eq!(report.findings, []);
    assert!(
        report.files > 16 && report.bytes > 700_000_000,
        "{report:?}"
    );
}

#[tokio::test]
async fn a_half_written_metadata_is_told() {
    let bytes = golden("1.20.5", "heap");
    for length in [0, 1, 20, bytes.len() / 2, bytes.len() - 1] {
        let store = MemoryStore::default();
        let path = chk().join(METADATA);
        put(&store, path.path(), bytes[..length].to_vec()).await;
        let report = verify(&store, &chk()).await.unwrap();
        let [Finding::BadMetadata { error, .. }] = &*report.findings else {
            panic!("{:?}", report.findings)
        };
        assert!(matches!(error, FormatError::Truncated { .. }), "{error}");
        assert_eq!((report.version, report.files), (None, 0));
    }
}

#[tokio::test]
async fn files_of_another_cluster_are_not_looked_for_here() {
    let store = MemoryStore::default();
    let dir = at("hdfs://two/cp/job/chk-42");
    put(
        &store,
        dir.join(METADATA).path(),
        golden("2.3.0", "unaligned"),
    )
    .await;
    put(&store, dir.join("channels-out").path(), vec![0; 6000]).await;
    let report = verify(&store, &dir).await.unwrap();
    let outside = Finding::OutsideCluster {
        path: chk().join("channels-in"),
        cluster: at("hdfs://two/"),
    };
    assert_eq!(report.findings, [outside]);
    let text = report.findings[0].to_string();
    assert!(text.contains("is not on hdfs://two/, where"), "{text}");
}

#[tokio::test]
async fn where_no_checkpoint_is_the_newest_is_pointed_at() {
    let (store, _) = checkpoint("1.20.5", "heap").await;
    let text = |path: Location| {
        let store = store.clone();
        async move {
            let report = verify(&store, &path).await.unwrap();
            let [finding @ Finding::NoMetadata { .. }] = &*report.findings else {
                panic!("{:?}", report.findings)
            };
            finding.to_string()
        }
    };
    let newest = format!("the newest is {}", chk());
    assert!(text(at(JOB)).await.contains(&newest));
    assert!(text(at(JOB).join("chk-43")).await.contains("is not there"));
    let without = at(JOB).join("chk-41");
    store.mkdirs(without.path()).await.unwrap();
    assert!(text(without).await.contains("has no _metadata"));
    let a_file = chk().join("keyed-0");
    assert!(text(a_file).await.contains("has no _metadata"));
}

#[tokio::test]
async fn a_refused_file_is_a_finding_and_silence_is_an_error() {
    let (store, _) = checkpoint("1.20.5", "heap").await;
    let faulty = |operation, name: &'static str, kind| {
        FaultyStore::new(Arc::new(store.clone()), move |call| {
            let hit = call.operation == operation && call.path.ends_with(name);
            hit.then_some(Fault::Fail(kind))
        })
    };
    for (operation, name) in [("stat", "/op-0"), ("read", METADATA)] {
        let refused = faulty(operation, name, ErrorKind::PermissionDenied);
        let report = verify(&refused, &chk()).await.unwrap();
        let [Finding::Unreadable { path, error }] = &*report.findings else {
            panic!("{:?}", report.findings)
        };
        assert!(path.path().ends_with(name), "{path}");
        assert_eq!(error.kind, ErrorKind::PermissionDenied);
        let kind = ErrorKind::TimedOut;
        let silent = faulty(operation, name, kind);
        assert_eq!(verify(&silent, &chk()).await.unwrap_err().kind, kind);
    }
    let silent = faulty("stat", "/op-0", ErrorKind::Unavailable);
    let error = verify(&silent, &chk()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    // The NameNode knows it, and no DataNode gives it.
    let lost = faulty("read", METADATA, ErrorKind::Unavailable);
    let report = verify(&lost, &chk()).await.unwrap();
    assert_eq!(report.findings[0].kind(), "unreadable");
    let refused = faulty("stat", METADATA, ErrorKind::PermissionDenied);
    let error = verify(&refused, &chk()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::PermissionDenied);
}

/// Retention unlinks `_metadata` first and then the files: that is no damage.
#[tokio::test]
async fn a_checkpoint_that_is_retired_meanwhile_is_gone_and_not_broken() {
    let (store, _) = checkpoint("1.20.5", "heap").await;
    let metadata = chk().join(METADATA);
    let retiring = {
        let store = store.clone();
        FaultyStore::new(Arc::new(store.clone()), move |call| {
            if call.path.ends_with("/op-0") {
                let (store, path) = (store.clone(), metadata.path().to_owned());
                let delete = async move {
                    let file = format!("{}/op-0", chk().path());
                    store.delete(&path, false).await?;
                    store.delete(&file, false).await
                };
                // The store in memory never waits.
                futures::executor::block_on(delete).unwrap();
            }
            None
        })
    };
    let report = verify(&retiring, &chk()).await.unwrap();
    let [Finding::NoMetadata { is_there: true, .. }] = &*report.findings else {
        panic!("{:?}", report.findings)
    };
}

#[tokio::test]
async fn a_huge_metadata_is_not_read() {
    let path = chk().join(METADATA);
    let status = FileStatus {
        path: path.path().to_owned(),
        length: MAX_METADATA_BYTES + 1,
        is_dir: false,
        modified_ms: 0,
    };
    let read = read_manifest(&MemoryStore::default(), &path, &status).await;
    let finding = read.unwrap().unwrap_err();
    assert_eq!(finding.kind(), "huge_metadata");
}
