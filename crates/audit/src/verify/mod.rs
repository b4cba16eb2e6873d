//! Is a checkpoint usable? By three depths: every file that it names is there, with its length, and
//! every byte of it can be read and is the other cluster's. Refuses to take silence for an answer:
//! where the cluster does not tell, neither does this.
//!
//! Many checkpoints are verified together, so that what several name is looked at once: their files
//! are looked up directory by directory. At most some thousands of files are held at a time, or the
//! files of one checkpoint.

mod content;
mod counterpart;
mod files;
mod opened;
mod recorded;
mod report;

use std::collections::HashMap;

use checkpoint_layout::{Location, METADATA};
use futures::{StreamExt as _, stream};
use store::Store;

use crate::metadata::{absent, status_of};
use crate::patience::Patience;
use crate::{Digest, Expected, Finding, Presence, presence};

pub use counterpart::{
    Counterpart, CounterpartError, as_published, mapping_to_primary, mapping_to_secondary,
};
pub use files::{FileReport, verify_files};
pub(crate) use opened::read_manifest;
pub use report::{Notice, Report, Verdict, WhyNoCopy};

use content::Content;
use opened::{Opened, open};
use recorded::Recorded;

/// So many `_metadata` are read at the same time.
const CONCURRENT_METADATA: usize = 8;
/// The files of several checkpoints are looked up together while their `_metadata` have fewer bytes
/// than this: about 50,000 files.
const METADATA_BYTES_TOGETHER: u64 = 8 << 20;

/// How closely a checkpoint is looked at. Each depth finds what those before it find.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Depth {
    /// Every file is there.
    Presence,
    /// With its length.
    #[default]
    Length,
    /// And every byte of it is read, and compared with the other cluster's, or else with the digest
    /// that was recorded when it was written.
    Content,
}

/// What is done while checkpoints are verified, for those who wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// So many more files are named than were known.
    Named(usize),
    /// So many more of them are looked up.
    LookedUp(usize),
    /// So many more bytes are read.
    Read(u64),
    /// One more checkpoint is verified.
    Verified,
}

/// How checkpoints are looked at.
#[derive(Clone, Copy)]
pub struct Look<'a> {
    /// How closely.
    pub depth: Depth,
    /// Where all their files must be, by the mapping of the two clusters; anywhere on their cluster
    /// if empty.
    pub roots: &'a [Location],
    /// The cluster that has a copy of each, to be compared with. Only [`Depth::Content`] asks it.
    pub counterpart: Option<&'a Counterpart>,
    /// Hears of each step.
    pub watch: &'a (dyn Fn(Step) + Sync),
}

impl Default for Look<'_> {
    fn default() -> Self {
        Self {
            depth: Depth::default(),
            roots: &[],
            counterpart: None,
            watch: &|_| {},
        }
    }
}

/// Verifies one checkpoint by [`Depth::Length`], given by its directory or its `_metadata`.
///
/// # Errors
/// When the cluster does not answer, or does not let this user look for the `_metadata`: then
/// nothing is known.
pub async fn verify(store: &dyn Store, dir_or_metadata: &Location) -> store::Result<Report> {
    let asked = std::slice::from_ref(dir_or_metadata);
    let mut reports = verify_all(store, asked, &Look::default()).await;
    let report = reports.remove(0);
    match report.silence {
        Some(silence) if report.findings.is_empty() => Err(silence),
        _ => Ok(report),
    }
}

/// Verifies checkpoints of one cluster, each given by its directory or its `_metadata`: a report of
/// each, in their order. A cluster that falls silent is not asked to the end.
pub async fn verify_all(
    store: &dyn Store,
    dirs_or_metadata: &[Location],
    look: &Look<'_>,
) -> Vec<Report> {
    let patience = Patience::default();
    let silence_there = Patience::default();
    let asker = Asker {
        store,
        look,
        patience: &patience,
        patience_there: &silence_there,
        recorded: Recorded::default(),
    };
    let opening = (0..dirs_or_metadata.len()).map(|at| open(&asker, &dirs_or_metadata[at]));
    let mut opened = stream::iter(opening).buffered(CONCURRENT_METADATA);
    let mut reports = Vec::with_capacity(dirs_or_metadata.len());
    let (mut together, mut bytes) = (Vec::new(), 0);
    while let Some(next) = opened.next().await {
        bytes += next.metadata_bytes;
        together.push(next);
        if bytes >= METADATA_BYTES_TOGETHER {
            reports.extend(finish(&asker, std::mem::take(&mut together)).await);
            bytes = 0;
        }
    }
    reports.extend(finish(&asker, together).await);
    reports
}

