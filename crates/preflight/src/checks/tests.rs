//! Configuration files and what is found in them: a table, kind by kind.

use std::path::PathBuf;

use crate::conf::{parse_legacy, parse_standard};
use crate::finding::{Kind, Report, Verdict};
use crate::given::Given;
use crate::jar::{Content, Jar, Jars};
use crate::judge;

const VERSION: &str = "0.1.0";

/// A configuration as it must be, for this version.
fn good(version: &str) -> String {
    let flink: (u32, u32) = {
        let mut numbers = version.split('.').map(|number| number.parse().unwrap());
        (numbers.next().unwrap(), numbers.next().unwrap())
    };
    let (storage, dir) = match flink {
        (1, ..=18) => ("state.checkpoint-storage", "dualwrite.primary.dir"),
        (1, 19) => ("state.checkpoint-storage", "state.checkpoints.dir"),
        _ => (
            "execution.checkpointing.storage",
            "execution.checkpointing.dir",
        ),
    };
    format!(
        "{storage}: io.dualwrite.flink.DualWriteCheckpointStorageFactory\n\
         {dir}: hdfs://a:8020/flink/checkpoints\n\
         dualwrite.secondary.dir: hdfs://b:8020/flink/checkpoints\n\
         metrics.reporter.dualwrite.factory.class: \
         io.dualwrite.flink.DualWriteMetricReporterFactory\n"
    )
}

fn jar(path: &str, version: &str) -> Jar {
    Jar {
        path: PathBuf::from(path),
        content: Ok(Content {
            version: version.to_owned(),
            platforms: ["linux-x86_64".to_owned()].into(),
        }),
    }
}

fn one_jar() -> Jars {
    Jars {
        lib: "/flink/lib".into(),
        own: vec![jar("/flink/lib/flink-dualwrite-0.1.0.jar", VERSION)],
        ..Jars::default()
    }
}

fn given(text: &str, version: Option<&str>) -> Given {
    Given {
        file: "/flink/conf/config.yaml".into(),
        unread: None,
        version: version.map(|text| text.parse().unwrap()),
        hadoop_conf_dir: None,
        conf: parse_legacy(text),
        jars: Some(one_jar()),
    }
}

/// Kinds and keys of what is found.
fn found(report: &Report) -> Vec<(&'static str, &str)> {
    let findings = report.findings.iter();
    findings
        .map(|finding| (finding.kind.as_str(), finding.key.as_deref().unwrap_or("-")))
        .collect()
}

#[track_caller]
fn check(version: &str, changes: &str, expected: &[(&str, &str)]) {
    let text = good(version);
    // A key that is given anew, or taken away with `-`, is not the good one's.
    let is_replaced = |line: &&str| {
        let key = line.split(": ").next().unwrap_or_default();
        changes.lines().any(|change| {
            change
                .strip_prefix('-')
                .unwrap_or(change)
                .split(": ")
                .next()
                == Some(key)
        })
    };
    let kept = text.lines().filter(|line| !is_replaced(line));
    let added = changes.lines().filter(|line| !line.starts_with('-'));
    let text: Vec<_> = kept.chain(added).collect();
    let report = judge(&given(&text.join("\n"), Some(version)), VERSION);
    assert_eq!(found(&report), expected, "{report:#?}");
    for finding in &report.findings {
        assert!(finding.message.ends_with(['.', ':']) || finding.kind == Kind::IgnoredLine);
        assert!(!finding.fix.is_empty(), "{finding:?}");
    }
}

#[test]
fn a_good_configuration_has_no_findings_and_tells_what_was_looked_at() {
    for version in ["1.15", "1.18", "1.19", "1.20", "2.0", "2.3"] {
        let report = judge(&given(&good(version), Some(version)), VERSION);
        assert_eq!(found(&report), [], "{version}");
        assert_eq!(report.verdict(), Verdict::Good);
        let areas: Vec<_> = report.looks.iter().map(|look| look.area.as_str()).collect();
        let expected = [
            "file",
            "keys",
            "storage",
            "primary",
            "secondary",
            "retention",
            "memory",
            "jar",
        ];
        assert_eq!(areas, expected);
    }
}

