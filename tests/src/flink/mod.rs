//! A real Flink: a JobManager, perhaps one in reserve, and some TaskManagers, each a process of its
//! own.
//!
//! A session cluster that takes job jars over REST. Addresses stay the same over restarts.
//! Refuses to resolve memory or scripts as a distribution does: sizes are given by keys.

mod certificate;
mod config;
mod rest;
mod starter;
mod version;

pub use certificate::Certificate;
pub use config::{Checkpoints, JAVA_OPTIONS};
pub use rest::{CheckpointCounts, CheckpointInfo, FlinkRest, Submission};
pub use version::{DEFAULT_VERSIONS, FlinkVersion};

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};

use self::config::Entries;
use self::starter::{Standby, Starter, fill, write_conf};
use crate::ports::Port;
use crate::process::Process;
use crate::run::Run;
use crate::wait::wait_until;
use crate::zookeeper::ZooKeeper;

/// Before the address at which a process serves the product's numbers, in its log.
pub const METRICS_SAID: &str = "Metrics of this process are at http://";
/// Before the port of Flink's own reporter for Prometheus, in the log of a process.
pub const REPORTER_SAID: &str = "Started PrometheusReporter HTTP server on port ";
/// Of Flink's own reporter: below what the kernel serves, above what the harness takes.
const REPORTER_PORTS: &str = "31100-31999";
/// The last one of this line that Maven Central is known to have; Flink's metric interfaces do not
/// change in a line.
const REPORTER_OF_1_20: &str = "1.20.3";
/// Two JVM starts on a busy machine.
const READY_LIMIT: Duration = Duration::from_mins(2);

/// What is to be different from one TaskManager with four slots.
#[derive(Debug, Clone)]
pub struct FlinkBuilder {
    name: String,
    version: FlinkVersion,
    task_managers: usize,
    slots: usize,
    standby: bool,
    /// What its REST interface shows, and wants to be shown.
    tls: Option<Certificate>,
    entries: Entries,
    hadoop_conf: Option<PathBuf>,
    lib: Vec<PathBuf>,
    java_options: Vec<String>,
    env: Vec<(String, OsString)>,
}

impl FlinkBuilder {
    /// How many TaskManagers; 1 unless said.
    #[must_use]
    pub fn task_managers(mut self, count: usize) -> Self {
        self.task_managers = count;
        self
    }

    /// Slots of each TaskManager; 4 unless said.
    #[must_use]
    pub fn slots(mut self, count: usize) -> Self {
        self.slots = count;
        self
    }

    /// A second JobManager, for high availability, which is not started with the others.
    #[must_use]
    pub fn standby(mut self) -> Self {
        self.standby = true;
        self
    }

    /// An entry of the configuration file; replaces the harness's own and earlier ones.
    #[must_use]
    pub fn config(mut self, key: &str, value: &str) -> Self {
        self.entries.insert(key.to_owned(), value.to_owned());
        self
    }

    /// The entries that make jobs write checkpoints.
    #[must_use]
    pub fn checkpoints(mut self, checkpoints: &Checkpoints) -> Self {
        self.entries.extend(checkpoints.entries(&self.version));
        self
    }

    /// `HADOOP_CONF_DIR` of all processes.
    #[must_use]
    pub fn hadoop_conf(mut self, folder: &Path) -> Self {
        self.hadoop_conf = Some(folder.to_owned());
        self
    }

    /// A jar to be dropped into `lib/` before the start.
    #[must_use]
    pub fn lib(mut self, jar: &Path) -> Self {
        self.lib.push(jar.to_owned());
        self
    }

    /// Flink's own reporter for Prometheus, in each process on the first free port of a range. Its
    /// log says which.
    ///
    /// # Errors
    /// When Maven fails, or the jar is not there.
    pub fn prometheus_reporter(self) -> Result<Self> {
        let version = match self.version.as_str() {
            "1.20.5" => REPORTER_OF_1_20,
            version => version,
        };
        let jars = crate::jars("flink-prometheus", &[("flink.version", version)])?;
        let jar = jars.join(format!("flink-metrics-prometheus-{version}.jar"));
        anyhow::ensure!(jar.exists(), "{} is not there", jar.display());
        let prefix = "metrics.reporter.prom";
        let class = "org.apache.flink.metrics.prometheus.PrometheusReporterFactory";
        Ok(self
            .lib(&jar)
            .config(&format!("{prefix}.factory.class"), class)
            .config(&format!("{prefix}.port"), REPORTER_PORTS))
    }

