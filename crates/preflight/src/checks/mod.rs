//! What the configuration directory alone tells, one check a file. All pure: what is given goes in,
//! findings come out.

mod file;
mod jars;
mod keys;
mod memory;
mod places;
mod retention;
mod storage;
#[cfg(test)]
mod tests;

pub(crate) use file::file;
pub(crate) use jars::jars;
pub(crate) use keys::keys;
pub(crate) use memory::memory;
pub(crate) use places::places;
pub(crate) use retention::retention;
pub(crate) use storage::storage;
