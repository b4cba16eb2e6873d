//! A checkpoint as it stands: its `_metadata` on the source, or on the target where the source has
//! retired it, and what is in its place on the target. Refuses to take what is whole for damaged.

use audit::{
    CheckpointDir, ErrorKind, Finding, FormatError, Location, METADATA, MetadataFile, Store,
    StoreError, read_metadata,
};

use crate::ends::Ends;
use crate::needs::Needs;
use crate::{Cannot, Stamp};

/// What a checkpoint of the source needs; or why that cannot be known; none if it is on neither
/// cluster.
pub(crate) async fn needs(
    ends: &Ends,
    dir: &Location,
) -> Result<Option<Result<Needs, Cannot>>, StoreError> {
    match read_metadata(&*ends.source.store, dir).await? {
        Ok(file) => return Ok(Some(Needs::of_source(&ends.ways, dir, &file))),
        Err(Finding::NoMetadata { .. }) => {}
        Err(finding) => return Ok(Some(Err(Cannot::from(&finding)))),
    }
    let Some(target) = ends.ways.there.to_secondary(dir) else {
        return Ok(None);
    };
    Ok(match read_metadata(&*ends.target.store, &target).await? {
        Ok(file) => Some(Needs::of_target(&ends.ways, &target, &file)),
        Err(Finding::NoMetadata { .. }) => None,
        Err(finding) => Some(Err(Cannot::from(&finding))),
    })
}

/// What is in the place of a checkpoint's `_metadata` on the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Nothing.
    Missing,
    /// What must be there.
    Published,
    /// No whole `_metadata`, or another checkpoint's.
    Damaged(Stamp),
    /// Something that must not be replaced.
    Refused(Cannot),
}

/// Looks at it.
///
/// # Errors
/// When the target does not tell.
pub(crate) async fn standing(target: &dyn Store, needs: &Needs) -> Result<Standing, StoreError> {
    let Some(must) = &needs.metadata else {
        return Ok(Standing::Published);
    };
    let path = needs.target.join(METADATA);
    let Some(status) = target.stat(path.path()).await? else {
        return Ok(Standing::Missing);
    };
    if status.is_dir {
        let message = format!("{path} is a directory: move it away");
        return Ok(Standing::Refused(Cannot::new("conflict", &path, message)));
    }
    let stamp = Stamp::from(&status);
    Ok(match read_metadata(target, &path).await? {
        Ok(file) if file.bytes == *must => Standing::Published,
        Ok(file) if is_damaged(&file, needs.id) => Standing::Damaged(stamp),
        Ok(_) => Standing::Refused(another(&path)),
        Err(Finding::NoMetadata { .. }) => Standing::Missing,
        Err(Finding::HugeMetadata { .. }) => Standing::Damaged(stamp),
        Err(Finding::Unreadable { error, .. }) if error.kind != ErrorKind::PermissionDenied => {
            Standing::Damaged(stamp)
        }
        Err(finding) => Standing::Refused(Cannot::from(&finding)),
    })
}

/// Whether it can be nobody's checkpoint of this number.
fn is_damaged(file: &MetadataFile, id: u64) -> bool {
    match file.parse(None) {
        Ok(metadata) => i64::try_from(id) != Ok(metadata.checkpoint_id),
        // Whole, perhaps, to who knows more.
        Err(FormatError::UnsupportedVersion { .. } | FormatError::Ambiguous { .. }) => false,
        Err(_) => true,
    }
}

fn another(path: &Location) -> Cannot {
    let message = format!(
        "{path} is another checkpoint of the same number, as after restoring an older one, or has \
         a changed byte, and nothing tells which: if it is of no use, delete it, and make the plan \
         anew"
    );
    Cannot::new("conflict", path, message)
}

/// The newest checkpoint of a job on the source that is newer than `dir`, if there is one.
///
/// # Errors
/// When the source does not tell.
pub(crate) async fn newer(ends: &Ends, dir: &Location) -> Result<Option<Location>, StoreError> {
    let published = audit::published_of_job(&*ends.source.store, &dir.parent()).await?;
    let id = CheckpointDir::parse(dir.name()).map_or(0, |dir| dir.0);
    let newest = published.into_iter().next_back();
    let newest = newest.filter(|newest| newest.id > id);
    Ok(newest.map(|newest| newest.dir))
}
