//! How long a cluster is asked that does not answer: a command that has many questions must not
//! wait out the time limit of each. Refuses to tell a dead cluster from a slow one otherwise.

use std::sync::{Mutex, PoisonError};

use store::StoreError;

/// After so many calls in a row without an answer no further one is made.
const MOST_SILENT_CALLS: usize = 8;

/// What was heard of one cluster: too many calls in a row without an answer, and no further one is
/// made.
#[derive(Debug, Default)]
pub struct Patience(Mutex<Silence>);

#[derive(Debug, Default)]
struct Silence {
    calls: usize,
    last: Option<StoreError>,
}

impl Patience {
    /// The answer of `call`, or the last silence if there were too many: then it is not made.
    ///
    /// # Errors
    /// What the call answered, or the last silence.
    pub async fn ask<T>(&self, call: impl Future<Output = store::Result<T>>) -> store::Result<T> {
        if let Some(silence) = self.exhausted() {
            return Err(silence);
        }
        let answer = call.await;
        let mut silence = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &answer {
            Err(error) if error.is_silence() => {
                silence.calls += 1;
                silence.last = Some(error.clone());
            }
            _ => *silence = Silence::default(),
        }
        answer
    }

    fn exhausted(&self) -> Option<StoreError> {
        let silence = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_exhausted = silence.calls >= MOST_SILENT_CALLS;
        silence.last.clone().filter(|_| is_exhausted)
    }
}

#[cfg(test)]
mod tests {
    use store::ErrorKind;

    use super::*;

    async fn ask(patience: &Patience, kind: Option<ErrorKind>) -> bool {
        let mut is_asked = false;
        let call = async {
            is_asked = true;
            kind.map_or(Ok(()), |kind| Err(StoreError::new(kind, "stat", "/a", "")))
        };
        let answer = patience.ask(call).await;
        if !is_asked {
            assert_eq!(answer.unwrap_err().kind, ErrorKind::TimedOut);
        }
        is_asked
    }

    #[tokio::test]
    async fn silence_ends_it_and_any_answer_renews_it() {
        let patience = Patience::default();
        for _ in 0..3 {
            for _ in 1..MOST_SILENT_CALLS {
                assert!(ask(&patience, Some(ErrorKind::TimedOut)).await);
            }
            assert!(ask(&patience, Some(ErrorKind::PermissionDenied)).await);
        }
        assert!(ask(&patience, None).await);
        for _ in 0..MOST_SILENT_CALLS {
            assert!(ask(&patience, Some(ErrorKind::TimedOut)).await);
        }
        assert!(!ask(&patience, None).await);
    }
}
