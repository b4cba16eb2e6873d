//! A plan made: everything is listed, then what is published is read, in this order: so what is
//! published meanwhile is seen to be needed. Refuses to change anything but to write the small file
//! by which the cluster tells the time.

use std::path::PathBuf;

use audit::{Place, SecondaryRoot, StoreError};

use crate::judge::{By, judge};
use crate::named::Looker;
use crate::plan::{PLAN_VERSION, Plan};
use crate::walk::walk;
use crate::{Step, Watch, clock};

/// What a plan is wanted for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// What is younger is left.
    pub min_age_ms: u64,
    /// Where the cluster's `core-site.xml` and `hdfs-site.xml` are.
    pub hadoop_conf_dir: Option<PathBuf>,
    /// The user to be there.
    pub user: Option<String>,
    /// See [`ownership::process_id`].
    pub process_id: String,
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanningError {
    /// It may be the primary's.
    #[error(
        "{0} is no secondary directory: there is no .dualwrite in it, so no JobManager has ever \
         published there. Give the directory that is the jobs' dualwrite.secondary.dir; in the \
         primary's only Flink deletes"
    )]
    NoSecondary(String),
    /// It did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Finds what nobody needs below the root `place`.
///
/// # Errors
/// When it is no secondary, or the cluster does not answer.
pub async fn plan(place: &Place, wanted: Wanted, watch: Watch<'_>) -> Result<Plan, PlanningError> {
    let store = place.store.as_ref();
    let root = SecondaryRoot::new(place.location.clone());
    let own = store.stat(root.own_dir().path()).await?;
    if own.is_none_or(|own| !own.is_dir) {
        return Err(PlanningError::NoSecondary(place.location.to_string()));
    }
    let now_ms = clock::now_ms(store, &root, &wanted.process_id).await?;
    let walked = walk(store, root.location(), watch).await?;
    watch(Step::Reading);
    let look = Looker::default().look(store, root.location()).await?;
    let by = By {
        root: root.location(),
        look: &look,
        now_ms,
        min_age_ms: wanted.min_age_ms,
    };
    let (leftovers, left) = judge(&by, walked);
    Ok(Plan {
        version: PLAN_VERSION,
        made_at_ms: now_ms,
        root: place.location.to_string(),
        hadoop_conf_dir: wanted.hadoop_conf_dir,
        user: wanted.user,
        min_age_ms: wanted.min_age_ms,
        checkpoints: look.checkpoints,
        leftovers,
        doubts: look.doubts,
        left,
    })
}