#[test]
fn nested_yaml_is_judged_as_flat() {
    let nested = "\
execution:
  checkpointing:
    storage: io.dualwrite.flink.DualWriteCheckpointStorageFactory
    dir: hdfs://a:8020/flink/checkpoints
dualwrite:
  secondary:
    dir: hdfs://b:8020/flink/checkpoints
  primary.aliases: [hdfs://ns1, '/']
metrics:
  reporter.dualwrite.factory.class: io.dualwrite.flink.DualWriteMetricReporterFactory
";
    let given = Given {
        conf: parse_standard(nested).unwrap(),
        ..given("", Some("2.2"))
    };
    assert_eq!(found(&judge(&given, VERSION)), []);
}

#[test]
fn the_file_and_its_flink() {
    check("2.2", "taskmanager.cores:2", &[("ignored_line", "-")]);
    check("1.14", "", &[("unsupported_version", "-")]);
    check("2.4", "", &[("untested_version", "-")]);
    let twice = format!(
        "{}dualwrite.enabled: true\ndualwrite.enabled: true\n",
        good("2.2")
    );
    let report = judge(&given(&twice, Some("2.2")), VERSION);
    assert_eq!(found(&report), [("repeated_key", "dualwrite.enabled")]);
    let unknown = judge(&given(&good("2.2"), None), VERSION);
    assert_eq!(found(&unknown), [("unknown_version", "-")]);
    let two = Given {
        unread: Some("/flink/conf/flink-conf.yaml".into()),
        ..given(&good("2.2"), Some("2.2"))
    };
    assert_eq!(found(&judge(&two, VERSION)), [("two_files", "-")]);
}

#[test]
fn the_products_keys() {
    let unknown = [("unknown_key", "dualwrite.secondary.directory")];
    check("2.2", "dualwrite.secondary.directory: hdfs://b/x", &unknown);
    let value = [("bad_value", "dualwrite.upload.concurrency")];
    check("2.2", "dualwrite.upload.concurrency: many", &value);
    check(
        "2.2",
        "dualwrite.chunk.size: 65mb",
        &[("bad_value", "dualwrite.chunk.size")],
    );
    let small = "dualwrite.chunk.size: 1mb\ndualwrite.buffer.memory: 512kb";
    check("2.2", small, &[("bad_value", "dualwrite.chunk.size")]);
    let report = judge(
        &given(
            &format!(
                "{}dualwrite.bufer.memory: 1gb\ndualwrite.zzz: 1\n",
                good("2.2")
            ),
            Some("2.2"),
        ),
        VERSION,
    );
    let fixes: Vec<_> = report
        .findings
        .iter()
        .map(|finding| &*finding.fix)
        .collect();
    assert!(fixes[0].contains("dualwrite.buffer.memory"), "{fixes:?}");
    assert!(fixes[1].contains("Remove it"), "{fixes:?}");
}

#[test]
fn the_storage() {
    let (new, old) = (
        "execution.checkpointing.storage",
        "state.checkpoint-storage",
    );
    let ours = "io.dualwrite.flink.DualWriteCheckpointStorageFactory";
    check("2.2", &format!("-{new}"), &[("no_storage", new)]);
    check("1.19", &format!("-{old}"), &[("no_storage", old)]);
    check(
        "2.2",
        &format!("{new}: filesystem"),
        &[("other_storage", new)],
    );
    check("2.2", &format!("-{new}\n{old}: {ours}"), &[]);
    check(
        "2.2",
        &format!("-{new}\n{old}: jobmanager"),
        &[("other_storage", old)],
    );
    check(
        "1.19",
        &format!("-{old}\n{new}: {ours}"),
        &[("new_name", new)],
    );
    // The new name comes first.
    check(
        "2.2",
        &format!("{new}: filesystem\n{old}: {ours}"),
        &[("other_storage", new)],
    );
    check(
        "2.2",
        "dualwrite.enabled: false",
        &[("switched_off", "dualwrite.enabled")],
    );
    let merging = "execution.checkpointing.file-merging.enabled";
    check(
        "2.2",
        &format!("{merging}: true"),
        &[("file_merging", merging)],
    );
}

#[test]
fn the_directory_that_switches_the_factory_off() {
    let dir = "state.checkpoints.dir: hdfs://a:8020/flink/checkpoints";
    for version in ["1.15", "1.16", "1.17", "1.18"] {
        check(version, dir, &[("bypassed", "state.checkpoints.dir")]);
    }
    for version in ["1.19", "1.20", "2.2"] {
        check(version, dir, &[]);
    }
}

#[test]
fn of_an_unknown_version_it_may_do_so() {
    let (text, key) = (good("1.19"), "state.checkpoints.dir");
    let old = Given {
        file: "/flink/conf/flink-conf.yaml".into(),
        ..given(&text, None)
    };
    let expected = [("unknown_version", "-"), ("perhaps_bypassed", key)];
    assert_eq!(found(&judge(&old, VERSION)), expected);
    let new = judge(&given(&text, None), VERSION);
    assert_eq!(found(&new), expected[..1]);
}

#[test]
fn backends_that_are_storages() {
    let rocksdb = "org.apache.flink.contrib.streaming.state.RocksDBStateBackendFactory";
    for (version, backend, is_one) in [
        ("1.16", "jobmanager", true),
        ("1.16", "filesystem", false),
        ("1.16", "rocksdb", false),
        ("1.16", rocksdb, true),
        ("2.2", "jobmanager", false),
    ] {
        let expected = [("old_backend", "state.backend")];
        let expected = if is_one { &expected[..] } else { &[] };
        check(version, &format!("state.backend: {backend}"), expected);
    }
    let expected = [("old_backend", "state.backend.type")];
    check("1.20", "state.backend.type: jobmanager", &expected);
}

#[test]
fn names_of_jobs() {
    let key = "metrics.reporter.dualwrite.factory.class";
    check("2.2", &format!("-{key}"), &[("no_job_names", key)]);
    check(
        "2.2",
        "metrics.reporters: prom",
        &[("no_job_names", "metrics.reporters")],
    );
    check("2.2", "metrics.reporters: prom, dualwrite", &[]);
}

#[test]
fn two_directories_on_two_clusters() {
    let (primary, secondary) = ("execution.checkpointing.dir", "dualwrite.secondary.dir");
    check("2.2", &format!("-{primary}"), &[("no_primary", primary)]);
    check(
        "2.2",
        &format!("{primary}: checkpoints"),
        &[("no_primary", primary)],
    );
    let new = format!("-state.checkpoints.dir\n{primary}: hdfs://a:8020/x");
    check("1.19", &new, &[("new_name", primary)]);
    check(
        "2.2",
        &format!("{primary}: s3://x/y"),
        &[("primary_scheme", primary)],
    );
    check(
        "2.2",
        &format!("{primary}: file:///x"),
        &[("local_primary", primary)],
    );
    check("2.2", "dualwrite.primary.dir: hdfs://c/x", &[]);
    check(
        "2.2",
        &format!("-{secondary}"),
        &[("no_secondary", secondary)],
    );
    check(
        "2.2",
        &format!("{secondary}: s3://x/y"),
        &[("bad_value", secondary)],
    );
    check(
        "2.2",
        &format!("{secondary}: file:///x"),
        &[("local_secondary", secondary)],
    );
    for inside in ["hdfs://A/flink/checkpoints", "hdfs://a:8020/flink"] {
        let change = format!("{secondary}: {inside}");
        let nameless = [("host_or_nameservice", secondary), ("overlap", secondary)];
        let has_port = inside.contains(":8020");
        check("2.2", &change, &nameless[usize::from(has_port)..]);
    }
    let other = format!("{secondary}: hdfs://a:8020/copies");
    check("2.2", &other, &[("same_cluster", secondary)]);
    check(
        "2.2",
        &format!("{secondary}: hdfs://ns2/x"),
        &[("host_or_nameservice", secondary)],
    );
}

#[test]
fn names_and_pairs() {
    let (aliases, pairs) = ("dualwrite.primary.aliases", "dualwrite.path-mapping");
    check("2.2", &format!("{aliases}: hdfs://ns1;/"), &[]);
    check(
        "2.2",
        &format!("{aliases}: hdfs://B:8020"),
        &[("bad_mapping", aliases)],
    );
    check(
        "2.2",
        &format!("{pairs}: hdfs://a:8020/x=hdfs://c:8020/x"),
        &[("bad_mapping", pairs)],
    );
    let changelog = "state.changelog.enabled: true\ndstl.dfs.base-path: hdfs://a:8020/dstl";
    check(
        "2.2",
        changelog,
        &[("outside_mapping", "dstl.dfs.base-path")],
    );
    let mapped = format!("{changelog}\n{pairs}: hdfs://a:8020/dstl=hdfs://b:8020/dstl");
    check("2.2", &mapped, &[]);
    let inside = "state.changelog.enabled: true\n\
                  dstl.dfs.base-path: hdfs://a:8020/flink/checkpoints/dstl";
    check("2.2", inside, &[]);
}

#[test]
fn hadoop_configurations() {
    let dir = tempfile::tempdir().unwrap();
    let xml = "<configuration><property><name>dfs.ha.namenodes.ns2</name><value>x,y</value>\
               </property></configuration>";
    std::fs::write(dir.path().join("hdfs-site.xml"), xml).unwrap();
    let key = "dualwrite.secondary.hadoop-conf-dir";
    let dir = dir.path().display();
    let secondary = "dualwrite.secondary.dir";
    check(
        "2.2",
        &format!("{secondary}: hdfs://ns2/x\n{key}: {dir}"),
        &[],
    );
    let other = format!("{secondary}: hdfs://ns3/x\n{key}: {dir}");
    check("2.2", &other, &[("host_or_nameservice", secondary)]);
    let absent = format!("{key}: {dir}/absent");
    check("2.2", &absent, &[("secondary_hadoop_conf", key)]);
    let of_primary = "dualwrite.primary.hadoop-conf-dir";
    let absent = format!("{of_primary}: {dir}/absent");
    check("2.2", &absent, &[("primary_hadoop_conf", of_primary)]);
}

#[test]
fn what_the_primary_keeps() {
    let (interval, grace) = (
        "execution.checkpointing.interval",
        "dualwrite.backfill.grace",
    );
    check("2.2", &format!("{interval}: 1 min"), &[]);
    check("2.2", &format!("{interval}: 5 s"), &[("long_grace", grace)]);
    let kept = format!("{interval}: 5 s\nexecution.checkpointing.num-retained: 2");
    check("2.2", &kept, &[]);
    check("1.19", &kept, &[("long_grace", grace)]);
    check(
        "2.2",
        &format!("{interval}: often"),
        &[("bad_flink_value", interval)],
    );
    let numbers = judge(
        &given(
            &format!("{}{interval}: 2 s\n{grace}: 7 s\n", good("2.2")),
            Some("2.2"),
        ),
        VERSION,
    );
    let finding = &numbers.findings[0];
    assert!(
        finding
            .message
            .contains("for 2 s (1 of them, one every 2 s)"),
        "{finding:?}"
    );
    assert!(finding.fix.contains("num-retained: 4"), "{finding:?}");
}

#[test]
fn memory_beside_flinks() {
    let key = "dualwrite.buffer.memory";
    let sizes = "taskmanager.memory.process.size: 1728m\njobmanager.memory.process.size: 1600m";
    check("2.2", sizes, &[]);
    let large = format!("{sizes}\n{key}: 128mb");
    check("2.2", &large, &[("memory", key), ("memory", key)]);
    let size = "taskmanager.memory.process.size";
    check("2.2", &format!("{size}: big"), &[("bad_flink_value", size)]);
}

#[test]
fn the_jar() {
    let with = |jars: Option<Jars>| {
        let given = Given {
            jars,
            ..given(&good("2.2"), Some("2.2"))
        };
        let report = judge(&given, VERSION);
        let kinds = report.findings.iter().map(|finding| finding.kind.as_str());
        kinds.collect::<Vec<_>>()
    };
    let own = |own: Vec<Jar>| Jars { own, ..one_jar() };
    let elsewhere = vec![PathBuf::from("/flink/plugins/x/flink-dualwrite-0.1.0.jar")];
    let broken = Jar {
        path: "/flink/lib/flink-dualwrite-0.1.0.jar".into(),
        content: Err("no zip".to_owned()),
    };
    let two = vec![
        jar("/flink/lib/a.jar", VERSION),
        jar("/flink/lib/b.jar", "0.0.9"),
    ];
    assert_eq!(with(None), ["no_lib"]);
    assert_eq!(with(Some(own(vec![]))), ["no_jar"]);
    let plugged = Jars {
        in_plugins: elsewhere.clone(),
        ..own(vec![])
    };
    assert_eq!(with(Some(plugged)), ["jar_in_plugins"]);
    assert_eq!(with(Some(own(two))), ["two_jars", "older_jar"]);
    assert_eq!(with(Some(own(vec![broken]))), ["bad_jar"]);
    assert_eq!(
        with(Some(own(vec![jar("/flink/lib/a.jar", "0.10.0-rc1")]))),
        ["newer_jar"]
    );
    let of_jobs = Jars {
        in_usrlib: elsewhere,
        ..one_jar()
    };
    assert_eq!(with(Some(of_jobs)), ["jar_of_jobs"]);
}
