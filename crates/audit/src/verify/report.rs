//! What is known of one checkpoint, and what that means. Pure.

use std::fmt;

use checkpoint_layout::Location;
use store::StoreError;

use crate::Finding;

/// Whether a checkpoint can be restored, as far as it was looked into. The worst is the greatest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Nothing is wrong.
    Usable,
    /// The cluster did not tell of all.
    Unknown,
    /// Something is wrong, whatever else the cluster did not tell.
    NotUsable,
}

/// What is known of one checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The checkpoint's directory.
    pub path: Location,
    /// The metadata's version; none if it could not be read.
    pub version: Option<u32>,
    /// The number that the metadata has; none if it could not be read.
    pub checkpoint_id: Option<i64>,
    /// How many files it names.
    pub files: u64,
    /// Their bytes, as far as the metadata has their lengths.
    pub bytes: u64,
    /// How many bytes of them were read back.
    pub read_bytes: u64,
    /// How many of these are the same on the other cluster.
    pub compared_bytes: u64,
    /// How many of the others have the digest that was recorded when they were written.
    pub digest_bytes: u64,
    /// What is wrong; nothing, if it is usable.
    pub findings: Vec<Finding>,
    /// What is worth knowing although it takes nothing from being usable.
    pub notices: Vec<Notice>,
    /// The first call that a cluster did not answer.
    pub silence: Option<StoreError>,
}

impl Report {
    /// What all that means.
    pub fn verdict(&self) -> Verdict {
        if !self.findings.is_empty() {
            Verdict::NotUsable
        } else if self.silence.is_some() {
            Verdict::Unknown
        } else {
            Verdict::Usable
        }
    }

    /// Whether it can be restored, as far as this was looked into.
    pub fn usable(&self) -> bool {
        self.verdict() == Verdict::Usable
    }

    /// Of a checkpoint of which nothing is known yet.
    pub(super) fn of(path: &Location) -> Self {
        Self {
            path: path.clone(),
            version: None,
            checkpoint_id: None,
            files: 0,
            bytes: 0,
            read_bytes: 0,
            compared_bytes: 0,
            digest_bytes: 0,
            findings: Vec::new(),
            notices: Vec::new(),
            silence: None,
        }
    }

    pub(super) fn unreadable(path: &Location, finding: Finding) -> Self {
        Self {
            findings: vec![finding],
            ..Self::of(path)
        }
    }

    pub(super) fn fell_silent(&mut self, silence: StoreError) {
        self.silence.get_or_insert(silence);
    }

    /// One file more that could not be compared.
    pub(super) fn has_no_copy(&mut self, why: WhyNoCopy, path: &Location) {
        for notice in &mut self.notices {
            if let Notice::NoOtherCopy {
                why: known, files, ..
            } = notice
                && *known == why
            {
                *files += 1;
                return;
            }
        }
        self.notices.push(Notice::NoOtherCopy {
            first: path.clone(),
            files: 1,
            why,
        });
    }
}

/// What does not make a checkpoint unusable, and what to do about it. Its text says both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// Files on the right cluster, but in no place that the mapping of the two clusters has.
    OutsideMapping {
        /// One of them.
        first: Location,
        /// How many there are.
        files: u64,
    },
    /// Files of which every byte was read, and compared with nothing.
    NoOtherCopy {
        /// One of them.
        first: Location,
        /// How many there are.
        files: u64,
        /// Why.
        why: WhyNoCopy,
    },
}

/// Why there is no copy to compare a file with, of which no digest is recorded either.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WhyNoCopy {
    /// No other cluster was given.
    NotAsked,
    /// The other cluster has no place for it.
    OutsideMapping,
    /// The other cluster does not have it.
    NotThere,
    /// The other cluster's has another length, or cannot be read.
    Damaged,
}

impl Notice {
    /// The kind's name in JSON; never changes.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::OutsideMapping { .. } => "outside_mapping",
            Self::NoOtherCopy { .. } => "no_other_copy",
        }
    }

    /// One of the files that it is about.
    pub fn path(&self) -> String {
        let (Self::OutsideMapping { first, .. } | Self::NoOtherCopy { first, .. }) = self;
        first.to_string()
    }

    /// How many files it is about.
    pub fn files(&self) -> u64 {
        let (Self::OutsideMapping { files, .. } | Self::NoOtherCopy { files, .. }) = self;
        *files
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = self.path();
        let which = match self.files() {
            1 => first,
            files => format!("{files} files like {first}"),
        };
        match self {
            Self::OutsideMapping { .. } => write!(
                f,
                "outside the mapping of the two clusters: {which}; give --path-mapping as in \
                 dualwrite.path-mapping if that has the place, otherwise no other cluster has a \
                 copy of it"
            ),
            Self::NoOtherCopy { why, .. } => {
                let why = match why {
                    WhyNoCopy::NotAsked => "no other cluster is given with --compare",
                    WhyNoCopy::OutsideMapping => "the mapping has no place for it",
                    WhyNoCopy::NotThere => "the other cluster does not have it, or not any more",
                    WhyNoCopy::Damaged => {
                        "the other cluster's has another length or cannot be read: verify that one"
                    }
                };
                write!(
                    f,
                    "read to its end, and compared with nothing: {which}; no digest is recorded, \
                     and {why}"
                )
            }
        }
    }
}
