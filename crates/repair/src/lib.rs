//! What one cluster lacks of its checkpoints, copied from the other and published: a plan that can
//! be read before it is carried out, and what carries it out.
//!
//! What is to be copied is decided from what both clusters tell ([`plan`]) and written down
//! ([`Plan`]); [`apply`] copies and publishes, and can be killed and run again: the clusters
//! themselves tell what is left. Refuses to delete, to overwrite anything but what the plan says is
//! damaged, and to publish what is not complete.

mod apply;
mod chosen;
mod ends;
mod judge;
mod lists;
mod needs;
mod pace;
mod plan;
mod planning;
mod standing;

pub use apply::{Failure, Mended, Options, Outcome, Step, apply};
pub use chosen::Which;
pub use ends::{Ends, Side, Ways};
pub use lists::{Lists, lists};
pub use plan::{
    Cannot, Cluster, Depth, LeftOut, Metadata, PLAN_VERSION, Plan, PlanError, PlannedCheckpoint,
    PlannedCopy, Stamp,
};
pub use planning::{Wanted, plan};
