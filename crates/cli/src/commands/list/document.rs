//! A secondary's jobs as a document. Pure.

use std::collections::{BTreeMap, BTreeSet};

use audit::{CatalogueFinding, Inventory, Job, Location, Published, Report, StoreError};
use serde::Serialize;
use switch::{Selection, lineages};

use super::primary::{Primary, below};
use crate::error::Failure;
use crate::output::FindingLine;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    Good,
    Unknown,
    Findings,
}

#[derive(Debug, Serialize)]
pub(super) struct Document {
    pub(super) result: Verdict,
    pub(super) secondary: String,
    pub(super) primary: Option<String>,
    pub(super) now_ms: u64,
    pub(super) jobs: Vec<Line>,
    pub(super) findings: Vec<FindingLine>,
    pub(super) error: Option<Failure>,
    pub(super) primary_error: Option<Failure>,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct Line {
    pub(super) job_name: Option<String>,
    pub(super) job_id: Option<String>,
    /// Whether no other id of this name has a newer checkpoint.
    pub(super) newest_of_name: bool,
    pub(super) job_dir: String,
    pub(super) primary_dir: Option<String>,
    pub(super) newest_id: Option<u64>,
    pub(super) newest_path: Option<String>,
    pub(super) triggered_at_ms: Option<u64>,
    pub(super) age_ms: Option<u64>,
    pub(super) completed_id: Option<u64>,
    pub(super) completed_at_ms: Option<u64>,
    pub(super) behind_ms: Option<u64>,
    pub(super) bytes: Option<u64>,
    pub(super) files: Option<u64>,
    pub(super) published: usize,
    pub(super) verdict: Option<&'static str>,
}

impl Document {
    pub(super) fn of(root: &Location, inventory: &Inventory, primary: &Primary) -> Self {
        let mut findings: Vec<_> = inventory.findings.iter().map(finding_line).collect();
        if !inventory.root_is_there {
            let message = format!(
                "{root} is not there: give the directory that is dualwrite.secondary.dir in \
                 Flink's configuration; it is made with the first checkpoint"
            );
            findings.push(FindingLine::new("no_secondary", root.to_string(), message));
        }
        let now_ms = audit::now_ms();
        let newest_of_name = newest_of_name(inventory);
        let jobs = inventory.jobs.iter().map(|job| {
            let below = below(&job.dir, root);
            let mut line = line(job, now_ms);
            line.newest_of_name = newest_of_name.contains(&job.dir);
            line.compare(primary.newest(&below), job);
            line
        });
        let known: BTreeSet<_> = inventory
            .jobs
            .iter()
            .map(|job| below(&job.dir, root))
            .collect();
        let jobs = jobs.chain(unknown_here(root, primary, |below| known.contains(below)));
        Self {
            result: if findings.is_empty() {
                Verdict::Good
            } else {
                Verdict::Findings
            },
            jobs: jobs.collect(),
            findings,
            error: None,
            ..Self::empty(root, now_ms, primary)
        }
    }

    /// Of a secondary that does not answer.
    pub(super) fn unknown(root: &Location, error: &StoreError, primary: &Primary) -> Self {
        Self {
            jobs: unknown_here(root, primary, |_| false).collect(),
            error: Some(Failure::from(error)),
            ..Self::empty(root, audit::now_ms(), primary)
        }
    }

    fn empty(root: &Location, now_ms: u64, primary: &Primary) -> Self {
        let (primary, primary_error) = match primary {
            Primary::NotAsked => (None, None),
            Primary::Told(primary, _) => (Some(primary), None),
            Primary::Silent(primary, error) => (Some(primary), Some(Failure::from(error))),
        };
        Self {
            result: Verdict::Unknown,
            secondary: root.to_string(),
            primary: primary.map(ToString::to_string),
            now_ms,
            jobs: Vec::new(),
            findings: Vec::new(),
            error: None,
            primary_error,
        }
    }

