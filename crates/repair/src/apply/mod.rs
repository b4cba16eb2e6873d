//! Carries a plan out: what the target lacks is copied, and what is whole is published. Several
//! jobs at a time; one that fails neither stops nor hides the others. Nothing is recorded: both
//! clusters are asked again what is missing, so it can be killed and run again. Refuses to
//! overwrite what the plan does not call damaged, and what is not as the plan has found it.

mod copy;
mod digests;
mod outcome;
mod publish;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use audit::{
    Finding, Location, Look, METADATA, Patience, SecondaryRoot, Store, StoreError, verify_files,
};
use futures::{StreamExt as _, stream};
use tokio::sync::Semaphore;

pub use outcome::{Failure, Mended, Outcome};

use crate::ends::Ends;
use crate::needs::{Need, Needs};
use crate::pace::Pace;
use crate::standing::{Standing, needs, newer, standing};
use crate::{Cannot, Metadata, Plan, PlannedCheckpoint, Stamp};
use copy::{Copied, FileError};
use digests::Gathered;

/// So many jobs are at work at a time; of each, one checkpoint after the other.
const CONCURRENT_JOBS: usize = 8;

/// So often a newer checkpoint is taken for one that the source has retired meanwhile.
const MOST_NEWER: usize = 16;

/// How a plan is carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// So many files are copied at a time.
    pub concurrency: usize,
    /// All of them together get so many bytes through in a second; without a number, what the
    /// clusters give.
    pub bytes_per_second: Option<u64>,
    /// So often a file is begun, and a publication, if what stops it may pass.
    pub attempts: u32,
    /// Before the second attempt; twice as long before each further one.
    pub first_pause: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            concurrency: 4,
            bytes_per_second: None,
            attempts: 5,
            first_pause: Duration::from_secs(1),
        }
    }
}

/// What is done, for those who wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// So many more files lack.
    Lacks(u64),
    /// So many more bytes are copied.
    Copied(u64),
    /// So many of them were in vain.
    Again(u64),
    /// One more file is in its place.
    Placed,
    /// One more checkpoint is done with.
    Over,
}

/// Carries a plan out: an outcome of each checkpoint, in the plan's order.
pub async fn apply(
    plan: &Plan,
    ends: &Ends,
    options: &Options,
    watch: &(dyn Fn(Step) + Sync),
) -> Vec<Outcome> {
    let repair = Repair::new(plan, ends, options, watch);
    repair.remove_leftovers().await;
    let job_dir = |planned: &PlannedCheckpoint| {
        let dir = planned.target.rsplit_once('/');
        dir.map(|(dir, _)| dir.to_owned())
    };
    let jobs = plan
        .checkpoints
        .chunk_by(|one, next| job_dir(one) == job_dir(next));
    let jobs = jobs.map(|checkpoints| repair.job(checkpoints));
    let outcomes = stream::iter(jobs).buffered(CONCURRENT_JOBS);
    let outcomes: Vec<Outcome> = outcomes.map(stream::iter).flatten().collect().await;
    repair.remove_leftovers().await;
    if outcomes.iter().all(|outcome| outcome.result.is_ok()) {
        repair.remove_staged().await;
    }
    outcomes
}

/// One apply at work.
struct Repair<'a> {
    ends: &'a Ends,
    options: &'a Options,
    plan_id: &'a str,
    /// The target's directory: on a primary, too, in-flight files have their own place there.
    root: SecondaryRoot,
    /// In no other process's names, and told from those of other plans by its beginning.
    process_id: String,
    next_number: AtomicU64,
    /// What may be replaced, by its place on the target.
    damaged: HashMap<&'a str, Stamp>,
    /// On which list a file is, by its place on the target.
    lists: HashMap<&'a str, usize>,
    staged: bool,
    gathered: Gathered,
    pace: Pace,
    files: Semaphore,
    source_patience: Patience,
    target_patience: Patience,
    watch: &'a (dyn Fn(Step) + Sync),
}

