//! What `dualwrite check` tells: as JSON, and to people.

use comfy_table::{Cell, Color};
use preflight::{Finding, Given, Report, Severity, Verdict};
use serde::Serialize;

use crate::Exit;
use crate::output;

#[derive(Debug, Serialize)]
pub(super) struct Document {
    result: Verdict,
    file: String,
    flink_version: Option<String>,
    looked_at: Vec<LookLine>,
    findings: Vec<Line>,
}

/// One thing that was looked at, with the worst that was found of it.
#[derive(Debug, Serialize)]
struct LookLine {
    area: &'static str,
    result: Option<Severity>,
    what: String,
}

#[derive(Debug, Serialize)]
struct Line {
    severity: Severity,
    kind: &'static str,
    area: &'static str,
    key: Option<String>,
    message: String,
    fix: String,
}

impl From<&Finding> for Line {
    fn from(finding: &Finding) -> Self {
        Self {
            severity: finding.kind.severity(),
            kind: finding.kind.as_str(),
            area: finding.kind.area().as_str(),
            key: finding.key.clone(),
            message: finding.message.clone(),
            fix: finding.fix.clone(),
        }
    }
}

impl Document {
    pub(super) fn of(given: &Given, report: &Report) -> Self {
        let mut findings: Vec<Line> = report.findings.iter().map(Line::from).collect();
        // The worst first; of one severity as they were found.
        findings.sort_by_key(|line| std::cmp::Reverse(line.severity));
        let looks = report.looks.iter().map(|look| LookLine {
            area: look.area.as_str(),
            result: report.worst_of(look.area),
            what: look.what.clone(),
        });
        Self {
            result: report.verdict(),
            file: given.file.display().to_string(),
            flink_version: given.version.map(|version| version.to_string()),
            looked_at: looks.collect(),
            findings,
        }
    }

    pub(super) fn exit(&self) -> Exit {
        match self.result {
            Verdict::Good => Exit::Good,
            Verdict::Findings => Exit::Findings,
            Verdict::Unknown => Exit::CannotTell,
        }
    }

    pub(super) fn show(&self) {
        let mut table = output::table(&["RESULT", "AREA", "LOOKED AT"]);
        for look in &self.looked_at {
            table.add_row([
                result(look.result),
                Cell::new(look.area.replace('_', " ")),
                output::cell(&look.what),
            ]);
        }
        output::print_table(&table);
        let mut last = None;
        for line in &self.findings {
            if last.replace(line.severity) != Some(line.severity) {
                output::print(&format!("\n{}", heading(line.severity)));
            }
            line.show();
        }
    }
}

impl Line {
    fn show(&self) {
        let kind = self.kind.replace('_', " ");
        let message = output::harmless(&self.message);
        output::print(&format!("- {kind}: {message}"));
        output::print(&format!("  {}", output::harmless(&self.fix)));
    }
}

fn result(worst: Option<Severity>) -> Cell {
    match worst {
        None => output::coloured("good", Color::Green),
        Some(Severity::Note) => output::coloured("note", Color::Green),
        Some(Severity::Unknown) => output::coloured("unknown", Color::Yellow),
        Some(Severity::Warning) => output::coloured("warning", Color::Yellow),
        Some(Severity::Error) => output::coloured("error", Color::Red),
    }
}

fn heading(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "Errors: nothing is copied, or Flink does not start",
        Severity::Warning => "Warnings: the copy is not what it could be",
        Severity::Unknown => "Not known",
        Severity::Note => "Notes",
    }
}
