//! The contract of [`Store`] as a test that any form of it can be put to.
//!
//! Refuses to know what stands behind the store. Sentence 10 (the time limit) needs a store that
//! does not answer, which only its own tests can provide.

mod moving;

use std::sync::Arc;

use bytes::Bytes;
use futures::future::join_all;

use crate::{ErrorKind, Result, Store, StoreError};

/// Checks `store` against the contract in the directory `root`, which is made before, and deleted
/// after, with all that is in it.
///
/// # Panics
/// With the number of the sentence that was broken.
pub async fn check(store: Arc<dyn Store>, root: &str) {
    store
        .mkdirs(root)
        .await
        .expect("making the root of the contract test");
    let t = Tester {
        store,
        root: root.to_owned(),
    };
    t.paths_are_absolute().await;
    t.create_never_replaces().await;
    t.closed_files_are_whole().await;
    t.aborted_files_are_gone().await;
    t.rename_never_replaces().await;
    t.renames_race_for_one_winner().await;
    t.replace_is_atomic().await;
    t.absence_is_told_apart().await;
    t.list_is_in_order().await;
    t.read_is_exact().await;
    t.errors_name_operation_and_path().await;
    t.store
        .delete(root, true)
        .await
        .expect("deleting the root of the contract test");
}

struct Tester {
    store: Arc<dyn Store>,
    root: String,
}

#[track_caller]
fn holds(sentence: u8, condition: bool, what: &str) {
    assert!(
        condition,
        "sentence {sentence} of the store's contract is broken: {what}"
    );
}

#[track_caller]
fn ok<T>(sentence: u8, result: Result<T>) -> T {
    result.unwrap_or_else(|error| {
        panic!("sentence {sentence} of the store's contract is broken: {error}")
    })
}

#[track_caller]
fn fails<T>(sentence: u8, kind: ErrorKind, result: Result<T>) -> StoreError {
    let Err(error) = result else {
        panic!("sentence {sentence} of the store's contract is broken: {kind:?} was expected");
    };
    holds(
        sentence,
        error.kind == kind,
        &format!("{kind:?} was expected, not {error}"),
    );
    error
}

