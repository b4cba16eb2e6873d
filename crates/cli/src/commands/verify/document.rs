//! What `dualwrite verify` tells: as JSON, and to people.

use audit::{Finding, Location, Notice, Report, StoreError, TargetFinding};
use comfy_table::{Cell, Color};
use serde::Serialize;

use crate::Exit;
use crate::commands::record::Recorded;
use crate::error::{Failure, explain};
use crate::output::{self, FindingLine};

/// People are told of so many checkpoints why nothing is known of them; JSON has all.
const MOST_EXPLANATIONS_SHOWN: usize = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Usable,
    Unknown,
    NotUsable,
}

impl From<audit::Verdict> for Verdict {
    fn from(verdict: audit::Verdict) -> Self {
        match verdict {
            audit::Verdict::Usable => Self::Usable,
            audit::Verdict::Unknown => Self::Unknown,
            audit::Verdict::NotUsable => Self::NotUsable,
        }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Document {
    result: Verdict,
    depth: &'static str,
    checkpoints: Vec<Line>,
    pub(super) retired_meanwhile: u64,
    findings: Vec<FindingLine>,
    error: Option<Failure>,
    /// None if it was not asked for.
    recorded: Option<Recorded>,
    #[serde(skip)]
    explanation: Option<String>,
}

#[derive(Debug, Serialize)]
struct Line {
    path: String,
    result: Verdict,
    version: Option<u32>,
    checkpoint_id: Option<i64>,
    files: Option<u64>,
    bytes: Option<u64>,
    read_bytes: u64,
    compared_bytes: u64,
    digest_bytes: u64,
    findings: Vec<FindingLine>,
    notices: Vec<NoticeLine>,
    error: Option<Failure>,
    #[serde(skip)]
    explanation: Option<String>,
}

/// What is worth knowing, as it appears in JSON.
#[derive(Debug, Serialize)]
struct NoticeLine {
    kind: &'static str,
    path: String,
    files: u64,
    message: String,
}

impl From<&Notice> for NoticeLine {
    fn from(notice: &Notice) -> Self {
        Self {
            kind: notice.kind(),
            path: notice.path(),
            files: notice.files(),
            message: notice.to_string(),
        }
    }
}

impl Document {
    /// Of nothing yet.
    pub(super) fn new(depth: audit::Depth) -> Self {
        Self {
            result: Verdict::Usable,
            depth: match depth {
                audit::Depth::Presence => "presence",
                audit::Depth::Length => "length",
                audit::Depth::Content => "content",
            },
            checkpoints: Vec::new(),
            retired_meanwhile: 0,
            findings: Vec::new(),
            error: None,
            recorded: None,
            explanation: None,
        }
    }

    pub(super) fn add(&mut self, report: &Report) {
        let line = Line::of(report);
        self.result = self.result.max(line.result);
        self.checkpoints.push(line);
    }

    /// What was looked for and is not there.
    pub(super) fn has_not_found(&mut self, findings: &[TargetFinding]) {
        for finding in findings {
            self.result = Verdict::NotUsable;
            let (kind, path) = (finding.kind(), finding.path());
            self.findings
                .push(FindingLine::new(kind, path, finding.to_string()));
        }
    }

    /// The cluster did not say which checkpoints there are.
    pub(super) fn cannot_list(&mut self, root: &Location, error: &StoreError) {
        self.result = self.result.max(Verdict::Unknown);
        self.error = Some(Failure::from(error));
        self.explanation = Some(explain(&format!("list {root}"), error));
    }

    /// What came of recording.
    pub(super) fn record(&mut self, recorded: Recorded) {
        if !recorded.is_whole() {
            self.result = self.result.max(Verdict::Unknown);
        }
        self.recorded = Some(recorded);
    }

    pub(super) fn exit(&self) -> Exit {
        match self.result {
            Verdict::Usable => Exit::Good,
            Verdict::NotUsable => Exit::Findings,
            Verdict::Unknown => Exit::CannotTell,
        }
    }

    pub(super) fn show(&self) {
        if self.checkpoints.is_empty() {
            output::print("No checkpoint.");
        } else {
            output::print_table(&table(&self.checkpoints));
        }
        if !self.findings.is_empty() {
            output::print("");
            output::print_findings(&self.findings);
        }
        let of_lines = self
            .checkpoints
            .iter()
            .filter_map(|line| line.explanation.as_ref());
        let explanations = self.explanation.iter().chain(of_lines);
        for line in &self.checkpoints {
            line.show_details();
        }
        if self.retired_meanwhile > 0 {
            let retired = self.retired_meanwhile;
            output::print(&format!("\nRetired while they were looked at: {retired}."));
        }
        for explanation in explanations.take(MOST_EXPLANATIONS_SHOWN) {
            output::complain(explanation);
        }
        if let Some(recorded) = &self.recorded {
            recorded.show();
        }
    }
}

impl Line {
    fn of(report: &Report) -> Self {
        let is_read = report.version.is_some();
        let task = format!("verify {}", report.path);
        let silence = report.silence.as_ref();
        Self {
            path: report.path.to_string(),
            result: report.verdict().into(),
            version: report.version,
            checkpoint_id: report.checkpoint_id,
            files: is_read.then_some(report.files),
            bytes: is_read.then_some(report.bytes),
            read_bytes: report.read_bytes,
            compared_bytes: report.compared_bytes,
            digest_bytes: report.digest_bytes,
            findings: report.findings.iter().map(FindingLine::from).collect(),
            notices: report.notices.iter().map(NoticeLine::from).collect(),
            error: silence.map(Failure::from),
            explanation: silence.map(|error| explain(&task, error)),
        }
    }

    fn show_details(&self) {
        if self.findings.is_empty() && self.notices.is_empty() {
            return;
        }
        output::print(&format!("\n{}", self.path));
        output::print_findings(&self.findings);
        for notice in &self.notices {
            let kind = notice.kind.replace('_', " ");
            let message = output::harmless(&notice.message);
            output::print(&format!("- (usable for all that) {kind}: {message}"));
        }
    }
}

/// A checkpoint that is not there: retired, since it was found.
pub(super) fn is_gone(report: &Report) -> bool {
    matches!(&*report.findings, [Finding::NoMetadata { .. }])
}

fn table(lines: &[Line]) -> comfy_table::Table {
    let mut table = output::table(&["RESULT", ">ID", ">FILES", ">SIZE", ">VERSION", "CHECKPOINT"]);
    for line in lines {
        let (text, colour) = match line.result {
            Verdict::Usable => ("usable", Color::Green),
            Verdict::NotUsable => ("not usable", Color::Red),
            Verdict::Unknown => ("unknown", Color::Yellow),
        };
        table.add_row([
            output::coloured(text, colour),
            Cell::new(output::or_dash(line.checkpoint_id)),
            Cell::new(output::or_dash(line.files)),
            Cell::new(output::or_dash(line.bytes.map(output::size))),
            Cell::new(output::or_dash(line.version)),
            output::cell(&line.path),
        ]);
    }
    table
}
