//! How much of the link may be in use at once, from what is configured. Pure.

use crate::backfill::COPIES_AT_ONCE;
use crate::settings::Settings;

/// Bytes that go in one call, at most.
pub(crate) const PIECE_BYTES: usize = 64 << 10;
/// What a client may keep of a file until it gets more of it or the file is closed: a packet that
/// is not full (64 KiB unless the cluster says otherwise) and the rest of the piece before it.
pub(super) const PINNED_BYTES: u64 = 2 * PIECE_BYTES as u64;
/// Bytes that were sent and are not acknowledged, at most. (25 MB in 200 ms are 1 Gbit/s.)
const BYTES_AT_MOST: u64 = 24 << 20;
/// And at least, whatever the memory budget is: what few files pin, and a turn.
const BYTES_AT_LEAST: u64 = 640 << 10;
/// Files at once, whatever is configured.
const FILES_AT_MOST: usize = 64;
/// Files beyond the limit, of jobs that have few open.
const NEWCOMERS_AT_MOST: usize = 16;

/// The limits of one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Files of sessions.
    pub(super) files: usize,
    /// Further ones whose checkpoint is left out.
    pub(super) deferred: usize,
    /// Further ones, of jobs that have few open.
    pub(super) newcomers: usize,
    /// Bytes that are not acknowledged.
    pub(super) bytes: u64,
    /// The same of one file.
    pub(super) file_bytes: u64,
    /// Bytes a second.
    pub(super) rate: Option<u64>,
}

impl Limits {
    /// Half of the memory budget may be on its way, and no more files be open than can always go
    /// on: what all of them pin leaves room for a turn.
    pub(crate) fn of(settings: &Settings) -> Self {
        let bytes = (settings.buffer_memory / 2).clamp(BYTES_AT_LEAST, BYTES_AT_MOST);
        let file_bytes = (bytes / 12).max(2 * PINNED_BYTES);
        let open = (bytes - file_bytes / 2) / PINNED_BYTES;
        let open = usize::try_from(open).unwrap_or(usize::MAX) - COPIES_AT_ONCE;
        let files = settings.upload_concurrency.min(FILES_AT_MOST);
        let files = files.min((open * 5 / 8).max(1));
        let deferred = (files / 4).max(1);
        let newcomers = NEWCOMERS_AT_MOST.min(open - files - deferred);
        Self {
            files,
            deferred,
            newcomers,
            bytes,
            file_bytes,
            rate: settings.bandwidth_limit,
        }
    }

    /// Bytes of one turn, at most. With what a file may pin it is less than a file may have.
    pub(crate) fn turn_bytes(&self) -> u64 {
        self.file_bytes / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn limits(buffer_memory: u64, upload_concurrency: usize) -> Limits {
        Limits::of(&Settings {
            buffer_memory,
            upload_concurrency,
            ..Settings::default()
        })
    }

    #[test]
    fn defaults_are_those_of_the_documentation() {
        let limits = Limits::of(&Settings::default());
        let files = (limits.files, limits.deferred, limits.newcomers);
        assert_eq!(files, (32, 8, 16));
        assert_eq!((limits.bytes, limits.file_bytes), (24 << 20, 2 << 20));
        assert_eq!(limits.turn_bytes(), 1 << 20);
    }

    proptest! {
        /// Otherwise files could wait for each other for ever.
        #[test]
        fn what_all_files_pin_leaves_room_for_a_turn(
            memory in prop_oneof![0..1_u64 << 21, 0..1_u64 << 40],
            files in 1..200_usize,
        ) {
            let limits = limits(memory, files);
            let open = limits.files + limits.deferred + limits.newcomers + COPIES_AT_ONCE;
            prop_assert!(limits.files >= 1 && limits.files <= files);
            prop_assert!(open as u64 * PINNED_BYTES + limits.turn_bytes() <= limits.bytes);
            prop_assert!(PINNED_BYTES + limits.turn_bytes() <= limits.file_bytes);
            prop_assert!(PIECE_BYTES as u64 <= limits.turn_bytes());
            prop_assert!(limits.bytes <= (memory / 2).max(BYTES_AT_LEAST));
        }
    }
}
