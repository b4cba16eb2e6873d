//! Whole files, read piece by piece so that each call gets through the link within its time limit.
//! Refuses what is larger than any `_metadata` can be.

use bytes::{Bytes, BytesMut};
use store::{ErrorKind, FileStatus, Store, StoreError};

/// The largest `_metadata` that is read, in bytes. Flink holds it in the JobManager's heap.
pub const MAX_METADATA_BYTES: u64 = 1 << 30;

const PIECE_BYTES: u64 = 4 << 20;

/// A whole file of `length` bytes, at most [`MAX_METADATA_BYTES`].
///
/// # Errors
/// [`ErrorKind::Invalid`] for a longer file, [`ErrorKind::Truncated`] for a shorter one than said,
/// and whatever else the store answers.
pub async fn read_whole(store: &dyn Store, path: &str, length: u64) -> store::Result<Bytes> {
    if length > MAX_METADATA_BYTES {
        let message = format!("{length} bytes, at most {MAX_METADATA_BYTES} are read");
        return Err(StoreError::new(ErrorKind::Invalid, "read", path, message));
    }
    if length <= PIECE_BYTES {
        return store.read(path, 0, length).await;
    }
    let mut whole = BytesMut::new();
    let mut offset = 0;
    while offset < length {
        let piece = store
            .read(path, offset, PIECE_BYTES.min(length - offset))
            .await?;
        offset += piece.len() as u64;
        whole.extend_from_slice(&piece);
    }
    Ok(whole.freeze())
}

/// What it means that no bytes came ([`ErrorKind::Unavailable`]), by looking the file up: if the
/// cluster knows it, that is an answer ([`ErrorKind::Other`]). Its bytes are lost or damaged, or
/// the nodes that have them are down.
///
/// # Errors
/// What `look_up` answered: then nothing is known.
pub(crate) async fn lost(
    error: StoreError,
    look_up: impl Future<Output = store::Result<Option<FileStatus>>>,
) -> store::Result<StoreError> {
    look_up.await?;
    let kind = ErrorKind::Other;
    Ok(StoreError { kind, ..error })
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::MemoryStore;

    #[tokio::test]
    async fn pieces_make_the_whole() {
        let store = MemoryStore::default();
        let bytes: Vec<u8> = (0..PIECE_BYTES * 2 + 3)
            .map(|at| u8::try_from(at % 251).unwrap())
            .collect();
        let mut writer = store.create("/a").await.unwrap();
        writer.write(Bytes::from(bytes.clone())).await.unwrap();
        let length = writer.close().await.unwrap();
        assert!(read_whole(&store, "/a", length).await.unwrap() == bytes);
        let error = read_whole(&store, "/a", length + 1).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Truncated);
        let error = read_whole(&store, "/a", MAX_METADATA_BYTES + 1)
            .await
            .unwrap_err();
        assert_eq!(error.kind, ErrorKind::Invalid);
    }
}
