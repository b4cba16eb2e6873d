//! A rehearsal of a switch: a job is started from its checkpoint on a Flink that is not its own,
//! until it has completed a checkpoint there, and is ended again. Refuses to claim the checkpoint,
//! to start a job where one of its name runs, and to leave what it has started.

use std::time::Duration;

use audit::{Location, Place};
use futures::{StreamExt as _, stream};
use tokio::time::Instant;

use crate::apply::{Jars, Starter, new_job_id};
use crate::journal::Submitted;
use crate::newest::newest_usable;
use crate::{
    Checkpoint, ClaimMode, Failure, Flink, FlinkError, Launch, NoneUsable, Options, RunningJob,
    Step,
};

/// A job to be rehearsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rehearsal {
    /// Its name.
    pub name: String,
    /// Where its checkpoints are.
    pub job_dir: Location,
    /// How; none if no jar is given for it.
    pub launch: Option<Launch>,
}

/// How a rehearsal ended.
#[derive(Debug)]
pub struct Drilled {
    /// The job's name.
    pub name: String,
    /// How it ended.
    pub result: Result<Rehearsed, DrillFailure>,
}

/// A job has run from its checkpoint, and does not run any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rehearsed {
    /// Its id on that Flink.
    pub job_id: String,
    /// What it was started from: the newest that was usable then.
    pub checkpoint: Checkpoint,
    /// From the start, in milliseconds.
    pub running_after_ms: u64,
    /// The same until its first checkpoint; none if it came to its end before.
    pub first_checkpoint_after_ms: Option<u64>,
}

/// Why a rehearsal did not succeed. Its text says what to do next.
#[derive(Debug, thiserror::Error)]
pub enum DrillFailure {
    /// The jobs file does not say how.
    #[error("not started: no jar is given for it in the jobs file")]
    NoJar,
    /// There is nothing to start it from.
    #[error("not started: {0}. See dualwrite verify")]
    NoCheckpoint(NoneUsable),
    /// A job of that name runs there.
    #[error(
        "not started: a job of this name runs on this Flink as {0}, and two of it would write \
         everything twice. Drill on another Flink"
    )]
    RunsThere(String),
    /// That Flink.
    #[error("{0}")]
    Flink(FlinkError),
    /// It did not come to its first checkpoint, and was ended.
    #[error("started, and ended again: {0}")]
    Failed(String),
    /// It cannot be made sure that it has ended.
    #[error("job {job_id} may still run on this Flink: {why}. Cancel it there. {after}")]
    Left {
        /// Its id there.
        job_id: String,
        /// What is known.
        why: String,
        /// What had come before.
        after: String,
    },
}

impl DrillFailure {
    /// Whether it is only not known how things are.
    pub fn is_silence(&self) -> bool {
        match self {
            Self::NoCheckpoint(NoneUsable::Silent(_)) => true,
            Self::Flink(error) => error.is_silence(),
            _ => false,
        }
    }
}

/// Rehearses jobs on a Flink from their checkpoints at `place`, the directory of the copies: an
/// outcome of each, in their order. `watch` hears of each step.
///
/// # Errors
/// When that Flink does not answer: then nothing was done.
pub async fn drill(
    jobs: &[Rehearsal],
    place: &Place,
    flink: &Flink,
    options: &Options,
    watch: &(dyn Fn(&str, Step) + Sync),
) -> Result<Vec<Drilled>, FlinkError> {
    let drill = Drill {
        place,
        starter: Starter::new(flink, options, watch).await?,
        running: flink.jobs().await?,
        jars: Jars::default(),
    };
    let drilled = jobs.iter().map(|job| async {
        let result = drill.job(job).await;
        drill.starter.tell(&job.name, Step::Over);
        Drilled {
            name: job.name.clone(),
            result,
        }
    });
    let drilled = stream::iter(drilled).buffered(options.concurrency.max(1));
    Ok(drilled.collect().await)
}

struct Drill<'a> {
    place: &'a Place,
    starter: Starter<'a>,
    /// What runs there when the drill begins.
    running: Vec<RunningJob>,
    jars: Jars,
}

