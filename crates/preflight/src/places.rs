//! Flink's settings under the names that its version knows, and where the two clusters are by them.
//! Pure. Refuses to say what is wrong with them: it has what can be read.

use std::path::PathBuf;

use audit::{ClusterOptions, FlinkVersion, Location};

use crate::conf::Conf;
use crate::given::Given;
use crate::keys::find;

/// The class to be named as checkpoint storage.
pub(crate) const STORAGE: &str = "io.dualwrite.flink.DualWriteCheckpointStorageFactory";
/// The class that tells the jobs' names.
pub(crate) const REPORTER: &str = "io.dualwrite.flink.DualWriteMetricReporterFactory";
pub(crate) const SECONDARY_DIR: &str = "dualwrite.secondary.dir";
pub(crate) const PRIMARY_DIR: &str = "dualwrite.primary.dir";
pub(crate) const PATH_MAPPING: &str = "dualwrite.path-mapping";
pub(crate) const ALIASES: &str = "dualwrite.primary.aliases";

/// A setting of Flink's: its name since some version, and the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Setting {
    pub(crate) new: &'static str,
    pub(crate) old: &'static str,
    since: (u16, u16),
}

impl Setting {
    pub(crate) const STORAGE: Self = Self {
        new: "execution.checkpointing.storage",
        old: "state.checkpoint-storage",
        since: (1, 20),
    };
    pub(crate) const DIR: Self = Self {
        new: "execution.checkpointing.dir",
        old: "state.checkpoints.dir",
        since: (1, 20),
    };
    pub(crate) const RETAINED: Self = Self {
        new: "execution.checkpointing.num-retained",
        old: "state.checkpoints.num-retained",
        since: (1, 20),
    };
    pub(crate) const BACKEND: Self = Self {
        new: "state.backend.type",
        old: "state.backend",
        since: (1, 18),
    };
    pub(crate) const CHANGELOG: Self = Self {
        new: "state.changelog.enabled",
        old: "state.backend.changelog.enabled",
        since: (1, 17),
    };

    /// Whether this Flink knows the new name; of an unknown version it is believed.
    pub(crate) fn is_renamed(self, version: Option<FlinkVersion>) -> bool {
        version.is_none_or(|version| (version.major, version.minor) >= self.since)
    }

    /// The name to use with this Flink.
    pub(crate) fn name(self, version: Option<FlinkVersion>) -> &'static str {
        if self.is_renamed(version) {
            self.new
        } else {
            self.old
        }
    }

    /// The name that counts and its value. The old name still does where the new is not used.
    pub(crate) fn of(
        self,
        conf: &Conf,
        version: Option<FlinkVersion>,
    ) -> Option<(&'static str, String)> {
        let names = [self.new, self.old];
        let known = &names[usize::from(!self.is_renamed(version))..];
        known
            .iter()
            .find_map(|name| Some((*name, conf.text(name)?)))
    }
}

/// A cluster as the configuration has it: its directory, and how to reach it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Site {
    pub(crate) key: &'static str,
    pub(crate) location: Location,
    /// By the product's own key.
    pub(crate) hadoop_conf_dir: Option<PathBuf>,
    pub(crate) user: Option<String>,
}

impl Site {
    /// The checkpoint directory: the product's own key comes before Flink's.
    pub(crate) fn primary(given: &Given) -> Option<Self> {
        let conf = &given.conf;
        let own = conf.text(PRIMARY_DIR).map(|dir| (PRIMARY_DIR, dir));
        let (key, dir) = own.or_else(|| Setting::DIR.of(conf, given.version))?;
        Some(Self {
            key,
            location: Location::parse(&dir).ok()?,
            hadoop_conf_dir: conf
                .text("dualwrite.primary.hadoop-conf-dir")
                .map(Into::into),
            user: None,
        })
    }

    /// The directory of the copies, if the product accepts it.
    pub(crate) fn secondary(given: &Given) -> Option<Self> {
        let conf = &given.conf;
        let value = &conf.entries.get(SECONDARY_DIR)?.value;
        find(SECONDARY_DIR).filter(|key| key.accepts(value))?;
        Some(Self {
            key: SECONDARY_DIR,
            location: Location::parse(&conf.text(SECONDARY_DIR)?).ok()?,
            hadoop_conf_dir: conf
                .text("dualwrite.secondary.hadoop-conf-dir")
                .map(Into::into),
            user: conf.text("dualwrite.secondary.user"),
        })
    }

    /// Whether one directory is the other, or inside it.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        let (one, other) = (&self.location, &other.location);
        one.below(other).is_some() || other.below(one).is_some()
    }

    /// How to reach it; the keys come before the flags.
    pub(crate) fn options(&self, flags: &ClusterOptions) -> ClusterOptions {
        let (dir, user) = (&self.hadoop_conf_dir, &self.user);
        ClusterOptions {
            hadoop_conf_dir: dir.clone().or_else(|| flags.hadoop_conf_dir.clone()),
            user: user.clone().or_else(|| flags.user.clone()),
            call_timeout: flags.call_timeout,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conf::parse_legacy;

    #[test]
    fn a_setting_has_the_names_that_its_flink_knows() {
        let conf = parse_legacy("state.checkpoints.dir: old\nexecution.checkpointing.dir: new\n");
        let dir = |version: Option<&str>| {
            let version = version.map(|text| text.parse().unwrap());
            Setting::DIR.of(&conf, version).unwrap().1
        };
        assert_eq!(dir(Some("1.19")), "old");
        assert_eq!(dir(Some("1.20")), "new");
        assert_eq!(dir(None), "new");
        let conf = parse_legacy("state.checkpoints.dir: old\n");
        let found = Setting::DIR.of(&conf, "2.2".parse().ok());
        assert_eq!(found, Some(("state.checkpoints.dir", "old".to_owned())));
    }
}
