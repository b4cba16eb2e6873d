//! Makes a plan: asks both clusters what the checkpoints that are meant lack on the target, and
//! whether the source has it. Refuses to change anything.

use std::collections::{HashMap, HashSet};

use audit::{
    CatalogueEntry, CheckpointDir, Expected, FileReport, Location, Look, SecondaryRoot, Store,
    StoreError, verify_files,
};
use futures::{StreamExt as _, TryStreamExt as _, stream};

use crate::chosen::{Chosen, Which, chosen, job_id};
use crate::ends::Ends;
use crate::judge::{Decision, is_wanted, judge};
use crate::needs::{Need, Needs};
use crate::standing::{Standing, needs, standing};
use crate::{
    Cannot, Cluster, Depth, LeftOut, Metadata, PLAN_VERSION, Plan, PlannedCheckpoint, PlannedCopy,
    Side, Stamp, lists,
};

/// So many look-ups at a time.
const CONCURRENT_LOOKUPS: usize = 16;

/// What a plan is made of.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Which checkpoints.
    pub which: Which,
    /// Of each job's directory only the newest.
    pub newest: bool,
    /// How closely the target's files are looked at.
    pub depth: Depth,
    /// Whether lists for `hadoop distcp` are made.
    pub lists: bool,
    /// The primary, as the plan is to name it.
    pub primary: Cluster,
    /// The secondary.
    pub secondary: Cluster,
    /// Further names of the primary.
    pub primary_aliases: Vec<String>,
    /// Further pairs of places.
    pub path_mapping: Vec<String>,
    /// Now, in milliseconds since the epoch.
    pub now_ms: u64,
}

/// Makes a plan. `watch` hears of each checkpoint that is looked at, of how many there are, and of
/// how each is looked at.
///
/// # Errors
/// When a cluster does not tell.
pub async fn plan(
    ends: &Ends,
    wanted: Wanted,
    watch: &(dyn Fn(usize, usize, audit::Step) + Sync),
) -> Result<Plan, StoreError> {
    let (source, target) = (&ends.source, &ends.target);
    let secondary = match ends.to {
        Side::Primary => source,
        Side::Secondary => target,
    };
    let catalogue = audit::catalogue(&*secondary.store, &secondary.location).await?;
    let chosen = chosen(ends, &wanted.which, wanted.newest, &catalogue).await?;
    let Chosen { dirs, mut left_out } = chosen;
    let mut looking = Looking {
        ends,
        depth: wanted.depth,
        or_newer: wanted.newest,
        catalogue: &catalogue,
        known: HashMap::new(),
        copied: HashSet::new(),
        copies: Vec::new(),
    };
    let mut checkpoints = Vec::new();
    for (at, dir) in dirs.iter().enumerate() {
        let watch = |step| watch(at, dirs.len(), step);
        match looking.checkpoint(dir, &watch).await? {
            Ok(checkpoint) => checkpoints.push(checkpoint),
            Err(none) => left_out.push(none),
        }
    }
    let mut copies = looking.copies;
    let id = uuid::Uuid::new_v4().simple().to_string();
    let mut staged = None;
    if wanted.lists {
        lists::assign(&mut copies);
        let root = SecondaryRoot::new(target.location.clone());
        staged = Some(root.staged_dir(&id).to_string());
    }
    Ok(Plan {
        version: PLAN_VERSION,
        id,
        made_at_ms: wanted.now_ms,
        to: ends.to,
        primary: wanted.primary,
        secondary: wanted.secondary,
        primary_aliases: wanted.primary_aliases,
        path_mapping: wanted.path_mapping,
        depth: wanted.depth,
        staged,
        checkpoints,
        copies,
        left_out,
    })
}

/// What is known of a file that several checkpoints may need.
#[derive(Debug, Clone)]
enum Known {
    Fine,
    Copy(PlannedCopy),
    Cannot(Cannot),
}

struct Looking<'a> {
    ends: &'a Ends,
    depth: Depth,
    or_newer: bool,
    catalogue: &'a [CatalogueEntry],
    known: HashMap<Expected, Known>,
    /// The places on the target of what is in `copies`.
    copied: HashSet<String>,
    copies: Vec<PlannedCopy>,
}

type Watch<'a> = &'a (dyn Fn(audit::Step) + Sync);

