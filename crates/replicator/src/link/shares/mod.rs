//! What may go to the secondary now: which file may be opened and which piece may be sent next.
//!
//! Decides alone: it is told what time it is, what is asked for and what was acknowledged. Refuses
//! to wait, and to know what a file or a piece holds.
//!
//! # Order
//! By [`Class`]; within one, the job that has had the fewest bytes; within a job, who asked first.
//! What comes first is waited for, so nothing starves behind what is smaller. What is deferred goes
//! only while nobody else has a file open or waits to open one, nor did a moment ago.
//!
//! # No deadlock
//! A client sends full packets alone, so an open file pins up to [`PINNED_BYTES`] that are
//! acknowledged only when more of it is sent. [`Limits`] lets no more files be open than leave
//! room for a turn, whatever they pin.

mod grant;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

use super::limits::{Limits, PINNED_BYTES};
use super::pace::Pace;

/// A file of which nothing was acknowledged for so many time limits is stalled, even if others of
/// its job are not.
const FILE_LIMITS: u32 = 6;

/// What is deferred waits so long at most after the last other file, in which the JobManager
/// publishes what has crossed: a dozen calls one after another, each of which would queue behind
/// what is deferred.
const QUIET: Duration = Duration::from_secs(2);
/// And one part in so many of the time for which others had the link: if that is quick, not long.
const BUSY_TO_QUIET: u32 = 8;

/// What goes before what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    /// Bytes of a checkpoint that is being written, or was just now.
    Live,
    /// What a checkpoint lacks that should be published.
    Needed,
    /// What no such checkpoint is known to need.
    Deferred,
}

/// One request, and the file that it may open.
pub(crate) type Ticket = u64;

/// Who asks for what, who has what.
pub(crate) struct Shares {
    limits: Limits,
    /// Until when the rate is used up.
    used_until: Option<Instant>,
    /// Since when others than those that are deferred have files open.
    busy_since: Option<Instant>,
    /// Until when what is deferred leaves the link to others.
    quiet_until: Option<Instant>,
    jobs: BTreeMap<u64, JobShare>,
    files: BTreeMap<Ticket, File>,
    /// Who waits to open a file: class, job, ticket.
    places: BTreeSet<(Class, u64, Ticket)>,
    /// Who waits to send a piece or to close: file and what.
    turns: BTreeMap<Ticket, (Ticket, Wish)>,
    unacknowledged: u64,
    /// What the link carries of it, or will without being asked again.
    on_their_way: u64,
    pace: Pace,
    next: Ticket,
}

/// What is asked for of an open file. In bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    /// To send a piece.
    Piece(u64),
    /// To close it, whereupon the client sends what it still has of it; with what will be sent
    /// before that.
    Close(u64),
}

/// One job that has files open or waiting.
struct JobShare {
    served: u64,
    tickets: usize,
    progress_at: Instant,
}

/// What is deferred has places of its own, so that it never holds those of what is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Limit {
    Files,
    Deferred,
}

impl Limit {
    fn of(class: Class) -> Self {
        match class {
            Class::Live | Class::Needed => Self::Files,
            Class::Deferred => Self::Deferred,
        }
    }
}

struct File {
    job: u64,
    class: Class,
    /// Against which limit of files it counts, if against any.
    counts: Option<Limit>,
    unacknowledged: u64,
    /// Of one that may be closed, what is still to come back.
    outstanding: Option<u64>,
    progress_at: Instant,
    /// What comes back of it tells nothing of the cluster any more.
    given_up: bool,
}

impl File {
    /// What the cluster is bound to acknowledge even if nothing more is sent.
    fn on_its_way(&self) -> u64 {
        let unpinned = self.unacknowledged.saturating_sub(PINNED_BYTES);
        self.outstanding.unwrap_or(unpinned)
    }
}

