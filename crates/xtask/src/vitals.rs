//! What the kernel says of a process: memory, files, threads, processor time.
//!
//! Refuses to ask the process itself.

use std::time::Duration;

use anyhow::{Context, Result};

/// Ticks of `/proc/<pid>/stat` in a second: `USER_HZ`, the same on every machine that this runs on.
const TICKS_PER_SECOND: u64 = 100;

/// A process at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Vitals {
    /// Bytes of memory that are in use and present (`VmRSS`).
    pub(crate) resident_bytes: u64,
    /// Open files, sockets among them.
    pub(crate) files: u64,
    /// Threads.
    pub(crate) threads: u64,
}

impl Vitals {
    /// Of a process that runs.
    ///
    /// # Errors
    /// When it is gone.
    pub(crate) fn of(pid: u32) -> Result<Self> {
        let status = read(pid, "status")?;
        let files = std::fs::read_dir(format!("/proc/{pid}/fd"))
            .with_context(|| format!("process {pid} is gone"))?;
        Ok(Self {
            resident_bytes: field(&status, "VmRSS:")? * 1024,
            files: u64::try_from(files.count())?,
            threads: field(&status, "Threads:")?,
        })
    }
}

/// The processor time that a process has used since it started, of all its threads.
///
/// # Errors
/// When it is gone.
pub(crate) fn processor_time(pid: u32) -> Result<Duration> {
    let ticks = ticks(&read(pid, "stat")?).context("/proc/<pid>/stat has another form")?;
    Ok(Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND))
}

/// The processor time of those threads of a process that have `part` in their names. What ends
/// takes its time with it.
///
/// # Errors
/// When the process is gone.
pub(crate) fn thread_time(pid: u32, part: &str) -> Result<Duration> {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task"))
        .with_context(|| format!("process {pid} is gone"))?;
    let mut nanos = 0;
    for thread in threads {
        let thread = thread?.path();
        let read = |name: &str| std::fs::read_to_string(thread.join(name)).unwrap_or_default();
        if read("comm").contains(part) {
            // time on a processor, time waiting for one, how often
            let ran = read("schedstat");
            nanos += ran
                .split(' ')
                .next()
                .and_then(|ran| ran.parse().ok())
                .unwrap_or(0);
        }
    }
    Ok(Duration::from_nanos(nanos))
}

/// The machine's load averages, over 1, 5 and 15 minutes, as the kernel writes them.
pub(crate) fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let averages: Vec<&str> = text.split_whitespace().take(3).collect();
    averages.join(" ")
}

fn read(pid: u32, name: &str) -> Result<String> {
    std::fs::read_to_string(format!("/proc/{pid}/{name}"))
        .with_context(|| format!("process {pid} is gone"))
}

fn field(status: &str, name: &str) -> Result<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.with_context(|| format!("/proc/<pid>/status has no {name}"))
}

/// `utime` and `stime`, the 14th and 15th field; the second is a name that may hold anything.
fn ticks(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(") ")?;
    let mut fields = after_name.split_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<u64>().ok();
    Some(next()? + next()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_read_by_what_the_kernel_says_of_it() {
        let pid = std::process::id();
        let before = Vitals::of(pid).unwrap();
        let files: Vec<_> = (0..20)
            .map(|_| std::fs::File::open("/proc/self/stat").unwrap())
            .collect();
        let memory = std::hint::black_box(vec![1_u8; 32 << 20]);
        let after = Vitals::of(pid).unwrap();
        assert!(after.files >= before.files + 15, "{before:?} {after:?}");
        let grown = after.resident_bytes.saturating_sub(before.resident_bytes);
        assert!(grown >= 24 << 20, "{before:?} {after:?}");
        assert!(after.threads >= 1);
        drop((files, memory));
        assert!(Vitals::of(u32::MAX).is_err());
    }

    #[test]
    fn processor_time_is_found_behind_any_name() {
        let stat = "7 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20";
        assert_eq!(ticks(stat), Some(300));
        assert!(processor_time(std::process::id()).is_ok());
    }

    #[test]
    fn threads_are_found_by_a_part_of_their_names() {
        let busy = std::thread::Builder::new().name("vitals-busy-1".to_owned());
        let busy = busy.spawn(|| {
            let start = std::time::Instant::now();
            while start.elapsed() < Duration::from_millis(100) {
                std::hint::spin_loop();
            }
            let pid = std::process::id();
            [
                thread_time(pid, "busy").unwrap(),
                thread_time(pid, "no such").unwrap(),
            ]
        });
        let [used, none] = busy.unwrap().join().unwrap();
        assert!(used > Duration::from_millis(1), "{used:?}");
        assert_eq!(none, Duration::ZERO);
    }
}
