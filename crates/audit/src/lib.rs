//! What is on a cluster and whether it is usable: inventory, completeness, verify.
//!
//! What a checkpoint needs ([`manifest`]), what it names ([`Named`]) and what an answer means are
//! decided by pure functions; asking the cluster ([`presence`], [`published`], [`jobs`],
//! [`read_metadata`], [`verify`], [`last_good`]) is apart from them. The gate before publishing and
//! the operator's `verify` ask by the same function. Refuses to change anything on a cluster.

mod catalogue;
mod digests;
mod finding;
mod inspect;
mod inventory;
mod last_good;
mod manifest;
mod metadata;
mod patience;
mod place;
mod plan_text;
mod presence;
mod published;
mod read;
mod targets;
mod verify;

pub use catalogue::{CATALOGUE_VERSION, CatalogueEntry, CatalogueError};
pub use checkpoint_format::{
    FlinkVersion, FormatError, MasterState, Metadata, Operator, Reference, ReferenceKind, Scope,
    StateSizes,
};
pub use checkpoint_layout::{
    CheckpointDir, Location, LocationError, METADATA, Mapping, SecondaryRoot,
};
pub use digests::{Digest, Digester, Digests, DigestsError, read_digests, recorded_digests};
pub use finding::Finding;
pub use inspect::{Counts, Named};
pub use inventory::{CatalogueFinding, Inventory, Job, Newest, catalogue, catalogue_entry, jobs};
pub use last_good::{LAST_GOOD_VERSION, LastGood, Proof, last_good, last_good_dir};
pub use manifest::{Manifest, NamedFile, manifest};
pub use metadata::{MetadataFile, read_metadata};
pub use patience::Patience;
pub use place::{Place, open};
pub use plan_text::{PlanTextError, parse_plan, plan_to_json};
pub use presence::{Expected, Presence, presence};
pub use published::{Published, published, published_of_job};
pub use read::{MAX_METADATA_BYTES, read_whole};
pub use store::{
    ClusterOptions, ErrorKind, FileStatus, Store, StoreError, is_name_service, list_if_there,
    now_ms, spread,
};
pub use targets::{TargetFinding, Targets, Which, targets};
pub use verify::{
    Counterpart, CounterpartError, Depth, FileReport, Look, Notice, Report, Step, Verdict,
    WhyNoCopy, as_published, mapping_to_primary, mapping_to_secondary, verify, verify_all,
    verify_files,
};

/// How many calls to a cluster are under way at the same time, at most.
const CONCURRENT_CALLS: usize = 16;
