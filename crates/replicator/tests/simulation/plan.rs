//! What a seed decides before anything happens: how many jobs and processes there are, how they are
//! configured, and how rough it gets. It refuses to decide what happens in a run: that is drawn
//! from the same seed as it goes.

use fastrand::Rng;

use crate::faults::Weather;

/// How long after its time limit a call may still take effect, in milliseconds. The protocol's
/// grace period must be longer.
pub const LATE_AT_MOST_MS: u64 = 800;

/// One run's world. Times are milliseconds, chances percent.
#[derive(Debug)]
pub struct Plan {
    /// The number of TaskManagers of each job.
    pub jobs: Vec<usize>,
    /// A session cluster: all jobs run in the first one's processes.
    pub session: bool,
    /// How the last job begins with the newest checkpoint of the first, which then ends; none if
    /// all begin anew.
    pub heir: Option<Heir>,
    pub interval: u64,
    /// Until then there are faults.
    pub storm: u64,
    pub retained: usize,
    pub primary_retained: usize,
    pub retention_grace: u64,
    pub publish_timeout: u64,
    pub backfill_grace: u64,
    pub call_timeout: u64,
    pub chunk: usize,
    pub chunks: usize,
    /// On local disk; 0: there is none.
    pub spill_chunks: usize,
    /// That a local disk does not do what it is asked for.
    pub disk_fails: u64,
    pub stride_at_most: u64,
    pub concurrency: usize,
    /// That a process is given a call in which it crashes.
    pub crash: u64,
    /// That a JobManager is given a call before which it stands still, so that another one leads.
    pub still: u64,
    /// For each checkpoint: that the JobManager is replaced and lives on; that the job fails and is
    /// restored; that the checkpoint is aborted; that it is completed and then lost to the job.
    pub takeover: u64,
    pub failure: u64,
    pub abort: u64,
    pub lost: u64,
    /// Until when there is a `_metadata` that is not understood.
    pub unreadable: Option<u64>,
    /// Whether somebody collects what nobody needs meanwhile.
    pub collects: Option<Collects>,
    pub weather: Weather,
}

/// What a world is to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Usual,
    /// See [`Plan::make_hot`].
    Hot,
    /// See [`Plan::make_long`].
    Long,
}

/// How a job goes on from another one's checkpoint.
#[derive(Debug, Clone, Copy)]
pub struct Heir {
    /// Whether it takes over the files that it was restored with.
    pub claims: bool,
    /// Whether the JobManager of the job before has a checkpoint still to publish that is lost to
    /// that job, and comes to it late.
    pub is_hasty: bool,
}

/// How leftovers are collected.
#[derive(Debug, Clone, Copy)]
pub struct Collects {
    pub min_age: u64,
    /// Whether the first job's JobManager dies when the last job begins with its checkpoint, so
    /// that this may name files that no published one does.
    pub orphans: bool,
}

impl Plan {
    /// Whether the last job may name files that no published checkpoint does.
    pub fn has_orphans(&self) -> bool {
        self.collects.is_some_and(|collects| collects.orphans)
    }

