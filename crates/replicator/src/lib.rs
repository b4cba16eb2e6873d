//! The replicator: sessions, memory budget, uploads, backfill, publishing, retention.
//!
//! # Overview
//! A [`Replicator`] is one per process. A TaskManager opens a [`Session`] per checkpoint stream,
//! hands bytes over and seals or discards it; a JobManager offers each completed checkpoint's
//! `_metadata`. Everything else happens in tasks of the runtime.
//!
//! # Invariants
//! - No method that Flink's threads call waits or fails on the secondary's account.
//! - A file under its final name on the secondary is complete; a `_metadata` there names only files
//!   that are there.
//! - Stream bytes live in the chunk pool, in the spill or on their way by the link, and each is
//!   bounded.
//!
//! It refuses to know which hook calls it, and of JNI.

mod backfill;
mod breaker;
mod caught;
mod deferred;
mod digests;
mod feed;
#[cfg(test)]
mod growth;
mod job;
mod link;
mod named;
mod outgoing;
mod pool;
mod publish;
mod reason;
mod replicator;
mod said;
mod session;
mod settings;
mod spill;
mod stream;
mod stride;
mod strides;
mod upload;
mod waits;

pub use caught::panic_text;
pub use job::{Job, Opener};
pub use publish::Offer;
pub use reason::{Reason, Unpublishable};
pub use replicator::{JobHandle, Replicator, Surroundings};
pub use session::{Lease, Session};
pub use settings::{JobSpec, Role, Settings, SettingsError, from_pairs};
pub use spill::{Disk, DiskOpener, Disks};
pub use store::be_a_guest;
pub use stream::{Scope, Stream};
pub use telemetry::now_ms;