    /// A further option of every JVM, e.g. `-Xmx1g`; the last of two counts.
    #[must_use]
    pub fn java_option(mut self, option: &str) -> Self {
        self.java_options.push(option.to_owned());
        self
    }

    /// A further environment variable of all processes.
    #[must_use]
    pub fn env(mut self, name: &str, value: &OsStr) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// High availability by ZooKeeper, with its files in `storage`, e.g. `hdfs://.../ha`.
    #[must_use]
    pub fn high_availability(self, zookeeper: &ZooKeeper, storage: &str) -> Self {
        let key = if self.version.is_at_least(1, 17) {
            "high-availability.type"
        } else {
            "high-availability"
        };
        self.config(key, "zookeeper")
            .config("high-availability.zookeeper.quorum", zookeeper.address())
            .config("high-availability.storageDir", storage)
            // A killed JobManager's lock is gone after this time.
            .config("high-availability.zookeeper.client.session-timeout", "5000")
    }

    /// Its REST interface speaks TLS, with those who show this certificate, too.
    #[must_use]
    pub fn rest_by_tls(mut self, certificate: &Certificate) -> Self {
        self.tls = Some(certificate.clone());
        let entries = certificate.entries().into_iter();
        entries.fold(self, |flink, (key, value)| flink.config(key, &value))
    }

    /// Starts the processes and waits until every TaskManager is registered.
    ///
    /// # Errors
    /// When Maven or a process fails: with the end of its log.
    pub fn start(self, run: &Run) -> Result<FlinkCluster> {
        let cluster = self.launch(run)?;
        cluster.wait_ready()?;
        Ok(cluster)
    }

    /// As [`FlinkBuilder::start`], without waiting.
    ///
    /// # Errors
    /// When Maven fails or no process can be started.
    pub fn launch(mut self, run: &Run) -> Result<FlinkCluster> {
        let ports = [Port::take()?, Port::take()?];
        let [rpc, rest] = &ports;
        let root = run.data_dir(&self.name)?;
        let entries = self.fill(&root, rpc, rest)?;

        let starter = Starter {
            builder: &self,
            run,
            root: &root,
        };
        let job_manager = starter.job_manager()?;
        let standby = self.standby.then(|| starter.standby()).transpose()?;
        let task_managers = (0..self.task_managers)
            .map(|index| starter.task_manager(index))
            .collect::<Result<Vec<_>>>()?;
        let rest_client = self.rest(rest)?;
        Ok(FlinkCluster {
            root,
            version: self.version,
            entries,
            rest: rest_client,
            job_manager,
            standby,
            task_managers,
            _ports: ports,
        })
    }

    /// The folder with `conf/` and `lib/` as [`FlinkBuilder::launch`] makes it; nothing is started.
    ///
    /// # Errors
    /// When Maven fails or the folder cannot be filled.
    pub fn install(mut self, run: &Run) -> Result<PathBuf> {
        let root = run.data_dir(&self.name)?;
        self.fill(&root, &Port::take()?, &Port::take()?)?;
        Ok(root)
    }

    fn rest(&self, port: &Port) -> Result<FlinkRest> {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{}", port.address());
        let own = self.tls.as_ref().map(Certificate::shown).transpose()?;
        Ok(FlinkRest::new(url, self.version.clone(), own))
    }

    fn fill(&mut self, root: &Path, rpc: &Port, rest: &Port) -> Result<Entries> {
        let jars = crate::jars("flink", &[("flink.version", self.version.as_str())])?;
        let mut entries = config::defaults(&self.version);
        for (key, value) in [
            ("jobmanager.rpc.port", rpc.number().to_string()),
            (
                "high-availability.jobmanager.port",
                rpc.number().to_string(),
            ),
            ("rest.port", rest.number().to_string()),
            ("rest.bind-port", rest.number().to_string()),
            ("taskmanager.numberOfTaskSlots", self.slots.to_string()),
        ] {
            entries.insert(key.to_owned(), value);
        }
        entries.append(&mut self.entries);
        fill(root, &self.version, &entries, &jars, &self.lib)?;
        Ok(entries)
    }
}

