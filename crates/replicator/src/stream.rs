//! Which stream of the primary is meant: what the hook knows of it before its name is known.

use std::fmt;

/// Whose file it will be; a slow link treats them differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Of one checkpoint: gone from the primary when that is subsumed.
    Exclusive,
    /// Of all checkpoints that name it.
    Shared,
    /// Of the task.
    TaskOwned,
}

/// Which stream of the primary a session copies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stream {
    /// Whose file it will be.
    pub scope: Scope,
    /// The checkpoint that writes it, where that is known.
    pub checkpoint: Option<u64>,
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.scope {
            Scope::Exclusive => "An exclusive file",
            Scope::Shared => "A shared file",
            Scope::TaskOwned => "A task-owned file",
        })?;
        self.checkpoint
            .map_or(Ok(()), |id| write!(f, " of checkpoint {id}"))
    }
}
