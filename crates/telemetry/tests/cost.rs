//! What counting and a scrape cost, as far as it is the same on every machine. How long they take
//! is measured in benches/.

use telemetry::{Format, Metrics};

/// Of one that publishes for 200 jobs.
const SCRAPE_BYTES_AT_MOST: usize = 1 << 20;

#[test]
fn counting_allocates_nothing() {
    let metrics = Metrics::new().unwrap();
    let job = metrics.job("name", "id");
    let allocated = allocation_counter::measure(|| {
        metrics.sessions_opened.inc();
        metrics.bytes_accepted.inc_by(16 << 10);
        metrics.buffer_used.add(16 << 10);
        metrics.buffer_used.sub(16 << 10);
        metrics.upload_seconds.observe(0.3);
        job.offered.inc();
        job.lag_seconds.observe(0.3);
    });
    assert_eq!(allocated.count_total, 0, "{allocated:?}");
}

#[test]
fn two_hundred_jobs_are_one_mebibyte_at_most() {
    let metrics = Metrics::new().unwrap();
    for number in 0..200_u32 {
        // a UUID is as long
        let (name, id) = (format!("{number:036}"), format!("{number:032x}"));
        let job = metrics.job(&name, &id);
        job.offered.inc_by(100_000);
        job.published.inc_by(100_000);
        job.lag_seconds.observe(0.123_456_789);
        job.completed_timestamp.set(1_700_000_000.123);
        job.published_timestamp.set(1_700_000_000.123);
    }
    for format in [Format::Text, Format::OpenMetrics] {
        let bytes = metrics.render_as(format).unwrap().len();
        println!("{format:?}: {bytes} bytes");
        assert!(bytes <= SCRAPE_BYTES_AT_MOST, "{format:?}: {bytes} bytes");
    }
}
