//! One file on its way to the secondary: opened with its first byte, sent in pieces as the link
//! gives turns, closed, and given its final name.
//!
//! Refuses to repeat anything: after an error it can only be aborted.

use std::sync::Arc;

use audit::Digester;
use bytes::Bytes;
use checkpoint_layout::Location;
use ownership::{Placed, place};
use store::{ErrorKind, Result, Store, StoreError, Writer};

use crate::breaker::Breaker;
use crate::digests;
use crate::job::Job;
use crate::link::{PIECE_BYTES, Place, Refused, Turn};

/// A file that is being written under its in-flight name.
pub(crate) struct Outgoing {
    job: Arc<Job>,
    place: Place,
    inflight: Location,
    writer: Option<Box<dyn Writer>>,
    digester: Digester,
}

impl Outgoing {
    pub(crate) fn new(job: &Arc<Job>, place: Place) -> Self {
        Self {
            job: Arc::clone(job),
            place,
            inflight: job.next_inflight(),
            writer: None,
            digester: Digester::default(),
        }
    }

    /// Appends bytes that are in memory.
    pub(crate) async fn write(&mut self, mut bytes: Bytes) -> Result<()> {
        while !bytes.is_empty() {
            let piece = bytes.split_to(bytes.len().min(PIECE_BYTES));
            let turn = self.turn(piece.len()).await?;
            self.send(turn, piece).await?;
        }
        Ok(())
    }

    /// Waits for a turn, before bytes are brought into memory.
    pub(crate) async fn turn(&mut self, bytes: usize) -> Result<Turn> {
        let wish = self.place.turn(bytes);
        granted(&self.job.secondary, self.inflight.path(), wish).await
    }

    /// Waits until all of the file's `size` bytes may go, if they are so few that the client may
    /// keep them until the file is closed.
    pub(crate) async fn begin(&mut self, size: u64) -> Result<()> {
        let wish = self.place.closing(Some(size));
        granted(&self.job.secondary, self.inflight.path(), wish).await
    }

    /// Appends bytes whose turn has come.
    pub(crate) async fn send(&mut self, mut turn: Turn, mut bytes: Bytes) -> Result<()> {
        while !bytes.is_empty() {
            let piece = bytes.split_to(bytes.len().min(PIECE_BYTES));
            self.digester.update(&piece);
            let piece = turn.split_off(piece.len()).carry(piece);
            self.open().await?.write(piece).await?;
        }
        Ok(())
    }

    /// Closes the file and gives it its final name.
    pub(crate) async fn finish(mut self, to: &Location, size: u64) -> Result<Placed> {
        // a file without bytes: Flink makes none, but a handle may say so
        self.open().await?;
        self.place.drained().await;
        let wish = self.place.closing(None);
        if let Err(error) = granted(&self.job.secondary, self.inflight.path(), wish).await {
            self.abort().await;
            return Err(error);
        }
        if let Some(writer) = self.writer.take() {
            writer.close().await?;
        }
        let secondary = self.job.secondary.as_ref();
        let placed = place(secondary, self.inflight.path(), to.path(), size).await?;
        digests::record(&self.job, to, self.digester.digest());
        Ok(placed)
    }

    /// Gives the file up and deletes it, as far as the secondary answers.
    pub(crate) async fn abort(mut self) {
        self.place.give_up();
        if let Some(writer) = self.writer.take() {
            writer.abort().await;
        }
    }

    async fn open(&mut self) -> Result<&mut Box<dyn Writer>> {
        match &mut self.writer {
            Some(writer) => Ok(writer),
            none => {
                let writer = self.job.secondary.create(self.inflight.path()).await?;
                Ok(none.insert(writer))
            }
        }
    }
}

/// Waits for what the link is asked for, as long as the secondary answers.
async fn granted<T>(
    secondary: &Breaker,
    path: &str,
    wish: impl Future<Output = std::result::Result<T, Refused>>,
) -> Result<T> {
    let refused = tokio::select! {
        biased;
        granted = wish => match granted {
            Ok(granted) => return Ok(granted),
            Err(refused) => refused,
        },
        () = secondary.wait_down() => {
            let why = "others found that it does not answer";
            return Err(StoreError::new(ErrorKind::Unavailable, "write", path, why));
        }
    };
    let why = refused.to_string();
    if refused == Refused::GivenUp {
        return Err(StoreError::new(ErrorKind::Other, "write", path, why));
    }
    let error = StoreError::new(ErrorKind::TimedOut, "write", path, why);
    secondary.fell_silent(&error);
    Err(error)
}
