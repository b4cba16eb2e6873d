//! What the product costs a real job: the same job on two Flinks in one run, one of them plain.
//!
//! Figures are ratios within one round. Two JVMs that do the same differ in speed for as long as
//! they live, so each round starts all processes anew. Refuses a round in which the product did not
//! do its work.

mod memory;
mod outcome;
mod pair;
mod table;
mod turn;

use anyhow::{Context, Result};
use clap::ValueEnum;
use harness::{Host, Run};
use serde_json::Value;

use self::outcome::Case;
use self::pair::{Flinks, Pair};
use self::turn::Turn;
use crate::screen::Screen;
use crate::{dist, vitals};

/// Turns of each Flink in a round, in alternation: who has just run without a limit has
/// much to tidy up.
const TURNS: usize = 2;
/// The same before that, until the JVMs have compiled what they run: with few processors one turn
/// is not enough.
const WARM_UP: usize = 2;

/// Of what the job writes, a slow link carries one part in so many.
const WRITTEN_TO_CARRIED: f64 = 10.0;

/// Of the measurements that run a job on two Flinks.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Of `overhead`: what the secondary is, one or more, all unless said
    #[arg(long, value_name = "STATE", value_delimiter = ',')]
    secondary: Vec<State>,
    /// Of `overhead`: how often all is started anew and each of the two Flinks has two turns, per
    /// state
    #[arg(long, value_name = "N", default_value_t = 4)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
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
    /// Both Flinks are plain: what two of them differ by
    None,
    /// It works
    Healthy,
    /// Its processes are killed
    Dead,
    /// Its processes are stopped and keep their connections
    Frozen,
    /// It is on a host of its own, and the link to it carries a tenth of what the job writes; needs
    /// root
    Slow,
}

/// Which of the two Flinks.
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
        let case = measure(*state, options.rounds, &screen);
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

fn measure(state: State, rounds: u32, screen: &Screen) -> Result<Case> {
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
        take_round(state, first, (&mut plain, &mut product), screen)?;
    }
    Ok(Case {
        secondary: state.name(),
        plain,
        product,
        load: [load, vitals::load()],
    })
}

/// Starts everything, the Flink of `first` before the other, and gives each two turns.
fn take_round(
    state: State,
    first: Who,
    (plain, product): (&mut Vec<Turn>, &mut Vec<Turn>),
    screen: &Screen,
) -> Result<()> {
    let run = Run::new(&format!("overhead-{}", state.name()))?;
    let host = (state == State::Slow).then(Host::start).transpose()?;
    let pair = Pair::start(
        &run,
        host.as_ref(),
        pair::NEVER,
        state.of_pair(first),
        screen,
    )?;
    screen.step(&format!("{WARM_UP} turns of each to warm up"));
    let mut written = 0.0;
    for _ in 0..WARM_UP {
        turn::take(&pair.plain)?;
        written = turn::take(&pair.product)?.bytes_per_second;
    }
    if state != State::None {
        pair.published()?;
    }
    match &host {
        Some(host) => host.limit(kilobits(written / WRITTEN_TO_CARRIED))?,
        None => state.set(&pair)?,
    }
    for who in [first, first.other()].repeat(TURNS) {
        let (side, turns) = match who {
            Who::Plain => (&pair.plain, &mut *plain),
            Who::Product => (&pair.product, &mut *product),
        };
        let turn = turn::take(side)?;
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

    fn of_pair(self, first: Who) -> Flinks {
        Flinks {
            first,
            are_plain: self == Self::None,
        }
    }

    fn set(self, pair: &Pair) -> Result<()> {
        match self {
            Self::None | Self::Healthy | Self::Slow => Ok(()),
            Self::Dead => {
                pair.sites.secondary.kill();
                Ok(())
            }
            Self::Frozen => pair.sites.secondary.freeze(),
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a job writes less than 500 GB in a second"
)]
fn kilobits(bytes: f64) -> u32 {
    (bytes * 8.0 / 1_000.0) as u32
}

fn print_json(wanted: bool, value: &Value) {
    if wanted {
        println!("{value}");
    }
}
