//! The test job's arguments, the result that it must have, and the one that it has.
//!
//! Computes the expected result by itself, from the arguments alone. Refuses to read hidden
//! files of the sink: they are not committed.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::flink::Submission;
use crate::test_job_jar;

/// Event time between two records, in milliseconds (`ExactlyOnceJob.RECORD_MILLIS`).
const RECORD_MILLIS: u64 = 10;
/// Of a window, in milliseconds (`ExactlyOnceJob.WINDOW`).
const WINDOW_MILLIS: u64 = 5_000;
/// Payloads of a key (`Mix.SLOTS`).
const SLOTS: u64 = 4;

/// One run of `io.dualwrite.testjob.ExactlyOnceJob`.
#[derive(Debug, Clone)]
pub struct ExactlyOnce {
    /// How many records the source emits.
    pub records: u64,
    /// How many of the first come at once, so that there is state from the start on.
    pub burst: u64,
    /// How many of the others in a second.
    pub rate: u64,
    /// How many keys they spread over.
    pub keys: u64,
    /// Bytes of one payload; each key holds four. A multiple of 8.
    pub payload_bytes: u64,
    /// The folder of the result, on this machine.
    pub sink: PathBuf,
    /// The job's name.
    pub name: String,
}

impl ExactlyOnce {
    /// A job of about 20 s with about 8 MB of state.
    pub fn new(name: &str, sink: &Path) -> Self {
        Self {
            records: 40_000,
            burst: 0,
            rate: 2_000,
            keys: 2_000,
            payload_bytes: 1_024,
            sink: sink.to_owned(),
            name: name.to_owned(),
        }
    }

    /// The job as Flink takes it, with parallelism 2, started anew or from a checkpoint.
    ///
    /// # Errors
    /// When the jar cannot be built.
    pub fn submission(&self, restore_from: Option<&str>) -> Result<Submission> {
        let sink = format!("file://{}", self.sink.display());
        let arguments = [
            ("--records", self.records.to_string()),
            ("--burst", self.burst.to_string()),
            ("--rate", self.rate.to_string()),
            ("--keys", self.keys.to_string()),
            ("--payload-bytes", self.payload_bytes.to_string()),
            ("--sink", sink),
            ("--pace", self.pace_file().to_string_lossy().into_owned()),
            ("--name", self.name.clone()),
        ];
        Ok(Submission {
            jar: test_job_jar()?,
            main_class: "io.dualwrite.testjob.ExactlyOnceJob".to_owned(),
            arguments: arguments
                .into_iter()
                .flat_map(|(k, v)| [k.to_owned(), v])
                .collect(),
            parallelism: 2,
            restore_from: restore_from.map(str::to_owned),
            ..Submission::default()
        })
    }

    /// Makes the source emit what is left without regard to the rate, now and after restores: a
    /// test need not guess how long its job must last.
    ///
    /// # Errors
    /// When the sign for it cannot be written.
    pub fn hurry(&self) -> Result<()> {
        self.set_pace("")
    }

    /// Makes the source emit so many records in a second, now and after restores; 0 holds it.
    ///
    /// # Errors
    /// When the sign for it cannot be written.
    pub fn pace(&self, records_per_second: u64) -> Result<()> {
        self.set_pace(&records_per_second.to_string())
    }

    /// By a rename: the source must not see a part of a number, and nothing means no limit.
    fn set_pace(&self, text: &str) -> Result<()> {
        let (file, draft) = (self.pace_file(), self.sink.with_extension("draft"));
        std::fs::write(&draft, text)
            .and_then(|()| std::fs::rename(&draft, &file))
            .with_context(|| format!("cannot write {}", file.display()))
    }

    /// The lines that the result must have, sorted: window start, key, count, sum, digest.
    pub fn expected(&self) -> Vec<String> {
        let mut keyed: HashMap<u64, (u64, u64)> = HashMap::new();
        let mut windows: BTreeMap<(u64, u64), (u64, u64, u64)> = BTreeMap::new();
        for ordinal in 0..self.records {
            let (key, value) = (mix(ordinal) % self.keys, mix(!ordinal) >> 32);
            let (count, digest) = keyed.entry(key).or_default();
            let replaced = match count.checked_sub(SLOTS) {
                Some(earlier) => self.payload_checksum(key, earlier),
                None => 0,
            };
            *digest = mix(mix(*digest ^ value) ^ replaced.wrapping_add(*count));
            *count += 1;
            let time = ordinal * RECORD_MILLIS;
            let window = time - time % WINDOW_MILLIS;
            let (records, sum, last) = windows.entry((window, key)).or_default();
            *records += 1;
            *sum += value;
            *last = *digest;
        }
        let mut lines: Vec<String> = windows
            .into_iter()
            .map(|((window, key), (count, sum, digest))| {
                format!("{window},{key},{count},{sum},{digest:x}")
            })
            .collect();
        lines.sort_unstable();
        lines
    }

