//! Both clusters, as they answer: the secondary is written to by a small file, the primary is only
//! read unless it is asked for. What an answer means is decided apart from the asking.

use std::time::Duration;

use audit::{ClusterOptions, ErrorKind, Place, StoreError};
use checkpoint_layout::{SecondaryRoot, probe as probe_name};

use crate::finding::{Area, Kind, Report};
use crate::given::Given;
use crate::places::{SECONDARY_DIR, Site};
use crate::probe::{Probed, probe};
use crate::value::duration_in_words;

/// Clocks that are further apart are worth a warning: ages and graces are told by both.
const CLOCK_OFF_AT_MOST_MS: u64 = 30_000;

/// How to ask.
#[derive(Clone)]
pub struct Clusters<'a> {
    /// What holds where the configuration's keys say nothing, and the time limit of a call.
    pub flags: ClusterOptions,
    /// Whether the primary is written to, too.
    pub write_primary: bool,
    /// Our clock, in milliseconds since the epoch.
    pub clock: &'a (dyn Fn() -> u64 + Sync),
}

/// One of the two, and what is found of it.
struct Side {
    site: Site,
    silent: Kind,
    refuses: Kind,
    clock: Kind,
    left: Kind,
    user: Option<String>,
}

/// Asks both at the same time.
pub async fn look_at_clusters(given: &Given, how: &Clusters<'_>, report: &mut Report) {
    let (primary, secondary) = tokio::join!(primary(given, how), secondary(given, how));
    for of in [primary, secondary] {
        report.looks.extend(of.looks);
        report.findings.extend(of.findings);
    }
}

async fn secondary(given: &Given, how: &Clusters<'_>) -> Report {
    let mut report = Report::default();
    let Some(found) = Site::secondary(given) else {
        return report;
    };
    if Site::primary(given).is_some_and(|primary| primary.overlaps(&found)) {
        // Found already: what would be written to is the primary.
        return report;
    }
    let options = found.options(&how.flags);
    let side = Side {
        user: options.user.clone(),
        site: found,
        silent: Kind::SecondarySilent,
        refuses: Kind::SecondaryRefuses,
        clock: Kind::SecondaryClock,
        left: Kind::SecondaryLeft,
    };
    let location = side.site.location.clone();
    report.looked(
        Area::SecondaryCluster,
        format!("{location}: a small file is written, renamed, read and deleted"),
    );
    let Some(place) = side.open(&options, &mut report) else {
        return report;
    };
    let writer = writer();
    let root = SecondaryRoot::new(location);
    let names = [1, 2].map(|number| root.inflight(&writer, number));
    let result = probe(&*place.store, &names, how.clock).await;
    side.judge(result, &mut report);
    report
}

async fn primary(given: &Given, how: &Clusters<'_>) -> Report {
    let mut report = Report::default();
    let Some(found) = Site::primary(given) else {
        return report;
    };
    if !matches!(found.location.scheme(), "hdfs" | "file") {
        // Found already: it is not read at all.
        return report;
    }
    let options = found.options(&how.flags);
    let side = Side {
        user: options.user.clone(),
        site: found,
        silent: Kind::PrimarySilent,
        refuses: Kind::PrimaryRefuses,
        clock: Kind::PrimaryClock,
        left: Kind::PrimaryLeft,
    };
    let location = side.site.location.clone();
    let done = if how.write_primary {
        "listed, and a small file is written, renamed, read and deleted"
    } else {
        "listed; whether it can be written to is left to --write-primary"
    };
    report.looked(Area::PrimaryCluster, format!("{location}: {done}"));
    let Some(place) = side.open(&options, &mut report) else {
        return report;
    };
    match place.store.list(location.path()).await {
        Ok(_) if how.write_primary => {
            let writer = writer();
            let names = [1, 2].map(|number| probe_name(&location, &writer, number));
            let result = probe(&*place.store, &names, how.clock).await;
            side.judge(result, &mut report);
        }
        Ok(_) => {}
        Err(error) if error.kind == ErrorKind::NotFound => report.found(
            Kind::PrimaryAbsent,
            Some(side.site.key),
            format!("{location} is not there yet: Flink makes it for the first checkpoint."),
            "Nothing, if no job has run yet.",
        ),
        Err(error) => side.failed(&error, &mut report),
    }
    report
}