impl Shares {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            used_until: None,
            busy_since: None,
            quiet_until: None,
            jobs: BTreeMap::new(),
            files: BTreeMap::new(),
            places: BTreeSet::new(),
            turns: BTreeMap::new(),
            unacknowledged: 0,
            on_their_way: 0,
            pace: Pace::new(limits.bytes),
            next: 0,
        }
    }

    /// Asks to open a file.
    pub(crate) fn ask_place(&mut self, job: u64, class: Class, now: Instant) -> Ticket {
        let ticket = self.ticket();
        self.enter(job, now);
        self.places.insert((class, job, ticket));
        ticket
    }

    /// Opens a file at once, beyond the limit: for who bounds his files himself.
    pub(crate) fn open(&mut self, job: u64, class: Class, now: Instant) -> Ticket {
        let ticket = self.ticket();
        self.enter(job, now);
        self.place((ticket, job, class), None, now);
        ticket
    }

    /// An open file is needed, whatever it was before.
    pub(crate) fn needed(&mut self, file: Ticket, now: Instant) {
        if let Some(file) = self.files.get_mut(&file) {
            file.class = file.class.min(Class::Needed);
            self.busy_since.get_or_insert(now);
        }
    }

    /// Asks to send a piece of an open file.
    pub(crate) fn ask_turn(&mut self, file: Ticket, bytes: usize) -> Ticket {
        let ticket = self.ticket();
        self.turns.insert(ticket, (file, Wish::Piece(bytes as u64)));
        ticket
    }

    /// Asks to close an open file. A small one may ask before any of it is sent, `whole` bytes, so
    /// that it goes without a pause.
    pub(crate) fn ask_close(&mut self, file: Ticket, whole: Option<u64>) -> Ticket {
        let ticket = self.ticket();
        let held = self.files.get(&file).map(|open| open.unacknowledged);
        let bytes = whole.or(held).unwrap_or_default();
        self.turns.insert(ticket, (file, Wish::Close(bytes)));
        ticket
    }

    /// Whether that was granted before.
    pub(crate) fn may_close(&self, file: Ticket) -> bool {
        let open = self.files.get(&file);
        open.is_some_and(|open| open.outstanding.is_some())
    }

    /// Closes a file, or takes back the request to open it. What was not acknowledged of it is
    /// still held by somebody.
    pub(crate) fn close(&mut self, file: Ticket, now: Instant) {
        if let Some(file) = self.files.remove(&file) {
            if !self.files.values().any(|open| open.class < Class::Deferred)
                && let Some(since) = self.busy_since.take()
            {
                let busy = now.saturating_duration_since(since);
                self.quiet_until = Some(now + QUIET.min(busy / BUSY_TO_QUIET));
            }
            self.on_their_way -= file.on_its_way();
            self.leave(file.job);
            return;
        }
        let place = self.places.iter().find(|place| place.2 == file).copied();
        if let Some(place) = place {
            self.places.remove(&place);
            self.leave(place.1);
        }
    }

    /// Takes back the request to send a piece. False: it was granted.
    pub(crate) fn withdraw(&mut self, turn: Ticket) -> bool {
        self.turns.remove(&turn).is_some()
    }

    /// Bytes of a file came back.
    pub(crate) fn acknowledge(&mut self, file: Ticket, bytes: u64, now: Instant) {
        self.unacknowledged -= bytes;
        let Some(file) = self.files.get_mut(&file) else {
            return;
        };
        self.on_their_way -= file.on_its_way();
        file.unacknowledged -= bytes;
        file.outstanding = file.outstanding.map(|left| left.saturating_sub(bytes));
        self.on_their_way += file.on_its_way();
        if file.given_up {
            return;
        }
        self.pace.acknowledged(bytes);
        file.progress_at = now;
        if let Some(job) = self.jobs.get_mut(&file.job) {
            job.progress_at = now;
        }
    }

    /// A file is about to be aborted: its bytes come back without an acknowledgement. Gives what is
    /// asked for of it, which nobody wants any more.
    pub(crate) fn give_up(&mut self, file: Ticket) -> Vec<Ticket> {
        if let Some(file) = self.files.get_mut(&file) {
            file.given_up = true;
        }
        let turns = self.turns.iter().filter(|(_, (of, _))| *of == file);
        turns.map(|(ticket, _)| *ticket).collect()
    }

    pub(crate) fn is_given_up(&self, file: Ticket) -> bool {
        self.files.get(&file).is_some_and(|file| file.given_up)
    }

    /// Grants one request, if one can be granted now.
    pub(crate) fn grant(&mut self, now: Instant) -> Option<Ticket> {
        self.grant_place(now).or_else(|| self.grant_turn(now))
    }

    /// When to ask for grants again for a file, though nothing was given back: a limit of bandwidth
    /// ends, or the time in which what is deferred leaves the link to others, if it has begun.
    pub(crate) fn next_grant(&self, file: Ticket, now: Instant) -> Option<Instant> {
        let comes = |until: &Instant| *until > now;
        let open = self.files.get(&file);
        let is_deferred = open.is_some_and(|open| open.class == Class::Deferred);
        let quiet_until = self.quiet_until.filter(comes).unwrap_or(now + QUIET);
        let times = [self.used_until, is_deferred.then_some(quiet_until)];
        times.into_iter().flatten().filter(comes).min()
    }

    /// Whether the client keeps no more of a file than it has to.
    pub(crate) fn is_drained(&self, file: Ticket) -> bool {
        self.files
            .get(&file)
            .is_none_or(|file| file.unacknowledged <= PINNED_BYTES)
    }

    /// When a file counts as stalled, if nothing of it or its job is acknowledged until then. None:
    /// there is nothing to acknowledge.
    pub(crate) fn stalls_at(&self, file: Ticket, limit: Duration) -> Option<Instant> {
        let file = self.files.get(&file)?;
        let job = self.jobs.get(&file.job)?;
        let by_job = file.progress_at.max(job.progress_at) + limit;
        let by_itself = file.progress_at + limit * FILE_LIMITS;
        (file.unacknowledged > PINNED_BYTES).then(|| by_job.min(by_itself))
    }

    /// Open files.
    pub(crate) fn files(&self) -> usize {
        self.files.len()
    }

    /// Bytes that are not acknowledged.
    pub(crate) fn unacknowledged(&self) -> u64 {
        self.unacknowledged
    }

    fn place(
        &mut self,
        (ticket, job, class): (Ticket, u64, Class),
        counts: Option<Limit>,
        now: Instant,
    ) {
        if class < Class::Deferred {
            self.busy_since.get_or_insert(now);
        }
        let file = File {
            job,
            class,
            counts,
            unacknowledged: 0,
            outstanding: None,
            progress_at: now,
            given_up: false,
        };
        self.files.insert(ticket, file);
    }

    /// A job that comes back is owed nothing for the time in which it asked for nothing.
    fn enter(&mut self, job: u64, now: Instant) {
        let least = self.jobs.values().map(|share| share.served).min();
        let share = self.jobs.entry(job).or_insert(JobShare {
            served: least.unwrap_or_default(),
            tickets: 0,
            progress_at: now,
        });
        share.tickets += 1;
    }

    fn leave(&mut self, job: u64) {
        if let Some(share) = self.jobs.get_mut(&job) {
            share.tickets -= 1;
            if share.tickets == 0 {
                self.jobs.remove(&job);
            }
        }
    }

    fn ticket(&mut self) -> Ticket {
        self.next += 1;
        self.next
    }
}

