//! Sentences 5 and 6 of the contract: what moves files, and what it must not do to others.
//!
//! Refuses to know what stands behind the store.

use futures::future::join_all;

use super::{Tester, fails, holds, ok};
use crate::ErrorKind;

impl Tester {
    pub(super) async fn rename_never_replaces(&self) {
        let (from, to) = (self.path("rename-from"), self.path("rename-to"));
        self.put(&from, "moving").await;
        ok(5, self.store.rename(&from, &to).await);
        self.has_not(5, &from).await;
        self.has(5, &to, "moving").await;

        self.put(&from, "another").await;
        fails(
            5,
            ErrorKind::AlreadyExists,
            self.store.rename(&from, &to).await,
        );
        self.has(5, &from, "another").await;
        self.has(5, &to, "moving").await;

        let missing = self.path("rename-missing");
        let free = self.path("rename-free");
        fails(
            5,
            ErrorKind::NotFound,
            self.store.rename(&missing, &free).await,
        );
        let homeless = self.path("no-such-dir/file");
        fails(
            5,
            ErrorKind::NotFound,
            self.store.rename(&from, &homeless).await,
        );
        self.has(5, &from, "another").await;
        self.has_not(5, &homeless).await;

        let (dir, moved) = (self.path("rename-dir"), self.path("rename-dir-moved"));
        self.put(&format!("{dir}/child"), "child").await;
        ok(5, self.store.rename(&dir, &moved).await);
        self.has_not(5, &dir).await;
        self.has(5, &format!("{moved}/child"), "child").await;
    }

    pub(super) async fn renames_race_for_one_winner(&self) {
        let target = self.path("raced-rename");
        let sources: Vec<_> = (0..8).map(|n| self.path(&format!("racer-{n}"))).collect();
        for source in &sources {
            self.put(source, source).await;
        }
        let renames = sources
            .iter()
            .map(|source| self.store.rename(source, &target));
        let results = join_all(renames).await;
        let winners: Vec<_> = (0..8).filter(|n| results[*n].is_ok()).collect();
        holds(
            5,
            winners.len() == 1,
            &format!("{} of 8 renames to one path won", winners.len()),
        );
        for (result, source) in results.into_iter().zip(&sources) {
            if result.is_err() {
                fails(5, ErrorKind::AlreadyExists, result);
                self.has(5, source, source).await;
            }
        }
        self.has(5, &target, &sources[winners[0]]).await;
    }

    pub(super) async fn replace_is_atomic(&self) {
        let (from, to) = (self.path("replace-from"), self.path("replace-to"));
        self.put(&from, "0").await;
        ok(6, self.store.replace(&from, &to).await);
        self.has_not(6, &from).await;
        self.has(6, &to, "0").await;

        let replaces = async {
            for n in 1..10 {
                self.put(&from, &n.to_string()).await;
                ok(6, self.store.replace(&from, &to).await);
            }
        };
        let reads = async {
            for _ in 0..30 {
                let status = ok(6, self.store.stat(&to).await);
                holds(
                    6,
                    status.is_some_and(|status| status.length == 1),
                    "a gap was seen",
                );
            }
        };
        futures::join!(replaces, reads);
        self.has(6, &to, "9").await;
        self.has_not(6, &from).await;
        fails(6, ErrorKind::NotFound, self.store.replace(&from, &to).await);
        self.has(6, &to, "9").await;
    }
}
