//! Resident memory of both TaskManagers while the secondary is frozen and the jobs go on.
//!
//! The heaps are of a fixed size and all there from the start, so that what differs is native.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use harness::{CheckpointInfo, Host, Run};
use serde_json::{Value, json};

use super::pair::{Pair, Side};
use crate::figures::{median, number, range};
use crate::screen::Screen;
use crate::vitals::{self, Vitals};

/// Between two checkpoints of either job.
const INTERVAL: Duration = Duration::from_secs(2);
/// Records in a second of either job: with few processors both are to keep their interval.
const PACE: u64 = 500;
/// Both jobs run so long before the secondary is frozen: until RocksDB's caches are full.
const WARM_UP: Duration = Duration::from_secs(90);
const LOOK: Duration = Duration::from_secs(1);
const MIB: f64 = 1_048_576.0;
/// The default of `dualwrite.buffer.memory`, in MiB.
const BUDGET: f64 = 64.0;
/// What may come on top, in MiB.
const BESIDES: f64 = 32.0;

/// What was seen, in MiB.
#[derive(Debug)]
pub(super) struct Measured {
    minutes: u64,
    /// Each look before the secondary was frozen: plain and product.
    before: Vec<(f64, f64)>,
    /// Each look while it was.
    frozen: Vec<(f64, f64)>,
    load: [String; 2],
}

impl Measured {
    /// For people.
    pub(super) fn text(&self) -> String {
        let row = |what: &str, looks: &[(f64, f64)]| {
            let (plain, product): (Vec<f64>, Vec<f64>) = looks.iter().copied().unzip();
            let more: Vec<f64> = looks
                .iter()
                .map(|(plain, product)| product - plain)
                .collect();
            let shown = |values: &[f64]| {
                let (_, most) = range(values).unwrap_or_default();
                format!("{:>6.0} {most:>6.0}", median(values).unwrap_or_default())
            };
            format!(
                "  {what:<21} {}   {}   {}",
                shown(&plain),
                shown(&product),
                shown(&more)
            )
        };
        let [before, after] = &self.load;
        format!(
            "\n  MiB, median and most         plain       product    difference\n{}\n{}\n  goal: \
             the difference is at most {:.0} MiB, of which {BUDGET:.0} are \
             dualwrite.buffer.memory\n  load averages {before} to {after}",
            row("healthy", &self.before),
            row(&format!("frozen for {} min", self.minutes), &self.frozen),
            BUDGET + BESIDES,
        )
    }

    /// For machines.
    pub(super) fn json(&self) -> Value {
        let looks = |looks: &[(f64, f64)]| {
            let pairs = looks.iter().map(|(plain, product)| json!([plain, product]));
            pairs.collect::<Vec<_>>()
        };
        json!({
            "minutes": self.minutes,
            "unit": "MiB, plain and product",
            "goal_of_the_difference": BUDGET + BESIDES,
            "healthy": looks(&self.before),
            "frozen": looks(&self.frozen),
            "load": self.load,
        })
    }
}

/// Measures it.
///
/// # Errors
/// When something fails on the way, or a checkpoint of either Flink fails.
pub(super) fn measure(run: &Run, minutes: u64, screen: &Screen) -> Result<Measured> {
    let host = Host::start()?;
    let pair = Pair::on_two_flinks(run, &host, INTERVAL, screen)?;
    let load = vitals::load();
    screen.step("both jobs run");
    pair.plain.job.pace(PACE)?;
    pair.product.job.pace(PACE)?;
    let before = look(&pair, WARM_UP, screen)?;
    pair.published()?;
    screen.step("the secondary is frozen (SIGSTOP)");
    pair.sites.secondary.freeze()?;
    let frozen = look(&pair, Duration::from_mins(minutes), screen)?;
    let jobs = [&pair.plain, &pair.product];
    jobs.into_iter().try_for_each(nothing_failed)?;
    pair.sites.secondary.thaw()?;
    pair.published()?;
    // A look at the start may be the same as one at the end, of half the time.
    let half = before.len() / 2;
    Ok(Measured {
        minutes,
        before: before[half..].to_vec(),
        frozen,
        load: [load, vitals::load()],
    })
}

fn look(pair: &Pair, time: Duration, screen: &Screen) -> Result<Vec<(f64, f64)>> {
    let start = Instant::now();
    let mut seen = Vec::new();
    while start.elapsed() < time {
        let mib = |side: &Side| {
            let vitals = Vitals::of(side.task_manager()?)?;
            Ok::<_, anyhow::Error>(number(vitals.resident_bytes) / MIB)
        };
        let (plain, product) = (mib(&pair.plain)?, mib(&pair.product)?);
        screen.progress(format!(
            "plain {plain:.0} MiB, with the product {product:.0} MiB"
        ));
        seen.push((plain, product));
        thread::sleep(LOOK);
    }
    Ok(seen)
}

fn nothing_failed(side: &Side) -> Result<()> {
    let history = side.flink.rest().checkpoints(&side.id)?;
    let first = history.iter().rfind(|info| info.status == "COMPLETED");
    let first = first
        .with_context(|| format!("{} completed nothing", side.name))?
        .id;
    let failed = |info: &&CheckpointInfo| info.status == "FAILED" && info.id > first;
    let failed: Vec<_> = history.iter().filter(failed).collect();
    ensure!(
        failed.is_empty(),
        "of {} these failed: {failed:?}",
        side.name
    );
    Ok(())
}
