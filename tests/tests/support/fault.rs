//! What holds for every fault of the secondary: the primary does not notice, the log names the
//! cause once, nothing on the secondary dangles, and once it is over the newest checkpoint is
//! published without anybody's help. Refuses to know any fault.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use harness::{FlinkCluster, Process, wait_until};

use super::{INTERVAL, LIMIT, Sites, Stage, is_of_slow_link, now_ms, said};

/// Before, and during each fault at least.
const CHECKPOINTS: usize = 5;
/// From the end of a fault to the publication of the newest checkpoint: an interval, and what the
/// limits of the product allow. A probe comes 5 s after the one before at the latest and has four
/// calls; connections into a black hole may be found dead by four more; the JobManager copies what
/// nobody copied after a grace of 5 s.
pub const BACK_WITHIN: Duration = Duration::from_secs(INTERVAL.as_secs() + 5 + 8 * 4 + 5);

/// What is done to the secondary, and how it shows.
pub struct Fault {
    pub strike: fn(&Sites) -> Result<()>,
    pub heal: fn(&Sites) -> Result<()>,
    /// Whether the judge can read the secondary meanwhile.
    pub judged: bool,
    pub shows: Shows,
}

/// How a fault shows in the logs of Flink's processes.
#[derive(Debug, Clone, Copy)]
pub enum Shows {
    /// Every process says once that the secondary does not answer, and once that it does again.
    Silence,
    /// If it is over soon, perhaps no process notices; otherwise as [`Shows::Silence`].
    ShortSilence,
    /// The TaskManager says once under which reason its files are refused, in these words. Each
    /// process may say once that it could not make up for it. What was being written when the fault
    /// came may have looked like [`Shows::ShortSilence`], and again until the NameNode knew.
    Refusal {
        reason: &'static str,
        words: &'static str,
    },
    /// The JobManager says once that somebody has deleted what it knew. The TaskManager may have
    /// been writing one of the files that went.
    Deletion,
}

/// How many lines of a level each process has said before.
type Before = Vec<[usize; 3]>;

const LEVELS: [&str; 3] = ["ERROR", "WARN", "INFO"];

impl Stage {
    /// Lets the fault happen, and looks at all that must hold.
    pub fn endures(&mut self, fault: &Fault) -> Result<()> {
        let first = self.watched.newest()?;
        let healthy = now_ms();
        self.watched
            .complete_more_under(&mut self.judge, CHECKPOINTS)?;
        let before = self.before()?;

        let gone = now_ms();
        (fault.strike)(&self.sites).context("the fault does not come about")?;
        self.goes_on(fault, &before)?;
        let back = now_ms();
        let newest = self.watched.newest()?;

        (fault.heal)(&self.sites).context("the fault does not end")?;
        let healed = Instant::now();
        self.judge.until_published(&self.watched.id, newest - 1)?;
        let took = healed.elapsed();
        println!("published {:.1} s after the fault", took.as_secs_f64());
        ensure!(took < BACK_WITHIN, "published only after {took:?}");
        self.watched.complete_more_under(&mut self.judge, 2)?;

        self.watched.nothing_failed_after(first)?;
        self.watched.took_no_longer(gone..back, healthy..gone)?;
        wait_until("its end to be said", LIMIT, || {
            fault.shows.is_said(&self.flink, &before, true)
        })
    }

    /// What each process has said.
    fn before(&self) -> Result<Before> {
        let lines = |process| -> Result<[usize; 3]> {
            let [errors, warnings, infos] = LEVELS.map(|level| said(process, level));
            Ok([errors?.len(), warnings?.len(), infos?.len()])
        };
        self.flink.processes().map(lines).collect()
    }

    /// Checkpoints complete meanwhile, and the cause is said.
    fn goes_on(&mut self, fault: &Fault, before: &Before) -> Result<()> {
        let wanted = self.watched.completed()?.len() + CHECKPOINTS;
        let mut judged = || {
            if fault.judged {
                self.judge.published()?;
            }
            Ok(())
        };
        wait_until(
            "checkpoints under the fault, and its cause to be said",
            LIMIT,
            || {
                if let Err(error) = judged() {
                    return Ok(Err(error));
                }
                self.watched.has_completed(wanted)?;
                fault.shows.is_said(&self.flink, before, false)?;
                Ok::<_, anyhow::Error>(Ok(()))
            },
        )?
    }
}

impl Shows {
    /// Whether the logs have said since `before` what they must, and nothing else from warnings on.
    /// A process may take the fault for a slow link, and says so once.
    fn is_said(self, flink: &FlinkCluster, before: &Before, over: bool) -> Result<()> {
        for (process, before) in flink.processes().zip(before) {
            let mut lines = Vec::new();
            for (level, before) in LEVELS.iter().zip(before) {
                lines.push(said(process, level)?.split_off(*before));
            }
            let [errors, warnings, infos] = &lines[..] else {
                unreachable!("there are three levels");
            };
            ensure!(errors.is_empty(), "{}: {errors:#?}", process.label());
            self.is_said_by(process, warnings, infos, over)
                .with_context(|| format!("{} warned of {warnings:#?}", process.label()))?;
        }
        Ok(())
    }

    fn is_said_by(
        self,
        process: &Process,
        warnings: &[String],
        infos: &[String],
        over: bool,
    ) -> Result<()> {
        let count = |lines: &[String], words: &str| {
            lines.iter().filter(|line| line.contains(words)).count()
        };
        let silences = count(warnings, "does not answer");
        let ends = count(infos, "answers again");
        let silences_at_most = 1 + usize::from(matches!(self, Self::Refusal { .. }));
        ensure!(silences <= silences_at_most, "{silences} silences");
        ensure!(
            !over || ends == silences,
            "{ends} ends of {silences} silences"
        );
        let slow = warnings.iter().filter(|line| is_of_slow_link(line)).count();
        ensure!(slow <= 1, "more than one slow link");
        let rest = warnings.len() - silences - slow;
        match self {
            Self::Silence => ensure!(silences == 1 && rest == 0, "not one silence"),
            Self::ShortSilence => ensure!(rest == 0, "not only of a silence"),
            Self::Refusal { reason, words } => {
                let named = count(warnings, words);
                ensure!(named == rest, "not only of {words}");
                let refused = count(warnings, &format!("was not teed ({reason})"));
                let writes = process.label().contains("taskmanager");
                ensure!(
                    refused == usize::from(writes),
                    "{refused} refusals ({reason})"
                );
                ensure!(named - refused <= 1, "more than one failure of backfill");
            }
            Self::Deletion => {
                let deletions = count(warnings, "Somebody has deleted");
                let publishes = process.label().contains("jobmanager");
                ensure!(deletions == usize::from(publishes), "{deletions} deletions");
                let lost = count(warnings, "was not teed (other)");
                ensure!(
                    lost <= 1 && deletions + lost == rest,
                    "not only of a deletion"
                );
            }
        }
        Ok(())
    }
}
