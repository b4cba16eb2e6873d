//! How Flink's processes are started: main classes, options, and a folder as a distribution's.
//!
//! Refuses to wait for what it starts.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::config::{self, Entries, JAVA_OPTIONS};
use super::{FlinkBuilder, FlinkRest, FlinkVersion};
use crate::java;
use crate::ports::Port;
use crate::process::{Launch, Process};
use crate::run::Run;

const JOB_MANAGER: &str = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint";
const JOB_MANAGER_HEAP: &[&str] = &["-Xmx512m"];
const TASK_MANAGER: &str = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner";

/// A JobManager in reserve.
#[derive(Debug)]
pub(super) struct Standby {
    pub(super) process: Process,
    pub(super) rest: FlinkRest,
    _ports: [Port; 2],
}

/// What the processes of one cluster share while they are started.
pub(super) struct Starter<'a> {
    pub(super) builder: &'a FlinkBuilder,
    pub(super) run: &'a Run,
    pub(super) root: &'a Path,
}

impl Starter<'_> {
    pub(super) fn job_manager(&self) -> Result<Process> {
        self.start("jobmanager", JOB_MANAGER, JOB_MANAGER_HEAP, &[])
    }

    pub(super) fn task_manager(&self, index: usize) -> Result<Process> {
        let id = format!("taskmanager-{index}");
        let tmp = self.root.join("tmp").join(&id);
        std::fs::create_dir_all(&tmp)
            .with_context(|| format!("cannot create {}", tmp.display()))?;
        let options = [
            format!("-Dtaskmanager.resource-id={id}"),
            format!("-Dio.tmp.dirs={}", tmp.display()),
        ];
        let jvm = ["-Xmx512m", "-XX:MaxDirectMemorySize=384m"];
        self.start(&id, TASK_MANAGER, &jvm, &options)
    }

    /// Not started yet.
    pub(super) fn standby(&self) -> Result<Standby> {
        let (rpc, rest) = (Port::take()?, Port::take()?);
        let options = [
            format!("-Djobmanager.rpc.port={}", rpc.number()),
            format!("-Dhigh-availability.jobmanager.port={}", rpc.number()),
            format!("-Drest.port={}", rest.number()),
            format!("-Drest.bind-port={}", rest.number()),
        ];
        let launch = self.launch("standby", JOB_MANAGER, JOB_MANAGER_HEAP, &options);
        Ok(Standby {
            process: Process::prepare(launch),
            rest: self.builder.rest(&rest)?,
            _ports: [rpc, rest],
        })
    }

    fn start(&self, role: &str, main: &str, jvm: &[&str], options: &[String]) -> Result<Process> {
        Process::start(self.launch(role, main, jvm, options))
    }

    fn launch(&self, role: &str, main: &str, jvm: &[&str], options: &[String]) -> Launch {
        let root = self.root.display();
        let places = [
            format!("-Dlog4j.configurationFile=file:{root}/conf/log4j.properties"),
            format!("-Djava.io.tmpdir={root}/tmp"),
        ];
        let mut java_options: Vec<&str> = JAVA_OPTIONS.to_vec();
        java_options.extend(jvm);
        java_options.extend(places.iter().map(String::as_str));
        java_options.extend(self.builder.java_options.iter().map(String::as_str));
        let conf = self.root.join("conf");
        let conf_text = conf.to_string_lossy().into_owned();
        let mut arguments = vec!["--configDir", &conf_text];
        arguments.extend(options.iter().map(String::as_str));
        let classes: [&Path; 1] = [&self.root.join("lib/*")];
        let mut env: Vec<(String, OsString)> = vec![
            ("FLINK_CONF_DIR".to_owned(), conf.into()),
            ("FLINK_LIB_DIR".to_owned(), self.root.join("lib").into()),
            (
                "FLINK_PLUGINS_DIR".to_owned(),
                self.root.join("plugins").into(),
            ),
        ];
        if let Some(folder) = &self.builder.hadoop_conf {
            env.push(("HADOOP_CONF_DIR".to_owned(), folder.into()));
        }
        env.extend(self.builder.env.iter().cloned());
        let name = &self.builder.name;
        Launch {
            label: format!("{name}/{role}"),
            command: java::command(&classes, &java_options, main, &arguments),
            env,
            directory: self.root.to_owned(),
            log: self.run.log_dir().join(format!("{name}-{role}.log")),
            keep: self.run.is_kept(),
        }
    }
}

/// Writes the configuration file.
pub(super) fn write_conf(root: &Path, version: &FlinkVersion, entries: &Entries) -> Result<()> {
    let (name, text) = config::file(version, entries);
    std::fs::write(root.join("conf").join(name), text)
        .with_context(|| format!("cannot write {name}"))
}

/// Fills a folder as a distribution's: `conf/`, `lib/`, `plugins/`, `tmp/`.
pub(super) fn fill(
    root: &Path,
    version: &FlinkVersion,
    entries: &Entries,
    jars: &Path,
    extra: &[PathBuf],
) -> Result<()> {
    for folder in ["conf", "lib", "plugins", "tmp"] {
        std::fs::create_dir_all(root.join(folder))
            .with_context(|| format!("cannot create {folder} in {}", root.display()))?;
    }
    write_conf(root, version, entries)?;
    std::fs::write(root.join("conf/log4j.properties"), config::LOG4J)
        .context("cannot write log4j.properties")?;
    let jars =
        std::fs::read_dir(jars).with_context(|| format!("cannot list {}", jars.display()))?;
    for jar in jars {
        let jar = jar.context("cannot list the jars")?;
        std::os::unix::fs::symlink(jar.path(), root.join("lib").join(jar.file_name()))
            .context("cannot link a jar into lib/")?;
    }
    for jar in extra {
        let name = jar.file_name().context("a jar without a name")?;
        // A copy: a jar that is built anew must not change under a running JVM.
        std::fs::copy(jar, root.join("lib").join(name))
            .with_context(|| format!("cannot copy {} into lib/", jar.display()))?;
    }
    Ok(())
}
