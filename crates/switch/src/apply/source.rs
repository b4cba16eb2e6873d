//! A job's end at the source: made sure of, or refused. Refuses to take silence for an end, unless
//! a person answers for it.

use std::time::Duration;

use audit::Location;
use tokio::time::Instant;

use super::{Failure, Options, Step, Switch};
use crate::journal::Stopped;
use crate::{Flink, FlinkError, PlannedJob, RunningJob};

/// The source's Flink, as it was when the apply began.
#[derive(Debug)]
pub(super) enum Source<'a> {
    /// It answers.
    Answers(&'a Flink, Vec<RunningJob>),
    /// It does not, or it is not known where it is.
    Silent(String),
}

impl<'a> Source<'a> {
    pub(super) async fn look(flink: Option<&'a Flink>) -> Self {
        let Some(flink) = flink else {
            return Self::Silent("the plan has no address of its Flink".to_owned());
        };
        match flink.jobs().await {
            Ok(jobs) => Self::Answers(flink, jobs),
            Err(error) => Self::Silent(error.to_string()),
        }
    }
}

impl Switch<'_> {
    /// Ends the job at the source, and waits until it has ended.
    pub(super) async fn stop(&self, job: &PlannedJob) -> Result<Stopped, Failure> {
        let (flink, jobs) = match &self.source {
            Source::Answers(flink, jobs) => (*flink, jobs),
            Source::Silent(_) if self.options.source_is_dead => return Ok(stopped(false, None)),
            Source::Silent(why) => return Err(Failure::SourceSilent(why.clone())),
        };
        let planned = job.source_job_id.as_deref().unwrap_or_default();
        let alive = |other: &&RunningJob| !other.state.is_terminal();
        let mut alive = jobs.iter().filter(alive);
        if let Some(other) = alive
            .clone()
            .find(|other| other.name == job.name && other.id != planned)
        {
            return Err(Failure::RunsUnderOtherId {
                running: other.id.clone(),
                planned: planned.to_owned(),
            });
        }
        if alive.any(|other| other.id == planned) {
            self.tell(job, Step::Stopping);
            self.end(flink, planned).await?;
        }
        if planned.is_empty() {
            return Ok(stopped(true, None));
        }
        let newest = flink.newest_completed(planned).await;
        let newest = newest.map_err(|error| silent(&error))?;
        Ok(stopped(true, newest.map(|newest| newest.id)))
    }

    /// Cancels until Flink has heard it, and waits for the end.
    async fn end(&self, flink: &Flink, job_id: &str) -> Result<(), Failure> {
        let until = Instant::now() + self.options.stop;
        let mut heard = false;
        loop {
            if !heard {
                // A refusal is that of a job which is ending already: its state tells.
                heard = !matches!(flink.cancel(job_id).await, Err(error) if error.is_silence());
            }
            let is_over = Instant::now() >= until;
            match flink.job_state(job_id).await {
                // A job that is not known any more has ended before it was forgotten.
                Ok(None) => return Ok(()),
                Ok(Some(state)) if state.is_terminal() => return Ok(()),
                Ok(Some(state)) if is_over => {
                    return Err(Failure::StillRuns {
                        job_id: job_id.to_owned(),
                        state: state.as_str().to_owned(),
                        limit: self.options.stop,
                    });
                }
                Err(error) if is_over => return Err(silent(&error)),
                Ok(Some(_)) | Err(_) => tokio::time::sleep(self.options.poll).await,
            }
        }
    }

    /// Waits until the target has what the source has completed.
    pub(super) async fn catch_up(
        &self,
        job: &PlannedJob,
        job_dir: &Location,
        completed: u64,
    ) -> Result<(), Failure> {
        let Options {
            catch_up: limit,
            accept_older,
            ..
        } = *self.options;
        let limit = if accept_older { Duration::ZERO } else { limit };
        let until = Instant::now() + limit;
        loop {
            let store = &*self.place.store;
            let published = audit::published_of_job(store, job_dir).await;
            let newest = published.as_ref().ok().and_then(|all| all.last());
            let newest = newest.map(|newest| newest.id);
            if accept_older || newest.is_some_and(|newest| newest >= completed) {
                return Ok(());
            }
            if Instant::now() >= until {
                return Err(match published {
                    Err(error) => Failure::NoCheckpoint(crate::NoneUsable::Silent(error)),
                    Ok(_) => Failure::Behind {
                        completed,
                        published: newest,
                        limit,
                    },
                });
            }
            self.tell(job, Step::CatchingUp { newest, completed });
            tokio::time::sleep(self.options.poll).await;
        }
    }
}

fn silent(error: &FlinkError) -> Failure {
    Failure::SourceSilent(error.to_string())
}

fn stopped(certain: bool, newest_completed_id: Option<u64>) -> Stopped {
    Stopped {
        certain,
        at_ms: audit::now_ms(),
        newest_completed_id,
    }
}
