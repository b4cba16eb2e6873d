//! How long the switch of 50 jobs takes against a stand-in for Flink's REST interface, at a time
//! and one by one, with real checkpoints on local files. Prints what benches/README.md has.
//!
//! `cargo run --release -p switch --example switch_many`

#[path = "../tests/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use switch::{Ends, Flink, Journal, Options, Tls, apply};

use support::stub::{Job, Stub};
use support::{Site, id_of, quick};

const JOBS: usize = 50;
/// What a job takes at the source and at the target: to end, to be deployed, to complete its first
/// checkpoint. Every tenth takes five times as long.
const STEP: Duration = Duration::from_millis(200);

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let runtime = runtime.expect("threads");
    runtime.block_on(async {
        let one_by_one = switched(1).await;
        println!("one by one: {:.1} s", one_by_one.as_secs_f64());
        for concurrency in [16, 50] {
            let took = switched(concurrency).await;
            let ratio = one_by_one.as_secs_f64() / took.as_secs_f64();
            println!(
                "{concurrency} at a time: {:.1} s, {ratio:.1} times as fast; the slowest job alone \
                 takes {:.1} s",
                took.as_secs_f64(),
                (STEP * 15).as_secs_f64()
            );
        }
    });
}

/// How long a job takes for each of its three steps.
fn step(job: usize) -> Duration {
    if job.is_multiple_of(10) {
        STEP * 5
    } else {
        STEP
    }
}

async fn switched(concurrency: usize) -> Duration {
    let site = Site::new();
    let (source, target) = (Stub::start().await, Stub::start().await);
    let names: Vec<_> = (0..JOBS).map(|job| format!("job{job}")).collect();
    for (job, name) in names.iter().enumerate() {
        site.publish(name, 42);
        let running = Job {
            ends_after: step(job),
            ..Job::running(name, 42)
        };
        source.state().jobs.insert(id_of(name), running);
        target.plays(name, |played| {
            played.deploys_for = step(job);
            played.checkpoints_after = step(job);
        });
    }
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let plan = site
        .plan(&names, &target.address, Some(&source.address))
        .await;
    let journal = Journal::open(&site.path("plan.progress"), &plan).expect("a journal");
    let options = Options {
        concurrency,
        stop: Duration::from_secs(30),
        start: Duration::from_secs(30),
        first_checkpoint: Duration::from_secs(30),
        poll: Options::default().poll.min(STEP / 4),
        ..quick()
    };
    let place = site.place();
    let addresses = [&target.address, &source.address];
    let [Ok(to), Ok(from)] = addresses.map(|address| Flink::new(address, &Tls::default())) else {
        panic!("no addresses");
    };
    let ends = Ends {
        place: &place,
        target: &to,
        source: Some(&from),
    };
    let began = Instant::now();
    let outcomes = apply(&plan, ends, &journal, &options, &|_, _| {}).await;
    let took = began.elapsed();
    for outcome in outcomes.expect("an answer") {
        if let Err(failure) = outcome.result {
            panic!("{}: {failure}", outcome.name);
        }
    }
    took
}
