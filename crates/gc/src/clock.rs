//! The cluster's own time, by which all ages are told. Refuses to ask this machine's clock.

use audit::{SecondaryRoot, Store, StoreError};
use bytes::Bytes;
use ownership::write_new;

/// Milliseconds since the epoch, as the cluster has stamped a small file that is written for that,
/// and deleted.
pub(crate) async fn now_ms(
    store: &dyn Store,
    root: &SecondaryRoot,
    process_id: &str,
) -> Result<u64, StoreError> {
    let path = root.inflight(process_id, 0);
    // what a call that was given up has left
    store.delete(path.path(), false).await?;
    write_new(store, path.path(), &Bytes::from_static(b"gc")).await?;
    let written = store.stat(path.path()).await;
    let deleted = store.delete(path.path(), false).await;
    let Some(status) = written? else {
        let why = "what was written just now is not there";
        let kind = audit::ErrorKind::NotFound;
        return Err(StoreError::new(kind, "stat", path.path(), why));
    };
    deleted?;
    Ok(status.modified_ms)
}
