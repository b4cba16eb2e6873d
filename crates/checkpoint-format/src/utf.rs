//! Java's modified UTF-8, as `DataInput.readUTF` reads and `DataOutput.writeUTF` writes it: U+0000
//! in two bytes, everything beyond the basic plane as two surrogates of three bytes each. It
//! refuses texts that Rust cannot hold (lone surrogates), unless asked to replace them.

use std::borrow::Cow;

use crate::FormatError;

/// What to do with a surrogate that has no partner, which Java can hold and Rust cannot.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lone {
    /// An error: for what is used as a path.
    Refuse,
    /// U+FFFD: for what is only shown.
    Replace,
}

/// The text in `raw`, which begins at `offset` of the file; borrowed where the two encodings agree.
pub(crate) fn decode<'a>(
    raw: &'a [u8],
    offset: usize,
    expected: &'static str,
    lone: Lone,
) -> Result<Cow<'a, str>, FormatError> {
    match std::str::from_utf8(raw) {
        Ok(text) if is_common(raw) => Ok(text.into()),
        _ => decode_units(raw, offset, expected, lone).map(Cow::Owned),
    }
}

fn decode_units(
    raw: &[u8],
    offset: usize,
    expected: &'static str,
    lone: Lone,
) -> Result<String, FormatError> {
    let bad = |at, found| FormatError::BadText {
        offset: offset + at,
        expected,
        found,
    };
    let mut units = Vec::with_capacity(raw.len());
    let mut at = 0;
    while at < raw.len() {
        let (unit, width) = first_unit(&raw[at..]).ok_or_else(|| bad(at, "a malformed byte"))?;
        units.push(unit);
        at += width;
    }
    match lone {
        Lone::Refuse => String::from_utf16(&units).map_err(|_| bad(0, "a lone surrogate")),
        Lone::Replace => Ok(String::from_utf16_lossy(&units)),
    }
}

/// The UTF-16 unit that `raw` begins with and its width in bytes, by the rules of
/// `DataInputStream.readUTF`, which accepts more than `writeUTF` makes.
fn first_unit(raw: &[u8]) -> Option<(u16, usize)> {
    let follower = |at: usize| match raw.get(at) {
        Some(byte) if byte & 0xC0 == 0x80 => Some(u16::from(byte & 0x3F)),
        _ => None,
    };
    let first = u16::from(*raw.first()?);
    match first >> 4 {
        0x0..=0x7 => Some((first, 1)),
        0xC | 0xD => Some(((first & 0x1F) << 6 | follower(1)?, 2)),
        0xE => Some(((first & 0x0F) << 12 | follower(1)? << 6 | follower(2)?, 3)),
        _ => None,
    }
}

/// Whether the bytes of a text are the same in both encodings: it has neither U+0000 nor anything
/// that takes UTF-8 four bytes, of which 0xF0 and up are the first.
fn is_common(utf8: &[u8]) -> bool {
    // Without a way out in the middle, so that the compiler takes many bytes at once.
    let all = |bytes: &[u8]| {
        let is_common = |byte: &u8| (1..0xF0).contains(byte);
        bytes.iter().fold(true, |all, byte| all & is_common(byte))
    };
    match utf8.last_chunk::<32>() {
        // The end is looked at twice where it is no whole piece: still less than byte by byte.
        Some(end) => all(end) && utf8.as_chunks::<32>().0.iter().all(|piece| all(piece)),
        None => all(utf8),
    }
}

