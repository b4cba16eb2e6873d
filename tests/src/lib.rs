//! Real HDFS and Flink processes for the tests and the demo.
//!
//! Starts, freezes, kills and restarts the processes that a site would run, and judges what they
//! leave behind. Refuses to know the product: it is a jar in `lib/` and some configuration keys.
//!
//! Every test opens a [`Run`], starts clusters in it, waits with [`wait_until`], and ends with
//! [`Run::passed`]. Whatever was started dies with the test, also when the test itself is killed.

mod checker;
mod disk;
mod dist;
mod exactly_once;
mod fingerprint;
mod flink;
mod hadoop;
mod hdfs;
mod host;
mod janitor;
mod java;
mod maven;
mod paths;
mod ports;
mod process;
mod prometheus;
mod proxy;
mod root;
mod run;
mod test_job;
mod wait;
mod zookeeper;

pub use checker::{CheckedCheckpoint, Checker, Finding};
pub use disk::Disk;
pub use dist::{DIST_JAR_NAME, dist_cli, dist_dir, dist_jar};
pub use exactly_once::{Comparison, ExactlyOnce};
pub use fingerprint::fingerprint;
pub use flink::{
    Certificate, CheckpointCounts, CheckpointInfo, Checkpoints, DEFAULT_VERSIONS, FlinkBuilder,
    FlinkCluster, FlinkRest, FlinkVersion, JAVA_OPTIONS, METRICS_SAID, REPORTER_SAID, Submission,
};
pub use hadoop::hadoop_command;
pub use hdfs::{HdfsBuilder, HdfsCluster, WebFile, WebHdfs};
pub use host::Host;
pub use maven::{jars, maven};
pub use paths::{harness_dir, workspace_dir};
pub use process::Process;
pub use prometheus::{Prometheus, Sample, promtool};
pub use proxy::{Fate, Proxy, Rule};
pub use run::Run;
pub use test_job::test_job_jar;
pub use wait::wait_until;
pub use zookeeper::ZooKeeper;