impl<'a> Repair<'a> {
    fn new(
        plan: &'a Plan,
        ends: &'a Ends,
        options: &'a Options,
        watch: &'a (dyn Fn(Step) + Sync),
    ) -> Self {
        let damaged = plan.copies.iter();
        let damaged = damaged.filter_map(|copy| Some((copy.target.as_str(), copy.damaged?)));
        let lists = plan.copies.iter();
        let lists = lists.filter_map(|copy| Some((copy.target.as_str(), copy.list?)));
        Self {
            ends,
            options,
            plan_id: &plan.id,
            root: SecondaryRoot::new(ends.target.location.clone()),
            process_id: format!("{}{}", writers_of(&plan.id), uuid::Uuid::new_v4().simple()),
            next_number: AtomicU64::new(0),
            damaged: damaged.collect(),
            lists: lists.collect(),
            staged: plan.staged.is_some(),
            gathered: Gathered::default(),
            pace: Pace::new(options.bytes_per_second),
            files: Semaphore::new(options.concurrency.max(1)),
            source_patience: Patience::default(),
            target_patience: Patience::default(),
            watch,
        }
    }

    async fn job(&self, checkpoints: &[PlannedCheckpoint]) -> Vec<Outcome> {
        let mut outcomes = Vec::with_capacity(checkpoints.len());
        for planned in checkpoints {
            outcomes.push(self.checkpoint(planned).await);
            (self.watch)(Step::Over);
        }
        outcomes
    }

    async fn checkpoint(&self, planned: &PlannedCheckpoint) -> Outcome {
        let mut mended = Mended::default();
        // The plan was checked: they are places.
        let root = &self.ends.source.location;
        let mut dir = Location::parse(&planned.source).unwrap_or_else(|_| root.clone());
        let mut newer_ones = 0;
        let result = loop {
            let result = self.mend(&dir, planned, &mut mended).await;
            if !planned.or_newer || !matches!(result, Err(Failure::Retired(_))) {
                break result;
            }
            match newer(self.ends, &dir).await {
                Ok(Some(newer)) if newer_ones < MOST_NEWER => dir = newer,
                Ok(_) => break result,
                Err(silence) => break Err(silence.into()),
            }
            newer_ones += 1;
        };
        self.record_digests().await;
        let target = self.ends.ways.there.to_secondary(&dir);
        Outcome {
            planned: planned.clone(),
            target: target.map_or_else(|| planned.target.clone(), |dir| dir.to_string()),
            mended,
            result,
        }
    }

    /// Makes one checkpoint whole on the target, and publishes it.
    async fn mend(
        &self,
        dir: &Location,
        planned: &PlannedCheckpoint,
        mended: &mut Mended,
    ) -> Result<(), Failure> {
        if !planned.cannot.is_empty() {
            return Err(Failure::Cannot(planned.cannot.clone()));
        }
        let retired = || Failure::Retired(dir.clone());
        let understood = needs(self.ends, dir).await?.ok_or_else(retired)?;
        let needs = understood.map_err(|cannot| Failure::Cannot(vec![cannot]))?;
        if needs.metadata.is_none() && planned.or_newer && newer(self.ends, dir).await?.is_some() {
            return Err(retired());
        }
        if !needs.cannot.is_empty() {
            return Err(Failure::Cannot(needs.cannot));
        }
        let standing = standing(self.target(), &needs).await?;
        match &standing {
            Standing::Refused(cannot) => return Err(Failure::Cannot(vec![cannot.clone()])),
            Standing::Damaged(stamp) if planned.metadata != Metadata::Damaged(*stamp) => {
                let path = needs.target.join(METADATA);
                return Err(Failure::Cannot(vec![changed(&path)]));
            }
            _ => {}
        }
        self.copy_all(&needs, mended).await?;
        self.publish(&needs, &standing, planned.job_id.as_deref())
            .await?;
        mended.published |= standing != Standing::Published;
        Ok(())
    }

    /// Copies what the target lacks, until something cannot be copied.
    async fn copy_all(&self, needs: &Needs, mended: &mut Mended) -> Result<(), Failure> {
        let lacking = self.lacking(needs).await?;
        (self.watch)(Step::Lacks(lacking.len() as u64));
        let stop = AtomicBool::new(false);
        let stop = &stop;
        let copies = lacking.into_iter().map(|(need, damaged)| async move {
            let copied = self.file(need, damaged, stop).await;
            stop.fetch_or(copied.is_err(), Ordering::Relaxed);
            (need, copied)
        });
        let mut copies = stream::iter(copies).buffer_unordered(self.options.concurrency.max(1));
        let mut failed = Vec::new();
        while let Some((need, copied)) = copies.next().await {
            match copied {
                Ok(how) => mended.add(how),
                Err(error) => failed.push((need, error)),
            }
        }
        drop(copies);
        match failed.into_iter().next() {
            None => Ok(()),
            Some((need, error)) => Err(self.failure(needs, need, error).await),
        }
    }

