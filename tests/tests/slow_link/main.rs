//! A link that carries a tenth of what the job writes: how old the newest published checkpoint
//! gets, what waits on local disk and what does not, and that nothing that ends waits for the link.

mod age;
mod shutdown;
mod spill;
#[path = "../support/mod.rs"]
mod support;

use std::cell::Cell;

use anyhow::{Context, Result, ensure};
use harness::{ExactlyOnce, FlinkCluster, Host, Run};
use serde_json::Value;
use support::shared::{Shared, Stage};
use support::{DIRECTORY, Judge, Sites, Watched, is_of_slow_link, now_ms, said};

const FLINK: &str = "1.20.5";
/// Before the link becomes slow.
const CHECKPOINTS: usize = 6;
/// Of what the job writes, the link carries one part in so many.
const WRITTEN_TO_CARRIED: u64 = 10;
/// The keys that a test may set for itself, and what they are otherwise.
const OWN_KEYS: [(&str, Option<&str>); 3] = [
    (MEMORY_KEY, Some(MEMORY)),
    (SPILL_KEY, None),
    (LIMIT_KEY, None),
];
const MEMORY_KEY: &str = "dualwrite.buffer.memory";
const SPILL_KEY: &str = "dualwrite.spill.dir";
const LIMIT_KEY: &str = "dualwrite.upload.bandwidth-limit";
/// Half of it is less than a checkpoint has, so some of that waits on disk.
const MEMORY: &str = "8mb";

/// In the line that says that bytes found no room on their way.
const NOT_TEED: &str = "was not teed (buffer_full)";

static FREE: Shared<Apart> = Shared::new();

/// A secondary on a host of its own, and a Flink without a job.
struct Apart {
    flink: FlinkCluster,
    judge: Judge,
    sites: Sites,
}

impl Stage for Apart {
    fn run(&self) -> &Run {
        &self.sites.run
    }

    fn is_fit(&self) -> bool {
        true
    }
}

impl Apart {
    fn set() -> Result<Self> {
        let sites = Sites::launch_apart("slow_link")?;
        let flink = sites
            .flink(FLINK)?
            .config(MEMORY_KEY, MEMORY)
            .config("dualwrite.chunk.size", "64kb")
            .config("dualwrite.retention.grace", "5 s")
            .launch(&sites.run)?;
        sites.wait_ready()?;
        flink.wait_ready()?;
        let judge = sites.judge(FLINK)?;
        Ok(Self {
            flink,
            judge,
            sites,
        })
    }

    /// Ends what the test before has left, and starts Flink anew with these of [`OWN_KEYS`].
    fn begin(&mut self, keys: &[(&str, &str)]) -> Result<()> {
        // Fails if there was no limit.
        let _ = self.sites.host()?.unlimit();
        self.configure(keys)?;
        self.flink.restart()
    }

    /// Sets these of [`OWN_KEYS`] and none else, for processes that start later.
    fn configure(&mut self, keys: &[(&str, &str)]) -> Result<()> {
        for (key, usual) in OWN_KEYS {
            let own = keys.iter().find(|(own, _)| *own == key);
            let value = own.map(|(_, value)| *value).or(usual);
            self.flink.configure(key, value)?;
        }
        Ok(())
    }

    /// Runs a job of some megabytes of state until some of its checkpoints are published.
    fn run_job(&mut self, name: &str, backend: Backend, records: u64) -> Result<Running> {
        let job = ExactlyOnce {
            records,
            burst: 8_000,
            rate: backend.rate(),
            keys: backend.keys(),
            payload_bytes: backend.payload_bytes(),
            ..ExactlyOnce::new(name, &self.sites.run.data_dir(name)?)
        };
        let own = [("state.backend.type", backend.name())];
        let submission = job.submission(None)?.with(&own);
        let said_before = self.warnings()?;
        let watched = Watched::run(self.flink.rest(), &job, &submission)?;
        self.judge.until_published(&watched.id, 0)?;
        watched.complete_more(1)?;
        let (first, since) = (watched.newest()?, now_ms());
        watched.complete_more_under(&mut self.judge, CHECKPOINTS)?;
        let mut running = Running {
            watched,
            first,
            healthy: since..now_ms(),
            volume: Cell::new(0),
            rate: 0,
            interval: 0,
            said_before,
        };
        running.measure()?;
        Ok(running)
    }

    /// Lets the link carry a tenth of what the job writes.
    fn slow_down(&self, job: &Running) -> Result<()> {
        self.slow_down_by(1, job)
    }

    /// Lets the link carry so much less than a tenth of what the job writes.
    fn slow_down_by(&self, factor: u64, job: &Running) -> Result<()> {
        let bytes = f64::from(u32::try_from(job.rate / factor)?);
        self.sites.host()?.limit(Host::kilobits(bytes))
    }