#[cfg(test)]
mod tests {
    use super::super::limits::PIECE_BYTES;
    use super::*;
    use crate::settings::Settings;

    const PIECE: u64 = PIECE_BYTES as u64;

    fn shares(upload_concurrency: usize, bandwidth_limit: Option<u64>) -> Shares {
        Shares::new(Limits::of(&Settings {
            upload_concurrency,
            bandwidth_limit,
            ..Settings::default()
        }))
    }

    fn now() -> Instant {
        Instant::now()
    }

    /// Opens a file of a job, which must be granted.
    fn opened(shares: &mut Shares, job: u64, class: Class) -> Ticket {
        let ticket = shares.ask_place(job, class, now());
        assert_eq!(shares.grant(now()), Some(ticket));
        ticket
    }

    #[test]
    fn files_are_bounded_and_a_job_with_few_need_not_wait_for_others() {
        let mut shares = shares(2, None);
        let of_1 = [1, 1].map(|job| opened(&mut shares, job, Class::Live));
        let waiting = shares.ask_place(1, Class::Live, now());
        assert_eq!(shares.grant(now()), None);
        let of_2 = [2, 2].map(|job| opened(&mut shares, job, Class::Live));
        let taken_back = shares.ask_place(2, Class::Live, now());
        assert_eq!(shares.grant(now()), None);
        shares.close(taken_back, now());
        shares.close(of_2[0], now());
        assert_eq!(shares.grant(now()), None, "those of 2 count");
        shares.close(of_1[0], now());
        assert_eq!(shares.grant(now()), Some(waiting));
    }

    #[test]
    fn live_files_are_opened_first_and_deferred_ones_keep_to_a_quarter() {
        let mut shares = shares(4, None);
        let deferred = shares.ask_place(1, Class::Deferred, now());
        let further = shares.ask_place(1, Class::Deferred, now());
        let needed = shares.ask_place(1, Class::Needed, now());
        let live = shares.ask_place(1, Class::Live, now());
        let granted: Vec<_> = std::iter::from_fn(|| shares.grant(now())).collect();
        assert_eq!(granted, [live, needed, deferred]);
        shares.close(deferred, now());
        assert_eq!(shares.grant(now()), Some(further));
    }

