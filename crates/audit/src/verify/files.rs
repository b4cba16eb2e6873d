//! Files of a cluster, looked at as those that a checkpoint names, without any checkpoint: for who
//! knows already what must be there. Refuses to ask whether anything names them.

use store::{Store, StoreError};

use super::recorded::Recorded;
use super::{Asker, Depth, Look, Step, content};
use crate::patience::Patience;
use crate::{Expected, Finding, presence};

/// What is known of one file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FileReport {
    /// What is wrong with it; none if it is as it must be, as far as it was looked into.
    pub finding: Option<Finding>,
    /// The first call about it that a cluster did not answer.
    pub silence: Option<StoreError>,
}

/// Looks files of one cluster up, by `look`'s depth, [`Depth::Length`] at least: a report of each,
/// in their order. A cluster that falls silent is not asked to the end.
pub async fn verify_files(
    store: &dyn Store,
    expected: &[Expected],
    look: &Look<'_>,
) -> Vec<FileReport> {
    let (patience, patience_there) = (Patience::default(), Patience::default());
    let asker = Asker {
        store,
        look,
        patience: &patience,
        patience_there: &patience_there,
        recorded: Recorded::default(),
    };
    let files: Vec<_> = expected.iter().collect();
    asker.told(Step::Named(files.len()));
    let looked_up = |count| asker.told(Step::LookedUp(count));
    let answers = presence::answers(store, &files, &patience, looked_up).await;
    let mut contents = match look.depth {
        Depth::Content => content::read_all(&asker, &files, &answers).await,
        Depth::Presence | Depth::Length => Vec::new(),
    }
    .into_iter();
    let reports = files.into_iter().zip(answers).map(|(file, answer)| {
        let content = contents.next().flatten().unwrap_or_default();
        let mut report = FileReport {
            finding: content.finding,
            silence: content.silence,
        };
        match answer {
            Err(error) if error.is_transient() => report.silence = Some(error),
            answer => report.finding = Finding::of(file, answer).or(report.finding),
        }
        report
    });
    reports.collect()
}
