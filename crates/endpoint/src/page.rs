//! The page for people: what is wrong and since when, the jobs, the clusters. One document without
//! anything from elsewhere; what comes from outside is text in it, whatever it looks like.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use maud::{DOCTYPE, Markup, PreEscaped, html};
use telemetry::{Checkpoint, Overview, Spell};

use crate::findings::{findings, goes_on, name, seconds};

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;margin:2em auto;max-width:70em;\
    padding:0 1em;color:#222;background:#fff}table{border-collapse:collapse;width:100%}\
    th,td{text-align:left;padding:.3em .8em .3em 0;border-bottom:1px solid #ddd}\
    h1{font-size:1.4em}h2{font-size:1.1em;margin-top:1.6em}small{color:#666}\
    code{font-size:.9em}.bad{color:#b00020}.good{color:#1b6e3a}\
    @media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}\
    th,td{border-color:#444}small{color:#999}.bad{color:#ff6b7d}.good{color:#7fd6a0}}";

/// The page of the process on `host`.
pub(crate) fn html(overview: &Overview, host: &str, now: SystemTime) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                meta http-equiv="refresh" content="10";
                title { "flink-dualwrite on " (host) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { "flink-dualwrite on " (host) }
                p {
                    small {
                        "Version " (overview.version) ", since "
                        (instant(seconds(overview.started_ms), now)) ". "
                        a href="/metrics" { "/metrics" }
                    }
                }
                (wrong(overview, now))
                (published(overview, now))
                (teed(overview))
                (clusters(overview, now))
                (before(overview, now))
            }
        }
    };
    page.into_string()
}

fn wrong(overview: &Overview, now: SystemTime) -> Markup {
    let all = findings(overview, epoch(now));
    html! {
        h2 { "What is wrong" }
        @if all.is_empty() {
            p.good { "Nothing that this process knows of." }
        } @else {
            ul {
                @for finding in &all {
                    li.bad {
                        (finding.what)
                        @if let Some(since) = finding.since {
                            " Since " (instant(since, now)) "."
                        }
                    }
                }
            }
        }
    }
}

fn published(overview: &Overview, now: SystemTime) -> Markup {
    html! {
        @if !overview.published.is_empty() {
            h2 { "Jobs of which this is the JobManager" }
            table {
                tr {
                    th { "job" } th { "newest complete on the primary" }
                    th { "newest on the secondary" } th { "lost with the primary now" }
                    th { "a checkpoint every" }
                }
                @for job in &overview.published {
                    tr {
                        td { (name(&job.name, &job.id)) br; small { code { (job.id) } } }
                        td { (checkpoint(job.completed.as_ref(), now)) }
                        td { (checkpoint(job.published.as_ref(), now)) }
                        td {
                            @match job.published {
                                Some(published) => (duration(epoch(now) - published.triggered)),
                                None => "all",
                            }
                        }
                        td { @if let Some(seconds) = job.interval { (duration(seconds)) } }
                    }
                }
            }
        }
    }
}

fn teed(overview: &Overview) -> Markup {
    html! {
        @if !overview.teed.is_empty() {
            h2 { "Jobs of which this is a TaskManager" }
            table {
                tr { th { "job" } th { "checkpoints copied" } }
                @for job in &overview.teed {
                    tr {
                        td { (name(&job.name, &job.id)) br; small { code { (job.id) } } }
                        td { @if job.stride > 1 { "one in " (job.stride) } @else { "all" } }
                    }
                }
            }
        }
    }
}

fn clusters(overview: &Overview, now: SystemTime) -> Markup {
    let ((memory, memory_limit), (disk, disk_limit)) = (overview.buffer, overview.spill);
    html! {
        h2 { "The way to the secondary" }
        table {
            @for cluster in &overview.secondaries {
                tr {
                    td { code { (cluster.name) } }
                    td {
                        @if cluster.is_up { span.good { "answers" } }
                        @else { span.bad { "does not answer" } }
                        " since " (instant(seconds(cluster.since_ms), now))
                    }
                }
            }
            tr { td { "memory in use" } td { (mebibytes(memory, memory_limit)) } }
            tr { td { "local disk in use" } td { (mebibytes(disk, disk_limit)) } }
            tr { td { "files to be copied from the primary" } td { (overview.backlog) } }
        }
    }
}

