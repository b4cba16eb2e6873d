//! Waiting for a condition with a limit. Refuses to sleep for its own sake.

use std::fmt::Display;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};

/// Between two looks at a condition.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Looks at a condition until it holds, at most for `limit`.
///
/// `look` answers `Ok(value)` when it holds and otherwise `Err(state)`: what there was instead.
///
/// # Errors
/// At the limit: says `what` was waited for, how long, and the last state.
pub fn wait_until<T, S: Display>(
    what: &str,
    limit: Duration,
    mut look: impl FnMut() -> std::result::Result<T, S>,
) -> Result<T> {
    let start = Instant::now();
    loop {
        match look() {
            Ok(value) => return Ok(value),
            Err(state) if start.elapsed() >= limit => {
                return Err(anyhow!(
                    "waited {:.1} s for {what}; the last state was: {state:#}",
                    start.elapsed().as_secs_f64()
                ));
            }
            Err(_) => sleep(POLL_INTERVAL),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_with_the_value_once_the_condition_holds() {
        let mut looks = 0;
        let value = wait_until("three looks", Duration::from_secs(5), || {
            looks += 1;
            if looks == 3 {
                Ok(looks)
            } else {
                Err("too few")
            }
        });
        assert_eq!(value.unwrap(), 3);
    }

    #[test]
    fn names_what_was_waited_for_and_the_last_state() {
        let error = wait_until("the moon", Duration::from_millis(1), || {
            Err::<(), _>("only clouds")
        })
        .unwrap_err()
        .to_string();
        assert!(
            error.contains("the moon") && error.contains("only clouds"),
            "{error}"
        );
    }
}
