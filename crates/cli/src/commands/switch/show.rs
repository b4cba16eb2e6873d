//! A plan and its outcome for people. Refuses to decide anything.

use std::path::Path;

use comfy_table::{Cell, Color};
use switch::{Jar, Plan, PlannedJob};

use super::apply::Line;
use super::make::left_out_lines;
use crate::output;

pub(super) fn plan(plan: &Plan, file: &Path, now_ms: u64) {
    if plan.jobs.is_empty() {
        output::print(&format!("No job can be switched to {}.", plan.target.root));
    } else {
        let mut table = output::table(&[
            "JOB",
            ">CHECKPOINT",
            ">AGE",
            ">SIZE",
            ">FILES",
            "JAR",
            "FROM",
        ]);
        for job in &plan.jobs {
            table.add_row(row(job, now_ms));
        }
        output::print_table(&table);
    }
    let warnings = plan.jobs.iter().flat_map(|job| {
        let text = |warning| output::harmless(&format!("- {}: {warning}", job.name));
        job.warnings.iter().map(text)
    });
    output::print_section("WARNINGS", warnings);
    output::print_section("LEFT OUT", left_out_lines(&plan.left_out));
    let file = file.display();
    let source = match &plan.source.flink {
        Some(flink) => format!("the source's Flink is {flink}"),
        None => {
            "the source's Flink is not known, so apply will ask for --source-is-dead".to_owned()
        }
    };
    output::print(&format!("\nWritten to {file}; {source}."));
    let next = match &plan.target.flink {
        Some(_) => format!("To carry it out: dualwrite switch apply {file}"),
        None => format!(
            "No Flink is known at the target: give --flink. For the command lines: dualwrite \
             switch print {file}"
        ),
    };
    output::print(&next);
}

fn row(job: &PlannedJob, now_ms: u64) -> [Cell; 7] {
    let checkpoint = &job.checkpoint;
    let jar = job.launch.as_ref().map(|launch| match &launch.jar {
        Jar::File(path) => path.display().to_string(),
        Jar::Uploaded(id) => id.clone(),
    });
    [
        output::cell(&job.name),
        Cell::new(checkpoint.id),
        Cell::new(output::age(now_ms.saturating_sub(checkpoint.as_of_ms()))),
        Cell::new(output::size(checkpoint.bytes)),
        Cell::new(checkpoint.files),
        output::cell(jar.as_deref().unwrap_or("-")),
        output::cell(&checkpoint.path),
    ]
}

pub(super) fn outcome(lines: &[Line]) {
    let header = [
        "JOB",
        "RESULT",
        "JOB ID",
        ">CHECKPOINT",
        ">RPO",
        ">RUNNING AFTER",
        ">SAFE AFTER",
    ];
    let mut table = output::table(&header);
    for line in lines {
        let colour = if line.is_switched() {
            Color::Green
        } else {
            Color::Red
        };
        let age =
            |milliseconds: Option<u64>| Cell::new(output::or_dash(milliseconds.map(output::age)));
        table.add_row([
            output::cell(&line.job_name),
            output::coloured(line.result, colour),
            output::cell(line.job_id.as_deref().unwrap_or("-")),
            Cell::new(output::or_dash(line.checkpoint_id)),
            age(line.rpo_ms),
            age(line.running_after_ms),
            age(line.first_checkpoint_after_ms),
        ]);
    }
    output::print_table(&table);
    let failed = lines.iter().filter_map(|line| {
        let message = line.message.as_ref()?;
        Some(output::harmless(&format!("- {}: {message}", line.job_name)))
    });
    output::print_section("NOT SWITCHED", failed);
}
