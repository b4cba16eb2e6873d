//! How fast many checkpoints are verified on a real NameNode, beside one getFileInfo after another
//! of the same files by the same client: `cargo run --release -p audit --example verify_many
//! [rounds]`. 50 checkpoints of one job, each with 2,000 files of its own. The files are empty: a
//! NameNode tells of a file the same whatever its length. Prints medians and their ratio, and
//! refuses to judge them.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use audit::{ClusterOptions, Location, Look, Place, Store, Which, manifest, targets, verify_all};
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use harness::{HdfsCluster, Run};

const CHECKPOINTS: usize = 50;
const FILES: usize = 2000;
const CONCURRENT_CREATES: usize = 32;

#[tokio::main]
async fn main() -> Result<()> {
    let rounds = std::env::args()
        .nth(1)
        .map_or(Ok(5), |rounds| rounds.parse())?;
    let run = Run::new("verify-many")?;
    let hdfs = HdfsCluster::start(&run, "secondary")?;
    let options = ClusterOptions {
        call_timeout: Duration::from_mins(1),
        ..ClusterOptions::default()
    };
    let place = audit::open(&format!("{}/cp", hdfs.uri()), &options)?;
    let begun = Instant::now();
    let files = set_up(&place).await?;
    println!("{} files made in {:?}", files.len(), begun.elapsed());

    let (mut together, mut one_by_one) = (Vec::new(), Vec::new());
    for round in 0..=rounds {
        let verified = verify_together(&place).await?;
        let stated = stat_one_by_one(&*place.store, &files).await?;
        let ratio = stated.as_secs_f64() / verified.as_secs_f64();
        println!("round {round}: verify {verified:?}, one by one {stated:?}, ratio {ratio:.1}");
        // The first warms both up.
        if round > 0 {
            together.push(verified);
            one_by_one.push(stated);
        }
    }
    let (verified, stated) = (median(&mut together), median(&mut one_by_one));
    let ratio = stated.as_secs_f64() / verified.as_secs_f64();
    println!("median: verify {verified:?}, one by one {stated:?}, ratio {ratio:.1}");
    run.passed();
    Ok(())
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// As `dualwrite verify --all`.
async fn verify_together(place: &Place) -> Result<Duration> {
    let begun = Instant::now();
    let found = targets(&*place.store, &place.location, &Which::All, false).await?;
    let reports = verify_all(&*place.store, &found.checkpoints, &Look::default()).await;
    let took = begun.elapsed();
    ensure!(reports.len() == CHECKPOINTS, "{} reports", reports.len());
    for report in reports {
        ensure!(report.usable(), "{:?}", report.findings.first());
        ensure!(report.files == FILES as u64, "{} files", report.files);
    }
    Ok(took)
}

async fn stat_one_by_one(store: &dyn Store, files: &[String]) -> Result<Duration> {
    let begun = Instant::now();
    for file in files {
        let status = store.stat(file).await?;
        ensure!(status.is_some_and(|status| status.length == 0), "{file}");
    }
    Ok(begun.elapsed())
}

/// The paths of all files.
async fn set_up(place: &Place) -> Result<Vec<String>> {
    let job = place.location.join("a1b2c3d4e5f60718293a4b5c6d7e8f90");
    let mut paths = Vec::new();
    for id in 1..=CHECKPOINTS {
        let dir = job.join(&format!("chk-{id}"));
        let file = |at| dir.join(&format!("{at:08x}-9ca5-3df3-94c7-619caaaa96d2"));
        let files: Vec<Location> = (0..FILES).map(file).collect();
        let creates = files
            .iter()
            .map(|file| create(&*place.store, file.path().to_owned(), Bytes::new()))
            .collect::<Vec<_>>();
        stream::iter(creates)
            .buffer_unordered(CONCURRENT_CREATES)
            .try_collect::<()>()
            .await?;
        let metadata = metadata(id, &files);
        ensure!(manifest(&metadata, &dir)?.files.len() == FILES);
        let path = dir.join("_metadata").path().to_owned();
        create(&*place.store, path, metadata.into()).await?;
        paths.extend(files.iter().map(|file| file.path().to_owned()));
    }
    Ok(paths)
}

async fn create(store: &dyn Store, path: String, bytes: Bytes) -> Result<()> {
    let mut writer = store.create(&path).await?;
    if !bytes.is_empty() {
        writer.write(bytes).await?;
    }
    writer.close().await?;
    Ok(())
}

/// Version 2, the shortest (docs/metadata-format.md): one operator, and of each of its subtasks a
/// keyed state in a file of its own.
fn metadata(id: usize, files: &[Location]) -> Vec<u8> {
    let mut out = Vec::new();
    let int = |out: &mut Vec<u8>, value: usize| {
        out.extend(i32::try_from(value).unwrap_or(i32::MAX).to_be_bytes());
    };
    out.extend(0x4960_672d_i32.to_be_bytes());
    int(&mut out, 2);
    out.extend((id as u64).to_be_bytes());
    int(&mut out, 0); // master states
    int(&mut out, 1); // operators
    out.extend([0xab; 16]);
    for value in [files.len(), files.len(), 1, files.len()] {
        int(&mut out, value); // parallelism, max parallelism, chain length, subtasks
    }
    for (index, file) in files.iter().enumerate() {
        int(&mut out, index);
        out.extend((-1_i64).to_be_bytes());
        for value in [0, 0, 0] {
            int(&mut out, value); // no legacy state, no operator state
        }
        out.push(3); // key groups: the first, how many, an offset of each
        int(&mut out, 0);
        int(&mut out, 1);
        out.extend(0_i64.to_be_bytes());
        out.push(2); // a file: length, path
        out.extend(0_i64.to_be_bytes());
        let path = file.to_string();
        let length = u16::try_from(path.len()).unwrap_or(u16::MAX);
        out.extend(length.to_be_bytes());
        out.extend(path.as_bytes());
        out.push(0); // no raw keyed state
    }
    out
}
