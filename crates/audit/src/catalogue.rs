//! The catalogue entry of a job: one small JSON document that says, with the primary dead, what the
//! job is called and what was published of it last. Pure: bytes to entry and back.

use serde::{Deserialize, Serialize};

/// The version of the document that is written, and the highest that is read.
pub const CATALOGUE_VERSION: u32 = 1;

/// What the catalogue knows of one job. Times are milliseconds since the epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogueEntry {
    /// Flink's job id, 32 hexadecimal digits.
    pub job_id: String,
    /// The job's name as people know it.
    pub job_name: String,
    /// The checkpoint directory of the primary, as configured there.
    pub primary_dir: String,
    /// Where the job's checkpoints are on the secondary.
    pub job_dir: String,
    /// The newest checkpoint that was published.
    pub newest_published_id: u64,
    /// Its directory on the secondary.
    pub newest_published_path: String,
    /// When the job triggered it.
    pub triggered_at_ms: u64,
    /// When the primary had it complete.
    pub completed_at_ms: u64,
    /// When the secondary had it.
    pub published_at_ms: u64,
    /// How many files it names.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The version of this document: [`CATALOGUE_VERSION`].
    pub version: u32,
}

/// Why bytes are no catalogue entry.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// Not the JSON document of an entry.
    #[error("it is no catalogue entry: {0}")]
    Malformed(#[from] serde_json::Error),
    /// Written by a later release.
    #[error(
        "it has version {0}, this release knows versions up to {CATALOGUE_VERSION}: use the \
         release that wrote it, or a later one"
    )]
    Version(u64),
}

#[derive(Deserialize)]
struct Version {
    version: u64,
}

impl CatalogueEntry {
    /// Reads an entry. Fields that are not known are passed over.
    ///
    /// # Errors
    /// When it is none, or of a later version, whatever that may look like.
    pub fn from_json(bytes: &[u8]) -> Result<Self, CatalogueError> {
        let Version { version } = serde_json::from_slice(bytes)?;
        if version > u64::from(CATALOGUE_VERSION) {
            return Err(CatalogueError::Version(version));
        }
        Ok(serde_json::from_slice(bytes)?)
    }

    /// The bytes of the entry.
    ///
    /// # Errors
    /// Never, for an entry of text and numbers.
    pub fn to_json(&self) -> Result<Vec<u8>, CatalogueError> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn entry() -> CatalogueEntry {
        CatalogueEntry {
            job_id: "a1b2c3d4e5f60718293a4b5c6d7e8f90".to_owned(),
            job_name: "payments \"é\"".to_owned(),
            primary_dir: "hdfs://primary:8020/flink/checkpoints".to_owned(),
            job_dir: "hdfs://two/cp/a1b2c3d4e5f60718293a4b5c6d7e8f90".to_owned(),
            newest_published_id: 42,
            newest_published_path: "hdfs://two/cp/a1b2c3d4e5f60718293a4b5c6d7e8f90/chk-42"
                .to_owned(),
            triggered_at_ms: 1_000,
            completed_at_ms: 2_000,
            published_at_ms: 3_000,
            files: 4,
            bytes: 5,
            version: CATALOGUE_VERSION,
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let entry = entry();
        let bytes = entry.to_json().unwrap();
        assert_eq!(CatalogueEntry::from_json(&bytes).unwrap(), entry);
    }

    #[test]
    fn a_later_version_is_told_from_rubbish() {
        let read = |text: &str| CatalogueEntry::from_json(text.as_bytes()).unwrap_err();
        assert!(matches!(
            read(r#"{"version": 2, "jobs": []}"#),
            CatalogueError::Version(2)
        ));
        for text in ["", "{", "[]", r#"{"version": 1}"#] {
            assert!(matches!(read(text), CatalogueError::Malformed(_)), "{text}");
        }
    }
}
