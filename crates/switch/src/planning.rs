//! Makes a plan: asks the target which jobs it has and from what each can be started. Refuses to
//! change anything, and to ask any Flink.

use audit::{Inventory, Job, Location, Place, StoreError};
use futures::{StreamExt as _, stream};

use crate::lineage::{Lineage, lineages};
use crate::newest::{NoneUsable, newest_usable};
use crate::{JobsFile, LeftOut, PLAN_VERSION, Plan, PlannedJob, Selection, Source, Target};

/// So many jobs are looked at at a time.
const CONCURRENT_JOBS: usize = 8;

/// What a plan is made of.
#[derive(Debug, Clone)]
pub struct Wanted<'a> {
    /// Where the jobs are to run.
    pub target: Target,
    /// Where they ran.
    pub source: Source,
    /// Which.
    pub selection: Selection,
    /// How they are started.
    pub jobs_file: &'a JobsFile,
    /// Further places at the target where files of checkpoints may be (`dualwrite.path-mapping`).
    pub further: Vec<Location>,
    /// Now, in milliseconds since the epoch.
    pub now_ms: u64,
}

/// Makes a plan from what is at `place`, the target's checkpoint directory. `watch` hears of each
/// job that was looked at, and of how many there are.
///
/// # Errors
/// When the cluster does not tell.
pub async fn plan(
    place: &Place,
    wanted: Wanted<'_>,
    watch: &(dyn Fn(usize, usize) + Sync),
) -> Result<Plan, StoreError> {
    let inventory: Inventory = audit::jobs(&*place.store, &place.location).await?;
    let (found, mut left_out) = lineages(&inventory, &wanted.selection);
    if !inventory.root_is_there {
        left_out.push(LeftOut {
            name: place.location.to_string(),
            why: "it is not there: give the directory that Flink has for checkpoints".to_owned(),
        });
    }
    let count = found.len();
    let mut roots = wanted.further;
    roots.push(place.location.clone());
    let looks = found
        .iter()
        .map(|lineage| look(place, &roots, lineage, wanted.jobs_file));
    let mut looks = stream::iter(looks).buffered(CONCURRENT_JOBS);
    let mut jobs = Vec::new();
    let mut looked_at = 0;
    while let Some(looked) = looks.next().await {
        looked_at += 1;
        watch(looked_at, count);
        match looked? {
            Ok(job) => jobs.push(job),
            Err(none) => left_out.push(none),
        }
    }
    drop(looks);
    Ok(Plan {
        version: PLAN_VERSION,
        made_at_ms: wanted.now_ms,
        target: wanted.target,
        source: wanted.source,
        jobs,
        left_out,
    })
}

async fn look(
    place: &Place,
    roots: &[Location],
    lineage: &Lineage<'_>,
    jobs_file: &JobsFile,
) -> Result<Result<PlannedJob, LeftOut>, StoreError> {
    let Lineage { name, newest, .. } = lineage;
    let found = match newest_usable(place, &newest.dir, roots).await {
        Ok(found) => found,
        Err(NoneUsable::Silent(silence)) => return Err(silence),
        Err(none) => {
            return Ok(Err(LeftOut {
                name: name.clone(),
                why: none.to_string(),
            }));
        }
    };
    let mut checkpoint = found.checkpoint;
    checkpoint.triggered_at_ms = triggered_at_ms(newest, checkpoint.id);
    let launch = jobs_file.launch(name);
    let mut warnings = found.warnings;
    if launch.is_none() {
        let how = "no jar is given for it in a jobs file: it can be printed, not applied";
        warnings.push(how.to_owned());
    }
    warnings.extend(lineage.rivals.iter().map(|rival| {
        format!("job {rival} has the same name and a checkpoint about as new: is it another job?")
    }));
    Ok(Ok(PlannedJob {
        name: name.clone(),
        source_job_id: newest.id.clone(),
        job_dir: newest.dir.to_string(),
        checkpoint,
        launch,
        warnings,
    }))
}

fn triggered_at_ms(job: &Job, id: u64) -> Option<u64> {
    let newest = job.newest.as_ref()?;
    let is_it = newest.checkpoint.id == id;
    newest.triggered_at_ms.filter(|_| is_it)
}
