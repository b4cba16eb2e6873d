//! One file's way from the primary to the secondary: looked up, read in pieces as the link gives
//! turns, and placed. Refuses a file that is not as long as its handle says.

use ownership::Placed;
use store::{ErrorKind, Result, Store, StoreError};
use tokio::pin;

use super::Wanted;
use crate::job::Shared;
use crate::link::Place;
use crate::outgoing::Outgoing;

/// How the file came to its place, and its length in bytes.
pub(super) async fn copy(shared: &Shared, wanted: &Wanted) -> Result<(Placed, u64)> {
    let Wanted {
        job,
        from,
        to,
        size,
        ..
    } = wanted;
    let primary = job.primary(from)?;
    let gone = || StoreError::new(ErrorKind::NotFound, "stat", from.path(), "no such file");
    let source = primary.stat(from.path()).await?.ok_or_else(gone)?;
    let length = source.length;
    if let Some(size) = size
        && *size != length
    {
        let message = format!("has {length} bytes, its handle says {size}");
        return Err(StoreError::new(
            ErrorKind::Invalid,
            "stat",
            from.path(),
            message,
        ));
    }
    if job.has(to, *size).await? {
        return Ok((Placed::Before, length));
    }
    let place = shared.link.place_of_copy(job.number, wanted.class());
    let ticket = place.ticket();
    let sent = send(shared, wanted, primary.as_ref(), length, place);
    pin!(sent);
    if wanted.is_deferred() {
        tokio::select! {
            biased;
            placed = &mut sent => return Ok((placed?, length)),
            is_needed = is_needed(wanted) => if is_needed {
                shared.link.is_needed(ticket);
            } else {
                shared.link.give_up(ticket);
            },
        }
    }
    Ok((sent.await?, length))
}

/// Returns once it is known whether a checkpoint that was taken may name the file.
async fn is_needed(wanted: &Wanted) -> bool {
    let calls = &wanted.job.calls;
    calls.after(Some(calls.number())).await;
    wanted.is_named() != Some(false)
}

/// Sends the file's bytes as the link gives turns.
async fn send(
    shared: &Shared,
    wanted: &Wanted,
    primary: &dyn Store,
    length: u64,
    place: Place,
) -> Result<Placed> {
    let from = wanted.from.path();
    let mut file = Outgoing::new(&wanted.job, place);
    file.begin(length).await?;
    let mut offset = 0;
    while offset < length {
        let part = shared.link.turn_bytes().min(length - offset);
        if let Err(error) = copy_part(&mut file, primary, from, offset, part).await {
            file.abort().await;
            return Err(error);
        }
        offset += part;
    }
    file.finish(&wanted.to, length).await
}

async fn copy_part(
    file: &mut Outgoing,
    primary: &dyn Store,
    path: &str,
    offset: u64,
    length: u64,
) -> Result<()> {
    let turn = file
        .turn(usize::try_from(length).unwrap_or(usize::MAX))
        .await?;
    let bytes = primary.read(path, offset, length).await?;
    file.send(turn, bytes).await
}