/// Unique to this call, and known as a check's by whoever finds it.
fn writer() -> String {
    format!("check-{}", uuid::Uuid::new_v4().simple())
}

impl Side {
    fn open(&self, options: &ClusterOptions, report: &mut Report) -> Option<Place> {
        audit::open(&self.site.location.to_string(), options)
            .map_err(|error| self.failed(&error, report))
            .ok()
    }

    fn judge(&self, result: Result<Probed, StoreError>, report: &mut Report) {
        let probed = match result {
            Ok(probed) => probed,
            Err(error) => return self.failed(&error, report),
        };
        let location = &self.site.location;
        if let Some(off) = probed
            .clock_off_ms
            .filter(|off| *off > CLOCK_OFF_AT_MOST_MS)
        {
            report.found(
                self.clock,
                None,
                format!(
                    "The clock of {location} is {} from this machine's: ages of checkpoints are \
                     told wrong by as much.",
                    duration_in_words(Duration::from_secs(off / 1000))
                ),
                "Let all machines follow one time, by NTP.",
            );
        }
        if let Some((file, error)) = probed.left {
            report.found(
                self.left,
                None,
                format!(
                    "{file} was written and cannot be deleted: {error}. What is retired could not \
                     be, either."
                ),
                "Let the user of Flink's processes delete what is its own there.",
            );
        }
    }

    fn failed(&self, error: &StoreError, report: &mut Report) {
        let location = &self.site.location;
        let StoreError {
            kind,
            operation,
            path,
            message,
        } = error;
        let (finding, fix) = match kind {
            ErrorKind::Unavailable | ErrorKind::TimedOut => (
                self.silent,
                "Is it up, out of safe mode, and reachable from here? Give it more time with \
                 --timeout, or leave the clusters out with --offline."
                    .to_owned(),
            ),
            ErrorKind::PermissionDenied => (self.refuses, self.permit()),
            ErrorKind::NoSpace => (
                self.refuses,
                "Free space there, or raise the quota of the directory.".to_owned(),
            ),
            ErrorKind::Invalid => (
                self.refuses,
                format!(
                    "Correct {}, or the Hadoop configuration that goes with it.",
                    self.site.key
                ),
            ),
            _ => (self.refuses, "The cluster's own logs say more.".to_owned()),
        };
        let kind = kind.as_str().replace('_', " ");
        report.found(
            finding,
            Some(self.site.key),
            format!("{location}: {operation} of {path} failed: {kind} ({message})."),
            fix,
        );
    }

    fn permit(&self) -> String {
        let location = &self.site.location;
        let user = self.user.as_deref().unwrap_or("<user>");
        let or = if self.site.key == SECONDARY_DIR {
            "or set dualwrite.secondary.user to one that may"
        } else {
            "or give the user that Flink runs as by --user"
        };
        format!(
            "Let the user of Flink's processes read and write there: \
             hdfs dfs -chown {user} {location}; {or}."
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use audit::Location;

    fn found(key: &'static str, kind: ErrorKind) -> (Kind, String) {
        let side = Side {
            site: Site {
                key,
                location: Location::parse("hdfs://b:1/x").unwrap(),
                hadoop_conf_dir: None,
                user: None,
            },
            silent: Kind::SecondarySilent,
            refuses: Kind::SecondaryRefuses,
            clock: Kind::SecondaryClock,
            left: Kind::SecondaryLeft,
            user: None,
        };
        let mut report = Report::default();
        side.failed(&StoreError::new(kind, "create", "/x/y", "why"), &mut report);
        let finding = report.findings.remove(0);
        assert!(
            finding.message.contains("create of /x/y failed"),
            "{finding:?}"
        );
        (finding.kind, finding.fix)
    }

    #[test]
    fn silence_is_not_refusal() {
        for kind in ErrorKind::ALL {
            let is_silence = matches!(kind, ErrorKind::Unavailable | ErrorKind::TimedOut);
            let (finding, fix) = found(SECONDARY_DIR, kind);
            assert_eq!(finding == Kind::SecondarySilent, is_silence, "{kind:?}");
            assert!(!fix.is_empty());
        }
        let (_, fix) = found(SECONDARY_DIR, ErrorKind::PermissionDenied);
        assert!(fix.contains("dualwrite.secondary.user"), "{fix}");
        let (_, fix) = found("state.checkpoints.dir", ErrorKind::PermissionDenied);
        assert!(fix.contains("--user"), "{fix}");
    }
}
