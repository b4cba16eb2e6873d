//! What a path below a secondary's root can be: the product's own names and Flink's, and nothing
//! else. Pure; refuses to guess: what has no name of these is unknown, and stays.

use audit::{CheckpointDir, METADATA};
use serde::{Deserialize, Serialize};

/// Why nobody needs something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A file that a process had not finished when it ended.
    InFlight,
    /// What a leader that is gone was about to publish or to delete.
    Claimed,
    /// Which checkpoints a process leaves out, of a job that publishes no more.
    Stride,
    /// Digests of files, of a job that publishes no more.
    Digests,
    /// A file in the directory of a checkpoint that was not published, or is not any more.
    Unpublished,
    /// A file that no published checkpoint names.
    Unnamed,
    /// A directory of a job with nothing in it.
    EmptyDirectory,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::InFlight,
        Self::Claimed,
        Self::Stride,
        Self::Digests,
        Self::Unpublished,
        Self::Unnamed,
        Self::EmptyDirectory,
    ];

    /// The name in documents.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InFlight => "in_flight",
            Self::Claimed => "claimed",
            Self::Stride => "stride",
            Self::Digests => "digests",
            Self::Unpublished => "unpublished",
            Self::Unnamed => "unnamed",
            Self::EmptyDirectory => "empty_directory",
        }
    }

    /// Whether a published checkpoint could name it, so that its job must be claimed first.
    pub(crate) fn is_state(self) -> bool {
        matches!(self, Self::Unpublished | Self::Unnamed)
    }
}

