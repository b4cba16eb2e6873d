//! The jar: one, in `lib/` and nowhere else, of the command's own release.

use std::path::PathBuf;

use crate::finding::{Area, Kind, Report};
use crate::given::Given;
use crate::jar::{Jar, Jars};

pub(crate) fn jars(given: &Given, version: &str, report: &mut Report) {
    let Some(jars) = &given.jars else {
        report.looked(Area::Jar, "no lib/ beside the directory");
        report.found(
            Kind::NoLib,
            None,
            "Beside the configuration directory is no lib/, so the jar was not looked at.",
            "Give the directory of Flink's jars by --lib.",
        );
        return;
    };
    let lib = jars.lib.display();
    report.looked(Area::Jar, looked(jars));
    match jars.own.as_slice() {
        [] => missing(jars, version, report),
        [jar] => one(jar, version, report),
        several => {
            let names = list(several.iter().map(|jar| &jar.path));
            report.found(
                Kind::TwoJars,
                None,
                format!(
                    "{lib} has the product more than once: {names}. Which one counts is chance."
                ),
                "Remove all but the newest, on every machine.",
            );
            for jar in several {
                one(jar, version, report);
            }
        }
    }
    if !jars.in_usrlib.is_empty() {
        let names = list(jars.in_usrlib.iter());
        report.found(
            Kind::JarOfJobs,
            None,
            format!(
                "{names} has the product's classes: a job would load them a second time, and that \
                 copy cannot load the native library."
            ),
            "Leave the product out of jobs' jars.",
        );
    }
}

fn looked(jars: &Jars) -> String {
    let lib = jars.lib.display();
    match jars.own.as_slice() {
        [] => format!("{lib}: none"),
        own => list(own.iter().map(|jar| &jar.path)),
    }
}

fn list<'a>(paths: impl Iterator<Item = &'a PathBuf>) -> String {
    let names: Vec<_> = paths.map(|path| path.display().to_string()).collect();
    names.join(", ")
}

fn missing(jars: &Jars, version: &str, report: &mut Report) {
    let lib = jars.lib.display();
    if jars.in_plugins.is_empty() {
        report.found(
            Kind::NoJar,
            None,
            format!(
                "The jar is not in {lib}. Where the storage is named and the jar is not there, \
                 Flink starts no job."
            ),
            format!(
                "Put flink-dualwrite-{version}.jar there, on every JobManager and TaskManager."
            ),
        );
        return;
    }
    let names = list(jars.in_plugins.iter());
    report.found(
        Kind::JarInPlugins,
        None,
        format!("{names} is where Flink does not look for a checkpoint storage: no job starts."),
        format!("Move it to {lib}, on every JobManager and TaskManager."),
    );
}

fn one(jar: &Jar, version: &str, report: &mut Report) {
    let path = jar.path.display();
    let content = match &jar.content {
        Ok(content) => content,
        Err(why) => {
            report.found(
                Kind::BadJar,
                None,
                format!("{path} cannot be read: {why}."),
                "Replace it, on every machine that has the same file.",
            );
            return;
        }
    };
    let (of_jar, of_command) = (numbers(&content.version), numbers(version));
    let versions = format!(
        "{path} is of version {}, this command of {version}.",
        content.version
    );
    if of_jar < of_command {
        let message = format!("{versions} What the command says of keys may not hold for the jar.");
        let fix = format!("Replace it with flink-dualwrite-{version}.jar.");
        report.found(Kind::OlderJar, None, message, fix);
    } else if of_jar > of_command {
        let fix = "Use the command that came with the jar.";
        report.found(Kind::NewerJar, None, versions, fix);
    }
}

/// What comes behind the numbers does not count.
fn numbers(version: &str) -> Vec<u64> {
    let plain = version.split(['-', '+']).next().unwrap_or_default();
    plain
        .split('.')
        .map(|number| number.parse().unwrap_or_default())
        .collect()
}
