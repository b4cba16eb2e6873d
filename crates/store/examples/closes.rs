//! How long `close` of a small file takes on a real HDFS: `cargo run --release -p store --example
//! closes`. Without the look at the committed length it is hdfs-native's pause of 500 ms.

use std::time::Instant;

use anyhow::Result;
use bytes::Bytes;
use harness::{HdfsCluster, Run};

const FILES: usize = 200;
const FILE_BYTES: usize = 100_000;

fn main() -> Result<()> {
    let run = Run::new("closes")?;
    let hdfs = HdfsCluster::start(&run, "secondary")?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let mut times = runtime.block_on(async {
        let (store, _) = store::open(hdfs.uri(), &store::ClusterOptions::default())?;
        let mut times = Vec::with_capacity(FILES);
        for index in 0..FILES {
            let mut writer = store.create(&format!("/closes/{index}")).await?;
            writer.write(Bytes::from(vec![1; FILE_BYTES])).await?;
            let before = Instant::now();
            writer.close().await?;
            times.push(before.elapsed());
        }
        anyhow::Ok(times)
    })?;
    times.sort();
    println!(
        "close of {FILES} files: median {:?}, 90 % within {:?}, all within {:?}",
        times[FILES / 2],
        times[FILES * 9 / 10],
        times[FILES - 1]
    );
    run.passed();
    Ok(())
}
