//! What becomes of one call to a cluster. Faults come in windows (an outage, a full disk, a cut
//! between one process and a cluster) and, rarely, alone. Refuses to carry anything out.

use fastrand::Rng;
use store::ErrorKind;

use crate::plan::{LATE_AT_MOST_MS, chance, weighted};

/// Which of the two clusters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cluster {
    Primary,
    Secondary,
}

/// What a window does to the calls that fall into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Refused at once: nobody listens.
    Outage,
    /// Swallowed: nothing answers, nothing happens.
    BlackHole,
    /// Frozen: nothing answers in time, most of it happens later.
    Frozen,
    /// Questions are answered, changes are not made.
    SafeMode,
    /// No room for new bytes.
    Full,
    /// The user may not change anything.
    Denied,
    /// Each call takes long.
    Slow,
    /// So many of a hundred calls fail in some way.
    Unreliable(u64),
}

#[derive(Debug)]
struct Window {
    from: u64,
    to: u64,
    cluster: Cluster,
    /// Of one process alone, by its number.
    process: Option<usize>,
    kind: Kind,
}

/// All faults of a run that are not crashes.
#[derive(Debug)]
pub struct Weather {
    windows: Vec<Window>,
    /// Of a thousand calls, so many fail in some way.
    background: u64,
    /// The longest that a call takes on its way, in milliseconds.
    latency: u64,
    storm: u64,
}

/// What becomes of one call. Times are milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fate {
    /// On its way to the cluster.
    pub before: u64,
    /// On the way back.
    pub after: u64,
    pub end: End,
    /// Whether it arrives although its sender dies while it is on its way.
    pub outlives: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Answered,
    /// Nothing happens.
    Refused(ErrorKind),
    /// It happens; the connection breaks before the answer.
    ReplyLost,
    /// Of a write so many percent of the bytes arrive, then the connection breaks.
    Torn(u8),
    /// No answer until the time limit. It happens after so long, which may be later; or never.
    Silent(Option<u64>),
}

impl Weather {
    pub fn draw(rng: &mut Rng, rough: bool, storm: u64) -> Self {
        let latency = [2, 10, 60][weighted(rng, &[40, 40, 20])];
        if !rough {
            let windows = Vec::new();
            return Self {
                windows,
                background: 0,
                latency,
                storm,
            };
        }
        let windows = (0..weighted(rng, &[25, 35, 25, 15])).map(|_| {
            let from = rng.u64(0..storm);
            Window {
                from,
                to: from + rng.u64(100..storm / 2),
                cluster: [Cluster::Secondary, Cluster::Primary][weighted(rng, &[85, 15])],
                process: chance(rng, 30).then(|| rng.usize(0..6)),
                kind: match weighted(rng, &[15, 12, 18, 10, 10, 5, 10, 20]) {
                    0 => Kind::Outage,
                    1 => Kind::BlackHole,
                    2 => Kind::Frozen,
                    3 => Kind::SafeMode,
                    4 => Kind::Full,
                    5 => Kind::Denied,
                    6 => Kind::Slow,
                    _ => Kind::Unreliable(rng.u64(5..60)),
                },
            }
        });
        Self {
            windows: windows.collect(),
            background: [0, 5, 20][weighted(rng, &[40, 40, 20])],
            latency,
            storm,
        }
    }

    /// The secondary does not answer from somewhen near the beginning to the end.
    pub fn silence(rng: &mut Rng, storm: u64) -> Self {
        let mut weather = Self::draw(rng, false, storm);
        weather.windows.push(Window {
            from: rng.u64(0..storm / 4),
            to: storm,
            cluster: Cluster::Secondary,
            process: None,
            kind: [Kind::Outage, Kind::BlackHole][usize::from(rng.bool())],
        });
        weather
    }

    pub fn is_calm(&self) -> bool {
        self.windows.is_empty() && self.background == 0
    }

    /// What becomes of a call of `process` that is made now and given up after `limit`.
    pub fn fate(
        &self,
        rng: &mut Rng,
        now: u64,
        (cluster, process): (Cluster, usize),
        operation: &str,
        limit: u64,
    ) -> Fate {
        let latency = if now < self.storm {
            self.latency
        } else {
            self.latency.min(10)
        };
        let (before, after) = match rng.u64(0..8) {
            0 => (rng.u64(0..=latency * 2), rng.u64(0..=latency * 2)),
            1..4 => (rng.u64(0..=latency), rng.u64(0..=latency)),
            _ => (rng.u64(0..=2), 0),
        };
        let mut fate = Fate {
            before,
            after,
            end: End::Answered,
            outlives: rng.bool(),
        };
        if now >= self.storm {
            return fate;
        }
        let window = self.windows.iter().find(|window| {
            let is_hit = (window.from..window.to).contains(&now) && window.cluster == cluster;
            is_hit && window.process.is_none_or(|only| only == process)
        });
        let changes = !["read", "stat", "list"].contains(&operation);
        fate.end = match window.map(|window| window.kind) {
            Some(Kind::Outage) => End::Refused(ErrorKind::Unavailable),
            Some(Kind::BlackHole) => End::Silent(None),
            Some(Kind::Frozen) => End::Silent(late(rng, limit)),
            Some(Kind::SafeMode) if changes => End::Refused(ErrorKind::Unavailable),
            Some(Kind::Full) if ["create", "write", "close"].contains(&operation) => {
                End::Refused(ErrorKind::NoSpace)
            }
            Some(Kind::Denied) if changes => End::Refused(ErrorKind::PermissionDenied),
            Some(Kind::Slow) => {
                fate.before = rng.u64(0..=limit * 3 / 5);
                End::Answered
            }
            Some(Kind::Unreliable(percent)) if chance(rng, percent) => alone(rng, limit),
            _ if rng.u64(0..1000) < self.background => alone(rng, limit),
            _ => End::Answered,
        };
        fate
    }
}

fn late(rng: &mut Rng, limit: u64) -> Option<u64> {
    chance(rng, 70).then(|| rng.u64(limit / 2..limit + LATE_AT_MOST_MS))
}

fn alone(rng: &mut Rng, limit: u64) -> End {
    match weighted(rng, &[15, 10, 5, 5, 25, 10, 20, 10]) {
        0 => End::Refused(ErrorKind::Unavailable),
        1 => End::Refused(ErrorKind::Other),
        2 => End::Refused(ErrorKind::NoSpace),
        3 => End::Refused(ErrorKind::PermissionDenied),
        4 => End::ReplyLost,
        5 => End::Torn(rng.u8(0..100)),
        6 => End::Silent(late(rng, limit)),
        _ => End::Silent(None),
    }
}
