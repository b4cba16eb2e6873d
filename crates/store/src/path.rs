//! The form that every path given to a store must have (sentence 1 of the contract).
//!
//! Refuses to repair a path: what is not in its one normal form is an error of the caller.

use crate::{ErrorKind, Result, StoreError};

/// Refuses what is not absolute and normal: `/a/b`, or `/` alone.
pub(crate) fn check(operation: &'static str, path: &str) -> Result<()> {
    let accepted = path == "/"
        || path.strip_prefix('/').is_some_and(|rest| {
            rest.split('/')
                .all(|part| !matches!(part, "" | "." | "..") && !part.contains('\0'))
        });
    if accepted {
        return Ok(());
    }
    Err(StoreError::new(
        ErrorKind::Invalid,
        operation,
        path,
        "give an absolute path like /a/b: no scheme, no authority, no `.`, `..`, `//` or last `/`",
    ))
}

/// The directory that holds `path`; `None` for the root.
pub(crate) fn parent(path: &str) -> Option<&str> {
    match path.rfind('/') {
        _ if path == "/" => None,
        Some(0) => Some("/"),
        Some(at) => Some(&path[..at]),
        None => None,
    }
}

/// `dir` as a prefix of the paths of all that lies beneath it.
pub(crate) fn as_prefix(dir: &str) -> String {
    if dir == "/" {
        dir.to_owned()
    } else {
        [dir, "/"].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_normal_form_is_accepted() {
        for good in ["/", "/a", "/a/b.c", "/a/..b", "/a b/ü"] {
            assert!(check("stat", good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "a",
            "a/b",
            "/a/",
            "//a",
            "/a//b",
            "/a/./b",
            "/..",
            "hdfs://nn/a",
            "file:/a",
        ] {
            assert_eq!(
                check("stat", bad).unwrap_err().kind,
                ErrorKind::Invalid,
                "{bad}"
            );
        }
    }

    #[test]
    fn parents() {
        assert_eq!(parent("/"), None);
        assert_eq!(parent("/a"), Some("/"));
        assert_eq!(parent("/a/b"), Some("/a"));
        assert_eq!(as_prefix("/"), "/");
        assert_eq!(as_prefix("/a"), "/a/");
    }
}