/// What is asked how.
struct Asker<'a> {
    store: &'a dyn Store,
    look: &'a Look<'a>,
    patience: &'a Patience,
    patience_there: &'a Patience,
    recorded: Recorded,
}

impl Asker<'_> {
    /// What was recorded of a file when it was written.
    async fn recorded(&self, file: &Location) -> Option<Digest> {
        self.recorded.of(self.store, self.patience, file).await
    }

    fn told(&self, step: Step) {
        (self.look.watch)(step);
    }
}

/// Looks up what some checkpoints name, each file once, and completes their reports.
async fn finish(asker: &Asker<'_>, together: Vec<Opened>) -> Vec<Report> {
    let opened = together.into_iter();
    let (mut reports, expected): (Vec<_>, Vec<_>) = opened
        .map(|opened| (opened.report, opened.expected))
        .unzip();
    let (files, named) = each_once(&expected);
    asker.told(Step::Named(files.len()));
    let looked_up = |count| asker.told(Step::LookedUp(count));
    let answers = presence::answers(asker.store, &files, asker.patience, looked_up).await;
    let contents = match asker.look.depth {
        Depth::Content => content::read_all(asker, &files, &answers).await,
        Depth::Presence | Depth::Length => Vec::new(),
    };
    for (report, named) in reports.iter_mut().zip(named) {
        for file in named {
            tell_presence(report, files[file], &answers[file]);
            if let Some(Some(content)) = contents.get(file) {
                tell_content(report, files[file], content);
            }
        }
        unless_retired(asker, report).await;
        asker.told(Step::Verified);
    }
    reports
}

/// What several checkpoints expect: each file once, and of each checkpoint which of these it needs.
fn each_once(expected: &[Vec<Expected>]) -> (Vec<&Expected>, Vec<Vec<usize>>) {
    let mut files: Vec<&Expected> = Vec::new();
    let mut known: HashMap<&Expected, usize> = HashMap::new();
    let mut place = |file| {
        *known.entry(file).or_insert_with(|| {
            files.push(file);
            files.len() - 1
        })
    };
    let named = expected
        .iter()
        .map(|files| files.iter().map(&mut place).collect())
        .collect();
    (files, named)
}

fn tell_presence(report: &mut Report, expected: &Expected, answer: &store::Result<Presence>) {
    match answer {
        Err(error) if error.is_transient() => report.fell_silent(error.clone()),
        answer => report
            .findings
            .extend(Finding::of(expected, answer.clone())),
    }
}

fn tell_content(report: &mut Report, expected: &Expected, content: &Content) {
    report.read_bytes = report.read_bytes.saturating_add(content.read_bytes);
    report.compared_bytes = report.compared_bytes.saturating_add(content.compared_bytes);
    report.digest_bytes = report.digest_bytes.saturating_add(content.digest_bytes);
    report.findings.extend(content.finding.clone());
    if let Some(silence) = &content.silence {
        report.fell_silent(silence.clone());
    }
    if let Some(why) = content.no_copy {
        report.has_no_copy(why, &expected.location);
    }
}

/// Retention unlinks the `_metadata` first, then the files: a checkpoint that was retired while its
/// files were looked up is gone, and not damaged.
async fn unless_retired(asker: &Asker<'_>, report: &mut Report) {
    if report.version.is_none() || report.findings.is_empty() {
        return;
    }
    let path = report.path.join(METADATA);
    let gone = asker.patience.ask(async {
        match status_of(asker.store, &path).await? {
            Some(_) => Ok(None),
            None => absent(asker.store, &report.path).await.map(Some),
        }
    });
    match gone.await {
        Ok(None) => {}
        Ok(Some(finding)) => *report = Report::unreadable(&report.path, finding),
        Err(silence) => report.fell_silent(silence),
    }
}

#[cfg(test)]
mod tests;
