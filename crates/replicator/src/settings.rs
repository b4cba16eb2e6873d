//! What the configuration says, as typed values: the process's [`Settings`] and one job's
//! [`JobSpec`].
//!
//! The caller hands over names (the keys of docs/configuration.md without `dualwrite.`) and values
//! in base units. Refuses to fall back on a default where a value is wrong.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use checkpoint_layout::{Aliases, Location, Mapping};

use crate::stride::STRIDE_AT_MOST;

/// A value that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}: '{value}' is not usable, {accepted}")]
pub struct SettingsError {
    /// The key without its prefix.
    pub key: String,
    /// What was given; empty where nothing was.
    pub value: String,
    /// What would be accepted.
    pub accepted: String,
}

/// What is one per process: the first job's settings are those of the process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Bytes of native memory in which stream bytes may live.
    pub buffer_memory: u64,
    /// Bytes of one chunk.
    pub chunk_size: usize,
    /// Bytes on local disk where stream bytes may live; 0: none.
    pub spill_size: u64,
    /// The directories where they may.
    pub spill_dirs: Vec<PathBuf>,
    /// Files written to the secondary at once, by sessions.
    pub upload_concurrency: usize,
    /// Bytes a second that go to the secondary, of files; none: no limit.
    pub bandwidth_limit: Option<u64>,
    /// No larger stride; a power of two, 1 to take every checkpoint. Not a key.
    pub stride_at_most: u64,
    /// Limit of each call to a cluster.
    pub call_timeout: Duration,
    /// The process's name in records and in-flight names, which no other may have; pauses follow
    /// from it, so a run with a given one can be repeated. None: a random one. Not a key.
    pub writer_id: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            buffer_memory: 64 << 20,
            chunk_size: 256 << 10,
            spill_size: 1 << 30,
            spill_dirs: Vec::new(),
            upload_concurrency: 32,
            bandwidth_limit: None,
            stride_at_most: STRIDE_AT_MOST,
            call_timeout: Duration::from_secs(10),
            writer_id: None,
        }
    }
}

/// Which of Flink's processes a job is opened in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// The JobManager: publishes and retires checkpoints.
    Coordinator,
    /// A TaskManager: tees and backfills files.
    Worker,
}

/// One job in one process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobSpec {
    /// 32 hexadecimal digits.
    pub id: String,
    /// The name where Flink tells it, otherwise empty.
    pub name: String,
    /// The process's part in the job.
    pub role: Role,
    /// Where the primary's checkpoints go.
    pub primary_dir: Location,
    /// Where the secondary's checkpoints go, the product's own files below it.
    pub secondary_dir: Location,
    /// From the primary's paths to the secondary's.
    pub mapping: Mapping,
    /// Where the primary's `core-site.xml` is; none: the environment's.
    pub primary_conf_dir: Option<PathBuf>,
    /// Where the secondary's `core-site.xml` is; none: the address says it all.
    pub secondary_conf_dir: Option<PathBuf>,
    /// The user on the secondary; none: the process's.
    pub secondary_user: Option<String>,
    /// How many published checkpoints stay on the secondary.
    pub retained: usize,
    /// Between the unlinking of a retired checkpoint's `_metadata` and the deletion of its files.
    pub retention_grace: Duration,
    /// After this a checkpoint that is not complete on the secondary is given up.
    pub publish_timeout: Duration,
    /// How long the JobManager waits for a missing file before it copies it itself.
    pub backfill_grace: Duration,
}

/// Reads both from alternating names and values; unknown names are left to others.
///
/// # Errors
/// The first value that is missing or wrong, with what is accepted.
pub fn from_pairs(pairs: &[String]) -> Result<(Settings, JobSpec), SettingsError> {
    let values: HashMap<&str, &str> = pairs
        .chunks_exact(2)
        .map(|pair| (pair[0].as_str(), pair[1].as_str()))
        .collect();
    let values = Values(values);
    let defaults = Settings::default();
    let settings = Settings {
        buffer_memory: values.number("buffer.memory", defaults.buffer_memory)?,
        chunk_size: values.number("chunk.size", defaults.chunk_size)?,
        spill_size: values.bytes("spill.max-size", defaults.spill_size)?,
        spill_dirs: values.list("spill.dirs").map(PathBuf::from).collect(),
        upload_concurrency: values.number("upload.concurrency", defaults.upload_concurrency)?,
        bandwidth_limit: values.optional("upload.bandwidth-limit")?,
        stride_at_most: defaults.stride_at_most,
        call_timeout: values.millis("call.timeout", defaults.call_timeout)?,
        writer_id: defaults.writer_id,
    };
    if settings.chunk_size as u64 > settings.buffer_memory {
        let accepted = "at most buffer.memory is accepted";
        return Err(error(
            "chunk.size",
            &settings.chunk_size.to_string(),
            accepted,
        ));
    }
    Ok((settings, job(&values)?))
}

