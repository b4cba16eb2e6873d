//! What is left of a process when its program is taken away: its name, its limits, and whether it
//! lives. A dead one's calls never end and, unless they were on their way, have no effect: that is
//! all that others see of a crash. Refuses to come back to life.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use prometheus::IntCounter;
use replicator::Unpublishable;
use store::ErrorKind;
use telemetry::{JobMetrics, Metrics};

use crate::faults::{Cluster, Fate};
use crate::link::Link;
use crate::names::{Kind, kind};
use crate::world::{World, for_ever, sleep_ms};

/// Offers that are not read yet and checkpoints that wait, at most (docs/publish-protocol.md).
const UNSETTLED_AT_MOST: u64 = 8 + 16;
/// Unanswered calls in a row, after which nothing is asked but by a probe.
const SILENT_AT_MOST: u32 = 3;

/// What a command counts. One for all, as making one takes longer than many a command.
static NOTHING: LazyLock<Arc<Metrics>> = LazyLock::new(|| Metrics::new().unwrap());

/// A process, as others see it.
pub struct Body {
    pub number: usize,
    pub name: String,
    pub metrics: Arc<Metrics>,
    pub limits: Limits,
    /// Streams that were opened in it.
    pub sessions: AtomicU64,
    /// Files that were completed in it, by their paths below the root.
    pub sealed: Mutex<Vec<String>>,
    /// By job, where it is a JobManager.
    pub jobs: Mutex<BTreeMap<String, JobCounts>>,
    dead: AtomicBool,
    /// Until when it stands still, in milliseconds.
    still: AtomicU64,
    crash: Mutex<Option<Crash>>,
    silent: AtomicU32,
    /// An operator's command, which has neither streams nor a breaker.
    is_command: bool,
}

/// Bytes that streams may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub memory: i64,
    pub spill: i64,
}

/// What a JobManager counts of a job.
#[derive(Debug)]
pub struct JobCounts {
    offered: IntCounter,
    /// What became of them, with its name.
    settled: Vec<(&'static str, IntCounter)>,
    retired: IntCounter,
}

impl JobCounts {
    pub fn new(metrics: &JobMetrics) -> Self {
        let given_up = Unpublishable::ALL.map(|reason| (reason, metrics.unpublishable(reason)));
        let published = [
            ("published", metrics.published.clone()),
            ("superseded", metrics.superseded.clone()),
        ];
        Self {
            offered: metrics.offered.clone(),
            settled: published.into_iter().chain(given_up).collect(),
            retired: metrics.retired.clone(),
        }
    }

    /// Offered checkpoints of which nothing was said yet.
    fn unsettled(&self) -> i64 {
        let settled = self.settled.iter().map(|(_, counter)| counter.get());
        self.offered.get().cast_signed() - settled.sum::<u64>().cast_signed()
    }

    /// How many checkpoints have come to each end.
    pub fn counted(&self) -> Vec<(&'static str, u64)> {
        let ends = self.settled.iter();
        let ends = ends.map(|(what, counter)| (*what, counter.get()));
        ends.chain([("retired", self.retired.get())]).collect()
    }
}

/// In which call a process dies.
#[derive(Debug, Clone, Copy)]
pub struct Crash {
    pub call: Fatal,
    /// The how many-th of them, from 1.
    pub nth: u64,
    /// What becomes of the process.
    pub end: Fatality,
}

/// What a call that is fatal does to its process.
#[derive(Debug, Clone, Copy)]
pub enum Fatality {
    /// It dies; the call may take effect.
    Dies { takes_effect: bool },
    /// It stands still for so many milliseconds before the call is made.
    StandsStill(u64),
}

/// Calls that a process may die or stand still in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fatal {
    Any,
    Close,
    Rename,
    Publish,
    Unlink,
    DeleteState,
    Claim,
}

impl Fatal {
    fn is(self, (operation, path, to): (&str, &str, &str)) -> bool {
        let is_metadata = |path| matches!(kind(path), Kind::Metadata(..));
        match self {
            Self::Any => true,
            Self::Close => operation == "close",
            Self::Rename => operation == "rename",
            Self::Publish => operation == "rename" && is_metadata(to),
            Self::Unlink => kind(to) == Kind::Going && is_metadata(path),
            Self::DeleteState => kind(to) == Kind::Going && kind(path) == Kind::State,
            Self::Claim => operation == "replace" && matches!(kind(to), Kind::Owner(_)),
        }
    }
}

impl Body {
    pub fn new(
        number: usize,
        name: String,
        (metrics, limits): (Arc<Metrics>, Limits),
        crash: Option<Crash>,
    ) -> Arc<Self> {
        Arc::new(Self::as_process(number, name, (metrics, limits), crash))
    }

    /// One of an operator's command.
    pub fn command(number: usize, name: String, crash: Option<Crash>) -> Arc<Self> {
        let limits = Limits {
            memory: 0,
            spill: 0,
        };
        let body = Self::as_process(number, name, (Arc::clone(&NOTHING), limits), crash);
        Arc::new(Self {
            is_command: true,
            ..body
        })
    }

