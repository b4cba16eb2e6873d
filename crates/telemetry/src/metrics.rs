//! The counters behind the table. Every label value that is known in advance is there with 0 from
//! the start, so that a first failure shows as an increase.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus::core::{Collector, MetricVec, MetricVecBuilder};
use prometheus::proto::MetricFamily;
use prometheus::{
    Encoder, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry, TextEncoder,
};

use crate::balance::{Checkpoints, Streams, float_gauges};
use crate::clock::now_ms;
use crate::job::JobMetrics;
use crate::labels::UNPUBLISHABLE;
use crate::openmetrics;
use crate::table::{self as t, Entry};
use crate::trouble::Troubles;

/// Seconds; from a local disk's to a slow link's.
const DURATION_BUCKETS: &[f64] = &[
    0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 600.0,
];

/// Of hdfs-native in the library; a test compares it with Cargo.lock.
const HDFS_NATIVE: &str = "0.14.8";

/// A text format in which Prometheus takes metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Prometheus' text format 0.0.4.
    Text,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

/// The numbers of one process. Counting takes no lock and allocates nothing.
#[expect(
    missing_docs,
    reason = "each field is described by its entry in the table"
)]
pub struct Metrics {
    registry: Registry,
    pub sessions_opened: IntCounter,
    pub sessions_sealed: IntCounter,
    pub sessions_discarded: IntCounter,
    pub sessions_abandoned: IntCounterVec,
    pub files_uploaded: IntCounter,
    pub uploads_failed: IntCounter,
    pub upload_seconds: Histogram,
    pub bytes_accepted: IntCounter,
    pub bytes_uploaded: IntCounter,
    pub bytes_dropped: IntCounter,
    pub files_backfilled: IntCounter,
    pub bytes_backfilled: IntCounter,
    pub backfill_dropped: IntCounterVec,
    pub backfill_queue: IntGauge,
    pub backfill_queue_bytes: IntGauge,
    pub buffer_limit: IntGauge,
    pub buffer_used: IntGauge,
    pub spill_limit: IntGauge,
    pub spill_used: IntGauge,
    pub spilled_bytes: IntCounter,
    pub link_files: IntGauge,
    pub link_unacknowledged: IntGauge,
    pub secondary_errors: IntCounterVec,
    pub panics: IntCounter,
    secondary_up: IntGaugeVec,
    secondary_changed: GaugeVec,
    stride: IntGaugeVec,
    checkpoints: Checkpoints,
    checkpoints_retired: IntCounterVec,
    retired_files: IntCounterVec,
    publish_lag_seconds: HistogramVec,
    completed_id: IntGaugeVec,
    completed_timestamp: GaugeVec,
    published_id: IntGaugeVec,
    published_timestamp: GaugeVec,
    checkpoint_interval: GaugeVec,
    last_good_verify: GaugeVec,
    last_good_drill: GaugeVec,
    pub(crate) started_ms: u64,
    pub(crate) troubles: Troubles,
    pub(crate) known: Mutex<Known>,
}

/// What the open labels have had as values: of each, what people are shown.
#[derive(Default)]
pub(crate) struct Known {
    /// Address to whether it answers and since when, in milliseconds since the epoch.
    pub(crate) secondaries: BTreeMap<String, (bool, u64)>,
    /// By name and id.
    pub(crate) published: BTreeMap<[String; 2], JobMetrics>,
    /// By name and id.
    pub(crate) teed: BTreeMap<[String; 2], IntGauge>,
}