impl Tester {
    fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.root)
    }

    async fn try_put(&self, path: &str, content: &str) -> Result<u64> {
        let mut writer = self.store.create(path).await?;
        writer
            .write(Bytes::copy_from_slice(content.as_bytes()))
            .await?;
        writer.close().await
    }

    async fn put(&self, path: &str, content: &str) {
        ok(3, self.try_put(path, content).await);
    }

    async fn has(&self, sentence: u8, path: &str, content: &str) {
        let status = ok(sentence, self.store.stat(path).await);
        let length = status.map(|status| status.length);
        holds(
            sentence,
            length == Some(content.len() as u64),
            &format!("length of {path}"),
        );
        let bytes = ok(
            sentence,
            self.store.read(path, 0, content.len() as u64).await,
        );
        holds(
            sentence,
            bytes == content.as_bytes(),
            &format!("bytes of {path}"),
        );
    }

    async fn has_not(&self, sentence: u8, path: &str) {
        let status = ok(sentence, self.store.stat(path).await);
        holds(
            sentence,
            status.is_none(),
            &format!("{path} should not be there"),
        );
    }

    async fn paths_are_absolute(&self) {
        let file = self.path("whole");
        self.put(&file, "x").await;
        let with_scheme = format!("hdfs://cluster{file}");
        let with_dots = format!("{}/../whole", self.root);
        let with_slash = format!("{file}/");
        for bad in ["", "relative/path", &with_scheme, &with_dots, &with_slash] {
            fails(
                1,
                ErrorKind::Invalid,
                self.store.create(bad).await.map(drop),
            );
            fails(1, ErrorKind::Invalid, self.store.read(bad, 0, 1).await);
            fails(1, ErrorKind::Invalid, self.store.stat(bad).await);
            fails(1, ErrorKind::Invalid, self.store.list(bad).await);
            fails(1, ErrorKind::Invalid, self.store.rename(bad, &file).await);
            fails(1, ErrorKind::Invalid, self.store.rename(&file, bad).await);
            fails(1, ErrorKind::Invalid, self.store.replace(&file, bad).await);
            fails(1, ErrorKind::Invalid, self.store.mkdirs(bad).await);
            fails(1, ErrorKind::Invalid, self.store.delete(bad, true).await);
        }
        let status = ok(1, self.store.stat(&file).await);
        holds(
            1,
            status.is_some_and(|status| status.path == file),
            "stat gives another path",
        );
        self.has(1, &file, "x").await;
    }

    async fn create_never_replaces(&self) {
        let file = self.path("deep/er/file");
        self.put(&file, "first").await;
        fails(
            2,
            ErrorKind::AlreadyExists,
            self.store.create(&file).await.map(drop),
        );
        self.has(2, &file, "first").await;
        let dir = self.path("deep/er");
        fails(
            2,
            ErrorKind::AlreadyExists,
            self.store.create(&dir).await.map(drop),
        );

        let raced = self.path("raced-create");
        let contents: Vec<_> = (0..8).map(|n| format!("content {n}")).collect();
        let puts = contents.iter().map(|content| self.try_put(&raced, content));
        let results = join_all(puts).await;
        let winners: Vec<_> = (0..8).filter(|n| results[*n].is_ok()).collect();
        holds(
            2,
            winners.len() == 1,
            &format!("{} of 8 creates of one path won", winners.len()),
        );
        for result in results.into_iter().filter(Result::is_err) {
            fails(2, ErrorKind::AlreadyExists, result);
        }
        self.has(2, &raced, &contents[winners[0]]).await;
    }

    async fn closed_files_are_whole(&self) {
        let empty = self.path("empty");
        let writer = ok(3, self.store.create(&empty).await);
        holds(
            3,
            ok(3, writer.close().await) == 0,
            "an empty file's length",
        );
        self.has(3, &empty, "").await;

        let file = self.path("chunks");
        let mut writer = ok(3, self.store.create(&file).await);
        let mut content = String::new();
        for n in 0..100 {
            let chunk = format!("{n:width$}", width = n * 37 + 3);
            content += &chunk;
            ok(3, writer.write(Bytes::from(chunk)).await);
        }
        let length = ok(3, writer.close().await);
        holds(
            3,
            length == content.len() as u64,
            "close gives another length",
        );
        self.has(3, &file, &content).await;
    }

    async fn aborted_files_are_gone(&self) {
        let file = self.path("aborted");
        ok(4, self.store.create(&file).await).abort().await;
        self.has_not(4, &file).await;

        let mut writer = ok(4, self.store.create(&file).await);
        ok(4, writer.write(Bytes::from_static(b"half")).await);
        writer.abort().await;
        self.has_not(4, &file).await;
        self.put(&file, "the name is free again").await;
    }

    async fn absence_is_told_apart(&self) {
        let missing = self.path("missing");
        self.has_not(7, &missing).await;
        fails(7, ErrorKind::NotFound, self.store.list(&missing).await);
        fails(
            7,
            ErrorKind::NotFound,
            self.store.read(&missing, 0, 1).await,
        );
        holds(
            7,
            !ok(7, self.store.delete(&missing, false).await),
            "deleted what is not there",
        );
        holds(
            7,
            !ok(7, self.store.delete(&missing, true).await),
            "deleted what is not there",
        );

        let file = self.path("doomed/file");
        self.put(&file, "x").await;
        let dir = self.path("doomed");
        let refused = self.store.delete(&dir, false).await;
        holds(
            7,
            refused.is_err(),
            "a directory with a file in it was deleted without recursive",
        );
        self.has(7, &file, "x").await;
        holds(
            7,
            ok(7, self.store.delete(&dir, true).await),
            "delete of what is there",
        );
        self.has_not(7, &file).await;
        self.has_not(7, &dir).await;
    }

    async fn list_is_in_order(&self) {
        let dir = self.path("listed");
        ok(8, self.store.mkdirs(&dir).await);
        ok(8, self.store.mkdirs(&dir).await);
        holds(
            8,
            ok(8, self.store.list(&dir).await).is_empty(),
            "an empty directory",
        );
        for name in ["b", "a-10", "a-9", "a/below", "A"] {
            self.put(&format!("{dir}/{name}"), name).await;
        }
        let children = ok(8, self.store.list(&dir).await);
        let names: Vec<_> = children
            .iter()
            .map(|child| child.name().to_owned())
            .collect();
        holds(
            8,
            names == ["A", "a", "a-10", "a-9", "b"],
            &format!("the names are {names:?}"),
        );
        for child in &children {
            let is_dir = child.name() == "a";
            let length = if is_dir { 0 } else { child.name().len() as u64 };
            holds(
                8,
                child.is_dir == is_dir,
                &format!("the kind of {}", child.path),
            );
            holds(
                8,
                child.length == length,
                &format!("the length of {}", child.path),
            );
            let status = ok(8, self.store.stat(&child.path).await);
            holds(
                8,
                status.as_ref() == Some(child),
                &format!("list and stat of {}", child.path),
            );
        }
    }

    async fn read_is_exact(&self) {
        let file = self.path("read");
        self.put(&file, "0123456789").await;
        for (offset, length) in [(0, 10), (0, 1), (3, 4), (9, 1), (4, 0), (10, 0)] {
            let bytes = ok(9, self.store.read(&file, offset, length).await);
            let end = offset + length;
            let expected: String = (offset..end).map(|digit| digit.to_string()).collect();
            holds(
                9,
                bytes == expected.as_bytes(),
                &format!("bytes {offset}..{end}"),
            );
        }
        for (offset, length) in [
            (0, 11),
            (9, 2),
            (11, 0),
            (11, 1),
            (u64::MAX, 1),
            (1, u64::MAX),
        ] {
            fails(
                9,
                ErrorKind::Truncated,
                self.store.read(&file, offset, length).await,
            );
        }
    }

    async fn errors_name_operation_and_path(&self) {
        let missing = self.path("missing");
        let there = self.path("read");
        let errors = [
            (
                "read",
                fails(
                    11,
                    ErrorKind::NotFound,
                    self.store.read(&missing, 0, 1).await,
                ),
            ),
            (
                "list",
                fails(11, ErrorKind::NotFound, self.store.list(&missing).await),
            ),
            (
                "rename",
                fails(
                    11,
                    ErrorKind::NotFound,
                    self.store.rename(&missing, &there).await,
                ),
            ),
            (
                "replace",
                fails(
                    11,
                    ErrorKind::NotFound,
                    self.store.replace(&missing, &there).await,
                ),
            ),
        ];
        for (operation, error) in errors {
            holds(
                11,
                error.operation == operation,
                &format!("{operation} in {error}"),
            );
            holds(11, error.path == missing, &format!("the path in {error}"));
        }
    }
}
