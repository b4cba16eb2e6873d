//! What can be found, how bad each of it is, and the report that it ends in. Pure.

use serde::Serialize;

/// How bad a finding is; the order is that of what decides the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing, and no harm.
    Note,
    /// A cluster did not answer.
    Unknown,
    /// Checkpoints are copied, but not as well as they could be, or perhaps not all.
    Warning,
    /// Checkpoints are not copied, or Flink does not start.
    Error,
}

/// What is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Area {
    /// The configuration file as a file.
    File,
    /// The names and values of `dualwrite.*` keys.
    Keys,
    /// Whether Flink uses the product for checkpoints.
    Storage,
    /// The primary's directory and names.
    Primary,
    /// The secondary's directory and names.
    Secondary,
    /// How long the primary keeps what may have to be copied from it.
    Retention,
    /// Whether the buffers fit beside Flink's own memory.
    Memory,
    /// The jar in `lib/`.
    Jar,
    /// The native library on this machine.
    Library,
    /// The directories to spill to on this machine.
    Disk,
    /// The primary, as it answers.
    PrimaryCluster,
    /// The secondary, as it answers.
    SecondaryCluster,
}

impl Area {
    /// The name in JSON and for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Keys => "keys",
            Self::Storage => "storage",
            Self::Primary => "primary",
            Self::Secondary => "secondary",
            Self::Retention => "retention",
            Self::Memory => "memory",
            Self::Jar => "jar",
            Self::Library => "library",
            Self::Disk => "disk",
            Self::PrimaryCluster => "primary_cluster",
            Self::SecondaryCluster => "secondary_cluster",
        }
    }
}

macro_rules! kinds {
    ($( $(#[$doc:meta])* $ident:ident $name:literal $severity:ident $area:ident; )*) => {
        /// What was found.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Kind {
            $( $(#[$doc])* $ident, )*
        }

        impl Kind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$ident),*];

            /// The name in JSON.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$ident => $name),* }
            }

            /// How bad it is.
            pub fn severity(self) -> Severity {
                match self { $(Self::$ident => Severity::$severity),* }
            }

            /// What was looked at when it was found.
            pub fn area(self) -> Area {
                match self { $(Self::$ident => Area::$area),* }
            }
        }
    };
}

kinds! {
    /// Both forms of the file are there, and Flink reads one.
    TwoFiles "two_files" Warning File;
    /// A line that Flink skips.
    IgnoredLine "ignored_line" Warning File;
    /// A key that is there twice.
    RepeatedKey "repeated_key" Warning File;
    /// Flink's version is not known.
    UnknownVersion "unknown_version" Note File;
    /// The jar does not work with this Flink.
    UnsupportedVersion "unsupported_version" Error File;
    /// Nobody has tried the jar with this Flink.
    UntestedVersion "untested_version" Note File;
    /// No key of the product is called so.
    UnknownKey "unknown_key" Warning Keys;
    /// A value of the product's that is not accepted.
    BadValue "bad_value" Error Keys;
    /// A value of Flink's that cannot be read.
    BadFlinkValue "bad_flink_value" Warning Keys;
    /// No checkpoint storage is named.
    NoStorage "no_storage" Error Storage;
    /// Another checkpoint storage is named.
    OtherStorage "other_storage" Error Storage;
    /// A key by a name that this Flink does not know.
    NewName "new_name" Error Storage;
    /// `state.checkpoints.dir` before Flink 1.19.
    Bypassed "bypassed" Error Storage;
    /// The same, where the version is not known.
    PerhapsBypassed "perhaps_bypassed" Warning Storage;
    /// A state backend that brings a storage of its own.
    OldBackend "old_backend" Error Storage;
    /// The product is switched off by its key.
    SwitchedOff "switched_off" Note Storage;
    /// File merging is configured, and kept off.
    FileMerging "file_merging" Note Storage;
    /// Jobs are known by their ids alone.
    NoJobNames "no_job_names" Note Storage;
    /// No checkpoint directory.
    NoPrimary "no_primary" Error Primary;
    /// The checkpoint directory is not on HDFS.
    PrimaryScheme "primary_scheme" Error Primary;
    /// The checkpoint directory is on local disk.
    LocalPrimary "local_primary" Note Primary;
    /// Files of checkpoints lie where no root is.
    OutsideMapping "outside_mapping" Warning Primary;
    /// The primary's Hadoop configuration is not there or not readable.
    PrimaryHadoopConf "primary_hadoop_conf" Error Primary;
    /// No secondary directory.
    NoSecondary "no_secondary" Error Secondary;
    /// The secondary directory is on local disk.
    LocalSecondary "local_secondary" Note Secondary;
    /// One directory is, or contains, the other.
    Overlap "overlap" Error Secondary;
    /// Both directories are on one cluster.
    SameCluster "same_cluster" Warning Secondary;
    /// The names of the primary or the pairs of roots contradict each other.
    BadMapping "bad_mapping" Error Secondary;
    /// The secondary's Hadoop configuration is not there or not readable.
    SecondaryHadoopConf "secondary_hadoop_conf" Error Secondary;
    /// A name without a port that no configuration knows as a nameservice.
    HostOrNameservice "host_or_nameservice" Note Secondary;
    /// The primary forgets before it can be copied from.
    LongGrace "long_grace" Warning Retention;
    /// The buffers take more than half of the JVM overhead.
    Memory "memory" Warning Memory;
    /// The directory of Flink's jars was not looked at.
    NoLib "no_lib" Note Jar;
    /// The jar is not there.
    NoJar "no_jar" Error Jar;
    /// The jar is a plugin's, where Flink does not look for a checkpoint storage.
    JarInPlugins "jar_in_plugins" Error Jar;
    /// Two of them.
    TwoJars "two_jars" Error Jar;
    /// A second copy that jobs would load.
    JarOfJobs "jar_of_jobs" Warning Jar;
    /// The jar cannot be read.
    BadJar "bad_jar" Error Jar;
    /// The jar is of an earlier release than the command.
    OlderJar "older_jar" Warning Jar;
    /// The jar is of a later release than the command.
    NewerJar "newer_jar" Note Jar;
    /// The library cannot be loaded on this machine.
    NotLoadable "not_loadable" Error Library;
    /// The first directory to unpack it to does not serve.
    LibraryDir "library_dir" Warning Library;
    /// A directory to spill to does not serve.
    SpillDir "spill_dir" Warning Disk;
    /// There is less room than the spill may take.
    SpillRoom "spill_room" Warning Disk;
    /// The primary does not answer.
    PrimarySilent "primary_silent" Unknown PrimaryCluster;
    /// The primary refuses.
    PrimaryRefuses "primary_refuses" Error PrimaryCluster;
    /// The checkpoint directory is not there yet.
    PrimaryAbsent "primary_absent" Note PrimaryCluster;
    /// The clocks of the primary and of this machine differ.
    PrimaryClock "primary_clock" Warning PrimaryCluster;
    /// The secondary does not answer.
    SecondarySilent "secondary_silent" Unknown SecondaryCluster;
    /// The secondary refuses.
    SecondaryRefuses "secondary_refuses" Error SecondaryCluster;
    /// The clocks of the secondary and of this machine differ.
    SecondaryClock "secondary_clock" Warning SecondaryCluster;
    /// The small file could not be deleted from the primary.
    PrimaryLeft "primary_left" Warning PrimaryCluster;
    /// The small file could not be deleted from the secondary.
    SecondaryLeft "secondary_left" Warning SecondaryCluster;
}

