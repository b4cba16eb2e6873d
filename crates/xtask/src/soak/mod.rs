//! A real job on two real clusters for a long time, with random faults on the secondary.
//!
//! All must hold: no checkpoint of the primary fails, whatever is published is restorable,
//! publishing comes back after each fault, nothing grows, and the job's result is exact. Refuses to
//! call it good if one does not.

mod flat;
mod outcome;
mod plan;
mod record;
mod stage;
mod watch;

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Result, ensure};
use harness::{Process, Run};

use self::outcome::Outcome;
use self::plan::Plan;
use self::stage::Stage;
use self::watch::Watch;
use crate::screen::Screen;
use crate::{dist, vitals};

/// Flink is killed in this part of the time only, so that its processes have a second half to be
/// flat in.
const FLINK_MAY_DIE: f64 = 1.0 / 3.0;
/// What is left of the job after the soak, on a busy machine.
const END_LIMIT: Duration = Duration::from_mins(10);

/// Of the task `soak`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// How long faults go on
    #[arg(long, value_name = "N", default_value_t = 60)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    minutes: u64,
    /// Which faults come when; another one each time unless said
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// End with one line of JSON on standard output; all else goes to standard error
    #[arg(long)]
    json: bool,
}

/// Soaks.
///
/// # Errors
/// When something fails on the way, or something did not hold.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let screen = Screen::new(arguments.json);
    screen.step("building target/dist, unless nothing has changed");
    dist::build()?;
    let seed = arguments.seed.unwrap_or_else(|| fastrand::u64(..1_000_000));
    let run = Run::new("soak")?;
    let outcome = soak(&run, arguments.minutes, seed, &screen);
    screen.end();
    let outcome = outcome?;
    screen.line(&outcome.text());
    if arguments.json {
        println!("{}", outcome.json());
    }
    ensure!(outcome.violations().is_empty(), "not all held");
    run.passed();
    Ok(())
}

fn soak(run: &Run, minutes: u64, seed: u64, screen: &Screen) -> Result<Outcome> {
    let time = Duration::from_mins(minutes);
    let stage = Stage::start(run, time, screen)?;
    screen.step(&format!(
        "{minutes} minutes of faults on the secondary, seed {seed}"
    ));
    let load = vitals::load();
    let mut watch = Watch::new(stage, screen);
    watch.catch_up("the start")?;
    // That was a start, not a recovery.
    watch.record.catch_ups_ms.clear();
    let mut plan = Plan::new(seed);
    loop {
        let step = plan.next(watch.elapsed() < time.mul_f64(FLINK_MAY_DIE));
        let left = time.saturating_sub(watch.elapsed());
        if step.quiet + step.lasts >= left {
            watch.look_on(left)?;
            break;
        }
        watch.look_on(step.quiet)?;
        watch.suffer(step.fault, step.lasts)?;
    }
    let seconds = watch.elapsed().as_secs_f64();
    let load = [load, vitals::load()];

    screen.step("the job finishes, and its result is compared with the expected one");
    let comparison = finish(&mut watch)?;
    for process in watch.stage.flink.processes() {
        for line in errors(process)? {
            watch.record.violation(line);
        }
    }
    Ok(Outcome {
        seed,
        minutes,
        seconds,
        record: watch.record,
        comparison,
        load,
    })
}

/// Lets the job emit what is left, and looks on until it is done.
fn finish(watch: &mut Watch) -> Result<harness::Comparison> {
    // What failed up to here is not excused by what comes now.
    watch.look()?;
    watch.finishes = true;
    watch.stage.job.hurry()?;
    let limit = watch.elapsed() + END_LIMIT;
    while watch.stage.rest().job_state(&watch.stage.id)? != "FINISHED" {
        ensure!(watch.elapsed() < limit, "the job does not come to its end");
        watch.look()?;
    }
    watch.look()?;
    watch.stage.job.compare()
}

/// What the product calls an error, each once, without its time.
fn errors(process: &Process) -> Result<BTreeSet<String>> {
    let log = process.log()?;
    let errors = log.lines().filter_map(|line| {
        // date, time, level, logger: the pattern of the harness
        let (_, said) = line.split_once(" ERROR ")?;
        said.starts_with("io.dualwrite")
            .then(|| format!("{} said: {said}", process.label()))
    });
    Ok(errors.collect())
}
