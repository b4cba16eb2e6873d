//! One file's way from the source to its place on the target: under an in-flight name, looked at
//! for its length, renamed. What `hadoop distcp` has copied already is only renamed. Refuses a file
//! that is not as long as the checkpoint says.

use std::sync::atomic::{AtomicBool, Ordering};

use audit::{Digest, Digester, ErrorKind, Expected, StoreError, spread};
use ownership::{Placed, place};

use super::{Repair, Step};
use crate::Stamp;
use crate::lists::staged;
use crate::needs::Need;

/// What is read in one call, and written.
const PIECE_BYTES: u64 = 4 << 20;

/// How a file came to its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Copied {
    /// By this copy.
    Now { bytes: u64, replaced: bool },
    /// Somebody else was there first, or an earlier apply.
    Before,
    /// It was not begun, because another file of the checkpoint has failed.
    Stopped,
}

/// Why a file is not in its place.
#[derive(Debug)]
pub(super) enum FileError {
    /// The source does not have it any more.
    Vanished,
    /// What is in its place is neither it nor what the plan has found there.
    Changed,
    /// A call to the source.
    Source(StoreError),
    /// A call to the target.
    Target(StoreError),
}

impl FileError {
    fn is_transient(&self) -> bool {
        match self {
            Self::Vanished | Self::Changed => false,
            Self::Source(error) | Self::Target(error) => error.is_transient(),
        }
    }
}

