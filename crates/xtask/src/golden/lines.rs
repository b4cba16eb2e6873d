//! The lines of Flink that there are goldens of: of each one patch version, and which of its
//! modules Maven Central gave. Refuses to ask for the newest: goldens are of known versions.

use anyhow::{Context, Result};
use harness::FlinkVersion;

/// One line of Flink.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line {
    /// Its newest patch version.
    pub(super) flink: &'static str,
    /// The version of RocksDB's state backend: not each module was to be had in each patch version.
    rocksdb: &'static str,
    /// The version of what keeps changelogs in files (flink-dstl-dfs), where there is one.
    pub(super) dstl: Option<&'static str>,
    /// The version of the state backend `ForSt`, where there is one.
    pub(super) forst: Option<&'static str>,
}

/// All lines, the oldest first.
pub(super) const LINES: [Line; 16] = [
    line("1.9.2", "1.9.1", None, None),
    line("1.10.3", "1.10.2", None, None),
    line("1.11.6", "1.11.6", None, None),
    line("1.12.7", "1.12.7", None, None),
    line("1.13.6", "1.13.6", None, None),
    line("1.14.6", "1.14.6", None, None),
    line("1.15.4", "1.15.4", Some("1.15.0"), None),
    line("1.16.3", "1.16.3", None, None),
    line("1.17.2", "1.17.2", None, None),
    line("1.18.1", "1.18.1", Some("1.18.1"), None),
    line("1.19.3", "1.19.3", Some("1.19.3"), None),
    line("1.20.5", "1.20.5", Some("1.20.5"), None),
    line("2.0.2", "2.0.2", Some("2.0.2"), Some("2.0.0")),
    line("2.1.3", "2.1.3", Some("2.1.3"), None),
    line("2.2.1", "2.2.1", Some("2.2.1"), Some("2.2.0")),
    line("2.3.0", "2.3.0", Some("2.3.0"), Some("2.3.0")),
];

const fn line(
    flink: &'static str,
    rocksdb: &'static str,
    dstl: Option<&'static str>,
    forst: Option<&'static str>,
) -> Line {
    Line {
        flink,
        rocksdb,
        dstl,
        forst,
    }
}

impl Line {
    /// Its version, to be compared.
    pub(super) fn version(&self) -> Result<FlinkVersion> {
        FlinkVersion::try_from(self.flink)
    }

    /// What `tests/runtime/goldens` is resolved with.
    pub(super) fn handle_properties(&self) -> Result<Vec<(&'static str, &'static str)>> {
        let mut properties = vec![("flink.version", self.flink)];
        if !self.version()?.is_at_least(1, 14) {
            properties.push(("suffix.runtime", "_2.12"));
        }
        Ok(properties)
    }

    /// What `tests/runtime/goldens-jobs` is resolved with.
    pub(super) fn job_properties(&self) -> Result<Vec<(&'static str, &'static str)>> {
        let mut properties = self.handle_properties()?;
        properties.push(("rocksdb.version", self.rocksdb));
        if !self.version()?.is_at_least(1, 15) {
            properties.push(("suffix", "_2.12"));
        }
        if self.version()?.is_at_least(1, 14) {
            properties.push(("changelog", "true"));
        }
        properties.extend(self.dstl.map(|version| ("dstl.version", version)));
        properties.extend(self.forst.map(|version| ("forst.version", version)));
        Ok(properties)
    }
}

/// The line of a version that there are goldens of.
pub(super) fn parse(text: &str) -> Result<Line> {
    let known = LINES.map(|line| line.flink).join(", ");
    let line = LINES.into_iter().find(|line| line.flink == text);
    line.with_context(|| format!("there are goldens of {known}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_artifacts_follow_the_version() {
        let jobs = |flink| parse(flink).unwrap().job_properties().unwrap();
        let old = jobs("1.9.2");
        assert!(old.contains(&("suffix.runtime", "_2.12")) && old.contains(&("suffix", "_2.12")));
        assert!(old.contains(&("rocksdb.version", "1.9.1")));
        assert_eq!(old.len(), 4);
        let between = jobs("1.14.6");
        assert!(between.contains(&("suffix", "_2.12")) && between.contains(&("changelog", "true")));
        assert_eq!(between.len(), 4);
        let new = jobs("2.2.1");
        assert!(new.contains(&("dstl.version", "2.2.1")));
        assert!(new.contains(&("forst.version", "2.2.0")));
        assert_eq!(new.len(), 5);
    }

    #[test]
    fn the_lines_are_in_order_and_others_are_refused() {
        assert!(LINES.is_sorted_by_key(|line| line.version().unwrap()));
        let error = format!("{:#}", parse("1.8.3").unwrap_err());
        assert!(error.contains("1.9.2, 1.10.3") && error.ends_with("2.3.0"));
    }
}
