//! What is read while others count adds up, at every scrape, on real threads.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use telemetry::Metrics;

/// Every metric's value, summed over its labels.
fn sums(text: &str) -> HashMap<String, i64> {
    let mut sums = HashMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().unwrap().to_owned();
        let value: f64 = line.rsplit(' ').next().unwrap().parse().unwrap();
        #[expect(
            clippy::cast_possible_truncation,
            reason = "counters are whole numbers"
        )]
        let value = value as i64;
        *sums.entry(name).or_insert(0) += value;
    }
    sums
}

/// The life of a stream and of a checkpoint, in each of the ways they can end.
fn live(metrics: &Metrics, round: u64) {
    metrics.sessions_opened.inc();
    metrics.bytes_accepted.inc_by(10);
    match round % 4 {
        0 => metrics.sessions_discarded.inc(),
        1 => metrics.abandoned("timeout", false),
        end => {
            metrics.sessions_sealed.inc();
            if end == 2 {
                metrics.files_uploaded.inc();
            } else {
                metrics.abandoned("no_space", true);
            }
        }
    }
    let bytes = if round % 4 == 2 {
        &metrics.bytes_uploaded
    } else {
        &metrics.bytes_dropped
    };
    bytes.inc_by(10);
    let job = metrics.job("name", ["one", "two"][usize::from(round.is_multiple_of(2))]);
    job.offered.inc();
    match round % 3 {
        0 => job.published.inc(),
        1 => job.superseded.inc(),
        _ => job.gave_up("format"),
    }
}

/// Ends those who count, also when what they are compared with has failed.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn whenever_it_is_read() {
    let (metrics, over) = (Metrics::new().unwrap(), AtomicBool::new(false));
    let mut busy = 0;
    thread::scope(|scope| {
        let _ends = Ends(&over);
        for of in 0..3 {
            let (metrics, over) = (&metrics, &over);
            scope.spawn(move || {
                for round in of.. {
                    live(metrics, round);
                    if over.load(Ordering::Relaxed) {
                        break;
                    }
                }
            });
        }
        for _ in 0..200 {
            let read = sums(&metrics.render().unwrap());
            let of = |name: &str| read.get(&format!("dualwrite_{name}")).copied().unwrap_or(0);
            let between = [
                "sessions_open",
                "uploads_in_progress",
                "inflight_bytes",
                "checkpoints_waiting",
            ];
            for name in between {
                assert!(of(name) >= 0, "{name}: {read:?}");
                busy += of(name);
            }
            let ends = of("sessions_discarded_total") + of("sessions_abandoned_total");
            let ends = ends + of("files_uploaded_total");
            let open = of("sessions_open") + of("uploads_in_progress");
            assert_eq!(of("sessions_opened_total"), ends + open, "{read:?}");
            let ends = of("files_uploaded_total") + of("uploads_failed_total");
            let open = of("uploads_in_progress");
            assert_eq!(of("sessions_sealed_total"), ends + open, "{read:?}");
            let ends = of("uploaded_bytes_total") + of("dropped_bytes_total");
            let open = of("inflight_bytes");
            assert_eq!(of("accepted_bytes_total"), ends + open, "{read:?}");
            let ends = of("checkpoints_published_total") + of("checkpoints_superseded_total");
            let ends = ends + of("checkpoints_unpublishable_total");
            let open = of("checkpoints_waiting");
            assert_eq!(of("checkpoints_offered_total"), ends + open, "{read:?}");
        }
    });
    assert!(busy > 0, "nothing was ever under way");
    let read = sums(&metrics.render().unwrap());
    assert_eq!(read["dualwrite_sessions_open"], 0);
    assert_eq!(read["dualwrite_inflight_bytes"], 0);
}
