//! Where to listen, as the configuration says it. Refuses to fall back on a default where a value
//! is wrong.

use std::ops::RangeInclusive;

const PORT: &str = "metrics.port";
const ADDRESS: &str = "metrics.bind-address";

/// Where to listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The first of these that is free.
    pub ports: RangeInclusive<u16>,
    /// A local address, or a name of one.
    pub address: String,
}

/// A value that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("dualwrite.{key}: '{value}' is not usable, {accepted}")]
pub struct SettingsError {
    key: &'static str,
    value: String,
    accepted: &'static str,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            ports: 9260..=9299,
            address: "0.0.0.0".to_owned(),
        }
    }
}

impl Settings {
    /// Reads alternating names (the keys without `dualwrite.`) and values; unknown names are left
    /// to others. None: switched off.
    ///
    /// # Errors
    /// The port, if it is neither one nor a range of them.
    pub fn from_pairs(pairs: &[String]) -> Result<Option<Self>, SettingsError> {
        let value = |key| {
            let found = pairs.chunks_exact(2).find(|pair| pair[0] == key);
            found.map(|pair| pair[1].trim()).filter(|v| !v.is_empty())
        };
        let mut settings = Self::default();
        if let Some(address) = value(ADDRESS) {
            address.clone_into(&mut settings.address);
        }
        let Some(text) = value(PORT) else {
            return Ok(Some(settings));
        };
        let ports = parse(text).ok_or_else(|| SettingsError {
            key: PORT,
            value: text.to_owned(),
            accepted: "a port, a range of ports such as 9260-9299, or 0 is accepted",
        })?;
        settings.ports = ports;
        Ok((*settings.ports.start() > 0).then_some(settings))
    }
}

fn parse(text: &str) -> Option<RangeInclusive<u16>> {
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let (from, to) = (from.trim().parse().ok()?, to.trim().parse().ok()?);
    (from <= to && (from > 0 || to == 0)).then_some(from..=to)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(port: &str) -> Result<Option<Settings>, SettingsError> {
        Settings::from_pairs(&[PORT, port, "other", "x"].map(str::to_owned))
    }

    #[test]
    fn a_port_a_range_or_none() {
        let ports = |text| read(text).unwrap().map(|settings| settings.ports);
        assert_eq!(ports("9300"), Some(9300..=9300));
        assert_eq!(ports(" 9300 - 9301"), Some(9300..=9301));
        assert_eq!(ports(""), Some(9260..=9299));
        assert_eq!(ports("0"), None);
        for wrong in ["x", "-1", "9301-9300", "0-5", "65536", "1-2-3", "9260,9261"] {
            let error = read(wrong).unwrap_err().to_string();
            assert!(error.contains(&format!("'{wrong}'")), "{error}");
        }
    }

    #[test]
    fn the_address_is_the_one_that_is_given() {
        let pairs = [ADDRESS, "::1"].map(str::to_owned);
        let settings = Settings::from_pairs(&pairs).unwrap().unwrap();
        assert_eq!(
            (settings.address.as_str(), settings.ports),
            ("::1", 9260..=9299)
        );
        let defaults = Settings::from_pairs(&[]).unwrap();
        assert_eq!(defaults, Some(Settings::default()));
    }
}
