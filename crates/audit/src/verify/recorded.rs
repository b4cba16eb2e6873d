//! What was recorded of files when they were written, asked for once for each job. Refuses to take
//! a record that is not to be had for anything but none.

use std::collections::HashMap;

use checkpoint_layout::{CheckpointDir, Location, SecondaryRoot};
use futures::lock::Mutex;
use store::Store;

use crate::patience::Patience;
use crate::{Digest, Digests, recorded_digests};

/// The digests of the jobs whose files were asked for, by the jobs' directories.
#[derive(Default)]
pub(super) struct Recorded(Mutex<HashMap<Location, Digests>>);

impl Recorded {
    /// What is recorded of a file.
    pub(super) async fn of(
        &self,
        store: &dyn Store,
        patience: &Patience,
        file: &Location,
    ) -> Option<Digest> {
        let dir = job_dir(file)?;
        let mut jobs = self.0.lock().await;
        if !jobs.contains_key(&dir) {
            let root = SecondaryRoot::new(dir.parent());
            let asked = patience.ask(recorded_digests(store, &root, dir.name()));
            jobs.insert(dir.clone(), asked.await.unwrap_or_default());
        }
        jobs.get(&dir)?.get(file.path())
    }
}

/// The directory of the job whose file it is; none if Flink does not put a job's files there.
fn job_dir(file: &Location) -> Option<Location> {
    let mut dir = file.parent();
    while !dir.name().is_empty() {
        let name = dir.name();
        let is_a_jobs = matches!(name, "shared" | "taskowned");
        if is_a_jobs || CheckpointDir::parse(name).is_some() {
            return Some(dir.parent());
        }
        dir = dir.parent();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jobs_files_are_told_by_where_flink_puts_them() {
        let job = |path: &str| {
            let file = Location::parse(&format!("hdfs://two{path}")).unwrap();
            job_dir(&file).map(|dir| dir.path().to_owned())
        };
        for path in [
            "/cp/j/chk-7/_metadata",
            "/cp/j/shared/x",
            "/cp/j/shared/job_op_1/x",
            "/cp/j/taskowned/x",
        ] {
            assert_eq!(job(path).as_deref(), Some("/cp/j"), "{path}");
        }
        assert_eq!(job("/sp/savepoint-1/_metadata"), None);
        assert_eq!(job("/x"), None);
    }
}
