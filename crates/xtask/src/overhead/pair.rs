//! The same job twice on the same primary, once plain and once with the product.
//!
//! Refuses to let them differ in anything else: where it is the time that is measured, both run in
//! the same processes, because two JVMs that do the same differ by a fifth for as long as they
//! live. At a site the clusters have machines of their own, so both are kept on the last processor,
//! with the JVMs' compilers, and the Flinks on the others. There the secondary's processes run when
//! nothing else does, so that the primary does not notice them; what is sent to them is received
//! there too; and they are in memory, not on the primary's disk.

use std::fs;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::{
    ExactlyOnce, FlinkBuilder, FlinkCluster, HdfsCluster, Host, Process, Run, test_job_jar,
    wait_until,
};

use super::{Backend, Who};
use crate::screen::Screen;
use crate::sites::{DIRECTORY, Sites};

/// For what may take as long as the start of a JVM on a busy machine.
pub(super) const LIMIT: Duration = Duration::from_mins(2);
/// Between two checkpoints that Flink triggers itself, where it is to trigger none.
pub(super) const NEVER: Duration = Duration::from_hours(1_000);
/// Records in a second while the pace is held.
pub(super) const RATE: u64 = 2_000;
/// Of one record; with [`RATE`], 4 MB of state change in a second.
const PAYLOAD_BYTES: u64 = 2_048;
/// With four payloads each, 32 MiB of state.
const KEYS: u64 = 4_000;
const FLINK: &str = "1.20.5";
/// Flink's own storage, by a job's own configuration (`CheckpointStorageLoader.load`, Flink 1.19
/// and later: the job's goes before the cluster's).
const PLAIN: (&str, &str) = ("execution.checkpointing.storage", "filesystem");
/// What the JVM's threads that compile are called.
const COMPILERS: [&str; 2] = ["C1 Compiler", "C2 Compiler"];
/// In milliseconds: HDFS' client waits so long, 400 unless said, where the NameNode has not heard
/// of a file's last block yet, and twice as long the next time. Whether it has is a race of a
/// millisecond, and a checkpoint that meets with one pause more would hide what is measured.
const CLOSE_AGAIN_AFTER: &str = "dfs.client.block.write.locateFollowingBlock.initial.delay.ms";

/// What runs side by side.
pub(super) struct Pair {
    pub(super) sites: Sites,
    pub(super) plain: Side,
    pub(super) product: Side,
}

/// A job and its Flink. It stands still until it is given a pace.
pub(super) struct Side {
    pub(super) name: &'static str,
    pub(super) flink: Arc<FlinkCluster>,
    pub(super) job: ExactlyOnce,
    /// The job's id.
    pub(super) id: String,
}

impl Pair {
    /// Starts everything, with both jobs on one Flink, the one of `first` before the other, or with
    /// two plain ones if there is no first. Checkpoints are triggered by hand.
    ///
    /// # Errors
    /// When something does not start.
    pub(super) fn on_one_flink(
        run: &Run,
        host: &Host,
        first: Option<Who>,
        backend: Backend,
        screen: &Screen,
    ) -> Result<Self> {
        let sites = start_sites(run, host, screen)?;
        screen.step(&format!("starting a Flink {FLINK}"));
        let flink = sites
            .product("flink", FLINK, NEVER)?
            .slots(4)
            // one class for both: two would not be compiled alike
            .lib(&test_job_jar()?)
            .config("classloader.resolve-order", "parent-first")
            .config("taskmanager.memory.managed.size", "256m")
            .config("taskmanager.memory.network.min", "128m")
            .config("taskmanager.memory.network.max", "128m");
        let flink = Arc::new(launch(flink, run)?);
        place(&sites, host, flink.processes())?;
        let submit = |who: Who, is_plain: bool| {
            let mut configuration = vec![backend.configured()];
            configuration.extend(is_plain.then_some(PLAIN));
            Side::submit(who, &flink, &configuration, run)
        };
        let (plain, product) = match first {
            None => (submit(Who::Plain, true)?, submit(Who::Product, true)?),
            Some(Who::Plain) => (submit(Who::Plain, true)?, submit(Who::Product, false)?),
            Some(Who::Product) => {
                let product = submit(Who::Product, false)?;
                (submit(Who::Plain, true)?, product)
            }
        };
        keep_compilers_on_last(flink.processes())?;
        Ok(Self {
            sites,
            plain,
            product,
        })
    }

