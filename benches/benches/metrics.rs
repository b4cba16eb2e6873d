//! What the numbers cost: counting one write of a stream, alone and while another thread counts the
//! same; and a scrape of a JobManager with 200 jobs, in both formats.
#![allow(missing_docs)]

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use criterion::{Criterion, criterion_group, criterion_main};
use telemetry::{Format, Metrics};

const JOBS: u32 = 200;

/// What Flink's thread counts when a chunk is handed over and the next one leased.
fn count(metrics: &Metrics, bytes: u64) {
    metrics.bytes_accepted.inc_by(bytes);
    metrics.buffer_used.add(256 << 10);
}

fn counting(criterion: &mut Criterion) {
    let metrics = Metrics::new().expect("the table has no name twice");
    let mut group = criterion.benchmark_group("count one write");
    group.bench_function("alone", |bencher| {
        bencher.iter(|| count(&metrics, black_box(16 << 10)));
    });
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                count(&metrics, black_box(1));
            }
        });
        group.bench_function("beside a thread that does nothing else", |bencher| {
            bencher.iter(|| count(&metrics, black_box(16 << 10)));
        });
        over.store(true, Ordering::Relaxed);
    });
    group.finish();
}

fn scraping(criterion: &mut Criterion) {
    let metrics = Metrics::new().expect("the table has no name twice");
    for number in 0..JOBS {
        let job = metrics.job(
            &format!("a job of some name {number:03}"),
            &format!("{number:032x}"),
        );
        job.offered.inc_by(1000);
        job.published.inc_by(1000);
        job.lag_seconds.observe(0.1);
        job.completed_timestamp.set(1_700_000_000.0);
        job.published_timestamp.set(1_700_000_000.0);
    }
    let mut group = criterion.benchmark_group(format!("scrape {JOBS} jobs"));
    for format in [Format::Text, Format::OpenMetrics] {
        let render = || metrics.render_as(format).expect("memory takes all");
        println!("{format:?}: {} bytes", render().len());
        group.bench_function(format!("{format:?}"), |bencher| bencher.iter(render));
    }
    group.finish();
}

criterion_group!(all, counting, scraping);
criterion_main!(all);
