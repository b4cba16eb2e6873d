//! A Flink version as the harness needs it: what to resolve, and which names its keys have.

use anyhow::{Context, Error, Result};

/// The versions that tests run on unless they say otherwise.
pub const DEFAULT_VERSIONS: [&str; 2] = ["1.20.5", "2.2.1"];

/// A released version, e.g. `1.20.5`. Its order is that of the releases.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FlinkVersion {
    major: u32,
    minor: u32,
    text: String,
}

impl FlinkVersion {
    /// Whether it is `major.minor` or later.
    pub fn is_at_least(&self, major: u32, minor: u32) -> bool {
        (self.major, self.minor) >= (major, minor)
    }

    /// As on Maven Central.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl TryFrom<&str> for FlinkVersion {
    type Error = Error;

    fn try_from(text: &str) -> Result<Self> {
        let mut parts = text.split('.').map(str::parse::<u32>);
        let (Some(Ok(major)), Some(Ok(minor))) = (parts.next(), parts.next()) else {
            return Err(Error::msg(text.to_owned()))
                .context("not a Flink version; give it as on Maven Central, e.g. 1.20.5");
        };
        Ok(Self {
            major,
            minor,
            text: text.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_order_by_number() {
        let version = |text| FlinkVersion::try_from(text).unwrap();
        assert!(version("1.20.5").is_at_least(1, 19));
        assert!(!version("1.9.2").is_at_least(1, 10));
        assert!(version("2.0.1").is_at_least(1, 20));
        assert!(FlinkVersion::try_from("latest").is_err());
    }
}
