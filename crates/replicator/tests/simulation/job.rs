//! A job as Flink runs it: checkpoints, what the primary retains of them, and how it comes back
//! after a crash. It calls the product where Flink's hooks would. Refuses to look at the secondary.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use futures::future::join_all;
use replicator::{JobHandle, Offer};
use tokio::sync::oneshot;

use crate::metadata::{File, Snapshot};
use crate::process::{Place, Process, Role};
use crate::task::Task;
use crate::world::{PRIMARY, World, sleep_ms};

/// Checkpoints go on for so long after the last fault, in milliseconds.
const CALM_MS: u64 = 6_000;
/// At least so many complete after the last fault.
const CALM_CHECKPOINTS: u64 = 4;
/// The newest one must be published so long after it has completed, in milliseconds.
const PUBLISHED_WITHIN_MS: u64 = 30_000;
/// Unless a TaskManager leaves it out; then one of so many that follow must be.
const LEFT_OUT_AT_MOST: u64 = 16;

pub struct Job {
    world: Arc<World>,
    id: String,
    /// Where its JobManager is started, and those that live.
    place: Place,
    leader: Arc<Process>,
    handle: JobHandle,
    former: Vec<Arc<Process>>,
    workers: Vec<Place>,
    tasks: Vec<Task>,
    /// What the primary retains, oldest first.
    retained: VecDeque<Snapshot>,
    /// Files that another job may need.
    not_ours: HashSet<String>,
    /// That the next checkpoint is lost, in percent: where one was, the next one often is, too.
    lost: u64,
    next: u64,
    last_round: u64,
}

/// The newest checkpoint of a job that has ended, if it had one.
pub type Legacy = Option<Snapshot>;

impl Job {
    pub fn new(world: &Arc<World>, number: usize, place: Place, workers: Vec<Place>) -> Self {
        let id = format!("{:032x}", number + 1);
        let leader = place.process();
        let handle = leader.open(world, Role::JobManager, &id);
        let mut job = Self {
            world: Arc::clone(world),
            id,
            place,
            leader,
            handle,
            former: Vec::new(),
            workers,
            tasks: Vec::new(),
            retained: VecDeque::new(),
            not_ours: HashSet::new(),
            lost: world.plan.lost,
            next: 1,
            last_round: 0,
        };
        job.restart();
        job
    }

    /// Begins with another job's checkpoint.
    pub fn inherit(&mut self, legacy: Legacy) {
        let Some(snapshot) = legacy else { return };
        self.world.trace.count("restored from another job");
        self.next = snapshot.id + 1;
        if self.world.plan.heir.is_some_and(|heir| !heir.claims) {
            let files = snapshot.exclusive().chain(snapshot.shared());
            self.not_ours = files.map(|file| file.path.clone()).collect();
        }
        self.retained.push_back(snapshot);
        self.restart();
    }

    /// Lives through the storm and what comes after it; or ends in its midst, if somebody inherits.
    /// Its processes live on with what is given back.
    pub async fn live(mut self, heir: Option<oneshot::Sender<Legacy>>) -> Self {
        let world = Arc::clone(&self.world);
        let plan = &world.plan;
        let ends = heir
            .is_some()
            .then(|| world.between(plan.storm / 4..=plan.storm * 3 / 4));
        while world.is_storm() {
            sleep_ms(world.between(plan.interval / 2..=plan.interval * 3 / 2)).await;
            if ends.is_some_and(|ends| world.now() >= ends) {
                let is_hasty = plan.heir.is_some_and(|heir| heir.is_hasty);
                if is_hasty {
                    self.linger().await;
                }
                let _ = heir.map(|heir| heir.send(self.retained.pop_back()));
                if plan.has_orphans() {
                    world.die(&self.leader.body);
                } else if !is_hasty && world.chance(50) {
                    self.leader.shut_down(&world).await;
                }
                return self;
            }
            self.intrigue();
            self.recover();
            self.checkpoint().await;
        }
        if let Some(heir) = heir {
            let _ = heir.send(None);
        }
        for _ in 0..CALM_CHECKPOINTS {
            self.next_round().await;
        }
        if self.former.is_empty() {
            self.newest_is_published().await;
        }
        self.last_round().await;
        self.newest_is_published().await;
        self
    }

