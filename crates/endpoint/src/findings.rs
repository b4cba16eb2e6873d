//! What is wrong with a process, and since when. Pure.

use telemetry::{Overview, Published, Spell};

/// Of the memory's and the disk's limit, in hundredths: more is worth a word.
const FULL_AT_PERCENT: i64 = 80;
/// The secondary may be so many intervals behind before it counts as that.
const INTERVALS: f64 = 2.0;
/// And so many seconds in any case.
const BEHIND_AT_LEAST: f64 = 30.0;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Finding {
    pub(crate) what: String,
    /// Seconds since the epoch; none where nobody knows.
    pub(crate) since: Option<f64>,
}

/// All that is wrong now, the gravest first.
pub(crate) fn findings(overview: &Overview, now: f64) -> Vec<Finding> {
    let down = overview.secondaries.iter().filter(|each| !each.is_up);
    let mut all: Vec<Finding> = down
        .map(|cluster| Finding {
            what: format!("The secondary {} does not answer.", cluster.name),
            since: Some(seconds(cluster.since_ms)),
        })
        .collect();
    for job in &overview.published {
        all.extend(behind(job, now));
        let lately = job.given_up.iter().filter(|spell| goes_on(spell, now));
        all.extend(lately.map(|spell| {
            let (times, reason, of) = (spell.times, spell.reason, name(&job.name, &job.id));
            Finding {
                what: format!("{times} checkpoints of {of} were not published: {reason}."),
                since: Some(seconds(spell.since_ms)),
            }
        }));
    }
    let lately = overview.abandoned.iter();
    let lately = lately.filter(|spell| goes_on(spell, now) && spell.reason != "stride");
    all.extend(lately.map(|spell| Finding {
        what: format!(
            "{} files were not copied as they were written: {}.",
            spell.times, spell.reason
        ),
        since: Some(seconds(spell.since_ms)),
    }));
    all.extend(limits(overview));
    all
}

/// A job's name where it has one, else its id.
pub(crate) fn name<'a>(name: &'a str, id: &'a str) -> &'a str {
    if name.is_empty() { id } else { name }
}

fn behind(job: &Published, now: f64) -> Option<Finding> {
    let of = name(&job.name, &job.id);
    let completed = job.completed?;
    let patience = INTERVALS * job.interval.unwrap_or_default();
    let patience = patience.max(BEHIND_AT_LEAST);
    let Some(published) = job.published else {
        let what = format!("No checkpoint of {of} was published by this process yet.");
        let since = Some(completed.triggered);
        let is_late = now - completed.triggered > patience;
        return is_late.then_some(Finding { what, since });
    };
    let is_late = completed.triggered - published.triggered > patience;
    is_late.then(|| Finding {
        what: format!(
            "The secondary is behind with {of}: checkpoint {} is complete, {} is published.",
            completed.id, published.id
        ),
        since: Some(published.triggered),
    })
}

/// What has no beginning that is known.
fn limits(overview: &Overview) -> Vec<Finding> {
    let mut all = Vec::new();
    let mut say = |what| all.push(Finding { what, since: None });
    for job in overview.teed.iter().filter(|job| job.stride > 1) {
        let (of, stride) = (name(&job.name, &job.id), job.stride);
        say(format!(
            "The link is slower than {of} writes: one in {stride} of its checkpoints is copied."
        ));
    }
    let used = [
        ("dualwrite.buffer.memory", overview.buffer),
        ("dualwrite.spill.max-size", overview.spill),
    ];
    for (key, (used, limit)) in used {
        if limit > 0 && used.saturating_mul(100) > limit.saturating_mul(FULL_AT_PERCENT) {
            say(format!("More than {FULL_AT_PERCENT} % of {key} is in use."));
        }
    }
    if overview.panics > 0 {
        let times = overview.panics;
        say(format!(
            "The library panicked {times} times; please report what the log says."
        ));
    }
    all
}

pub(crate) fn goes_on(spell: &Spell, now: f64) -> bool {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "milliseconds since the epoch"
    )]
    spell.goes_on((now * 1000.0) as u64)
}

