//! What the tests of one program take over from one another, so that each does not have to start
//! its own. Refuses to hand on what a test has failed with.

use std::sync::{Mutex, PoisonError};

use anyhow::Result;
use harness::Run;

/// Something that is set up by the first test that needs it.
pub struct Shared<T>(Mutex<Option<T>>);

/// What can be shared.
pub trait Stage: Sized {
    /// Whose logs stay if a test fails.
    fn run(&self) -> &Run;

    /// Whether the next test can use it.
    fn is_fit(&self) -> bool;
}

impl<T: Stage> Shared<T> {
    pub const fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// Runs a test with what the one before it left, or with what `set` sets up; one at a time.
    pub fn with(
        &self,
        set: impl FnOnce() -> Result<T>,
        test: impl FnOnce(&mut T) -> Result<()>,
    ) -> Result<()> {
        let mut free = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut stage = match free.take().filter(T::is_fit) {
            Some(stage) => stage,
            None => set()?,
        };
        stage.run().reopened();
        test(&mut stage)?;
        stage.run().passed();
        *free = Some(stage);
        Ok(())
    }
}
