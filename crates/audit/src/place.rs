//! From an address to a place on a cluster, for those who look at clusters through this crate
//! alone. Refuses to ask the cluster anything.

use std::fmt;
use std::sync::Arc;

use checkpoint_layout::Location;
use store::{ClusterOptions, ErrorKind, Store, StoreError};

/// A location and the cluster that it is on.
#[derive(Clone)]
pub struct Place {
    /// The cluster.
    pub store: Arc<dyn Store>,
    /// Where on it.
    pub location: Location,
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place")
            .field("store", &self.store.name())
            .field("location", &self.location)
            .finish()
    }
}

/// Opens the cluster that `uri` names. Nothing is asked of it yet.
///
/// # Errors
/// [`ErrorKind::Invalid`] with what is accepted, if the address or the configuration cannot be
/// right.
pub fn open(uri: &str, options: &ClusterOptions) -> store::Result<Place> {
    let (store, _) = store::open(uri, options)?;
    let location = Location::parse(uri)
        .map_err(|error| StoreError::new(ErrorKind::Invalid, "open", uri, error.to_string()))?;
    Ok(Place { store, location })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_place_or_invalid() {
        let options = ClusterOptions::default();
        let place = open("file:///tmp//x/", &options).unwrap();
        assert_eq!(place.location.to_string(), "file:/tmp/x");
        for uri in ["/tmp/x", "s3://bucket/x", "hdfs://nn:8020/a/../b"] {
            let error = open(uri, &options).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Invalid, "{error}");
        }
    }
}
