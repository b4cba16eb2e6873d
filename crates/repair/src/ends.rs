//! The two clusters of a repair, and how a place on one becomes a place on the other. Refuses to
//! guess places that the mapping does not have.

use std::fmt;

use audit::{Counterpart, CounterpartError, Location, Mapping, Place, mapping_to_primary};
use serde::{Deserialize, Serialize};

/// One of the two clusters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Where Flink writes its checkpoints on a good day.
    Primary,
    /// Where they are copied to.
    Secondary,
}

/// The mapping of the two clusters, in both directions. Pure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ways {
    /// From the source to the target.
    pub(crate) there: Mapping,
    /// From the target to the source.
    pub(crate) back: Mapping,
}

impl Ways {
    /// The ways if `to` is the target. `names` are further names of the primary as in
    /// `dualwrite.primary.aliases`, `further` are pairs as in `dualwrite.path-mapping`.
    ///
    /// # Errors
    /// When the roots, names and pairs are no mapping, or none that can be used backwards.
    pub fn new(
        to: Side,
        (primary, secondary): (&Location, &Location),
        names: &[String],
        further: &[String],
    ) -> Result<Self, CounterpartError> {
        let to_secondary = audit::mapping_to_secondary(primary, secondary, names, further)?;
        let to_primary = mapping_to_primary(primary, secondary, further)?;
        let (there, back) = match to {
            Side::Secondary => (to_secondary, to_primary),
            Side::Primary => (to_primary, to_secondary),
        };
        Ok(Self { there, back })
    }

    /// Where the source has a place of the target, and that place by the mapping's own name; none
    /// if the way there and back leads elsewhere.
    pub(crate) fn of_target(&self, target: &Location) -> Option<(Location, Location)> {
        let source = self.back.to_secondary(target)?;
        let again = self.there.to_secondary(&source)?;
        let is_same = again.same_cluster(target) && again.path() == target.path();
        is_same.then_some((source, again))
    }
}

/// The two clusters: files are copied from one to the other.
pub struct Ends {
    pub(crate) to: Side,
    pub(crate) source: Place,
    pub(crate) target: Place,
    pub(crate) ways: Ways,
    /// The source, as what the target's files are compared with.
    pub(crate) copy: Counterpart,
}

impl fmt::Debug for Ends {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ends")
            .field("source", &self.source)
            .field("target", &self.target)
            .finish_non_exhaustive()
    }
}

impl Ends {
    /// Both clusters' checkpoint directories, of which `to` is repaired; see [`Ways::new`].
    ///
    /// # Errors
    /// When they have no mapping.
    pub fn new(
        to: Side,
        (primary, secondary): (Place, Place),
        names: &[String],
        further: &[String],
    ) -> Result<Self, CounterpartError> {
        let roots = (&primary.location, &secondary.location);
        let ways = Ways::new(to, roots, names, further)?;
        let (source, target) = match to {
            Side::Secondary => (primary, secondary),
            Side::Primary => (secondary, primary),
        };
        let (there, here) = (source.clone(), &target.location);
        let copy = match to {
            Side::Secondary => Counterpart::primary(there, here, names, further)?,
            Side::Primary => Counterpart::secondary(there, here, names, further)?,
        };
        Ok(Self {
            to,
            source,
            target,
            ways,
            copy,
        })
    }
}
