//! The simulation: the whole replicator in many small worlds, each decided by a seed, with crashes
//! and faults at any instant; the laws of docs/publish-protocol.md are checked at every change of
//! the secondary.
//!
//! `DUALWRITE_SEED=<n>` runs one seed and prints what happens; `DUALWRITE_SEEDS=<n>` sets how many
//! are run, `DUALWRITE_FIRST_SEED=<n>` which is the first.

mod body;
mod collector;
mod disk;
mod faults;
mod job;
mod laws;
mod link;
mod metadata;
mod names;
mod plan;
mod process;
mod run;
mod task;
mod trace;
mod verdict;
mod world;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use run::{Outcome, run};
use trace::Counts;

/// Seeds of a run that decides whether a change is good.
const SEEDS: u64 = 10_000;
/// What so many seeds must have seen, or they do not show what they are for.
const SEEN_BY: u64 = 1_000;
const SEEN: [&str; 42] = [
    "JobManager leads again",
    "JobManager replaced after its death",
    "JobManager replaced in its life",
    "abandoned: buffer_full",
    "abandoned: no_space",
    "abandoned: permission_denied",
    "abandoned: secondary_down",
    "abandoned: spill_failed",
    "abandoned: spill_full",
    "abandoned: stride",
    "abandoned: timeout",
    "abandoned: unavailable",
    "aborted",
    "backfilled",
    "collected: claimed",
    "collected: empty_directory",
    "collected: in_flight",
    "collected: stride",
    "collected: unnamed",
    "collected: unpublished",
    "crash after a seal, before the rename",
    "crash after publication, before retention",
    "crash after the rename, before publication",
    "crash before a seal",
    "crash between the deletion of `_metadata` and of files",
    "crash between the write and the rename of `_metadata`",
    "lost after it was complete",
    "not backfilled: superseded",
    "not backfilled: vanished",
    "not collected: alive",
    "not collected: needed",
    "not_owner",
    "overflow",
    "published",
    "reply lost",
    "restored from another job",
    "retired",
    "skipped",
    "spilled",
    "superseded",
    "takes effect late",
    "write torn",
];
/// Of a failed run so many lines are shown.
const LAST_LINES: usize = 80;

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is no number: {text}")),
    )
}

#[test]
fn the_laws_hold() {
    if let Some(seed) = number("DUALWRITE_SEED") {
        let outcome = run(seed, true);
        println!("{}", outcome.lines.join("\n"));
        println!("{:#?}", outcome.counts);
        if let Some(broken) = outcome.broken {
            panic!("seed {seed}: {broken}");
        }
        return;
    }
    let first = number("DUALWRITE_FIRST_SEED").unwrap_or(0);
    let count = number("DUALWRITE_SEEDS").unwrap_or(SEEDS);
    let began = Instant::now();
    let (counts, failed) = run_all(first, count);
    let seconds = began.elapsed().as_secs_f64();
    println!("{count} seeds in {seconds:.1} s: {counts:#?}");
    if let Some(seed) = failed {
        panic!("{}", tell(seed));
    }
    let unseen = SEEN.iter().filter(|what| !counts.contains_key(**what));
    let unseen: Vec<_> = unseen.filter(|_| count >= SEEN_BY).collect();
    assert!(unseen.is_empty(), "no seed has seen {unseen:?}");
}

/// Runs seeds on all cores; gives what they have seen, and the first that was found to fail.
fn run_all(first: u64, count: u64) -> (Counts, Option<u64>) {
    let next = AtomicU64::new(first);
    let stop = AtomicBool::new(false);
    let all = Mutex::new((Counts::new(), None));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                let mut mine = Counts::new();
                while !stop.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + count {
                        break;
                    }
                    let outcome = std::panic::catch_unwind(|| run(seed, false));
                    let broken = outcome.as_ref().map_or(true, |run| run.broken.is_some());
                    if broken {
                        stop.store(true, Ordering::Relaxed);
                        let mut all = all.lock().unwrap();
                        let failed: &mut Option<u64> = &mut all.1;
                        *failed = Some(failed.map_or(seed, |other| other.min(seed)));
                    }
                    for (what, times) in outcome.map(|run| run.counts).unwrap_or_default() {
                        *mine.entry(what).or_default() += times;
                    }
                }
                let mut all = all.lock().unwrap();
                for (what, times) in mine {
                    *all.0.entry(what).or_default() += times;
                }
            });
        }
    });
    all.into_inner().unwrap()
}

/// Runs a failed seed once more and tells what happened at its end.
fn tell(seed: u64) -> String {
    let Outcome { broken, lines, .. } = run(seed, true);
    let broken = broken.map_or("it does not fail again".to_owned(), |broken| {
        broken.to_string()
    });
    let last = &lines[lines.len().saturating_sub(LAST_LINES)..];
    format!(
        "the end of seed {seed}:\n{}\nseed {seed}: {broken}\nThe whole of it: \
         DUALWRITE_SEED={seed} cargo test -p replicator --test simulation the_laws -- --nocapture",
        last.join("\n")
    )
}

/// Without that no failure could be looked into.
#[test]
fn a_seed_is_one_run() {
    for seed in 0..100 {
        assert_eq!(
            run(seed, false).digest,
            run(seed, false).digest,
            "seed {seed}"
        );
    }
}
