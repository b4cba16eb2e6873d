//! A cursor over the input that reads the primitives of Java's `DataInput`. Its every step either
//! lies within the input or is an error, and it never reserves memory by a number that it read.

use std::ops::Range;

use crate::FormatError;

#[cfg(test)]
thread_local! {
    /// How many fields this thread has read, which is how long it took.
    pub(crate) static STEPS: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// Where in the input the next field begins.
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8], at: usize) -> Self {
        Self {
            bytes,
            at: at.min(bytes.len()),
        }
    }

    /// The offset of the next field.
    pub(crate) fn offset(&self) -> usize {
        self.at
    }

    /// The next byte, which stays the next; none at the end.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    pub(crate) fn u8(&mut self, expected: &'static str) -> Result<u8, FormatError> {
        self.array(expected).map(u8::from_be_bytes)
    }

    pub(crate) fn u16(&mut self, expected: &'static str) -> Result<u16, FormatError> {
        self.array(expected).map(u16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self, expected: &'static str) -> Result<u32, FormatError> {
        self.array(expected).map(u32::from_be_bytes)
    }

    pub(crate) fn i32(&mut self, expected: &'static str) -> Result<i32, FormatError> {
        self.array(expected).map(i32::from_be_bytes)
    }

    pub(crate) fn i64(&mut self, expected: &'static str) -> Result<i64, FormatError> {
        self.array(expected).map(i64::from_be_bytes)
    }

    /// An `int` that counts something, so that it is not negative.
    pub(crate) fn count(&mut self, expected: &'static str) -> Result<u32, FormatError> {
        let offset = self.at;
        let found = self.i32(expected)?;
        u32::try_from(found).map_err(|_| FormatError::BadNumber {
            offset,
            expected,
            found: found.into(),
        })
    }

    /// The same where a negative number has a meaning of its own: none.
    pub(crate) fn count_or_mark(
        &mut self,
        expected: &'static str,
    ) -> Result<Option<u32>, FormatError> {
        self.i32(expected).map(|found| u32::try_from(found).ok())
    }

    /// A `long` that measures something, so that it is not negative.
    pub(crate) fn size(&mut self, expected: &'static str) -> Result<u64, FormatError> {
        let offset = self.at;
        let found = self.i64(expected)?;
        u64::try_from(found).map_err(|_| FormatError::BadNumber {
            offset,
            expected,
            found,
        })
    }

    /// A state's length, of which Flink stores -1 where it is unknown.
    pub(crate) fn length(&mut self) -> Result<Option<u64>, FormatError> {
        let expected = "the length of a state";
        let offset = self.at;
        match self.i64(expected)? {
            -1 => Ok(None),
            found => u64::try_from(found)
                .map(Some)
                .map_err(|_| FormatError::BadNumber {
                    offset,
                    expected,
                    found,
                }),
        }
    }

    /// The bytes of a text, and where its field is with the two bytes of the length.
    pub(crate) fn utf(
        &mut self,
        expected: &'static str,
    ) -> Result<(&'a [u8], Range<usize>), FormatError> {
        let start = self.at;
        let length = self.u16(expected)?;
        let raw = self.take(length.into(), expected)?;
        Ok((raw, start..self.at))
    }

    pub(crate) fn skip_utf(&mut self, expected: &'static str) -> Result<(), FormatError> {
        self.utf(expected).map(drop)
    }

    /// An `int` of length, and so many bytes: the length.
    pub(crate) fn skip_bytes(&mut self, expected: &'static str) -> Result<u64, FormatError> {
        let length = self.count(expected)?.into();
        self.skip(length, expected)?;
        Ok(length)
    }

    /// The next bytes as an input of their own, whose end is an end; they are skipped here.
    pub(crate) fn within(
        &mut self,
        length: u64,
        expected: &'static str,
    ) -> Result<Self, FormatError> {
        let start = self.at;
        self.skip(length, expected)?;
        Ok(Self::new(&self.bytes[..self.at], start))
    }

    /// An `int` count, and so many `long`s.
    pub(crate) fn skip_longs(&mut self, expected: &'static str) -> Result<(), FormatError> {
        let count = self.count(expected)?;
        self.skip(u64::from(count) * 8, expected)
    }

    pub(crate) fn skip(&mut self, length: u64, expected: &'static str) -> Result<(), FormatError> {
        self.take(length, expected).map(drop)
    }

    pub(crate) fn array<const N: usize>(
        &mut self,
        expected: &'static str,
    ) -> Result<[u8; N], FormatError> {
        let (array, _) =
            self.bytes[self.at..]
                .split_first_chunk()
                .ok_or(FormatError::Truncated {
                    offset: self.at,
                    expected,
                })?;
        self.advance(N);
        Ok(*array)
    }

    fn take(&mut self, length: u64, expected: &'static str) -> Result<&'a [u8], FormatError> {
        let taken = usize::try_from(length)
            .ok()
            .and_then(|length| self.bytes[self.at..].get(..length))
            .ok_or(FormatError::Truncated {
                offset: self.at,
                expected,
            })?;
        self.advance(taken.len());
        Ok(taken)
    }

    fn advance(&mut self, length: usize) {
        self.at += length;
        #[cfg(test)]
        STEPS.set(STEPS.get() + 1);
    }
}
