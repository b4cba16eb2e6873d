//! Who publishes and deletes for a job on a secondary ([`Claim`]), and how a complete file gets its
//! final name ([`place`]). Refuses to know what is published or deleted.

mod claim;
mod place;

pub use claim::Claim;
pub use place::{Placed, place, replace_document, write_new};
