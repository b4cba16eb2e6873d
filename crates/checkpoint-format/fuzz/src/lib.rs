//! The checks of the fuzz targets, which are those of the tests on mutations. Refuses to have any
//! of its own.

#[path = "../../src/checks.rs"]
pub mod checks;
