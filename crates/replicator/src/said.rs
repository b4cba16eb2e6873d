//! What the log was told already: each cause once, further ones as a number now and then.
//!
//! Refuses to write anything: what is due is handed over as text. Holds a bounded number of causes.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use store::StoreError;
use tokio::time::Instant;

/// Past that everything counts as said.
const CAUSES_AT_MOST: usize = 10_000;
/// The numbers of one cause are never told more often.
const NUMBERS_APART_AT_LEAST: Duration = Duration::from_mins(10);

/// The causes that were said.
#[derive(Default)]
pub(crate) struct Said(Mutex<HashMap<String, Cause>>);

/// One of them.
struct Cause {
    /// When it was last said, or its number told.
    told_at: Instant,
    /// How often it came since.
    more: u64,
}

impl Said {
    /// Whether this is the first time.
    pub(crate) fn first(&self, cause: &str) -> bool {
        self.heard(cause, 0, 0)
    }

    /// The same, of what further ones are counted: `what` stands before their number.
    pub(crate) fn first_or_counted(&self, what: &str) -> bool {
        self.heard(what, 0, 1)
    }

    /// Counts one of which something else has told.
    pub(crate) fn counted(&self, what: &str) {
        self.heard(what, 1, 1);
    }

    /// Whether this is the first time; which counts as `first`, and otherwise as `further`.
    fn heard(&self, cause: &str, first: u64, further: u64) -> bool {
        let mut causes = self.lock();
        if let Some(known) = causes.get_mut(cause) {
            known.more += further;
            return false;
        }
        let is_first = causes.len() < CAUSES_AT_MOST;
        if is_first {
            let said = Cause {
                told_at: Instant::now(),
                more: first,
            };
            causes.insert(cause.to_owned(), said);
        }
        is_first
    }

    /// How often the causes came that were counted, one line for each whose time has come.
    pub(crate) fn due(&self) -> Vec<String> {
        self.tell(NUMBERS_APART_AT_LEAST)
    }

    /// The same of all of them: there will be no other time.
    pub(crate) fn rest(&self) -> Vec<String> {
        self.tell(Duration::ZERO)
    }

    fn tell(&self, apart: Duration) -> Vec<String> {
        let now = Instant::now();
        let mut causes = self.lock();
        let due = causes.iter_mut();
        let due = due.filter(|(_, cause)| cause.more > 0 && now - cause.told_at >= apart);
        let lines = due.map(|(what, cause)| cause.tell(what, now));
        let mut lines: Vec<String> = lines.collect();
        lines.sort_unstable();
        lines
    }

    /// How much of what could grow there is.
    #[cfg(test)]
    pub(crate) fn count(&self, held: &mut std::collections::BTreeMap<&'static str, usize>) {
        held.insert("said", self.lock().len());
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Cause>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cause {
    fn tell(&mut self, what: &str, now: Instant) -> String {
        let since = now - std::mem::replace(&mut self.told_at, now);
        let minutes = since.as_secs().div_ceil(60).max(1);
        let more = std::mem::take(&mut self.more);
        format!("{what}, in the last {minutes} min: {more} more.")
    }
}

/// `what` with its reason and, where an error of a cluster names one, the exception: a full disk
/// and an exceeded quota are two causes, though both are `no_space`.
pub(crate) fn with_reason(what: &str, reason: &str, error: Option<&StoreError>) -> String {
    let exception = error.and_then(StoreError::exception);
    let exception = exception.map(|name| format!(": {name}"));
    format!("{what} ({reason}{})", exception.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::ErrorKind;
    use tokio::time::advance;

    #[test]
    fn a_cause_is_said_once_and_another_of_the_same_kind_too() {
        let said = Said::default();
        let error = |message: &str| StoreError::new(ErrorKind::NoSpace, "create", "/x", message);
        let quota = error("DSQuotaExceededException: /x has 5 of 5 bytes");
        let again = error("DSQuotaExceededException: /y has 6 of 6 bytes");
        let full = error("IOException: /x could only be written to 0 of 1 nodes");
        let first = |error| said.first_or_counted(&with_reason("Lost", "no_space", Some(error)));
        assert!(first(&quota) && !first(&again) && first(&full) && !first(&full));
        assert!(said.first_or_counted(&with_reason("Lost", "no_space", None)));
        assert!(!said.first("Lost (no_space)"));
    }

    #[tokio::test(start_paused = true)]
    async fn further_ones_are_told_as_a_number_that_is_never_told_twice() {
        let said = Said::default();
        assert!(said.first_or_counted("Lost (full)"));
        for _ in 0..421 {
            assert!(!said.first_or_counted("Lost (full)"));
        }
        advance(Duration::from_secs(599)).await;
        assert!(said.due().is_empty());
        advance(Duration::from_secs(1)).await;
        assert_eq!(said.due(), ["Lost (full), in the last 10 min: 421 more."]);
        assert!(!said.first_or_counted("Lost (full)"));
        assert!(said.due().is_empty());
        advance(Duration::from_secs(90)).await;
        assert_eq!(said.rest(), ["Lost (full), in the last 2 min: 1 more."]);
        advance(NUMBERS_APART_AT_LEAST).await;
        assert!(said.due().is_empty() && said.rest().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn what_others_tell_of_is_counted_and_what_is_said_once_is_not() {
        let said = Said::default();
        said.counted("Lost (timeout)");
        said.counted("Lost (timeout)");
        assert!(said.first("odd") && !said.first("odd"));
        advance(NUMBERS_APART_AT_LEAST).await;
        assert_eq!(said.due(), ["Lost (timeout), in the last 10 min: 2 more."]);
    }

    #[tokio::test(start_paused = true)]
    async fn past_the_limit_nothing_is_said_and_what_is_known_goes_on() {
        let said = Said::default();
        for number in 0..CAUSES_AT_MOST {
            assert!(said.first_or_counted(&number.to_string()));
        }
        said.counted("other");
        assert!(!said.first("other") && !said.first_or_counted("other"));
        assert!(!said.first_or_counted("7"));
        assert_eq!(said.rest(), ["7, in the last 1 min: 1 more."]);
    }
}
