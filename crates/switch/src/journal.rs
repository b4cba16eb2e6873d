//! What was done of a plan so far: a file beside it, one JSON line for each step, on disk before
//! the step's consequences. So an apply that was killed goes on where it was, and two at once are
//! refused. Never rewritten; a last line that was torn is passed over.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::{Checkpoint, Plan};

/// What was done of one job.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Progress {
    /// That it does not run at the source any more.
    pub stopped: Option<Stopped>,
    /// The last start that was asked for; it may or may not have reached Flink.
    pub submitted: Option<Submitted>,
    /// That it is done.
    pub done: Option<Done>,
}

/// A job does not run at the source any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stopped {
    /// Whether the source's Flink said so; otherwise a person did.
    pub certain: bool,
    /// When that was known, in milliseconds since the epoch.
    pub at_ms: u64,
    /// The newest checkpoint that it completed at the source, as its Flink told.
    pub newest_completed_id: Option<u64>,
}

/// A start that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submitted {
    /// The id that the job was to have.
    pub job_id: String,
    /// The checkpoint that it was started from.
    pub checkpoint: Checkpoint,
    /// When the apply that asked for it had begun, in milliseconds since the epoch.
    pub began_at_ms: u64,
}

/// A job runs at the target, and has completed a checkpoint there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// How much of the job's past was lost, in milliseconds: from the checkpoint's trigger to the
    /// job's end at the source, or, where that is not known, to its start at the target.
    pub rpo_ms: u64,
    /// From the apply's beginning until it was running, in milliseconds.
    pub running_after_ms: u64,
    /// From the apply's beginning until its first checkpoint was complete, in milliseconds; none if
    /// it came to its end before.
    pub first_checkpoint_after_ms: Option<u64>,
}

/// Why there is no journal to write to.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Another apply of the plan is at work.
    #[error(
        "{} is in use: another apply of this plan is running; wait for its end, or stop it",
        .0.display()
    )]
    InUse(PathBuf),
    /// It is of another plan.
    #[error(
        "{} is of another plan: the plan was made anew under the same name. If nothing of the \
         earlier one is to be resumed, move that file away",
        .0.display()
    )]
    OtherPlan(PathBuf),
    /// A line, other than the last, is not understood.
    #[error("{}, line {line}: {message}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        message: String,
    },
    /// The disk.
    #[error("{}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's words.
        error: std::io::Error,
    },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
enum Line {
    Plan {
        made_at_ms: u64,
        target: String,
    },
    Stopped {
        job: String,
        #[serde(flatten)]
        stopped: Stopped,
    },
    Submitting {
        job: String,
        #[serde(flatten)]
        submitted: Submitted,
    },
    Done {
        job: String,
        #[serde(flatten)]
        done: Done,
    },
}

/// The journal of one plan, held against others until it is dropped.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: Mutex<File>,
    jobs: BTreeMap<String, Progress>,
}

impl Journal {
    /// The name of the journal of the plan in this file.
    pub fn path_of(plan: &Path) -> PathBuf {
        let mut name = plan.as_os_str().to_owned();
        name.push(".progress");
        name.into()
    }

    /// Opens the journal of a plan, or begins it.
    ///
    /// # Errors
    /// When another apply has it, it is another plan's, or the disk does not do.
    pub fn open(path: &Path, plan: &Plan) -> Result<Self, JournalError> {
        let io = |error| JournalError::Io {
            path: path.to_owned(),
            error,
        };
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(path).map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(JournalError::InUse(path.to_owned())),
            Err(TryLockError::Error(error)) => return Err(io(error)),
        }
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(io)?;
        // A torn last line was never acted upon: what follows takes its place.
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        file.set_len(whole as u64).map_err(io)?;
        file.seek(SeekFrom::End(0)).map_err(io)?;
        let journal = Self {
            path: path.to_owned(),
            file: Mutex::new(file),
            jobs: read(path, &text[..whole], plan)?,
        };
        if whole == 0 {
            if let Some(dir) = path.parent() {
                // Its name must outlive the machine, too; what is no directory to sync is no harm.
                let _ = File::open(dir).and_then(|dir| dir.sync_all());
            }
            journal.write(&Line::Plan {
                made_at_ms: plan.made_at_ms,
                target: plan.target.root.clone(),
            })?;
        }
        Ok(journal)
    }

    /// What had been done of a job when the journal was opened.
    pub fn progress(&self, job: &str) -> Progress {
        self.jobs.get(job).cloned().unwrap_or_default()
    }

    /// Whether anything had been done.
    pub fn is_resumed(&self) -> bool {
        !self.jobs.is_empty()
    }

    /// Records that a job does not run at the source any more.
    ///
    /// # Errors
    /// When it is not on disk: then nothing may follow from it.
    pub fn stopped(&self, job: &str, stopped: &Stopped) -> Result<(), JournalError> {
        self.write(&Line::Stopped {
            job: job.to_owned(),
            stopped: stopped.clone(),
        })
    }

    /// Records that a job is about to be started.
    ///
    /// # Errors
    /// When it is not on disk: then it must not be started.
    pub fn submitting(&self, job: &str, submitted: &Submitted) -> Result<(), JournalError> {
        self.write(&Line::Submitting {
            job: job.to_owned(),
            submitted: submitted.clone(),
        })
    }

    /// Records that a job is done.
    ///
    /// # Errors
    /// When it is not on disk.
    pub fn done(&self, job: &str, done: &Done) -> Result<(), JournalError> {
        self.write(&Line::Done {
            job: job.to_owned(),
            done: done.clone(),
        })
    }

    fn write(&self, line: &Line) -> Result<(), JournalError> {
        let io = |error| JournalError::Io {
            path: self.path.clone(),
            error,
        };
        let mut bytes = serde_json::to_vec(line).map_err(|error| io(error.into()))?;
        bytes.push(b'\n');
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(&bytes).map_err(io)?;
        file.sync_data().map_err(io)
    }
}

