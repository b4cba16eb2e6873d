//! Carries a plan out: each job is ended at the source, if that answers, and started at the target
//! from its newest usable checkpoint. Many at a time; one that fails neither stops nor hides the
//! others. What was done is in the journal, so that it can be killed and run again.

mod outcome;
mod source;
mod start;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use audit::{Location, Place};
use futures::{StreamExt as _, stream};
use tokio::sync::{Mutex, OnceCell};

pub use outcome::{Failure, Outcome, Switched};

use crate::journal::{Done, Journal, Stopped, Submitted};
use crate::newest::newest_usable;
use crate::{Checkpoint, Flink, FlinkError, Jar, Launch, Plan, PlannedJob, RunningJob};
use source::Source;
use start::Earlier;
pub(crate) use start::Starter;

/// What a person decides, and for how long things are waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// A person answers for it that nothing runs at the source any more, if that does not answer.
    pub source_is_dead: bool,
    /// A person accepts a checkpoint older than the planned one, or than the source's newest.
    pub accept_older: bool,
    /// For a job's end at the source.
    pub stop: Duration,
    /// For the source's newest checkpoint to be published at the target.
    pub catch_up: Duration,
    /// For a job to run at the target.
    pub start: Duration,
    /// For its first checkpoint there.
    pub first_checkpoint: Duration,
    /// Between two questions.
    pub poll: Duration,
    /// So many jobs at a time.
    pub concurrency: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            source_is_dead: false,
            accept_older: false,
            stop: Duration::from_mins(1),
            catch_up: Duration::from_mins(2),
            start: Duration::from_mins(5),
            first_checkpoint: Duration::from_mins(10),
            poll: Duration::from_millis(500),
            concurrency: 16,
        }
    }
}

/// What is being done for a job, for those who wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// It is being cancelled at the source.
    Stopping,
    /// The target does not have its newest checkpoint yet.
    CatchingUp {
        /// The newest that the target has.
        newest: Option<u64>,
        /// The newest that the source has completed.
        completed: u64,
    },
    /// Its jar is being uploaded.
    Uploading,
    /// Its `main` is being run.
    Starting,
    /// It is in this state at the target, and not running yet.
    Deploying(String),
    /// It runs, and has completed no checkpoint yet.
    FirstCheckpoint,
    /// It is switched, or not.
    Over,
}

/// Where a plan is carried out.
#[derive(Debug, Clone, Copy)]
pub struct Ends<'a> {
    /// The target's checkpoints.
    pub place: &'a Place,
    /// The target's Flink.
    pub target: &'a Flink,
    /// The source's; none if it is not known.
    pub source: Option<&'a Flink>,
}

/// One apply at work.
struct Switch<'a> {
    place: &'a Place,
    root: Location,
    starter: Starter<'a>,
    /// What runs at the target when the apply begins.
    running: Vec<RunningJob>,
    source: Source<'a>,
    jars: Jars,
    journal: &'a Journal,
    options: &'a Options,
    began_at_ms: u64,
}

/// Carries out a plan: an outcome of each job, in the plan's order. `watch` hears of each step of
/// each job, by its name.
///
/// # Errors
/// When the target's Flink does not answer: then nothing was done.
pub async fn apply(
    plan: &Plan,
    ends: Ends<'_>,
    journal: &Journal,
    options: &Options,
    watch: &(dyn Fn(&str, Step) + Sync),
) -> Result<Vec<Outcome>, FlinkError> {
    let switch = Switch {
        place: ends.place,
        root: ends.place.location.clone(),
        starter: Starter::new(ends.target, options, watch).await?,
        running: ends.target.jobs().await?,
        source: Source::look(ends.source).await,
        jars: Jars::default(),
        journal,
        options,
        began_at_ms: audit::now_ms(),
    };
    let jobs = plan.jobs.iter().map(|job| async {
        let result = switch.job(job).await;
        switch.tell(job, Step::Over);
        Outcome {
            name: job.name.clone(),
            result,
        }
    });
    let outcomes = stream::iter(jobs).buffered(options.concurrency.max(1));
    Ok(outcomes.collect().await)
}