/// What a path below the root is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spot<'a> {
    /// A directory in which more is known.
    Way,
    InFlight,
    /// Of a job, all that follow.
    Owner(&'a str),
    Catalogue(&'a str),
    Claimed(&'a str),
    Stride(&'a str),
    Digests(&'a str),
    /// When a job was last shown to be restorable. It goes with nothing: who asks is people.
    LastGood,
    /// The job's directory.
    Job(&'a str),
    Metadata(&'a str),
    /// A file or directory that a checkpoint may name or be in.
    State(&'a str),
    /// Why it is left as it is.
    Unknown(&'static str),
}

const OTHERS: &str = "it has no name that is known";
const NO_OWN_DIRECTORY: &str =
    "it is of jobs without a directory of their own, among which it cannot be told whose it is";

/// What `below` is, a path relative to the root.
pub(crate) fn spot(below: &str) -> Spot<'_> {
    let parts: Vec<&str> = below.split('/').collect();
    if parts.iter().any(|part| ["", ".", ".."].contains(part)) {
        return Spot::Unknown(OTHERS);
    }
    match parts.as_slice() {
        [".dualwrite", own @ ..] => own_spot(own),
        [job] if is_job_id(job) => Spot::Job(job),
        [job, dir] if is_job_id(job) && is_flinks(dir) => Spot::State(job),
        [job, dir, METADATA] if is_job_id(job) && is_checkpoint(dir) => Spot::Metadata(job),
        [.., METADATA] => Spot::Unknown("it is a _metadata where Flink looks for none"),
        [job, dir, ..] if is_job_id(job) && is_flinks(dir) => Spot::State(job),
        [dir, ..] if is_flinks(dir) => Spot::Unknown(NO_OWN_DIRECTORY),
        _ => Spot::Unknown(OTHERS),
    }
}

fn own_spot<'a>(parts: &[&'a str]) -> Spot<'a> {
    match parts {
        []
        | [
            "inflight" | "staged" | "owners" | "catalogue" | "strides" | "digests" | "claimed"
            | "last-good",
        ]
        | ["last-good" | "staged", _]
        | ["staged", _, _] => Spot::Way,
        ["inflight", _] | ["staged", _, _, _] => Spot::InFlight,
        ["last-good", _, "verify.json" | "drill.json"] => Spot::LastGood,
        ["owners", name] => of_job(name, Spot::Owner),
        ["catalogue", name] => of_job(name, Spot::Catalogue),
        ["strides", job] if is_job_id(job) => Spot::Way,
        ["strides", job, name] if is_job_id(job) && name.strip_suffix(".json").is_some() => {
            Spot::Stride(job)
        }
        ["digests", job] | ["digests", job, "new"] if is_job_id(job) => Spot::Way,
        ["digests", job, "collected"] | ["digests", job, "new", _] if is_job_id(job) => {
            Spot::Digests(job)
        }
        ["claimed", job, ..] if is_job_id(job) => Spot::Claimed(job),
        _ => Spot::Unknown(OTHERS),
    }
}

fn of_job<'a>(name: &'a str, spot: fn(&'a str) -> Spot<'a>) -> Spot<'a> {
    let id = name.strip_suffix(".json").filter(|id| is_job_id(id));
    id.map_or(Spot::Unknown(OTHERS), spot)
}

/// As Flink writes them: 32 hexadecimal digits.
pub(crate) fn is_job_id(name: &str) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    name.len() == 32 && name.bytes().all(is_digit)
}

fn is_flinks(name: &str) -> bool {
    ["shared", "taskowned"].contains(&name) || is_checkpoint(name)
}

/// Not `chk-007`, which is not where Flink looks for 7.
fn is_checkpoint(name: &str) -> bool {
    CheckpointDir::parse(name).is_some_and(|dir| dir.to_string() == name)
}

/// Whether a path can be of that kind.
pub(crate) fn fits(kind: Kind, below: &str) -> bool {
    match (kind, spot(below)) {
        (Kind::InFlight, Spot::InFlight)
        | (Kind::Claimed, Spot::Claimed(_))
        | (Kind::Stride, Spot::Stride(_))
        | (Kind::Digests, Spot::Digests(_))
        | (Kind::EmptyDirectory, Spot::Job(_) | Spot::State(_)) => true,
        (Kind::Unpublished | Kind::Unnamed, Spot::State(_)) => below.split('/').count() > 2,
        _ => false,
    }
}

/// The job to which a path belongs, if it does to one.
pub(crate) fn job_of(below: &str) -> Option<&str> {
    match spot(below) {
        Spot::Claimed(job)
        | Spot::Stride(job)
        | Spot::Digests(job)
        | Spot::Job(job)
        | Spot::State(job) => Some(job),
        _ => None,
    }
}

/// The directory of a checkpoint that a path is in, relative to the root.
pub(crate) fn checkpoint_of(below: &str) -> Option<&str> {
    let (job, rest) = below.split_once('/')?;
    let name = rest.split('/').next().filter(|name| is_checkpoint(name))?;
    Some(&below[..job.len() + 1 + name.len()])
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOB: &str = "a1b2c3d4e5f60718293a4b5c6d7e8f90";

    #[test]
    fn every_name_is_known_and_no_other() {
        let state = |below: &str| format!("{JOB}/{below}");
        let cases = [
            (".dualwrite".to_owned(), Spot::Way),
            (".dualwrite/inflight/w-1".to_owned(), Spot::InFlight),
            (format!(".dualwrite/owners/{JOB}.json"), Spot::Owner(JOB)),
            (
                format!(".dualwrite/catalogue/{JOB}.json"),
                Spot::Catalogue(JOB),
            ),
            (format!(".dualwrite/claimed/{JOB}"), Spot::Claimed(JOB)),
            (
                format!(".dualwrite/claimed/{JOB}/w-1/0"),
                Spot::Claimed(JOB),
            ),
            (
                format!(".dualwrite/strides/{JOB}/w.json"),
                Spot::Stride(JOB),
            ),
            (
                format!(".dualwrite/digests/{JOB}/new/w-1"),
                Spot::Digests(JOB),
            ),
            (
                format!(".dualwrite/digests/{JOB}/collected"),
                Spot::Digests(JOB),
            ),
            (".dualwrite/last-good/k".to_owned(), Spot::Way),
            (
                ".dualwrite/last-good/k/drill.json".to_owned(),
                Spot::LastGood,
            ),
            (".dualwrite/staged/plan/1/x".to_owned(), Spot::InFlight),
            (JOB.to_owned(), Spot::Job(JOB)),
            (state("chk-7"), Spot::State(JOB)),
            (state("chk-7/_metadata"), Spot::Metadata(JOB)),
            (state("chk-7/a/b"), Spot::State(JOB)),
            (state("shared/a"), Spot::State(JOB)),
            (state("taskowned/a"), Spot::State(JOB)),
        ];
        for (below, expected) in cases {
            assert_eq!(spot(&below), expected, "{below}");
        }
        for below in [
            "",
            "job",
            "chk-7",
            "chk-7/a",
            "shared/a",
            ".dualwrite/x",
            ".dualwrite/inflight/a/b",
            ".dualwrite/owners/x.json",
            ".dualwrite/strides/x",
            ".dualwrite/digests/x",
            ".dualwrite/last-good/k/x",
            &state("chk-007"),
            &state("chk-007/a"),
            &state("shared/_metadata"),
            &state("chk-7/a/_metadata"),
            &state("savepoint-1"),
            &state("../x"),
            &state("shared//a"),
        ] {
            assert!(matches!(spot(below), Spot::Unknown(_)), "{below}");
        }
    }

    #[test]
    fn a_kind_has_its_places() {
        let metadata = format!("{JOB}/chk-7/_metadata");
        for kind in Kind::ALL {
            assert!(!fits(kind, &metadata), "{kind:?}");
            assert!(!fits(kind, &format!(".dualwrite/owners/{JOB}.json")));
        }
        assert!(fits(Kind::Unnamed, &format!("{JOB}/shared/a")));
        assert!(!fits(Kind::Unnamed, &format!("{JOB}/shared")));
        assert!(fits(Kind::EmptyDirectory, &format!("{JOB}/shared")));
        assert_eq!(
            checkpoint_of(&format!("{JOB}/chk-7/a")),
            Some(&*format!("{JOB}/chk-7"))
        );
        assert_eq!(checkpoint_of(&format!("{JOB}/shared/a")), None);
    }
}
