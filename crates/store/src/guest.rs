//! Threads in a process that is somebody else's: where processors are scarce, its own threads go
//! first. Refuses to hold a command's threads back, whose process is its own.

use std::sync::atomic::{AtomicBool, Ordering};

/// When all processors are busy, such a thread gets a third of the time of one that has not asked
/// for less (kernel/sched/core.c, `sched_prio_to_weight`); at all other times it misses nothing.
const NICE: i32 = 5;

static IS_GUEST: AtomicBool = AtomicBool::new(false);

/// Says that the process is somebody else's: threads of clients to come give way.
pub fn be_a_guest() {
    IS_GUEST.store(true, Ordering::Relaxed);
}

/// What a thread of a client does first.
pub(crate) fn begin() {
    if IS_GUEST.load(Ordering::Relaxed) {
        give_way();
    }
}

/// Puts the calling thread behind those of the process that it is a guest in. Linux counts it for
/// each thread (setpriority(2)); a system that does not let it keeps the thread as it is.
fn give_way() {
    let already = rustix::process::getpriority_process(None).is_ok_and(|nice| nice >= NICE);
    if !already {
        let _ = rustix::process::setpriority_process(None, NICE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thread_gives_way_and_no_other() {
        let nice = || rustix::process::getpriority_process(None).unwrap();
        let before = nice();
        let of_guest = std::thread::spawn(move || {
            give_way();
            nice()
        });
        assert_eq!(of_guest.join().unwrap(), before.max(NICE));
        assert_eq!(nice(), before);
    }
}