fn job(values: &Values<'_>) -> Result<JobSpec, SettingsError> {
    let primary_dir = values.location("primary.dir")?;
    let secondary_dir = values.location("secondary.dir")?;
    let aliases = values.list("primary.aliases");
    let aliases = Aliases::new(&primary_dir, &secondary_dir, aliases)
        .map_err(|e| values.error("primary.aliases", &e))?;
    let further = values.list("path-mapping");
    let mapping = Mapping::new(&primary_dir, &secondary_dir, aliases, further)
        .map_err(|e| values.error("path-mapping", &e))?;
    let role = match values.text("job.role") {
        Some("coordinator") => Role::Coordinator,
        Some("worker") => Role::Worker,
        other => {
            let accepted = "coordinator or worker is accepted";
            return Err(error("job.role", other.unwrap_or_default(), accepted));
        }
    };
    let id = values.text("job.id").unwrap_or_default();
    if id.is_empty() || !id.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(error("job.id", id, "hexadecimal digits are accepted"));
    }
    Ok(JobSpec {
        id: id.to_owned(),
        name: values.text("job.name").unwrap_or_default().to_owned(),
        role,
        primary_dir,
        secondary_dir,
        mapping,
        primary_conf_dir: values.text("primary.hadoop-conf-dir").map(PathBuf::from),
        secondary_conf_dir: values.text("secondary.hadoop-conf-dir").map(PathBuf::from),
        secondary_user: values.text("secondary.user").map(str::to_owned),
        retained: values.number("secondary.retained", 3)?,
        retention_grace: values.millis("retention.grace", Duration::from_secs(30))?,
        publish_timeout: values.millis("publish.timeout", Duration::from_mins(10))?,
        backfill_grace: values.millis("backfill.grace", Duration::from_secs(5))?,
    })
}

struct Values<'a>(HashMap<&'a str, &'a str>);

impl<'a> Values<'a> {
    fn text(&self, key: &str) -> Option<&'a str> {
        self.0.get(key).copied().filter(|text| !text.is_empty())
    }

    /// Separated by semicolons or commas.
    fn list(&self, key: &str) -> impl Iterator<Item = &'a str> {
        let values = self.text(key).unwrap_or_default().split([',', ';']);
        values.map(str::trim).filter(|value| !value.is_empty())
    }

    fn error(&self, key: &str, why: &impl ToString) -> SettingsError {
        error(key, self.text(key).unwrap_or_default(), &why.to_string())
    }

    /// A whole number of at least 1.
    fn number<N: TryFrom<u64>>(&self, key: &str, default: N) -> Result<N, SettingsError> {
        Ok(self.optional(key)?.unwrap_or(default))
    }

    /// The same, where there is no default.
    fn optional<N: TryFrom<u64>>(&self, key: &str) -> Result<Option<N>, SettingsError> {
        let Some(text) = self.text(key) else {
            return Ok(None);
        };
        let number = text.parse::<u64>().ok().filter(|n| *n > 0);
        let number = number.and_then(|n| N::try_from(n).ok());
        let accepted = "a whole number of at least 1 is accepted";
        number.map(Some).ok_or_else(|| error(key, text, accepted))
    }

    fn bytes(&self, key: &str, default: u64) -> Result<u64, SettingsError> {
        let Some(text) = self.text(key) else {
            return Ok(default);
        };
        let accepted = "a whole number of bytes is accepted";
        text.parse().map_err(|_| error(key, text, accepted))
    }

    fn millis(&self, key: &str, default: Duration) -> Result<Duration, SettingsError> {
        let Some(text) = self.text(key) else {
            return Ok(default);
        };
        let millis = text.parse::<u64>();
        millis
            .map(Duration::from_millis)
            .map_err(|_| error(key, text, "a whole number of milliseconds is accepted"))
    }

    fn location(&self, key: &str) -> Result<Location, SettingsError> {
        let text = self.text(key).unwrap_or_default();
        Location::parse(text).map_err(|e| error(key, text, &e.to_string()))
    }
}

fn error(key: &str, value: &str, accepted: &str) -> SettingsError {
    SettingsError {
        key: key.to_owned(),
        value: value.to_owned(),
        accepted: accepted.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(changes: &[(&str, &str)]) -> Result<(Settings, JobSpec), SettingsError> {
        let mut pairs = vec![
            ("job.id", "00ff"),
            ("job.role", "worker"),
            ("primary.dir", "hdfs://one:8020/cp"),
            ("secondary.dir", "hdfs://two:8020/cp"),
        ];
        pairs.extend(changes);
        let pairs: Vec<String> = pairs
            .iter()
            .flat_map(|(k, v)| [(*k).to_owned(), (*v).to_owned()])
            .collect();
        from_pairs(&pairs)
    }

    #[test]
    fn defaults_are_those_of_the_documentation() {
        let (settings, job) = read(&[]).unwrap();
        assert_eq!(settings, Settings::default());
        assert_eq!(
            (job.retained, job.backfill_grace),
            (3, Duration::from_secs(5))
        );
    }

    #[test]
    fn the_primary_has_the_names_that_are_given() {
        let names = [("primary.aliases", "hdfs://ns1; hdfs://;/")];
        let (_, job) = read(&names).unwrap();
        for text in ["hdfs://ns1/cp/a", "hdfs:/cp/a", "/cp/a"] {
            let mut mapped = String::new();
            assert!(job.mapping.map_into(text, &mut mapped), "{text}");
            assert_eq!(mapped, "hdfs://two:8020/cp/a");
        }
    }

    #[test]
    fn a_wrong_value_is_named() {
        let wrong = [
            ("buffer.memory", "0"),
            ("buffer.memory", "-1"),
            ("chunk.size", "99999999999"),
            ("upload.bandwidth-limit", "0"),
            ("spill.max-size", "1gb"),
            ("call.timeout", "10 s"),
            ("secondary.dir", "two"),
            ("secondary.dir", "hdfs://one:8020/cp/inside"),
            ("job.role", "boss"),
            ("job.id", "../x"),
            ("path-mapping", "nonsense"),
            ("path-mapping", "hdfs://one/sp=hdfs://three/sp"),
            ("primary.aliases", "nonsense"),
            ("primary.aliases", "hdfs://nn1;hdfs://nn1/dir"),
            ("primary.aliases", "hdfs://two"),
        ];
        for (key, value) in wrong {
            let error = read(&[(key, value)]).unwrap_err().to_string();
            assert!(error.contains("accepted"), "{key}={value}: {error}");
        }
    }
}
