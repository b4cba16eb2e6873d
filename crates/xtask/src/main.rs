//! The project's tasks: `cargo xtask` lists them.
//!
//! Only calls what does the work: cargo, Maven, the harness. Refuses to be needed by the product.

mod bench;
mod command;
mod demo;
mod deny;
mod dist;
mod docs;
mod figures;
mod golden;
mod mutants;
mod overhead;
mod packages;
mod programs;
mod screen;
mod side_by_side;
mod sites;
mod soak;
mod test;
mod tidy;
mod totals;
mod vitals;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask",
    about = "The project's tasks",
    arg_required_else_help = true,
    disable_help_subcommand = true
)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Shows the whole way: a job, its checkpoints on a second HDFS, the first one lost, restored
    Demo(demo::Arguments),
    /// Builds what is shipped: target/dist/flink-dualwrite-<version>.jar and target/dist/dualwrite
    Dist,
    /// Runs everything that decides whether a change is good
    Test(test::Arguments),
    /// Checks arrows between crates, sizes of files, comments, words, links
    Tidy,
    /// Measures speed, side by side
    Bench(bench::Arguments),
    /// Plants faults in a copy of the product, which the simulation must find
    Mutants(mutants::Arguments),
    /// Runs a job for an hour with random faults on the secondary: nothing may fail or grow
    Soak(soak::Arguments),
    /// Writes goldens anew: `_metadata` as each version of Flink writes it
    Golden(golden::Arguments),
    /// Writes the generated pages of docs/ anew
    Docs(docs::Arguments),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().task {
        Task::Demo(arguments) => demo::run(&arguments),
        Task::Dist => dist::build().map(|()| dist::tell()),
        Task::Test(arguments) => test::run(&arguments),
        Task::Tidy => tidy::run(),
        Task::Mutants(arguments) => mutants::run(&arguments),
        Task::Bench(arguments) => bench::run(&arguments),
        Task::Soak(arguments) => soak::run(&arguments),
        Task::Golden(arguments) => golden::run(&arguments),
        Task::Docs(arguments) => docs::run(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent_and_the_bare_command_lists_the_tasks() {
        Arguments::command().debug_assert();
        let help = Arguments::try_parse_from(["cargo xtask"]).unwrap_err();
        let help = help.to_string();
        let tasks = [
            "demo", "dist", "test", "tidy", "bench", "mutants", "soak", "golden", "docs",
        ];
        for task in tasks {
            assert!(help.contains(&format!("  {task} ")), "{help}");
        }
    }
}