#[expect(clippy::cast_precision_loss, reason = "they fit into 53 bits")]
pub(crate) fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use telemetry::{Checkpoint, Cluster, Teed};

    pub(crate) const NOW: f64 = 1_700_000_000.0;

    /// A process with which all is well.
    pub(crate) fn overview() -> Overview {
        let at = |id, ago| {
            let triggered = NOW - ago;
            Some(Checkpoint { id, triggered })
        };
        Overview {
            version: "0.1.0",
            started_ms: 1_699_990_000_000,
            secondaries: vec![Cluster {
                name: "hdfs://two".to_owned(),
                is_up: true,
                since_ms: 1_699_990_000_000,
            }],
            published: vec![Published {
                name: "a <job>".to_owned(),
                id: "00ff".to_owned(),
                completed: at(9, 5.0),
                published: at(8, 65.0),
                interval: Some(60.0),
                given_up: Vec::new(),
            }],
            teed: vec![Teed {
                name: String::new(),
                id: "11ee".to_owned(),
                stride: 1,
            }],
            abandoned: Vec::new(),
            buffer: (80, 100),
            spill: (0, 0),
            backlog: 0,
            panics: 0,
        }
    }

    fn spell(reason: &'static str, since: f64, last: f64) -> Spell {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "as above"
        )]
        let ms = |ago: f64| ((NOW - ago) * 1000.0) as u64;
        Spell {
            reason,
            since_ms: ms(since),
            last_ms: ms(last),
            times: 421,
        }
    }

    fn found(overview: &Overview) -> Vec<(String, Option<f64>)> {
        let all = findings(overview, NOW).into_iter();
        all.map(|each| (each.what, each.since.map(|since| NOW - since)))
            .collect()
    }

    #[test]
    fn nothing_is_wrong_where_all_is_well() {
        assert_eq!(found(&overview()), []);
        let mut quiet = overview();
        // A job that completes nothing for hours has its last checkpoint on the secondary.
        let last = Some(Checkpoint {
            id: 9,
            triggered: NOW - 9000.0,
        });
        (quiet.published[0].completed, quiet.published[0].published) = (last, last);
        quiet.published[0].given_up = vec![spell("timeout", 9000.0, 8000.0)];
        assert_eq!(found(&quiet), []);
        quiet.abandoned = vec![spell("stride", 100.0, 1.0)];
        assert_eq!(found(&quiet), []);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_beginning() {
        let mut bad = overview();
        bad.secondaries[0].is_up = false;
        let job = &mut bad.published[0];
        job.interval = Some(20.0);
        job.given_up = vec![spell("timeout", 700.0, 10.0)];
        bad.abandoned = vec![spell("no_space", 900.0, 599.0)];
        bad.teed[0].stride = 4;
        bad.buffer = (81, 100);
        bad.panics = 1;
        let expected = [
            ("The secondary hdfs://two does not answer.", Some(10_000.0)),
            (
                "The secondary is behind with a <job>: checkpoint 9 is complete, 8 is published.",
                Some(65.0),
            ),
            (
                "421 checkpoints of a <job> were not published: timeout.",
                Some(700.0),
            ),
            (
                "421 files were not copied as they were written: no_space.",
                Some(900.0),
            ),
            (
                "The link is slower than 11ee writes: one in 4 of its checkpoints is copied.",
                None,
            ),
            ("More than 80 % of dualwrite.buffer.memory is in use.", None),
            (
                "The library panicked 1 times; please report what the log says.",
                None,
            ),
        ];
        let expected = expected.map(|(what, since)| (what.to_owned(), since));
        assert_eq!(found(&bad), expected);
    }

    #[test]
    fn never_published_is_said_when_the_first_should_have_been() {
        let mut young = overview();
        young.published[0].published = None;
        assert_eq!(found(&young), []);
        young.published[0].completed = Some(Checkpoint {
            id: 1,
            triggered: NOW - 121.0,
        });
        let what = "No checkpoint of a <job> was published by this process yet.";
        assert_eq!(found(&young), [(what.to_owned(), Some(121.0))]);
    }
}
