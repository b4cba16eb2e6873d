//! The metrics of this process by HTTP: `/metrics` for Prometheus, `/` for people.
//!
//! Everything is in tasks of the runtime that it is given, and ends with it. A client that is slow,
//! hostile, or one of many costs it bounded memory and time. Refuses to change anything, to ask
//! who is asking, and to fail: where no port can be opened, one line of the log says so.

mod accept;
mod answer;
mod findings;
mod page;
mod rendered;
mod serve;
mod settings;

pub use serve::start;
pub use settings::{Settings, SettingsError};
