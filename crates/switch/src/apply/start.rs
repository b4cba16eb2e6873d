//! A job's start at the target, and the wait until it is safe there. Refuses to start a job twice:
//! the id of each start is on disk before Flink hears of it, and Flink takes an id once.

use std::time::Duration;

use audit::Published;
use tokio::time::Instant;

use super::{Failure, Options, Step, Switch};
use crate::flink::{JobState, Start};
use crate::journal::Submitted;
use crate::{Flink, FlinkError, Launch, NoneUsable};

/// So long a start whose answer was lost is looked for.
const LOST_ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// What became of a start that an earlier apply had asked for.
pub(super) enum Earlier {
    /// It is there.
    Started,
    /// Flink has never heard of it: the same id may be used.
    NeverArrived,
    /// It failed before it had done anything that lasts: another id is needed.
    Failed,
}

impl Switch<'_> {
    /// Looks after a start that an earlier apply had asked for.
    pub(super) async fn earlier(&self, submitted: &Submitted) -> Result<Earlier, Failure> {
        let job_id = &submitted.job_id;
        let went_on = |state: &str, checkpoint, path| Failure::WentOn {
            job_id: job_id.clone(),
            state: state.to_owned(),
            checkpoint,
            path,
        };
        match self.starter.flink.job_state(job_id).await? {
            // A Flink that was started anew has forgotten its jobs; their checkpoints are there.
            None => match self.left_behind(job_id).await? {
                None => Ok(Earlier::NeverArrived),
                Some(left) => Err(went_on("not known", left.id, left.dir.to_string())),
            },
            Some(state @ (JobState::Failed | JobState::Canceled)) => {
                match self.starter.flink.newest_completed(job_id).await? {
                    None => Ok(Earlier::Failed),
                    Some(newest) => {
                        let path = newest.path.unwrap_or_default();
                        Err(went_on(state.as_str(), newest.id, path))
                    }
                }
            }
            Some(_) => Ok(Earlier::Started),
        }
    }

    /// The newest checkpoint of a job at the target, if its directory has one.
    async fn left_behind(&self, job_id: &str) -> Result<Option<Published>, Failure> {
        let dir = self.root.join(job_id);
        let published = audit::published_of_job(&*self.place.store, &dir).await;
        let published =
            published.map_err(|error| Failure::NoCheckpoint(NoneUsable::Silent(error)))?;
        Ok(published.into_iter().next_back())
    }
}

/// What starts jobs on one Flink, and waits for them.
pub(crate) struct Starter<'a> {
    pub(crate) flink: &'a Flink,
    pub(crate) options: &'a Options,
    version: String,
    watch: &'a (dyn Fn(&str, Step) + Sync),
}

impl<'a> Starter<'a> {
    /// Asks for the version, by which some of what is sent is called.
    pub(crate) async fn new(
        flink: &'a Flink,
        options: &'a Options,
        watch: &'a (dyn Fn(&str, Step) + Sync),
    ) -> Result<Self, FlinkError> {
        Ok(Self {
            flink,
            options,
            version: flink.version().await?,
            watch,
        })
    }

    pub(crate) fn tell(&self, job: &str, step: Step) {
        (self.watch)(job, step);
    }

    /// Has the job started under the id that was recorded.
    pub(crate) async fn start(
        &self,
        job: &str,
        launch: &Launch,
        jar_id: &str,
        submitted: &Submitted,
    ) -> Result<(), Failure> {
        self.tell(job, Step::Starting);
        let start = Start {
            job_id: &submitted.job_id,
            launch,
            path: &submitted.checkpoint.path,
            flink_version: &self.version,
        };
        let Err(error) = self.flink.run(jar_id, start).await else {
            return Ok(());
        };
        // It may have arrived; and a refusal may be that of a second one.
        let limit = if error.is_silence() {
            LOST_ANSWER_LIMIT
        } else {
            Duration::ZERO
        };
        let until = Instant::now() + limit;
        loop {
            match self.flink.job_state(&submitted.job_id).await {
                Ok(Some(_)) => return Ok(()),
                Ok(None) | Err(_) if Instant::now() >= until => return Err(error.into()),
                Ok(None) | Err(_) => tokio::time::sleep(self.options.poll).await,
            }
        }
    }

    /// Waits until the job is running, and answers with the milliseconds since the apply began.
    pub(crate) async fn running(&self, job: &str, submitted: &Submitted) -> Result<u64, Failure> {
        let job_id = &submitted.job_id;
        let until = Instant::now() + self.options.start;
        loop {
            let state = self.flink.job_state(job_id).await;
            let name = match &state {
                Ok(Some(JobState::Running | JobState::Finished)) => return Ok(since(submitted)),
                Ok(Some(state)) if state.is_terminal() => {
                    return Err(self.ended(job_id, state).await);
                }
                Ok(Some(state)) => state.as_str().to_owned(),
                Ok(None) => "not known".to_owned(),
                Err(error) => error.to_string(),
            };
            if Instant::now() >= until {
                return Err(match state {
                    Err(error) => error.into(),
                    Ok(_) => Failure::NotRunning {
                        job_id: job_id.clone(),
                        state: name,
                        why: self.last_failure(job_id).await,
                        limit: self.options.start,
                    },
                });
            }
            self.tell(job, Step::Deploying(name));
            tokio::time::sleep(self.options.poll).await;
        }
    }

    /// Waits until the job has completed a checkpoint, and answers with the milliseconds since the
    /// apply began; none if it came to its end before.
    pub(crate) async fn first_checkpoint(
        &self,
        job: &str,
        submitted: &Submitted,
    ) -> Result<Option<u64>, Failure> {
        let job_id = &submitted.job_id;
        let until = Instant::now() + self.options.first_checkpoint;
        self.tell(job, Step::FirstCheckpoint);
        loop {
            let newest = self.flink.newest_completed(job_id).await;
            if matches!(newest, Ok(Some(_))) {
                return Ok(Some(since(submitted)));
            }
            match self.flink.job_state(job_id).await {
                Ok(Some(JobState::Finished)) => return Ok(None),
                Ok(Some(state)) if state.is_terminal() => {
                    return Err(self.ended(job_id, &state).await);
                }
                Ok(_) | Err(_) => {}
            }
            if Instant::now() >= until {
                newest?;
                return Err(Failure::NoFirstCheckpoint {
                    job_id: job_id.clone(),
                    why: self.last_failure(job_id).await,
                    limit: self.options.first_checkpoint,
                });
            }
            tokio::time::sleep(self.options.poll).await;
        }
    }

    async fn ended(&self, job_id: &str, state: &JobState) -> Failure {
        Failure::Ended {
            job_id: job_id.to_owned(),
            state: state.as_str().to_owned(),
            why: self.last_failure(job_id).await,
        }
    }

    async fn last_failure(&self, job_id: &str) -> String {
        let told = self.flink.last_failure(job_id).await;
        let why = told.unwrap_or_else(|error: FlinkError| Some(error.to_string()));
        why.unwrap_or_else(|| "it has not failed since; see its JobManager's log".to_owned())
    }
}

fn since(submitted: &Submitted) -> u64 {
    audit::now_ms().saturating_sub(submitted.began_at_ms)
}
