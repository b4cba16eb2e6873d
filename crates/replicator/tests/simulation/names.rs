//! What a path on the secondary is. Written anew for the tests, from the table of
//! docs/publish-protocol.md. Pure.

/// Below the secondary's root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind<'a> {
    Inflight,
    /// What goes, on its way to deletion.
    Going,
    /// Of a job.
    Owner(&'a str),
    /// Of a job.
    Catalogue(&'a str),
    /// Which checkpoints a TaskManager leaves out.
    Stride,
    /// Digests of files; whether they are those that were put together.
    Digests(bool),
    /// Of a job's checkpoint.
    Metadata(&'a str, u64),
    State,
    /// What nothing is said of.
    Strange,
}

/// Below the root; none if it is not.
pub fn state_path(path: &str) -> Option<&str> {
    path.strip_prefix("/dr/cp/")
}

/// Where a file of the primary, by its path below the root, belongs on the secondary.
pub fn on_secondary(path: &str) -> String {
    format!("/dr/cp/{path}")
}

pub fn kind(path: &str) -> Kind<'_> {
    let Some(below) = state_path(path) else {
        return Kind::Strange;
    };
    let mut parts = below.splitn(4, '/');
    let parts = [(); 4].map(|()| parts.next().unwrap_or_default());
    match parts {
        [".dualwrite", "inflight", name, ""] if !name.is_empty() => Kind::Inflight,
        [".dualwrite", "claimed", _, name] => match name.split_once('/') {
            None if !name.is_empty() => Kind::Inflight,
            Some(_) => Kind::Going,
            None => Kind::Strange,
        },
        [".dualwrite", "owners", name, ""] => of_job(name, Kind::Owner),
        [".dualwrite", "catalogue", name, ""] => of_job(name, Kind::Catalogue),
        [".dualwrite", "strides", _, name] => of_job(name, |_| Kind::Stride),
        [".dualwrite", "digests", _, "collected"] => Kind::Digests(true),
        [".dualwrite", "digests", _, name] => match name.strip_prefix("new/") {
            Some(name) if !name.is_empty() => Kind::Digests(false),
            _ => Kind::Strange,
        },
        [".dualwrite", ..] => Kind::Strange,
        [job, chk, "_metadata", ""] => match chk.strip_prefix("chk-").map(str::parse) {
            Some(Ok(id)) => Kind::Metadata(job, id),
            _ => Kind::Strange,
        },
        [_, dir, name, ""] if !name.is_empty() => match dir {
            "shared" | "taskowned" => Kind::State,
            dir if dir.starts_with("chk-") => Kind::State,
            _ => Kind::Strange,
        },
        _ => Kind::Strange,
    }
}

fn of_job<'a>(name: &'a str, kind: fn(&'a str) -> Kind<'a>) -> Kind<'a> {
    name.strip_suffix(".json").map_or(Kind::Strange, kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_of_the_protocol_is_known() {
        let cases = [
            (".dualwrite/inflight/a-1", Kind::Inflight),
            (".dualwrite/claimed/j/a-1", Kind::Inflight),
            (".dualwrite/claimed/j/a-1/0", Kind::Going),
            (".dualwrite/claimed/j/a-1/0/x", Kind::Going),
            (".dualwrite/claimed/j", Kind::Strange),
            (".dualwrite/owners/j.json", Kind::Owner("j")),
            (".dualwrite/catalogue/j.json", Kind::Catalogue("j")),
            (".dualwrite/strides/j/a.json", Kind::Stride),
            (".dualwrite/strides/a.json", Kind::Strange),
            (".dualwrite/digests/j/new/a-1", Kind::Digests(false)),
            (".dualwrite/digests/j/collected", Kind::Digests(true)),
            (".dualwrite/digests/j/x", Kind::Strange),
            (".dualwrite/x", Kind::Strange),
            ("j/chk-7/_metadata", Kind::Metadata("j", 7)),
            ("j/chk-7/a", Kind::State),
            ("j/shared/a", Kind::State),
            ("j/taskowned/a", Kind::State),
            ("j/a", Kind::Strange),
            ("j/chk-7", Kind::Strange),
            ("j/chk-7/a/b", Kind::Strange),
        ];
        for (below, expected) in cases {
            assert_eq!(kind(&format!("/dr/cp/{below}")), expected, "{below}");
        }
        assert_eq!(kind("/cp/j/shared/a"), Kind::Strange);
    }
}
