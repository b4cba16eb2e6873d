//! The handles of the changelog state backend (tags 8, 9, 10, 13 and 14), from Flink 1.14 on. It
//! leaves their tags, and the ids at their ends, to the module above.

use super::{CHANGELOG_BYTES, CHANGELOG_FILES, CHANGELOG_FILES_V2, Size};
use crate::FormatError;
use crate::parse::Parser;

impl Parser<'_> {
    pub(super) fn changelog(
        &mut self,
        has_checkpoint: bool,
        depth: usize,
    ) -> Result<(), FormatError> {
        self.key_group_range()?;
        self.dispute();
        if !self.layout.short_changelog {
            self.reader.i64("the size of a changelog")?;
        }
        for _ in 0..self.reader.count("the number of materialized states")? {
            self.keyed_state(depth + 1)?;
        }
        for _ in 0..self.reader.count("the number of changes")? {
            let tags = [CHANGELOG_BYTES, CHANGELOG_FILES, CHANGELOG_FILES_V2];
            self.one_of(&tags, "a handle of changes (tag 9, 10 or 13)")?;
            self.keyed_state(depth + 1)?;
        }
        if !self.layout.short_changelog {
            self.reader.i64("the number of a materialization")?;
        }
        if has_checkpoint {
            self.reader.i64("the checkpoint of a changelog")?;
        }
        Ok(())
    }

    pub(super) fn changelog_bytes(&mut self) -> Result<(), FormatError> {
        self.key_group_range()?;
        let expected = "the first and last number of changes";
        self.reader.skip(16, expected)?;
        for _ in 0..self.reader.count("the number of changes")? {
            self.reader.i32("the key group of a change")?;
            let size = self.reader.skip_bytes("the bytes of a change")?;
            self.state.changelog = self.state.changelog.saturating_add(size);
        }
        self.dispute(); // the id that follows
        Ok(())
    }

    pub(super) fn changelog_files(&mut self) -> Result<(), FormatError> {
        self.key_group_range()?;
        for _ in 0..self.reader.count("the number of changelog files")? {
            self.reader.i64("where changes begin in a file")?;
            let first = self.references.len();
            self.stream_or_none(Size::IsStored)?;
            for file in &mut self.references[first..] {
                file.exact = false;
            }
        }
        let size = self.reader.i64("the size of changes")?;
        let size = u64::try_from(size).unwrap_or(0);
        self.state.changelog = self.state.changelog.saturating_add(size);
        self.dispute();
        if !self.layout.short_changelog {
            self.reader.i64("the size of what the checkpoint added")?;
        }
        Ok(())
    }
}
