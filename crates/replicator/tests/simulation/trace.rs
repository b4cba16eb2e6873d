//! What happened, as lines that a person can read, as a digest that two runs of one seed must have
//! in common, and as counts that show what a number of seeds has seen. Refuses to judge.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Mutex;

/// Where what is being written is on the secondary.
const INFLIGHT: &str = "/dr/cp/.dualwrite/inflight/";

/// How often each thing has happened.
pub type Counts = BTreeMap<String, u64>;

/// The record of one run.
#[derive(Debug)]
pub struct Trace {
    /// None: nobody will read them.
    lines: Option<Mutex<Vec<String>>>,
    digest: Mutex<DefaultHasher>,
    counts: Mutex<Counts>,
}

impl Trace {
    pub fn new(readable: bool) -> Self {
        Self {
            lines: readable.then(Mutex::default),
            digest: Mutex::new(DefaultHasher::new()),
            counts: Mutex::default(),
        }
    }

    /// `what` is done at `now_ms` by `who`.
    pub fn event(
        &self,
        now_ms: u64,
        who: &str,
        what: &str,
        (path, to): (&str, &str),
        outcome: &dyn Display,
    ) {
        (now_ms, who, what, path, to).hash(&mut *self.digest.lock().unwrap());
        let Some(lines) = &self.lines else { return };
        let seconds = format!("{:>6}.{:03}", now_ms / 1000, now_ms % 1000);
        let (path, to) = (short(path), short(to));
        let arrow = if to.is_empty() { "" } else { " -> " };
        let line = format!("{seconds}  {who:<6} {what:<9} {path}{arrow}{to}  {outcome}");
        lines.lock().unwrap().push(line);
    }

    pub fn count(&self, what: impl Into<String>) {
        self.count_many(what, 1);
    }

    pub fn count_many(&self, what: impl Into<String>, times: u64) {
        *self.counts.lock().unwrap().entry(what.into()).or_default() += times;
    }

    pub fn digest(&self) -> u64 {
        self.digest.lock().unwrap().finish()
    }

    pub fn counts(&self) -> Counts {
        self.counts.lock().unwrap().clone()
    }

    pub fn lines(&self) -> Vec<String> {
        let lines = self.lines.as_ref();
        lines.map_or_else(Vec::new, |lines| lines.lock().unwrap().clone())
    }
}

/// The random part of an in-flight name is the same for one process and means nothing.
fn nameless(path: &str) -> &str {
    match path.strip_prefix(INFLIGHT) {
        Some(name) => name.rsplit('-').next().unwrap_or_default(),
        None => path,
    }
}

/// Without roots, and with the short names of jobs.
fn short(path: &str) -> String {
    if path.starts_with(INFLIGHT) {
        return format!("inflight/{}", nameless(path));
    }
    let path = ["/dr/cp/", "/flink/cp/"]
        .iter()
        .find_map(|root| path.strip_prefix(root))
        .unwrap_or(path);
    path.replace("0000000000000000000000000000000", "j")
}
