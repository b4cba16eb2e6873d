//! What went wrong lately, and since when: for people who look, not for Prometheus, whose counters
//! tell how often. Decides nothing.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// After so long without a failure, the next one begins a new spell.
const SPELLS_APART_MS: u64 = 10 * 60 * 1000;

/// Failures for one reason that came one after another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spell {
    /// Why.
    pub reason: &'static str,
    /// The first of them, in milliseconds since the epoch.
    pub since_ms: u64,
    /// The last one.
    pub last_ms: u64,
    /// How many.
    pub times: u64,
}

impl Spell {
    /// Whether it may go on.
    pub fn goes_on(&self, now_ms: u64) -> bool {
        now_ms.saturating_sub(self.last_ms) <= SPELLS_APART_MS
    }
}

/// The last spell of each reason.
#[derive(Debug, Default)]
pub(crate) struct Troubles(Mutex<BTreeMap<&'static str, Spell>>);

impl Troubles {
    pub(crate) fn note(&self, reason: &'static str, now_ms: u64) {
        let mut spells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let new = Spell {
            reason,
            since_ms: now_ms,
            last_ms: now_ms,
            times: 0,
        };
        let spell = spells.entry(reason).or_insert(new);
        if !spell.goes_on(now_ms) {
            *spell = new;
        }
        spell.last_ms = now_ms;
        spell.times += 1;
    }

    /// The latest first.
    pub(crate) fn all(&self) -> Vec<Spell> {
        let spells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = spells.values().copied().collect();
        drop(spells);
        all.sort_by_key(|spell| std::cmp::Reverse(spell.last_ms));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spell_ends_after_ten_quiet_minutes() {
        let troubles = Troubles::default();
        let minute = 60_000;
        for now in [1, 5, 15, 26, 27] {
            troubles.note("timeout", now * minute);
        }
        troubles.note("other", 2 * minute);
        let [latest, other] = troubles.all()[..] else {
            panic!("{troubles:?}")
        };
        let spell = (
            latest.since_ms / minute,
            latest.last_ms / minute,
            latest.times,
        );
        assert_eq!((latest.reason, spell), ("timeout", (26, 27, 2)));
        assert!(other.goes_on(12 * minute) && !other.goes_on(13 * minute));
    }
}