    /// Two more checkpoints are complete and lost. The JobManager has retired for the first what
    /// the job's heir begins with, and stands still before it has published the second.
    async fn linger(&mut self) {
        let world = Arc::clone(&self.world);
        let plan = &world.plan;
        self.recover();
        self.lost = 100;
        self.checkpoint().await;
        sleep_ms(plan.interval).await;
        let long = world.between(plan.retention_grace..=plan.longest_still());
        self.leader.body.stand_still(&world, long);
        self.lost = 100;
        self.checkpoint().await;
    }

    /// A checkpoint when all grace periods are over, after which all is deleted that may be.
    async fn last_round(&mut self) {
        sleep_ms(2 * self.world.plan.retention_grace + 1_000).await;
        self.next_round().await;
    }

    /// A checkpoint after the storm.
    async fn next_round(&mut self) {
        let calm = CALM_MS / CALM_CHECKPOINTS;
        sleep_ms(self.world.plan.interval.max(calm)).await;
        self.recover();
        self.last_round = self.world.now();
        self.checkpoint().await;
    }

    /// The job, and when it triggered its last checkpoint; 0 if it ended before.
    pub fn ended(&self) -> (&str, u64) {
        (&self.id, self.last_round)
    }

    async fn newest_is_published(&mut self) {
        for round in 0..LEFT_OUT_AT_MOST {
            if !self.is_left_out(self.next - 1) && self.becomes_published(self.next - 1).await {
                return;
            }
            // each one that led before may claim the job late once, which costs a checkpoint
            let former = u64::try_from(self.former.len()).unwrap();
            if round >= former && self.tasks.iter().all(|task| task.stride() == 1) {
                break;
            }
            self.last_round().await;
        }
        let published = self.world.laws.record().published(&self.id);
        let what = format!(
            "{} of {} is not published, {published:?} are",
            self.next - 1,
            self.id
        );
        self.world.laws.breaks(10, what);
    }

    fn is_left_out(&self, checkpoint: u64) -> bool {
        let mut strides = self.tasks.iter().map(Task::stride);
        strides.any(|stride| !checkpoint.is_multiple_of(stride))
    }

    async fn becomes_published(&self, checkpoint: u64) -> bool {
        for _ in 0..PUBLISHED_WITHIN_MS / 100 {
            if self.world.laws.record().is_published(&self.id, checkpoint) {
                return true;
            }
            sleep_ms(100).await;
        }
        false
    }

    /// What befalls a job between two checkpoints.
    fn intrigue(&mut self) {
        let world = Arc::clone(&self.world);
        let plan = &world.plan;
        if plan.crash > 0 && world.chance(4) {
            let mut processes = vec![Arc::clone(&self.leader)];
            processes.extend(self.tasks.iter().map(|task| Arc::clone(&task.process)));
            let which = world.between(0..=processes.len() as u64 - 1);
            let doomed = processes.swap_remove(usize::try_from(which).unwrap());
            let (after, gently) = (world.between(0..=plan.interval), world.chance(30));
            let world = Arc::clone(&world);
            tokio::spawn(async move {
                sleep_ms(after).await;
                if !world.is_storm() {
                    return;
                }
                if gently {
                    doomed.shut_down(&world).await;
                }
                world.die(&doomed.body);
            });
        }
        if self.leader.body.is_still(world.now()) || world.chance(plan.takeover) {
            self.take_over();
        } else if !self.former.is_empty() && world.chance(30) {
            self.lead_again();
        } else if world.chance(plan.failure) {
            world.note(&self.id, "fails", "");
            self.restart();
        }
    }

    /// Replaces what is dead.
    fn recover(&mut self) {
        let leads = !self.leader.body.is_dead();
        if !leads {
            self.world
                .trace
                .count("JobManager replaced after its death");
            self.leader = self.place.revived();
            self.handle = self.leader.open(&self.world, Role::JobManager, &self.id);
        }
        if !leads || self.tasks.iter().any(|task| task.process.body.is_dead()) {
            self.restart();
        }
    }

    /// Another JobManager leads, and the one before does not know it yet.
    fn take_over(&mut self) {
        self.world.trace.count("JobManager replaced in its life");
        let name = format!("jm{}", self.world.next_file());
        self.place = Place::new(&self.world, Role::JobManager, &name);
        let leader = self.place.process();
        self.handle = leader.open(&self.world, Role::JobManager, &self.id);
        let former = std::mem::replace(&mut self.leader, leader);
        self.former.push(former);
        self.restart();
    }

