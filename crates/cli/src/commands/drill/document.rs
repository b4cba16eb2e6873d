//! What `dualwrite drill` tells: as JSON, and to people.

use audit::{CheckpointDir, Location, Published, Report, StoreError};
use comfy_table::{Cell, Color};
use serde::Serialize;
use switch::{DrillFailure, FlinkError, LeftOut, Rehearsed};

use crate::Exit;
use crate::commands::record::{Recorded, Shown};
use crate::commands::switch::left_out_lines;
use crate::error::{Failure, explain};
use crate::output::{self, FindingLine};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Good,
    Unknown,
    Failed,
}

#[derive(Debug, Serialize)]
pub(super) struct Document {
    result: Verdict,
    secondary: String,
    jobs: Vec<Line>,
    left_out: Vec<LeftOut>,
    error: Option<Failure>,
    /// Why no job was started.
    flink_error: Option<String>,
    /// None if it was not asked for.
    recorded: Option<Recorded>,
    #[serde(skip)]
    explanation: Option<String>,
    #[serde(skip)]
    with_run: bool,
}

/// One job, its newest checkpoint, and how it went on from there.
#[derive(Debug, Serialize)]
pub(super) struct Line {
    pub(super) job_name: String,
    job_id: Option<String>,
    checkpoint_id: u64,
    checkpoint_path: String,
    result: Verdict,
    checkpoint: &'static str,
    read_bytes: u64,
    findings: Vec<FindingLine>,
    error: Option<Failure>,
    drill: Option<&'static str>,
    drill_job_id: Option<String>,
    drill_checkpoint_id: Option<u64>,
    running_after_ms: Option<u64>,
    first_checkpoint_after_ms: Option<u64>,
    message: Option<String>,
    #[serde(skip)]
    pub(super) dir: Location,
    #[serde(skip)]
    explanation: Option<String>,
}

impl Line {
    /// Of one that was not looked at yet.
    pub(super) fn new(job_name: String, job_id: Option<String>, checkpoint: &Published) -> Self {
        Self {
            job_name,
            job_id,
            checkpoint_id: checkpoint.id,
            checkpoint_path: checkpoint.dir.to_string(),
            result: Verdict::Unknown,
            checkpoint: "unknown",
            read_bytes: 0,
            findings: Vec::new(),
            error: None,
            drill: None,
            drill_job_id: None,
            drill_checkpoint_id: None,
            running_after_ms: None,
            first_checkpoint_after_ms: None,
            message: None,
            dir: checkpoint.dir.clone(),
            explanation: None,
        }
    }

    pub(super) fn is_usable(&self) -> bool {
        self.checkpoint == "usable"
    }

    /// That its checkpoint is usable, if it is, as it is recorded.
    pub(super) fn verified(&self) -> Option<Shown> {
        self.is_usable().then(|| self.shown(self.checkpoint_id))?
    }

    /// The same of the drill.
    pub(super) fn drilled(&self) -> Option<Shown> {
        let id = self.drill_checkpoint_id?;
        (self.drill == Some("good")).then(|| self.shown(id))?
    }

    /// None of a job that has neither a name nor an id.
    fn shown(&self, checkpoint_id: u64) -> Option<Shown> {
        let job_dir = self.dir.parent();
        let name = match &self.job_id {
            Some(id) if *id == self.job_name => "",
            None if self.job_name == job_dir.to_string() => return None,
            _ => &self.job_name,
        };
        Some(Shown {
            name: name.to_owned(),
            id: self.job_id.clone(),
            checkpoint: job_dir.join(&CheckpointDir(checkpoint_id).to_string()),
        })
    }

    pub(super) fn add_report(&mut self, report: &Report) {
        (self.result, self.checkpoint) = match report.verdict() {
            audit::Verdict::Usable => (Verdict::Good, "usable"),
            audit::Verdict::Unknown => (Verdict::Unknown, "unknown"),
            audit::Verdict::NotUsable => (Verdict::Failed, "not_usable"),
        };
        self.read_bytes = report.read_bytes;
        self.findings = report.findings.iter().map(FindingLine::from).collect();
        let silence = report.silence.as_ref();
        self.error = silence.map(Failure::from);
        let task = format!("verify {}", report.path);
        self.explanation = silence.map(|error| explain(&task, error));
    }

    /// It was retired while it was read: what was found says nothing.
    pub(super) fn is_retired(&mut self) {
        (self.result, self.checkpoint) = (Verdict::Unknown, "retired");
        self.findings.clear();
        let path = &self.checkpoint_path;
        self.message = Some(format!(
            "{path} was retired while it was read. Run it again; where reading takes longer than \
             that, raise dualwrite.secondary.retained"
        ));
    }

