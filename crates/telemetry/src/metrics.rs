//! The counters behind the table. Every label value that is known in advance is there with 0 from
//! the start, so that a first failure shows as an increase.

use std::sync::Arc;

use prometheus::core::Collector;
use prometheus::{
    Encoder, Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec,
    IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
};

use crate::table::{self as t, Entry};

/// Seconds; from a local disk's to a slow link's.
const DURATION_BUCKETS: &[f64] = &[
    0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 600.0,
];

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
    pub bytes_accepted: IntCounter,
    pub files_uploaded: IntCounter,
    pub bytes_uploaded: IntCounter,
    pub upload_seconds: Histogram,
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
    pub secondary_up: IntGauge,
    pub secondary_errors: IntCounterVec,
    pub panics: IntCounter,
    stride: IntGaugeVec,
    checkpoints_offered: IntCounterVec,
    checkpoints_published: IntCounterVec,
    checkpoints_superseded: IntCounterVec,
    checkpoints_unpublishable: IntCounterVec,
    checkpoints_retired: IntCounterVec,
    publish_lag_seconds: HistogramVec,
    completed_id: IntGaugeVec,
    completed_timestamp: GaugeVec,
    published_id: IntGaugeVec,
    published_timestamp: GaugeVec,
}

/// The numbers of one job on its JobManager.
#[expect(
    missing_docs,
    reason = "each field is described by its entry in the table"
)]
#[derive(Clone)]
pub struct JobMetrics {
    pub offered: IntCounter,
    pub published: IntCounter,
    pub superseded: IntCounter,
    pub retired: IntCounter,
    pub lag_seconds: Histogram,
    pub completed_id: IntGauge,
    pub completed_timestamp: Gauge,
    pub published_id: IntGauge,
    pub published_timestamp: Gauge,
    unpublishable: IntCounterVec,
    labels: [String; 2],
}

impl Metrics {
    /// A fresh set, all at 0.
    ///
    /// # Errors
    /// When the table contradicts itself (a name twice); a test excludes it.
    pub fn new() -> Result<Arc<Self>, prometheus::Error> {
        let r = Registry::new();
        Ok(Arc::new(Self {
            sessions_opened: counter(&r, t::SESSIONS_OPENED)?,
            sessions_sealed: counter(&r, t::SESSIONS_SEALED)?,
            sessions_discarded: counter(&r, t::SESSIONS_DISCARDED)?,
            sessions_abandoned: counters(&r, t::SESSIONS_ABANDONED)?,
            bytes_accepted: counter(&r, t::BYTES_ACCEPTED)?,
            files_uploaded: counter(&r, t::FILES_UPLOADED)?,
            bytes_uploaded: counter(&r, t::BYTES_UPLOADED)?,
            upload_seconds: histograms(&r, t::UPLOAD_SECONDS)?.with_label_values::<&str>(&[]),
            files_backfilled: counter(&r, t::FILES_BACKFILLED)?,
            bytes_backfilled: counter(&r, t::BYTES_BACKFILLED)?,
            backfill_dropped: counters(&r, t::BACKFILL_DROPPED)?,
            backfill_queue: gauge(&r, t::BACKFILL_QUEUE)?,
            backfill_queue_bytes: gauge(&r, t::BACKFILL_QUEUE_BYTES)?,
            buffer_limit: gauge(&r, t::BUFFER_LIMIT)?,
            buffer_used: gauge(&r, t::BUFFER_USED)?,
            spill_limit: gauge(&r, t::SPILL_LIMIT)?,
            spill_used: gauge(&r, t::SPILL_USED)?,
            spilled_bytes: counter(&r, t::SPILLED_BYTES)?,
            link_files: gauge(&r, t::LINK_FILES)?,
            link_unacknowledged: gauge(&r, t::LINK_UNACKNOWLEDGED)?,
            secondary_up: gauge(&r, t::SECONDARY_UP)?,
            secondary_errors: counters(&r, t::SECONDARY_ERRORS)?,
            panics: counter(&r, t::PANICS)?,
            stride: gauges(&r, t::STRIDE)?,
            checkpoints_offered: counters(&r, t::CHECKPOINTS_OFFERED)?,
            checkpoints_published: counters(&r, t::CHECKPOINTS_PUBLISHED)?,
            checkpoints_superseded: counters(&r, t::CHECKPOINTS_SUPERSEDED)?,
            checkpoints_unpublishable: counters(&r, t::CHECKPOINTS_UNPUBLISHABLE)?,
            checkpoints_retired: counters(&r, t::CHECKPOINTS_RETIRED)?,
            publish_lag_seconds: histograms(&r, t::PUBLISH_LAG_SECONDS)?,
            completed_id: gauges(&r, t::COMPLETED_ID)?,
            completed_timestamp: float_gauges(&r, t::COMPLETED_TIMESTAMP)?,
            published_id: gauges(&r, t::PUBLISHED_ID)?,
            published_timestamp: float_gauges(&r, t::PUBLISHED_TIMESTAMP)?,
            registry: r,
        }))
    }

