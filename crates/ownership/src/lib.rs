//! Who publishes and deletes for a job on a secondary ([`Claim`]), how a complete file gets its
//! final name ([`place`]), and how what goes is deleted ([`Removal`]). Refuses to know what is
//! published or deleted.

mod claim;
mod jobs;
mod place;
mod removal;

pub use claim::Claim;
pub use jobs::{keep, owned_jobs};
pub use place::{Placed, place, place_document, place_in_existing, replace_document, write_new};
pub use removal::Removal;

/// An id that no other process has, for the names of what it writes.
pub fn process_id() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}
