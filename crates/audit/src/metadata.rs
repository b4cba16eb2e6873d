//! A checkpoint's `_metadata`: found, and read whole, or why not. Refuses to look at the files that
//! it names, and to take silence for an answer.

use bytes::Bytes;
use checkpoint_format::{FlinkVersion, FormatError, Metadata};
use checkpoint_layout::{Location, METADATA};
use store::{ErrorKind, FileStatus, Store};

use crate::read::lost;
use crate::{Finding, MAX_METADATA_BYTES, published_of_job, read_whole};

/// A whole `_metadata`, not understood yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataFile {
    /// Where it is.
    pub path: Location,
    /// All of it.
    pub bytes: Bytes,
}

impl MetadataFile {
    /// What it says. `flink` wrote it, where that is known: it is asked for only by a file of
    /// version 3 that has two meanings ([`FormatError::Ambiguous`]).
    ///
    /// # Errors
    /// When the bytes are not understood to the end.
    pub fn parse(&self, flink: Option<FlinkVersion>) -> Result<Metadata<'_>, FormatError> {
        match flink {
            None => checkpoint_format::parse(&self.bytes),
            Some(flink) => checkpoint_format::parse_as(&self.bytes, flink),
        }
    }
}

/// Reads a `_metadata`, given by its own path, whatever its name is, or by its directory's; or
/// tells what is wrong with it: [`Finding::NoMetadata`], [`Finding::HugeMetadata`] or
/// [`Finding::Unreadable`].
///
/// # Errors
/// When the cluster does not answer, or does not let this user look for it: then nothing is known.
pub async fn read_metadata(
    store: &dyn Store,
    file_or_dir: &Location,
) -> store::Result<Result<MetadataFile, Finding>> {
    let (path, status) = match store.stat(file_or_dir.path()).await? {
        Some(status) if status.is_dir => {
            let path = file_or_dir.join(METADATA);
            let status = status_of(store, &path).await?;
            (path, status)
        }
        found => (file_or_dir.clone(), found),
    };
    let dir = match path.name() {
        METADATA => path.parent(),
        _ => path.clone(),
    };
    let Some(status) = status else {
        return absent(store, &dir).await.map(Err);
    };
    match read(store, &path, &status).await? {
        Ok(bytes) => Ok(Ok(MetadataFile { path, bytes })),
        Err(_) if status_of(store, &path).await?.is_none() => absent(store, &dir).await.map(Err),
        Err(finding) => Ok(Err(finding)),
    }
}

/// The bytes of the `_metadata` at `path`, or why they are not to be had.
pub(crate) async fn read(
    store: &dyn Store,
    path: &Location,
    status: &FileStatus,
) -> store::Result<Result<Bytes, Finding>> {
    let bytes = status.length;
    if bytes > MAX_METADATA_BYTES {
        let path = path.clone();
        return Ok(Err(Finding::HugeMetadata { path, bytes }));
    }
    let error = match read_whole(store, path.path(), bytes).await {
        Ok(bytes) => return Ok(Ok(bytes)),
        Err(error) if error.kind == ErrorKind::Unavailable => {
            lost(error, store.stat(path.path())).await?
        }
        Err(error) if error.is_transient() => return Err(error),
        Err(error) => error,
    };
    let path = path.clone();
    Ok(Err(Finding::Unreadable { path, error }))
}

/// None if there is no file of that name.
pub(crate) async fn status_of(
    store: &dyn Store,
    path: &Location,
) -> store::Result<Option<FileStatus>> {
    let status = store.stat(path.path()).await?;
    Ok(status.filter(|status| !status.is_dir))
}

