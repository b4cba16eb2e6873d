//! Whether Flink uses the product for checkpoints: which storage is named, by which key, and what
//! would come before it (`CheckpointStorageLoader`, `StateBackendLoader`, 1.15 to 2.3).

use audit::FlinkVersion;

use crate::finding::{Area, Kind, Report};
use crate::given::Given;
use crate::places::{PRIMARY_DIR, REPORTER, STORAGE, Setting};
use crate::value::boolean;

/// State backends that are storages at the same time, which Flink then prefers; gone in 2.0.
const STORING_BACKENDS: [&str; 4] = [
    "jobmanager",
    "org.apache.flink.runtime.state.memory.MemoryStateBackendFactory",
    "org.apache.flink.runtime.state.filesystem.FsStateBackendFactory",
    "org.apache.flink.contrib.streaming.state.RocksDBStateBackendFactory",
];
const FILE_MERGING: &str = "execution.checkpointing.file-merging.enabled";
const ENABLED: &str = "dualwrite.enabled";
const REPORTERS: &str = "metrics.reporters";

pub(crate) fn storage(given: &Given, report: &mut Report) {
    named(given, report);
    bypassed(given, report);
    backend(given, report);
    job_names(given, report);
    let is = |key: &str, value: bool| {
        let text = given.conf.text(key);
        text.and_then(|text| boolean(&text)) == Some(value)
    };
    if is(ENABLED, false) {
        report.found(
            Kind::SwitchedOff,
            Some(ENABLED),
            "The product is switched off: Flink's own storage is used, and nothing is copied.",
            format!("Set {ENABLED}: true, or remove the key, and restart."),
        );
    }
    if is(FILE_MERGING, true) {
        report.found(
            Kind::FileMerging,
            Some(FILE_MERGING),
            "File merging is kept off while the product is on: jobs write more, smaller files.",
            format!("Remove {FILE_MERGING}, so that nobody counts on it."),
        );
    }
}

/// The storage that is named must be ours, by a name that this Flink knows.
fn named(given: &Given, report: &mut Report) {
    let (setting, version) = (Setting::STORAGE, given.version);
    let name = setting.name(version);
    let set = format!("Set {name}: {STORAGE}");
    let found = setting.of(&given.conf, version);
    let looked = match &found {
        Some((key, value)) => format!("{key}: {value}"),
        None => format!("{name} is not set"),
    };
    report.looked(Area::Storage, looked);
    match found {
        Some((_, value)) if value == STORAGE => {}
        Some((key, value)) => report.found(
            Kind::OtherStorage,
            Some(key),
            format!("{key} is '{value}', so Flink does not use the product: nothing is copied."),
            format!("{set}."),
        ),
        None if given.conf.text(setting.new).is_some() => {
            new_name(setting, &format!("{name}: {STORAGE}"), report);
        }
        None => report.found(
            Kind::NoStorage,
            Some(name),
            "No checkpoint storage is named, so Flink uses its own: nothing is copied.",
            format!("{set}."),
        ),
    }
}

/// A key by a name that this Flink does not know; `instead` is what to set.
pub(super) fn new_name(setting: Setting, instead: &str, report: &mut Report) {
    let name = setting.new;
    report.found(
        Kind::NewName,
        Some(name),
        format!(
            "{name} is a name that only later versions than this Flink know: it has no effect, \
             and nothing is copied."
        ),
        format!("Set {instead}"),
    );
}

/// Flink 1.13 to 1.18 turn the directory into a storage of the job, which comes before the key.
fn bypassed(given: &Given, report: &mut Report) {
    let key = Setting::DIR.old;
    let kind = match given.version {
        Some(version) if is_before_1_19(version) => Kind::Bypassed,
        None if given.is_legacy() => Kind::PerhapsBypassed,
        _ => return,
    };
    if let Some(dir) = given.conf.text(key) {
        report.found(
            kind,
            Some(key),
            format!(
                "Flink before 1.19 ignores {}, without a word, if {key} is in the configuration \
                 with which a job is submitted: nothing of such a job is copied.",
                Setting::STORAGE.old
            ),
            format!("Remove {key}, and set {PRIMARY_DIR}: {dir}"),
        );
    }
}

fn is_before_1_19(version: FlinkVersion) -> bool {
    (version.major, version.minor) < (1, 19)
}

fn backend(given: &Given, report: &mut Report) {
    let has_such = given.version.is_none_or(|version| version.major < 2);
    let Some((key, value)) = Setting::BACKEND.of(&given.conf, given.version) else {
        return;
    };
    let is_one = |name: &&str| name.eq_ignore_ascii_case(&value);
    if has_such && STORING_BACKENDS.iter().any(is_one) {
        report.found(
            Kind::OldBackend,
            Some(key),
            format!(
                "The state backend {value} is a checkpoint storage, too, and Flink prefers it to \
                 the one that is named: nothing is copied."
            ),
            format!("Set {key}: hashmap, or {key}: rocksdb"),
        );
    }
}

/// Flink tells the names of jobs by their metrics alone.
fn job_names(given: &Given, report: &mut Report) {
    let conf = &given.conf;
    let reporter = conf.entries.keys().find_map(|key| {
        let name = key.strip_prefix("metrics.reporter.")?;
        let name = name.strip_suffix(".factory.class")?;
        (conf.text(key)? == REPORTER).then(|| name.to_owned())
    });
    let Some(name) = reporter else {
        report.found(
            Kind::NoJobNames,
            Some("metrics.reporter.dualwrite.factory.class"),
            "Jobs are known by their ids alone, unless pipeline.name is set: dualwrite switch and \
             dualwrite list --job go by names.",
            format!("Set metrics.reporter.dualwrite.factory.class: {REPORTER}"),
        );
        return;
    };
    let Some(listed) = conf.text(REPORTERS) else {
        return;
    };
    let is_listed = listed.split([',', ';']).any(|one| one.trim() == name);
    if !is_listed {
        report.found(
            Kind::NoJobNames,
            Some(REPORTERS),
            format!(
                "{REPORTERS} lists reporters, and {name}, which tells the jobs' names, is none."
            ),
            format!("Set {REPORTERS}: {listed},{name}"),
        );
    }
}
