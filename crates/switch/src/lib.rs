//! Jobs started on the other cluster: a plan that can be read before it is carried out, and what
//! carries it out.
//!
//! What is to be done is decided from the target's checkpoints ([`plan`]) and written down
//! ([`Plan`]); [`apply`] does it by Flink's REST interface ([`Flink`]) and records what it did
//! ([`Journal`]). [`drill`] rehearses it on another Flink. Refuses to change anything on HDFS, and
//! to choose by itself when to switch.

mod apply;
mod drill;
mod flink;
mod jobs_file;
mod journal;
mod lineage;
mod lines;
mod newest;
mod plan;
mod planning;

pub use apply::{Ends, Failure, Options, Outcome, Step, Switched, apply};
pub use drill::{DrillFailure, Drilled, Rehearsal, Rehearsed, drill};
pub use flink::{Completed, Flink, FlinkError, JobState, RunningJob, Start, Tls};
pub use glob::{Pattern, PatternError};
pub use jobs_file::{ClaimMode, Jar, JobsFile, JobsFileError, Launch};
pub use journal::{Done, Journal, JournalError, Progress, Stopped, Submitted};
pub use lineage::{Lineage, Selection, lineages};
pub use lines::lines;
pub use newest::NoneUsable;
pub use plan::{Checkpoint, LeftOut, PLAN_VERSION, Plan, PlanError, PlannedJob, Source, Target};
pub use planning::{Wanted, plan};
