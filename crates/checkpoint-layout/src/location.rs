//! A place on a cluster, as Flink writes it: scheme, authority, path.
//!
//! The text form is Flink's `org.apache.flink.core.fs.Path#toString` (1.9 to 2.3): no percent
//! encoding, `file:/x` or `file:///x` for local files. Refuses relative paths and `..`.

use std::borrow::Cow;
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

impl LocationError {
    pub(crate) fn new(text: &str, why: &'static str) -> Self {
        Self {
            text: text.to_owned(),
            why,
        }
    }
}

/// The name of a cluster, as it is written before a path; either part may be empty.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cluster<'a> {
    pub(crate) scheme: &'a str,
    pub(crate) authority: &'a str,
}

impl Cluster<'_> {
    /// See [`Location::same_cluster`].
    pub(crate) fn is(self, other: Cluster<'_>) -> bool {
        (self.scheme, self.authority) == (other.scheme, other.authority)
            || self.scheme.eq_ignore_ascii_case(other.scheme)
                && self.host().eq_ignore_ascii_case(other.host())
    }

    /// The authority without the port that a `NameNode` has by default.
    fn host(&self) -> &str {
        let port = if self.scheme.eq_ignore_ascii_case("hdfs") {
            ":8020"
        } else {
            ""
        };
        self.authority.strip_suffix(port).unwrap_or(self.authority)
    }
}

/// A text form taken apart. Nothing is copied, and the path is as it was written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parts<'a> {
    pub(crate) cluster: Cluster<'a>,
    /// Empty, or begins with a slash.
    pub(crate) path: &'a str,
}

impl<'a> Parts<'a> {
    /// A text that begins with a slash has no scheme. The error says what is wrong.
    pub(crate) fn of(text: &'a str) -> Result<Self, &'static str> {
        let (scheme, rest) = match text.split_once(':') {
            _ if text.starts_with('/') => ("", text),
            Some((scheme, rest)) if is_scheme(scheme) => (scheme, rest),
            _ => return Err("no scheme"),
        };
        let (authority, path) = match rest.strip_prefix("//") {
            Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
            None => ("", rest),
        };
        if !path.is_empty() && !path.starts_with('/') {
            return Err("the path is relative");
        }
        let cluster = Cluster { scheme, authority };
        Ok(Self { cluster, path })
    }

    /// The cluster and the normal path on it. The error says what is wrong.
    pub(crate) fn place(self) -> Result<(Cluster<'a>, Cow<'a, str>), &'static str> {
        if self.cluster.scheme.is_empty() {
            return Err("no scheme");
        }
        if self.path.is_empty() && self.cluster.authority.is_empty() {
            return Err("no path");
        }
        let path = normalise(self.path).ok_or("the path contains '..'")?;
        Ok((self.cluster, path))
    }
}