    #[test]
    fn what_is_deferred_goes_when_nobody_else_has_a_file_open_or_waits_for_one() {
        let mut shares = shares(1, None);
        let deferred = opened(&mut shares, 1, Class::Deferred);
        let live = opened(&mut shares, 2, Class::Live);
        let needed = shares.ask_place(2, Class::Needed, now());
        let turn = shares.ask_turn(deferred, PIECE_BYTES);
        assert_eq!(shares.grant(now()), None, "a live file is open");
        shares.close(live, now());
        assert_eq!(shares.grant(now()), Some(needed));
        assert_eq!(shares.grant(now()), None, "a needed file is open");
        let closed = now() + Duration::from_mins(1);
        shares.close(needed, closed);
        assert_eq!(shares.grant(closed), None, "it is being published");
        let quiet = closed + QUIET;
        assert_eq!(shares.next_grant(deferred, closed), Some(quiet));
        assert_eq!(shares.grant(quiet), Some(turn));

        let short = shares.ask_place(2, Class::Live, quiet);
        assert_eq!(shares.grant(quiet), Some(short));
        let turn = shares.ask_turn(deferred, PIECE_BYTES);
        let closed = quiet + Duration::from_millis(80);
        shares.close(short, closed);
        assert_eq!(shares.grant(closed), None);
        let quiet = closed + Duration::from_millis(10);
        assert_eq!(shares.grant(quiet), Some(turn), "a quick link");
    }

    #[test]
    fn pieces_go_by_class_and_then_to_the_job_that_had_the_least() {
        let mut shares = shares(8, None);
        shares.pace = Pace::unlimited();
        let large = opened(&mut shares, 1, Class::Live);
        let small = opened(&mut shares, 2, Class::Live);
        let copy = shares.open(2, Class::Needed, now());
        for _ in 0..6 {
            shares.ask_turn(copy, PIECE_BYTES);
            shares.ask_turn(large, PIECE_BYTES);
        }
        let of_small: Vec<Ticket> = (0..3).map(|_| shares.ask_turn(small, 1 << 10)).collect();
        let mut order = Vec::new();
        while let Some((ticket, file, _)) = shares.first_turn(now()) {
            assert_eq!(shares.grant(now()), Some(ticket));
            order.push(file);
        }
        assert_eq!(order[..4], [large, small, small, small]);
        assert_eq!(order[4..9], [large; 5], "live goes before needed");
        assert_eq!(order[9..], [copy; 6]);
        assert!(of_small.iter().all(|ticket| !shares.withdraw(*ticket)));
    }

    #[test]
    fn two_jobs_get_the_same_number_of_bytes_whatever_their_pieces() {
        let mut shares = shares(8, None);
        let files = [1, 2].map(|job| opened(&mut shares, job, Class::Live));
        let sizes = [PIECE_BYTES, 1000];
        let mut sent = [0_u64; 2];
        let mut asked = [0, 1].map(|n| shares.ask_turn(files[n], sizes[n]));
        for _ in 0..10_000 {
            let granted = shares.grant(now()).unwrap();
            let n = usize::from(granted == asked[1]);
            sent[n] += sizes[n] as u64;
            shares.acknowledge(files[n], sizes[n] as u64, now());
            asked[n] = shares.ask_turn(files[n], sizes[n]);
        }
        assert!(sent[0].abs_diff(sent[1]) <= PIECE, "{sent:?}");
    }

    #[test]
    fn what_is_not_acknowledged_is_bounded_for_each_file_and_in_all() {
        let mut shares = shares(64, None);
        shares.pace = Pace::unlimited();
        let mut sent = 0;
        for job in 0..20 {
            let file = opened(&mut shares, job, Class::Live);
            let mut of_file = 0;
            for _ in 0..100 {
                shares.ask_turn(file, PIECE_BYTES);
                of_file += shares.grant(now()).map_or(0, |_| PIECE);
            }
            assert!(of_file <= shares.limits.file_bytes);
            sent += of_file;
        }
        assert_eq!((sent, shares.unacknowledged()), (shares.limits.bytes, sent));
        let any = *shares.files.keys().next().unwrap();
        shares.close(any, now());
        assert_eq!(shares.unacknowledged(), sent, "closed, but still held");
        shares.acknowledge(any, PIECE, now());
        assert!(shares.grant(now()).is_some());
    }

