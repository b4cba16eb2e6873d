//! What the tee costs Flink's thread: the copy of 16 KiB writes into leased chunks, handed over as
//! they fill, beside the bare copy of the same bytes. The store behind it is memory, so that only
//! the hand-over is measured and not a cluster.
#![allow(missing_docs)]

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use replicator::{JobHandle, Opener, Replicator, Scope, Session, Stream, Surroundings, from_pairs};
use store::{MemoryStore, Store};
use telemetry::Metrics;
use tokio::runtime::Runtime;

const WRITE_BYTES: usize = 16 << 10;
const STREAM_BYTES: usize = 4 << 20;
const CHUNK_BYTES: usize = 256 << 10;

fn job(runtime: &Runtime) -> JobHandle {
    let pairs = [
        ("job.id", "0123456789abcdef0123456789abcdef"),
        ("job.role", "worker"),
        ("primary.dir", "hdfs://primary/cp"),
        ("secondary.dir", "hdfs://secondary/cp"),
        ("buffer.memory", "1073741824"),
    ];
    let pairs: Vec<String> = pairs
        .iter()
        .flat_map(|(name, value)| [(*name).to_owned(), (*value).to_owned()])
        .collect();
    let (settings, spec) = from_pairs(&pairs).expect("the pairs are complete");
    let metrics = Metrics::new().expect("the table has no name twice");
    let opener: Opener = Arc::new(|_, _| Ok(Arc::new(MemoryStore::default()) as Arc<dyn Store>));
    let surroundings = Surroundings {
        opener,
        ..Surroundings::real(&settings)
    };
    let replicator = Replicator::start_in(surroundings, settings, metrics, runtime.handle());
    replicator.open_job(spec).expect("memory opens")
}

fn open(job: &JobHandle) -> Session {
    let stream = Stream {
        scope: Scope::Shared,
        checkpoint: None,
    };
    job.open_session(stream).expect("memory is never down")
}

fn tee(session: &Session, write: &[u8]) {
    session.lease();
    let mut at = 0;
    for _ in 0..STREAM_BYTES / WRITE_BYTES {
        if at + write.len() > CHUNK_BYTES {
            session.hand_over(at);
            at = 0;
        }
        at += session.fill(at, write);
    }
    session.discard();
}

fn benches(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("threads");
    let job = job(&runtime);
    let write = vec![7_u8; WRITE_BYTES];
    let mut target = vec![0_u8; STREAM_BYTES];
    let mut group = criterion.benchmark_group("write 4 MiB in 16 KiB pieces");
    group.throughput(Throughput::Bytes(STREAM_BYTES as u64));
    group.bench_function("bare copy", |bencher| {
        bencher.iter(|| {
            for piece in target.chunks_exact_mut(WRITE_BYTES) {
                piece.copy_from_slice(black_box(&write));
            }
            black_box(&mut target);
        });
    });
    group.bench_function("tee", |bencher| {
        bencher.iter(|| tee(&open(&job), black_box(&write)));
    });
    group.finish();
}

criterion_group!(all, benches);
criterion_main!(all);
