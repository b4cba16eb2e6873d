//! Every path of the product: where a job's checkpoints live on either cluster, how in-flight
//! files, catalogue entries and owner records are called, and how a primary path becomes a
//! secondary one.
//!
//! Pure: knows names, refuses all IO.

mod aliases;
mod location;
mod mapping;
mod names;

pub use aliases::{AliasError, Aliases};
pub use location::{Location, LocationError};
pub use mapping::{Mapping, MappingError};
pub use names::{CheckpointDir, METADATA, SecondaryRoot, probe};
