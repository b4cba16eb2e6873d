//! An operator who collects what nobody needs, while the jobs live: `dualwrite gc plan` and `apply`
//! at any time, again and again, by processes that die, stand still and lose their calls as all
//! others do. Refuses to care how it ends: the laws do.

use std::sync::Arc;
use std::time::Duration;

use audit::{Location, Place};
use gc::{End, Wanted};
use store::Store;

use crate::body::{Body, Crash, Fatal, Fatality};
use crate::faults::Cluster;
use crate::link::Link;
use crate::world::{SECONDARY, World, sleep_ms};

/// Collects until the faults are over, if the plan has a minimum age for it.
pub async fn collect(world: &Arc<World>) {
    let Some(min_age) = world.plan.collects.map(|collects| collects.min_age) else {
        return;
    };
    for number in 0.. {
        let pause = if world.plan.has_orphans() { 300 } else { 2_000 };
        sleep_ms(world.between(50..=pause)).await;
        if !world.is_storm() {
            return;
        }
        let body = start(world, number, min_age);
        let done = collect_once(world, &body, min_age);
        // who has died in the middle does not come back, and whoever is left ends with the storm
        let rest = world.plan.storm.saturating_sub(world.now());
        let patience = Duration::from_millis(rest.min(8_000));
        let _ = tokio::time::timeout(patience, done).await;
        world.die(&body);
    }
}

fn start(world: &Arc<World>, number: u64, min_age: u64) -> Arc<Body> {
    let crash = (world.plan.crash + world.plan.still > 0).then(|| crash(world));
    let crash = crash.filter(|_| world.chance(40));
    let body = world.add(|place| Body::command(place, format!("gc{number}"), crash));
    world.laws.record().collects(body.number, min_age);
    body
}

fn crash(world: &World) -> Crash {
    let calls = [(Fatal::DeleteState, 4), (Fatal::Claim, 3), (Fatal::Any, 60)];
    let (call, most) = calls[usize::try_from(world.between(0..=2)).unwrap()];
    Crash {
        call,
        nth: world.between(1..=most),
        end: if world.chance(60) {
            Fatality::StandsStill(world.between(0..=world.plan.longest_still()))
        } else {
            let takes_effect = world.chance(50);
            Fatality::Dies { takes_effect }
        },
    }
}

async fn collect_once(world: &Arc<World>, body: &Arc<Body>, min_age_ms: u64) {
    let link = Link {
        world: Arc::clone(world),
        body: Arc::clone(body),
        cluster: Cluster::Secondary,
        limit_ms: world.plan.call_timeout,
    };
    let place = Place {
        store: Arc::new(link) as Arc<dyn Store>,
        location: Location::parse(SECONDARY).unwrap(),
    };
    let process_id = world.draw(|rng| format!("{:016x}{:016x}", rng.u64(..), rng.u64(..)));
    let wanted = Wanted {
        min_age_ms,
        hadoop_conf_dir: None,
        user: None,
        process_id: process_id.clone(),
    };
    let Ok(plan) = gc::plan(&place, wanted, &|_| ()).await else {
        return;
    };
    // as it is read and edited
    let plan = gc::Plan::parse(&plan.to_json()).unwrap();
    let pause = if world.plan.has_orphans() { 20 } else { 1_000 };
    sleep_ms(world.between(0..=pause)).await;
    let Ok(outcome) = gc::apply(&place, &plan, &process_id, &|_| ()).await else {
        return;
    };
    for (leftover, end) in plan.leftovers.iter().zip(&outcome.ends) {
        world.trace.count(match end {
            End::Deleted => match leftover.kind {
                gc::Kind::InFlight => "collected: in_flight",
                gc::Kind::Claimed => "collected: claimed",
                gc::Kind::Stride => "collected: stride",
                gc::Kind::Digests => "collected: digests",
                gc::Kind::Unpublished => "collected: unpublished",
                gc::Kind::Unnamed => "collected: unnamed",
                gc::Kind::EmptyDirectory => "collected: empty_directory",
            },
            End::Gone => "not collected: gone",
            End::Changed => "not collected: changed",
            End::Needed => "not collected: needed",
            End::Alive => "not collected: alive",
            End::NotOwned => "not collected: not_owned",
            End::Doubt => "not collected: doubt",
            End::NotReached => "not collected: not_reached",
        });
    }
}