    pub fn draw(rng: &mut Rng) -> Self {
        let count = weighted(rng, &[70, 20, 10]) + 1;
        let jobs: Vec<usize> = (0..count)
            .map(|_| weighted(rng, &[50, 30, 15, 5]) + 1)
            .collect();
        let kind = match weighted(rng, &[15, 5, 80]) {
            0 => Kind::Hot,
            1 => Kind::Long,
            _ => Kind::Usual,
        };
        let restored = count > 1 && (kind == Kind::Hot || chance(rng, 60));
        let collects = chance(rng, 40);
        let orphans = restored && collects && chance(rng, 70);
        let session = count > 1 && chance(rng, 50);
        let storm = match kind {
            // twice as many checkpoints as may wait, and more
            Kind::Long => 6_000,
            Kind::Usual if !orphans => rng.u64(3_000..7_000),
            // what they are for takes several grace periods
            _ => rng.u64(5_000..11_000),
        };
        let call_timeout = rng.u64(300..1_000);
        let rough = chance(rng, 80);
        let rare = |rng: &mut Rng, of: u64, value: u64| if chance(rng, of) { value } else { 0 };
        let mut plan = Self {
            session,
            heir: restored.then_some(Heir {
                claims: chance(rng, 50),
                is_hasty: kind == Kind::Hot && !session,
            }),
            interval: rng.u64(300..2_000),
            retained: rng.usize(1..4),
            primary_retained: rng.usize(1..4),
            retention_grace: rng.u64(call_timeout + LATE_AT_MOST_MS..4_000),
            publish_timeout: rng.u64(3_000..30_000),
            backfill_grace: rng.u64(100..2_000),
            chunk: rng.usize(32..256),
            chunks: rng.usize(4..40),
            spill_chunks: [0, rng.usize(2..60)][weighted(rng, &[40, 60])],
            disk_fails: rare(rng, 30, 30),
            stride_at_most: [1, 2, 8][weighted(rng, &[20, 30, 50])],
            concurrency: rng.usize(1..9),
            crash: rare(rng, 40, 50),
            still: rare(rng, 35, 70),
            takeover: rare(rng, 25, 15),
            failure: rare(rng, 30, 10),
            abort: rare(rng, 50, 15),
            lost: rare(rng, 20, 15),
            unreadable: chance(rng, 5).then(|| rng.u64(storm / 2..storm + 10_000)),
            collects: collects.then(|| Collects {
                min_age: rng.u64(1..3_000),
                orphans,
            }),
            weather: Weather::draw(rng, rough, storm),
            jobs,
            storm,
            call_timeout,
        };
        match kind {
            Kind::Hot => plan.make_hot(rng),
            Kind::Long => plan.make_long(rng),
            Kind::Usual => {}
        }
        if orphans {
            plan.make_orphans();
        }
        plan
    }

    /// What makes files come into use again just when they are deleted: jobs that go back to older
    /// checkpoints, under JobManagers that change, while few are retained and not for long.
    fn make_hot(&mut self, rng: &mut Rng) {
        (self.retained, self.primary_retained) = (1, 3);
        self.retention_grace = self.call_timeout + LATE_AT_MOST_MS;
        self.interval = rng.u64(300..700);
        (self.takeover, self.failure, self.lost) = (15, 30, 30);
    }

    /// What makes a job name files of another that nobody else names, and publish them just when
    /// they are collected.
    fn make_orphans(&mut self) {
        if let Some(collects) = &mut self.collects {
            collects.min_age = 1;
        }
        (self.still, self.interval) = (80, self.interval.max(800));
    }

    /// What makes many checkpoints wait: a secondary that is silent through the whole storm, while
    /// they are close together.
    fn make_long(&mut self, rng: &mut Rng) {
        self.interval = 100;
        (self.crash, self.takeover, self.failure) = (0, 0, 0);
        self.weather = Weather::silence(rng, self.storm);
    }

    /// The longest that a JobManager stands still, in milliseconds: until its successor has deleted
    /// files, and beyond.
    pub fn longest_still(&self) -> u64 {
        2 * self.retention_grace + 5 * self.interval
    }

    /// Whether nothing is planned that could go wrong.
    pub fn is_calm(&self) -> bool {
        self.weather.is_calm()
            && [
                self.crash,
                self.still,
                self.takeover,
                self.failure,
                self.lost,
                self.disk_fails,
            ] == [0; 6]
            && self.unreadable.is_none()
            && self.collects.is_none()
            && self.heir.is_none()
    }
}

pub fn chance(rng: &mut Rng, percent: u64) -> bool {
    rng.u64(0..100) < percent
}

/// The index of one of the weights, which add up to 100.
pub fn weighted(rng: &mut Rng, weights: &[u64]) -> usize {
    let mut roll = rng.u64(0..100);
    for (index, weight) in weights.iter().enumerate() {
        if roll < *weight {
            return index;
        }
        roll -= weight;
    }
    weights.len() - 1
}
