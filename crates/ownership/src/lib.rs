//! Who publishes and deletes for a job on a secondary ([`Claim`]), how a complete file gets its
//! final name ([`place`]), and how what goes is deleted ([`Removal`]). Refuses to know what is
//! published or deleted.

mod claim;
mod jobs;
mod place;
mod removal;

pub use claim::Claim;
pub use jobs::{keep, owned_jobs};
pub use place::{Placed, place, replace_document, write_new};
pub use removal::Removal;
