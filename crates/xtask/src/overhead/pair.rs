//! Two Flinks on the same primary, one plain and one with the product, each with the same job.
//!
//! Refuses to differ in anything but the jar and its keys. The secondary's processes have the
//! last processor to themselves, but for the JVMs' compilers, and nothing of the others' disk: at a
//! site they have machines of their own.

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::{
    ExactlyOnce, FlinkBuilder, FlinkCluster, HdfsCluster, Host, Process, Run, wait_until,
};

use super::Who;
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
/// What the JVM's threads that compile are called.
const COMPILERS: [&str; 2] = ["C1 Compiler", "C2 Compiler"];
/// In milliseconds: HDFS' client waits so long, 400 unless said, where the NameNode has not heard
/// of a file's last block yet, and twice as long the next time. Whether it has is a race of a
/// millisecond, and a checkpoint that meets with one pause more would hide what is measured.
const CLOSE_AGAIN_AFTER: &str = "dfs.client.block.write.locateFollowingBlock.initial.delay.ms";

/// Which Flinks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flinks {
    /// Which of them is started first.
    pub(super) first: Who,
    /// Neither of them has the product.
    pub(super) are_plain: bool,
}

/// What runs side by side.
pub(super) struct Pair {
    pub(super) sites: Sites,
    pub(super) plain: Side,
    pub(super) product: Side,
}

/// A Flink and its job, which stands still until it is given a pace.
pub(super) struct Side {
    pub(super) name: &'static str,
    pub(super) flink: FlinkCluster,
    pub(super) job: ExactlyOnce,
    /// The job's id.
    pub(super) id: String,
}

impl Pair {
    /// Starts everything, the secondary on `host`, if there is one; checkpoints are triggered
    /// `every` so often.
    ///
    /// # Errors
    /// When something does not start.
    pub(super) fn start(
        run: &Run,
        host: Option<&Host>,
        every: Duration,
        Flinks { first, are_plain }: Flinks,
        screen: &Screen,
    ) -> Result<Self> {
        screen.step("starting two HDFS clusters, primary and secondary");
        let secondary = HdfsCluster::builder("secondary").in_memory();
        let secondary = match host {
            Some(host) => secondary.host(host),
            None => secondary,
        };
        let primary = HdfsCluster::builder("primary").client(CLOSE_AGAIN_AFTER, "20");
        let sites = Sites::of(run, primary, secondary)?;
        screen.step(&format!("starting two Flinks {FLINK}, one of them plain"));
        let plain = || launch(sites.plain("plain", FLINK, every)?, run);
        let product = || {
            let flink = if are_plain {
                sites.plain("product", FLINK, every)
            } else {
                sites.product("product", FLINK, every)
            };
            launch(flink?, run)
        };
        let (plain, product) = match first {
            Who::Plain => (plain()?, product()?),
            Who::Product => {
                let product = product()?;
                (plain()?, product)
            }
        };
        let last = std::thread::available_parallelism()?.get() - 1;
        ensure!(
            last > 0,
            "the secondary needs a processor of its own, and there is one in all"
        );
        keep_on(&last.to_string(), sites.secondary.processes())?;
        let others = format!("0-{}", last - 1);
        keep_on(&others, sites.primary.processes())?;
        keep_on(&others, plain.processes().chain(product.processes()))?;
        let plain = Side::submit("plain", plain, run)?;
        let product = Side::submit("product", product, run)?;
        let flinks = plain.flink.processes().chain(product.flink.processes());
        keep_compilers_on(&last.to_string(), flinks)?;
        Ok(Self {
            sites,
            plain,
            product,
        })
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

impl Side {
    fn submit(name: &'static str, flink: FlinkCluster, run: &Run) -> Result<Self> {
        flink.wait_ready()?;
        let job = ExactlyOnce {
            records: u64::MAX / 4,
            rate: RATE,
            keys: KEYS,
            payload_bytes: PAYLOAD_BYTES,
            ..ExactlyOnce::new(name, &run.data_dir(&format!("sink-{name}"))?)
        };
        job.pace(0)?;
        let id = flink.rest().submit(&job.submission(None)?)?;
        flink.rest().wait_for_state(&id, "RUNNING", LIMIT)?;
        wait_until("all tasks to run", LIMIT, || {
            let details = flink.rest().get(&format!("/jobs/{id}"))?;
            let counts = &details["status-counts"];
            let running = counts["RUNNING"].as_u64();
            let all = details["vertices"].as_array().map_or(0, Vec::len);
            ensure!(running >= Some(u64::try_from(all)?), "{counts}");
            Ok(())
        })?;
        Ok(Self {
            name,
            flink,
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

/// Keeps processes on some processors, numbered from 0 as `taskset` has it: all their threads, and
/// those to come.
fn keep_on<'a>(processors: &str, processes: impl Iterator<Item = &'a Process>) -> Result<()> {
    for process in processes {
        let pid = process.pid().context("a process has ended")?;
        taskset(&["-a", "-p", "-c", processors, &pid.to_string()])?;
    }
    Ok(())
}

/// The same for the threads of JVMs that compile. They have to do for as long as a round takes, now
/// for one Flink and now for the other, and take a tenth of a processor for it; at a site they are
/// done after some minutes.
fn keep_compilers_on<'a>(
    processors: &str,
    processes: impl Iterator<Item = &'a Process>,
) -> Result<()> {
    for process in processes {
        let pid = process.pid().context("a process has ended")?;
        let mut kept = 0;
        for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
            let thread = thread?;
            let name = fs::read_to_string(thread.path().join("comm")).unwrap_or_default();
            if COMPILERS.iter().any(|compiler| name.starts_with(compiler)) {
                let id = thread.file_name().to_string_lossy().into_owned();
                taskset(&["-p", "-c", processors, &id])?;
                kept += 1;
            }
        }
        ensure!(kept > 0, "no thread of process {pid} compiles");
    }
    Ok(())
}

fn taskset(arguments: &[&str]) -> Result<()> {
    let output = Command::new("taskset").args(arguments).output()?;
    ensure!(output.status.success(), "taskset: {output:?}");
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
