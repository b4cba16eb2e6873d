//! One run: the jobs and processes of a plan, from the first checkpoint to the last judgement.

use std::sync::Arc;

use bytes::Bytes;
use futures::future::join_all;
use store::Store;
use tokio::runtime::Builder;
use tokio::sync::oneshot;

use crate::collector::collect;
use crate::job::{Job, Legacy};
use crate::laws::Broken;
use crate::process::{Place, Role};
use crate::trace::Counts;
use crate::verdict;
use crate::world::{World, at_once, put, sleep_ms};

/// What a run has come to.
#[derive(Debug)]
pub struct Outcome {
    pub broken: Option<Broken>,
    pub digest: u64,
    pub counts: Counts,
    /// Empty unless they were asked for.
    pub lines: Vec<String>,
}

/// Runs a seed. The same seed gives the same run.
pub fn run(seed: u64, readable: bool) -> Outcome {
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let world = World::new(seed, readable);
        let broken = tokio::select! {
            biased;
            broken = world.laws.broken() => Some(broken),
            () = play(&world) => world.laws.first(),
        };
        Outcome {
            broken,
            digest: world.trace.digest(),
            counts: world.trace.counts(),
            lines: world.trace.lines(),
        }
    })
}

async fn play(world: &Arc<World>) {
    let plan = &world.plan;
    if let Some(until) = plan.unreadable {
        not_understood(world, until);
    }
    let places = |number: usize, tasks: usize| {
        let manager = Place::new(world, Role::JobManager, &format!("jm{number}"));
        let workers = (0..tasks)
            .map(|task| Place::new(world, Role::TaskManager, &format!("tm{number}{task}")));
        (manager, workers.collect::<Vec<_>>())
    };
    let shared = plan
        .session
        .then(|| places(0, *plan.jobs.iter().max().unwrap()));
    let (heir, legacy) = oneshot::channel::<Legacy>();
    let (mut heir, mut legacy) = (Some(heir), Some(legacy));
    let last = plan.jobs.len() - 1;
    let jobs = plan.jobs.iter().enumerate().map(|(number, tasks)| {
        let (manager, workers) = match &shared {
            Some((manager, workers)) => (manager.clone(), workers[..*tasks].to_vec()),
            None => places(number, *tasks),
        };
        let heir = heir.take().filter(|_| plan.heir.is_some());
        let legacy = legacy.take_if(|_| plan.heir.is_some() && number == last);
        async move {
            let inherited = match legacy {
                Some(legacy) => legacy.await.unwrap_or_default(),
                None => None,
            };
            let mut job = Job::new(world, number, manager, workers);
            job.inherit(inherited);
            job.live(heir).await
        }
    });
    let jobs: Vec<_> = jobs.collect();
    let (jobs, ()) = tokio::join!(join_all(jobs), collect(world));
    // for what is copied still
    sleep_ms(10_000).await;
    verdict::judge(world, jobs.iter().map(Job::ended));
}

/// A `_metadata` of a version to come, for a while.
fn not_understood(world: &Arc<World>, until: u64) {
    let path = "/dr/cp/another/chk-1/_metadata";
    let bytes = Bytes::from_static(b"\x49\x60\x67\x2d\0\0\0\x63");
    put(&world.secondary, path, &bytes);
    world.laws.record().unreadable = true;
    let world = Arc::clone(world);
    tokio::spawn(async move {
        sleep_ms(until).await;
        at_once(world.secondary.delete(path, false)).unwrap();
        world.laws.record().unreadable = false;
    });
}
