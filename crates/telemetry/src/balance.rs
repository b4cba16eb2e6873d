//! What has begun, what has ended, and what is between, read so that they add up at every scrape.
//!
//! Ends are read before beginnings, so that none is seen without its beginning, and what is between
//! is the difference of what was read. Counts nothing itself.

use std::collections::HashMap;

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Gauge, GaugeVec, IntCounter, IntCounterVec, Opts};

use crate::labels::OF_A_JOB;
use crate::table::{self as t, Entry};

/// The streams of the tee and their bytes.
pub(crate) struct Streams {
    pub(crate) opened: IntCounter,
    pub(crate) sealed: IntCounter,
    pub(crate) discarded: IntCounter,
    pub(crate) abandoned: IntCounterVec,
    pub(crate) uploaded: IntCounter,
    /// Of those that were sealed. Counted before they are counted as abandoned.
    pub(crate) failed: IntCounter,
    pub(crate) bytes_accepted: IntCounter,
    pub(crate) bytes_uploaded: IntCounter,
    pub(crate) bytes_dropped: IntCounter,
}

impl Collector for Streams {
    fn desc(&self) -> Vec<&Desc> {
        let plain = [
            &self.opened,
            &self.sealed,
            &self.discarded,
            &self.uploaded,
            &self.failed,
            &self.bytes_accepted,
            &self.bytes_uploaded,
            &self.bytes_dropped,
        ];
        let plain = plain.into_iter().flat_map(Collector::desc);
        plain.chain(self.abandoned.desc()).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let mut all = self.abandoned.collect();
        let mut read = |counter: &IntCounter| {
            let family = counter.collect();
            let value = sum(&family);
            all.extend(family);
            value
        };
        let uploaded = read(&self.uploaded);
        let failed = read(&self.failed);
        let sealed = read(&self.sealed);
        let discarded = read(&self.discarded);
        let opened = read(&self.opened);
        let bytes_ended = read(&self.bytes_uploaded) + read(&self.bytes_dropped);
        let in_flight = read(&self.bytes_accepted) - bytes_ended;
        let abandoned = sum(&all[..1]);
        let between = [
            (
                t::SESSIONS_OPEN,
                opened - sealed - discarded - (abandoned - failed),
            ),
            (t::UPLOADS_IN_PROGRESS, sealed - uploaded - failed),
            (t::BYTES_IN_FLIGHT, in_flight),
        ];
        for (entry, value) in between {
            if let Ok(gauge) = Gauge::new(entry.name, entry.help) {
                gauge.set(value);
                all.extend(gauge.collect());
            }
        }
        all
    }
}

/// The checkpoints of all jobs.
#[derive(Clone)]
pub(crate) struct Checkpoints {
    pub(crate) offered: IntCounterVec,
    pub(crate) published: IntCounterVec,
    pub(crate) superseded: IntCounterVec,
    pub(crate) unpublishable: IntCounterVec,
}

impl Collector for Checkpoints {
    fn desc(&self) -> Vec<&Desc> {
        let all = [
            &self.offered,
            &self.published,
            &self.superseded,
            &self.unpublishable,
        ];
        all.into_iter().flat_map(Collector::desc).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let ends = [&self.published, &self.superseded, &self.unpublishable];
        let mut all: Vec<_> = ends.into_iter().flat_map(Collector::collect).collect();
        let mut settled = HashMap::new();
        for (job, value) in by_job(&all) {
            *settled.entry(job).or_insert(0.0) += value;
        }
        let offered = self.offered.collect();
        let Ok(waiting) = float_gauges(t::CHECKPOINTS_WAITING) else {
            return all;
        };
        for (job, value) in by_job(&offered) {
            let settled = settled.get(&job).copied().unwrap_or_default();
            waiting.with_label_values(&job).set(value - settled);
        }
        drop(settled);
        all.extend(offered);
        all.extend(waiting.collect());
        all
    }
}

pub(crate) fn float_gauges(entry: Entry) -> prometheus::Result<GaugeVec> {
    let labels: Vec<_> = entry.labels.iter().map(|label| label.name).collect();
    GaugeVec::new(Opts::new(entry.name, entry.help), &labels)
}

fn sum(families: &[MetricFamily]) -> f64 {
    let metrics = families.iter().flat_map(MetricFamily::get_metric);
    metrics.map(|metric| metric.get_counter().get_value()).sum()
}

/// The counters with their job's name and id.
fn by_job(families: &[MetricFamily]) -> impl Iterator<Item = ([&str; 2], f64)> {
    let metrics = families.iter().flat_map(MetricFamily::get_metric);
    metrics.map(|metric| {
        let value_of = |name| {
            let mut labels = metric.get_label().iter();
            let found = labels.find(|label| label.name() == name);
            found.map_or("", |label| label.value())
        };
        (OF_A_JOB.map(value_of), metric.get_counter().get_value())
    })
}