    /// Starts everything, with a Flink for each of the jobs, one of them without the jar;
    /// checkpoints are triggered `every` so often.
    ///
    /// # Errors
    /// When something does not start.
    pub(super) fn on_two_flinks(
        run: &Run,
        host: &Host,
        every: Duration,
        screen: &Screen,
    ) -> Result<Self> {
        let sites = start_sites(run, host, screen)?;
        screen.step(&format!("starting two Flinks {FLINK}, one of them plain"));
        let plain = launch(sites.plain("plain", FLINK, every)?, run)?;
        let product = launch(sites.product("product", FLINK, every)?, run)?;
        place(&sites, host, plain.processes().chain(product.processes()))?;
        let (plain, product) = (Arc::new(plain), Arc::new(product));
        let plain = Side::submit(Who::Plain, &plain, &[], run)?;
        let product = Side::submit(Who::Product, &product, &[], run)?;
        let flinks = plain.flink.processes().chain(product.flink.processes());
        keep_compilers_on_last(flinks)?;
        Ok(Self {
            sites,
            plain,
            product,
        })
    }

    /// Makes sure that nothing of the plain job is on the secondary.
    ///
    /// # Errors
    /// When something is, or the secondary does not answer.
    pub(super) fn plain_is_plain(&self) -> Result<()> {
        let dir = format!("{DIRECTORY}/{}", self.plain.id);
        let listed = self.sites.secondary.web().list(&dir)?;
        ensure!(listed.is_none(), "{dir} is on the secondary");
        Ok(())
    }

    /// Waits until the newest checkpoint is published, or a newer one is, if they go on: an
    /// overhead of nothing done says nothing.
    ///
    /// # Errors
    /// At the limit.
    pub(super) fn published(&self) -> Result<()> {
        let Side { flink, id, .. } = &self.product;
        let completed = flink.rest().checkpoints(id)?;
        let newest = completed.iter().find(|info| info.status == "COMPLETED");
        let newest = newest.context("no checkpoint has completed")?.id;
        let dir = format!("{DIRECTORY}/{id}");
        let what = format!("checkpoint {newest}, or a newer one, in {dir} on the secondary");
        let secondary = self.sites.secondary.web();
        wait_until(&what, LIMIT, || {
            let listed = secondary.list(&dir)?.unwrap_or_default();
            let number = |name: &str| name.strip_prefix("chk-")?.parse::<u64>().ok();
            let mut published = 0;
            for entry in listed
                .iter()
                .filter(|entry| number(&entry.name) >= Some(newest))
            {
                let metadata = format!("{dir}/{}/_metadata", entry.name);
                published += usize::from(secondary.length(&metadata)?.is_some());
            }
            ensure!(published > 0, "{} entries, none of them that", listed.len());
            Ok(())
        })
    }
}

impl Backend {
    /// As Flink 1.18 and later call it, and take it in a job's own configuration.
    fn configured(self) -> (&'static str, &'static str) {
        let name = match self {
            Self::Rocksdb => "rocksdb",
            Self::Heap => "hashmap",
        };
        ("state.backend.type", name)
    }
}

impl Side {
    /// A job whose own `configuration` goes before that of its Flink.
    fn submit(
        who: Who,
        flink: &Arc<FlinkCluster>,
        configuration: &[(&str, &str)],
        run: &Run,
    ) -> Result<Self> {
        let name = who.name();
        flink.wait_ready()?;
        let job = ExactlyOnce {
            records: u64::MAX / 4,
            rate: RATE,
            keys: KEYS,
            payload_bytes: PAYLOAD_BYTES,
            ..ExactlyOnce::new(name, &run.data_dir(&format!("sink-{name}"))?)
        };
        job.pace(0)?;
        let submission = job.submission(None)?.with(configuration);
        let id = flink.rest().submit(&submission)?;
        flink.rest().wait_for_tasks(&id, LIMIT)?;
        Ok(Self {
            name,
            flink: Arc::clone(flink),
            job,
            id,
        })
    }