/// What is there instead of a checkpoint.
pub(crate) async fn absent(store: &dyn Store, dir: &Location) -> store::Result<Finding> {
    let is_there = store.stat(dir.path()).await?.is_some();
    let newest_below = match published_of_job(store, dir).await {
        Ok(found) => found.into_iter().next_back().map(|newest| newest.dir),
        Err(error) if error.kind == ErrorKind::Invalid => None,
        Err(error) => return Err(error),
    };
    Ok(Finding::NoMetadata {
        dir: dir.clone(),
        is_there,
        newest_below,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use store::MemoryStore;
    use store::testing::{Fault, FaultyStore};

    /// What Flink wrote as checkpoint 42.
    const HEAP: &[u8] = include_bytes!("../../../tests/goldens/data/2.2.1/heap.metadata");

    fn at(text: &str) -> Location {
        Location::parse(text).unwrap()
    }

    async fn holding(path: &str, bytes: &'static [u8]) -> MemoryStore {
        let store = MemoryStore::default();
        let mut writer = store.create(path).await.unwrap();
        writer.write(Bytes::from_static(bytes)).await.unwrap();
        writer.close().await.unwrap();
        store
    }

    async fn finding(store: &dyn Store, path: &str) -> Finding {
        read_metadata(store, &at(path)).await.unwrap().unwrap_err()
    }

    #[tokio::test]
    async fn it_is_found_by_any_name_and_by_its_directory() {
        for (there, asked) in [
            ("/j/chk-42/_metadata", "hdfs://nn/j/chk-42"),
            ("/j/chk-42/_metadata", "hdfs://nn/j/chk-42/_metadata"),
            ("/kept/of-may", "hdfs://nn/kept/of-may"),
        ] {
            let store = holding(there, HEAP).await;
            let read = read_metadata(&store, &at(asked)).await.unwrap().unwrap();
            assert_eq!(read.path.to_string(), format!("hdfs://nn{there}"));
            assert_eq!(read.parse(None).unwrap().checkpoint_id, 42);
        }
    }

    #[tokio::test]
    async fn what_is_there_instead_is_told() {
        let store = holding("/j/chk-42/_metadata", HEAP).await;
        store.mkdirs("/j/chk-43").await.unwrap();
        for (asked, dir, there, newest) in [
            ("hdfs://nn/j/chk-1", "hdfs://nn/j/chk-1", false, None),
            (
                "hdfs://nn/j/chk-1/_metadata",
                "hdfs://nn/j/chk-1",
                false,
                None,
            ),
            ("hdfs://nn/j/chk-43", "hdfs://nn/j/chk-43", true, None),
            (
                "hdfs://nn/j",
                "hdfs://nn/j",
                true,
                Some("hdfs://nn/j/chk-42"),
            ),
        ] {
            let expected = Finding::NoMetadata {
                dir: at(dir),
                is_there: there,
                newest_below: newest.map(at),
            };
            assert_eq!(finding(&store, asked).await, expected, "{asked}");
        }
    }

    #[tokio::test]
    async fn what_is_no_metadata_is_read_and_not_understood() {
        let store = holding("/j/state", b"no metadata").await;
        let path = at("hdfs://nn/j/state");
        let read = read_metadata(&store, &path).await.unwrap().unwrap();
        let error = read.parse(None).unwrap_err();
        assert!(
            matches!(error, FormatError::BadMarker { offset: 0, .. }),
            "{error}"
        );
    }

    #[tokio::test]
    async fn a_refused_read_is_a_finding_and_silence_is_an_error() {
        let path = "hdfs://nn/j/chk-42";
        let faulty = |operation, kind| async move {
            let store = holding("/j/chk-42/_metadata", HEAP).await;
            FaultyStore::new(Arc::new(store), move |call| {
                (call.operation == operation).then_some(Fault::Fail(kind))
            })
        };
        for kind in [ErrorKind::PermissionDenied, ErrorKind::Unavailable] {
            let refused = faulty("read", kind).await;
            assert_eq!(finding(&refused, path).await.kind(), "unreadable");
        }
        for (operation, kind) in [
            ("stat", ErrorKind::PermissionDenied),
            ("stat", ErrorKind::TimedOut),
            ("read", ErrorKind::TimedOut),
        ] {
            let silent = faulty(operation, kind).await;
            let error = read_metadata(&silent, &at(path)).await.unwrap_err();
            assert_eq!((error.operation, error.kind), (operation, kind));
        }
    }

    #[tokio::test]
    async fn what_is_retired_meanwhile_is_gone() {
        let store = holding("/j/chk-42/_metadata", HEAP).await;
        let retiring = FaultyStore::new(Arc::new(store.clone()), move |call| {
            if call.operation == "read" {
                // The store in memory never waits.
                futures::executor::block_on(store.delete("/j/chk-42/_metadata", false)).unwrap();
            }
            None
        });
        let found = finding(&retiring, "hdfs://nn/j/chk-42").await;
        assert!(
            matches!(found, Finding::NoMetadata { is_there: true, .. }),
            "{found:?}"
        );
    }
}
