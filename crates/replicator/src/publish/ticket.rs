//! One offered checkpoint, counted as offered when it comes and once when it is settled, whatever
//! becomes of it. Refuses to be forgotten: in a panic it is counted as lost to one.

use std::sync::Arc;

use telemetry::JobMetrics;

use crate::reason::Unpublishable;

/// Until it is settled it counts as waiting.
pub(super) struct Ticket {
    metrics: Arc<JobMetrics>,
    settled: bool,
}

impl Ticket {
    /// A checkpoint is offered.
    pub(super) fn offered(metrics: &Arc<JobMetrics>) -> Self {
        metrics.offered.inc();
        Self {
            metrics: Arc::clone(metrics),
            settled: false,
        }
    }

    /// It is on the secondary.
    pub(super) fn published(&mut self) {
        self.settled = true;
        self.metrics.published.inc();
    }

    /// A newer one is, or too many waited.
    pub(super) fn superseded(&mut self) {
        self.settled = true;
        self.metrics.superseded.inc();
    }

    /// It never will be.
    pub(super) fn unpublishable(&mut self, reason: Unpublishable) {
        self.settled = true;
        self.metrics.gave_up(reason.as_str());
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        // otherwise the process ends, and its numbers with it
        if !self.settled && std::thread::panicking() {
            self.unpublishable(Unpublishable::Panic);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus::IntCounter;
    use telemetry::Metrics;

    #[test]
    fn what_a_panic_takes_along_is_counted_and_what_was_settled_is_not() {
        let metrics = Metrics::new().unwrap();
        let job = Arc::new(metrics.job("name", "id"));
        let tickets = [0; 3].map(|_| Ticket::offered(&job));
        let panics = std::panic::AssertUnwindSafe(|| {
            let [mut published, mut superseded, _lost] = tickets;
            published.published();
            superseded.superseded();
            panic!("as it must");
        });
        std::panic::catch_unwind(panics).unwrap_err();
        let lost = job.unpublishable(Unpublishable::Panic.as_str());
        let ends = [&job.published, &job.superseded, &lost].map(IntCounter::get);
        assert_eq!((job.offered.get(), ends), (3, [1, 1, 1]));
    }
}
