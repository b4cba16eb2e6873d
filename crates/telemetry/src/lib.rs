//! The numbers of the product: one table of metric names, and one set of counters behind it.
//!
//! Counts and renders; decides nothing and opens no port.

mod balance;
mod clock;
#[cfg(test)]
mod dashboards;
mod job;
mod labels;
mod metrics;
mod numbers;
mod openmetrics;
mod overview;
#[cfg(test)]
mod page;
mod table;
mod trouble;

pub use clock::now_ms;
pub use job::JobMetrics;
pub use labels::{ABANDONED, ERROR_KIND, Label, NOT_BACKFILLED, UNPUBLISHABLE};
pub use metrics::{Format, Metrics};
pub use overview::{Checkpoint, Cluster, Overview, Published, Teed};
pub use table::{Entry, Kind, TABLE};
pub use trouble::Spell;
