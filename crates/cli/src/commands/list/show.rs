//! A secondary's jobs for people. Refuses to decide anything but how many columns there are.

use comfy_table::{Cell, Color};

use super::document::{Document, Line};
use crate::output;

pub(super) fn document(document: &Document, all_ids: bool) {
    let is_shown = |line: &&Line| all_ids || line.newest_of_name;
    let shown: Vec<_> = document.jobs.iter().filter(is_shown).collect();
    if shown.is_empty() && document.error.is_none() {
        output::print(&format!("No job in {}.", document.secondary));
    } else if !shown.is_empty() {
        output::print_table(&table(document, &shown));
    }
    let hidden = document.jobs.len() - shown.len();
    if hidden > 0 {
        output::print(&format!(
            "\nEarlier ids of these jobs: {hidden}; --all-ids shows them."
        ));
    }
    if !document.findings.is_empty() {
        output::print("");
        output::print_findings(&document.findings);
    }
    if let (Some(primary), Some(error)) = (&document.primary, &document.primary_error) {
        output::complain(&format!("The primary {primary} does not answer: {error}."));
    }
}

fn table(document: &Document, jobs: &[&Line]) -> comfy_table::Table {
    let with_primary = document.primary.is_some() && document.primary_error.is_none();
    let with_verdict = jobs.iter().any(|job| job.verdict.is_some());
    let mut header = vec!["JOB", "JOB ID", ">NEWEST", "TRIGGERED", ">AGE"];
    if with_primary {
        header.extend([">COMPLETED", ">BEHIND"]);
    }
    header.extend([">SIZE", ">FILES", ">PUBLISHED"]);
    if with_verdict {
        header.push("VERDICT");
    }
    header.push("PATH");
    let mut table = output::table(&header);
    for job in jobs {
        let colour = job.newest_id.map_or(Color::Red, |_| Color::Green);
        let newest = job.newest_id.map(|id| id.to_string());
        let mut row = vec![
            output::cell(job.job_name.as_deref().unwrap_or("-")),
            output::cell(job.job_id.as_deref().unwrap_or("-")),
            output::coloured(newest.as_deref().unwrap_or("none"), colour),
            Cell::new(output::or_dash(job.triggered_at_ms.map(output::time))),
            Cell::new(output::or_dash(job.age_ms.map(output::age))),
        ];
        if with_primary {
            row.push(Cell::new(output::or_dash(job.completed_id)));
            row.push(Cell::new(output::or_dash(job.behind_ms.map(output::age))));
        }
        row.push(Cell::new(output::or_dash(job.bytes.map(output::size))));
        row.push(Cell::new(output::or_dash(job.files)));
        row.push(Cell::new(job.published));
        if with_verdict {
            row.push(verdict(job.verdict));
        }
        row.push(output::cell(
            job.newest_path.as_deref().unwrap_or(&job.job_dir),
        ));
        table.add_row(row);
    }
    table
}

fn verdict(verdict: Option<&'static str>) -> Cell {
    match verdict {
        None => Cell::new("-"),
        Some("usable") => output::coloured("usable", Color::Green),
        Some("unknown") => output::coloured("unknown", Color::Yellow),
        Some(other) => output::coloured(&other.replace('_', " "), Color::Red),
    }
}
