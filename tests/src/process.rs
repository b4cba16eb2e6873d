//! One child process: started, frozen, killed, started again with the same command.
//!
//! Refuses to outlive its test: the kernel kills it when the test process ends in whatever way.

use std::ffi::{OsStr, OsString};
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use anyhow::{Context, Result, anyhow};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// How a process is started, each time anew.
#[derive(Debug, Clone)]
pub(crate) struct Launch {
    /// For people: `primary/namenode`.
    pub(crate) label: String,
    /// Program and arguments.
    pub(crate) command: Vec<OsString>,
    /// Added to the environment of the test.
    pub(crate) env: Vec<(String, OsString)>,
    /// Where the process runs.
    pub(crate) directory: PathBuf,
    /// Standard output and error, appended to over restarts.
    pub(crate) log: PathBuf,
    /// Whether the process is to stay when the test ends.
    pub(crate) keep: bool,
}

/// A child process of the test. All methods may be called from any thread.
#[derive(Debug)]
pub struct Process {
    launch: Launch,
    child: Mutex<Option<Child>>,
}

impl Process {
    /// Starts it; does not wait until it is ready.
    pub(crate) fn start(launch: Launch) -> Result<Self> {
        let process = Self::prepare(launch);
        process.restart()?;
        Ok(process)
    }

    /// One that [`Process::restart`] starts.
    pub(crate) fn prepare(launch: Launch) -> Self {
        Self {
            launch,
            child: Mutex::new(None),
        }
    }

    /// Kills it if it runs, then starts it with the command of the first time.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn restart(&self) -> Result<()> {
        self.kill();
        let log = open_log(&self.launch.log)?;
        let mut command = guarded(&self.launch.command, self.launch.keep);
        command
            .envs(self.launch.env.iter().map(|(k, v)| (k, v)))
            .current_dir(&self.launch.directory)
            .stdin(Stdio::null())
            .stderr(log.try_clone().context("cannot share a log file")?)
            .stdout(log);
        let child = spawn(command)
            .with_context(|| format!("cannot start {} by setpriv", self.launch.label))?;
        *self.child() = Some(child);
        Ok(())
    }

    /// SIGKILL, and waits until the process is gone. Harmless when it is not running.
    pub fn kill(&self) {
        if let Some(mut child) = self.child().take() {
            // Both fail only for a process that is gone already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// SIGTERM: asks the process to end by itself.
    ///
    /// # Errors
    /// When the process is not running.
    pub fn terminate(&self) -> Result<()> {
        self.signal(Signal::SIGTERM)
    }

    /// SIGSTOP: the process keeps its connections but answers nothing.
    ///
    /// # Errors
    /// When the process is not running.
    pub fn freeze(&self) -> Result<()> {
        self.signal(Signal::SIGSTOP)
    }

    /// SIGCONT: ends [`Process::freeze`].
    ///
    /// # Errors
    /// When the process is not running.
    pub fn thaw(&self) -> Result<()> {
        self.signal(Signal::SIGCONT)
    }

    /// Whether it was started and has not ended; a frozen one runs.
    pub fn is_running(&self) -> bool {
        self.child()
            .as_mut()
            .is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// Its process id, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.is_running()
            .then(|| self.child().as_ref().map(Child::id))?
    }

    /// Its name in messages, e.g. `primary/namenode`.
    pub fn label(&self) -> &str {
        &self.launch.label
    }

    /// The file of its standard output and error, over all restarts.
    pub fn log_path(&self) -> &Path {
        &self.launch.log
    }

    /// What is in [`Process::log_path`] by now.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn log(&self) -> Result<String> {
        let bytes = std::fs::read(&self.launch.log)
            .with_context(|| format!("cannot read {}", self.launch.log.display()))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// What follows `words` in the last line of its log that has them: in its last life.
    ///
    /// # Errors
    /// When the file cannot be read, or no line has them.
    pub fn last_said(&self, words: &str) -> Result<String> {
        let log = self.log()?;
        let mut lines = log.lines().rev();
        let rest = lines.find_map(|line| Some(line.split_once(words)?.1.to_owned()));
        rest.with_context(|| format!("{} has not said: {words}", self.launch.label))
    }

    /// An error that says that this process ended by itself, with the end of its log.
    pub(crate) fn ended(&self) -> anyhow::Error {
        let log = self.log().unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let tail = lines[lines.len().saturating_sub(25)..].join("\n");
        anyhow!(
            "{} ended by itself; the end of {}:\n{tail}",
            self.launch.label,
            self.launch.log.display()
        )
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let pid = self
            .pid()
            .with_context(|| format!("{} is not running: start it first", self.launch.label))?;
        let pid = Pid::from_raw(i32::try_from(pid).context("a process id beyond 2^31")?);
        kill(pid, signal).with_context(|| format!("cannot send {signal} to {}", self.launch.label))
    }

    fn child(&self) -> MutexGuard<'_, Option<Child>> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !self.launch.keep {
            self.kill();
        }
    }
}