impl Drill<'_> {
    async fn job(&self, job: &Rehearsal) -> Result<Rehearsed, DrillFailure> {
        let launch = job.launch.as_ref().ok_or(DrillFailure::NoJar)?;
        let mut running = self.running.iter();
        let namesake = running.find(|other| other.name == job.name && !other.state.is_terminal());
        if let Some(namesake) = namesake {
            return Err(DrillFailure::RunsThere(namesake.id.clone()));
        }
        let jar_id = self.jars.id(&self.starter, &job.name, launch).await;
        let jar_id = jar_id.map_err(DrillFailure::Flink)?;
        // The checkpoint is needed on the day that is rehearsed.
        let launch = Launch {
            claim_mode: ClaimMode::NoClaim,
            ..launch.clone()
        };
        // Chosen last: the job publishes and retires checkpoints all the while.
        let roots = std::slice::from_ref(&self.place.location);
        let found = newest_usable(self.place, &job.job_dir, roots).await;
        let submitted = Submitted {
            job_id: new_job_id(),
            checkpoint: found.map_err(DrillFailure::NoCheckpoint)?.checkpoint,
            began_at_ms: audit::now_ms(),
        };
        let result = self.rehearse(&job.name, &launch, &jar_id, &submitted).await;
        // Also if its start has failed: the answer may be lost, and the job there.
        self.starter.tell(&job.name, Step::Stopping);
        match (self.end(&submitted.job_id).await, result) {
            (Ok(()), result) => result,
            (Err(why), result) => Err(DrillFailure::Left {
                job_id: submitted.job_id,
                why,
                after: match result {
                    Ok(_) => "It had completed its first checkpoint".to_owned(),
                    Err(failure) => format!("Before that: {failure}"),
                },
            }),
        }
    }

    async fn rehearse(
        &self,
        name: &str,
        launch: &Launch,
        jar_id: &str,
        submitted: &Submitted,
    ) -> Result<Rehearsed, DrillFailure> {
        let starter = &self.starter;
        let steps = async {
            starter.start(name, launch, jar_id, submitted).await?;
            let running_after_ms = starter.running(name, submitted).await?;
            let first_checkpoint_after_ms = starter.first_checkpoint(name, submitted).await?;
            Ok(Rehearsed {
                job_id: submitted.job_id.clone(),
                checkpoint: submitted.checkpoint.clone(),
                running_after_ms,
                first_checkpoint_after_ms,
            })
        };
        steps.await.map_err(failure)
    }

    /// Ends a job, and waits until it has ended.
    async fn end(&self, job_id: &str) -> Result<(), String> {
        let Options { stop, poll, .. } = *self.starter.options;
        let flink = self.starter.flink;
        let until = Instant::now() + stop;
        let mut heard = false;
        loop {
            let why = match flink.job_state(job_id).await {
                Ok(None) => return Ok(()),
                Ok(Some(state)) if state.is_terminal() => return Ok(()),
                Ok(Some(state)) => {
                    if !heard {
                        // A refusal is that of a job which is ending already: its state tells.
                        let cancelled = flink.cancel(job_id).await;
                        heard = !matches!(cancelled, Err(error) if error.is_silence());
                    }
                    format!("it is {} {} after", state.as_str(), seconds(stop))
                }
                Err(error) => error.to_string(),
            };
            if Instant::now() >= until {
                return Err(why);
            }
            tokio::time::sleep(poll).await;
        }
    }
}

/// What a switch would say, without what it would do next.
fn failure(failure: Failure) -> DrillFailure {
    let text = match failure {
        Failure::Flink(error) => return DrillFailure::Flink(error),
        Failure::Ended { state, why, .. } => format!("it was {state}: {why}"),
        Failure::NotRunning {
            state, why, limit, ..
        } => format!("it was {state} after {}: {why}", seconds(limit)),
        Failure::NoFirstCheckpoint { why, limit, .. } => {
            let limit = seconds(limit);
            format!("it ran, and had completed no checkpoint after {limit}: {why}")
        }
        other => other.to_string(),
    };
    DrillFailure::Failed(text)
}

fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs())
}