    /// The stride that the job's TaskManager has recorded last, and the first checkpoint of it.
    fn stride(&self, job: &Running) -> Result<(u64, u64)> {
        let web = self.sites.secondary.web();
        let dir = format!("{DIRECTORY}/.dualwrite/strides/{}", job.watched.id);
        let mut last = (1, 0);
        for file in web.list(&dir)?.unwrap_or_default() {
            let record: Value =
                serde_json::from_slice(&web.read(&format!("{dir}/{}", file.name))?)?;
            let number = |name: &str| record[name].as_u64().context("a stride record");
            let (stride, from) = (number("stride")?, number("checkpoint")?);
            if from > last.1 {
                last = (stride, from);
            }
        }
        Ok(last)
    }

    /// How many warnings each process has said.
    fn warnings(&self) -> Result<Vec<usize>> {
        let count = |process| Ok(said(process, "WARN")?.len());
        self.flink.processes().map(count).collect()
    }

    /// What the processes have warned of since the job was submitted, but for a slow link: each may
    /// say once of a job that it leaves checkpoints out, or that somebody else does.
    fn warned(&self, job: &Running) -> Result<Vec<String>> {
        let mut all = Vec::new();
        for (process, before) in self.flink.processes().zip(&job.said_before) {
            let lines = said(process, "WARN")?.split_off(*before);
            let (slow, others): (Vec<_>, Vec<_>) =
                lines.into_iter().partition(|line| is_of_slow_link(line));
            ensure!(slow.len() <= 1, "{slow:#?}");
            all.extend(others);
        }
        Ok(all)
    }
}

/// Where the state lives, and so what a checkpoint writes.
#[derive(Debug, Clone, Copy)]
enum Backend {
    /// All of it, each time: 4 MB.
    Heap,
    /// What has changed since the one before, and what was compacted: more each second than all
    /// that is alive.
    RocksDb,
}

impl Backend {
    fn name(self) -> &'static str {
        match self {
            Self::Heap => "hashmap",
            Self::RocksDb => "rocksdb",
        }
    }

    fn keys(self) -> u64 {
        match self {
            Self::Heap => 1_000,
            Self::RocksDb => 200,
        }
    }

    fn payload_bytes(self) -> u64 {
        match self {
            Self::Heap => 1_024,
            Self::RocksDb => 4_096,
        }
    }

    /// Records in a second.
    fn rate(self) -> u64 {
        match self {
            Self::Heap => 200,
            Self::RocksDb => 1_200,
        }
    }
}

/// A job, and what it did while the link carried all.
struct Running {
    watched: Watched,
    /// Whatever failed up to here does not count.
    first: u64,
    healthy: std::ops::Range<u64>,
    /// Bytes to which a checkpoint refers, at most: of RocksDB's, it depends on what was compacted.
    volume: Cell<u64>,
    /// Bytes in a second that the slow link carries.
    rate: u64,
    /// Between two checkpoints, in milliseconds.
    interval: u64,
    said_before: Vec<usize>,
}

impl Running {
    fn measure(&mut self) -> Result<()> {
        let mut completed = self.watched.completed()?;
        completed.retain(|checkpoint| self.healthy.contains(&checkpoint.triggered_ms));
        let written: u64 = completed.iter().map(|each| each.checkpointed_bytes).sum();
        self.measure_volume()?;
        let millis = self.healthy.end - self.healthy.start;
        self.interval = millis / completed.len() as u64;
        self.rate = written * 1_000 / millis / WRITTEN_TO_CARRIED;
        let (volume, rate) = (self.volume.get(), self.rate);
        println!("{volume} bytes each, {rate} bytes a second");
        ensure!(volume > 3_000_000, "too little to be slow");
        Ok(())
    }

    /// Takes in what has completed up to now.
    fn measure_volume(&self) -> Result<()> {
        let completed = self.watched.completed()?;
        let largest = completed.iter().map(|each| each.state_bytes).max();
        let largest = largest.context("nothing has completed")?;
        self.volume.set(self.volume.get().max(largest));
        Ok(())
    }

    /// Whether the slow link carries a checkpoint before the next one of this stride begins.
    fn can_carry(&self, stride: u64) -> bool {
        stride * self.interval * self.rate >= 1_000 * self.volume.get()
    }

    /// How old the newest published checkpoint may become, in milliseconds: three times what it
    /// takes to carry one, and an interval.
    fn oldest_ms(&self) -> u64 {
        3 * 1_000 * self.volume.get() / self.rate + self.interval
    }

    /// How old the newest published checkpoint is, and its id.
    fn age_ms(&self, judge: &mut Judge) -> Result<(u64, u64)> {
        let newest = judge.newest_of(&self.watched.id)?;
        let id = newest.and_then(|newest| newest.id());
        let id = id.context("none is published")?;
        let completed = self.watched.completed()?;
        let its = completed.iter().find(|checkpoint| checkpoint.id == id);
        let its = its.with_context(|| format!("{id} is published and not completed"))?;
        Ok((now_ms().saturating_sub(its.triggered_ms), id))
    }

    /// The primary did not notice anything since `since`.
    fn was_unhurt(&self, since: u64) -> Result<()> {
        self.watched.nothing_failed_after(self.first)?;
        self.watched
            .took_no_longer(since..now_ms(), self.healthy.clone())
    }
}