    /// What was found of the newest checkpoints when they were looked into.
    pub(super) fn add_reports(&mut self, reports: &[Report]) {
        let by_path: BTreeMap<_, _> = reports
            .iter()
            .map(|one| (one.path.to_string(), one))
            .collect();
        for line in &mut self.jobs {
            let path = line.newest_path.as_ref();
            let Some(report) = path.and_then(|path| by_path.get(path)) else {
                continue;
            };
            line.verdict = Some(match report.verdict() {
                audit::Verdict::Usable => "usable",
                audit::Verdict::Unknown => "unknown",
                audit::Verdict::NotUsable => "not_usable",
            });
            if report.verdict() == audit::Verdict::Unknown {
                self.result = self.result.max(Verdict::Unknown);
            }
            if !report.findings.is_empty() {
                self.result = Verdict::Findings;
            }
            self.findings
                .extend(report.findings.iter().map(FindingLine::from));
        }
    }
}

/// The directories of the ids that have the newest checkpoint of their name.
fn newest_of_name(inventory: &Inventory) -> BTreeSet<Location> {
    let (lineages, left_out) = lineages(inventory, &Selection::All);
    // Jobs that share a directory are no lineages: each is its own.
    if left_out.is_empty() {
        lineages
            .into_iter()
            .map(|lineage| lineage.newest.dir.clone())
            .collect()
    } else {
        inventory.jobs.iter().map(|job| job.dir.clone()).collect()
    }
}

/// Jobs that the primary alone has.
fn unknown_here<'a>(
    root: &'a Location,
    primary: &'a Primary,
    is_known: impl Fn(&str) -> bool + 'a,
) -> impl Iterator<Item = Line> + 'a {
    let told = match primary {
        Primary::Told(_, newest) => Some(newest),
        Primary::NotAsked | Primary::Silent(..) => None,
    };
    let others = told.into_iter().flatten();
    let others = others.filter(move |(below, _)| !is_known(below));
    others.map(|(below, completed)| Line {
        job_id: (!below.is_empty()).then(|| below.clone()),
        job_dir: root.join(below).to_string(),
        primary_dir: Some(completed.job_dir.parent().to_string()),
        newest_of_name: true,
        completed_id: Some(completed.id),
        completed_at_ms: Some(completed.metadata.modified_ms),
        ..Line::default()
    })
}

impl Line {
    /// How far the published checkpoint is behind the completed one.
    fn compare(&mut self, completed: Option<&Published>, job: &Job) {
        let Some(completed) = completed else {
            return;
        };
        self.completed_id = Some(completed.id);
        self.completed_at_ms = Some(completed.metadata.modified_ms);
        let entry = job.entry.as_ref();
        let entry = entry.filter(|entry| self.newest_id == Some(entry.newest_published_id));
        self.behind_ms = match self.newest_id {
            None => None,
            Some(newest) if newest >= completed.id => Some(0),
            Some(_) => entry.map(|entry| {
                let completed_at_ms = completed.metadata.modified_ms;
                completed_at_ms.saturating_sub(entry.completed_at_ms)
            }),
        };
    }
}

fn line(job: &Job, now_ms: u64) -> Line {
    let entry = job.entry.as_ref();
    let newest = job.newest.as_ref();
    let checkpoint = newest.map(|newest| &newest.checkpoint);
    let sizes = newest.and_then(|newest| newest.files_and_bytes);
    let triggered_at_ms = newest.and_then(|newest| newest.triggered_at_ms);
    let since = triggered_at_ms.or(checkpoint.map(|checkpoint| checkpoint.metadata.modified_ms));
    Line {
        job_name: entry
            .map(|entry| entry.job_name.clone())
            .filter(|name| !name.is_empty()),
        job_id: job.id.clone(),
        job_dir: job.dir.to_string(),
        primary_dir: entry.map(|entry| entry.primary_dir.clone()),
        newest_id: checkpoint.map(|checkpoint| checkpoint.id),
        newest_path: checkpoint.map(|checkpoint| checkpoint.dir.to_string()),
        triggered_at_ms,
        age_ms: since.map(|since| now_ms.saturating_sub(since)),
        bytes: sizes.map(|(_, bytes)| bytes),
        files: sizes.map(|(files, _)| files),
        published: job.published,
        ..Line::default()
    }
}

fn finding_line(finding: &CatalogueFinding) -> FindingLine {
    match finding {
        CatalogueFinding::BadNewest(finding) => finding.into(),
        _ => FindingLine::new(finding.kind(), finding.path(), finding.to_string()),
    }
}