impl Repair<'_> {
    /// Copies a file, and tries again if what stops it may pass. `damaged` is what it may replace.
    pub(super) async fn file(
        &self,
        need: &Need,
        damaged: Option<Stamp>,
        stop: &AtomicBool,
    ) -> Result<Copied, FileError> {
        // Closed never.
        let _turn = self.files.acquire().await;
        let mut attempt = 1;
        loop {
            if stop.load(Ordering::Relaxed) {
                return Ok(Copied::Stopped);
            }
            match self.try_file(need, damaged).await {
                Err(error) if error.is_transient() && attempt < self.options.attempts => {
                    let pause = self.options.first_pause * 2_u32.pow(attempt - 1);
                    let who = (&self.process_id, need.source.path(), attempt);
                    tokio::time::sleep(spread(pause, who)).await;
                    attempt += 1;
                }
                Err(error) => return Err(error),
                Ok(copied) => {
                    (self.watch)(Step::Placed);
                    return Ok(copied);
                }
            }
        }
    }

    async fn try_file(&self, need: &Need, damaged: Option<Stamp>) -> Result<Copied, FileError> {
        if let Some(stamp) = damaged
            && !self.is_still_damaged(need, stamp).await?
        {
            return Ok(Copied::Before);
        }
        let length = self.length(need).await?;
        let (from, digest) = if let Some(staged) = self.staged(need, length).await? {
            (self.watch)(Step::Copied(length));
            (staged, None)
        } else {
            let (inflight, digest) = self.send(need, length).await?;
            (inflight, Some(digest))
        };
        let copied = match damaged {
            None => self.place(need, &from, length).await,
            Some(stamp) => self.replace(need, &from, (stamp, length)).await,
        };
        if let (Ok(Copied::Now { .. }), Some(digest)) = (&copied, digest) {
            self.has_put(&need.expected.location, digest);
        }
        copied
    }

    /// How long the source's file is.
    async fn length(&self, need: &Need) -> Result<u64, FileError> {
        let path = need.source.path();
        let status = self.source_patience.ask(self.source().stat(path)).await;
        let status = status.map_err(FileError::Source)?;
        let length = status
            .filter(|status| !status.is_dir)
            .ok_or(FileError::Vanished)?
            .length;
        if fits(&need.expected, length) {
            return Ok(length);
        }
        let needed = need.expected.length.unwrap_or_default();
        let message = format!("it has {length} bytes, and the checkpoint needs {needed}");
        let error = StoreError::new(ErrorKind::Truncated, "stat", path, message);
        Err(FileError::Source(error))
    }

    /// Where `hadoop distcp` has put the file, if it has, and all of it.
    async fn staged(&self, need: &Need, length: u64) -> Result<Option<String>, FileError> {
        let target = need.expected.location.to_string();
        let Some(&list) = self.lists.get(target.as_str()) else {
            return Ok(None);
        };
        let path = staged(&self.root.staged_dir(self.plan_id), list, &need.source);
        let status = self
            .target_patience
            .ask(self.target().stat(path.path()))
            .await;
        let status = status.map_err(FileError::Target)?;
        let is_whole = status.is_some_and(|status| !status.is_dir && status.length == length);
        Ok(is_whole.then(|| path.path().to_owned()))
    }

    /// Copies the file under an in-flight name.
    async fn send(&self, need: &Need, length: u64) -> Result<(String, Digest), FileError> {
        let inflight = self.next_inflight().path().to_owned();
        let mut sent = 0;
        let result = self.send_pieces(need, &inflight, (length, &mut sent)).await;
        if result.is_err() {
            (self.watch)(Step::Again(sent));
        }
        result.map(|digest| (inflight, digest))
    }

    async fn send_pieces(
        &self,
        need: &Need,
        inflight: &str,
        (length, sent): (u64, &mut u64),
    ) -> Result<Digest, FileError> {
        let target = &self.target_patience;
        let mut digester = Digester::default();
        let writer = target.ask(self.target().create(inflight)).await;
        let mut writer = writer.map_err(FileError::Target)?;
        while *sent < length {
            let part = PIECE_BYTES.min(length - *sent);
            self.pace.take(part).await;
            let read = self.source().read(need.source.path(), *sent, part);
            let written = match self.source_patience.ask(read).await {
                Ok(bytes) => {
                    digester.update(&bytes);
                    let written = target.ask(writer.write(bytes)).await;
                    written.map_err(FileError::Target)
                }
                Err(error) if error.kind == ErrorKind::NotFound => Err(FileError::Vanished),
                Err(error) => Err(FileError::Source(error)),
            };
            if let Err(error) = written {
                writer.abort().await;
                return Err(error);
            }
            *sent += part;
            (self.watch)(Step::Copied(part));
        }
        let written = target
            .ask(writer.close())
            .await
            .map_err(FileError::Target)?;
        let is_whole =
            written == length && (need.expected.exact || self.length(need).await? == length);
        if is_whole {
            return Ok(digester.digest());
        }
        // A leftover is found by its in-flight name.
        let _ = self.target().delete(inflight, false).await;
        let message = format!("{written} bytes were written, and it does not have as many now");
        let error = StoreError::new(ErrorKind::Other, "copy", need.source.path(), message);
        Err(FileError::Source(error))
    }

    async fn place(&self, need: &Need, from: &str, length: u64) -> Result<Copied, FileError> {
        let to = need.expected.location.path();
        match self
            .target_patience
            .ask(place(self.target(), from, to, length))
            .await
        {
            Ok(Placed::Now) => Ok(Copied::Now {
                bytes: length,
                replaced: false,
            }),
            Ok(Placed::Before) => Ok(Copied::Before),
            Err(error) if error.kind == ErrorKind::AlreadyExists => Err(FileError::Changed),
            Err(error) => Err(FileError::Target(error)),
        }
    }

    /// Takes the place of a damaged file, if that is still the one of the plan.
    async fn replace(
        &self,
        need: &Need,
        from: &str,
        (damaged, length): (Stamp, u64),
    ) -> Result<Copied, FileError> {
        let to = need.expected.location.path();
        if !self.is_still_damaged(need, damaged).await? {
            let _ = self.target().delete(from, false).await;
            return Ok(Copied::Before);
        }
        let now = Copied::Now {
            bytes: length,
            replaced: true,
        };
        let Err(error) = self
            .target_patience
            .ask(self.target().replace(from, to))
            .await
        else {
            return Ok(now);
        };
        // A lost reply is looked up, never guessed.
        let status = |path| async move {
            let status = self.target_patience.ask(self.target().stat(path)).await;
            status.map_err(FileError::Target)
        };
        let is_new = |stamp: Stamp| stamp.bytes == length && stamp != damaged;
        let is_renamed = status(from).await?.is_none();
        let there = status(to).await?;
        if is_renamed && there.is_some_and(|there| is_new(Stamp::from(&there))) {
            return Ok(now);
        }
        let _ = self.target().delete(from, false).await;
        Err(FileError::Target(error))
    }

    /// Whether what the plan calls damaged is there still; false if the right length is there.
    async fn is_still_damaged(&self, need: &Need, damaged: Stamp) -> Result<bool, FileError> {
        let expected = &need.expected;
        let path = expected.location.path();
        let status = self.target_patience.ask(self.target().stat(path)).await;
        let Some(status) = status.map_err(FileError::Target)? else {
            // Deleted meanwhile: then nothing is replaced.
            return Ok(true);
        };
        if Stamp::from(&status) == damaged {
            return Ok(true);
        }
        if fits(expected, status.length) && !status.is_dir {
            Ok(false)
        } else {
            Err(FileError::Changed)
        }
    }
}

/// Whether a file of so many bytes will do.
fn fits(expected: &Expected, bytes: u64) -> bool {
    match expected.length {
        None => true,
        Some(length) if expected.exact => bytes == length,
        Some(length) => bytes >= length,
    }
}