    #[test]
    fn a_limit_of_bandwidth_holds_with_a_short_burst() {
        let rate = 10 * PIECE;
        let mut shares = shares(8, Some(rate));
        let file = opened(&mut shares, 1, Class::Live);
        let start = now() + Duration::from_secs(1);
        let (mut at, mut sent) = (start, 0);
        while at < start + Duration::from_secs(10) {
            shares.ask_turn(file, PIECE_BYTES);
            while shares.grant(at).is_some() {
                sent += PIECE;
                shares.acknowledge(file, PIECE, at);
                shares.ask_turn(file, PIECE_BYTES);
            }
            at = shares.next_grant(file, at).unwrap();
        }
        let expected = 10 * rate;
        assert!(
            sent >= expected && sent <= expected + 2 * PIECE,
            "{sent} of {expected}"
        );
    }

    #[test]
    fn a_file_stalls_when_nothing_of_it_and_its_job_comes_back() {
        let limit = Duration::from_secs(10);
        let mut shares = shares(8, None);
        let (file, other) = (
            opened(&mut shares, 1, Class::Live),
            opened(&mut shares, 1, Class::Live),
        );
        let start = now();
        for _ in 0..2 {
            shares.ask_turn(file, PIECE_BYTES);
            shares.grant(start);
        }
        assert_eq!(shares.stalls_at(file, limit), None, "it may be pinned");
        for _ in 0..2 {
            shares.ask_turn(file, PIECE_BYTES);
            shares.grant(start);
            shares.ask_turn(other, PIECE_BYTES);
            shares.grant(start);
        }
        assert_eq!(shares.stalls_at(file, limit), Some(start + limit));
        let later = start + Duration::from_secs(30);
        shares.acknowledge(other, PIECE, later);
        assert_eq!(shares.stalls_at(file, limit), Some(later + limit));
        shares.give_up(other);
        shares.acknowledge(other, PIECE, later + limit);
        assert_eq!(shares.stalls_at(file, limit), Some(later + limit));
        let other = opened(&mut shares, 1, Class::Live);
        shares.ask_turn(other, PIECE_BYTES);
        shares.grant(start);
        let much_later = start + Duration::from_secs(55);
        shares.acknowledge(other, PIECE, much_later);
        assert_eq!(shares.stalls_at(file, limit), Some(start + limit * 6));
    }

    #[test]
    fn what_small_files_hold_back_is_paced_when_they_are_closed() {
        let mut shares = shares(8, None);
        let files = [(); 4].map(|()| opened(&mut shares, 1, Class::Live));
        let whole = 100_000;
        let first = [files[0], files[1]].map(|file| shares.ask_close(file, Some(whole)));
        let blocked = shares.ask_close(files[2], Some(whole));
        let granted: Vec<_> = std::iter::from_fn(|| shares.grant(now())).collect();
        assert_eq!(granted, first, "two of them are what a slow link may have");
        let may_close = files.map(|file| shares.may_close(file));
        assert_eq!(may_close, [true, true, false, false]);

        // what was granted goes before what was not, or neither would go
        let piece = shares.ask_turn(files[1], PIECE_BYTES);
        assert_eq!(shares.grant(now()), Some(piece));
        assert_eq!(shares.grant(now()), None);
        shares.acknowledge(files[1], PIECE, now());
        assert_eq!(shares.grant(now()), Some(blocked));

        // one that asks at its end brings what it still has
        let turn = shares.ask_turn(files[3], PIECE_BYTES);
        assert_eq!(shares.grant(now()), Some(turn));
        let close = shares.ask_close(files[3], None);
        assert_eq!(shares.grant(now()), None);
        files[..3]
            .iter()
            .for_each(|file| shares.close(*file, now()));
        assert_eq!(shares.grant(now()), Some(close));
        shares.acknowledge(files[3], PIECE, now());
        assert_eq!(shares.on_their_way, 0);
    }

    #[test]
    fn nothing_is_kept_of_jobs_that_are_done() {
        let mut shares = shares(8, None);
        for job in 0..1000 {
            let file = opened(&mut shares, job, Class::Live);
            let waiting = shares.ask_place(job, Class::Live, now());
            let turn = shares.ask_turn(file, PIECE_BYTES);
            assert!(shares.withdraw(turn) && !shares.withdraw(turn));
            let close = shares.ask_close(file, None);
            assert!(shares.withdraw(close));
            shares.close(file, now());
            shares.close(waiting, now());
        }
        assert!(shares.jobs.is_empty() && shares.files.is_empty());
        assert!(shares.places.is_empty() && shares.turns.is_empty());
    }
}
