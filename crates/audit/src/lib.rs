//! What is on a cluster and whether it is usable: inventory, completeness, verify.
//!
//! What a checkpoint needs ([`manifest`]) and what an answer means are decided by pure functions;
//! asking the cluster ([`presence`], [`published`], [`jobs`], [`verify`]) is apart from them. The
//! gate before publishing and the operator's `verify` ask by the same function. Refuses to change
//! anything on a cluster.

mod catalogue;
mod finding;
mod inventory;
mod manifest;
mod place;
mod presence;
mod published;
mod read;
mod verify;

pub use catalogue::{CATALOGUE_VERSION, CatalogueEntry, CatalogueError};
pub use checkpoint_format::FormatError;
pub use checkpoint_layout::{CheckpointDir, Location, LocationError};
pub use finding::Finding;
pub use inventory::{CatalogueFinding, Inventory, Job, Newest, jobs};
pub use manifest::{Manifest, NamedFile, manifest};
pub use place::{Place, open};
pub use presence::{Expected, Presence, presence};
pub use published::{Published, published, published_of_job};
pub use read::{MAX_METADATA_BYTES, read_whole};
pub use store::{ClusterOptions, ErrorKind, FileStatus, Store, StoreError};
pub use verify::{Report, verify};

/// How many calls to a cluster are under way at the same time, at most.
const CONCURRENT_CALLS: usize = 16;