    /// The TaskManager's process.
    ///
    /// # Errors
    /// When it does not run.
    pub(super) fn task_manager(&self) -> Result<u32> {
        let pid = self.flink.task_manager(0).pid();
        pid.with_context(|| format!("the TaskManager of {} has ended", self.name))
    }
}

fn start_sites(run: &Run, host: &Host, screen: &Screen) -> Result<Sites> {
    screen.step("starting two HDFS clusters, primary and secondary");
    let secondary = HdfsCluster::builder("secondary").in_memory().host(host);
    let primary = HdfsCluster::builder("primary").client(CLOSE_AGAIN_AFTER, "20");
    Sites::of(run, primary, secondary)
}

fn last_processor() -> Result<usize> {
    let last = std::thread::available_parallelism()?.get() - 1;
    ensure!(
        last > 0,
        "the clusters need a processor of their own, and there is one in all"
    );
    Ok(last)
}

/// Puts everything on the processors that it is to run on.
fn place<'a>(sites: &Sites, host: &Host, flinks: impl Iterator<Item = &'a Process>) -> Result<()> {
    let last = last_processor()?;
    host.receive_on(&(0..last).collect::<Vec<_>>(), &[last])?;
    keep_on(&format!("0-{}", last - 1), flinks)?;
    keep_on(&last.to_string(), sites.primary.processes())?;
    keep_on(&last.to_string(), sites.secondary.processes())?;
    run_when_nothing_else_does(sites.secondary.processes())
}

/// Keeps processes on some processors, numbered from 0 as `taskset` has it: all their threads, and
/// those to come.
fn keep_on<'a>(processors: &str, processes: impl Iterator<Item = &'a Process>) -> Result<()> {
    for process in processes {
        let pid = process.pid().context("a process has ended")?;
        tool("taskset", &["-a", "-p", "-c", processors, &pid.to_string()])?;
    }
    Ok(())
}

/// All their threads, and those to come.
fn run_when_nothing_else_does<'a>(processes: impl Iterator<Item = &'a Process>) -> Result<()> {
    for process in processes {
        let pid = process.pid().context("a process has ended")?;
        tool("chrt", &["-a", "-i", "-p", "0", &pid.to_string()])?;
    }
    Ok(())
}

/// Keeps the threads of JVMs that compile on the last processor. They have to do for as long as a
/// round takes, and take a tenth of a processor for it; at a site they are done after some minutes.
fn keep_compilers_on_last<'a>(processes: impl Iterator<Item = &'a Process>) -> Result<()> {
    let last = last_processor()?.to_string();
    for process in processes {
        let pid = process.pid().context("a process has ended")?;
        let mut kept = 0;
        for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
            let thread = thread?;
            let name = fs::read_to_string(thread.path().join("comm")).unwrap_or_default();
            if COMPILERS.iter().any(|compiler| name.starts_with(compiler)) {
                let id = thread.file_name().to_string_lossy().into_owned();
                tool("taskset", &["-p", "-c", &last, &id])?;
                kept += 1;
            }
        }
        ensure!(kept > 0, "no thread of process {pid} compiles");
    }
    Ok(())
}

fn tool(program: &str, arguments: &[&str]) -> Result<()> {
    let output = Command::new(program).args(arguments).output()?;
    ensure!(output.status.success(), "{program}: {output:?}");
    Ok(())
}

/// As a site runs it, with the compiler that the tests do without for the sake of quick starts.
fn launch(flink: FlinkBuilder, run: &Run) -> Result<FlinkCluster> {
    flink
        .config("state.backend.rocksdb.writebuffer.size", "4mb")
        .config(
            "state.backend.rocksdb.compaction.level.target-file-size-base",
            "4mb",
        )
        .java_option("-XX:TieredStopAtLevel=4")
        // all from the start, so that they can be told to stay on a processor
        .java_option("-XX:-UseDynamicNumberOfCompilerThreads")
        .launch(run)
}
