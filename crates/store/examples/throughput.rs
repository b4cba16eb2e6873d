//! How fast the store writes to HDFS, beside raw hdfs-native on the same cluster in the same run.
//!
//! `cargo run --release -p store --example throughput [rounds]`. Prints medians and their ratio;
//! refuses to judge them.

use std::time::{Duration, Instant};

use anyhow::Result;
use bytes::Bytes;
use harness::{HdfsCluster, Run};
use hdfs_native::{Client, ClientBuilder, WriteOptions};
use store::{ClusterOptions, Store, open};

const FILE_BYTES: usize = 256 << 20;
const CHUNK_BYTES: usize = 256 << 10;
const CALL_TIMEOUT: Duration = Duration::from_mins(1);

#[tokio::main]
async fn main() -> Result<()> {
    let rounds = std::env::args()
        .nth(1)
        .map_or(Ok(14), |rounds| rounds.parse())?;
    let run = Run::new("store-throughput")?;
    let hdfs = HdfsCluster::start(&run, "secondary")?;
    let options = ClusterOptions {
        call_timeout: CALL_TIMEOUT,
        ..ClusterOptions::default()
    };
    let (store, _) = open(hdfs.uri(), &options)?;
    let client = ClientBuilder::new().with_url(hdfs.uri()).build()?;
    let chunk = Bytes::from(vec![42; CHUNK_BYTES]);

    let (mut ours, mut raws) = (Vec::new(), Vec::new());
    for round in 0..=rounds {
        let (raw, our);
        // Neither always goes first; the first round warms both up.
        if round % 2 == 0 {
            raw = write_raw(&client, &chunk).await?;
            our = write(&*store, &chunk).await?;
        } else {
            our = write(&*store, &chunk).await?;
            raw = write_raw(&client, &chunk).await?;
        }
        if round > 0 {
            println!(
                "round {round}: raw {:.0} MiB/s, store {:.0} MiB/s",
                rate(raw),
                rate(our)
            );
            raws.push(raw);
            ours.push(our);
        }
    }
    let (raw, our) = (rate(median(&mut raws)), rate(median(&mut ours)));
    println!(
        "median: raw {raw:.0} MiB/s, store {our:.0} MiB/s, ratio {:.3}",
        our / raw
    );
    run.passed();
    Ok(())
}

async fn write_raw(client: &Client, chunk: &Bytes) -> Result<Duration> {
    let start = Instant::now();
    let mut file = client.create("/raw", WriteOptions::default()).await?;
    for _ in 0..FILE_BYTES / CHUNK_BYTES {
        Box::pin(file.write_bytes(chunk.clone())).await?;
    }
    Box::pin(file.close()).await?;
    let took = start.elapsed();
    client.delete("/raw", false).await?;
    Ok(took)
}

async fn write(store: &dyn Store, chunk: &Bytes) -> Result<Duration> {
    let start = Instant::now();
    let mut file = store.create("/store").await?;
    for _ in 0..FILE_BYTES / CHUNK_BYTES {
        file.write(chunk.clone()).await?;
    }
    file.close().await?;
    let took = start.elapsed();
    store.delete("/store", false).await?;
    Ok(took)
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// MiB per second of one file.
fn rate(time: Duration) -> f64 {
    f64::from(u32::try_from(FILE_BYTES >> 20).unwrap_or(u32::MAX)) / time.as_secs_f64()
}