/// A command that the kernel kills together with the test process, unless it is to be kept.
pub(crate) fn guarded<S: AsRef<OsStr>>(command: &[S], keep: bool) -> Command {
    // A test killed before `setpriv` has asked for the signal is no longer the parent.
    const PARENT_LIVES: &str = r#"[ "$PPID" = "$0" ] && exec "$@""#;
    let mut guarded = Command::new(if keep { "setsid" } else { "setpriv" });
    if !keep {
        guarded
            .args(["--pdeathsig", "KILL", "--", "sh", "-c", PARENT_LIVES])
            .arg(std::process::id().to_string());
    }
    guarded.args(command);
    guarded
}

/// Starts a command from a thread that lives as long as this process: the kernel ties the death
/// signal to the *thread* that started the child (prctl(2), `PR_SET_PDEATHSIG`), and a test's own
/// threads end earlier.
pub(crate) fn spawn(command: Command) -> Result<Child> {
    type Order = (Command, Sender<std::io::Result<Child>>);
    static STARTER: OnceLock<Mutex<Sender<Order>>> = OnceLock::new();
    let starter = STARTER.get_or_init(|| {
        let (orders, inbox) = channel::<Order>();
        std::thread::spawn(move || {
            for (mut command, reply) in inbox {
                // The one who ordered waits for the reply, below.
                let _ = reply.send(command.spawn());
            }
        });
        Mutex::new(orders)
    });
    let (reply, answer) = channel();
    starter
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .send((command, reply))
        .map_err(|_| anyhow!("the starting thread is gone"))?;
    answer
        .recv()
        .context("the starting thread is gone")?
        .context("is util-linux installed?")
}

fn open_log(path: &Path) -> Result<File> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .with_context(|| format!("cannot write the log {}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::time::Duration;

    use super::*;
    use crate::run::Run;
    use crate::wait::wait_until;

    const STAY: &str = "DUALWRITE_TEST_STAY";

    fn sleeper(run: &Run) -> Process {
        Process::start(Launch {
            label: "sleeper".to_owned(),
            command: vec!["sleep".into(), "1000".into()],
            env: Vec::new(),
            directory: run.log_dir().to_owned(),
            log: run.log_dir().join("sleeper.log"),
            keep: false,
        })
        .unwrap()
    }

    fn state(pid: u32) -> Option<char> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        stat.rsplit(") ").next()?.chars().next()
    }

    /// With [`STAY`] set it is the victim of the test below.
    #[test]
    fn a_process_is_frozen_thawed_killed_and_started_again() {
        let run = Run::new("process::sleeper").unwrap();
        let process = sleeper(&run);
        let pid = process.pid().unwrap();
        if std::env::var_os(STAY).is_some() {
            println!("\nsleeper {pid}");
            loop {
                std::thread::park();
            }
        }
        let limit = Duration::from_secs(10);
        let wait_for = |pid, expected| {
            wait_until("its state", limit, || match state(pid) {
                now if now == expected => Ok(()),
                now => Err(format!("{now:?}")),
            })
            .unwrap();
        };
        process.freeze().unwrap();
        wait_for(pid, Some('T'));
        assert!(process.is_running());
        process.thaw().unwrap();
        wait_for(pid, Some('S'));
        process.kill();
        assert_eq!(state(pid), None);
        assert!(!process.is_running() && process.freeze().is_err());
        process.restart().unwrap();
        assert_ne!(process.pid().unwrap(), pid);
        run.passed();
    }

    #[test]
    fn nothing_outlives_a_test_that_is_killed() {
        let mut victim = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture", "process::tests::"])
            .arg("process::tests::a_process_is_frozen_thawed_killed_and_started_again")
            .env(STAY, "1")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(victim.stdout.take().unwrap());
        let pid: u32 = output
            .lines()
            .map_while(std::result::Result::ok)
            .find_map(|line| line.strip_prefix("sleeper ")?.parse().ok())
            .expect("the victim has started its process");
        assert!(state(pid).is_some());
        let folder = format!("runs/process__sleeper.{}.0", victim.id());
        let folder = crate::harness_dir().join(folder);
        assert!(folder.exists(), "{}", folder.display());
        victim.kill().unwrap();
        victim.wait().unwrap();
        wait_until(
            "the victim's process and data to be gone",
            Duration::from_secs(10),
            || {
                match (state(pid), folder.exists()) {
                    // Nobody may be there to collect a zombie.
                    (None | Some('Z'), false) => Ok(()),
                    now => Err(format!("{now:?}")),
                }
            },
        )
        .unwrap();
    }
}
