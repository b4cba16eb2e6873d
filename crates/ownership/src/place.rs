//! Giving a complete in-flight file its final name, and small documents that are replaced.
//!
//! Nothing is overwritten under a final name. A lost reply is looked up, never guessed.

use bytes::Bytes;
use store::{ErrorKind, Result, Store, StoreError};

/// How a file came to be under its final name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placed {
    /// By this rename.
    Now,
    /// A file of the same length was there; the in-flight one is deleted.
    Before,
}

/// Renames the complete file `from` of `length` bytes to `to`, making the parent if need be.
///
/// # Errors
/// [`ErrorKind::AlreadyExists`] if a file of another length is there. Otherwise what the store
/// answered, where the outcome is that `to` is not there, or cannot be found out. The in-flight
/// file is then deleted, as far as the store answers.
pub async fn place(store: &dyn Store, from: &str, to: &str, length: u64) -> Result<Placed> {
    let mut renamed = store.rename(from, to).await;
    if matches!(&renamed, Err(error) if error.kind == ErrorKind::NotFound) {
        renamed = match store.mkdirs(parent(to)).await {
            Ok(()) => store.rename(from, to).await,
            Err(error) => Err(error),
        };
    }
    settle(store, (from, to, length), renamed).await
}

/// As [`place`], but the parent must be there: who has deleted it may have deleted what `to` names,
/// too.
///
/// # Errors
/// As [`place`], and [`ErrorKind::NotFound`] without the parent.
pub async fn place_in_existing(
    store: &dyn Store,
    from: &str,
    to: &str,
    length: u64,
) -> Result<Placed> {
    let renamed = store.rename(from, to).await;
    settle(store, (from, to, length), renamed).await
}

/// Finds out what became of a rename, and leaves no in-flight file.
async fn settle(
    store: &dyn Store,
    (from, to, length): (&str, &str, u64),
    renamed: Result<()>,
) -> Result<Placed> {
    let Err(error) = renamed else {
        return Ok(Placed::Now);
    };
    let placed = found(store, (from, to, length), error).await;
    if !matches!(placed, Ok(Placed::Now)) {
        // a leftover is found by its in-flight name
        let _ = store.delete(from, false).await;
    }
    placed
}

async fn found(
    store: &dyn Store,
    (from, to, length): (&str, &str, u64),
    error: StoreError,
) -> Result<Placed> {
    let found = store.stat(to).await?;
    let there = found.is_some_and(|file| !file.is_dir && file.length == length);
    if !there {
        return Err(error);
    }
    let renamed = store.stat(from).await?.is_none();
    Ok(if renamed { Placed::Now } else { Placed::Before })
}

/// Writes `bytes` under the new name `path`, in pieces that no call has to carry alone.
///
/// # Errors
/// What the store answered; no file is left if it still answers.
pub async fn write_new(store: &dyn Store, path: &str, bytes: &Bytes) -> Result<()> {
    const PIECE_BYTES: usize = 1 << 20;
    let mut writer = store.create(path).await?;
    let mut rest = bytes.clone();
    while !rest.is_empty() {
        let piece = rest.split_to(rest.len().min(PIECE_BYTES));
        if let Err(error) = writer.write(piece).await {
            writer.abort().await;
            return Err(error);
        }
    }
    writer.close().await.map(drop)
}

/// Writes a small document under `inflight` and gives it the final name `path`, which is new.
///
/// # Errors
/// As [`write_new`] and [`place`].
pub async fn place_document(
    store: &dyn Store,
    inflight: &str,
    path: &str,
    bytes: &Bytes,
) -> Result<Placed> {
    write_new(store, inflight, bytes).await?;
    place(store, inflight, path, bytes.len() as u64).await
}

/// Writes a small document under `inflight` and puts it at `path`, in the place of an older one.
///
/// # Errors
/// What the store answered; the older document is then still there, or the new one.
pub async fn replace_document(
    store: &dyn Store,
    inflight: &str,
    path: &str,
    bytes: &Bytes,
) -> Result<()> {
    write_new(store, inflight, bytes).await?;
    match store.replace(inflight, path).await {
        Err(error) if error.kind == ErrorKind::NotFound => {
            store.mkdirs(parent(path)).await?;
            store.replace(inflight, path).await
        }
        result => result,
    }
}

fn parent(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some((parent, _)) if !parent.is_empty() => parent,
        _ => "/",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use store::MemoryStore;
    use store::testing::{Fault, FaultyStore};

    async fn with_file(path: &str, length: usize) -> MemoryStore {
        let store = MemoryStore::default();
        write_new(&store, path, &Bytes::from(vec![7; length]))
            .await
            .unwrap();
        store
    }

    #[tokio::test]
    async fn makes_the_parent_and_leaves_no_second_file() {
        let store = with_file("/in/1", 5).await;
        assert_eq!(
            place(&store, "/in/1", "/a/b/c", 5).await.unwrap(),
            Placed::Now
        );
        write_new(&store, "/in/2", &Bytes::from_static(b"12345"))
            .await
            .unwrap();
        assert_eq!(
            place(&store, "/in/2", "/a/b/c", 5).await.unwrap(),
            Placed::Before
        );
        assert_eq!(store.files().len(), 1);
    }

    #[tokio::test]
    async fn a_parent_that_must_be_there_is_not_made() {
        let store = with_file("/in/1", 5).await;
        let placed = place_in_existing(&store, "/in/1", "/a/b/c", 5).await;
        assert_eq!(placed.unwrap_err().kind, ErrorKind::NotFound);
        assert_eq!(store.stat("/a").await.unwrap(), None);
        assert!(store.files().is_empty());
    }

    #[tokio::test]
    async fn another_length_is_never_replaced() {
        let store = with_file("/final", 5).await;
        write_new(&store, "/in/1", &Bytes::from_static(b"123"))
            .await
            .unwrap();
        let error = place(&store, "/in/1", "/final", 3).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::AlreadyExists);
        assert_eq!(store.stat("/final").await.unwrap().unwrap().length, 5);
    }

    #[tokio::test]
    async fn a_lost_reply_is_looked_up() {
        let store = with_file("/in/1", 5).await;
        let lose =
            |call: &store::testing::Call| (call.operation == "rename").then_some(Fault::LoseReply);
        store.mkdirs("/a").await.unwrap();
        let faulty = FaultyStore::new(Arc::new(store), lose);
        assert_eq!(
            place(&faulty, "/in/1", "/a/b", 5).await.unwrap(),
            Placed::Now
        );
    }

    #[tokio::test]
    async fn documents_are_replaced_whole() {
        let store = MemoryStore::default();
        for text in ["first", "second"] {
            replace_document(&store, "/in/1", "/d/e.json", &Bytes::from(text))
                .await
                .unwrap();
        }
        assert_eq!(&store.read("/d/e.json", 0, 6).await.unwrap()[..], b"second");
        assert_eq!(store.files().len(), 1);
    }
}
