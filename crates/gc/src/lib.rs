//! What nobody needs on a secondary: found and written down ([`plan`]), and deleted ([`apply`]).
//!
//! A crash leaves files behind, never a dangling reference; this is what takes them away. Which
//! they are is decided by pure functions from what is there and what is published. Refuses to
//! delete a published checkpoint, what any of them names, what is younger than a minimum age, and
//! what it does not know.

mod apply;
mod clock;
mod judge;
mod named;
mod names;
mod plan;
mod planning;
mod walk;

pub use apply::{End, Outcome, Refusal, apply};
pub use names::Kind;
pub use plan::{Left, Leftover, PLAN_VERSION, Plan, PlanError};
pub use planning::{PlanningError, Wanted, plan};

/// How many calls to a cluster are under way at the same time, at most.
const CALLS_AT_ONCE: usize = 16;

/// Hears how far a command is: what is being done, and how much of it.
pub type Watch<'a> = &'a (dyn Fn(Step) + Sync);

/// See [`Watch`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// So many files and directories were found so far.
    Found(usize),
    /// What is published is being read.
    Reading,
    /// So many jobs are being claimed.
    Claiming(usize),
    /// It is known of so many more leftovers how they ended.
    Ended(usize),
}
