//! The names of the primary's file system: its own, and those that are declared to mean the same.
//!
//! Refuses to guess: what `hdfs:///x` or a path without a scheme means on a machine is in that
//! machine's Hadoop configuration, and so is which hosts a nameservice has.

use std::borrow::Cow;

use crate::location::{Cluster, Parts, is_normal};
use crate::{Location, LocationError};

/// A name that cannot be the primary's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AliasError {
    /// It is not the name of a whole file system.
    #[error("'{0}' names no file system (accepted: scheme://authority, scheme:// or /)")]
    NotAName(String),
    /// It is the secondary's, which is another cluster.
    #[error("'{0}' names the secondary (accepted: further names of the primary)")]
    Secondary(String),
}

/// The primary's own name, and its further ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aliases {
    own: Location,
    /// The text of `own` up to the path.
    own_text: String,
    /// Scheme and authority, either of which may be empty.
    further: Vec<(String, String)>,
}

impl Aliases {
    /// The names of the file system of `primary`. A further one is `scheme://authority`,
    /// `scheme://` for paths without an authority, or `/` for paths without a scheme.
    ///
    /// # Errors
    /// When one is not of this form, or names the cluster of `secondary` where that is another.
    pub fn new(
        primary: &Location,
        secondary: &Location,
        further: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Result<Self, AliasError> {
        let own = primary.with_path("/");
        let mut own_text = own.to_string();
        own_text.truncate(own_text.len() - own.path().len());
        let mut aliases = Self {
            own,
            own_text,
            further: Vec::new(),
        };
        for name in further {
            let name = name.as_ref();
            let parts = Parts::of(name).ok();
            let Some(parts) = parts.filter(|parts| matches!(parts.path, "" | "/")) else {
                return Err(AliasError::NotAName(name.to_owned()));
            };
            let Cluster { scheme, authority } = parts.cluster;
            if parts.cluster.is(secondary.cluster()) && !primary.same_cluster(secondary) {
                return Err(AliasError::Secondary(name.to_owned()));
            }
            let name = (scheme.to_owned(), authority.to_owned());
            aliases.further.push(name);
        }
        Ok(aliases)
    }

    /// The place that `text` names; by the primary's own name, if it is on the primary.
    ///
    /// # Errors
    /// When it is no place on a cluster: a relative path, one with `..`, or one without a scheme
    /// where `/` is not among the names.
    pub fn resolve(&self, text: &str) -> Result<Location, LocationError> {
        let (cluster, path) = self
            .place(text)
            .map_err(|why| LocationError::new(text, why))?;
        Ok(Location::new(cluster, path))
    }

    /// The same, without a copy where the path is written in its normal form.
    pub(crate) fn place<'a>(
        &'a self,
        text: &'a str,
    ) -> Result<(Cluster<'a>, Cow<'a, str>), &'static str> {
        // As Flink writes nearly every path. The rest finds the same, and takes longer.
        if let Some(path) = text.strip_prefix(&self.own_text)
            && is_normal(path)
        {
            return Ok((self.own.cluster(), Cow::Borrowed(path)));
        }
        let Parts { cluster, path } = Parts::of(text)?;
        let cluster = self.own_name(cluster);
        Parts { cluster, path }.place()
    }

    /// The primary's own name for a name of the primary; any other name as it is.
    pub(crate) fn own_name<'a>(&'a self, cluster: Cluster<'a>) -> Cluster<'a> {
        let is_alias = |(scheme, authority): &(String, String)| {
            let alias = Cluster { scheme, authority };
            alias.is(cluster)
        };
        let own = self.own.cluster();
        if own.is(cluster) || self.further.iter().any(is_alias) {
            own
        } else {
            cluster
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Location {
        Location::parse(text).unwrap()
    }

    fn aliases(further: &[&str]) -> Result<Aliases, AliasError> {
        Aliases::new(&at("hdfs://ns1/cp"), &at("hdfs://nn2:8020/cp"), further)
    }

    #[test]
    fn every_name_of_the_primary_becomes_its_own() {
        let aliases = aliases(&["hdfs://nn1:9000", "hdfs://nn9/", "hdfs://", "/"]).unwrap();
        for text in [
            "hdfs://ns1/x/y",
            "hdfs://NS1:8020//x/y/",
            "hdfs://nn1:9000/x/y",
            "hdfs://nn9:8020/x/y",
            "hdfs:///x/y",
            "hdfs:/x/y",
            "/x/y",
            "///x/y",
        ] {
            let resolved = aliases.resolve(text).map(|place| place.to_string());
            assert_eq!(resolved.as_deref(), Ok("hdfs://ns1/x/y"), "{text}");
        }
    }

    #[test]
    fn what_is_not_declared_stays_what_it_is() {
        let aliases = aliases(&["hdfs://nn1:9000"]).unwrap();
        for text in ["hdfs://nn1/x", "hdfs:/x", "file:/x", "viewfs://ns1/x"] {
            let resolved = aliases.resolve(text).map(|place| place.to_string());
            assert_eq!(resolved.as_deref(), Ok(text));
        }
        for text in ["/x", "//ns1/x", "x/y", "", "hdfs://ns1/x/../y"] {
            let error = aliases.resolve(text).unwrap_err().to_string();
            assert!(error.contains(&format!("'{text}'")), "{error}");
        }
    }

    #[test]
    fn what_names_no_file_system_or_the_secondary_is_refused() {
        for name in ["", "nn1", "nn1:8020", "hdfs://nn1/x", "/x"] {
            let error = aliases(&[name]).unwrap_err();
            assert_eq!(error, AliasError::NotAName(name.to_owned()));
        }
        let error = aliases(&["hdfs://NN2"]).unwrap_err().to_string();
        assert!(
            error.contains("'hdfs://NN2' names the secondary"),
            "{error}"
        );
        let (primary, secondary) = (at("hdfs://nn1/a"), at("hdfs://nn1:8020/b"));
        assert!(Aliases::new(&primary, &secondary, ["hdfs://nn1"]).is_ok());
    }
}
