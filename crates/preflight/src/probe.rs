//! One small file by which a cluster shows what it lets this user do: written, renamed, read back,
//! looked up, deleted. Leaves no file, and no directory that it made.

use audit::{ErrorKind, Location, Store, StoreError};
use bytes::Bytes;

const CONTENT: &[u8] = b"A file of dualwrite check; it may be deleted.\n";

/// What is told of one whose every step went well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Probed {
    /// How far the cluster's clock is from ours, in milliseconds; none where it does not tell.
    pub(crate) clock_off_ms: Option<u64>,
    /// The file, if it could not be deleted.
    pub(crate) left: Option<(String, StoreError)>,
}

/// Probes by a file that is called by both names, one after the other. `clock` is ours, in
/// milliseconds since the epoch.
pub(crate) async fn probe(
    store: &dyn Store,
    names: &[Location; 2],
    clock: &(dyn Fn() -> u64 + Sync),
) -> Result<Probed, StoreError> {
    let absent = absent(store, &names[0].parent()).await?;
    let result = steps(store, names, clock).await;
    let mut left = None;
    for name in names {
        if let Err(error) = store.delete(name.path(), false).await {
            left.get_or_insert((name.to_string(), error));
        }
    }
    for dir in &absent {
        // One in which somebody has put something meanwhile stays.
        let _ = store.delete(dir.path(), false).await;
    }
    let clock_off_ms = result?;
    Ok(Probed { clock_off_ms, left })
}

/// The directory and those above it that are not there, the deepest first.
async fn absent(store: &dyn Store, dir: &Location) -> Result<Vec<Location>, StoreError> {
    let mut absent = Vec::new();
    let mut dir = dir.clone();
    while dir.path() != "/" && store.stat(dir.path()).await?.is_none() {
        let parent = dir.parent();
        absent.push(std::mem::replace(&mut dir, parent));
    }
    Ok(absent)
}

async fn steps(
    store: &dyn Store,
    [from, to]: &[Location; 2],
    clock: &(dyn Fn() -> u64 + Sync),
) -> Result<Option<u64>, StoreError> {
    let before_ms = clock();
    let mut writer = store.create(from.path()).await?;
    if let Err(error) = writer.write(Bytes::from_static(CONTENT)).await {
        writer.abort().await;
        return Err(error);
    }
    writer.close().await?;
    let after_ms = clock();
    store.rename(from.path(), to.path()).await?;
    let read = store.read(to.path(), 0, CONTENT.len() as u64).await?;
    if read != CONTENT {
        let message = "what was read is not what was written";
        return Err(StoreError::new(
            ErrorKind::Other,
            "read",
            to.path(),
            message,
        ));
    }
    let status = store.stat(to.path()).await?;
    let modified_ms = status.map_or(0, |status| status.modified_ms);
    Ok((modified_ms > 0).then(|| clock_off(modified_ms, before_ms, after_ms)))
}

/// How far a time is from the span in which it must lie.
fn clock_off(modified_ms: u64, before_ms: u64, after_ms: u64) -> u64 {
    let too_early = before_ms.saturating_sub(modified_ms);
    too_early.max(modified_ms.saturating_sub(after_ms))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use store::{LocalStore, MemoryStore};

    use super::*;

    fn names(dir: &str) -> [Location; 2] {
        ["1", "2"].map(|name| Location::parse(&format!("{dir}/a/b/{name}")).unwrap())
    }

    #[tokio::test]
    async fn nothing_is_left_but_what_was_there() {
        let dir = tempfile::tempdir().unwrap();
        let store = LocalStore::new(Duration::from_secs(10));
        std::fs::create_dir(dir.path().join("a")).unwrap();
        let names = names(&format!("file:{}", dir.path().display()));
        let now = || {
            let since = std::time::UNIX_EPOCH.elapsed().unwrap();
            u64::try_from(since.as_millis()).unwrap()
        };
        let probed = probe(&store, &names, &now).await.unwrap();
        assert!(
            probed.clock_off_ms.is_some_and(|off| off < 10_000),
            "{probed:?}"
        );
        assert_eq!(probed.left, None);
        let late = probe(&store, &names, &|| now() + 60_000).await.unwrap();
        assert!(
            late.clock_off_ms.is_some_and(|off| off > 30_000),
            "{late:?}"
        );
        let there = std::fs::read_dir(dir.path().join("a")).unwrap().count();
        assert_eq!(there, 0);
    }

    #[tokio::test]
    async fn a_directory_that_is_used_meanwhile_stays() {
        let store = Arc::new(MemoryStore::new("memory"));
        let names = names("hdfs://nn:1");
        let absent = absent(&*store, &names[0].parent()).await.unwrap();
        let paths: Vec<_> = absent.iter().map(Location::path).collect();
        assert_eq!(paths, ["/a/b", "/a"]);
        store.mkdirs("/a/other").await.unwrap();
        probe(&*store, &names, &|| 0).await.unwrap();
        let children = store.list("/a").await.unwrap();
        let children: Vec<_> = children.iter().map(store::FileStatus::name).collect();
        assert_eq!(children, ["other"]);
    }

    #[test]
    fn clocks() {
        assert_eq!(clock_off(150, 100, 200), 0);
        assert_eq!(clock_off(90, 100, 200), 10);
        assert_eq!(clock_off(230, 100, 200), 30);
    }
}
