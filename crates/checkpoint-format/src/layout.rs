//! What the versions of the format have differently, and which versions of Flink write which. It
//! refuses versions that are not known, and never chooses between layouts: that takes the bytes.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A minor version of Flink, such as 1.11, 1.20 or 2.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlinkVersion {
    /// The first number.
    pub major: u16,
    /// The second number; the third changes nothing in the format.
    pub minor: u16,
}

/// A text that is no version of Flink.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("expected a version of Flink, such as 1.11 or 1.11.6, found '{0}'")]
pub struct NoFlinkVersion(String);

impl FromStr for FlinkVersion {
    type Err = NoFlinkVersion;

    fn from_str(text: &str) -> Result<Self, NoFlinkVersion> {
        let mut numbers = text.split('.').map(str::parse);
        match (numbers.next(), numbers.next()) {
            (Some(Ok(major)), Some(Ok(minor))) => Ok(Self { major, minor }),
            _ => Err(NoFlinkVersion(text.to_owned())),
        }
    }
}

impl fmt::Display for FlinkVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// How channel states are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Channels {
    /// There are none.
    Absent,
    /// Without the subtask that they are of.
    WithoutSubtask,
    /// With it.
    WithSubtask,
    /// With it, and with a type before all.
    Typed,
}

/// One way of writing a `_metadata`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layout {
    version: u8,
    /// The versions of Flink that write it.
    pub(crate) flinks: &'static str,
    pub(crate) channels: Channels,
    /// Operators and subtasks that have finished are written as negative numbers.
    pub(crate) finished: bool,
    /// Handles of changelogs have neither ids nor the sizes that came with them.
    pub(crate) short_changelog: bool,
    /// Offsets of key groups and their stream may be a stream themselves.
    pub(crate) nested_streams: bool,
    /// The highest tag of a handle: they were given out one after the other.
    pub(crate) highest_tag: u8,
}

/// `SavepointV2Serializer`, which is as old as Flink 1.3.
const V2: Layout = Layout {
    version: 2,
    flinks: "1.9, 1.10",
    channels: Channels::Absent,
    finished: false,
    short_changelog: false,
    nested_streams: false,
    highest_tag: 5,
};
/// The three of `MetadataV3Serializer`.
const V3_11: Layout = Layout {
    version: 3,
    flinks: "1.11",
    channels: Channels::WithoutSubtask,
    highest_tag: 6,
    ..V2
};
const V3_14: Layout = Layout {
    flinks: "1.12 to 1.14",
    channels: Channels::WithSubtask,
    finished: true,
    short_changelog: true,
    nested_streams: true, // from 1.13 on
    highest_tag: 10,
    ..V3_11
};
const V3_15: Layout = Layout {
    flinks: "1.15",
    short_changelog: false,
    highest_tag: 12,
    ..V3_14
};
const V4: Layout = Layout {
    version: 4,
    flinks: "1.16 to 1.20",
    highest_tag: 17,
    ..V3_15
};
const V5: Layout = Layout {
    version: 5,
    flinks: "2.0",
    ..V4
};
const V6: Layout = Layout {
    version: 6,
    flinks: "2.1 to 2.3",
    channels: Channels::Typed,
    ..V5
};

impl Layout {
    /// Whether operators have the frame of Flink 1.2, with fields that mean nothing any more and
    /// without coordinators.
    pub(crate) fn is_legacy(&self) -> bool {
        self.version == 2
    }

    /// Whether each operator begins with its name and uid.
    pub(crate) fn has_names(&self) -> bool {
        self.version >= 5
    }

    /// Whether the properties of the checkpoint follow the operators.
    pub(crate) fn has_trailer(&self) -> bool {
        self.version >= 4
    }

    /// The layouts that a version's number stands for, the newest first; none of an unknown one.
    /// A version of Flink chooses where there are several.
    pub(crate) fn of(version: i32, flink: Option<FlinkVersion>) -> &'static [Self] {
        match (version, flink) {
            (2, _) => &[V2],
            (3, None) => &[V3_15, V3_14, V3_11],
            (3, Some(FlinkVersion { major: 1, minor })) if minor <= 11 => &[V3_11],
            (3, Some(FlinkVersion { major: 1, minor })) if minor <= 14 => &[V3_14],
            (3, Some(_)) => &[V3_15],
            (4, _) => &[V4],
            (5, _) => &[V5],
            (6, _) => &[V6],
            _ => &[],
        }
    }
}

/// The versions of Flink that write a version of the format.
pub(crate) fn flinks(version: u32) -> &'static str {
    match version {
        3 => "1.11 to 1.15",
        _ => i32::try_from(version)
            .ok()
            .and_then(|version| Layout::of(version, None).first())
            .map_or("unknown", |layout| layout.flinks),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_by_its_first_two_numbers() {
        for (text, major, minor) in [("1.9.2", 1, 9), ("1.20", 1, 20), ("2.3.0-rc1", 2, 3)] {
            assert_eq!(text.parse(), Ok(FlinkVersion { major, minor }));
        }
        for text in ["", "1", "1.", "one.two", "-1.9", "1.9999999"] {
            let error = text.parse::<FlinkVersion>().unwrap_err();
            assert!(error.to_string().ends_with(&format!("found '{text}'")));
        }
        assert_eq!(FlinkVersion { major: 1, minor: 9 }.to_string(), "1.9");
    }

    #[test]
    fn a_flink_chooses_where_one_number_has_several_layouts() {
        let flinks = |version, flink: &str| {
            let layouts = Layout::of(version, flink.parse().ok());
            layouts
                .iter()
                .map(|layout| layout.flinks)
                .collect::<Vec<_>>()
        };
        assert_eq!(flinks(3, "1.11.6"), ["1.11"]);
        for flink in ["1.12", "1.13", "1.14"] {
            assert_eq!(flinks(3, flink), ["1.12 to 1.14"]);
        }
        assert_eq!(flinks(3, "1.15.4"), ["1.15"]);
        assert_eq!(flinks(3, ""), ["1.15", "1.12 to 1.14", "1.11"]);
        assert_eq!(
            flinks(6, "1.11"),
            ["2.1 to 2.3"],
            "there is nothing to choose"
        );
        assert_eq!(flinks(7, ""), [""; 0]);
    }
}