impl Looking<'_> {
    async fn checkpoint(
        &mut self,
        dir: &Location,
        watch: Watch<'_>,
    ) -> Result<Result<PlannedCheckpoint, LeftOut>, StoreError> {
        let left_out = |why: &str| LeftOut {
            name: dir.to_string(),
            why: why.to_owned(),
        };
        let Some(understood) = needs(self.ends, dir).await? else {
            return Ok(Err(left_out(
                "neither cluster has a _metadata there: it was never completed, or is retired; \
                 dualwrite list shows which checkpoints there are",
            )));
        };
        let needs = match understood {
            Ok(needs) => needs,
            Err(cannot) => {
                let planned = self.hopeless(dir, &cannot);
                return Ok(planned.ok_or_else(|| left_out(&cannot.message)));
            }
        };
        let mut planned = self.begin(&needs).await?;
        self.look(&needs, watch).await?;
        let mut copies = Vec::new();
        for need in &needs.files {
            match self.known.get(&need.expected) {
                Some(Known::Copy(copy)) => copies.push(copy.clone()),
                Some(Known::Cannot(cannot)) => planned.cannot.push(cannot.clone()),
                Some(Known::Fine) | None => {}
            }
        }
        planned.copy_files = copies.len() as u64;
        planned.copy_bytes = copies.iter().map(|copy| copy.bytes).sum();
        if planned.cannot.is_empty() {
            for copy in copies {
                if self.copied.insert(copy.target.clone()) {
                    self.copies.push(copy);
                }
            }
        }
        Ok(Ok(planned))
    }

    /// A checkpoint whose `_metadata` is not understood; none if it can be no checkpoint at all.
    fn hopeless(&self, dir: &Location, cannot: &Cannot) -> Option<PlannedCheckpoint> {
        let target = self.ends.ways.there.to_secondary(dir)?;
        Some(PlannedCheckpoint {
            job_id: job_id(&target, &self.ends.target.location, self.catalogue),
            id: CheckpointDir::parse(dir.name())?.0,
            source: dir.to_string(),
            target: target.to_string(),
            or_newer: self.or_newer,
            metadata: Metadata::Unknown,
            files: 0,
            bytes: 0,
            copy_files: 0,
            copy_bytes: 0,
            cannot: vec![cannot.clone()],
        })
    }

    /// What is known before its files are looked at.
    async fn begin(&self, needs: &Needs) -> Result<PlannedCheckpoint, StoreError> {
        let root = &self.ends.target.location;
        let job_id = job_id(&needs.target, root, self.catalogue);
        let mut cannot = needs.cannot.clone();
        let metadata = match standing(&*self.ends.target.store, needs).await? {
            Standing::Missing => Metadata::Missing,
            Standing::Published => Metadata::Published,
            Standing::Damaged(stamp) => Metadata::Damaged(stamp),
            Standing::Refused(refused) => {
                cannot.push(refused);
                Metadata::Unknown
            }
        };
        let publishes = metadata != Metadata::Published && self.ends.to == Side::Secondary;
        if publishes && job_id.is_none() {
            cannot.push(no_owner(&needs.target, root));
        }
        Ok(PlannedCheckpoint {
            job_id,
            id: needs.id,
            source: needs.source.to_string(),
            target: needs.target.to_string(),
            or_newer: self.or_newer,
            metadata,
            files: needs.files.len() as u64,
            bytes: needs.bytes,
            copy_files: 0,
            copy_bytes: 0,
            cannot,
        })
    }

    /// Looks at those files that no checkpoint before had.
    async fn look(&mut self, needs: &Needs, watch: Watch<'_>) -> Result<(), StoreError> {
        let fresh = needs.files.iter();
        let fresh = fresh.filter(|need| !self.known.contains_key(&need.expected));
        let fresh: Vec<&Need> = fresh.collect();
        let expected: Vec<_> = fresh.iter().map(|need| need.expected.clone()).collect();
        let look = Look {
            depth: match self.depth {
                Depth::Length => audit::Depth::Length,
                Depth::Content => audit::Depth::Content,
            },
            counterpart: Some(&self.ends.copy),
            watch,
            ..Look::default()
        };
        let found = reports(&*self.ends.target.store, &expected, &look).await?;
        let lacking = fresh.iter().copied().zip(&found);
        let lacking: Vec<_> = lacking.filter(|(_, report)| is_wanted(report)).collect();
        let expected = lacking.iter().map(|(need, _)| Expected {
            location: need.source.clone(),
            ..need.expected.clone()
        });
        let expected: Vec<_> = expected.collect();
        let at_source = reports(&*self.ends.source.store, &expected, &Look::default()).await?;
        let decisions = lacking.iter().zip(&at_source);
        let decisions =
            decisions.map(|((need, target), source)| (*need, judge(need, target, source)));
        let known = decisions.map(|(need, decision)| self.entry(need, decision));
        let known: Vec<_> = stream::iter(known)
            .buffered(CONCURRENT_LOOKUPS)
            .try_collect()
            .await?;
        let lacking: Vec<_> = lacking.iter().map(|(need, _)| *need).collect();
        for need in fresh {
            self.known.insert(need.expected.clone(), Known::Fine);
        }
        for (need, known) in lacking.into_iter().zip(known) {
            self.known.insert(need.expected.clone(), known);
        }
        Ok(())
    }

    /// How long the source's file is, and by what the target's is known again.
    async fn entry(&self, need: &Need, decision: Decision) -> Result<Known, StoreError> {
        let replaces = match decision {
            Decision::Fine => return Ok(Known::Fine),
            Decision::Cannot(cannot) => return Ok(Known::Cannot(cannot)),
            Decision::Copy => false,
            Decision::Replace => true,
        };
        let location = &need.expected.location;
        let known = need.expected.length.filter(|_| need.expected.exact);
        let bytes = if let Some(length) = known {
            length
        } else {
            let status = self.ends.source.store.stat(need.source.path()).await?;
            status.map_or(0, |status| status.length)
        };
        let mut damaged = None;
        if replaces {
            let status = self.ends.target.store.stat(location.path()).await?;
            damaged = status.as_ref().map(Stamp::from);
        }
        Ok(Known::Copy(PlannedCopy {
            source: need.source.to_string(),
            target: location.to_string(),
            bytes,
            damaged,
            list: None,
        }))
    }
}

/// Reports without silence.
async fn reports(
    store: &dyn Store,
    expected: &[Expected],
    look: &Look<'_>,
) -> Result<Vec<FileReport>, StoreError> {
    let reports = verify_files(store, expected, look).await;
    match reports.iter().find_map(|report| report.silence.clone()) {
        Some(silence) => Err(silence),
        None => Ok(reports),
    }
}

fn no_owner(dir: &Location, root: &Location) -> Cannot {
    let message = format!(
        "{dir} is no <job id>/chk-<n> below {root}, and the catalogue does not tell whose it is: \
         who publishes must know the job's id; give the secondary directory that the job is \
         configured with, or let the job itself publish"
    );
    Cannot::new("no_job_id", dir, message)
}
