//! What people are shown of a process: the same numbers, and since when something is wrong. Refuses
//! to judge how bad it is.

use crate::metrics::Metrics;
use crate::trouble::Spell;

/// One process, as it is now.
#[derive(Debug, Clone, PartialEq)]
pub struct Overview {
    /// The product's.
    pub version: &'static str,
    /// When the library started, in milliseconds since the epoch.
    pub started_ms: u64,
    /// Whether they answer.
    pub secondaries: Vec<Cluster>,
    /// The jobs of which this is the JobManager.
    pub published: Vec<Published>,
    /// The jobs of which this is a TaskManager.
    pub teed: Vec<Teed>,
    /// Why streams were given up, the latest first.
    pub abandoned: Vec<Spell>,
    /// Bytes of memory: in use, and the most.
    pub buffer: (i64, i64),
    /// Bytes on local disk: in use, and the most.
    pub spill: (i64, i64),
    /// Files to be copied from the primary.
    pub backlog: i64,
    /// Caught in the library.
    pub panics: u64,
}

/// One secondary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// Its address.
    pub name: String,
    /// Whether it answers.
    pub is_up: bool,
    /// Since when, in milliseconds since the epoch.
    pub since_ms: u64,
}

/// A checkpoint.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Checkpoint {
    /// Its id.
    pub id: i64,
    /// When it was triggered, in seconds since the epoch.
    pub triggered: f64,
}

/// A job whose checkpoints this process publishes.
#[derive(Debug, Clone, PartialEq)]
pub struct Published {
    /// May be empty.
    pub name: String,
    /// 32 hexadecimal digits.
    pub id: String,
    /// The newest on the primary.
    pub completed: Option<Checkpoint>,
    /// The newest on the secondary.
    pub published: Option<Checkpoint>,
    /// Seconds between checkpoints; none: not known yet.
    pub interval: Option<f64>,
    /// Why checkpoints were given up, the latest first.
    pub given_up: Vec<Spell>,
}

/// A job whose files this process copies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Teed {
    /// May be empty.
    pub name: String,
    /// 32 hexadecimal digits.
    pub id: String,
    /// It takes one checkpoint in so many.
    pub stride: i64,
}

impl Metrics {
    /// What people are shown.
    pub fn overview(&self) -> Overview {
        let known = self.known();
        let secondaries = known.secondaries.iter();
        let secondaries = secondaries.map(|(name, (is_up, since_ms))| Cluster {
            name: name.clone(),
            is_up: *is_up,
            since_ms: *since_ms,
        });
        let published = known.published.iter().map(|([name, id], job)| Published {
            name: name.clone(),
            id: id.clone(),
            completed: checkpoint(job.completed_id.get(), job.completed_timestamp.get()),
            published: checkpoint(job.published_id.get(), job.published_timestamp.get()),
            interval: Some(job.interval.get()).filter(|seconds| *seconds > 0.0),
            given_up: job.troubles.all(),
        });
        let teed = known.teed.iter().map(|([name, id], stride)| Teed {
            name: name.clone(),
            id: id.clone(),
            stride: stride.get(),
        });
        Overview {
            version: env!("CARGO_PKG_VERSION"),
            started_ms: self.started_ms,
            secondaries: secondaries.collect(),
            published: published.collect(),
            teed: teed.collect(),
            abandoned: self.troubles.all(),
            buffer: (self.buffer_used.get(), self.buffer_limit.get()),
            spill: (self.spill_used.get(), self.spill_limit.get()),
            backlog: self.backfill_queue.get(),
            panics: self.panics.get(),
        }
    }
}

fn checkpoint(id: i64, triggered: f64) -> Option<Checkpoint> {
    (triggered > 0.0).then_some(Checkpoint { id, triggered })
}
