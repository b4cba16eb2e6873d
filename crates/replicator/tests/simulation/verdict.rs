//! The last judgement: what must hold when the faults are over and all is quiet. Refuses to wait.

use std::sync::atomic::Ordering;

use audit::Location;
use replicator::Reason;

use crate::body::Body;
use crate::names::{Kind, kind};
use crate::world::{SECONDARY, World, at_once};

/// Judges the whole world. `last_rounds` are the jobs with the times of their last checkpoints.
pub fn judge<'a>(world: &World, last_rounds: impl Iterator<Item = (&'a str, u64)>) {
    clusters_are_as_they_were_seen(world);
    all_is_usable(world);
    for body in world.bodies() {
        tell(world, &body);
        let panics = body.metrics.panics.get();
        if panics > 0 {
            let what = format!("{panics} panics in {}", body.name);
            world.laws.breaks(1, what);
        }
        if !body.is_dead() {
            counted_once(world, &body);
            nothing_is_held(world, &body);
        }
    }
    abandoned_files_arrive(world);
    if world.plan.is_calm() {
        nothing_is_left(world, last_rounds);
    }
}

/// What a process has counted, for those who want to know what the seeds have seen.
fn tell(world: &World, body: &Body) {
    let metrics = &body.metrics;
    let count = |what: &str, times| {
        if times > 0 {
            world.trace.count_many(what, times);
        }
    };
    for reason in Reason::ALL.map(Reason::as_str) {
        let counter = metrics.sessions_abandoned.with_label_values(&[reason]);
        count(&format!("abandoned: {reason}"), counter.get());
    }
    for reason in ["queue_full", "vanished", "superseded", "failed"] {
        let counter = metrics.backfill_dropped.with_label_values(&[reason]);
        count(&format!("not backfilled: {reason}"), counter.get());
    }
    count("uploaded", metrics.files_uploaded.get());
    count("backfilled", metrics.files_backfilled.get());
    count("discarded", metrics.sessions_discarded.get());
    for job in body.jobs.lock().unwrap().values() {
        for (what, times) in job.counted() {
            count(what, times);
        }
    }
}

/// What the laws saw is what there is, byte for byte.
fn clusters_are_as_they_were_seen(world: &World) {
    let mut expected = world.laws.record().expected();
    for (path, bytes) in world.secondary.files() {
        let kind = kind(&path);
        let is_flinks = matches!(kind, Kind::State | Kind::Metadata(..));
        if is_flinks && expected.remove(&path) != Some(bytes) {
            let what = format!("{path} is not what was seen to get there");
            world.laws.breaks(4, what);
        }
        if kind == Kind::Strange {
            world
                .laws
                .breaks(5, format!("{path} is nothing that is known"));
        }
    }
    if let Some(path) = expected.keys().next() {
        world.laws.breaks(4, format!("{path} was not seen to go"));
    }
}

/// The operator's command thinks of it as the laws do.
fn all_is_usable(world: &World) {
    let root = Location::parse(SECONDARY).unwrap();
    for found in at_once(audit::published(&world.secondary, &root)).unwrap() {
        let report = at_once(audit::verify(&world.secondary, &found.dir)).unwrap();
        if !report.usable() {
            let what = format!("{} is not usable: {:?}", found.dir, report.findings);
            world.laws.breaks(2, what);
        }
    }
}

/// No stream is open any more, so each has ended in one way.
fn counted_once(world: &World, body: &Body) {
    let metrics = &body.metrics;
    let opened = body.sessions.load(Ordering::Relaxed);
    let abandoned = Reason::ALL.map(|reason| {
        let counter = &metrics.sessions_abandoned;
        counter.with_label_values(&[reason.as_str()]).get()
    });
    let (discarded, uploaded) = (
        metrics.sessions_discarded.get(),
        metrics.files_uploaded.get(),
    );
    let failed = metrics.uploads_failed.get();
    let (sealed, accepted) = (metrics.sessions_sealed.get(), metrics.bytes_accepted.get());
    let bytes = metrics.bytes_uploaded.get() + metrics.bytes_dropped.get();
    if (sealed, accepted) != (uploaded + failed, bytes) {
        let what = format!(
            "{}: {sealed} sealed, {uploaded} uploaded, {failed} failed; {accepted} bytes accepted, \
             {bytes} uploaded or dropped",
            body.name
        );
        world.laws.breaks(8, what);
    }
    let counted = [metrics.sessions_opened.get(), discarded, uploaded];
    let ended = discarded + uploaded + abandoned.iter().sum::<u64>();
    if counted[0] != opened || ended != opened {
        let what = format!(
            "{opened} streams of {}: counted as opened, discarded, uploaded {counted:?}, \
             abandoned {abandoned:?}",
            body.name
        );
        world.laws.breaks(8, what);
    }
}

/// All memory, disk and link is free again, and all is copied that waited for the secondary.
fn nothing_is_held(world: &World, body: &Body) {
    let metrics = &body.metrics;
    let held = [
        ("bytes of memory", metrics.buffer_used.get()),
        ("bytes of disk", metrics.spill_used.get()),
        ("files open", metrics.link_files.get()),
        ("bytes on their way", metrics.link_unacknowledged.get()),
    ];
    for (what, number) in held.iter().filter(|(_, number)| *number != 0) {
        let what = format!("{} has {number} {what}", body.name);
        world.laws.breaks(9, what);
    }
    let waiting = body.metrics.backfill_queue.get();
    if waiting != 0 {
        world
            .laws
            .breaks(10, format!("{waiting} files wait in {}", body.name));
    }
}

/// A file that the tee gave up is copied, unless that was given up, too, and counted; or unless the
/// link is too slow for all checkpoints and this one was left out, which is counted as well.
fn abandoned_files_arrive(world: &World) {
    for body in world.bodies().iter().filter(|body| !body.is_dead()) {
        let sealed = body.sealed.lock().unwrap();
        let missing = sealed
            .iter()
            .filter(|path| !world.laws.record().was_placed(path) && world.is_on_primary(path));
        let missing: Vec<_> = missing.collect();
        let dropped = ["queue_full", "superseded", "failed"].map(|reason| {
            let counter = &body.metrics.backfill_dropped;
            counter.with_label_values(&[reason]).get()
        });
        let left_out = [Reason::Stride.as_str()];
        let left_out = body.metrics.sessions_abandoned.with_label_values(&left_out);
        let counted = dropped.iter().sum::<u64>() + left_out.get();
        if missing.len() as u64 > counted {
            let what = format!("{} has lost {missing:?}, {counted} counted", body.name);
            world.laws.breaks(8, what);
        }
    }
}

/// Where nothing has failed, nothing is left over but what the last checkpoint has retired.
fn nothing_is_left<'a>(world: &World, last_rounds: impl Iterator<Item = (&'a str, u64)>) {
    let record = world.laws.record();
    let mut left = record.inflight();
    let mut too_many = Vec::new();
    for (job, since) in last_rounds {
        left.extend(record.unneeded(job, since));
        let published = record.published(job);
        if published.len() > world.plan.retained {
            too_many.push((job, published));
        }
    }
    drop(record);
    if !left.is_empty() {
        world
            .laws
            .breaks(5, format!("{left:?} are left though nothing failed"));
    }
    if !too_many.is_empty() {
        world.laws.breaks(9, format!("{too_many:?} are published"));
    }
}
