//! Java command lines, short runs of them, and what a Hadoop JVM tells over JMX.
//!
//! Refuses to know what the classes do.

use std::ffi::OsString;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use ureq::Agent;

use crate::process::{guarded, spawn};

/// Of one look at a JVM; a frozen one does not hold the test up for longer.
const JMX_LIMIT: Duration = Duration::from_secs(2);

/// `java <jvm> -cp <classes> <main> <arguments>`, small and quick to start.
pub(crate) fn command(
    classes: &[&Path],
    jvm: &[&str],
    main: &str,
    arguments: &[&str],
) -> Vec<OsString> {
    let mut words: Vec<OsString> = Vec::new();
    words.push("java".into());
    let common = [
        "-XX:+UseSerialGC",
        "-XX:-UsePerfData",
        // Half the start's CPU time; a benchmark may set 4 again.
        "-XX:TieredStopAtLevel=1",
        "-Djava.net.preferIPv4Stack=true",
        "-Dorg.slf4j.simpleLogger.showDateTime=true",
        "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
    ];
    words.extend(common.iter().chain(jvm).map(OsString::from));
    words.push("-cp".into());
    words.push(class_path(classes));
    words.push(main.into());
    words.extend(arguments.iter().map(OsString::from));
    words
}

fn class_path(classes: &[&Path]) -> OsString {
    let mut path = OsString::new();
    for (index, entry) in classes.iter().enumerate() {
        if index > 0 {
            path.push(":");
        }
        path.push(entry);
    }
    path
}

/// Runs a command to its end and answers with its standard output. For short ones only: there
/// is no limit but the end of the test.
pub(crate) fn run_to_end(words: &[OsString], directory: &Path) -> Result<String> {
    let mut command = guarded(words, false);
    command
        .current_dir(directory)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let output = spawn(command)
        .with_context(|| format!("cannot start {words:?}"))?
        .wait_with_output()
        .context("cannot read what it says")?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        let error = String::from_utf8_lossy(&output.stderr);
        bail!("{words:?} ended with {}:\n{said}\n{error}", output.status);
    }
    Ok(said)
}

/// One bean of a Hadoop process, from its HTTP address.
pub(crate) fn jmx(address: &str, service: &str, name: &str) -> Result<Value> {
    let agent: Agent = Agent::config_builder()
        .timeout_global(Some(JMX_LIMIT))
        .build()
        .into();
    let url = format!("http://{address}/jmx?qry=Hadoop:service={service},name={name}");
    let body: Value = agent.get(&url).call()?.body_mut().read_json()?;
    body["beans"]
        .get(0)
        .cloned()
        .with_context(|| format!("{name} is not there yet"))
}
