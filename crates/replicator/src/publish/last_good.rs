//! Tells as metrics when it was last shown that the job can be restored from the secondary.
//! Refuses to hurry, and to forget what it told when the secondary does not answer.

use std::time::Duration;

use audit::Proof;
use telemetry::JobMetrics;
use tokio::time::Instant;

use crate::job::Job;

/// Between two looks.
const APART: Duration = Duration::from_mins(1);

/// When to look again; the first time a while after the first publication.
#[derive(Default)]
pub(super) struct Looks {
    next: Option<Instant>,
}

impl Looks {
    /// Looks, if it is time.
    pub(super) async fn look(&mut self, job: &Job, metrics: &JobMetrics) {
        let now = Instant::now();
        if now < *self.next.get_or_insert(now + APART) {
            return;
        }
        self.next = Some(now + APART);
        let (name, id) = (&job.spec.name, &job.spec.id);
        let Some(dir) = audit::last_good_dir(&job.root, name, Some(id)) else {
            return;
        };
        match audit::last_good(job.secondary.as_ref(), &dir, name).await {
            Ok(found) => {
                for (proof, last) in found {
                    match proof {
                        Proof::Verify => metrics.verified(last.at_ms),
                        Proof::Drill => metrics.drilled(last.at_ms),
                    }
                }
            }
            Err(error) => tracing::debug!("When job {id} was last verified is not known: {error}"),
        }
    }
}
