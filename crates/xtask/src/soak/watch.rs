//! Looks, once a second, at Flink, at the secondary through the judge, and at the processes.
//!
//! Writes down what it sees. Refuses to go on when Flink has ended by itself.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use harness::{Process, wait_until};

use super::flat::Sample;
use super::plan::Fault;
use super::record::{Circumstances, Record};
use super::stage::Stage;
use crate::command::output;
use crate::screen::Screen;
use crate::sites::now_ms;
use crate::vitals::Vitals;

const LOOK: Duration = Duration::from_secs(1);
/// Between two samples of a process.
const SAMPLE: Duration = Duration::from_secs(5);
/// Between two collections of the Java heaps, after which what lives is counted.
const COLLECT: Duration = Duration::from_mins(1);
/// For an answer of Flink, on a busy machine.
const ANSWER_LIMIT: Duration = Duration::from_mins(1);
/// So long after a fault the secondary may leave the judge without an answer.
const SETTLE: Duration = Duration::from_secs(30);
/// So long after a fault a checkpoint that completed after it has to be published.
pub(super) const CATCH_UP: Duration = Duration::from_mins(2);

/// Who watches.
pub(super) struct Watch<'a> {
    pub(super) stage: Stage,
    pub(super) record: Record,
    screen: &'a Screen,
    start: Instant,
    /// What lasts, and since when, in milliseconds since the epoch.
    fault: Option<(Fault, u64)>,
    flink_is_hit: bool,
    /// The job was told to come to its end.
    pub(super) finishes: bool,
    healed: Option<Instant>,
    sampled: Option<Instant>,
    collected: Option<Instant>,
}

impl<'a> Watch<'a> {
    /// The clock starts.
    pub(super) fn new(stage: Stage, screen: &'a Screen) -> Self {
        Self {
            stage,
            record: Record::default(),
            screen,
            start: Instant::now(),
            fault: None,
            flink_is_hit: false,
            finishes: false,
            healed: None,
            sampled: None,
            collected: None,
        }
    }

    /// Since the clock started.
    pub(super) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// Looks on for some time.
    ///
    /// # Errors
    /// When Flink has ended or does not answer, or nothing can be judged.
    pub(super) fn look_on(&mut self, time: Duration) -> Result<()> {
        let start = Instant::now();
        while start.elapsed() < time {
            self.look()?;
        }
        Ok(())
    }

    /// Lets a fault happen and looks on, until what completes after it is published.
    ///
    /// # Errors
    /// As [`Watch::look_on`], or when a process does not come back.
    pub(super) fn suffer(&mut self, fault: Fault, lasts: Duration) -> Result<()> {
        self.look()?;
        self.screen.line(&format!(
            "[{:6.1} s] {} for {:.1} s",
            self.elapsed().as_secs_f64(),
            fault.name(),
            lasts.as_secs_f64()
        ));
        self.flink_is_hit |= fault.is_of_flink();
        self.fault = Some((fault, now_ms()));
        self.stage.begin(fault)?;
        self.look_on(lasts)?;
        self.stage.end(fault)?;
        self.fault = None;
        *self.record.faults.entry(fault).or_default() += 1;
        self.catch_up(fault.name())
    }

    /// Waits until a checkpoint is published that completes from now on; that it is not is written
    /// down.
    ///
    /// # Errors
    /// As [`Watch::look_on`].
    pub(super) fn catch_up(&mut self, after: &str) -> Result<()> {
        let healed = Instant::now();
        self.healed = Some(healed);
        self.history()?;
        let newest = self.record.newest_completed();
        while self.record.newest_published() <= newest {
            if healed.elapsed() > CATCH_UP {
                self.record.violation(format!(
                    "{} s after \"{after}\", {:.0} s after the start, nothing above checkpoint \
                     {newest} was published",
                    CATCH_UP.as_secs(),
                    self.elapsed().as_secs_f64()
                ));
                break;
            }
            self.look()?;
        }
        self.record
            .catch_ups_ms
            .push(healed.elapsed().as_secs_f64() * 1e3);
        self.flink_is_hit = false;
        Ok(())
    }

