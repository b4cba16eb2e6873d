//! The completeness gate: a checkpoint passes when every file that it names is on the secondary
//! with its length. The judging is `audit`'s, the same as `dualwrite verify`'s.
//!
//! What a published, not retired checkpoint names is known and not looked at again, so the cost
//! follows what is new.

use std::collections::HashSet;

use audit::{Expected, Presence};

use super::waiting::Waiting;
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

/// Looks for what is missing; true if all was seen in this one look: what was seen before may have
/// been deleted meanwhile, by a process that retires another job's checkpoints. A file that is
/// missed for longer than the grace period is queued for backfill from this process: a TaskManager
/// that had it would have uploaded it.
pub(super) async fn look(job: &std::sync::Arc<Job>, waiting: &mut Waiting) -> store::Result<bool> {
    let seen_before = waiting.unknown.iter().any(|file| file.seen);
    find_missing(job, waiting).await?;
    if seen_before && waiting.missing().next().is_none() {
        for file in &mut waiting.unknown {
            file.seen = false;
        }
        find_missing(job, waiting).await?;
    }
    if waiting.offered_at.elapsed() >= job.spec.backfill_grace {
        for missing in waiting.missing().filter(|missing| !missing.asked) {
            // a segment's file is longer than what is named of it, and still growing maybe
            if missing.expected.exact {
                job.backfill(&missing.primary, missing.expected.length);
            }
            missing.asked = true;
        }
    }
    Ok(waiting.missing().next().is_none())
}

async fn find_missing(job: &Job, waiting: &mut Waiting) -> store::Result<()> {
    let expected: Vec<Expected> = waiting
        .missing()
        .map(|missing| missing.expected.clone())
        .collect();
    let found = audit::presence(job.secondary.as_ref(), &expected).await?;
    let mut wrong = None;
    for (missing, found) in waiting.missing().zip(found) {
        match found {
            Presence::Present => (missing.seen, missing.asked) = (true, false),
            Presence::WrongLength { found } => {
                wrong = Some((missing.expected.location.clone(), found));
            }
            Presence::Missing => {}
        }
    }
    if let Some((location, found)) = wrong
        && job.shared.said.first(&format!("length {location}"))
    {
        tracing::warn!(
            "{location} has {found} bytes, which is not what checkpoint {} of job {} names. It is \
             left as it is, and what names it is not published.",
            waiting.id,
            job.spec.id
        );
    }
    Ok(())
}
