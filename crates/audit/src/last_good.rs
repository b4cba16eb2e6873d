//! When it was last shown that a job can be restored from a secondary: one small document for each
//! job and way of showing it, which the job's JobManager tells as a metric. Pure, but for the
//! reading; refuses to write one.

use checkpoint_layout::{Location, SecondaryRoot};
use serde::{Deserialize, Serialize};
use store::{Store, list_if_there};

use crate::{Digest, read_whole};

/// The version of the document that is written, and the only one that is read.
pub const LAST_GOOD_VERSION: u32 = 1;

/// A longer document is none.
const BYTES_AT_MOST: u64 = 64 << 10;

/// A way of showing that a job can be restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Proof {
    /// A checkpoint of it was found usable.
    Verify,
    /// It was started from a checkpoint, and completed another.
    Drill,
}

impl Proof {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Verify, Self::Drill];

    /// The document of this kind, in a job's directory of them.
    pub fn document(self) -> &'static str {
        match self {
            Self::Verify => "verify.json",
            Self::Drill => "drill.json",
        }
    }
}

/// The last time that a proof succeeded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastGood {
    /// The job's name; empty if it has none.
    pub job_name: String,
    /// The id under which it wrote the checkpoint, where that is known.
    pub job_id: Option<String>,
    /// The checkpoint.
    pub checkpoint_path: String,
    /// When it was shown, in milliseconds since the epoch.
    pub at_ms: u64,
    /// The version of this document: [`LAST_GOOD_VERSION`].
    pub version: u32,
}

impl LastGood {
    /// The bytes of the document: of text and numbers, so that there is nothing that JSON has not.
    pub fn to_json(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// None of bytes that are not understood.
    fn from_json(bytes: &[u8]) -> Option<Self> {
        let read: Self = serde_json::from_slice(bytes).ok()?;
        (read.version == LAST_GOOD_VERSION).then_some(read)
    }
}

/// Where a job's documents are: under its name, since it gets another id each time it is submitted;
/// under its id, if it has no name. None if it has neither.
pub fn last_good_dir(root: &SecondaryRoot, name: &str, id: Option<&str>) -> Option<Location> {
    let key = if name.is_empty() {
        id?.to_owned()
    } else {
        // a name may have any characters, and be longer than that of a file
        format!("{:016x}", Digest::of(name.as_bytes()).hash)
    };
    Some(root.last_good(&key))
}

/// The documents in `dir` that are those of the job of this name; what is not understood is passed
/// over.
///
/// # Errors
/// When the store does not tell.
pub async fn last_good(
    store: &dyn Store,
    dir: &Location,
    name: &str,
) -> store::Result<Vec<(Proof, LastGood)>> {
    let files = list_if_there(store, dir.path()).await?;
    let mut found = Vec::new();
    for proof in Proof::ALL {
        let mut files = files.iter();
        let file = files.find(|file| file.name() == proof.document() && !file.is_dir);
        let Some(file) = file.filter(|file| file.length <= BYTES_AT_MOST) else {
            continue;
        };
        match read_whole(store, &file.path, file.length).await {
            Ok(bytes) => {
                let read = LastGood::from_json(&bytes).filter(|read| read.job_name == name);
                found.extend(read.map(|read| (proof, read)));
            }
            Err(error) if error.is_transient() => return Err(error),
            Err(_) => {} // it was replaced meanwhile: the next look has it
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use store::MemoryStore;

    fn document(name: &str) -> LastGood {
        LastGood {
            job_name: name.to_owned(),
            job_id: Some("a1".to_owned()),
            checkpoint_path: "hdfs://two/cp/a1/chk-7".to_owned(),
            at_ms: 1_000,
            version: LAST_GOOD_VERSION,
        }
    }

    async fn write(store: &MemoryStore, dir: &Location, proof: Proof, bytes: Vec<u8>) {
        store.mkdirs(dir.path()).await.unwrap();
        let path = dir.join(proof.document());
        let mut writer = store.create(path.path()).await.unwrap();
        writer.write(Bytes::from(bytes)).await.unwrap();
        writer.close().await.unwrap();
    }

    #[test]
    fn a_job_has_one_place_under_all_its_ids() {
        let root = SecondaryRoot::new(Location::parse("hdfs://two/cp").unwrap());
        let dir = |name, id| last_good_dir(&root, name, id);
        assert_eq!(dir("pay/ments", Some("a1")), dir("pay/ments", Some("b2")));
        assert_ne!(dir("", Some("a1")), dir("", Some("b2")));
        assert_eq!(dir("", None), None);
        let place = dir("pay/ments", None).unwrap();
        assert_eq!(place.parent(), root.last_good("x").parent());
    }

    #[tokio::test]
    async fn what_is_anothers_or_not_understood_is_passed_over() {
        let store = MemoryStore::default();
        let dir = Location::parse("hdfs://two/cp/.dualwrite/last-good/k").unwrap();
        assert_eq!(last_good(&store, &dir, "pay").await.unwrap(), []);
        write(&store, &dir, Proof::Verify, document("pay").to_json()).await;
        write(&store, &dir, Proof::Drill, b"{}".to_vec()).await;
        let found = last_good(&store, &dir, "pay").await.unwrap();
        assert_eq!(found, [(Proof::Verify, document("pay"))]);
        assert_eq!(last_good(&store, &dir, "other").await.unwrap(), []);
    }

    #[test]
    fn a_later_version_is_not_understood() {
        let later = LastGood {
            version: 2,
            ..document("pay")
        };
        assert_eq!(LastGood::from_json(&later.to_json()), None);
        let read = LastGood::from_json(&document("é").to_json());
        assert_eq!(read, Some(document("é")));
    }
}
