//! What a Flink cluster of a test is configured with, in the form of its version. Pure text.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use super::version::FlinkVersion;

/// Keys and values, later ones replacing earlier ones.
pub(super) type Entries = BTreeMap<String, String>;

/// How a job is checkpointed: RocksDB, incrementally, kept on cancellation.
#[derive(Debug, Clone)]
pub struct Checkpoints {
    /// The primary's directory, e.g. `hdfs://127.0.0.1:21000/checkpoints`.
    pub dir: String,
    /// Between two triggers.
    pub interval: Duration,
    /// How many completed ones Flink keeps.
    pub retained: u32,
}

impl Checkpoints {
    /// The entries, under the names that this version documents.
    pub fn entries(&self, version: &FlinkVersion) -> Vec<(String, String)> {
        let renamed = version.is_at_least(1, 20);
        let name = |new: &str, old: &str| if renamed { new } else { old }.to_owned();
        let backend = if version.is_at_least(1, 18) {
            "state.backend.type"
        } else {
            "state.backend"
        };
        vec![
            (
                name("execution.checkpointing.dir", "state.checkpoints.dir"),
                self.dir.clone(),
            ),
            (
                name(
                    "execution.checkpointing.num-retained",
                    "state.checkpoints.num-retained",
                ),
                self.retained.to_string(),
            ),
            (
                name(
                    "execution.checkpointing.incremental",
                    "state.backend.incremental",
                ),
                "true".to_owned(),
            ),
            (
                "execution.checkpointing.interval".to_owned(),
                format!("{} ms", self.interval.as_millis()),
            ),
            (
                "execution.checkpointing.externalized-checkpoint-retention".to_owned(),
                "RETAIN_ON_CANCELLATION".to_owned(),
            ),
            (backend.to_owned(), "rocksdb".to_owned()),
            // Small, so that a checkpoint of a few megabytes has several files.
            (
                "state.backend.rocksdb.writebuffer.size".to_owned(),
                "1mb".to_owned(),
            ),
            (
                "state.backend.rocksdb.compaction.level.target-file-size-base".to_owned(),
                "1mb".to_owned(),
            ),
        ]
    }
}

/// What every cluster of a test has: small, quick to notice a lost process, restarting jobs.
pub(super) fn defaults(version: &FlinkVersion) -> Entries {
    let strategy = if version.is_at_least(1, 19) {
        "restart-strategy.type"
    } else {
        "restart-strategy"
    };
    [
        (strategy, "fixed-delay"),
        ("restart-strategy.fixed-delay.attempts", "1000"),
        ("restart-strategy.fixed-delay.delay", "500 ms"),
        ("jobmanager.rpc.address", "127.0.0.1"),
        ("jobmanager.bind-host", "127.0.0.1"),
        ("rest.address", "127.0.0.1"),
        ("rest.bind-address", "127.0.0.1"),
        ("taskmanager.host", "127.0.0.1"),
        ("taskmanager.bind-host", "127.0.0.1"),
        ("heartbeat.interval", "2000"),
        ("heartbeat.timeout", "20000"),
        ("web.checkpoints.history", "10000"),
        (
            "execution.checkpointing.tolerable-failed-checkpoints",
            "1000",
        ),
        // The TaskManager started by its class does not derive sizes from a total
        // (TaskExecutorResourceUtils.resourceSpecFromConfig, Flink 1.10 and later).
        ("taskmanager.cpu.cores", "2"),
        ("taskmanager.memory.framework.heap.size", "128m"),
        ("taskmanager.memory.framework.off-heap.size", "128m"),
        ("taskmanager.memory.task.heap.size", "384m"),
        ("taskmanager.memory.task.off-heap.size", "0"),
        ("taskmanager.memory.managed.size", "128m"),
        ("taskmanager.memory.network.min", "64m"),
        ("taskmanager.memory.network.max", "64m"),
        ("taskmanager.memory.jvm-metaspace.size", "256m"),
        ("taskmanager.memory.jvm-overhead.min", "192m"),
        ("taskmanager.memory.jvm-overhead.max", "192m"),
    ]
    .iter()
    .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
    .collect()
}

/// The JVM's options for Flink on Java 17, as in Flink's own default configuration where it knows
/// that Java; older versions run with the same.
pub const JAVA_OPTIONS: [&str; 17] = [
    "-XX:+IgnoreUnrecognizedVMOptions",
    "--add-exports=java.base/sun.net.util=ALL-UNNAMED",
    "--add-exports=java.rmi/sun.rmi.registry=ALL-UNNAMED",
    "--add-exports=java.security.jgss/sun.security.krb5=ALL-UNNAMED",
    "--add-opens=java.base/java.lang=ALL-UNNAMED",
    "--add-opens=java.base/java.lang.invoke=ALL-UNNAMED",
    "--add-opens=java.base/java.lang.reflect=ALL-UNNAMED",
    "--add-opens=java.base/java.net=ALL-UNNAMED",
    "--add-opens=java.base/java.io=ALL-UNNAMED",
    "--add-opens=java.base/java.nio=ALL-UNNAMED",
    "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
    "--add-opens=java.base/java.text=ALL-UNNAMED",
    "--add-opens=java.base/java.time=ALL-UNNAMED",
    "--add-opens=java.base/java.util=ALL-UNNAMED",
    "--add-opens=java.base/java.util.concurrent=ALL-UNNAMED",
    "--add-opens=java.base/java.util.concurrent.atomic=ALL-UNNAMED",
    "--add-opens=java.base/java.util.concurrent.locks=ALL-UNNAMED",
];

/// Name and text of the configuration file: standard YAML from 1.19 on, which 2.x requires.
pub(super) fn file(version: &FlinkVersion, entries: &Entries) -> (&'static str, String) {
    let yaml = version.is_at_least(1, 19);
    let mut text = String::new();
    for (key, value) in entries {
        let value = if yaml {
            format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
        } else {
            value.clone()
        };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{key}: {value}");
    }
    (
        if yaml {
            "config.yaml"
        } else {
            "flink-conf.yaml"
        },
        text,
    )
}

/// Everything from INFO on to standard output, which is the process's log file.
pub(super) const LOG4J: &str = "\
rootLogger.level = INFO
rootLogger.appenderRef.console.ref = Console
appender.console.name = Console
appender.console.type = CONSOLE
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{yyyy-MM-dd HH:mm:ss,SSS} %-5p %-60c %x - %m%n
logger.netty.name = org.jboss.netty.channel.DefaultChannelPipeline
logger.netty.level = OFF
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_quoted_in_yaml_and_only_there() {
        let entries = Entries::from([("a.b".to_owned(), "x: \"y\"".to_owned())]);
        let file_of = |text| file(&FlinkVersion::try_from(text).unwrap(), &entries);
        assert_eq!(
            file_of("2.2.1"),
            ("config.yaml", "a.b: \"x: \\\"y\\\"\"\n".to_owned())
        );
        assert_eq!(
            file_of("1.18.1"),
            ("flink-conf.yaml", "a.b: x: \"y\"\n".to_owned())
        );
    }
}