/// Appends `text` as `writeUTF` does, with its length before it. The error is the length in bytes
/// of a text that is too long for its field.
pub(crate) fn encode(text: &str, out: &mut Vec<u8>) -> Result<(), usize> {
    let is_common = is_common(text.as_bytes());
    let bytes = if is_common {
        text.len()
    } else {
        text.chars().map(width).sum()
    };
    let length = u16::try_from(bytes).map_err(|_| bytes)?;
    out.extend_from_slice(&length.to_be_bytes());
    if is_common {
        out.extend_from_slice(text.as_bytes());
        return Ok(());
    }
    for char in text.chars() {
        let mut buffer = [0; 4];
        match char {
            '\0' => out.extend_from_slice(&[0xC0, 0x80]),
            '\u{10000}'.. => {
                for unit in char.encode_utf16(&mut [0; 2]) {
                    let [high, low] = unit.to_be_bytes();
                    out.extend_from_slice(&[
                        0xE0 | high >> 4,
                        0x80 | (high & 0x0F) << 2 | low >> 6,
                        0x80 | low & 0x3F,
                    ]);
                }
            }
            _ => out.extend_from_slice(char.encode_utf8(&mut buffer).as_bytes()),
        }
    }
    Ok(())
}

fn width(char: char) -> usize {
    match char {
        '\0' => 2,
        '\u{10000}'.. => 6,
        _ => char.len_utf8(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `DataOutputStream.writeUTF` of Java 17 makes of "aé\0€😀".
    const JAVA: &[u8] = &[
        0, 14, b'a', 0xC3, 0xA9, 0xC0, 0x80, 0xE2, 0x82, 0xAC, 0xED, 0xA0, 0xBD, 0xED, 0xB8, 0x80,
    ];

    #[test]
    fn reads_and_writes_as_java_does() {
        let text = decode(&JAVA[2..], 7, "a text", Lone::Refuse).unwrap();
        assert_eq!(text, "aé\0€😀");
        let mut out = Vec::new();
        encode(&text, &mut out).unwrap();
        assert_eq!(out, JAVA);
    }

    #[test]
    fn borrows_what_both_encodings_share() {
        for text in ["hdfs://a/b", "hdfs://a/é€", ""] {
            let decoded = decode(text.as_bytes(), 0, "a text", Lone::Refuse).unwrap();
            assert!(matches!(decoded, Cow::Borrowed(same) if same == text));
        }
    }

    #[test]
    fn accepts_the_long_forms_that_java_accepts() {
        assert_eq!(
            decode(&[0xC1, 0x81], 0, "a text", Lone::Refuse).unwrap(),
            "A"
        );
        assert_eq!(
            decode(&[0xE0, 0x81, 0x81], 0, "a text", Lone::Refuse).unwrap(),
            "A"
        );
        assert_eq!(decode(&[0], 0, "a text", Lone::Refuse).unwrap(), "\0");
    }

    #[test]
    fn refuses_what_java_refuses() {
        // Four-byte UTF-8, a stray follower, and cut-off characters.
        for raw in [
            "a😀".as_bytes(),
            b"a\x80",
            b"a\xC3",
            b"a\xE2\x82",
            b"a\xC3a",
        ] {
            let error = decode(raw, 10, "a text", Lone::Replace).unwrap_err();
            let found = "a malformed byte";
            assert_eq!(
                error,
                FormatError::BadText {
                    offset: 11,
                    expected: "a text",
                    found
                }
            );
        }
    }

    #[test]
    fn a_lone_surrogate_is_refused_or_replaced() {
        let raw = [b'a', 0xED, 0xA0, 0xBD];
        let error = decode(&raw, 10, "a text", Lone::Refuse).unwrap_err();
        let found = "a lone surrogate";
        assert_eq!(
            error,
            FormatError::BadText {
                offset: 10,
                expected: "a text",
                found
            }
        );
        assert_eq!(
            decode(&raw, 10, "a text", Lone::Replace).unwrap(),
            "a\u{FFFD}"
        );
    }

    #[test]
    fn the_length_is_that_of_the_encoded_text() {
        let mut out = Vec::new();
        assert_eq!(encode(&"x".repeat(65_535), &mut out), Ok(()));
        assert_eq!(out.len(), 65_537);
        assert_eq!(encode(&"x".repeat(65_536), &mut out), Err(65_536));
        assert_eq!(encode(&"\0".repeat(32_768), &mut out), Err(65_536));
        assert_eq!(encode(&"😀".repeat(10_923), &mut out), Err(65_538));
        assert_eq!(
            out.len(),
            65_537,
            "nothing is written of a text that does not fit"
        );
    }
}