impl Metrics {
    /// A fresh set, all at 0.
    ///
    /// # Errors
    /// When the table contradicts itself (a name twice); a test excludes it.
    pub fn new() -> Result<Arc<Self>, prometheus::Error> {
        let r = Registry::new();
        let streams = streams()?;
        let checkpoints = checkpoints()?;
        let metrics = Self {
            sessions_opened: streams.opened.clone(),
            sessions_sealed: streams.sealed.clone(),
            sessions_discarded: streams.discarded.clone(),
            sessions_abandoned: streams.abandoned.clone(),
            files_uploaded: streams.uploaded.clone(),
            uploads_failed: streams.failed.clone(),
            upload_seconds: histograms(&r, t::UPLOAD_SECONDS)?.with_label_values::<&str>(&[]),
            bytes_accepted: streams.bytes_accepted.clone(),
            bytes_uploaded: streams.bytes_uploaded.clone(),
            bytes_dropped: streams.bytes_dropped.clone(),
            files_backfilled: register(&r, counter(t::FILES_BACKFILLED))?,
            bytes_backfilled: register(&r, counter(t::BYTES_BACKFILLED))?,
            backfill_dropped: register(&r, counters(t::BACKFILL_DROPPED))?,
            backfill_queue: gauge(&r, t::BACKFILL_QUEUE)?,
            backfill_queue_bytes: gauge(&r, t::BACKFILL_QUEUE_BYTES)?,
            buffer_limit: gauge(&r, t::BUFFER_LIMIT)?,
            buffer_used: gauge(&r, t::BUFFER_USED)?,
            spill_limit: gauge(&r, t::SPILL_LIMIT)?,
            spill_used: gauge(&r, t::SPILL_USED)?,
            spilled_bytes: register(&r, counter(t::SPILLED_BYTES))?,
            link_files: gauge(&r, t::LINK_FILES)?,
            link_unacknowledged: gauge(&r, t::LINK_UNACKNOWLEDGED)?,
            secondary_errors: register(&r, counters(t::SECONDARY_ERRORS))?,
            panics: register(&r, counter(t::PANICS))?,
            secondary_up: gauges(&r, t::SECONDARY_UP)?,
            secondary_changed: register(&r, float_gauges(t::SECONDARY_CHANGED))?,
            stride: gauges(&r, t::STRIDE)?,
            checkpoints_retired: register(&r, counters(t::CHECKPOINTS_RETIRED))?,
            retired_files: register(&r, counters(t::RETIRED_FILES))?,
            publish_lag_seconds: histograms(&r, t::PUBLISH_LAG_SECONDS)?,
            completed_id: gauges(&r, t::COMPLETED_ID)?,
            completed_timestamp: register(&r, float_gauges(t::COMPLETED_TIMESTAMP))?,
            published_id: gauges(&r, t::PUBLISHED_ID)?,
            published_timestamp: register(&r, float_gauges(t::PUBLISHED_TIMESTAMP))?,
            checkpoint_interval: register(&r, float_gauges(t::CHECKPOINT_INTERVAL))?,
            last_good_verify: register(&r, float_gauges(t::LAST_GOOD_VERIFY))?,
            last_good_drill: register(&r, float_gauges(t::LAST_GOOD_DRILL))?,
            checkpoints: checkpoints.clone(),
            started_ms: now_ms(),
            troubles: Troubles::default(),
            known: Mutex::default(),
            registry: r,
        };
        metrics.registry.register(Box::new(streams))?;
        metrics.registry.register(Box::new(checkpoints))?;
        metrics.say_what_runs()?;
        Ok(Arc::new(metrics))
    }

    fn say_what_runs(&self) -> prometheus::Result<()> {
        gauge(&self.registry, t::LIBRARY_LOADED)?.set(1);
        let info = gauges(&self.registry, t::BUILD_INFO)?;
        let build = [
            env!("CARGO_PKG_VERSION"),
            std::env::consts::ARCH,
            HDFS_NATIVE,
        ];
        info.with_label_values(&build).set(1);
        let started = register(&self.registry, float_gauges(t::STARTED))?;
        let started = started.with_label_values::<&str>(&[]);
        started.set(seconds(self.started_ms));
        Ok(())
    }

    /// The numbers of one job; the same labels give the same numbers.
    pub fn job(&self, name: &str, id: &str) -> JobMetrics {
        let labels = [name, id];
        let mut known = self.known();
        let job = known.published.entry(labels.map(str::to_owned));
        let job = job.or_insert_with(|| {
            seed(
                &self.checkpoints.unpublishable,
                &labels,
                UNPUBLISHABLE.values,
            );
            JobMetrics {
                offered: self.checkpoints.offered.with_label_values(&labels),
                published: self.checkpoints.published.with_label_values(&labels),
                superseded: self.checkpoints.superseded.with_label_values(&labels),
                retired: self.checkpoints_retired.with_label_values(&labels),
                retired_files: self.retired_files.with_label_values(&labels),
                lag_seconds: self.publish_lag_seconds.with_label_values(&labels),
                completed_id: self.completed_id.with_label_values(&labels),
                completed_timestamp: self.completed_timestamp.with_label_values(&labels),
                published_id: self.published_id.with_label_values(&labels),
                published_timestamp: self.published_timestamp.with_label_values(&labels),
                interval: self.checkpoint_interval.with_label_values(&labels),
                unpublishable: self.checkpoints.unpublishable.clone(),
                last_good_verify: self.last_good_verify.clone(),
                last_good_drill: self.last_good_drill.clone(),
                labels: labels.map(str::to_owned),
                troubles: Arc::default(),
            }
        });
        job.clone()
    }