    /// One look at everything.
    ///
    /// # Errors
    /// As [`Watch::look_on`].
    pub(super) fn look(&mut self) -> Result<()> {
        let start = Instant::now();
        let known = self.record.violations().len();
        self.alive()?;
        self.judge()?;
        self.history()?;
        self.sample()?;
        for violation in &self.record.violations()[known..] {
            self.screen.line(&format!("  {violation}"));
        }
        let [completed, published] = self.record.counts();
        self.screen.progress(format!(
            "{completed} checkpoints completed, {published} seen on the secondary, {} faults{}",
            self.record.faults.values().sum::<u32>(),
            self.fault
                .map_or(String::new(), |(fault, _)| format!("; {}", fault.name())),
        ));
        thread::sleep(LOOK.saturating_sub(start.elapsed()));
        Ok(())
    }

    fn alive(&self) -> Result<()> {
        for process in self.running() {
            ensure!(
                process.is_running(),
                "{} has ended by itself",
                process.label()
            );
        }
        Ok(())
    }

    /// Flink's processes, but for one that was killed.
    fn running(&self) -> impl Iterator<Item = &Process> {
        let killed = matches!(self.fault, Some((Fault::TaskManagerKilled, _)));
        self.stage
            .flink
            .processes()
            .take(if killed { 1 } else { usize::MAX })
    }

    fn judge(&mut self) -> Result<()> {
        if self.fault.is_some_and(|(fault, _)| !fault.lets_read()) {
            return Ok(());
        }
        match self.stage.judged() {
            Ok(found) => self.record.judged(&found),
            Err(_) if self.healed.is_some_and(|healed| healed.elapsed() < SETTLE) => {
                self.record.unanswered += 1;
            }
            Err(error) => return Err(error).context("the secondary cannot be judged"),
        }
        Ok(())
    }

    fn history(&mut self) -> Result<()> {
        let history = wait_until("the history of checkpoints", ANSWER_LIMIT, || {
            self.stage.rest().checkpoints(&self.stage.id)
        })?;
        let circumstances = Circumstances {
            fault_since_ms: self.fault.map(|(_, since_ms)| since_ms),
            flink_is_hit: self.flink_is_hit,
            finishes: self.finishes,
        };
        self.record.history(&history, circumstances);
        Ok(())
    }

    fn sample(&mut self) -> Result<()> {
        if !is_due(&mut self.sampled, SAMPLE) {
            return Ok(());
        }
        let collect = is_due(&mut self.collected, COLLECT);
        let seconds = self.elapsed().as_secs_f64();
        let mut samples = Vec::new();
        for process in self.running() {
            let pid = process.pid().context("a process of Flink has ended")?;
            samples.push(Sample {
                seconds,
                process: process.label().to_owned(),
                pid,
                vitals: Vitals::of(pid)?,
                heap_bytes: collect.then(|| live_heap(pid)).transpose()?,
            });
        }
        self.record.samples.append(&mut samples);
        Ok(())
    }
}

/// Whether it was last done so long ago; then it is done now.
fn is_due(last: &mut Option<Instant>, every: Duration) -> bool {
    let is_due = last.is_none_or(|last| last.elapsed() >= every);
    if is_due {
        *last = Some(Instant::now());
    }
    is_due
}

/// Bytes of all objects that live, after a full collection, by the JDK's own command.
fn live_heap(pid: u32) -> Result<u64> {
    let pid = pid.to_string();
    let histogram = output(Command::new("jcmd").args([&pid, "GC.class_histogram"]))?;
    let total = histogram.lines().rfind(|line| line.starts_with("Total"));
    let bytes = total.and_then(|line| line.split_whitespace().nth(2)?.parse().ok());
    bytes.with_context(|| format!("jcmd says no total of process {pid}"))
}
