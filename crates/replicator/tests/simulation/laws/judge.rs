//! Judges each change of the secondary as it happens, and records it. Refuses to look at anything
//! but the record.

use bytes::Bytes;

use super::record::{File, Record};
use super::{By, Changed};
use crate::names::{Kind, kind, on_secondary, state_path};
use crate::world::SECONDARY;

/// A stamp may be so much later than its time.
const STAMPS_AT_MOST_MS: u64 = 10;

/// The law that is broken, and by what.
type Held = Result<(), (u8, String)>;

impl Record {
    /// `grace` is in milliseconds.
    pub(super) fn changed(&mut self, by: By, change: &Changed<'_>, grace: u64) -> Held {
        match change {
            Changed::Created(path) => self.created(by, path),
            Changed::Closed(path) => {
                if let Some(file) = self.files.get_mut(*path) {
                    file.is_open = false;
                }
                Ok(())
            }
            Changed::Renamed {
                from,
                to,
                bytes,
                replaced,
            } => self.renamed(by, (from, to), bytes, *replaced),
            Changed::Deleted(path) => self.deleted(by, path, grace),
        }
    }

    fn created(&mut self, by: By, path: &str) -> Held {
        if kind(path) != Kind::Inflight {
            return Err((4, format!("{path} is written under its final name")));
        }
        let name = path.rsplit('/').next().unwrap_or_default();
        let writer = name.rsplit_once('-').map_or("", |(writer, _)| writer);
        let known = self.writers.entry(by.process);
        known.or_insert_with(|| writer.to_owned());
        let file = File {
            by: by.process,
            is_open: true,
            since: by.now,
        };
        self.files.insert(path.to_owned(), file);
        Ok(())
    }

    fn renamed(&mut self, by: By, (from, to): (&str, &str), bytes: &Bytes, replaced: bool) -> Held {
        let Some(file) = self
            .files
            .remove(from)
            .filter(|_| kind(from) == Kind::Inflight)
        else {
            return Err((4, format!("{from} is taken away, to {to}")));
        };
        if file.is_open {
            return Err((4, format!("{to} gets its name while it is being written")));
        }
        self.files.insert(to.to_owned(), file);
        match kind(to) {
            Kind::Owner(_) | Kind::Stride if replaced => Ok(()),
            Kind::Catalogue(job) if replaced => self.catalogued(job, bytes),
            Kind::Digests(is_collected) if is_collected == replaced => self.digested(to, bytes),
            _ if replaced => Err((4, format!("{to} may have been replaced"))),
            Kind::Metadata(job, id) => self.publish(by, job, id, bytes),
            Kind::State => {
                let original = state_path(to).and_then(|path| self.originals.get(path));
                match original {
                    Some(original) if original == bytes => {
                        self.placed.insert(to.to_owned());
                        Ok(())
                    }
                    Some(_) => Err((4, format!("{to} has not the bytes of the primary's"))),
                    None => Err((4, format!("{to} is no complete file of the primary"))),
                }
            }
            _ => Err((5, format!("{to} is no place for a file"))),
        }
    }

    /// What is recorded of a file is of the bytes that it must have.
    fn digested(&self, to: &str, bytes: &Bytes) -> Held {
        let digests = audit::Digests::parse(bytes);
        let digests = digests.map_err(|error| (4, format!("{to}: {error}")))?;
        for (path, digest) in digests.iter() {
            let original = match kind(path) {
                Kind::State => state_path(path).and_then(|path| self.originals.get(path).cloned()),
                Kind::Metadata(job, id) => {
                    let snapshot = self.completed.get(&(job.to_owned(), id));
                    snapshot.map(|snapshot| Bytes::from(snapshot.bytes(SECONDARY)))
                }
                _ => None,
            };
            if original.is_none_or(|bytes| audit::Digest::of(&bytes) != digest) {
                return Err((4, format!("{to} says of {path} what it is not")));
            }
        }
        Ok(())
    }

    fn catalogued(&self, job: &str, bytes: &Bytes) -> Held {
        let entry = audit::CatalogueEntry::from_json(bytes).ok();
        let id = entry.map(|entry| entry.newest_published_id);
        match id {
            Some(id) if self.files_of.contains_key(&(job.to_owned(), id)) => Ok(()),
            _ => Err((3, format!("the catalogue says {id:?} of {job}"))),
        }
    }