fn is_scheme(text: &str) -> bool {
    let alphanumeric = |b: u8| b.is_ascii_alphanumeric() || b"+-.".contains(&b);
    !text.is_empty() && text.bytes().all(alphanumeric)
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
        let refuse = |why| LocationError::new(text, why);
        let (cluster, path) = Parts::of(text).and_then(Parts::place).map_err(refuse)?;
        Ok(Self::new(cluster, path))
    }

    /// `path` must be normal.
    pub(crate) fn new(cluster: Cluster<'_>, path: impl Into<String>) -> Self {
        Self {
            scheme: cluster.scheme.to_ascii_lowercase(),
            authority: cluster.authority.to_owned(),
            path: path.into(),
        }
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

    /// Whether both are on the same cluster, as far as their names tell: as Hadoop compares them
    /// (`FileSystem#checkPath`, `DistributedFileSystem#getDefaultPort`, 2.10 to 3.4), in any case
    /// of letters, and `hdfs://nn` is `hdfs://nn:8020`. (Of a nameservice that is no guess: Hadoop
    /// refuses one with a port.)
    pub fn same_cluster(&self, other: &Self) -> bool {
        self.cluster().is(other.cluster())
    }

    pub(crate) fn cluster(&self) -> Cluster<'_> {
        Cluster {
            scheme: &self.scheme,
            authority: &self.authority,
        }
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
        let path = [&self.path, "/", relative].concat();
        self.at(normalise(&path).map_or_else(|| self.path.clone(), Cow::into_owned))
    }

    /// The same path's parent; the root's parent is the root.
    #[must_use]
    pub fn parent(&self) -> Self {
        self.at(self.parent_path().to_owned())
    }

    /// [`Location::path`] of the parent.
    pub fn parent_path(&self) -> &str {
        let parent = self.path.rsplit_once('/').map_or("", |(parent, _)| parent);
        if parent.is_empty() { "/" } else { parent }
    }

    /// The last component of the path; empty for the root.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// Another path on the same cluster.
    #[must_use]
    pub fn with_path(&self, path: &str) -> Self {
        self.at(normalise(path).unwrap_or(Cow::Borrowed("/")).into_owned())
    }

    /// On the same cluster; `path` must be normal.
    fn at(&self, path: String) -> Self {
        Self {
            scheme: self.scheme.clone(),
            authority: self.authority.clone(),
            path,
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

/// One slash between components, none at the end; None when a component is `..`. What is so
/// already, which all paths are that Flink writes, is not copied.
fn normalise(path: &str) -> Option<Cow<'_, str>> {
    if is_normal(path) {
        return Some(Cow::Borrowed(path));
    }
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
    Some(Cow::Owned(normal))
}

/// Whether [`normalise`] leaves a path as it is.
pub(crate) fn is_normal(path: &str) -> bool {
    let is_name = |component| !matches!(component, "" | "." | "..");
    let bytes = path.as_bytes();
    match bytes {
        [b'/'] => true,
        [b'/', .., b'/'] => false,
        [b'/', rest @ ..] => {
            !has_doubtful_slash(&bytes[..rest.len()], rest) || path[1..].split('/').all(is_name)
        }
        _ => false,
    }
}

/// Whether a slash in `bytes` has a slash or a dot after it; `next` are the bytes after `bytes`.
fn has_doubtful_slash(bytes: &[u8], next: &[u8]) -> bool {
    // Numbers, and no way out in the middle, so that the compiler takes many bytes at once. They
    // are 0 where a slash is before a slash, or before a dot, which differs in the last bit.
    let is_found = |bytes: &[u8], next: &[u8]| {
        let pairs = bytes.iter().zip(next);
        let numbers = pairs.map(|(byte, next)| (byte ^ b'/') | ((next | 1) ^ b'/'));
        numbers.fold(u8::MAX, u8::min) == 0
    };
    match (bytes.last_chunk::<32>(), next.last_chunk::<32>()) {
        // Of no whole piece, the end is looked at twice: still less than byte by byte.
        (Some(last), Some(after)) => {
            let (pieces, _) = bytes.as_chunks::<32>();
            let mut pairs = pieces.iter().zip(next.as_chunks::<32>().0);
            is_found(last, after) || pairs.any(|(bytes, next)| is_found(bytes, next))
        }
        _ => is_found(bytes, next),
    }
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
    fn a_cluster_has_a_default_port_and_no_case() {
        let same = |a, b| at(a).same_cluster(&at(b));
        assert!(same("hdfs://nn/a", "hdfs://nn:8020/b"));
        assert!(same("hdfs://NN:8020/", "hdfs://nn/"));
        assert!(same("hdfs:///a", "hdfs:/b"));
        assert!(!same("hdfs://nn/", "hdfs://nn:9000/"));
        assert!(!same("hdfs://nn/", "hdfs:///"));
        assert!(
            !same("webhdfs://nn/", "webhdfs://nn:8020/"),
            "it has others"
        );
        assert!(!same("hdfs://nn/", "webhdfs://nn/"));
    }

    #[test]
    fn what_is_normal_is_not_copied() {
        for path in ["/", "/a", "/a/b c/%2F/é/..b/.c/d..", "/a:b"] {
            assert!(matches!(normalise(path), Some(Cow::Borrowed(p)) if p == path));
        }
        for (path, normal) in [
            ("", "/"),
            ("//", "/"),
            ("/a/", "/a"),
            ("/a//b", "/a/b"),
            ("/./a/.", "/a"),
        ] {
            assert_eq!(normalise(path).as_deref(), Some(normal));
        }
        assert_eq!(normalise("/a/../b"), None);
    }

    /// Long paths are looked at in pieces, so a slash may be anywhere in one, or at its end.
    #[test]
    fn what_is_not_normal_is_found_anywhere() {
        for (before, after) in (0..70).flat_map(|before| (0..70).map(move |after| (before, after)))
        {
            let path = |middle| format!("/{}{middle}{}", "é".repeat(before), "b".repeat(after));
            for normal in ["a/b", "a/.b", "a/..b", "a./b"] {
                assert!(is_normal(&path(normal)), "{}", path(normal));
            }
            for other in ["a//b", "a/./b", "a/../b"] {
                assert!(!is_normal(&path(other)), "{}", path(other));
            }
        }
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
            "//nn/a",
            "hdfs://",
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
