//! The judge of checkpoints: a JVM with Flink's and Hadoop's own classes that says of each
//! `_metadata` whether what it names is there. Refuses to use any of the product's code.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;

use crate::flink::FlinkVersion;
use crate::process::{guarded, spawn};
use crate::run::Run;
use crate::{java, test_job_jar};

/// For one answer, the JVM's start included.
const ANSWER_LIMIT: Duration = Duration::from_mins(2);

/// Something wrong with a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// `missing`, `length` (another length), `foreign` (names another cluster), `unreadable`.
    pub kind: String,
    /// The file.
    pub path: String,
    /// What is wrong with it.
    pub message: String,
}

/// One `_metadata`, and what Flink would find behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedCheckpoint {
    /// The directory that holds it, with scheme and authority, as `flink run -s` takes it.
    pub path: String,
    /// When it was last written, in milliseconds since the epoch.
    pub modified_ms: u64,
    /// Whether it was still being written, and so not read.
    pub unfinished: bool,
    /// How many files it names.
    pub files: u64,
    /// How many bytes those have.
    pub bytes: u64,
    /// What is wrong; nothing of a good one.
    pub findings: Vec<Finding>,
}

impl CheckedCheckpoint {
    /// Whether Flink could restore from it, without any other cluster.
    pub fn is_restorable(&self) -> bool {
        !self.unfinished && self.findings.is_empty()
    }

    /// The number in `chk-N`; none of a savepoint.
    pub fn id(&self) -> Option<u64> {
        self.path
            .rsplit('/')
            .next()?
            .strip_prefix("chk-")?
            .parse()
            .ok()
    }
}

/// A running checker. Dropped, its JVM is killed.
#[derive(Debug)]
pub struct Checker {
    child: Child,
    commands: ChildStdin,
    answers: Receiver<String>,
}

impl Checker {
    /// Starts the JVM with the classes of a Flink version, e.g. `1.20.5`, and a cluster's
    /// configuration. It serves any cluster that a URI with host and port names.
    ///
    /// # Errors
    /// When Maven fails, or the JVM cannot be started.
    pub fn start(run: &Run, flink: &str, hadoop_conf: &Path) -> Result<Self> {
        let version = FlinkVersion::try_from(flink)?;
        let lib = crate::jars("flink", &[("flink.version", version.as_str())])?;
        let jar = test_job_jar()?;
        let words = java::command(
            &[hadoop_conf, &jar, &lib.join("*")],
            &[
                "-Xmx256m",
                "-Dlog4j2.level=WARN",
                "--add-opens=java.base/java.util=ALL-UNNAMED",
            ],
            "io.dualwrite.checker.Checker",
            &[],
        );
        let log = run.log_dir().join("checker.log");
        let log = std::fs::File::create(&log)
            .with_context(|| format!("cannot write {}", log.display()))?;
        let mut command = guarded(&words, false);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log);
        let mut child = spawn(command).context("cannot start the checker")?;
        let commands = child.stdin.take().context("no pipe to the checker")?;
        let output = child.stdout.take().context("no pipe from the checker")?;
        let (sender, answers) = channel();
        std::thread::spawn(move || {
            // Ends with the JVM, or when nobody listens any more.
            for line in BufReader::new(output)
                .lines()
                .map_while(std::result::Result::ok)
            {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Self {
            child,
            commands,
            answers,
        })
    }

    /// Every `_metadata` below `root`, e.g. `hdfs://127.0.0.1:21000/checkpoints`, by path.
    ///
    /// A checkpoint that is retired in the middle of this is left out. That relies on its
    /// `_metadata` going first. Flink itself deletes in parallel on the primary, so there a
    /// finding counts only when it is still there at the next look; on the secondary each counts.
    ///
    /// # Errors
    /// When the cluster does not answer, or the checker does not within 120 s. The checker
    /// must then be started anew.
    pub fn check(&mut self, root: &str) -> Result<Vec<CheckedCheckpoint>> {
        writeln!(self.commands, "check {root}")
            .and_then(|()| self.commands.flush())
            .context("the checker has ended; see checker.log")?;
        let line = self
            .answers
            .recv_timeout(ANSWER_LIMIT)
            .map_err(|error| match error {
                RecvTimeoutError::Timeout => anyhow!("the checker did not answer in 120 s"),
                RecvTimeoutError::Disconnected => anyhow!("the checker has ended; see checker.log"),
            })?;
        let answer: Value = serde_json::from_str(&line)
            .with_context(|| format!("the checker said something else: {line}"))?;
        if let Some(error) = answer["error"].as_str() {
            bail!("the checker cannot look at {root}: {error}");
        }
        let checkpoints = answer["checkpoints"]
            .as_array()
            .context("no list of checkpoints")?;
        Ok(checkpoints.iter().map(checkpoint).collect())
    }
}

impl Drop for Checker {
    fn drop(&mut self) {
        // Both fail only for a process that is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn checkpoint(entry: &Value) -> CheckedCheckpoint {
    let findings = entry["findings"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    CheckedCheckpoint {
        path: text(entry, "path"),
        modified_ms: entry["modified_ms"].as_u64().unwrap_or_default(),
        unfinished: entry["unfinished"].as_bool().unwrap_or_default(),
        files: entry["files"].as_u64().unwrap_or_default(),
        bytes: entry["bytes"].as_u64().unwrap_or_default(),
        findings: findings.iter().map(finding).collect(),
    }
}

fn finding(entry: &Value) -> Finding {
    Finding {
        kind: text(entry, "kind"),
        path: text(entry, "path"),
        message: text(entry, "message"),
    }
}

fn text(entry: &Value, name: &str) -> String {
    entry[name].as_str().unwrap_or_default().to_owned()
}
