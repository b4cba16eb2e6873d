//! A store on HDFS, spoken to by hdfs-native without a JVM.
//!
//! Puts the time limit, the panics and the error kinds of the contract around hdfs-native 0.14.8,
//! and takes a fresh client when the current one has fallen silent (see `replacement`). Refuses to
//! repeat calls.

pub(crate) mod client;
pub(crate) mod cluster;
mod errors;
mod replacement;
pub(crate) mod site;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt as _;
use hdfs_native::client::FileStatus as HdfsStatus;
use hdfs_native::{Client, HdfsError, WriteOptions};

use crate::path::check;
use crate::{ErrorKind, FileStatus, Result, Store, StoreError, Writer};
use cluster::Cluster;
use writer::HdfsWriter;

/// One cluster with a time limit of its own.
#[derive(Debug)]
pub(crate) struct HdfsStore {
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) call_timeout: Duration,
}

impl HdfsStore {
    async fn call<T, F>(
        &self,
        operation: &'static str,
        path: &str,
        call: impl FnOnce(Client, String) -> F,
    ) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = hdfs_native::Result<T>> + Send + 'static,
    {
        check(operation, path)?;
        let owned = path.to_owned();
        let call = |client| call(client, owned);
        self.cluster
            .call(operation, path, self.call_timeout, call)
            .await
    }

    async fn move_file(&self, operation: &'static str, from: &str, to: &str) -> Result<()> {
        check(operation, to)?;
        let (target, overwrite) = (to.to_owned(), operation == "replace");
        self.call(operation, from, |client, from| async move {
            client.rename(&from, &target, overwrite).await
        })
        .await
    }
}

fn status(status: HdfsStatus) -> FileStatus {
    FileStatus {
        path: status.path,
        length: if status.isdir {
            0
        } else {
            status.length as u64
        },
        is_dir: status.isdir,
        modified_ms: status.modification_time,
    }
}

/// Reads a range that lies within the file; `Err` is the file's length where it does not.
async fn read_range(
    client: Client,
    path: String,
    offset: u64,
    length: u64,
) -> hdfs_native::Result<std::result::Result<Bytes, u64>> {
    let reader = client.read(&path).await?;
    let whole = reader.file_length();
    let range = usize::try_from(offset)
        .ok()
        .zip(usize::try_from(length).ok());
    let range = range
        .filter(|(offset, length)| offset.checked_add(*length).is_some_and(|end| end <= whole));
    let Some((offset, length)) = range else {
        return Ok(Err(whole as u64));
    };
    let bytes = reader.read_range(offset, length).await?;
    Ok(if bytes.len() == length {
        Ok(bytes)
    } else {
        Err((offset + bytes.len()) as u64)
    })
}

/// The children of `dir`, batch after batch as the `NameNode` gives them (`dfs.ls.limit`).
async fn children(client: Client, dir: String) -> hdfs_native::Result<Vec<FileStatus>> {
    let mut listing = client.list_status_iter(&dir, false).into_stream();
    let mut found = Vec::new();
    while let Some(child) = listing.next().await {
        let child = status(child?);
        if child.path == dir {
            return Err(HdfsError::InvalidArgument(format!("{dir} is a file")));
        }
        found.push(child);
    }
    found.sort_by(|left, right| left.path.cmp(&right.path));
    Ok(found)
}

#[async_trait]
impl Store for HdfsStore {
    fn name(&self) -> &str {
        &self.cluster.spec.name
    }

    async fn create(&self, path: &str) -> Result<Box<dyn Writer>> {
        check("create", path)?;
        let (cluster, limit) = (Arc::clone(&self.cluster), self.call_timeout);
        let generation = cluster.generation();
        let (client, owned) = (generation.client.clone(), path.to_owned());
        let options = WriteOptions::default().permission(cluster.file_permission);
        let mut task = generation.spawn(async move { client.create(&owned, options).await });
        let created = cluster
            .wait(&generation, &mut task, ("create", path), limit)
            .await;
        let path = path.to_owned();
        match created {
            Ok(file) => Ok(Box::new(HdfsWriter {
                cluster,
                generation,
                call_timeout: limit,
                path,
                file: Some(file),
                length: 0,
                finished: false,
            })),
            Err(error) => {
                if error.kind == ErrorKind::TimedOut {
                    cluster.undo_late_create(generation, task, path, limit);
                }
                Err(error)
            }
        }
    }

    async fn read(&self, path: &str, offset: u64, length: u64) -> Result<Bytes> {
        let read = |client, path| read_range(client, path, offset, length);
        self.call("read", path, read).await?.map_err(|whole| {
            let message = format!("{length} bytes asked for at {offset}, the file has {whole}");
            StoreError::new(ErrorKind::Truncated, "read", path, message)
        })
    }

    async fn stat(&self, path: &str) -> Result<Option<FileStatus>> {
        self.call("stat", path, |client, path| async move {
            match client.get_file_info(&path).await {
                Ok(found) => Ok(Some(status(found))),
                Err(HdfsError::FileNotFound(_)) => Ok(None),
                Err(error) => Err(error),
            }
        })
        .await
    }

    async fn list(&self, dir: &str) -> Result<Vec<FileStatus>> {
        self.call("list", dir, children).await
    }

    async fn rename(&self, from: &str, to: &str) -> Result<()> {
        self.move_file("rename", from, to).await
    }

    async fn replace(&self, from: &str, to: &str) -> Result<()> {
        self.move_file("replace", from, to).await
    }

    async fn mkdirs(&self, dir: &str) -> Result<()> {
        let permission = self.cluster.dir_permission;
        self.call("mkdirs", dir, |client, dir| async move {
            client.mkdirs(&dir, permission, true).await
        })
        .await
    }

    async fn delete(&self, path: &str, recursive: bool) -> Result<bool> {
        self.call("delete", path, |client, path| async move {
            client.delete(&path, recursive).await
        })
        .await
    }
}