    /// The stride of one job.
    pub fn stride(&self, name: &str, id: &str) -> IntGauge {
        let gauge = self.stride.with_label_values(&[name, id]);
        let labels = [name, id].map(str::to_owned);
        self.known().teed.insert(labels, gauge.clone());
        gauge
    }

    /// A secondary answers, or does so no more.
    pub fn secondary_is_up(&self, secondary: &str, is_up: bool) {
        let now = now_ms();
        let labels = [secondary];
        self.secondary_up
            .with_label_values(&labels)
            .set(i64::from(is_up));
        self.secondary_changed
            .with_label_values(&labels)
            .set(seconds(now));
        let mut known = self.known();
        known.secondaries.insert(secondary.to_owned(), (is_up, now));
    }

    /// Counts a stream that the tee gave up, `sealed` or before that.
    pub fn abandoned(&self, reason: &'static str, sealed: bool) {
        if sealed {
            // before the other: see `balance`
            self.uploads_failed.inc();
        }
        self.sessions_abandoned.with_label_values(&[reason]).inc();
        self.troubles.note(reason, now_ms());
    }

    /// All numbers in Prometheus' text format.
    ///
    /// # Errors
    /// When the encoder fails, which for memory it does not.
    pub fn render(&self) -> Result<String, prometheus::Error> {
        self.render_as(Format::Text)
    }

    /// All numbers in one of the formats.
    ///
    /// # Errors
    /// When the encoder fails, which for memory it does not.
    pub fn render_as(&self, format: Format) -> Result<String, prometheus::Error> {
        let families = self.gather();
        if format == Format::OpenMetrics {
            return Ok(openmetrics::encode(&families));
        }
        let mut text = Vec::new();
        TextEncoder::new().encode(&families, &mut text)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    pub(crate) fn gather(&self) -> Vec<MetricFamily> {
        self.registry.gather()
    }

    pub(crate) fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn streams() -> prometheus::Result<Streams> {
    Ok(Streams {
        opened: counter(t::SESSIONS_OPENED)?,
        sealed: counter(t::SESSIONS_SEALED)?,
        discarded: counter(t::SESSIONS_DISCARDED)?,
        abandoned: counters(t::SESSIONS_ABANDONED)?,
        uploaded: counter(t::FILES_UPLOADED)?,
        failed: counter(t::UPLOADS_FAILED)?,
        bytes_accepted: counter(t::BYTES_ACCEPTED)?,
        bytes_uploaded: counter(t::BYTES_UPLOADED)?,
        bytes_dropped: counter(t::BYTES_DROPPED)?,
    })
}

fn checkpoints() -> prometheus::Result<Checkpoints> {
    Ok(Checkpoints {
        offered: counters(t::CHECKPOINTS_OFFERED)?,
        published: counters(t::CHECKPOINTS_PUBLISHED)?,
        superseded: counters(t::CHECKPOINTS_SUPERSEDED)?,
        unpublishable: counters(t::CHECKPOINTS_UNPUBLISHABLE)?,
    })
}

/// Milliseconds since the epoch as seconds.
#[expect(clippy::cast_precision_loss, reason = "they fit into 53 bits")]
pub(crate) fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}

fn register<C: Collector + Clone + 'static>(
    registry: &Registry,
    metric: prometheus::Result<C>,
) -> prometheus::Result<C> {
    let metric = metric?;
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}

fn opts(entry: Entry) -> Opts {
    Opts::new(entry.name, entry.help)
}

fn labels(entry: Entry) -> Vec<&'static str> {
    entry.labels.iter().map(|label| label.name).collect()
}

fn counter(entry: Entry) -> prometheus::Result<IntCounter> {
    IntCounter::with_opts(opts(entry))
}

/// With all values that are known, unless they are a job's.
fn counters(entry: Entry) -> prometheus::Result<IntCounterVec> {
    let counters = IntCounterVec::new(opts(entry), &labels(entry))?;
    if let [label] = entry.labels {
        seed(&counters, &[], label.values);
    }
    Ok(counters)
}

