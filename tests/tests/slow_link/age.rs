//! The newest published checkpoint is never older than what the link allows.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::{Result, ensure};

use crate::support::now_ms;
use crate::{Apart, Backend, FREE, LIMIT_KEY, NOT_TEED, Running};

/// Of a job that is not to end.
const RECORDS: u64 = 9_000_000;

/// Looks at the newest published checkpoint with each that completes, until `enough` says so of its
/// id. Gives the age that each got to, in milliseconds.
fn look_on(
    apart: &mut Apart,
    job: &Running,
    mut enough: impl FnMut(&Apart, u64) -> Result<bool>,
) -> Result<BTreeMap<u64, u64>> {
    let mut ages = BTreeMap::new();
    loop {
        job.watched.complete_more(1)?;
        job.measure_volume()?;
        let (age, id) = job.age_ms(&mut apart.judge)?;
        let oldest = 2 * job.oldest_ms();
        ensure!(age <= oldest, "{id} is {age} ms old, far above {oldest}");
        ages.insert(id, age);
        if enough(apart, id)? {
            return Ok(ages);
        }
    }
}

/// Looks on for as long as the newest published checkpoint may get old, after the stride has
/// settled: when the first is published that was taken with one that the link can carry.
fn stays_young(apart: &mut Apart, job: &Running) -> Result<()> {
    let settled = look_on(apart, job, |apart, id| {
        let (stride, from) = apart.stride(job)?;
        Ok(job.can_carry(stride) && id >= from)
    })?;
    let start = now_ms();
    let ages = look_on(apart, job, |_, _| Ok(now_ms() > start + job.oldest_ms()))?;
    let oldest = job.oldest_ms();
    println!("at most {oldest} ms old; until it settled {settled:?}, then {ages:?}");
    let too_old = ages.iter().find(|(_, age)| **age > oldest);
    ensure!(too_old.is_none(), "{too_old:?} (id, ms), {oldest} may be");
    ensure!(ages.len() >= 2, "published only {ages:?}");
    Ok(())
}

fn a_tenth_is_carried(name: &str, backend: Backend) -> Result<()> {
    FREE.with(Apart::set, |apart| {
        apart.begin(&[])?;
        let job = apart.run_job(name, backend, RECORDS)?;
        apart.slow_down(&job)?;
        let slow = now_ms();
        stays_young(apart, &job)?;
        job.was_unhurt(slow)?;
        let mut warned = apart.warned(&job)?;
        // The disk is slow whenever others write to it, too.
        warned.retain(|line| !line.contains(NOT_TEED));
        ensure!(warned.is_empty(), "{warned:#?}");

        let newest = job.watched.newest()?;
        apart.sites.host()?.unlimit()?;
        let healed = Instant::now();
        apart.judge.until_published(&job.watched.id, newest)?;
        println!("published {:?} after the link is quick", healed.elapsed());
        Ok(())
    })
}

#[test]
#[ignore = "left to `cargo xtask test --all`"]
fn heap_state() -> Result<()> {
    a_tenth_is_carried("heap", Backend::Heap)
}

#[test]
#[ignore = "left to `cargo xtask test --all`"]
fn rocksdb_state() -> Result<()> {
    a_tenth_is_carried("rocksdb", Backend::RocksDb)
}

/// The link carries all, and the product is told to use no more than a tenth.
#[test]
#[ignore = "left to `cargo xtask test --all`"]
fn bandwidth_limit() -> Result<()> {
    FREE.with(Apart::set, |apart| {
        apart.begin(&[])?;
        let mut job = apart.run_job("limit", Backend::Heap, RECORDS)?;
        let last = job.watched.newest()?;
        apart.configure(&[(LIMIT_KEY, &format!("{} bytes", job.rate))])?;
        apart.flink.task_manager(0).restart()?;
        job.first = apart.judge.until("the job to go on", || {
            let newest = job.watched.newest()?;
            ensure!(newest > last + 1, "{newest} is the newest");
            Ok(newest)
        })?;
        // What was published before the restart is older than the limit.
        apart.judge.until_published(&job.watched.id, job.first)?;

        let host = apart.sites.host()?;
        let (before, start) = (host.sent_bytes()?, Instant::now());
        let limited = now_ms();
        stays_young(apart, &job)?;
        let sent = apart.sites.host()?.sent_bytes()? - before;
        let may = job.rate * u64::try_from(start.elapsed().as_millis())? / 1_000;
        println!("sent {sent} bytes, {may} may be");
        // With what frames, checksums and calls take, the judge's too.
        ensure!(sent <= may * 6 / 5, "sent {sent} bytes of {may}");
        ensure!(sent >= may / 3, "sent only {sent} bytes of {may}");
        job.was_unhurt(limited)
    })
}