    fn as_process(
        number: usize,
        name: String,
        (metrics, limits): (Arc<Metrics>, Limits),
        crash: Option<Crash>,
    ) -> Self {
        Self {
            number,
            name,
            metrics,
            limits,
            sessions: AtomicU64::new(0),
            sealed: Mutex::default(),
            jobs: Mutex::default(),
            dead: AtomicBool::new(false),
            still: AtomicU64::new(0),
            crash: Mutex::new(crash),
            silent: AtomicU32::new(0),
            is_command: false,
        }
    }

    pub fn is_dead(&self) -> bool {
        self.dead.load(Ordering::Relaxed)
    }

    pub fn die(&self) {
        self.dead.store(true, Ordering::Relaxed);
    }

    /// Whether it does nothing at the moment, as one whose machine is suspended: what it is about
    /// to ask is asked later, and what was answered is heard later.
    pub fn is_still(&self, now: u64) -> bool {
        now < self.still.load(Ordering::Relaxed)
    }

    /// From now on, for so many milliseconds; not beyond the storm.
    pub fn stand_still(&self, world: &World, long: u64) {
        world.trace.count("stands still");
        let until = world.plan.storm.min(world.now() + long);
        self.still.fetch_max(until, Ordering::Relaxed);
    }

    /// Waits until it goes on.
    pub async fn goes_on(&self, world: &World) {
        loop {
            let until = self.still.load(Ordering::Relaxed);
            let now = world.now();
            if now >= until {
                return;
            }
            sleep_ms(until - now).await;
        }
    }

    /// A call is about to be made. Never returns if the process is dead, or dies of it.
    pub async fn calls(&self, link: &Link, names: (&'static str, &str, &str)) -> Fate {
        if self.is_dead() {
            return for_ever().await;
        }
        self.keeps_its_limits(link, names);
        let world = &link.world;
        let fatality = self.is_fatal(link, names);
        if let Some(Fatality::StandsStill(long)) = fatality {
            let what = format!("{} {} {}", names.0, names.1, names.2);
            world.note(&self.name, "stands still before", &what);
            self.stand_still(world, long);
        }
        self.goes_on(world).await;
        let (operation, ..) = names;
        let now = world.now();
        let whose = (link.cluster, self.number);
        let weather = &world.plan.weather;
        let mut fate = world.draw(|rng| weather.fate(rng, now, whose, operation, link.limit_ms));
        if let Some(Fatality::Dies { takes_effect }) = fatality {
            fate.outlives = takes_effect;
            let what = format!("{operation} {} {}", names.1, names.2);
            world.note(&self.name, "dies in", &what);
            if Fatal::Publish.is(names) && !takes_effect {
                world
                    .trace
                    .count("crash between the write and the rename of `_metadata`");
            }
            world.die(self);
        }
        fate
    }

    fn is_fatal(&self, link: &Link, names: (&str, &str, &str)) -> Option<Fatality> {
        if !link.world.is_storm() || link.cluster == Cluster::Primary {
            return None;
        }
        let mut crash = self.crash.lock().unwrap();
        let planned = crash.as_mut().filter(|crash| crash.call.is(names))?;
        planned.nth -= 1;
        let end = planned.end;
        if planned.nth > 0 {
            return None;
        }
        *crash = None;
        Some(end)
    }

    fn keeps_its_limits(&self, link: &Link, (operation, path, _): (&str, &str, &str)) {
        let laws = &link.world.laws;
        let limits = [
            (self.metrics.buffer_used.get(), self.limits.memory),
            (self.metrics.spill_used.get(), self.limits.spill),
        ];
        for (used, limit) in limits.iter().filter(|(used, limit)| used > limit) {
            laws.breaks(9, format!("{used} bytes of {limit} are in use"));
        }
        for job in self.jobs.lock().unwrap().values() {
            let unsettled = job.unsettled();
            if !(0..=UNSETTLED_AT_MOST.cast_signed()).contains(&unsettled) {
                laws.breaks(9, format!("{unsettled} checkpoints wait"));
            }
        }
        let silent = self.silent.load(Ordering::Relaxed);
        // what is being written is not asked for; the first in-flight name is the probe's
        let is_probe = kind(path) == Kind::Inflight && path.ends_with("-0");
        let opens =
            !["write", "close", "abort"].contains(&operation) && !is_probe && !self.is_command;
        if link.cluster == Cluster::Secondary && silent >= SILENT_AT_MOST && opens {
            laws.breaks(
                9,
                format!("{operation} {path} after {silent} unanswered calls"),
            );
        }
    }

    /// Of a job's checkpoints a TaskManager takes one in so many.
    pub fn stride(&self, job: &str) -> u64 {
        self.metrics.stride("", job).get().cast_unsigned()
    }

    /// A call has ended.
    pub fn answered(&self, cluster: Cluster, error: Option<ErrorKind>) {
        if cluster == Cluster::Primary {
            return;
        }
        match error {
            Some(ErrorKind::Unavailable | ErrorKind::TimedOut) => {
                self.silent.fetch_add(1, Ordering::Relaxed);
            }
            _ => self.silent.store(0, Ordering::Relaxed),
        }
    }
}
