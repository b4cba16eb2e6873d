//! What is on the secondary and how it came there, and what the primary has, as the simulated jobs
//! tell it. It shares no code with the product. Refuses to judge.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use bytes::Bytes;

use super::Look;
use crate::metadata::Snapshot;
use crate::names::{Kind, kind, on_secondary, state_path};
use crate::world::SECONDARY;

/// Job and number.
pub type Checkpoint = (String, u64);

/// A file on the secondary.
#[derive(Debug)]
pub struct File {
    /// The number of the process that made it.
    pub by: usize,
    /// Whether it is being written.
    pub is_open: bool,
    /// When it was made.
    pub since: u64,
}

/// See the file's comment.
#[derive(Debug, Default)]
pub struct Record {
    pub(super) files: BTreeMap<String, File>,
    /// What the primary ever completed, by the path below the root.
    pub(super) originals: HashMap<String, Bytes>,
    /// Every state file that ever was on the secondary.
    pub(super) placed: HashSet<String>,
    pub(super) completed: HashMap<Checkpoint, Snapshot>,
    pub(super) published: BTreeSet<Checkpoint>,
    /// What each names that ever was published.
    pub(super) files_of: HashMap<Checkpoint, Vec<String>>,
    /// How many published checkpoints name a file; absent if none ever did.
    pub(super) named: HashMap<String, u32>,
    /// When a process last retired a checkpoint of a job that named a file.
    pub(super) unnamed_since: HashMap<String, BTreeMap<(usize, String), u64>>,
    /// The same of the checkpoint itself.
    pub(super) retired: HashMap<Checkpoint, BTreeMap<usize, u64>>,
    /// The random part of a process's in-flight names.
    pub(super) writers: HashMap<usize, String>,
    /// By which look a process knows that it owns a job.
    owners: HashMap<(usize, String), Look>,
    /// The number of looks, and those on whose account a `_metadata` was changed.
    looks: Look,
    pub(super) spent: HashSet<Look>,
    /// What each process has published last of a job.
    pub(super) newest_by: HashMap<(usize, String), u64>,
    /// The processes of an operator who collects what has an age of so many milliseconds at least.
    pub(super) collectors: HashMap<usize, u64>,
    /// Whether there is a `_metadata` on the secondary that nobody understands.
    pub unreadable: bool,
}

impl Record {
    /// A process is an operator's, who collects what nobody needs.
    pub fn collects(&mut self, process: usize, min_age: u64) {
        self.collectors.insert(process, min_age);
    }

    /// The primary has completed a file.
    pub fn original(&mut self, path: &str, bytes: Bytes) {
        self.originals.insert(path.to_owned(), bytes);
    }

    /// The primary has completed a checkpoint.
    pub fn completes(&mut self, snapshot: Snapshot) {
        let key = (snapshot.job.clone(), snapshot.id);
        self.completed.insert(key, snapshot);
    }

    /// A process has read a file of the secondary.
    pub fn read(&mut self, process: usize, path: &str, bytes: &[u8]) {
        let Kind::Owner(job) = kind(path) else { return };
        let writer = self.writers.get(&process);
        let is_owner = writer.is_some_and(|writer| {
            let text = String::from_utf8_lossy(bytes);
            text.contains(writer.as_str())
        });
        let key = (process, job.to_owned());
        if is_owner {
            self.looks += 1;
            self.owners.insert(key, self.looks);
        } else {
            self.owners.remove(&key);
        }
    }

    /// What a process knows of its ownership that is about to change something at `path`.
    pub fn owner(&self, process: usize, path: &str) -> Option<Look> {
        let of = match kind(path) {
            Kind::Metadata(of, _) => Some(of),
            _ => None,
        };
        let mut looks = self.owners.iter().filter(|((by, job), look)| {
            let concerned = of.is_none_or(|of| of == job);
            *by == process && concerned && !self.spent.contains(look)
        });
        looks.next().map(|(_, look)| *look)
    }

    pub fn is_named(&self, path: &str) -> bool {
        self.named.get(path).is_some_and(|count| *count > 0)
    }

    pub fn is_published(&self, job: &str, id: u64) -> bool {
        self.published.contains(&(job.to_owned(), id))
    }

    /// The numbers of a job's published checkpoints.
    pub fn published(&self, job: &str) -> Vec<u64> {
        let of_job = self.published.iter().filter(|(of, _)| of == job);
        of_job.map(|(_, id)| *id).collect()
    }

    /// Whether a file of the primary, by its path below the root, ever got its final name.
    pub fn was_placed(&self, path: &str) -> bool {
        self.placed.contains(&on_secondary(path))
    }

    /// What should be on the secondary, with its bytes, apart from the product's own files.
    pub fn expected(&self) -> BTreeMap<String, Bytes> {
        let bytes = |path: &String| match kind(path) {
            Kind::State => self.originals.get(state_path(path)?).cloned(),
            Kind::Metadata(job, id) => {
                let snapshot = self.completed.get(&(job.to_owned(), id))?;
                Some(Bytes::from(snapshot.bytes(SECONDARY)))
            }
            _ => None,
        };
        let files = self.files.keys();
        files
            .filter_map(|path| Some((path.clone(), bytes(path)?)))
            .collect()
    }

    /// Files of a job that were named once, and not any more from `since` on.
    pub fn unneeded(&self, job: &str, since: u64) -> Vec<String> {
        let is_unneeded = |path: &&String| {
            let mut times = self.unnamed_since.get(*path).into_iter().flatten();
            let of_job = state_path(path).is_some_and(|below| below.starts_with(job));
            let once = self.named.get(*path) == Some(&0);
            of_job && once && times.all(|(_, time)| *time < since)
        };
        self.files.keys().filter(is_unneeded).cloned().collect()
    }

    /// In-flight files that stand on the secondary.
    pub fn inflight(&self) -> Vec<String> {
        let paths = self.files.keys();
        paths
            .filter(|path| kind(path) == Kind::Inflight)
            .cloned()
            .collect()
    }

    /// What a process that dies now leaves behind: the rows of the protocol's table of crashes.
    pub fn remains(&self, process: usize, sealed: &[String], retained: usize) -> Vec<&'static str> {
        let mut rows = Vec::new();
        let mut own = self.files.values().filter(|file| file.by == process);
        if own.any(|file| file.is_open) {
            rows.push("crash before a seal");
        }
        for path in sealed {
            let path = on_secondary(path);
            if !self.placed.contains(&path) {
                rows.push("crash after a seal, before the rename");
            } else if !self.named.contains_key(&path) {
                rows.push("crash after the rename, before publication");
            }
        }
        let newest = self.newest_by.keys().filter(|(by, _)| *by == process);
        if newest
            .clone()
            .any(|(_, job)| self.published(job).len() > retained)
        {
            rows.push("crash after publication, before retention");
        }
        let retired = self.unnamed_since.iter().filter(|(path, since)| {
            let by_it = since.keys().any(|(by, _)| *by == process);
            by_it && self.files.contains_key(*path) && !self.is_named(path)
        });
        if retired.count() > 0 {
            rows.push("crash between the deletion of `_metadata` and of files");
        }
        rows.sort_unstable();
        rows.dedup();
        rows
    }
}