/// Starts the last label's values with 0, behind those of the labels before it.
fn seed<B: MetricVecBuilder>(vec: &MetricVec<B>, before: &[&str], values: &[(&str, &str)]) {
    for (value, _) in values {
        let labels: Vec<_> = before.iter().chain([value]).collect();
        vec.with_label_values(&labels);
    }
}

fn gauge(r: &Registry, entry: Entry) -> prometheus::Result<IntGauge> {
    register(r, IntGauge::with_opts(opts(entry)))
}

fn gauges(r: &Registry, entry: Entry) -> prometheus::Result<IntGaugeVec> {
    register(r, IntGaugeVec::new(opts(entry), &labels(entry)))
}

fn histograms(r: &Registry, entry: Entry) -> prometheus::Result<HistogramVec> {
    let opts = HistogramOpts::new(entry.name, entry.help).buckets(DURATION_BUCKETS.to_vec());
    register(r, HistogramVec::new(opts, &labels(entry)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TABLE;

    /// The first value of a metric, whatever its labels.
    fn value(text: &str, name: &str) -> Option<f64> {
        let of = |line: &&str| line.split(['{', ' ']).next() == Some(name);
        let line = text.lines().find(of)?;
        line.rsplit(' ').next()?.parse().ok()
    }

    #[test]
    fn every_entry_of_the_table_is_rendered_and_every_value_that_is_known() {
        let metrics = Metrics::new().unwrap();
        metrics.stride("name", "id").set(1);
        metrics.secondary_is_up("hdfs://two", true);
        let job = metrics.job("name", "id");
        job.gave_up("timeout");
        job.verified(1_000);
        job.drilled(2_000);
        let text = metrics.render().unwrap();
        for entry in TABLE {
            let family = format!("# HELP {} {}\n", entry.name, entry.help);
            assert!(text.contains(&family), "{} is missing", entry.name);
            for (value, _) in entry.labels.iter().flat_map(|label| label.values) {
                let is_there = |line: &str| {
                    line.starts_with(entry.name) && line.contains(&format!("=\"{value}\"}}"))
                };
                assert!(text.lines().any(is_there), "{} {value}", entry.name);
            }
        }
        let families = text.lines().filter(|line| line.starts_with("# TYPE "));
        assert_eq!(families.count(), TABLE.len());
        let line = concat!(
            "dualwrite_checkpoints_unpublishable_total",
            r#"{job_id="id",job_name="name",reason="timeout"} 1"#
        );
        assert!(text.contains(line), "{text}");
    }

    #[test]
    fn the_hdfs_clients_version_is_the_one_that_is_linked() {
        let locked = include_str!("../../../Cargo.lock");
        let version = format!(
            "name = \"hdfs-native\"\nversion = \"{}\"\n",
            super::HDFS_NATIVE
        );
        assert!(locked.contains(&version));
    }

    #[test]
    fn what_is_between_is_what_has_begun_and_not_ended() {
        let metrics = Metrics::new().unwrap();
        metrics.sessions_opened.inc_by(10);
        metrics.sessions_sealed.inc_by(5);
        metrics.sessions_discarded.inc();
        metrics.abandoned("timeout", false);
        metrics.abandoned("timeout", true);
        metrics.files_uploaded.inc_by(2);
        metrics.bytes_accepted.inc_by(100);
        metrics.bytes_uploaded.inc_by(20);
        metrics.bytes_dropped.inc_by(30);
        let job = metrics.job("name", "id");
        job.offered.inc_by(9);
        job.published.inc_by(4);
        job.superseded.inc();
        job.gave_up("timeout");
        metrics.job("other", "other").offered.inc_by(7);
        let text = metrics.render().unwrap();
        assert_eq!(value(&text, "dualwrite_sessions_open"), Some(3.0));
        assert_eq!(value(&text, "dualwrite_uploads_in_progress"), Some(2.0));
        assert_eq!(value(&text, "dualwrite_inflight_bytes"), Some(50.0));
        assert_eq!(value(&text, "dualwrite_checkpoints_waiting"), Some(3.0));
    }

    #[test]
    fn a_jobs_numbers_are_the_same_when_it_is_asked_for_again() {
        let metrics = Metrics::new().unwrap();
        metrics.job("name", "id").gave_up("format");
        let again = metrics.job("name", "id");
        assert_eq!(again.unpublishable("format").get(), 1);
        assert_eq!(again.troubles.all().len(), 1);
    }
}
