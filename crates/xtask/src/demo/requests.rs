//! What a person types beside the dashboards. Pure, but for the reading.

use std::io::BufRead as _;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// What can be typed.
pub(super) const HELP: &str = "\
Type one of these, and Enter:
  freeze      the secondary's processes stand still, and keep their connections
  kill        the secondary's processes are killed
  safe-mode   the secondary refuses all changes
  heal        the secondary is well again
  wait N      nothing is done for N seconds
  end         all is stopped";

/// Something that was typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Request {
    Fault(Fault),
    Heal,
    Wait(Duration),
    End,
}

/// What may befall the secondary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    Frozen,
    Killed,
    SafeMode,
}

impl Fault {
    /// For people.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Frozen => "frozen",
            Self::Killed => "killed",
            Self::SafeMode => "in safe mode",
        }
    }
}

impl Request {
    fn parse(line: &str) -> Option<Self> {
        let words: Vec<_> = line.split_whitespace().collect();
        Some(match *words.as_slice() {
            ["freeze"] => Self::Fault(Fault::Frozen),
            ["kill"] => Self::Fault(Fault::Killed),
            ["safe-mode"] => Self::Fault(Fault::SafeMode),
            ["heal"] => Self::Heal,
            ["wait", seconds] => Self::Wait(Duration::from_secs(seconds.parse().ok()?)),
            ["end"] => Self::End,
            _ => return None,
        })
    }
}

/// What is typed from now on; a line that is none of it is none. After the last, it is closed.
pub(super) fn typed() -> Receiver<Option<Request>> {
    let (to, from) = channel();
    std::thread::spawn(move || {
        let lines = std::io::stdin().lock().lines();
        let lines = lines.map_while(Result::ok);
        for line in lines.filter(|line| !line.trim().is_empty()) {
            if to.send(Request::parse(&line)).is_err() {
                return;
            }
        }
    });
    from
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_help_names_is_understood_and_nothing_else() {
        let lines = HELP.lines().skip(1);
        let requests = lines.map(|line| {
            let typed = line.trim().split("  ").next().unwrap();
            let typed = typed.replace('N', "20");
            Request::parse(&typed).unwrap_or_else(|| panic!("{typed}"))
        });
        let requests: Vec<_> = requests.collect();
        assert_eq!(requests.len(), 6);
        assert!(requests.contains(&Request::Wait(Duration::from_secs(20))));
        for line in ["", "freeze now", "wait", "wait x", "wait -1", "q"] {
            assert_eq!(Request::parse(line), None, "{line}");
        }
    }
}
