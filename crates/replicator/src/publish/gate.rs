//! The completeness gate: a checkpoint passes when every file that it names is on the secondary
//! with its length. The judging is `audit`'s, the same as `dualwrite verify`'s.
//!
//! What a published, not retired checkpoint names is known and not looked at again, so the cost
//! follows what is new.

use std::collections::{HashMap, HashSet};
use std::slice;
use std::sync::Arc;
use std::time::Duration;

use audit::{Expected, Presence};
use store::Store;

use super::waiting::{Unknown, Waiting};
use crate::job::Job;

/// The files that are known to be there.
#[derive(Default)]
pub(super) struct Gate {
    known: HashSet<Expected>,
}

impl Gate {
    pub(super) fn knows(&self, expected: &Expected) -> bool {
        self.known.contains(expected)
    }

    /// What the published checkpoints name, and nothing else.
    pub(super) fn known_are<'a>(&mut self, files: impl Iterator<Item = &'a Expected>) {
        self.known = files.cloned().collect();
    }
}

/// Looks for what is missing; true if all was seen in this one look, and the checkpoint's directory
/// was there before it: what was seen earlier may have been deleted meanwhile, by somebody, or by a
/// process that retires another job's checkpoints. If it is still `early`, what the last look
/// missed is asked for alone until it has come: for all files of a large checkpoint whole
/// directories are listed, and not all have come before that one has.
pub(super) async fn look(job: &Job, waiting: &mut Waiting, early: bool) -> store::Result<bool> {
    if let Some(awaited) = waiting.awaited.filter(|_| early)
        && lacks(job, &waiting.unknown[awaited].expected).await?
    {
        return Ok(false);
    }
    let seen_before = waiting.unknown.iter().any(|file| file.seen);
    find_missing(job, slice::from_mut(waiting)).await?;
    if (seen_before || waiting.needs_dir) && waiting.missing().next().is_none() {
        if waiting.needs_dir {
            job.secondary.mkdirs(waiting.dir.path()).await?;
            waiting.needs_dir = false;
        }
        for file in &mut waiting.unknown {
            file.seen = false;
        }
        find_missing(job, slice::from_mut(waiting)).await?;
    }
    waiting.awaited = waiting.unknown.iter().rposition(|file| !file.seen);
    Ok(waiting.awaited.is_none())
}

/// Whether this one is not on the secondary.
pub(super) async fn lacks(job: &Job, expected: &Expected) -> store::Result<bool> {
    let found = audit::presence(job.secondary.as_ref(), &[expected]).await?;
    Ok(found == [Presence::Missing])
}

/// Looks for what all of these lack, at once: over a slow link an answer takes seconds.
pub(super) async fn find_missing(job: &Job, waiting: &mut [Waiting]) -> store::Result<()> {
    // each once, however many name it
    let mut places = HashMap::new();
    let mut expected = Vec::new();
    let missing = waiting.iter().flat_map(Waiting::missing);
    let asked: Vec<usize> = missing
        .map(|file| {
            *places.entry(&file.expected).or_insert_with(|| {
                expected.push(&file.expected);
                expected.len() - 1
            })
        })
        .collect();
    let found = audit::presence(job.secondary.as_ref(), &expected).await?;
    let mut found = asked.into_iter().map(|place| found[place]);
    for waiting in waiting {
        let id = waiting.id;
        // the same ones, in the same order
        for (missing, found) in waiting.missing_mut().zip(&mut found) {
            match found {
                Presence::Present => (missing.seen, missing.asked) = (true, false),
                Presence::WrongLength { found } => warn_of_length(job, id, missing, found),
                Presence::Missing => {}
            }
        }
    }
    Ok(())
}

fn warn_of_length(job: &Job, checkpoint: u64, missing: &Unknown, found: u64) {
    let location = &missing.expected.location;
    if job.shared.said.first(&format!("length {location}")) {
        tracing::warn!(
            "{location} has {found} bytes, which is not what checkpoint {checkpoint} of job {} \
             names. It is left as it is, and what names it is not published.",
            job.spec.id
        );
    }
}

/// Queues for backfill from this process what is missed for longer than `grace`: a TaskManager that
/// had it would have uploaded it.
pub(super) fn ask(job: &Arc<Job>, waiting: &mut Waiting, grace: Duration) {
    if waiting.offered_at.elapsed() < grace {
        return;
    }
    let (id, need) = (waiting.id, Arc::downgrade(&waiting.need));
    for missing in waiting.missing_mut().filter(|missing| !missing.asked) {
        // a segment's file is longer than what is named of it, and still growing maybe
        if missing.expected.exact {
            let length = missing.expected.length;
            job.needs(&missing.primary, length, id, need.clone());
        }
        missing.asked = true;
    }
}