/// A running Flink. Dropped, all its processes are killed.
#[derive(Debug)]
pub struct FlinkCluster {
    root: PathBuf,
    version: FlinkVersion,
    entries: Entries,
    rest: FlinkRest,
    job_manager: Process,
    standby: Option<Standby>,
    task_managers: Vec<Process>,
    _ports: [Port; 2],
}

impl FlinkCluster {
    /// A cluster to be called `name` in folders and messages, of a version such as `1.20.5`.
    ///
    /// # Errors
    /// When `version` is none.
    pub fn builder(name: &str, version: &str) -> Result<FlinkBuilder> {
        Ok(FlinkBuilder {
            name: name.to_owned(),
            version: FlinkVersion::try_from(version)?,
            task_managers: 1,
            slots: 4,
            standby: false,
            tls: None,
            entries: Entries::new(),
            hadoop_conf: None,
            lib: Vec::new(),
            java_options: Vec::new(),
            env: Vec::new(),
        })
    }

    /// Its version.
    pub fn version(&self) -> &FlinkVersion {
        &self.version
    }

    /// Its REST interface: submit jobs, ask for checkpoints.
    pub fn rest(&self) -> &FlinkRest {
        &self.rest
    }

    /// The JobManager's process, to be killed, frozen, restarted.
    pub fn job_manager(&self) -> &Process {
        &self.job_manager
    }

    /// The JobManager in reserve and its REST interface; to be started by `restart`.
    ///
    /// # Errors
    /// When there is none.
    pub fn standby(&self) -> Result<(&Process, &FlinkRest)> {
        let standby = self
            .standby
            .as_ref()
            .context("there is no JobManager in reserve")?;
        Ok((&standby.process, &standby.rest))
    }

    /// A TaskManager's process.
    ///
    /// # Panics
    /// When there are not so many.
    pub fn task_manager(&self, index: usize) -> &Process {
        &self.task_managers[index]
    }

    /// All processes, the JobManager first, without the one in reserve.
    pub fn processes(&self) -> impl Iterator<Item = &Process> {
        std::iter::once(&self.job_manager).chain(&self.task_managers)
    }

    /// SIGKILLs every process.
    pub fn kill(&self) {
        self.processes().for_each(Process::kill);
    }

    /// Restarts every process, with what is in `lib/` and `conf/` by now.
    ///
    /// # Errors
    /// When a process fails or is not ready within its limit.
    pub fn restart(&self) -> Result<()> {
        self.processes().try_for_each(Process::restart)?;
        self.wait_ready()
    }

    /// Sets an entry of the configuration file, or takes it out, for processes that start later.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn configure(&mut self, key: &str, value: Option<&str>) -> Result<()> {
        match value {
            Some(value) => self.entries.insert(key.to_owned(), value.to_owned()),
            None => self.entries.remove(key),
        };
        write_conf(&self.root, &self.version, &self.entries)
    }

    /// The folder of the configuration; read by each process when it starts.
    pub fn conf_dir(&self) -> PathBuf {
        self.root.join("conf")
    }

    /// The folder of the jars; read by each process when it starts.
    pub fn lib_dir(&self) -> PathBuf {
        self.root.join("lib")
    }

    /// Waits until the JobManager has as many TaskManagers as run.
    ///
    /// One that was just killed may still be counted: to see its successor at work, wait for the
    /// job's next checkpoint.
    ///
    /// # Errors
    /// After 120 s, or as soon as a process has ended by itself.
    pub fn wait_ready(&self) -> Result<()> {
        let running: Vec<_> = self.processes().filter(|p| p.is_running()).collect();
        let expected = self.task_managers.iter().filter(|p| p.is_running()).count();
        let what = format!("{expected} TaskManagers of {}", self.job_manager.label());
        wait_until(&what, READY_LIMIT, || {
            if let Some(ended) = running.iter().find(|process| !process.is_running()) {
                return Ok(Err(ended.ended()));
            }
            match self.rest.task_managers()? {
                count if count >= expected => Ok(Ok(())),
                count => Err(anyhow!("{count} are registered")),
            }
        })?
    }
}
