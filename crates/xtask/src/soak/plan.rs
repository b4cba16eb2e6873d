//! Which fault comes when, by a seed. Pure.

use std::ops::RangeInclusive;
use std::time::Duration;

use fastrand::Rng;

/// From the end of one fault's consequences to the next fault, in milliseconds.
const QUIET_MS: RangeInclusive<u64> = 3_000..=40_000;
/// How long a fault lasts, in milliseconds.
const LASTS_MS: RangeInclusive<u64> = 1_000..=45_000;

/// Something that happens to processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    /// The secondary's NameNode is killed, and started again.
    NameNodeKilled,
    /// It is stopped, and goes on.
    NameNodeFrozen,
    /// It is killed and started again at once.
    NameNodeRestarted,
    /// It refuses all changes.
    SafeMode,
    /// The secondary's DataNode is killed, and started again.
    DataNodeKilled,
    /// It is stopped, and goes on.
    DataNodeFrozen,
    /// It is killed and started again at once.
    DataNodeRestarted,
    /// Both are killed, and started again.
    SecondaryKilled,
    /// Both are stopped, and go on.
    SecondaryFrozen,
    /// Flink's TaskManager is killed, and started again.
    TaskManagerKilled,
}

/// All of them.
pub(super) const FAULTS: [Fault; 10] = [
    Fault::NameNodeKilled,
    Fault::NameNodeFrozen,
    Fault::NameNodeRestarted,
    Fault::SafeMode,
    Fault::DataNodeKilled,
    Fault::DataNodeFrozen,
    Fault::DataNodeRestarted,
    Fault::SecondaryKilled,
    Fault::SecondaryFrozen,
    Fault::TaskManagerKilled,
];

impl Fault {
    /// For people.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::NameNodeKilled => "NameNode killed",
            Self::NameNodeFrozen => "NameNode frozen",
            Self::NameNodeRestarted => "NameNode restarted",
            Self::SafeMode => "safe mode",
            Self::DataNodeKilled => "DataNode killed",
            Self::DataNodeFrozen => "DataNode frozen",
            Self::DataNodeRestarted => "DataNode restarted",
            Self::SecondaryKilled => "secondary killed",
            Self::SecondaryFrozen => "secondary frozen",
            Self::TaskManagerKilled => "TaskManager killed",
        }
    }

    /// Whether it befalls Flink, whose checkpoints may then fail.
    pub(super) fn is_of_flink(self) -> bool {
        self == Self::TaskManagerKilled
    }

    /// Whether the files on the secondary can be read all the while.
    pub(super) fn lets_read(self) -> bool {
        matches!(self, Self::SafeMode | Self::TaskManagerKilled)
    }
}

/// A pause and the fault after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) quiet: Duration,
    pub(super) fault: Fault,
    pub(super) lasts: Duration,
}

/// Steps without end, the same for the same seed.
#[derive(Debug)]
pub(super) struct Plan(Rng);

impl Plan {
    pub(super) fn new(seed: u64) -> Self {
        Self(Rng::with_seed(seed))
    }

    /// The next step. One that would befall Flink is passed over unless `may_kill_flink`.
    pub(super) fn next(&mut self, may_kill_flink: bool) -> Step {
        loop {
            let step = Step {
                quiet: Duration::from_millis(self.0.u64(QUIET_MS)),
                fault: FAULTS[self.0.usize(..FAULTS.len())],
                lasts: Duration::from_millis(self.0.u64(LASTS_MS)),
            };
            if may_kill_flink || !step.fault.is_of_flink() {
                return step;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(seed: u64, may_kill_flink: bool) -> Vec<Step> {
        let mut plan = Plan::new(seed);
        (0..200).map(|_| plan.next(may_kill_flink)).collect()
    }

    #[test]
    fn a_seed_gives_the_same_steps_and_every_fault_comes() {
        assert_eq!(steps(7, true), steps(7, true));
        assert_ne!(steps(7, true), steps(8, true));
        for fault in FAULTS {
            assert!(
                steps(7, true).iter().any(|step| step.fault == fault),
                "{fault:?}"
            );
        }
    }

    #[test]
    fn flink_is_spared_where_it_must_be_without_another_order_of_the_rest() {
        let spared = steps(7, false);
        let mut all = steps(7, true);
        all.retain(|step| !step.fault.is_of_flink());
        assert_eq!(spared[..all.len()], all);
    }
}
