//! The newest published checkpoint is never older than what the link allows.

use std::collections::BTreeSet;
use std::time::Instant;

use anyhow::{Result, ensure};

use crate::support::now_ms;
use crate::{Apart, Backend, FREE, LIMIT_KEY, Running};

/// Looks on with each checkpoint for as long as the newest published one may take to get old, twice.
fn stays_young(apart: &mut Apart, job: &Running) -> Result<()> {
    let (oldest, start) = (job.oldest_ms(), now_ms());
    let (mut ages, mut published) = (Vec::new(), BTreeSet::new());
    while now_ms() < start + 2 * oldest {
        job.watched.complete_more(1)?;
        let (age, id) = job.age_ms(&mut apart.judge)?;
        ensure!(age <= oldest, "{id} is {age} ms old, {oldest} may be");
        ages.push(age);
        published.insert(id);
    }
    println!(
        "at most {:?} ms old, {oldest} may be; published {published:?}",
        ages.iter().max()
    );
    ensure!(published.len() >= 3, "published only {published:?}");
    Ok(())
}

fn a_tenth_is_carried(name: &str, backend: Backend) -> Result<()> {
    FREE.with(Apart::set, |apart| {
        apart.with_keys(&[])?;
        let job = apart.run_job(name, backend, 900_000)?;
        apart.slow_down(&job)?;
        let slow = now_ms();
        stays_young(apart, &job)?;
        job.was_unhurt(slow)?;
        let warned = apart.warned(&job)?;
        ensure!(warned.is_empty(), "{warned:#?}");

        let newest = job.watched.newest()?;
        apart.sites.host()?.unlimit()?;
        let healed = Instant::now();
        apart.judge.until_published(&job.watched.id, newest)?;
        println!("published {:?} after the link is quick", healed.elapsed());
        apart.end(&job)
    })
}

#[test]
fn heap_state() -> Result<()> {
    a_tenth_is_carried("heap", Backend::Heap)
}

#[test]
#[ignore = "takes long: cargo xtask test --all"]
fn rocksdb_state() -> Result<()> {
    a_tenth_is_carried("rocksdb", Backend::RocksDb)
}

/// The link carries all, and the product is told to use no more than a tenth.
#[test]
#[ignore = "takes long: cargo xtask test --all"]
fn bandwidth_limit() -> Result<()> {
    FREE.with(Apart::set, |apart| {
        apart.with_keys(&[])?;
        let mut job = apart.run_job("limit", Backend::Heap, 900_000)?;
        let last = job.watched.newest()?;
        apart.with_keys(&[(LIMIT_KEY, &format!("{} bytes", job.rate))])?;
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
        job.was_unhurt(limited)?;
        apart.end(&job)
    })
}
