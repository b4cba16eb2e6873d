//! How long the primary keeps a checkpoint, against how long the `JobManager` waits before it
//! copies a missing file from it (docs/publish-protocol.md).

use std::time::Duration;

use crate::finding::{Area, Kind, Report};
use crate::given::Given;
use crate::keys::find;
use crate::places::Setting;
use crate::value::{duration, duration_in_words, integer};

const INTERVAL: &str = "execution.checkpointing.interval";
const GRACE: &str = "dualwrite.backfill.grace";
/// Flink's default of retained checkpoints.
const RETAINED: u32 = 1;

pub(crate) fn retention(given: &Given, report: &mut Report) {
    let Some(text) = given.conf.text(INTERVAL) else {
        report.looked(Area::Retention, format!("{INTERVAL} is left to the jobs"));
        return;
    };
    let Some(interval) = duration(&text) else {
        unreadable(INTERVAL, &text, "a duration, such as 30 s", report);
        return;
    };
    let retained = match Setting::RETAINED.of(&given.conf, given.version) {
        None => RETAINED,
        Some((key, text)) => match integer(&text).and_then(|count| u32::try_from(count).ok()) {
            Some(count) if count > 0 => count,
            _ => {
                unreadable(key, &text, "a whole number from 1", report);
                return;
            }
        },
    };
    let kept = interval.saturating_mul(retained);
    let (interval, kept_in_words) = (duration_in_words(interval), duration_in_words(kept));
    report.looked(
        Area::Retention,
        format!("a checkpoint every {interval}, {retained} kept on the primary: {kept_in_words}"),
    );
    let Some(grace) = grace(given) else {
        return;
    };
    if grace >= kept {
        let name = Setting::RETAINED.name(given.version);
        let enough = grace.as_millis() / kept.as_millis().max(1) * u128::from(retained)
            + u128::from(retained);
        report.found(
            Kind::LongGrace,
            Some(GRACE),
            format!(
                "The primary keeps a checkpoint for {kept_in_words} ({retained} of them, one \
                 every {interval}), and a missing file is copied from it after {} only: by then \
                 it may be deleted, and the checkpoint is not published.",
                duration_in_words(grace)
            ),
            format!("Set {name}: {enough}, or lower {GRACE}."),
        );
    }
}

/// What is not readable was found among the values already.
fn grace(given: &Given) -> Option<Duration> {
    let default = find(GRACE)?.default?;
    let text = given.conf.text(GRACE);
    duration(text.as_deref().unwrap_or(default))
}

fn unreadable(key: &str, text: &str, accepted: &str, report: &mut Report) {
    report.looked(Area::Retention, format!("{key}: {text}"));
    report.found(
        Kind::BadFlinkValue,
        Some(key),
        format!("{key}: '{text}' is nothing that Flink reads; jobs do not start with it."),
        format!("Give {accepted}."),
    );
}