    /// Compares the sink's committed lines with [`ExactlyOnce::expected`].
    ///
    /// # Errors
    /// When the sink's folder cannot be read.
    pub fn compare(&self) -> Result<Comparison> {
        let mut balance: BTreeMap<String, i64> = BTreeMap::new();
        for line in self.expected() {
            *balance.entry(line).or_default() -= 1;
        }
        let mut comparison = Comparison {
            lines: balance.len(),
            ..Comparison::default()
        };
        for line in committed_lines(&self.sink)? {
            match balance.get_mut(&line) {
                None => comparison.unexpected.push(line),
                Some(0) => comparison.duplicated.push(line),
                Some(missing) => *missing += 1,
            }
        }
        comparison.missing = balance
            .into_iter()
            .filter(|(_, missing)| *missing < 0)
            .map(|(line, _)| line)
            .collect();
        Ok(comparison)
    }

    /// Deletes what the sink holds of epochs after checkpoint `id`: what an operator does who
    /// goes back to that checkpoint. To be called while the job does not run.
    ///
    /// # Errors
    /// When the sink's folder cannot be read or changed.
    pub fn cut_back(&self, id: u64) -> Result<()> {
        for (epoch, path) in epochs(&self.sink)? {
            if epoch > id {
                std::fs::remove_dir_all(&path)
                    .with_context(|| format!("cannot delete {}", path.display()))?;
            }
        }
        Ok(())
    }

    /// Beside the sink's folder, because that holds results alone.
    fn pace_file(&self) -> PathBuf {
        self.sink.with_extension("pace")
    }

    /// As `Mix.checksum(Mix.payload(key, count))`.
    fn payload_checksum(&self, key: u64, count: u64) -> u64 {
        let seed = mix(key ^ mix(count));
        (0..self.payload_bytes / 8).fold(0, |sum, word| mix(sum ^ mix(seed.wrapping_add(word))))
    }
}

/// How a result differs from the expected one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison {
    /// How many lines are expected.
    pub lines: usize,
    /// Expected and not there: lost records, or lines with stale state.
    pub missing: Vec<String>,
    /// There and not expected.
    pub unexpected: Vec<String>,
    /// There once more than expected.
    pub duplicated: Vec<String>,
}

impl Comparison {
    /// Whether every record counted exactly once.
    pub fn is_exact(&self) -> bool {
        self.missing.is_empty() && self.unexpected.is_empty() && self.duplicated.is_empty()
    }
}

/// The finalizer of `SplitMix64`, as `Mix.mix`.
fn mix(x: u64) -> u64 {
    let z = x.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The sink's folders with the numbers in their names; none before the first record.
fn epochs(sink: &Path) -> Result<Vec<(u64, PathBuf)>> {
    let entries = match std::fs::read_dir(sink) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.with_context(|| format!("cannot list {}", sink.display()))?,
    };
    let mut epochs = Vec::new();
    for entry in entries {
        let entry = entry.context("cannot list the sink")?;
        let name = entry.file_name();
        let epoch = name.to_str().and_then(|name| name.strip_prefix("epoch-"));
        if let Some(epoch) = epoch.and_then(|number| number.parse().ok()) {
            epochs.push((epoch, entry.path()));
        }
    }
    Ok(epochs)
}

/// Lines of all files but hidden ones, which `FileSink` has not committed.
fn committed_lines(sink: &Path) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    for (_, folder) in epochs(sink)? {
        let cannot = || format!("cannot read {}", folder.display());
        for entry in std::fs::read_dir(&folder).with_context(cannot)? {
            let entry = entry.with_context(cannot)?;
            if entry.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            let text = std::fs::read_to_string(entry.path()).with_context(cannot)?;
            lines.extend(text.lines().map(str::to_owned));
        }
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Run;

    #[test]
    fn every_kind_of_difference_is_told_apart_and_hidden_files_are_ignored() {
        let run = Run::new("exactly_once::compare").unwrap();
        let sink = run.data_dir("sink").unwrap();
        let job = ExactlyOnce {
            records: 2_000,
            keys: 50,
            ..ExactlyOnce::new("x", &sink)
        };
        let expected = job.expected();
        assert!(expected.len() >= 200, "four windows of fifty keys");
        let epoch = |n: u64| {
            let path = sink.join(format!("epoch-{n}"));
            std::fs::create_dir_all(&path).unwrap();
            path
        };
        std::fs::write(epoch(1).join("part-0"), expected[1..].join("\n")).unwrap();
        std::fs::write(epoch(2).join(".part-1.inprogress"), &expected[0]).unwrap();
        let twice = format!("{}\nnonsense\n", expected[1]);
        std::fs::write(epoch(3).join("part-2"), twice).unwrap();

        let comparison = job.compare().unwrap();
        assert_eq!(comparison.missing, expected[..1]);
        assert_eq!(comparison.duplicated, expected[1..2]);
        assert_eq!(comparison.unexpected, ["nonsense"]);

        std::fs::write(epoch(2).join("part-1"), &expected[0]).unwrap();
        job.cut_back(2).unwrap();
        assert!(job.compare().unwrap().is_exact());
        run.passed();
    }
}
