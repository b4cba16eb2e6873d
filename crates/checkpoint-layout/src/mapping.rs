//! From primary paths to secondary ones, by pairs of roots.
//!
//! The longest root wins; a path under no root has no place on the secondary, and nothing is
//! guessed.

use crate::location::{Cluster, path_below};
use crate::{Aliases, Location, LocationError};

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
    /// One primary root and two secondary ones.
    #[error("'{0}' cannot be both '{1}' and '{2}' on the secondary (accepted: one place of each)")]
    TwoPlaces(String, String, String),
}

/// Pairs of roots, longest primary root first, and the primary's names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    aliases: Aliases,
    pairs: Vec<Pair>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Pair {
    from: Location,
    to: Location,
    /// The text of `to`, without a slash at its end.
    to_text: String,
}

impl Mapping {
    /// The mapping of one pair of checkpoint directories and further `primary=secondary` pairs.
    ///
    /// # Errors
    /// When a pair is malformed, its roots overlap, its secondary root is on another cluster
    /// than `secondary`, or a primary root has two places.
    pub fn new(
        primary: &Location,
        secondary: &Location,
        aliases: Aliases,
        further: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Result<Self, MappingError> {
        let mut pairs = vec![Pair::new(primary.clone(), secondary.clone())?];
        for pair in further {
            let (from, to) = parse_pair(pair.as_ref(), &aliases)?;
            if !to.same_cluster(secondary) {
                return Err(MappingError::OtherCluster(
                    to.to_string(),
                    secondary.to_string(),
                ));
            }
            let pair = Pair::new(from, to)?;
            if let Some(other) = pairs.iter().find(|other| pair.contradicts(other)) {
                return Err(MappingError::TwoPlaces(
                    pair.from.to_string(),
                    other.to.to_string(),
                    pair.to.to_string(),
                ));
            }
            pairs.push(pair);
        }
        pairs.sort_by_key(|pair| std::cmp::Reverse(pair.from.path().len()));
        Ok(Self { aliases, pairs })
    }

    /// The names of the primary.
    pub fn aliases(&self) -> &Aliases {
        &self.aliases
    }

    /// Where a primary path lives on the secondary; None when no root contains it.
    pub fn to_secondary(&self, primary: &Location) -> Option<Location> {
        let (pair, below) = self.find(self.aliases.own_name(primary.cluster()), primary.path())?;
        Some(pair.to.join(below))
    }

    /// The same from text to text, which is appended to `out`; false, and nothing appended, when
    /// there is no such place. The same text always becomes the same text, and so do two texts of
    /// one place. Copies nothing else of a path that is written in its normal form.
    pub fn map_into(&self, path: &str, out: &mut String) -> bool {
        let Ok((cluster, path)) = self.aliases.place(path) else {
            return false;
        };
        let Some((pair, below)) = self.find(cluster, &path) else {
            return false;
        };
        out.push_str(&pair.to_text);
        if !below.is_empty() || pair.to.path() == "/" {
            out.push('/');
        }
        out.push_str(below);
        true
    }

    /// The primary roots, for messages.
    pub fn primary_roots(&self) -> impl Iterator<Item = &Location> {
        self.pairs.iter().map(|pair| &pair.from)
    }

    fn find<'a>(&self, cluster: Cluster<'_>, path: &'a str) -> Option<(&Pair, &'a str)> {
        self.pairs.iter().find_map(|pair| {
            let below = path_below(path, pair.from.path())?;
            pair.from.cluster().is(cluster).then_some((pair, below))
        })
    }
}

impl Pair {
    fn new(from: Location, to: Location) -> Result<Self, MappingError> {
        if from.below(&to).is_some() || to.below(&from).is_some() {
            return Err(MappingError::Overlap(from.to_string(), to.to_string()));
        }
        let mut to_text = to.to_string();
        if to_text.ends_with('/') {
            to_text.pop();
        }
        Ok(Self { from, to, to_text })
    }

    fn contradicts(&self, other: &Self) -> bool {
        let is_same = |one: &Location, other: &Location| one.below(other) == Some("");
        is_same(&self.from, &other.from) && !is_same(&self.to, &other.to)
    }
}

