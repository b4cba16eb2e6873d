//! Parsing and rewriting a `_metadata` that Flink's own serializer wrote.
#![allow(missing_docs)]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const GOLDEN: &[u8] = include_bytes!("../../tests/goldens/data/2.2.1/rocksdb-incremental.metadata");

fn rewrite() -> Vec<u8> {
    let bytes = black_box(GOLDEN);
    let metadata = checkpoint_format::parse(bytes).expect("a golden");
    let rewritten = checkpoint_format::rewrite(bytes, &metadata, |reference, new| {
        let rest = reference.path.strip_prefix("hdfs://primary:8020");
        new.push_str("hdfs://secondary:8020");
        new.push_str(rest.unwrap_or_default());
        rest.is_some()
    });
    rewritten.expect("a golden")
}

fn benches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("_metadata of one RocksDB increment");
    group.throughput(Throughput::Bytes(GOLDEN.len() as u64));
    group.bench_function("parse", |bencher| {
        bencher.iter(|| checkpoint_format::parse(black_box(GOLDEN)).expect("a golden"));
    });
    group.bench_function("parse and rewrite", |bencher| bencher.iter(rewrite));
    group.finish();
}

criterion_group!(all, benches);
criterion_main!(all);
