//! A process of Flink with the whole replicator in it, and the places that processes have in a
//! cluster: where one has died, another is started. Refuses to know what Flink does with them.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use replicator::{JobHandle, Opener, Replicator, Surroundings, from_pairs};
use store::Store;
use telemetry::Metrics;
use tokio::runtime::Handle;

use crate::body::{Body, Crash, Fatal, Fatality, JobCounts, Limits};
use crate::disk::LocalDisk;
use crate::faults::Cluster;
use crate::link::Link;
use crate::plan::{Plan, chance, weighted};
use crate::world::{PRIMARY, SECONDARY, World};

/// One process and its program.
pub struct Process {
    pub body: Arc<Body>,
    pub replicator: Replicator,
}

/// What a process does in a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    JobManager,
    TaskManager,
}

impl Process {
    fn start(world: &Arc<World>, role: Role, name: String) -> Arc<Self> {
        let plan = &world.plan;
        let metrics = Metrics::new().unwrap();
        let crash = world.draw(|rng| crash(rng, role, plan));
        let bytes = |chunks| i64::try_from(plan.chunk * chunks).unwrap();
        let limits = Limits {
            memory: bytes(plan.chunks),
            spill: bytes(plan.spill_chunks),
        };
        let body =
            world.add(|number| Body::new(number, name, (Arc::clone(&metrics), limits), crash));
        world.note(&body.name, "starts", "");
        let writer_id = world.draw(|rng| format!("{:016x}{:016x}", rng.u64(..), rng.u64(..)));
        let opener: Opener = {
            let (world, body) = (Arc::clone(world), Arc::clone(&body));
            Arc::new(move |location, options| {
                let cluster = match location.authority() {
                    "primary" => Cluster::Primary,
                    _ => Cluster::Secondary,
                };
                let limit_ms = u64::try_from(options.call_timeout.as_millis()).unwrap();
                let (world, body) = (Arc::clone(&world), Arc::clone(&body));
                let link = Link {
                    world,
                    body,
                    cluster,
                    limit_ms,
                };
                Ok(Arc::new(link) as Arc<dyn Store>)
            })
        };
        let (mut settings, _) = from_pairs(&pairs(world, role, "00")).unwrap();
        settings.stride_at_most = plan.stride_at_most;
        let surroundings = Surroundings {
            opener,
            disks: LocalDisk::opener(world, &body),
            writer_id,
        };
        let runtime = Handle::current();
        let replicator = Replicator::start_in(surroundings, settings, metrics, &runtime);
        Arc::new(Self { body, replicator })
    }

    /// Opens a job, or makes the process its leader again.
    pub fn open(&self, world: &World, role: Role, job: &str) -> JobHandle {
        let (_, spec) = from_pairs(&pairs(world, role, job)).unwrap();
        let handle = self.replicator.open_job(spec).unwrap();
        if role == Role::JobManager {
            let counts = JobCounts::new(&self.body.metrics.job("", job));
            self.body
                .jobs
                .lock()
                .unwrap()
                .insert(job.to_owned(), counts);
        }
        world.note(&self.body.name, "opens", job);
        handle
    }

    /// Ends as a JVM does that is told to: uploads have a while.
    pub async fn shut_down(&self, world: &World) {
        self.replicator.drain(Duration::from_secs(1)).await;
        world.die(&self.body);
    }

    pub fn count_session(&self) {
        self.body.sessions.fetch_add(1, Ordering::Relaxed);
    }
}

fn crash(rng: &mut fastrand::Rng, role: Role, plan: &Plan) -> Option<Crash> {
    let still = role == Role::JobManager && chance(rng, plan.still);
    if !still && !chance(rng, plan.crash) {
        return None;
    }
    let (call, most) = match (role, weighted(rng, &[30, 20, 20, 20, 10])) {
        (Role::TaskManager, 0 | 1) => (Fatal::Close, 20),
        (Role::TaskManager, 2 | 3) => (Fatal::Rename, 20),
        (Role::JobManager, 0) => (Fatal::Publish, 6),
        (Role::JobManager, 1) => (Fatal::Unlink, 4),
        (Role::JobManager, 2) => (Fatal::DeleteState, 6),
        (Role::JobManager, 3) => (Fatal::Claim, 1),
        _ => (Fatal::Any, 200),
    };
    Some(Crash {
        call,
        nth: rng.u64(1..=most),
        end: if still {
            Fatality::StandsStill(rng.u64(0..plan.longest_still()))
        } else {
            let takes_effect = rng.bool();
            Fatality::Dies { takes_effect }
        },
    })
}

fn pairs(world: &World, role: Role, job: &str) -> Vec<String> {
    let plan = &world.plan;
    let role = match role {
        Role::JobManager => "coordinator",
        Role::TaskManager => "worker",
    };
    let numbers = [
        ("chunk.size", plan.chunk as u64),
        ("buffer.memory", (plan.chunk * plan.chunks) as u64),
        ("spill.max-size", (plan.chunk * plan.spill_chunks) as u64),
        ("upload.concurrency", plan.concurrency as u64),
        ("call.timeout", plan.call_timeout),
        ("secondary.retained", plan.retained as u64),
        ("retention.grace", plan.retention_grace),
        ("publish.timeout", plan.publish_timeout),
        ("backfill.grace", plan.backfill_grace),
    ];
    let texts = [
        ("job.id", job),
        ("job.role", role),
        ("primary.dir", PRIMARY),
        ("secondary.dir", SECONDARY),
    ];
    let texts = texts.map(|(key, value)| (key, value.to_owned()));
    let numbers = numbers.map(|(key, value)| (key, value.to_string()));
    let pairs = texts.into_iter().chain(numbers);
    pairs
        .flat_map(|(key, value)| [key.to_owned(), value])
        .collect()
}

/// A place for a process. Clones are the same place.
#[derive(Clone)]
pub struct Place(Arc<Inner>);

struct Inner {
    world: Arc<World>,
    role: Role,
    name: String,
    process: Mutex<(u64, Arc<Process>)>,
}

impl Place {
    /// With a process in it.
    pub fn new(world: &Arc<World>, role: Role, name: &str) -> Self {
        let process = Process::start(world, role, format!("{name}.0"));
        Self(Arc::new(Inner {
            world: Arc::clone(world),
            role,
            name: name.to_owned(),
            process: Mutex::new((0, process)),
        }))
    }

    pub fn process(&self) -> Arc<Process> {
        Arc::clone(&self.0.process.lock().unwrap().1)
    }

    /// The process in it, another one if that is dead.
    pub fn revived(&self) -> Arc<Process> {
        let process = self.process();
        if process.body.is_dead() {
            return self.replaced();
        }
        process
    }

    /// A new process in it, whatever becomes of the one before.
    pub fn replaced(&self) -> Arc<Process> {
        let inner = &self.0;
        let mut process = inner.process.lock().unwrap();
        process.0 += 1;
        let name = format!("{}.{}", inner.name, process.0);
        process.1 = Process::start(&inner.world, inner.role, name);
        Arc::clone(&process.1)
    }
}
