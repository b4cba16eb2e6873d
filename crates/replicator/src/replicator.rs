//! The process's replicator: its jobs, its background tasks, its end.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use telemetry::Metrics;
use tokio::runtime::Handle;
use tokio::time::{interval, timeout};

use crate::backfill;
use crate::job::{Job, Opener, Shared};
use crate::publish::{Offer, Publisher};
use crate::reason::{Fate, Reason};
use crate::session::Session;
use crate::settings::{JobSpec, Role, Settings};
use crate::spill::{self, DiskOpener};
use crate::stream::{Scope, Stream};

/// Unused room on local disk is given back after twice this at most, and numbers for the log are
/// looked at.
const TICK_EVERY: Duration = Duration::from_secs(15);
/// And unused memory after twice so many ticks at most: not between two checkpoints, because
/// Flink's thread pays for each page that it fills for the first time, more than the copy takes.
const TICKS_OF_MEMORY: u32 = 40;

/// All jobs of one process. Cheap to clone.
#[derive(Clone)]
pub struct Replicator {
    pub(crate) shared: Arc<Shared>,
    pub(crate) jobs: Arc<Mutex<HashMap<(String, Role), JobHandle>>>,
}

/// An opened job. Cheap to clone.
#[derive(Clone)]
pub struct JobHandle {
    job: Arc<Job>,
    /// Only a coordinator publishes.
    publisher: Option<Publisher>,
}

/// What a process finds around it.
pub struct Surroundings {
    /// Opens clusters.
    pub opener: Opener,
    /// Opens the disks of the spill.
    pub disks: DiskOpener,
    /// A name for the process, random enough for no other to have it: it is in the names of what it
    /// is writing. Whatever it does at random follows from it.
    pub writer_id: String,
}

impl Surroundings {
    /// Real clusters, files in the configured directories, a name of 32 random digits.
    pub fn real(settings: &Settings) -> Self {
        Self {
            opener: Arc::new(
                |location, options| Ok(store::open(&location.to_string(), options)?.0),
            ),
            disks: spill::files(settings.spill_dirs.clone()),
            writer_id: ownership::process_id(),
        }
    }
}

impl Replicator {
    /// Starts the background tasks on `runtime`.
    pub fn start(mut settings: Settings, metrics: Arc<Metrics>, runtime: &Handle) -> Self {
        if settings.spill_dirs.is_empty() {
            settings.spill_size = 0;
        }
        let surroundings = Surroundings::real(&settings);
        Self::start_in(surroundings, settings, metrics, runtime)
    }

    /// The same in other surroundings than the real ones.
    pub fn start_in(
        surroundings: Surroundings,
        settings: Settings,
        metrics: Arc<Metrics>,
        runtime: &Handle,
    ) -> Self {
        let shared = Shared::new(surroundings, settings, metrics, runtime.clone());
        for _ in 0..spill::SPILLERS {
            runtime.spawn(spill::work(Arc::clone(&shared)));
        }
        for _ in 0..backfill::COPIES_AT_ONCE {
            runtime.spawn(backfill::work(Arc::clone(&shared)));
        }
        let ticking = Arc::clone(&shared);
        runtime.spawn(async move {
            let mut ticks = interval(TICK_EVERY);
            for tick in (1..=TICKS_OF_MEMORY).cycle() {
                ticks.tick().await;
                if tick == TICKS_OF_MEMORY {
                    ticking.pool.trim();
                }
                ticking.spill.trim();
                say(ticking.said.due());
            }
        });
        Self {
            shared,
            jobs: Arc::default(),
        }
    }

    /// Opens a job, or gives the one that is open under this id and role; a coordinator that is
    /// opened again takes the ownership again.
    ///
    /// # Errors
    /// When an address or a configuration directory cannot be right; no cluster is asked.
    pub fn open_job(&self, spec: JobSpec) -> store::Result<JobHandle> {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = match jobs.entry((spec.id.clone(), spec.role)) {
            Entry::Occupied(open) => {
                if let Some(publisher) = &open.get().publisher {
                    publisher.claim_again();
                }
                return Ok(open.get().clone());
            }
            Entry::Vacant(entry) => entry,
        };
        let (name, role) = (spec.name.clone(), spec.role);
        let job = Job::open(spec, Arc::clone(&self.shared))?;
        tracing::info!(
            "Checkpoints of job {} ({}) go to {} too.",
            job.spec.id,
            if name.is_empty() { "no name" } else { &name },
            job.spec.secondary_dir
        );
        if role == Role::Worker {
            job.shared.metrics.stride(&name, &job.spec.id).set(1);
        }
        let publisher = (role == Role::Coordinator).then(|| Publisher::start(Arc::clone(&job)));
        Ok(entry.insert(JobHandle { job, publisher }).clone())
    }

    /// Waits until the uploads that are under way have ended, for `limit` at most, and has the log
    /// told what was only counted. Gives how many have not ended.
    pub async fn drain(&self, limit: Duration) -> usize {
        self.shared.uploads.close();
        let _ = timeout(limit, self.shared.uploads.wait()).await;
        say(self.shared.said.rest());
        self.shared.uploads.len()
    }
}

fn say(lines: Vec<String>) {
    for line in lines {
        tracing::info!("{line}");
    }
}

impl JobHandle {
    /// Opens a session for one stream of the primary. None: refused, because the secondary does not
    /// answer; the file's name then goes to [`JobHandle::missed`]. A session whose checkpoint is
    /// left out leases nothing.
    pub fn open_session(&self, stream: Stream) -> Option<Session> {
        let metrics = &self.job.shared.metrics;
        metrics.sessions_opened.inc();
        if !self.job.secondary.is_up() {
            let fate = Fate::default();
            self.job
                .abandoned(&stream, &fate, Reason::SecondaryDown, None);
            return None;
        }
        let takes = self.job.enter(stream.checkpoint);
        let session = Session::new(Arc::clone(&self.job), stream, !takes);
        // what another checkpoint may name is kept if there is room, the rest is of no use
        let is_kept = stream.scope != Scope::Exclusive && self.job.shared.spill.is_on();
        if !takes && !is_kept {
            session.refuse(Reason::Stride);
        }
        Some(session)
    }

    /// The primary completed a file that had no session: it goes to backfill.
    pub fn missed(&self, path: &str, size: u64) {
        self.job.backfill(path, size);
    }

    /// Offers a checkpoint whose `_metadata` is durable on the primary. False: refused, because the
    /// job was opened as a worker.
    pub fn offer(&self, offer: Offer) -> bool {
        let publisher = self.publisher.as_ref();
        publisher.map(|publisher| publisher.offer(offer)).is_some()
    }
}
