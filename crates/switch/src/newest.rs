//! The newest checkpoint of a job that can be restored, now. Refuses to take one for usable that
//! was not looked at.

use audit::{Depth, Location, Look, Place, Published, Report, StoreError, Verdict};

use crate::Checkpoint;

/// So many are looked at, from the newest on.
const MOST_LOOKED_AT: usize = 5;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The checkpoint; when it was triggered is not known here.
    pub checkpoint: Checkpoint,
    /// Newer ones that cannot be used, and what is worth knowing of this one.
    pub warnings: Vec<String>,
}

/// Why there is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoneUsable {
    /// None is published.
    #[error("no checkpoint is published in {0}")]
    NothingPublished(Location),
    /// Those that are cannot be used.
    #[error("no checkpoint can be used: {}", .0.join("; "))]
    Damaged(Vec<String>),
    /// The cluster does not tell.
    #[error("{} of {} failed: {}", .0.operation, .0.path, .0.message)]
    Silent(StoreError),
}

/// The newest usable checkpoint in `job_dir`, by the depth `length`. `roots` are the places where
/// files may be.
///
/// # Errors
/// When there is none, or the cluster does not tell.
pub async fn newest_usable(
    place: &Place,
    job_dir: &Location,
    roots: &[Location],
) -> Result<Found, NoneUsable> {
    let store = &*place.store;
    let published = audit::published_of_job(store, job_dir).await;
    let published = published.map_err(NoneUsable::Silent)?;
    let look = Look {
        depth: Depth::Length,
        roots,
        ..Look::default()
    };
    let mut warnings = Vec::new();
    for candidate in published.iter().rev().take(MOST_LOOKED_AT) {
        let asked = std::slice::from_ref(&candidate.dir);
        let report = audit::verify_all(store, asked, &look).await.remove(0);
        match report.verdict() {
            Verdict::Usable => {
                warnings.extend(report.notices.iter().map(ToString::to_string));
                let checkpoint = checkpoint(candidate, &report);
                return Ok(Found {
                    checkpoint,
                    warnings,
                });
            }
            Verdict::NotUsable => {
                let why = report.findings.first().map(ToString::to_string);
                let why = why.unwrap_or_default();
                warnings.push(format!("checkpoint {} cannot be used: {why}", candidate.id));
            }
            Verdict::Unknown => {
                return match report.silence {
                    Some(silence) => Err(NoneUsable::Silent(silence)),
                    None => Err(NoneUsable::Damaged(warnings)),
                };
            }
        }
    }
    if published.is_empty() {
        return Err(NoneUsable::NothingPublished(job_dir.clone()));
    }
    Err(NoneUsable::Damaged(warnings))
}

fn checkpoint(published: &Published, report: &Report) -> Checkpoint {
    Checkpoint {
        id: published.id,
        path: published.dir.to_string(),
        triggered_at_ms: None,
        written_at_ms: published.metadata.modified_ms,
        files: report.files,
        bytes: report.bytes,
    }
}
