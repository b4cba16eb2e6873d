//! What is to be done about one file of a checkpoint, by what both clusters tell of it. Pure.

use audit::{ErrorKind, FileReport, Finding};

use crate::Cannot;
use crate::needs::Need;

/// What is to be done about a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Decision {
    /// It is as it must be.
    Fine,
    /// It is missing.
    Copy,
    /// It is damaged.
    Replace,
    /// Nothing can be done.
    Cannot(Cannot),
}

/// Whether the source must be asked for a file.
pub(crate) fn is_wanted(target: &FileReport) -> bool {
    target.finding.is_some()
}

/// The source's copy is taken for the right one: what differs on the target is damaged.
pub(crate) fn judge(need: &Need, target: &FileReport, source: &FileReport) -> Decision {
    let lacks = match &target.finding {
        None => return Decision::Fine,
        Some(finding @ Finding::Unreadable { error, .. })
            if error.kind == ErrorKind::PermissionDenied =>
        {
            return Decision::Cannot(Cannot::from(finding));
        }
        Some(Finding::Missing { .. }) => Decision::Copy,
        Some(_) => Decision::Replace,
    };
    let here = &need.expected.location;
    let path = &need.source;
    match &source.finding {
        None => lacks,
        Some(Finding::Missing { .. }) => {
            let message = format!(
                "{here} is needed, and {path} is not on the source any more: nothing has it; take \
                 another checkpoint"
            );
            Decision::Cannot(Cannot::new("missing_at_source", path, message))
        }
        Some(Finding::WrongLength {
            expected, found, ..
        }) => {
            let message = format!(
                "{here} is needed, and {path} on the source has {found} bytes and must have \
                 {expected}, so it is damaged, too; take another checkpoint"
            );
            Decision::Cannot(Cannot::new("damaged_at_source", path, message))
        }
        Some(finding) => {
            let message = format!("{here} is needed, and {finding}");
            Decision::Cannot(Cannot::new("damaged_at_source", path, message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use audit::{Expected, Location, StoreError};

    fn at(text: &str) -> Location {
        Location::parse(text).unwrap()
    }

    fn report(finding: Option<Finding>) -> FileReport {
        FileReport {
            finding,
            silence: None,
        }
    }

    #[test]
    fn what_the_source_has_whole_is_copied_and_nothing_else() {
        let need = Need {
            source: at("hdfs://one/cp/a"),
            expected: Expected {
                location: at("hdfs://two/cp/a"),
                length: Some(5),
                exact: true,
            },
        };
        let path = at("hdfs://two/cp/a");
        let missing = || report(Some(Finding::Missing { path: path.clone() }));
        let short = || {
            report(Some(Finding::WrongLength {
                path: path.clone(),
                expected: 5,
                at_least: false,
                found: 4,
            }))
        };
        let differs = report(Some(Finding::DifferentContent {
            path: path.clone(),
            other: need.source.clone(),
            offset: 0,
        }));
        let unreadable = |kind| {
            let error = StoreError::new(kind, "read", "/cp/a", "");
            let path = path.clone();
            report(Some(Finding::Unreadable { path, error }))
        };
        let fine = || report(None);
        let lost = || unreadable(ErrorKind::Other);
        assert_eq!(judge(&need, &fine(), &missing()), Decision::Fine);
        assert_eq!(judge(&need, &missing(), &fine()), Decision::Copy);
        for damaged in [short(), differs, lost()] {
            assert_eq!(judge(&need, &damaged, &fine()), Decision::Replace);
        }
        let kind = |target: &FileReport, source: &FileReport| match judge(&need, target, source) {
            Decision::Cannot(cannot) => cannot.kind,
            other => panic!("{other:?}"),
        };
        assert_eq!(kind(&missing(), &missing()), "missing_at_source");
        assert_eq!(kind(&missing(), &short()), "damaged_at_source");
        assert_eq!(kind(&short(), &lost()), "damaged_at_source");
        let refused = unreadable(ErrorKind::PermissionDenied);
        assert_eq!(kind(&refused, &fine()), "unreadable");
    }
}