    /// The files that are not as they must be, or that the plan calls damaged.
    async fn lacking<'n>(
        &self,
        needs: &'n Needs,
    ) -> Result<Vec<(&'n Need, Option<Stamp>)>, Failure> {
        let expected = needs.files.iter().map(|need| need.expected.clone());
        let expected: Vec<_> = expected.collect();
        let reports = verify_files(self.target(), &expected, &Look::default()).await;
        let mut lacking = Vec::new();
        let mut cannot = Vec::new();
        for (need, report) in needs.files.iter().zip(reports) {
            if let Some(silence) = report.silence {
                return Err(Failure::Silent(silence));
            }
            let location = &need.expected.location;
            let damaged = self.damaged.get(location.to_string().as_str()).copied();
            match (report.finding, damaged) {
                (None, None) => {}
                (Some(Finding::Missing { .. }), _) => lacking.push((need, None)),
                (_, Some(stamp)) => lacking.push((need, Some(stamp))),
                (Some(Finding::WrongLength { .. }), None) => cannot.push(changed(location)),
                (Some(finding), None) => cannot.push(Cannot::from(&finding)),
            }
        }
        if cannot.is_empty() {
            Ok(lacking)
        } else {
            Err(Failure::Cannot(cannot))
        }
    }

    /// What it means that a file could not be copied.
    async fn failure(&self, needs: &Needs, need: &Need, error: FileError) -> Failure {
        let error = match error {
            FileError::Vanished => {
                let metadata = needs.source.join(METADATA);
                let there = self.source().stat(metadata.path()).await;
                return match there {
                    Err(silence) => Failure::Silent(silence),
                    Ok(None) if needs.metadata.is_some() => Failure::Retired(needs.source.clone()),
                    Ok(_) => Failure::Cannot(vec![vanished(need)]),
                };
            }
            FileError::Changed => {
                return Failure::Cannot(vec![changed(&need.expected.location)]);
            }
            FileError::Source(error) | FileError::Target(error) => error,
        };
        error.into()
    }

    /// In-flight files of applies of the plan: of one that was killed, before anything is done, and
    /// what this one has given up, at its end. What the target does not delete now, it will with
    /// the next apply.
    async fn remove_leftovers(&self) {
        let dir = self.root.inflight_dir();
        let listed = self.target().list(dir.path()).await.unwrap_or_default();
        let ours = writers_of(self.plan_id);
        for leftover in listed.iter().filter(|file| file.name().starts_with(&ours)) {
            let _ = self.target().delete(&leftover.path, false).await;
        }
    }

    /// What distcp has copied and nothing needs any more.
    async fn remove_staged(&self) {
        if self.staged {
            let dir = self.root.staged_dir(self.plan_id);
            let _ = self.target().delete(dir.path(), true).await;
        }
    }

    fn source(&self) -> &dyn Store {
        &*self.ends.source.store
    }

    fn target(&self) -> &dyn Store {
        &*self.ends.target.store
    }

    fn next_number(&self) -> u64 {
        self.next_number.fetch_add(1, Ordering::Relaxed)
    }

    /// A name under which nobody has ever written.
    fn next_inflight(&self) -> Location {
        self.root.inflight(&self.process_id, self.next_number())
    }
}

impl Mended {
    fn add(&mut self, copied: Copied) {
        match copied {
            Copied::Now { bytes, replaced } => {
                self.files += 1;
                self.bytes += bytes;
                self.replaced += u64::from(replaced);
            }
            Copied::Before | Copied::Stopped => {}
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        if error.is_transient() {
            Self::Silent(error)
        } else {
            Self::Refused(error)
        }
    }
}

/// How the in-flight names of all applies of a plan begin.
fn writers_of(plan_id: &str) -> String {
    format!("repair-{plan_id}-")
}

fn changed(path: &Location) -> Cannot {
    let message = format!(
        "{path} is not as it must be, and not as the plan has found it: make the plan anew, so \
         that you see what would be replaced"
    );
    Cannot::new("changed", path, message)
}

fn vanished(need: &Need) -> Cannot {
    let (source, target) = (&need.source, &need.expected.location);
    let message = format!(
        "{target} is needed, and {source} is not on the source any more: nothing has it; take \
         another checkpoint"
    );
    Cannot::new("missing_at_source", source, message)
}
