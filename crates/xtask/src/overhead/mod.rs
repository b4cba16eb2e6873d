//! What the product costs a real job: the same job twice in one run, once plain.
//!
//! Figures are ratios within one round, and each round starts all processes anew. Refuses a round
//! in which the product did not do its work. Needs root, for a host that the secondary has to
//! itself.

mod memory;
mod outcome;
mod pair;
mod table;
mod turn;

use std::time::Duration;

use anyhow::{Context, Result};
use clap::ValueEnum;
use harness::{Host, Run};
use serde_json::Value;

use self::outcome::Case;
use self::pair::Pair;
use self::turn::Turn;
use crate::screen::Screen;
use crate::{dist, vitals};

/// Turns of each job in a round, in alternation: who has just run without a limit has
/// much to tidy up.
const TURNS: usize = 8;
/// The same before that, until the JVM has compiled what it runs.
const WARM_UP: usize = 2;

/// Of what the job writes, a slow link carries one part in so many.
const WRITTEN_TO_CARRIED: f64 = 10.0;

/// Of the measurements that run a job with the product and a plain one.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Of `overhead`: what the secondary is, one or more, all unless said
    #[arg(long, value_name = "STATE", value_delimiter = ',')]
    secondary: Vec<State>,
    /// Of `overhead`: how often all is started anew and each of the two jobs has its turns, per
    /// state
    #[arg(long, value_name = "N", default_value_t = 2)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Of `overhead`: between two checkpoints while the job goes without a limit
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    every: u64,
    /// Of `overhead`: where the jobs keep their state
    #[arg(long, value_name = "BACKEND", default_value = "rocksdb")]
    backend: Backend,
    /// Of `memory`: how long the secondary is frozen
    #[arg(long, value_name = "N", default_value_t = 10)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    minutes: u64,
    /// Of both: end with one line of JSON on standard output; all else goes to standard error
    #[arg(long)]
    json: bool,
}

/// What the secondary is while the job runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum State {
    /// Both jobs are plain: what two of them differ by
    None,
    /// It works
    Healthy,
    /// Its processes are killed
    Dead,
    /// Its processes are stopped and keep their connections
    Frozen,
    /// The link to it carries a tenth of what the job writes
    Slow,
}

/// Where a job keeps its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Backend {
    /// RocksDB, with incremental checkpoints, of a size that differs
    Rocksdb,
    /// The JVM's heap, with checkpoints of all of it
    Heap,
}

/// Which of the two jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    Plain,
    Product,
}

/// Duration of checkpoints, throughput and processor time, in turns.
///
/// # Errors
/// When something fails on the way.
pub(crate) fn overhead(options: &Options) -> Result<()> {
    let states = match options.secondary.as_slice() {
        [] => State::value_variants(),
        some => some,
    };
    let screen = Screen::new(options.json);
    screen.step("building target/dist, unless nothing has changed");
    dist::build()?;
    let mut cases = Vec::new();
    for state in states {
        let case = measure(*state, options, &screen);
        if case.is_err() {
            screen.end();
        }
        cases.push(case.with_context(|| format!("with the secondary {}", state.name()))?);
    }
    screen.end();
    screen.line(&table::of_cases(&cases));
    let json = cases.iter().map(Case::json).collect::<Vec<Value>>();
    print_json(options.json, &Value::from(json));
    Ok(())
}

/// Resident memory while the secondary is frozen.
///
/// # Errors
/// When something fails on the way.
pub(crate) fn memory(options: &Options) -> Result<()> {
    let screen = Screen::new(options.json);
    screen.step("building target/dist, unless nothing has changed");
    dist::build()?;
    let run = Run::new("memory")?;
    let measured = memory::measure(&run, options.minutes, &screen);
    screen.end();
    let measured = measured?;
    screen.line(&measured.text());
    print_json(options.json, &measured.json());
    run.passed();
    Ok(())
}

fn measure(state: State, options: &Options, screen: &Screen) -> Result<Case> {
    let rounds = options.rounds;
    let (mut plain, mut product) = (Vec::new(), Vec::new());
    let load = vitals::load();
    for round in 1..=rounds {
        screen.line(&format!(
            "The secondary is {}: round {round} of {rounds}",
            state.name()
        ));
        let first = if round % 2 == 1 {
            Who::Plain
        } else {
            Who::Product
        };
        take_round(state, first, options, (&mut plain, &mut product), screen)?;
    }
    Ok(Case {
        secondary: state.name(),
        plain,
        product,
        load: [load, vitals::load()],
    })
}

/// Starts everything, the job of `first` before the other, and gives each its turns.
fn take_round(
    state: State,
    first: Who,
    options: &Options,
    (plain, product): (&mut Vec<Turn>, &mut Vec<Turn>),
    screen: &Screen,
) -> Result<()> {
    let run = Run::new(&format!("overhead-{}", state.name()))?;
    let host = Host::start()?;
    let every = Duration::from_secs(options.every);
    let first_of_jobs = (state != State::None).then_some(first);
    let pair = Pair::on_one_flink(&run, &host, first_of_jobs, options.backend, screen)?;
    screen.step(&format!("{WARM_UP} turns of each to warm up"));
    let mut written = 0.0;
    for _ in 0..WARM_UP {
        turn::take(&pair.plain, every)?;
        written = turn::take(&pair.product, every)?.bytes_per_second;
    }
    pair.plain_is_plain()?;
    if state != State::None {
        pair.published()?;
    }
    match state {
        State::None | State::Healthy => (),
        State::Dead => pair.sites.secondary.kill(),
        State::Frozen => pair.sites.secondary.freeze()?,
        State::Slow => host.limit(Host::kilobits(written / WRITTEN_TO_CARRIED))?,
    }
    for who in [first, first.other()].repeat(TURNS) {
        let (side, turns) = match who {
            Who::Plain => (&pair.plain, &mut *plain),
            Who::Product => (&pair.product, &mut *product),
        };
        let turn = turn::take(side, every)?;
        screen.line(&format!("  {:<7}  {}", side.name, turn.text()));
        turns.push(turn);
    }
    if state == State::Healthy {
        pair.published()?;
    }
    run.passed();
    Ok(())
}

impl Who {
    fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Product => "product",
        }
    }

    fn other(self) -> Self {
        match self {
            Self::Plain => Self::Product,
            Self::Product => Self::Plain,
        }
    }
}

impl State {
    fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Healthy => "healthy",
            Self::Dead => "dead",
            Self::Frozen => "frozen",
            Self::Slow => "slow",
        }
    }
}

fn print_json(wanted: bool, value: &Value) {
    if wanted {
        println!("{value}");
    }
}