fn read(path: &Path, text: &str, plan: &Plan) -> Result<BTreeMap<String, Progress>, JournalError> {
    let mut jobs: BTreeMap<String, Progress> = BTreeMap::new();
    for (at, line) in text.lines().enumerate() {
        let malformed = |message: String| JournalError::Malformed {
            path: path.to_owned(),
            line: at + 1,
            message,
        };
        let line = serde_json::from_str(line).map_err(|error| malformed(error.to_string()))?;
        match line {
            Line::Plan { made_at_ms, target } => {
                if (made_at_ms, &target) != (plan.made_at_ms, &plan.target.root) {
                    return Err(JournalError::OtherPlan(path.to_owned()));
                }
            }
            _ if at == 0 => return Err(malformed("it does not say of which plan it is".into())),
            Line::Stopped { job, stopped } => jobs.entry(job).or_default().stopped = Some(stopped),
            Line::Submitting { job, submitted } => {
                jobs.entry(job).or_default().submitted = Some(submitted);
            }
            Line::Done { job, done } => jobs.entry(job).or_default().done = Some(done),
        }
    }
    Ok(jobs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::plan;

    fn stopped() -> Stopped {
        Stopped {
            certain: true,
            at_ms: 5,
            newest_completed_id: Some(42),
        }
    }

    fn submitted() -> Submitted {
        Submitted {
            job_id: "00ff".to_owned(),
            checkpoint: plan().jobs[0].checkpoint.clone(),
            began_at_ms: 4,
        }
    }

    fn done() -> Done {
        Done {
            rpo_ms: 1,
            running_after_ms: 2,
            first_checkpoint_after_ms: Some(3),
        }
    }

    #[test]
    fn what_was_done_is_known_after_it_is_opened_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = Journal::path_of(&dir.path().join("plan.json"));
        assert_eq!(path, dir.path().join("plan.json.progress"));
        let journal = Journal::open(&path, &plan()).unwrap();
        assert!(!journal.is_resumed());
        journal.stopped("a", &stopped()).unwrap();
        journal.submitting("a", &submitted()).unwrap();
        journal.stopped("b", &stopped()).unwrap();
        assert!(matches!(
            Journal::open(&path, &plan()),
            Err(JournalError::InUse(_))
        ));
        drop(journal);

        let journal = Journal::open(&path, &plan()).unwrap();
        assert!(journal.is_resumed());
        let a = Progress {
            stopped: Some(stopped()),
            submitted: Some(submitted()),
            done: None,
        };
        assert_eq!(journal.progress("a"), a);
        assert_eq!(journal.progress("c"), Progress::default());
        journal.done("a", &done()).unwrap();
        drop(journal);
        let journal = Journal::open(&path, &plan()).unwrap();
        assert_eq!(journal.progress("a").done, Some(done()));
        assert_eq!(journal.progress("b").stopped, Some(stopped()));
    }

    #[test]
    fn a_torn_line_is_as_if_it_had_never_been() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("progress");
        let journal = Journal::open(&path, &plan()).unwrap();
        journal.stopped("a", &stopped()).unwrap();
        let whole = std::fs::read(&path).unwrap();
        journal.submitting("a", &submitted()).unwrap();
        drop(journal);
        let all = std::fs::read(&path).unwrap();
        for end in whole.len()..all.len() {
            std::fs::write(&path, &all[..end]).unwrap();
            let journal = Journal::open(&path, &plan()).unwrap();
            assert_eq!(journal.progress("a").submitted, None, "{end}");
            assert_eq!(journal.progress("a").stopped, Some(stopped()), "{end}");
            journal.submitting("a", &submitted()).unwrap();
            drop(journal);
            assert_eq!(std::fs::read(&path).unwrap(), all, "{end}");
        }
    }

    #[test]
    fn another_plans_journal_and_a_damaged_one_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("progress");
        drop(Journal::open(&path, &plan()).unwrap());
        let mut later = plan();
        later.made_at_ms += 1;
        let error = Journal::open(&path, &later).unwrap_err();
        assert!(matches!(error, JournalError::OtherPlan(_)), "{error}");
        for text in ["rubbish\n", "{\"step\":\"stopped\"}\n", "\n"] {
            std::fs::write(&path, text).unwrap();
            let error = Journal::open(&path, &plan()).unwrap_err();
            assert!(
                matches!(error, JournalError::Malformed { line: 1, .. }),
                "{error}"
            );
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
    }
}
