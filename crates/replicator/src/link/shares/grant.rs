//! What may go first, and whether it may go now. Refuses to look further than that: what is behind
//! waits for it.

use std::time::Duration;

use tokio::time::Instant;

use super::{Class, File, Limit, PINNED_BYTES, Shares, Ticket, Wish};

/// A job that has fewer files open than these need not wait for those of others.
const FEW_FILES: usize = 4;
/// Of a limit that is not used, so much is made up for later.
const BURST: Duration = Duration::from_millis(50);

impl Shares {
    pub(super) fn grant_place(&mut self, now: Instant) -> Option<Ticket> {
        for class in [Class::Live, Class::Needed, Class::Deferred] {
            let first_of = |job: u64| {
                let mut waiting = self
                    .places
                    .range((class, job, 0)..=(class, job, Ticket::MAX));
                waiting.next().copied()
            };
            let jobs = self.jobs.iter();
            let first = jobs.filter_map(|(job, share)| Some((share.served, first_of(*job)?)));
            let Some((_, place)) = first
                .filter(|(_, (class, job, _))| self.may_open(*job, *class))
                .min_by_key(|(served, (_, _, ticket))| (*served, *ticket))
            else {
                continue;
            };
            self.places.remove(&place);
            self.place((place.2, place.1, class), Some(Limit::of(class)), now);
            return Some(place.2);
        }
        if !self.places.is_empty() && self.moving() < self.limits.files {
            self.pace.is_short();
        }
        None
    }

    fn may_open(&self, job: u64, class: Class) -> bool {
        let limit = Some(Limit::of(class));
        let counted = |file: &&File| file.counts == limit;
        let open = self.files.values().filter(counted).count();
        if limit == Some(Limit::Deferred) {
            return open < self.limits.deferred;
        }
        let of_job = self.files.values().filter(counted);
        let of_job = of_job.filter(|file| file.job == job).count();
        let is_newcomer = of_job < self.limits.files.min(FEW_FILES);
        let most = self.limits.files + self.limits.newcomers;
        open < self.moving() || (is_newcomer && open < most)
    }

    /// On a slow link, no more files than can get anywhere.
    fn moving(&self) -> usize {
        let measured = self.pace.measured().map(|bytes| bytes / PINNED_BYTES);
        let moving = measured.and_then(|files| usize::try_from(files).ok());
        moving.map_or(self.limits.files, |files| files.min(self.limits.files))
    }

    /// A file that has as much on its way as it may lets others of its class go ahead, and holds up
    /// those of lower ones: it is the link that it waits for.
    pub(super) fn first_turn(&self, now: Instant) -> Option<(Ticket, Ticket, Wish)> {
        let is_wanted = self.is_wanted(now);
        let turns = self.turns.iter().filter_map(|(ticket, (file, wish))| {
            let open = self.files.get(file)?;
            if is_wanted && open.class == Class::Deferred && open.outstanding.is_none() {
                return None;
            }
            let served = self.jobs.get(&open.job)?.served;
            let is_full = match wish {
                Wish::Piece(bytes) => open.unacknowledged + bytes > self.limits.file_bytes,
                Wish::Close(_) => false,
            };
            // what was granted as a whole is waited for by what was not
            let is_new = open.outstanding.is_none();
            Some((
                (is_new, open.class, is_full, served, *ticket),
                (*ticket, *file, *wish),
            ))
        });
        let (order, turn) = turns.min_by_key(|turn| turn.0)?;
        (!order.2).then_some(turn)
    }

    /// Whether somebody has a file open, or waits to open it, that goes before what is deferred, or
    /// had a moment ago: also while he asks for nothing, because what was sent then would be in his
    /// way a moment later.
    fn is_wanted(&self, now: Instant) -> bool {
        let mut classes = self.files.values().map(|open| open.class);
        let waits = self.places.first().map(|(class, ..)| *class);
        self.quiet_until.is_some_and(|until| until > now)
            || classes.any(|class| class < Class::Deferred)
            || waits.is_some_and(|class| class < Class::Deferred)
    }

    pub(super) fn grant_turn(&mut self, now: Instant) -> Option<Ticket> {
        let (ticket, file, wish) = self.first_turn(now)?;
        match wish {
            Wish::Piece(bytes) => self.grant_piece((ticket, file), bytes, now),
            Wish::Close(bytes) => self.grant_close((ticket, file), bytes, now),
        }
    }

    fn grant_close(
        &mut self,
        (ticket, file): (Ticket, Ticket),
        bytes: u64,
        now: Instant,
    ) -> Option<Ticket> {
        let open = self.files.get_mut(&file)?;
        let others = self.on_their_way - open.on_its_way();
        if !self.pace.allows(others, bytes, now) && others > 0 {
            return None;
        }
        self.turns.remove(&ticket);
        open.outstanding = Some(bytes);
        self.on_their_way = others + bytes;
        Some(ticket)
    }

    fn grant_piece(
        &mut self,
        (ticket, file): (Ticket, Ticket),
        bytes: u64,
        now: Instant,
    ) -> Option<Ticket> {
        let is_free = self.used_until.is_none_or(|until| until <= now);
        let fits = self.unacknowledged + bytes <= self.limits.bytes;
        // one piece of each file shows whether it is the link or the cluster that does not answer
        let open = self.files.get(&file)?;
        let is_first = open.outstanding.is_some() || open.on_its_way() == 0;
        let paced = is_first || self.pace.allows(self.on_their_way, bytes, now);
        if !is_free || !fits || !paced {
            return None;
        }
        self.turns.remove(&ticket);
        self.unacknowledged += bytes;
        if let Some(rate) = self.limits.rate {
            let since = now.checked_sub(BURST).unwrap_or(now);
            let from = self.used_until.map_or(since, |until| until.max(since));
            let nanos = bytes.saturating_mul(1_000_000_000) / rate;
            self.used_until = Some(from + Duration::from_nanos(nanos));
        }
        let open = self.files.get_mut(&file)?;
        if open.unacknowledged <= PINNED_BYTES {
            open.progress_at = now;
        }
        self.on_their_way -= open.on_its_way();
        open.unacknowledged += bytes;
        self.on_their_way += open.on_its_way();
        if let Some(job) = self.jobs.get_mut(&open.job) {
            job.served += bytes;
        }
        Some(ticket)
    }
}
