//! A plan and its outcome for people. Refuses to decide anything.

use std::path::Path;

use comfy_table::{Cell, Color};
use repair::{Metadata, Plan, PlannedCheckpoint};

use super::apply::{Line, REPAIRED};
use super::make::Written;
use crate::output;

/// People are shown so many reasons of each checkpoint; the plan has all.
const MOST_REASONS_SHOWN: usize = 5;

pub(super) fn plan(plan: &Plan, file: &Path, written: &Written) {
    if plan.checkpoints.is_empty() {
        output::print(&format!("No checkpoint on {}.", plan.source().root));
    } else {
        let header = [
            "STATE",
            ">ID",
            ">COPY",
            ">SIZE",
            ">OF FILES",
            ">OF SIZE",
            "CHECKPOINT",
        ];
        let mut table = output::table(&header);
        for checkpoint in &plan.checkpoints {
            table.add_row(row(checkpoint));
        }
        output::print_table(&table);
    }
    for checkpoint in &plan.checkpoints {
        reasons(checkpoint);
    }
    let left_out = plan.left_out.iter().map(|left| {
        let text = format!("- {}: {}", left.name, left.why);
        output::harmless(&text)
    });
    output::print_section("LEFT OUT", left_out);
    output::print(&format!("\n{}", next(plan, file, written)));
}

/// What there is to do.
fn next(plan: &Plan, file: &Path, written: &Written) -> String {
    let damaged = plan.copies.iter().filter(|copy| copy.damaged.is_some());
    let bytes: u64 = plan.copies.iter().map(|copy| copy.bytes).sum();
    let script = written.script.as_ref().map(|script| {
        let script = script.display();
        format!("To have a cluster copy what is missing: sh {script} -m 20\n")
    });
    let file = file.display();
    format!(
        "To copy: {} files, {}; {} of them take the place of damaged ones. Written to {file}.\n\
         {}To carry it out: dualwrite repair apply {file}",
        plan.copies.len(),
        output::size(bytes),
        damaged.count(),
        script.unwrap_or_default()
    )
}

fn row(checkpoint: &PlannedCheckpoint) -> [Cell; 7] {
    let (state, colour) = match (checkpoint.cannot.as_slice(), checkpoint.metadata) {
        ([_, ..], _) => ("cannot be repaired", Color::Red),
        ([], Metadata::Published) if checkpoint.copy_files == 0 => ("whole", Color::Green),
        ([], Metadata::Published | Metadata::Damaged(_)) => ("damaged", Color::Yellow),
        ([], Metadata::Missing | Metadata::Unknown) => ("not published", Color::Yellow),
    };
    [
        output::coloured(state, colour),
        Cell::new(checkpoint.id),
        Cell::new(checkpoint.copy_files),
        Cell::new(output::size(checkpoint.copy_bytes)),
        Cell::new(checkpoint.files),
        Cell::new(output::size(checkpoint.bytes)),
        output::cell(&checkpoint.target),
    ]
}

fn reasons(checkpoint: &PlannedCheckpoint) {
    if checkpoint.cannot.is_empty() {
        return;
    }
    output::print(&format!("\n{}", output::harmless(&checkpoint.target)));
    for cannot in checkpoint.cannot.iter().take(MOST_REASONS_SHOWN) {
        let kind = cannot.kind.replace('_', " ");
        let message = output::harmless(&cannot.message);
        output::print(&format!("- {kind}: {message}"));
    }
    let more = checkpoint.cannot.len().saturating_sub(MOST_REASONS_SHOWN);
    if more > 0 {
        output::print(&format!("- and {more} more; the plan has them all"));
    }
}

pub(super) fn outcome(lines: &[Line]) {
    let header = [
        "RESULT",
        ">COPIED",
        ">SIZE",
        ">REPLACED",
        "PUBLISHED",
        "CHECKPOINT",
    ];
    let mut table = output::table(&header);
    for line in lines {
        let colour = if line.result == REPAIRED {
            Color::Green
        } else {
            Color::Red
        };
        table.add_row([
            output::coloured(line.result, colour),
            Cell::new(line.copied_files),
            Cell::new(output::size(line.copied_bytes)),
            Cell::new(line.replaced_files),
            Cell::new(if line.published { "now" } else { "-" }),
            output::cell(&line.path),
        ]);
    }
    if lines.is_empty() {
        output::print("The plan has no checkpoint: nothing was done.");
    } else {
        output::print_table(&table);
    }
    let failed = lines.iter().filter_map(|line| {
        let message = line.message.as_ref()?;
        Some(output::harmless(&format!("- {}: {message}", line.path)))
    });
    output::print_section("NOT REPAIRED", failed);
}
