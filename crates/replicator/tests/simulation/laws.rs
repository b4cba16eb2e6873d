//! The laws of docs/publish-protocol.md, checked at every change of the secondary, below all
//! faults: what the cluster has is judged, not what anybody was told. Refuses to change anything.

mod judge;
mod record;

use std::fmt;
use std::sync::{Mutex, MutexGuard};

use bytes::Bytes;
use tokio::sync::Notify;

use record::Record;

/// A law that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    pub law: u8,
    pub what: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "law {} is broken: {}", self.law, self.what)
    }
}

/// A change of the secondary that has taken effect.
#[derive(Debug)]
pub enum Changed<'a> {
    Created(&'a str),
    Closed(&'a str),
    /// `bytes` are the file's.
    Renamed {
        from: &'a str,
        to: &'a str,
        bytes: Bytes,
        replaced: bool,
    },
    /// A file, or all below a directory; or nothing, if it was gone.
    Deleted(&'a str),
}

/// Who made a change, and when.
#[derive(Debug, Clone, Copy)]
pub struct By {
    pub process: usize,
    pub now: u64,
    /// What it knew of its ownership when it began.
    pub owner: Option<Look>,
}

/// The look at an owner record by which a process found that it owns the job.
pub type Look = u64;

/// All laws, and what is known of the secondary.
pub struct Laws {
    grace: u64,
    record: Mutex<Record>,
    first: Mutex<Option<Broken>>,
    broken: Notify,
}

impl Laws {
    /// `grace` is between a checkpoint's retirement and the deletion of its files, in milliseconds.
    pub fn new(grace: u64) -> Self {
        Self {
            grace,
            record: Mutex::default(),
            first: Mutex::default(),
            broken: Notify::new(),
        }
    }

    /// What is known.
    pub fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap()
    }

    /// Returns when a law is broken.
    pub async fn broken(&self) -> Broken {
        loop {
            let told = self.broken.notified();
            if let Some(broken) = self.first() {
                return broken;
            }
            told.await;
        }
    }

    /// The first law that was broken.
    pub fn first(&self) -> Option<Broken> {
        self.first.lock().unwrap().clone()
    }

    /// Only the first one counts.
    pub fn breaks(&self, law: u8, what: impl Into<String>) {
        let what = what.into();
        let mut first = self.first.lock().unwrap();
        first.get_or_insert(Broken { law, what });
        self.broken.notify_waiters();
    }

    /// The secondary has changed.
    pub fn changed(&self, by: By, change: &Changed<'_>) {
        let held = self.record().changed(by, change, self.grace);
        if let Err((law, what)) = held {
            self.breaks(law, what);
        }
    }
}