    /// A JobManager that led before leads again.
    fn lead_again(&mut self) {
        let which = self.world.between(0..=self.former.len() as u64 - 1);
        let leader = self.former.swap_remove(usize::try_from(which).unwrap());
        if leader.body.is_dead() {
            return;
        }
        self.world.trace.count("JobManager leads again");
        self.handle = leader.open(&self.world, Role::JobManager, &self.id);
        let former = std::mem::replace(&mut self.leader, leader);
        self.former.push(former);
        self.restart();
    }

    /// Runs all tasks anew, from the newest checkpoint that is retained.
    fn restart(&mut self) {
        let newest = self.retained.back();
        let places = self.workers.iter().enumerate();
        let tasks = places.map(|(index, place)| {
            let process = place.revived();
            let handle = process.open(&self.world, Role::TaskManager, &self.id);
            let mut task = Task::new(&self.world, &self.id, process, handle);
            task.restore(newest.and_then(|newest| newest.tasks.get(index)));
            task
        });
        self.tasks = tasks.collect();
    }

    async fn checkpoint(&mut self) {
        let world = Arc::clone(&self.world);
        let plan = &world.plan;
        let id = self.next;
        self.next += 1;
        world.note(&self.leader.body.name, "triggers", &id.to_string());
        let storm = world.is_storm();
        let aborts = storm && world.chance(plan.abort);
        let states = self.tasks.iter_mut().map(|task| task.snapshot(id, aborts));
        let states = join_all(states).await;
        let complete = states.iter().all(Option::is_some);
        let snapshot = Snapshot {
            job: self.id.clone(),
            id,
            tasks: states.into_iter().flatten().collect(),
        };
        if !complete || self.leader.body.is_dead() && world.chance(50) {
            world.trace.count("aborted");
            return self.dispose(&snapshot);
        }
        self.complete(&snapshot, storm);
    }

    fn complete(&mut self, snapshot: &Snapshot, storm: bool) {
        let world = Arc::clone(&self.world);
        let plan = &world.plan;
        let metadata = Bytes::from(snapshot.bytes(PRIMARY));
        world.put_on_primary(&format!("{}/_metadata", snapshot.dir()), &metadata);
        world.laws.record().completes(snapshot.clone());
        let (leader, handle) = (Arc::clone(&self.leader), self.handle.clone());
        let is_lost = storm && world.chance(self.lost);
        self.lost = if is_lost { 70 } else { plan.lost };
        if is_lost {
            world.trace.count("lost after it was complete");
            self.dispose(snapshot);
        } else {
            for (task, state) in self.tasks.iter_mut().zip(&snapshot.tasks) {
                task.completed(state);
            }
            self.retained.push_back(snapshot.clone());
            self.subsume();
        }
        if storm && world.chance(plan.takeover) {
            self.take_over();
        }
        if leader.body.is_dead() {
            return;
        }
        world.note(&leader.body.name, "offers", &snapshot.dir());
        handle.offer(Offer {
            checkpoint: snapshot.id,
            triggered_at_ms: world.now(),
            completed_at_ms: world.now(),
            pointer: format!("{PRIMARY}/{}", snapshot.dir()),
            metadata,
        });
    }

    /// Deletes what only `snapshot` has.
    fn dispose(&self, snapshot: &Snapshot) {
        self.delete_later(snapshot, &self.shared());
    }

    /// Drops the oldest checkpoints on the primary.
    fn subsume(&mut self) {
        while self.retained.len() > self.world.plan.primary_retained {
            let Some(oldest) = self.retained.pop_front() else {
                return;
            };
            self.delete_later(&oldest, &self.shared());
        }
    }

    /// The shared files that the retained checkpoints name.
    fn shared(&self) -> HashSet<File> {
        let files = self.retained.iter().flat_map(Snapshot::shared);
        files.cloned().collect()
    }

    fn delete_later(&self, snapshot: &Snapshot, needed: &HashSet<File>) {
        let files = snapshot.exclusive().chain(snapshot.shared());
        let unneeded = files.filter(|file| !needed.contains(file));
        let mut paths: Vec<String> = unneeded.map(|file| file.path.clone()).collect();
        paths.push(format!("{}/_metadata", snapshot.dir()));
        paths.retain(|path| !self.not_ours.contains(path));
        let (world, after) = (Arc::clone(&self.world), self.world.between(0..=1_500));
        tokio::spawn(async move {
            sleep_ms(after).await;
            for path in paths {
                world.delete_from_primary(&path);
            }
        });
    }
}
