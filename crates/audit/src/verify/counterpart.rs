//! The other cluster: where it has the copy of a file, and what its copy of a `_metadata` must be.
//! Refuses to say which of two copies is the right one.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use checkpoint_format::{FormatError, Metadata, ReferenceKind};
use checkpoint_layout::{AliasError, Aliases, Location, LocationError, Mapping, MappingError};
use store::Store;

use super::WhyNoCopy;
use crate::metadata::{self, status_of};
use crate::{Finding, Place};

/// Why two clusters have no mapping.
#[derive(Debug, thiserror::Error)]
pub enum CounterpartError {
    /// A pair, or both roots.
    #[error(transparent)]
    Mapping(#[from] MappingError),
    /// The names of the clusters.
    #[error(transparent)]
    Alias(#[from] AliasError),
}

impl From<LocationError> for CounterpartError {
    fn from(error: LocationError) -> Self {
        Self::Mapping(error.into())
    }
}

/// A primary's or secondary's other cluster.
pub struct Counterpart {
    store: Arc<dyn Store>,
    /// From places on the cluster that is verified to places on this one.
    to_there: Mapping,
    /// From the primary to the secondary, whichever of them this is.
    published: Mapping,
    is_primary: bool,
}

impl fmt::Debug for Counterpart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counterpart")
            .field("store", &self.store.name())
            .field("to_there", &self.to_there)
            .finish_non_exhaustive()
    }
}

impl Counterpart {
    /// The primary of a secondary. `names` are further names of the primary as in
    /// `dualwrite.primary.aliases`, `further` are pairs `primary=secondary` as in
    /// `dualwrite.path-mapping`.
    ///
    /// # Errors
    /// When the roots, names and pairs are no mapping.
    pub fn primary(
        primary: Place,
        secondary: &Location,
        names: &[String],
        further: &[String],
    ) -> Result<Self, CounterpartError> {
        Ok(Self {
            to_there: mapping_to_primary(&primary.location, secondary, further)?,
            published: mapping_to_secondary(&primary.location, secondary, names, further)?,
            store: primary.store,
            is_primary: true,
        })
    }

    /// The secondary of a primary; see [`Self::primary`].
    ///
    /// # Errors
    /// When the roots, names and pairs are no mapping.
    pub fn secondary(
        secondary: Place,
        primary: &Location,
        names: &[String],
        further: &[String],
    ) -> Result<Self, CounterpartError> {
        let published = mapping_to_secondary(primary, &secondary.location, names, further)?;
        Ok(Self {
            store: secondary.store,
            to_there: published.clone(),
            published,
            is_primary: false,
        })
    }

    pub(super) fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// Where the copy of `here` is; none if the mapping has no place for it.
    pub(super) fn place_of(&self, here: &Location) -> Option<Location> {
        self.to_there.to_secondary(here)
    }

    /// Whether the `_metadata` of this cluster and the one at `path` are one and the same, but for
    /// the paths that publishing changes; or why that is not known.
    pub(super) async fn compare_metadata(
        &self,
        path: &Location,
        bytes: &Bytes,
    ) -> store::Result<Result<Option<WhyNoCopy>, Finding>> {
        let Some(other) = self.place_of(path) else {
            return Ok(Ok(Some(WhyNoCopy::OutsideMapping)));
        };
        let Some(status) = status_of(self.store(), &other).await? else {
            return Ok(Ok(Some(WhyNoCopy::NotThere)));
        };
        let Ok(there) = metadata::read(self.store(), &other, &status).await? else {
            return Ok(Ok(Some(WhyNoCopy::Damaged)));
        };
        let (primary, secondary) = if self.is_primary {
            (&there, bytes)
        } else {
            (bytes, &there)
        };
        let Ok(metadata) = checkpoint_format::parse(primary) else {
            return Ok(Ok(Some(WhyNoCopy::Damaged)));
        };
        if !is_mapped(&metadata, &self.published) {
            return Ok(Ok(Some(WhyNoCopy::OutsideMapping)));
        }
        let Ok(published) = as_published(primary, &metadata, &self.published) else {
            return Ok(Ok(Some(WhyNoCopy::OutsideMapping)));
        };
        Ok(match first_difference(&published, secondary) {
            None => Ok(None),
            Some(offset) => Err(Finding::DifferentContent {
                path: path.clone(),
                other,
                offset,
            }),
        })
    }
}

/// Where two texts differ first; where the shorter ends, if the other goes on like it.
pub(super) fn first_difference(one: &[u8], other: &[u8]) -> Option<u64> {
    if one == other {
        return None;
    }
    let mut pairs = one.iter().zip(other);
    let at = pairs.position(|(one, other)| one != other);
    Some(at.unwrap_or(one.len().min(other.len())) as u64)
}

/// The bytes of a primary's `_metadata` with the secondary's paths, as they are published. Every
/// occurrence of a file becomes the same text, whatever name of the primary it is under (facts of
/// `SharedStateRegistryKey`, Flink 1.16 and later: a file under two spellings would be two files).
///
/// # Errors
/// As [`checkpoint_format::rewrite`]. What the mapping has no place for stays as it is.
pub fn as_published(
    bytes: &[u8],
    metadata: &Metadata<'_>,
    mapping: &Mapping,
) -> Result<Vec<u8>, FormatError> {
    checkpoint_format::rewrite(bytes, metadata, |reference, new| {
        reference.kind != ReferenceKind::Relative && mapping.map_into(&reference.path, new)
    })
}

fn is_mapped(metadata: &Metadata<'_>, mapping: &Mapping) -> bool {
    let mut mapped = String::new();
    metadata.references.iter().all(|reference| {
        mapped.clear();
        reference.kind == ReferenceKind::Relative || mapping.map_into(&reference.path, &mut mapped)
    })
}

/// From places on the primary to those on the secondary. `names` are further names of the primary
/// as in `dualwrite.primary.aliases`, `further` are pairs as in `dualwrite.path-mapping`.
///
/// # Errors
/// When the roots, names and pairs are no mapping.
pub fn mapping_to_secondary(
    primary: &Location,
    secondary: &Location,
    names: &[String],
    further: &[String],
) -> Result<Mapping, CounterpartError> {
    let aliases = Aliases::new(primary, secondary, names)?;
    Ok(Mapping::new(primary, secondary, aliases, further)?)
}

/// The same backwards: from places on the secondary to those on the primary.
///
/// # Errors
/// When the roots and pairs are no mapping, or lead two places to one.
pub fn mapping_to_primary(
    primary: &Location,
    secondary: &Location,
    further: &[String],
) -> Result<Mapping, CounterpartError> {
    mapping_to_secondary(secondary, primary, &[], &swapped(further)?)
}

fn swapped(pairs: &[String]) -> Result<Vec<String>, MappingError> {
    let swap = |pair: &String| match pair.split_once('=') {
        Some((primary, secondary)) => Ok(format!("{}={}", secondary.trim(), primary.trim())),
        None => Err(MappingError::NotAPair(pair.clone())),
    };
    pairs.iter().map(swap).collect()
}
