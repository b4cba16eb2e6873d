//! Flink as it is, on the harness: that the job proves exactly-once, that the checker judges
//! rightly, and that processes come back. The product is not in it.

use std::collections::BTreeSet;
use std::time::Duration;

use harness::{
    CheckedCheckpoint, Checker, Checkpoints, ExactlyOnce, FlinkCluster, HdfsCluster, Run,
    wait_until,
};

const LIMIT: Duration = Duration::from_mins(2);

/// A TaskManager is killed, then the job is cancelled, and another cluster takes it from an
/// earlier checkpoint than its last.
fn killed_and_restored(version: &str) -> anyhow::Result<()> {
    let run = Run::new(&format!("flink_plain::killed_and_restored-{version}"))?;
    let hdfs = HdfsCluster::builder("primary").launch(&run)?;
    let root = format!("{}/checkpoints", hdfs.uri());
    let checkpoints = Checkpoints {
        dir: root.clone(),
        interval: Duration::from_secs(1),
        retained: 3,
    };
    let flink = FlinkCluster::builder("flink", version)?
        .checkpoints(&checkpoints)
        .hadoop_conf(hdfs.conf_dir())
        .launch(&run)?;
    hdfs.wait_ready()?;
    flink.wait_ready()?;
    let mut checker = Checker::start(&run, version, hdfs.conf_dir())?;
    let sink = run.data_dir("sink")?;
    let job = ExactlyOnce {
        records: 30_000,
        ..ExactlyOnce::new("plain", &sink)
    };

    let id = flink.rest().submit(&job.submission(None)?)?;
    flink.rest().wait_for_completed(&id, 3, LIMIT)?;
    flink.task_manager(0).restart()?;
    wait_until("the job to be restored", LIMIT, || {
        match flink.rest().checkpoint_counts(&id) {
            Ok(counts) if counts.restored == 1 => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })?;
    let newest = flink.rest().wait_for_completed(&id, 6, LIMIT)?;
    assert!(
        newest
            .external_path
            .is_some_and(|path| path.starts_with(&root))
    );
    flink.rest().cancel(&id)?;

    let found = settled(&mut checker, &root)?;
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(
        found.iter().all(CheckedCheckpoint::is_restorable),
        "{found:?}"
    );
    let oldest = found.iter().min_by_key(|c| c.id()).expect("three");
    assert!(
        oldest.files > 4,
        "too few files to prove anything: {oldest:?}"
    );
    assert!(
        !job.compare()?.is_exact(),
        "the job ended before it was cancelled"
    );

    job.cut_back(oldest.id().expect("a checkpoint"))?;
    let id = flink.rest().submit(&job.submission(Some(&oldest.path))?)?;
    flink.rest().wait_for_state(&id, "FINISHED", LIMIT)?;
    let comparison = job.compare()?;
    assert!(comparison.is_exact(), "{comparison:?}");

    the_checker_finds_what_is_missing(&hdfs, &mut checker, &root)?;
    run.passed();
    Ok(())
}

/// Takes one file away and cuts another short behind the retained checkpoints.
fn the_checker_finds_what_is_missing(
    hdfs: &HdfsCluster,
    checker: &mut Checker,
    root: &str,
) -> anyhow::Result<()> {
    let newest = settled(checker, root)?.pop().expect("some are retained");
    let shared = newest
        .path
        .rsplit_once('/')
        .expect("a directory")
        .0
        .to_owned()
        + "/shared";
    let shared = shared.trim_start_matches(hdfs.uri());
    let files = hdfs.web().list(shared)?.expect("shared files");
    for file in files.iter().filter(|file| file.length > 5) {
        hdfs.web()
            .write(&format!("{shared}/{}", file.name), b"short")?;
        if kinds(&checker.check(root)?) == ["length"] {
            break;
        }
    }
    assert_eq!(kinds(&checker.check(root)?), ["length"]);
    hdfs.web().delete(shared)?;
    assert_eq!(kinds(&checker.check(root)?), ["missing"]);
    Ok(())
}

/// The kinds of findings that there are, each once.
fn kinds(checked: &[CheckedCheckpoint]) -> Vec<String> {
    let findings = checked.iter().flat_map(|checkpoint| &checkpoint.findings);
    let kinds: BTreeSet<String> = findings.map(|finding| finding.kind.clone()).collect();
    kinds.into_iter().collect()
}

/// What is there once Flink has ended its deletions.
fn settled(checker: &mut Checker, root: &str) -> anyhow::Result<Vec<CheckedCheckpoint>> {
    wait_until("the checkpoints to be settled", LIMIT, || {
        let found = checker.check(root).map_err(|error| format!("{error:#}"))?;
        if found.len() <= 3 && found.iter().all(CheckedCheckpoint::is_restorable) {
            return Ok(found);
        }
        Err(format!("{found:?}"))
    })
}

#[test]
#[ignore = "left to `cargo xtask test --all`"]
fn flink_1_20_is_exact_after_a_kill_and_a_restore() -> anyhow::Result<()> {
    killed_and_restored("1.20.5")
}

#[test]
#[ignore = "left to `cargo xtask test --all`"]
fn flink_2_2_is_exact_after_a_kill_and_a_restore() -> anyhow::Result<()> {
    killed_and_restored("2.2.1")
}
