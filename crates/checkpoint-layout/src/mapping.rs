//! From primary paths to secondary ones, by pairs of roots.
//!
//! The longest root wins; a path under no root has no place on the secondary, and nothing is
//! guessed.

use crate::{Location, LocationError};

/// A mapping that cannot work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MappingError {
    /// A pair is not of the form `primary=secondary`.
    #[error("'{0}' is no pair of roots (accepted: primary=secondary)")]
    NotAPair(String),
    /// One side of a pair is no location.
    #[error(transparent)]
    Location(#[from] LocationError),
    /// All secondary roots must be on the cluster of the secondary directory.
    #[error(
        "'{0}' is on another cluster than the secondary directory '{1}' (accepted: the same one)"
    )]
    OtherCluster(String, String),
    /// A secondary root within the primary's own, or the other way round.
    #[error("'{0}' and '{1}' overlap (accepted: two places of which neither contains the other)")]
    Overlap(String, String),
}

/// Pairs of roots, longest primary root first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    pairs: Vec<(Location, Location)>,
}

impl Mapping {
    /// The mapping of one pair of checkpoint directories and further `primary=secondary` pairs.
    ///
    /// # Errors
    /// When a pair is malformed, its roots overlap, or its secondary root is on another cluster
    /// than `secondary`.
    pub fn new(
        primary: &Location,
        secondary: &Location,
        further: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Result<Self, MappingError> {
        let mut pairs = vec![(primary.clone(), secondary.clone())];
        for pair in further {
            let (from, to) = parse_pair(pair.as_ref())?;
            if !to.same_cluster(secondary) {
                return Err(MappingError::OtherCluster(
                    to.to_string(),
                    secondary.to_string(),
                ));
            }
            pairs.push((from, to));
        }
        for (from, to) in &pairs {
            if from.below(to).is_some() || to.below(from).is_some() {
                return Err(MappingError::Overlap(from.to_string(), to.to_string()));
            }
        }
        pairs.sort_by_key(|(from, _)| std::cmp::Reverse(from.path().len()));
        Ok(Self { pairs })
    }

    /// Where a primary path lives on the secondary; None when no root contains it.
    pub fn to_secondary(&self, primary: &Location) -> Option<Location> {
        self.pairs
            .iter()
            .find_map(|(from, to)| Some(to.join(primary.below(from)?)))
    }

    /// The primary roots, for messages.
    pub fn primary_roots(&self) -> impl Iterator<Item = &Location> {
        self.pairs.iter().map(|(from, _)| from)
    }
}

fn parse_pair(pair: &str) -> Result<(Location, Location), MappingError> {
    let (from, to) = pair
        .split_once('=')
        .ok_or_else(|| MappingError::NotAPair(pair.to_owned()))?;
    Ok((Location::parse(from.trim())?, Location::parse(to.trim())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Location {
        Location::parse(text).unwrap()
    }

    fn mapping(further: &[&str]) -> Result<Mapping, MappingError> {
        Mapping::new(&at("hdfs://one/flink/cp"), &at("hdfs://two/dr/cp"), further)
    }

    #[test]
    fn longest_root_wins_and_no_root_is_no_place() {
        let mapping = mapping(&[
            "hdfs:///flink/cp=hdfs://two/dr/cp",
            "hdfs://one/flink/cp/special = hdfs://two/special",
        ])
        .unwrap();
        let to = |text| mapping.to_secondary(&at(text)).map(|l| l.to_string());
        assert_eq!(
            to("hdfs://one/flink/cp/j/chk-1/a").unwrap(),
            "hdfs://two/dr/cp/j/chk-1/a"
        );
        assert_eq!(to("hdfs:///flink/cp/j/x").unwrap(), "hdfs://two/dr/cp/j/x");
        assert_eq!(
            to("hdfs://one/flink/cp/special/x").unwrap(),
            "hdfs://two/special/x"
        );
        assert_eq!(to("hdfs://one/flink/cp2/x"), None);
        assert_eq!(to("hdfs://two/dr/cp/x"), None);
    }

    #[test]
    fn pairs_that_cannot_work_are_refused() {
        assert!(matches!(mapping(&["x"]), Err(MappingError::NotAPair(_))));
        assert!(matches!(mapping(&["a=b"]), Err(MappingError::Location(_))));
        let other = mapping(&["hdfs://one/a=hdfs://three/a"]);
        assert!(matches!(other, Err(MappingError::OtherCluster(..))));
        let inside = Mapping::new(&at("hdfs://n/a"), &at("hdfs://n/a/b"), [""; 0]);
        assert!(matches!(inside, Err(MappingError::Overlap(..))));
    }
}