/// What went wrong and is over.
fn before(overview: &Overview, now: SystemTime) -> Markup {
    let over = |spell: &&Spell| !goes_on(spell, epoch(now));
    let files: Vec<_> = overview.abandoned.iter().filter(over).collect();
    let of_jobs = overview.published.iter();
    let checkpoints: Vec<_> = of_jobs
        .flat_map(|job| {
            job.given_up
                .iter()
                .filter(over)
                .map(move |spell| (job, spell))
        })
        .collect();
    html! {
        @if !files.is_empty() || !checkpoints.is_empty() {
            h2 { "What was wrong before" }
            ul {
                @for (job, spell) in &checkpoints {
                    li {
                        (spell.times) " checkpoints of " (name(&job.name, &job.id))
                        " were not published: " (spell.reason) ", " (span(spell, now))
                    }
                }
                @for spell in &files {
                    li {
                        (spell.times) " files were not copied as they were written: "
                        (spell.reason) ", " (span(spell, now))
                    }
                }
            }
        }
    }
}

fn span(spell: &Spell, now: SystemTime) -> String {
    let (from, to) = (seconds(spell.since_ms), seconds(spell.last_ms));
    format!("from {} to {}.", instant(from, now), instant(to, now))
}

fn checkpoint(checkpoint: Option<&Checkpoint>, now: SystemTime) -> Markup {
    html! {
        @match checkpoint {
            Some(checkpoint) => {
                (checkpoint.id) br; small { (instant(checkpoint.triggered, now)) }
            }
            None => "none",
        }
    }
}

/// A time of day, and how long ago that is.
fn instant(at: f64, now: SystemTime) -> String {
    let ago = duration(epoch(now) - at);
    let at = UNIX_EPOCH + positive(at);
    format!("{} ({ago} ago)", humantime::format_rfc3339_seconds(at))
}

/// In whole seconds, but for what is shorter than ten.
fn duration(seconds: f64) -> String {
    let exact = positive(seconds);
    let rounded = if exact < Duration::from_secs(10) {
        Duration::from_millis(u64::try_from(exact.as_millis()).unwrap_or_default() / 100 * 100)
    } else {
        Duration::from_secs(exact.as_secs())
    };
    humantime::format_duration(rounded).to_string()
}

fn positive(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

fn epoch(now: SystemTime) -> f64 {
    now.duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs_f64()
}

fn mebibytes(used: i64, limit: i64) -> String {
    format!("{} of {} MiB", used >> 20, limit >> 20)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::tests::{NOW, overview};

    #[test]
    fn a_jobs_name_is_text_whatever_it_looks_like() {
        let now = UNIX_EPOCH + positive(NOW);
        let page = html(&overview(), "tm7", now);
        let parts = [
            "Nothing that this process knows of.",
            "a &lt;job&gt;",
            "<td>8<br><small>2023-11-14T22:12:15Z (1m 5s ago)</small></td><td>1m 5s</td>",
            "<td>1m</td>",
            "<code>11ee</code></small></td><td>all</td>",
            "answers</span> since 2023-11-14T19:26:40Z (2h 46m 40s ago)",
        ];
        for part in parts {
            assert!(page.contains(part), "{part}\nis not in\n{page}");
        }
        assert!(!page.contains("<job>") && !page.contains("<script"));
        assert!(
            !page.contains("http://") && !page.contains("https://"),
            "{page}"
        );
    }

    #[test]
    fn what_is_over_is_not_wrong_any_more() {
        let mut overview = overview();
        let spell = |last_ms| Spell {
            reason: "no_space",
            since_ms: 1_699_999_000_000,
            last_ms,
            times: 3,
        };
        overview.abandoned = vec![spell(1_699_999_100_000)];
        let now = UNIX_EPOCH + positive(NOW);
        let page = html(&overview, "tm7", now);
        assert!(page.contains("What was wrong before") && page.contains("no_space, from 2023"));
        assert!(page.contains("Nothing that this process knows of."));
        overview.abandoned = vec![spell(1_699_999_900_000)];
        let page = html(&overview, "tm7", now);
        assert!(!page.contains("What was wrong before") && page.contains("no_space. Since 2023"));
    }
}
