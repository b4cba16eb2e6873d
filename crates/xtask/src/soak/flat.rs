//! Whether something stays as it is: a straight line through the second half of the time. Pure.

use std::collections::BTreeMap;

use crate::figures::{median, slope};
use crate::vitals::Vitals;

const MIB: u64 = 1 << 20;

/// A process at one moment of the soak.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    /// Since the start, in seconds.
    pub(super) seconds: f64,
    pub(super) process: String,
    pub(super) pid: u32,
    pub(super) vitals: Vitals,
    /// Bytes on the Java heap after a collection; not looked at each time.
    pub(super) heap_bytes: Option<u64>,
}

/// Something that has to stay as it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind {
    pub(super) name: &'static str,
    /// By what it may grow over the second half of the time.
    pub(super) limit: f64,
    value: fn(&Sample) -> Option<f64>,
}

/// All of them, and their limits.
pub(super) const KINDS: [Kind; 4] = [
    Kind {
        name: "resident memory, MiB",
        limit: 32.0,
        value: |sample| Some(mib(sample.vitals.resident_bytes)),
    },
    Kind {
        name: "live Java heap, MiB",
        limit: 8.0,
        value: |sample| sample.heap_bytes.map(mib),
    },
    Kind {
        name: "open files",
        limit: 16.0,
        value: |sample| Some(crate::figures::number(sample.vitals.files)),
    },
    Kind {
        name: "threads",
        limit: 8.0,
        value: |sample| Some(crate::figures::number(sample.vitals.threads)),
    },
];

/// One kind of one process.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Trend {
    pub(super) process: String,
    pub(super) kind: &'static str,
    /// Medians of the first and of the last quarter of the second half.
    pub(super) from: f64,
    pub(super) to: f64,
    /// By how much the straight line grows over the second half.
    pub(super) growth: f64,
    pub(super) limit: f64,
}

impl Trend {
    /// Whether it grew by no more than it may.
    pub(super) fn is_flat(&self) -> bool {
        self.growth <= self.limit
    }
}

/// The trends of all processes, over the second half of `seconds`. A process that was started anew
/// in it is taken from there on.
pub(super) fn trends(samples: &[Sample], seconds: f64) -> Vec<Trend> {
    let mut last: BTreeMap<&str, u32> = BTreeMap::new();
    for sample in samples {
        last.insert(&sample.process, sample.pid);
    }
    let mut trends = Vec::new();
    for (process, pid) in last {
        let half: Vec<&Sample> = samples
            .iter()
            .filter(|sample| sample.pid == pid && sample.seconds >= seconds / 2.0)
            .collect();
        trends.extend(KINDS.iter().filter_map(|kind| trend(process, kind, &half)));
    }
    trends
}

fn trend(process: &str, kind: &Kind, half: &[&Sample]) -> Option<Trend> {
    let value = |sample: &&Sample| Some((sample.seconds, (kind.value)(sample)?));
    let points: Vec<(f64, f64)> = half.iter().filter_map(value).collect();
    let (first, last) = (points.first()?.0, points.last()?.0);
    let middle = |from: f64, to: f64| {
        let (from, to) = (first + (last - first) * from, first + (last - first) * to);
        let within = points.iter().filter(|point| (from..=to).contains(&point.0));
        median(&within.map(|point| point.1).collect::<Vec<f64>>())
    };
    Some(Trend {
        process: process.to_owned(),
        kind: kind.name,
        from: middle(0.0, 0.25)?,
        to: middle(0.75, 1.0)?,
        growth: slope(&points)? * (last - first),
        limit: kind.limit,
    })
}

fn mib(bytes: u64) -> f64 {
    crate::figures::number(bytes) / crate::figures::number(MIB)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sample every second for 100 s, of files as told.
    fn samples(pid: impl Fn(u32) -> u32, files: impl Fn(u32) -> u32) -> Vec<Sample> {
        let sample = |second: u32| Sample {
            seconds: f64::from(second),
            process: "taskmanager".to_owned(),
            pid: pid(second),
            vitals: Vitals {
                resident_bytes: 100 * MIB + u64::from(second % 7) * MIB,
                files: files(second).into(),
                threads: 50,
            },
            heap_bytes: second.is_multiple_of(10).then_some(50 * MIB),
        };
        (0..=100).map(sample).collect()
    }

    fn of<'a>(trends: &'a [Trend], kind: &str) -> &'a Trend {
        trends.iter().find(|trend| trend.kind == kind).unwrap()
    }

    #[test]
    fn what_grows_in_the_second_half_alone_is_found() {
        let trends = trends(&samples(|_| 1, |second| 10 + second.max(50)), 100.0);
        assert_eq!(trends.len(), KINDS.len());
        let files = of(&trends, "open files");
        assert!(
            (files.growth - 50.0).abs() < 1e-6 && !files.is_flat(),
            "{files:?}"
        );
        assert!(files.from < 75.0 && files.to > 95.0, "{files:?}");
        for kind in ["resident memory, MiB", "live Java heap, MiB", "threads"] {
            assert!(of(&trends, kind).is_flat(), "{trends:?}");
        }
    }

    #[test]
    fn what_grew_before_or_in_a_process_that_is_gone_does_not_count() {
        let early = trends(&samples(|_| 1, |second| 10 + second.min(50)), 100.0);
        assert!(of(&early, "open files").is_flat(), "{early:?}");
        let restarted = |second: u32| if second < 70 { second } else { 30 };
        let restarted = trends(&samples(|second| 1 + second / 70, restarted), 100.0);
        assert!(
            of(&restarted, "open files").growth.abs() < 1e-6,
            "{restarted:?}"
        );
    }
}