    pub(super) fn add_drill(&mut self, result: Result<Rehearsed, DrillFailure>) {
        match result {
            Ok(rehearsed) => {
                self.drill = Some("good");
                self.drill_job_id = Some(rehearsed.job_id);
                self.drill_checkpoint_id = Some(rehearsed.checkpoint.id);
                self.running_after_ms = Some(rehearsed.running_after_ms);
                self.first_checkpoint_after_ms = rehearsed.first_checkpoint_after_ms;
            }
            Err(failure) => {
                let (result, word) = if failure.is_silence() {
                    (Verdict::Unknown, "unknown")
                } else {
                    (Verdict::Failed, "failed")
                };
                self.result = self.result.max(result);
                self.drill = Some(word);
                self.message = Some(failure.to_string());
            }
        }
    }
}

impl Document {
    /// Of nothing yet.
    pub(super) fn new(secondary: &Location) -> Self {
        Self {
            result: Verdict::Good,
            secondary: secondary.to_string(),
            jobs: Vec::new(),
            left_out: Vec::new(),
            error: None,
            flink_error: None,
            recorded: None,
            explanation: None,
            with_run: false,
        }
    }

    /// The secondary did not say which jobs there are.
    pub(super) fn cannot_list(&mut self, error: &StoreError, explanation: String) {
        self.result = Verdict::Unknown;
        self.error = Some(Failure::from(error));
        self.explanation = Some(explanation);
    }

    /// The Flink of the drill did not answer, or refused.
    pub(super) fn cannot_run(&mut self, error: &FlinkError) {
        self.result = Verdict::Unknown;
        let text = format!("No job was started: {error}. Is the drill's Flink up?");
        self.flink_error = Some(text);
    }

    pub(super) fn add(&mut self, jobs: Vec<Line>, left_out: Vec<LeftOut>, with_run: bool) {
        let worst = jobs.iter().map(|job| job.result).max();
        self.result = self.result.max(worst.unwrap_or(Verdict::Good));
        if !left_out.is_empty() {
            self.result = Verdict::Failed;
        }
        self.jobs = jobs;
        self.left_out = left_out;
        self.with_run = with_run;
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
            Verdict::Good => Exit::Good,
            Verdict::Failed => Exit::Findings,
            Verdict::Unknown => Exit::CannotTell,
        }
    }

    pub(super) fn show(&self) {
        if self.jobs.is_empty() && self.error.is_none() {
            output::print(&format!("No job in {}.", self.secondary));
        } else if !self.jobs.is_empty() {
            output::print_table(&self.table());
        }
        for job in &self.jobs {
            if !job.findings.is_empty() {
                output::print(&format!("\n{}", job.checkpoint_path));
                output::print_findings(&job.findings);
            }
        }
        let failed = self.jobs.iter().filter_map(|job| {
            let message = job.message.as_ref()?;
            Some(output::harmless(&format!("- {}: {message}", job.job_name)))
        });
        output::print_section("NOT GOOD", failed);
        output::print_section("LEFT OUT", left_out_lines(&self.left_out));
        let of_jobs = self.jobs.iter().filter_map(|job| job.explanation.as_ref());
        let complaints = self.explanation.iter().chain(&self.flink_error);
        for complaint in complaints.chain(of_jobs) {
            output::complain(complaint);
        }
        if let Some(recorded) = &self.recorded {
            recorded.show();
        }
    }

    fn table(&self) -> comfy_table::Table {
        let mut header = vec!["JOB", "RESULT", ">CHECKPOINT", ">READ"];
        if self.with_run {
            header.extend(["DRILL", ">RUNNING AFTER", ">FIRST CHECKPOINT AFTER"]);
        }
        header.push("PATH");
        let mut table = output::table(&header);
        for job in &self.jobs {
            let (text, colour) = match job.checkpoint {
                "usable" => ("usable", Color::Green),
                "not_usable" => ("not usable", Color::Red),
                other => (other, Color::Yellow),
            };
            let mut row = vec![
                output::cell(&job.job_name),
                output::coloured(text, colour),
                Cell::new(job.checkpoint_id),
                Cell::new(output::size(job.read_bytes)),
            ];
            if self.with_run {
                let age = |ms: Option<u64>| Cell::new(output::or_dash(ms.map(output::age)));
                row.push(Cell::new(output::or_dash(job.drill)));
                row.push(age(job.running_after_ms));
                row.push(age(job.first_checkpoint_after_ms));
            }
            row.push(output::cell(&job.checkpoint_path));
            table.add_row(row);
        }
        table
    }
}
