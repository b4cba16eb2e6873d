//! A place on a cluster, as Flink writes it: scheme, authority, path.
//!
//! The text form is Flink's `org.apache.flink.core.fs.Path#toString` (1.9 to 2.3): no percent
//! encoding, `file:/x` or `file:///x` for local files. Refuses relative paths and `..`.

use std::fmt;

/// A place that can be no place on a cluster.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is no absolute location: {why} (accepted: scheme://authority/path)")]
pub struct LocationError {
    /// What was given.
    pub text: String,
    /// What is wrong with it.
    pub why: &'static str,
}

/// Scheme, authority and normalised absolute path. Two spellings of one path are equal
/// (`hdfs://nn/a//b/` and `hdfs://nn/a/b`); two names of one cluster are not.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Location {
    scheme: String,
    authority: String,
    path: String,
}

impl Location {
    /// Reads a location from its text form.
    ///
    /// # Errors
    /// When the text has no scheme, no absolute path, or climbs by `..`.
    pub fn parse(text: &str) -> Result<Self, LocationError> {
        let refuse = |why| LocationError {
            text: text.to_owned(),
            why,
        };
        let (scheme, rest) = text.split_once(':').ok_or_else(|| refuse("no scheme"))?;
        let alphanumeric = scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
        if scheme.is_empty() || !alphanumeric {
            return Err(refuse("no scheme"));
        }
        let (authority, path) = match rest.strip_prefix("//") {
            Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
            None => ("", rest),
        };
        if !path.is_empty() && !path.starts_with('/') {
            return Err(refuse("the path is relative"));
        }
        if path.is_empty() && authority.is_empty() {
            return Err(refuse("no path"));
        }
        let path = normalise(path).ok_or_else(|| refuse("the path contains '..'"))?;
        Ok(Self {
            scheme: scheme.to_ascii_lowercase(),
            authority: authority.to_owned(),
            path,
        })
    }

    /// E.g. `hdfs`, in lower case.
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// E.g. `nn1:8020`; empty for local files.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The absolute path within the cluster, without a slash at its end.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether both are on the same cluster, as far as their names tell.
    pub fn same_cluster(&self, other: &Self) -> bool {
        self.scheme == other.scheme && self.authority == other.authority
    }

    /// The path of `self` below `ancestor`, if it is there or is `ancestor` itself (then empty).
    pub fn below<'a>(&'a self, ancestor: &Self) -> Option<&'a str> {
        if !self.same_cluster(ancestor) {
            return None;
        }
        path_below(&self.path, &ancestor.path)
    }

    /// A place below this one.
    #[must_use]
    pub fn join(&self, relative: &str) -> Self {
        let path = normalise(&format!("{}/{relative}", self.path));
        Self {
            path: path.unwrap_or_else(|| self.path.clone()),
            ..self.clone()
        }
    }

    /// The same path's parent; the root's parent is the root.
    #[must_use]
    pub fn parent(&self) -> Self {
        let parent = self.path.rsplit_once('/').map_or("", |(parent, _)| parent);
        let path = if parent.is_empty() { "/" } else { parent };
        Self {
            path: path.to_owned(),
            ..self.clone()
        }
    }

    /// The last component of the path; empty for the root.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// Another path on the same cluster.
    #[must_use]
    pub fn with_path(&self, path: &str) -> Self {
        let path = normalise(path).unwrap_or_else(|| "/".to_owned());
        Self {
            path,
            ..self.clone()
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.authority.is_empty() {
            write!(f, "{}:{}", self.scheme, self.path)
        } else {
            write!(f, "{}://{}{}", self.scheme, self.authority, self.path)
        }
    }
}

/// What follows `ancestor` in `path`, on component borders.
pub(crate) fn path_below<'a>(path: &'a str, ancestor: &str) -> Option<&'a str> {
    let ancestor = ancestor.strip_suffix('/').unwrap_or(ancestor);
    let rest = path.strip_prefix(ancestor)?;
    match rest.strip_prefix('/') {
        Some(below) => Some(below),
        None if rest.is_empty() => Some(rest),
        None => None,
    }
}

/// One slash between components, none at the end; None when a component is `..`.
fn normalise(path: &str) -> Option<String> {
    let mut normal = String::with_capacity(path.len() + 1);
    for component in path.split('/').filter(|c| !c.is_empty() && *c != ".") {
        if component == ".." {
            return None;
        }
        normal.push('/');
        normal.push_str(component);
    }
    if normal.is_empty() {
        normal.push('/');
    }
    Some(normal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Location {
        Location::parse(text).unwrap()
    }

    #[test]
    fn spellings_of_one_path_are_equal() {
        assert_eq!(at("hdfs://nn:8020/a//b/"), at("hdfs://nn:8020/a/b"));
        assert_eq!(at("file:///tmp/x"), at("file:/tmp/x"));
        assert_eq!(at("HDFS://nn/"), at("hdfs://nn"));
        assert_ne!(at("hdfs:///x"), at("hdfs://nn/x"));
    }

    #[test]
    fn what_is_no_place_is_refused_by_name() {
        for text in [
            "",
            "/a/b",
            "hdfs",
            "hdfs:",
            "hdfs:a",
            "://nn/a",
            "hdfs://nn/a/../b",
        ] {
            let error = Location::parse(text).unwrap_err();
            assert!(error.to_string().contains(&format!("'{text}'")), "{error}");
        }
    }

    #[test]
    fn below_respects_component_borders() {
        let root = at("hdfs://nn/flink");
        assert_eq!(at("hdfs://nn/flink/a/b").below(&root), Some("a/b"));
        assert_eq!(at("hdfs://nn/flink").below(&root), Some(""));
        assert_eq!(at("hdfs://nn/flink2/a").below(&root), None);
        assert_eq!(at("hdfs://other/flink/a").below(&root), None);
        assert_eq!(at("hdfs://nn/a").below(&at("hdfs://nn/")), Some("a"));
    }

    #[test]
    fn parents_end_at_the_root() {
        assert_eq!(at("hdfs://nn/a/b").parent().to_string(), "hdfs://nn/a");
        assert_eq!(at("hdfs://nn/a").parent().parent().path(), "/");
    }

    proptest! {
        #[test]
        fn text_form_reads_back(
            path in "(/[a-zA-Z0-9._ %-]{1,8}){1,6}",
            nn in "[a-z]{0,5}(:[0-9]{4})?",
        ) {
            if let Ok(location) = Location::parse(&format!("hdfs://{nn}{path}")) {
                prop_assert_eq!(Location::parse(&location.to_string()).unwrap(), location);
            }
        }
    }
}
