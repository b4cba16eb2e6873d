//! The figures for people.

use comfy_table::{CellAlignment, Table, presets};

use super::outcome::{Case, Compared, MEASURES, Measure};

/// All states of the secondary in one table, with what to make of it.
pub(super) fn of_cases(cases: &[Case]) -> String {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_header([
        "secondary",
        "measure",
        "plain (quartiles)",
        "product (quartiles)",
        "ratio",
        "of the rounds",
        "plain to itself",
        "goal",
    ]);
    for case in cases {
        for measure in &MEASURES {
            if let Some(compared) = case.compare(measure) {
                table.add_row(row(case, measure, &compared));
            }
        }
    }
    for column in 2..7 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let loads = cases.iter().map(|case| {
        let [before, after] = &case.load;
        format!("{}: {before} to {after}", case.secondary)
    });
    let loads = loads.collect::<Vec<_>>().join("; ");
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let library = cases.iter().filter_map(|case| {
        let [low, middle, high] = case.library()?;
        let secondary = case.secondary;
        Some(format!("{secondary}: {middle:.1} ({low:.1} to {high:.1})"))
    });
    let library = library.collect::<Vec<_>>().join("; ");
    format!(
        "\n{table}\n\nthe library's threads, in ms of a core for each MB of checkpoints: \
         {library}\n{cores} cores; load averages: {loads}"
    )
}

fn row(case: &Case, measure: &Measure, compared: &Compared) -> [String; 8] {
    let digits = if measure.unit == "cores" { 2 } else { 0 };
    let spread = |[low, middle, high]: [f64; 3]| {
        format!("{middle:.digits$} ({low:.digits$} to {high:.digits$})")
    };
    let range = |(low, high): (f64, f64)| format!("{low:.2} to {high:.2}");
    [
        case.secondary.to_owned(),
        format!("{}, {}", measure.name, measure.unit),
        spread(compared.plain),
        spread(compared.product),
        format!("{:.3}", compared.ratio),
        range(compared.ratio_range),
        range(compared.noise_range),
        measure.goal.unwrap_or("-").to_owned(),
    ]
}