    /// The numbers of one job; the same labels give the same numbers. `unpublishable_reasons` start
    /// with 0.
    pub fn job(&self, name: &str, id: &str, unpublishable_reasons: &[&str]) -> JobMetrics {
        let labels = [name, id];
        for reason in unpublishable_reasons {
            self.checkpoints_unpublishable
                .with_label_values(&[name, id, reason]);
        }
        JobMetrics {
            offered: self.checkpoints_offered.with_label_values(&labels),
            published: self.checkpoints_published.with_label_values(&labels),
            superseded: self.checkpoints_superseded.with_label_values(&labels),
            retired: self.checkpoints_retired.with_label_values(&labels),
            lag_seconds: self.publish_lag_seconds.with_label_values(&labels),
            completed_id: self.completed_id.with_label_values(&labels),
            completed_timestamp: self.completed_timestamp.with_label_values(&labels),
            published_id: self.published_id.with_label_values(&labels),
            published_timestamp: self.published_timestamp.with_label_values(&labels),
            unpublishable: self.checkpoints_unpublishable.clone(),
            labels: labels.map(str::to_owned),
        }
    }

    /// The stride of one job.
    pub fn stride(&self, name: &str, id: &str) -> IntGauge {
        self.stride.with_label_values(&[name, id])
    }

    /// All numbers in Prometheus' text format.
    ///
    /// # Errors
    /// When the encoder fails, which for memory it does not.
    pub fn render(&self) -> Result<String, prometheus::Error> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}

impl JobMetrics {
    /// The counter of checkpoints that cannot be published for `reason`.
    pub fn unpublishable(&self, reason: &str) -> IntCounter {
        let [name, id] = &self.labels;
        self.unpublishable
            .with_label_values(&[name.as_str(), id, reason])
    }
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

fn counter(r: &Registry, entry: Entry) -> prometheus::Result<IntCounter> {
    register(r, IntCounter::with_opts(opts(entry)))
}

fn counters(r: &Registry, entry: Entry) -> prometheus::Result<IntCounterVec> {
    register(r, IntCounterVec::new(opts(entry), entry.labels))
}

fn gauge(r: &Registry, entry: Entry) -> prometheus::Result<IntGauge> {
    register(r, IntGauge::with_opts(opts(entry)))
}

fn gauges(r: &Registry, entry: Entry) -> prometheus::Result<IntGaugeVec> {
    register(r, IntGaugeVec::new(opts(entry), entry.labels))
}

fn float_gauges(r: &Registry, entry: Entry) -> prometheus::Result<GaugeVec> {
    register(r, GaugeVec::new(opts(entry), entry.labels))
}

fn histograms(r: &Registry, entry: Entry) -> prometheus::Result<HistogramVec> {
    let opts = HistogramOpts::new(entry.name, entry.help).buckets(DURATION_BUCKETS.to_vec());
    register(r, HistogramVec::new(opts, entry.labels))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TABLE;

    #[test]
    fn every_entry_of_the_table_is_rendered() {
        let metrics = Metrics::new().unwrap();
        metrics.sessions_abandoned.with_label_values(&["x"]);
        metrics.backfill_dropped.with_label_values(&["x"]);
        metrics.secondary_errors.with_label_values(&["x"]);
        metrics.stride("name", "id").set(1);
        let job = metrics.job("name", "id", &["timeout"]);
        job.unpublishable("timeout").inc();
        let text = metrics.render().unwrap();
        for entry in TABLE {
            assert!(
                text.contains(&format!("# HELP {} ", entry.name)),
                "{} is missing",
                entry.name
            );
        }
        let line = concat!(
            "dualwrite_checkpoints_unpublishable_total",
            r#"{job_id="id",job_name="name",reason="timeout"} 1"#
        );
        assert!(text.contains(line), "{text}");
    }
}
