//! What tests and demo take from the distribution, besides Rust, a JDK and Maven. Refuses to go on
//! without it.

use std::io::stderr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::command::run;

/// Programs, each with Debian's package of it.
type Needed = &'static [(&'static str, &'static str)];

/// Of the demo with dashboards.
pub(crate) const OF_DASHBOARDS: Needed = &[SETPRIV, PROMETHEUS];
/// Of the demo.
pub(crate) const OF_THE_DEMO: Needed = &[SETPRIV];
/// Of the tests.
pub(crate) const OF_THE_TESTS: Needed = &[
    SETPRIV,
    PROMETHEUS,
    ("promtool", "prometheus"),
    ("unzip", "unzip"),
    ("ip", "iproute2"),
    ("tc", "iproute2"),
    ("mkfs.ext4", "e2fsprogs"),
    ("openssl", "openssl"),
];
const SETPRIV: (&str, &str) = ("setpriv", "util-linux");
const PROMETHEUS: (&str, &str) = ("prometheus", "prometheus");

/// Installs what is missing; says so on standard error.
///
/// # Errors
/// When apt-get does not do it: with what is missing.
pub(crate) fn install(needed: Needed) -> Result<()> {
    let missing = missing(needed, is_there);
    if missing.is_empty() {
        return Ok(());
    }
    eprintln!("installing {}", missing.join(" "));
    let apt = |words: &[&str]| {
        let mut apt = Command::new("apt-get");
        apt.env("DEBIAN_FRONTEND", "noninteractive")
            .stdout(stderr());
        run(apt.args(words))
    };
    let quietly = ["install", "-qq", "-y", "--no-install-recommends"];
    apt(&["update", "-qq"])
        .and_then(|()| apt(&[&quietly, &missing[..]].concat()))
        .with_context(|| {
            let packages = missing.join(" ");
            format!("packages are missing, by Debian's names: {packages}; root can install them")
        })
}

/// The packages of those that are not there, each once.
fn missing(needed: Needed, is_there: impl Fn(&str) -> bool) -> Vec<&'static str> {
    let missing = needed.iter().filter(|(program, _)| !is_there(program));
    let mut packages: Vec<_> = missing.map(|(_, package)| *package).collect();
    packages.dedup();
    packages
}

/// Where the shell would find it, or where root's shell would.
fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let of_root = ["/usr/sbin", "/sbin"].map(|dir| Path::new(dir).to_owned());
    let mut dirs = std::env::split_paths(&path).chain(of_root);
    dirs.any(|dir| dir.join(program).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_not_installed_and_a_package_once() {
        assert!(missing(OF_THE_TESTS, |_| true).is_empty());
        let without = |those: &'static [&str]| missing(OF_THE_TESTS, |name| !those.contains(&name));
        assert_eq!(without(&["ip", "tc", "unzip"]), ["unzip", "iproute2"]);
        assert_eq!(without(&["promtool"]), ["prometheus"]);
        assert!(is_there("sh") && !is_there("no such program"));
    }
}