impl Switch<'_> {
    async fn job(&self, job: &PlannedJob) -> Result<Switched, Failure> {
        let progress = self.journal.progress(&job.name);
        if let (Some(done), Some(submitted)) = (progress.done, &progress.submitted) {
            return Ok(Switched {
                job_id: submitted.job_id.clone(),
                checkpoint: submitted.checkpoint.clone(),
                done,
                earlier: true,
            });
        }
        let (stopped, submitted) = (progress.stopped, progress.submitted);
        let job_id = match submitted {
            None => new_job_id(),
            Some(submitted) => match self.earlier(&submitted).await? {
                Earlier::Started => return self.wait(job, submitted, stopped.as_ref()).await,
                Earlier::NeverArrived => submitted.job_id,
                Earlier::Failed => new_job_id(),
            },
        };
        let (jar_id, launch, checkpoint) = self.ready(job).await?;
        // What a person has answered for may be otherwise by now.
        let stopped = if let Some(stopped) = stopped.filter(|stopped| stopped.certain) {
            stopped
        } else {
            let stopped = self.stop(job).await?;
            self.journal.stopped(&job.name, &stopped)?;
            stopped
        };
        // A dead source has had nothing to wait for since.
        let checkpoint = if stopped.certain {
            self.choose(job, stopped.newest_completed_id).await?
        } else {
            checkpoint
        };
        let submitted = Submitted {
            job_id,
            checkpoint,
            began_at_ms: self.began_at_ms,
        };
        self.journal.submitting(&job.name, &submitted)?;
        let name = &job.name;
        self.starter
            .start(name, launch, &jar_id, &submitted)
            .await?;
        self.wait(job, submitted, Some(&stopped)).await
    }

    /// All that can be made sure of before a job is stopped: that it can be started.
    async fn ready<'b>(
        &self,
        job: &'b PlannedJob,
    ) -> Result<(String, &'b Launch, Checkpoint), Failure> {
        let launch = job.launch.as_ref().ok_or(Failure::NoJar)?;
        if let Some(other) = self.namesake(job) {
            return Err(Failure::RunsAlready(other.to_owned()));
        }
        let checkpoint = self.choose(job, None).await?;
        let jar_id = self.jars.id(&self.starter, &job.name, launch).await?;
        Ok((jar_id, launch, checkpoint))
    }

    /// A job at the target that has the planned one's name, and is not it.
    fn namesake(&self, job: &PlannedJob) -> Option<&str> {
        // Both sides may be jobs of one Flink: then it is the planned one itself that is found.
        let is_other = |other: &&RunningJob| Some(&other.id) != job.source_job_id.as_ref();
        let mut others = self.running.iter().filter(is_other);
        let namesake = others.find(|other| other.name == job.name && !other.state.is_terminal());
        namesake.map(|other| other.id.as_str())
    }

    /// The checkpoint that the job is started from.
    async fn choose(
        &self,
        job: &PlannedJob,
        completed: Option<u64>,
    ) -> Result<Checkpoint, Failure> {
        // The plan was checked: it is a place.
        let job_dir = Location::parse(&job.job_dir).unwrap_or_else(|_| self.root.clone());
        if let Some(completed) = completed {
            self.catch_up(job, &job_dir, completed).await?;
        }
        let roots = std::slice::from_ref(&self.root);
        let found = newest_usable(self.place, &job_dir, roots).await;
        let mut checkpoint = found.map_err(Failure::NoCheckpoint)?.checkpoint;
        let planned = &job.checkpoint;
        if checkpoint.id < planned.id && !self.options.accept_older {
            return Err(Failure::Older {
                planned: planned.id,
                found: checkpoint.id,
            });
        }
        checkpoint.triggered_at_ms = if checkpoint.id == planned.id {
            planned.triggered_at_ms
        } else {
            self.triggered_at_ms(job, checkpoint.id).await
        };
        Ok(checkpoint)
    }

    /// When a checkpoint was triggered, if the catalogue tells.
    async fn triggered_at_ms(&self, job: &PlannedJob, id: u64) -> Option<u64> {
        let job_id = job.source_job_id.as_ref()?;
        let store = &*self.place.store;
        let entry = audit::catalogue_entry(store, &self.root, job_id).await;
        let entry = entry.ok().flatten()?;
        (entry.newest_published_id == id).then_some(entry.triggered_at_ms)
    }

    async fn wait(
        &self,
        job: &PlannedJob,
        submitted: Submitted,
        stopped: Option<&Stopped>,
    ) -> Result<Switched, Failure> {
        let running_after_ms = self.starter.running(&job.name, &submitted).await?;
        let first_checkpoint_after_ms =
            self.starter.first_checkpoint(&job.name, &submitted).await?;
        let ended = stopped.filter(|stopped| stopped.certain);
        let ended_at_ms = ended.map_or(submitted.began_at_ms, |stopped| stopped.at_ms);
        let done = Done {
            rpo_ms: ended_at_ms.saturating_sub(submitted.checkpoint.as_of_ms()),
            running_after_ms,
            first_checkpoint_after_ms,
        };
        self.journal.done(&job.name, &done)?;
        Ok(Switched {
            job_id: submitted.job_id,
            checkpoint: submitted.checkpoint,
            done,
            earlier: false,
        })
    }

    fn tell(&self, job: &PlannedJob, step: Step) {
        self.starter.tell(&job.name, step);
    }
}

/// The jars that this apply has uploaded: each once, however many jobs are in it.
#[derive(Debug, Default)]
pub(crate) struct Jars(Mutex<HashMap<PathBuf, Arc<OnceCell<String>>>>);

impl Jars {
    /// The id of a job's jar at the target.
    pub(crate) async fn id(
        &self,
        starter: &Starter<'_>,
        job: &str,
        launch: &Launch,
    ) -> Result<String, FlinkError> {
        let path = match &launch.jar {
            Jar::Uploaded(id) => return Ok(id.clone()),
            Jar::File(path) => path,
        };
        starter.tell(job, Step::Uploading);
        let cell = {
            let mut jars = self.0.lock().await;
            jars.entry(path.to_owned()).or_default().clone()
        };
        let id = cell.get_or_try_init(|| starter.flink.upload(path)).await?;
        Ok(id.clone())
    }
}

/// As Flink writes one: 32 hexadecimal digits.
pub(crate) fn new_job_id() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}
