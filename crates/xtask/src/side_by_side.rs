//! Work on one thing after another, with some of it at the same time. Refuses to stop early: what
//! fails is an answer as any other.

use std::panic::resume_unwind;
use std::sync::{Mutex, PoisonError};
use std::{iter, thread};

/// The answers, in no order.
///
/// # Panics
/// When `work` does, once all else has ended.
pub(crate) fn side_by_side<T: Sync, A: Send>(
    things: &[T],
    at_a_time: usize,
    work: impl Fn(&T) -> A + Sync,
) -> Vec<A> {
    let left = Mutex::new(things.iter());
    let next = || left.lock().unwrap_or_else(PoisonError::into_inner).next();
    let work_on = || iter::from_fn(&next).map(&work).collect::<Vec<A>>();
    thread::scope(|scope| {
        let threads: Vec<_> = (0..at_a_time).map(|_| scope.spawn(work_on)).collect();
        let ended = threads.into_iter().map(thread::ScopedJoinHandle::join);
        let answers = ended.map(|answers| answers.unwrap_or_else(|panic| resume_unwind(panic)));
        answers.flatten().collect()
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    #[test]
    fn everything_is_done_once_and_so_much_of_it_at_a_time() {
        let both = Barrier::new(2);
        let mut answers = side_by_side(&[1, 2, 3, 4], 2, |number| {
            both.wait();
            number * 10
        });
        answers.sort_unstable();
        assert_eq!(answers, [10, 20, 30, 40]);
        assert_eq!(side_by_side(&[1, 2, 3], 1, |number| *number), [1, 2, 3]);
    }
}
