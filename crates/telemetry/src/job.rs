//! The numbers of one job on its JobManager.

use std::sync::Arc;

use prometheus::{Gauge, GaugeVec, Histogram, IntCounter, IntCounterVec, IntGauge};

use crate::clock::now_ms;
use crate::metrics::seconds;
use crate::trouble::Troubles;

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
    pub retired_files: IntCounter,
    pub lag_seconds: Histogram,
    pub completed_id: IntGauge,
    pub completed_timestamp: Gauge,
    pub published_id: IntGauge,
    pub published_timestamp: Gauge,
    pub interval: Gauge,
    pub(crate) unpublishable: IntCounterVec,
    pub(crate) last_good_verify: GaugeVec,
    pub(crate) last_good_drill: GaugeVec,
    pub(crate) labels: [String; 2],
    pub(crate) troubles: Arc<Troubles>,
}

impl JobMetrics {
    /// The counter of checkpoints that cannot be published for `reason`.
    pub fn unpublishable(&self, reason: &str) -> IntCounter {
        let [name, id] = &self.labels;
        self.unpublishable
            .with_label_values(&[name.as_str(), id, reason])
    }

    /// Counts one that cannot be published.
    pub fn gave_up(&self, reason: &'static str) {
        self.troubles.note(reason, now_ms());
        self.unpublishable(reason).inc();
    }

    /// A checkpoint of the job was found usable at this time, in milliseconds since the epoch.
    pub fn verified(&self, at_ms: u64) {
        let gauge = self.last_good_verify.with_label_values(&self.labels);
        gauge.set(seconds(at_ms));
    }

    /// The job went on from the secondary at this time, in milliseconds since the epoch.
    pub fn drilled(&self, at_ms: u64) {
        let gauge = self.last_good_drill.with_label_values(&self.labels);
        gauge.set(seconds(at_ms));
    }
}
