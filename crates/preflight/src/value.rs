//! Sizes, durations and truth as Flink reads them (`MemorySize#parseBytes`,
//! `TimeUtils#parseDuration`, `ConfigurationUtils#convertToBoolean`, 1.15 to 2.3). Refuses what
//! Flink refuses: fractions, signs, and numbers beyond what a Java `long` holds.

use std::time::Duration;

/// Bytes; without a unit, bytes.
pub(crate) fn size(text: &str) -> Option<u64> {
    let (number, unit) = split(text)?;
    let shift = match &*unit {
        "" | "b" | "bytes" => 0,
        "k" | "kb" | "kibibytes" => 10,
        "m" | "mb" | "mebibytes" => 20,
        "g" | "gb" | "gibibytes" => 30,
        "t" | "tb" | "tebibytes" => 40,
        _ => return None,
    };
    let bytes = number.checked_mul(1 << shift)?;
    i64::try_from(bytes).is_ok().then_some(bytes)
}

/// A duration; without a unit, milliseconds.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    const DAY: u64 = 24 * 60 * 60;
    let (number, unit) = split(text)?;
    let seconds = |of: u64| number.checked_mul(of).map(Duration::from_secs);
    match &*unit {
        "d" | "day" | "days" => seconds(DAY),
        "h" | "hour" | "hours" => seconds(60 * 60),
        "min" | "m" | "minute" | "minutes" => seconds(60),
        "s" | "sec" | "secs" | "second" | "seconds" => seconds(1),
        "" | "ms" | "milli" | "millis" | "millisecond" | "milliseconds" => {
            Some(Duration::from_millis(number))
        }
        "µs" | "micro" | "micros" | "microsecond" | "microseconds" => {
            Some(Duration::from_micros(number))
        }
        "ns" | "nano" | "nanos" | "nanosecond" | "nanoseconds" => {
            Some(Duration::from_nanos(number))
        }
        _ => None,
    }
}

/// True or false.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    match &*text.to_ascii_lowercase() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

/// A whole number as Java's `Integer#parseInt` takes it.
pub(crate) fn integer(text: &str) -> Option<i32> {
    text.parse().ok()
}

/// A size as people and Flink write it: the largest unit that divides it.
pub(crate) fn size_in_words(bytes: u64) -> String {
    const UNITS: [(&str, u32); 3] = [("gb", 30), ("mb", 20), ("kb", 10)];
    let fits = |(_, shift): &&(&str, u32)| bytes > 0 && bytes.trailing_zeros() >= *shift;
    match UNITS.iter().find(fits) {
        Some((unit, shift)) => format!("{}{unit}", bytes >> shift),
        None if bytes >= 1 << 20 => format!("{}mb and a bit", bytes >> 20),
        None => format!("{bytes} bytes"),
    }
}

/// A duration as people and Flink write it.
pub(crate) fn duration_in_words(time: Duration) -> String {
    let ms = time.as_millis();
    match ms {
        _ if ms == 0 || !ms.is_multiple_of(1000) => format!("{ms} ms"),
        _ if ms.is_multiple_of(60_000) => format!("{} min", ms / 60_000),
        _ => format!("{} s", ms / 1000),
    }
}

fn split(text: &str) -> Option<(u64, String)> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let number = text[..digits].parse::<i64>().ok()?;
    let unit = text[digits..].trim().to_lowercase();
    Some((u64::try_from(number).ok()?, unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_flinks() {
        for (text, expected) in [
            ("128mb", Some(128 << 20)),
            ("128 MB", Some(128 << 20)),
            (" 1 g ", Some(1 << 30)),
            ("64kibibytes", Some(64 << 10)),
            ("7", Some(7)),
            ("16384gb", Some(16384 << 30)),
            ("16777216tb", None),
            ("9223372036854775808", None),
            ("1.5gb", None),
            ("-1", None),
            ("lots", None),
            ("1 gib", None),
            ("", None),
        ] {
            assert_eq!(size(text), expected, "{text}");
        }
    }

    #[test]
    fn durations_are_flinks() {
        for (text, expected_ms) in [
            ("30 s", Some(30_000)),
            ("30s", Some(30_000)),
            ("10", Some(10)),
            ("2 min", Some(120_000)),
            ("2m", Some(120_000)),
            ("1 DAY", Some(86_400_000)),
            ("5 µs", Some(0)),
            ("soon", None),
            ("1.5 s", None),
            ("-1 s", None),
            ("9223372036854775807 d", None),
        ] {
            let found = duration(text).map(|time| time.as_millis());
            assert_eq!(found, expected_ms, "{text}");
        }
    }

    #[test]
    fn truth_and_numbers() {
        assert_eq!(boolean("TRUE"), Some(true));
        assert_eq!(boolean("yes"), None);
        assert_eq!(integer("32"), Some(32));
        assert_eq!(integer("3.0"), None);
    }

    #[test]
    fn in_words() {
        assert_eq!(size_in_words(64 << 20), "64mb");
        assert_eq!(size_in_words(3 << 30), "3gb");
        assert_eq!(size_in_words(644_245_104), "614mb and a bit");
        assert_eq!(size_in_words(12), "12 bytes");
        assert_eq!(duration_in_words(Duration::from_secs(90)), "90 s");
        assert_eq!(duration_in_words(Duration::from_mins(10)), "10 min");
        assert_eq!(duration_in_words(Duration::from_millis(1500)), "1500 ms");
    }
}
