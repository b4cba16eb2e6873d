//! Which of what is there nobody needs. Pure; refuses to call anything left over that is younger
//! than the minimum age, that a published checkpoint names, or that lies in the directory of a job
//! for which nothing was ever published here: Flink itself may write there.

use std::collections::{BTreeMap, HashMap, HashSet};

use audit::{FileStatus, Location};

use crate::named::Look;
use crate::names::{Kind, Spot, checkpoint_of, spot};
use crate::plan::{Left, Leftover, below};
use crate::walk::Walked;

/// By what it is judged.
pub(crate) struct By<'a> {
    pub(crate) root: &'a Location,
    pub(crate) look: &'a Look,
    pub(crate) now_ms: u64,
    pub(crate) min_age_ms: u64,
}

/// What is left over, in the order of the paths, and what stays although it may be.
pub(crate) fn judge(by: &By<'_>, walked: Walked) -> (Vec<Leftover>, Vec<Left>) {
    let mut leftovers = Vec::new();
    let mut left = walked.unknown;
    let mut strange: BTreeMap<String, usize> = BTreeMap::new();
    let jobs = Jobs {
        owners: walked.owners.into_keys().collect(),
        records_ms: walked.records_ms,
    };
    let files = walked.files.into_iter().map(|file| (file, false));
    let empty = walked.empty.into_iter().map(|dir| (dir, true));
    for (status, is_empty) in files.chain(empty) {
        if by.now_ms.saturating_sub(status.modified_ms) < by.min_age_ms {
            continue;
        }
        let Some(below) = below(by.root, &status.path) else {
            continue;
        };
        match by.kind(&jobs, below, &status, is_empty) {
            Needed::No(kind) => leftovers.push(leftover(kind, status)),
            Needed::Perhaps(job) => *strange.entry(job.to_owned()).or_default() += 1,
            Needed::Yes => {}
        }
    }
    left.extend(strange.into_iter().map(|(job, files)| Left {
        path: by.root.join(&job).path().to_owned(),
        why: format!(
            "no JobManager has published for this job here, so Flink itself may write there: \
             {files} old files that nothing names stay"
        ),
    }));
    leftovers.sort_by(|one, other| one.path.cmp(&other.path));
    (leftovers, left)
}

struct Jobs {
    owners: HashSet<String>,
    records_ms: HashMap<String, u64>,
}

enum Needed<'a> {
    Yes,
    /// Of this job.
    Perhaps(&'a str),
    No(Kind),
}

impl By<'_> {
    fn kind<'a>(
        &self,
        jobs: &Jobs,
        below: &'a str,
        status: &FileStatus,
        is_empty: bool,
    ) -> Needed<'a> {
        let owned = |job: &'a str, kind| {
            if jobs.owners.contains(job) {
                Needed::No(kind)
            } else {
                Needed::Perhaps(job)
            }
        };
        match spot(below) {
            Spot::InFlight => Needed::No(Kind::InFlight),
            Spot::Claimed(job) => owned(job, Kind::Claimed),
            Spot::Stride(job) if self.is_quiet(jobs, job) => Needed::No(Kind::Stride),
            Spot::Digests(job) if self.is_quiet(jobs, job) => Needed::No(Kind::Digests),
            Spot::Job(job) | Spot::State(job) if is_empty => owned(job, Kind::EmptyDirectory),
            Spot::State(job) if self.look.is_sure() && !self.look.names(&status.path) => {
                owned(job, self.why_unneeded(below))
            }
            _ => Needed::Yes,
        }
    }

    fn why_unneeded(&self, below: &str) -> Kind {
        let dir = checkpoint_of(below).map(|dir| self.root.join(dir));
        match dir {
            Some(dir) if !self.look.dirs.contains(dir.path()) => Kind::Unpublished,
            _ => Kind::Unnamed,
        }
    }

    /// Whether a job has neither been claimed nor published for the minimum age.
    fn is_quiet(&self, jobs: &Jobs, job: &str) -> bool {
        let dir = self.root.join(job);
        let newest = [
            jobs.records_ms.get(job),
            self.look.newest_ms.get(dir.path()),
        ];
        let newest = newest.into_iter().flatten().max();
        newest.is_none_or(|newest| self.now_ms.saturating_sub(*newest) >= self.min_age_ms)
    }
}

fn leftover(kind: Kind, status: FileStatus) -> Leftover {
    Leftover {
        kind,
        path: status.path,
        bytes: status.length,
        modified_ms: status.modified_ms,
    }
}
