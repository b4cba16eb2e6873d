//! What Flink's REST interface tells, as far as a switch needs it. Pure.

use std::path::PathBuf;

use serde_json::Value;

/// Flink answers with whole stack traces; so much of a line is told.
const MOST_MESSAGE_CHARS: usize = 400;

/// Why a call brought nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FlinkError {
    /// No answer, or none that can be trusted: whether the call had an effect is not known.
    #[error("Flink at {address} does not answer {call}: {message}")]
    Silent {
        /// Where.
        address: String,
        /// Which call.
        call: String,
        /// What happened instead.
        message: String,
    },
    /// Flink's refusal.
    #[error("Flink at {address} refuses {call} with {status}: {message}")]
    Refused {
        /// Where.
        address: String,
        /// Which call.
        call: String,
        /// The HTTP status.
        status: u16,
        /// Flink's words, their first line.
        message: String,
    },
    /// The jar cannot be read.
    #[error("the jar {} cannot be read: {message}", path.display())]
    NoJar {
        /// The jar.
        path: PathBuf,
        /// Why.
        message: String,
    },
}

impl FlinkError {
    /// Whether Flink may have done what it was asked for.
    pub fn is_silence(&self) -> bool {
        matches!(self, Self::Silent { .. })
    }

    pub(super) fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. })
    }
}

/// A job as `/jobs/overview` has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningJob {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: JobState,
}

/// The state of a job (`JobStatus`), as far as a switch tells states apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobState {
    /// All of it is running or being deployed.
    Running,
    /// It has come to its end.
    Finished,
    /// It has been cancelled.
    Canceled,
    /// It has failed for good.
    Failed,
    /// Something that may become one of the others, in Flink's words.
    Other(String),
}

impl JobState {
    pub(super) fn parse(text: &str) -> Self {
        match text {
            "RUNNING" => Self::Running,
            "FINISHED" => Self::Finished,
            "CANCELED" => Self::Canceled,
            "FAILED" => Self::Failed,
            other => Self::Other(other.to_owned()),
        }
    }

    /// Whether the job will do nothing more (`JobStatus.isGloballyTerminalState`).
    pub fn is_terminal(&self) -> bool {
        matches!(self, Self::Finished | Self::Canceled | Self::Failed)
    }

    /// As Flink writes it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Running => "RUNNING",
            Self::Finished => "FINISHED",
            Self::Canceled => "CANCELED",
            Self::Failed => "FAILED",
            Self::Other(text) => text,
        }
    }
}

/// A completed checkpoint, as its JobManager knows it (`/jobs/:id/checkpoints`); no savepoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completed {
    /// Its number.
    pub id: u64,
    /// When it was triggered, in milliseconds since the epoch.
    pub triggered_at_ms: u64,
    /// Its directory.
    pub path: Option<String>,
}

/// What Flink says in a refusal: of `{"errors": ["...", "<exception on side server: ..."]}` the
/// causes.
pub(super) fn refusal(text: &str) -> String {
    let document: Value = serde_json::from_str(text).unwrap_or_default();
    let errors = document["errors"].as_array().into_iter().flatten();
    let longest = errors
        .filter_map(Value::as_str)
        .max_by_key(|error| error.len());
    causes(longest.unwrap_or(text))
}

/// A stack trace in one line: its deepest cause says what happened.
pub(super) fn causes(trace: &str) -> String {
    let mut lines = trace.lines();
    let deepest = lines.rfind(|line| line.starts_with("Caused by: "));
    let deepest = deepest.map(|line| line.trim_start_matches("Caused by: "));
    let first = trace.lines().map(str::trim).find(|line| !line.is_empty());
    let line = deepest.or(first).unwrap_or("no reason given");
    line.chars().take(MOST_MESSAGE_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_refusal_is_one_line() {
        let answer = json!({"errors": [
            "Internal server error.",
            "<Exception on server side:\norg.A: Could not run\n\tat x\n\
             Caused by: org.B: no slot\n\tat y\nEnd>"
        ]});
        assert_eq!(refusal(&answer.to_string()), "org.B: no slot");
        let answer = json!({"errors": ["File x.jar does not exist."]});
        assert_eq!(refusal(&answer.to_string()), "File x.jar does not exist.");
        assert_eq!(
            refusal("<html>bad gateway</html>"),
            "<html>bad gateway</html>"
        );
        assert_eq!(refusal(""), "no reason given");
    }
}