/// Something that is not as it should be, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is.
    pub kind: Kind,
    /// The key in the configuration, where it is about one.
    pub key: Option<String>,
    /// What is wrong and what comes of it.
    pub message: String,
    /// What to type or to do.
    pub fix: String,
}

/// Something that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// What kind of thing.
    pub area: Area,
    /// What exactly.
    pub what: String,
}

/// How all of it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing worse than a note.
    Good,
    /// A warning or an error.
    Findings,
    /// A cluster did not answer, and nothing is worse.
    Unknown,
}

/// What was looked at and what was found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// In the order in which it was done.
    pub looks: Vec<Look>,
    /// In the order in which they were found.
    pub findings: Vec<Finding>,
}

impl Report {
    /// How it ends.
    pub fn verdict(&self) -> Verdict {
        match self.worst(|_| true) {
            None | Some(Severity::Note) => Verdict::Good,
            Some(Severity::Unknown) => Verdict::Unknown,
            Some(Severity::Warning | Severity::Error) => Verdict::Findings,
        }
    }

    /// The worst that was found in an area.
    pub fn worst_of(&self, area: Area) -> Option<Severity> {
        self.worst(|kind| kind.area() == area)
    }

    fn worst(&self, is_meant: impl Fn(Kind) -> bool) -> Option<Severity> {
        let kinds = self.findings.iter().map(|finding| finding.kind);
        kinds
            .filter(|kind| is_meant(*kind))
            .map(Kind::severity)
            .max()
    }

    pub(crate) fn looked(&mut self, area: Area, what: impl Into<String>) {
        let what = what.into();
        self.looks.push(Look { area, what });
    }

    pub(crate) fn found(
        &mut self,
        kind: Kind,
        key: Option<&str>,
        message: impl Into<String>,
        fix: impl Into<String>,
    ) {
        self.findings.push(Finding {
            kind,
            key: key.map(str::to_owned),
            message: message.into(),
            fix: fix.into(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_decides_and_silence_only_where_nothing_is_worse() {
        let mut report = Report::default();
        assert_eq!(report.verdict(), Verdict::Good);
        for (kind, expected) in [
            (Kind::NoJobNames, Verdict::Good),
            (Kind::PrimarySilent, Verdict::Unknown),
            (Kind::LongGrace, Verdict::Findings),
            (Kind::PrimarySilent, Verdict::Findings),
        ] {
            report.found(kind, None, "", "");
            assert_eq!(report.verdict(), expected);
        }
        assert_eq!(report.worst_of(Area::Storage), Some(Severity::Note));
        assert_eq!(report.worst_of(Area::Jar), None);
    }

    #[test]
    fn every_kind_is_explained_in_the_page_of_the_commands() {
        let page = include_str!("../../../docs/cli.md");
        for kind in Kind::ALL {
            let name = format!("`{}`", kind.as_str());
            assert!(page.contains(&name), "docs/cli.md does not tell of {name}");
        }
    }
}
