//! The numbers of the product: one table of metric names, and one set of counters behind it.
//!
//! Counts and renders; decides nothing.

mod metrics;
mod table;

pub use metrics::{JobMetrics, Metrics};
pub use table::{Entry, Kind, TABLE};