fn parse_pair(pair: &str, aliases: &Aliases) -> Result<(Location, Location), MappingError> {
    let (from, to) = pair
        .split_once('=')
        .ok_or_else(|| MappingError::NotAPair(pair.to_owned()))?;
    Ok((aliases.resolve(from.trim())?, Location::parse(to.trim())?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Location {
        Location::parse(text).unwrap()
    }

    fn mapping_of(
        roots: (&str, &str),
        names: &[&str],
        further: &[&str],
    ) -> Result<Mapping, MappingError> {
        let (primary, secondary) = (at(roots.0), at(roots.1));
        let aliases = Aliases::new(&primary, &secondary, names).unwrap();
        Mapping::new(&primary, &secondary, aliases, further)
    }

    const ROOTS: (&str, &str) = ("hdfs://one/flink/cp", "hdfs://two:8020/dr/cp");
    const NAMES: [&str; 4] = ["hdfs://", "hdfs://nn1:8020", "hdfs://nn9:9000/", "/"];

    fn mapping(further: &[&str]) -> Result<Mapping, MappingError> {
        mapping_of(ROOTS, &[], further)
    }

    /// By both ways, which must agree.
    #[track_caller]
    fn to(mapping: &Mapping, text: &str) -> Option<String> {
        let mut out = "before ".to_owned();
        let is_mapped = mapping.map_into(text, &mut out);
        let out = out.strip_prefix("before ").unwrap().to_owned();
        let place = mapping.aliases().resolve(text).ok();
        let place = place.and_then(|place| mapping.to_secondary(&place));
        let answer = is_mapped.then_some(out.clone());
        assert_eq!(answer, place.map(|place| place.to_string()), "{text}");
        assert!(is_mapped || out.is_empty(), "{out}");
        answer
    }

    #[test]
    fn longest_root_wins_and_no_root_is_no_place() {
        let further = [
            "hdfs://one/flink=hdfs://two/rest",
            "hdfs:///flink/cp=hdfs://two:8020/dr/cp",
            "hdfs://one/flink/cp/special = hdfs://two/special",
        ];
        let mapping = mapping(&further).unwrap();
        for (from, expected) in [
            ("hdfs://one/flink/cp/j/a", "hdfs://two:8020/dr/cp/j/a"),
            ("hdfs:///flink/cp/j/x", "hdfs://two:8020/dr/cp/j/x"),
            ("hdfs://one/flink/cp/special/x", "hdfs://two/special/x"),
            ("hdfs://one/flink/sp/x", "hdfs://two/rest/sp/x"),
        ] {
            assert_eq!(to(&mapping, from).as_deref(), Some(expected));
        }
        for outside in [
            "hdfs://one/other/x",
            "hdfs://two:8020/dr/cp/x",
            "viewfs://one/flink/cp/x",
            "hdfs://one:9000/flink/cp/x",
        ] {
            assert_eq!(to(&mapping, outside), None);
        }
    }

    #[test]
    fn components_are_not_cut() {
        let mapping = mapping(&[]).unwrap();
        assert_eq!(to(&mapping, "hdfs://one/flink/cp2/x"), None);
        assert_eq!(to(&mapping, "hdfs://one/flink/c"), None);
        assert_eq!(to(&mapping, "hdfs://one/flink"), None);
        let root = to(&mapping, "hdfs://one/flink/cp");
        assert_eq!(root.as_deref(), Some("hdfs://two:8020/dr/cp"));
    }

    #[test]
    fn every_name_of_one_file_becomes_one_text() {
        let mapping = mapping_of(ROOTS, &NAMES, &["/sp=hdfs://two:8020/sp"]).unwrap();
        for name in [
            "hdfs://one",
            "hdfs://one:8020",
            "HDFS://One",
            "hdfs://",
            "hdfs:",
            "hdfs://nn1",
            "hdfs://nn9:9000",
            "",
        ] {
            let mapped = |path| to(&mapping, &format!("{name}{path}"));
            let expected = Some("hdfs://two:8020/dr/cp/j/a".to_owned());
            assert_eq!(mapped("/flink/cp/j/a"), expected);
            assert_eq!(mapped("/flink//cp/./j/a/"), expected);
            let savepoint = Some("hdfs://two:8020/sp/s".to_owned());
            assert_eq!(
                mapped("/sp/s"),
                savepoint,
                "a pair's root may be any name, too"
            );
            assert_eq!(mapped("/other/a"), None);
        }
        assert_eq!(to(&mapping, "hdfs://nn9/flink/cp/j/a"), None);
        assert_eq!(to(&mapping, "file:/flink/cp/j/a"), None);
    }

    #[test]
    fn nothing_is_guessed_of_a_name() {
        let mapping = mapping(&[]).unwrap();
        for other in ["hdfs:/flink/cp/a", "hdfs:///flink/cp/a", "/flink/cp/a"] {
            assert_eq!(to(&mapping, other), None);
        }
    }

    #[test]
    fn relative_paths_are_never_mapped() {
        let mapping = mapping_of(ROOTS, &NAMES, &["/=hdfs://two:8020/all"]).unwrap();
        for relative in ["a", "a/b", "./a", "flink/cp/a", "", "hdfs:flink/cp/a"] {
            assert_eq!(to(&mapping, relative), None);
        }
        let climbs = "hdfs://one/flink/cp/../a";
        assert_eq!(to(&mapping, climbs), None);
    }

    #[test]
    fn a_path_is_text_and_not_an_encoding() {
        let mapping = mapping(&[]).unwrap();
        for below in [
            "100%",
            "%2F..%2e",
            "a b",
            "größe/日本/🦀",
            "a:b",
            "a=b;c",
            "..a",
        ] {
            let expected = Some(format!("hdfs://two:8020/dr/cp/{below}"));
            assert_eq!(
                to(&mapping, &format!("hdfs://one/flink/cp/{below}")),
                expected
            );
        }
    }

    #[test]
    fn a_root_may_be_all_of_a_file_system() {
        let all = mapping_of(("hdfs://one/", "hdfs://two/dr"), &[], &[]).unwrap();
        let mapped = to(&all, "hdfs://one/a/b");
        assert_eq!(mapped.as_deref(), Some("hdfs://two/dr/a/b"));
        assert_eq!(to(&all, "hdfs://one/").as_deref(), Some("hdfs://two/dr"));

        let to_all = mapping_of(("hdfs://one/cp", "hdfs://two"), &[], &[]).unwrap();
        let mapped = to(&to_all, "hdfs://one/cp/a");
        assert_eq!(mapped.as_deref(), Some("hdfs://two/a"));
        assert_eq!(to(&to_all, "hdfs://one/cp").as_deref(), Some("hdfs://two/"));
    }

    #[test]
    fn local_files_are_written_in_two_ways() {
        let local = mapping_of(("file:///a", "file:/b/"), &["/"], &[]).unwrap();
        for text in ["file:/a/x", "file:///a/x", "/a/x"] {
            assert_eq!(to(&local, text).as_deref(), Some("file:/b/x"));
        }
    }

    #[test]
    fn pairs_that_cannot_work_are_refused() {
        assert!(matches!(mapping(&["x"]), Err(MappingError::NotAPair(_))));
        assert!(matches!(mapping(&["a=b"]), Err(MappingError::Location(_))));
        let other = mapping(&["hdfs://one/a=hdfs://three/a"]);
        assert!(matches!(other, Err(MappingError::OtherCluster(..))));
        for inside in [
            ("hdfs://n/a", "hdfs://n/a/b"),
            ("hdfs://n/", "hdfs://n:8020/b"),
        ] {
            let inside = mapping_of(inside, &[], &[]);
            assert!(matches!(inside, Err(MappingError::Overlap(..))));
        }
        let two = ["hdfs://nn1/sp=hdfs://two/a", "/sp=hdfs://two/b"];
        let error = mapping_of(ROOTS, &NAMES, &two).unwrap_err().to_string();
        let expected = "'hdfs://one/sp' cannot be both 'hdfs://two/a' and 'hdfs://two/b'";
        assert!(error.starts_with(expected), "{error}");
        let twice = ["hdfs://nn1/sp=hdfs://two/a", "/sp=hdfs://two:8020/a/"];
        assert!(mapping_of(ROOTS, &NAMES, &twice).is_ok());
    }

    proptest! {
        /// Whatever is mapped lies below the secondary's root as it lies below the primary's, under
        /// every name of the primary the same.
        #[test]
        fn what_is_below_one_root_is_below_the_other(
            below in "(/[a-zé %:=.]{0,3}){0,5}",
            name in prop::sample::select(vec![
                "hdfs://one", "hdfs://one:8020", "hdfs://", "hdfs:", "hdfs://nn1", "",
            ]),
        ) {
            let mapping = mapping_of(ROOTS, &NAMES, &[]).unwrap();
            let mapped = to(&mapping, &format!("{name}/flink/cp{below}"));
            let climbs = below.split('/').any(|component| component == "..");
            prop_assert_eq!(mapped.is_none(), climbs);
            if let Some(mapped) = mapped {
                let kept = |text: &str| -> Vec<String> {
                    let parts = text.split('/').filter(|part| !part.is_empty() && *part != ".");
                    parts.map(str::to_owned).collect()
                };
                let rest = mapped.strip_prefix("hdfs://two:8020/dr/cp").unwrap();
                prop_assert_eq!(kept(rest), kept(&below));
            }
        }

        /// Of any text whatever, both ways say the same.
        #[test]
        fn any_text_is_mapped_or_not(
            scheme in "(hdfs:|file:|HDFS:|viewfs:)?(//)?",
            authority in "(one|nn1|two|x)?(:8020)?",
            path in "(/|/flink|/cp|/\\.|/\\.\\.|/a){0,6}",
        ) {
            for names in [&NAMES[..], &[]] {
                let mapping = mapping_of(ROOTS, names, &["hdfs://one/=hdfs://two:8020/all"]);
                to(&mapping.unwrap(), &format!("{scheme}{authority}{path}"));
            }
        }
    }
}