    fn publish(&mut self, by: By, job: &str, id: u64, bytes: &Bytes) -> Held {
        let key = (job.to_owned(), id);
        let Some(snapshot) = self.completed.get(&key) else {
            return Err((3, format!("{id} of {job} is not complete on the primary")));
        };
        if *bytes != snapshot.bytes(SECONDARY) {
            return Err((2, format!("{id} of {job} has not the bytes it must have")));
        }
        let files = snapshot.exclusive().chain(snapshot.shared());
        let files: Vec<String> = files.map(|file| on_secondary(&file.path)).collect();
        if let Some(missing) = files.iter().find(|path| !self.files.contains_key(*path)) {
            return Err((2, format!("{id} of {job} names {missing}, not there")));
        }
        for path in &files {
            *self.named.entry(path.clone()).or_default() += 1;
        }
        self.published.insert(key.clone());
        self.files_of.insert(key, files);
        self.owned(by, job, "publishes")?;
        let newest = self.newest_by.entry((by.process, job.to_owned()));
        let newest = newest.or_default();
        if *newest > id {
            let what = format!("{id} of {job} is published after {newest} by the same process");
            return Err((10, what));
        }
        *newest = id;
        Ok(())
    }

    /// Whoever changes a `_metadata` has asked before, since the last one, whether it may.
    fn owned(&mut self, by: By, job: &str, does: &str) -> Held {
        if let Some(look) = by.owner {
            self.spent.insert(look);
            return Ok(());
        }
        let what = format!("a process {does} without having asked who owns {job}");
        Err((6, what))
    }

    fn deleted(&mut self, by: By, path: &str, grace: u64) -> Held {
        let below = format!("{path}/");
        let beneath = self.files.range(below.clone()..).map(|(path, _)| path);
        let beneath = beneath.take_while(|path| path.starts_with(&below)).cloned();
        let mut doomed: Vec<String> = beneath.collect();
        // who finds that another has retired a checkpoint has retired it, too
        let is_known = self.files.contains_key(path) || matches!(kind(path), Kind::Metadata(..));
        doomed.extend(is_known.then(|| path.to_owned()));
        for path in doomed {
            let file = self.files.remove(&path);
            match kind(&path) {
                Kind::Inflight | Kind::Going | Kind::Stride | Kind::Digests(_) => {}
                Kind::Metadata(job, id) => self.unlink(by, job, id)?,
                Kind::State => {
                    let since = file.map_or(by.now, |file| file.since);
                    self.delete_state(by, &path, grace, since)?;
                }
                _ => return Err((7, format!("{path} is deleted"))),
            }
        }
        Ok(())
    }

    fn unlink(&mut self, by: By, job: &str, id: u64) -> Held {
        let key = (job.to_owned(), id);
        let newest = self.published.iter().rfind(|(of, _)| of == job);
        if newest == Some(&key) {
            return Err((7, format!("{id} of {job}, the newest, is deleted")));
        }
        if self.collectors.contains_key(&by.process) {
            return Err((7, format!("{id} of {job} is deleted by a collector")));
        }
        let was_there = self.published.remove(&key);
        let retired = self.retired.entry(key.clone()).or_default();
        if !was_there && retired.contains_key(&by.process) {
            return Ok(());
        }
        retired.insert(by.process, by.now);
        for path in self.files_of.get(&key).into_iter().flatten() {
            if let (true, Some(count)) = (was_there, self.named.get_mut(path)) {
                *count -= 1;
            }
            let since = self.unnamed_since.entry(path.clone()).or_default();
            since.insert((by.process, job.to_owned()), by.now);
        }
        self.owned(by, job, "retires")
    }

    fn delete_state(&mut self, by: By, path: &str, grace: u64, since: u64) -> Held {
        if self.is_named(path) {
            return Err((6, format!("{path} is deleted and named")));
        }
        if self.unreadable {
            let what = format!("{path} is deleted while there is metadata not understood");
            return Err((7, what));
        }
        if by.owner.is_none() {
            return Err((6, format!("{path} is deleted by no owner")));
        }
        if let Some(min_age) = self.collectors.get(&by.process) {
            // its clock is a stamp of the cluster's, which counts changes, too
            let age = by.now + STAMPS_AT_MOST_MS - since;
            let what = format!("{path} is collected at an age of {age} ms");
            return if age < *min_age {
                Err((6, what))
            } else {
                Ok(())
            };
        }
        let Some(unneeded) = self.unneeded_since(by.process, path) else {
            return Err((6, format!("{path} is deleted and was never retired")));
        };
        if by.now < unneeded + grace {
            let late = by.now - unneeded;
            let what = format!("{path} is deleted {late} ms after retirement");
            return Err((6, what));
        }
        Ok(())
    }

    /// When a process has retired what needed a file, or its directory.
    fn unneeded_since(&self, process: usize, path: &str) -> Option<u64> {
        let dir = state_path(path).and_then(|path| path.rsplit_once('/'));
        let dir = dir.and_then(|(dir, _)| {
            let (job, id) = dir.split_once("/chk-")?;
            let key = (job.to_owned(), id.parse().ok()?);
            self.retired.get(&key)?.get(&process).copied()
        });
        // two jobs in one process each have their own grace period
        let by_jobs = self.unnamed_since.get(path).into_iter().flatten();
        let by_jobs = by_jobs.filter(|((by, _), _)| *by == process);
        let first = by_jobs.map(|(_, since)| *since).min();
        first.into_iter().chain(dir).max()
    }
}
