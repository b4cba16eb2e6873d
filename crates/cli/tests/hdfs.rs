//! The binary on a real HDFS: a checkpoint verified, listed and inspected, and what is said when
//! the cluster falls silent.

mod support;

use std::time::{Duration, Instant};

use harness::{HdfsCluster, Run};
use support::{FILES, checkpoint_in, dualwrite, exits, json_of};

#[test]
fn a_cluster_answers_and_falls_silent() {
    let run = Run::new("cli").unwrap();
    let hdfs = HdfsCluster::start(&run, "secondary").unwrap();
    let local = tempfile::tempdir().unwrap();
    let chk = local.path().join("job/chk-42");
    checkpoint_in(&chk);
    let job = local.path().join("job");
    hdfs.shell(&["-mkdir", "/cp"]).unwrap();
    hdfs.shell(&["-put", job.to_str().unwrap(), "/cp/job"])
        .unwrap();

    let root = format!("{}/cp", hdfs.uri());
    let uri = format!("{root}/job/chk-42");
    let verify = ["verify", "--json", "--timeout", "3s", &uri];
    let list = ["list", "--json", "--timeout", "3s", "--secondary", &root];
    assert_eq!(
        json_of(&dualwrite(&verify), 0)["checkpoints"][0]["files"],
        4
    );
    let jobs = json_of(&dualwrite(&list), 0)["jobs"].clone();
    assert_eq!(
        (&jobs[0]["job_id"], &jobs[0]["newest_id"]),
        (&"job".into(), &42.into())
    );

    let inspect = ["inspect", "--json", "--files", "--timeout", "3s", &uri];
    let inspected = json_of(&dualwrite(&inspect), 0);
    let metadata = format!("{uri}/_metadata");
    assert_eq!(inspected["path"], *metadata);
    assert_eq!(inspected["checkpoint_id"], 42);
    assert_eq!(inspected["files"].as_array().unwrap().len(), FILES.len());
    // By the file's own path, and under a name that is not Flink's.
    let kept = format!("{root}/kept-of-42");
    hdfs.shell(&["-cp", &metadata, &kept]).unwrap();
    for path in [&metadata, &kept] {
        let mut expected = inspected.clone();
        expected["path"] = (**path).into();
        let document = json_of(&dualwrite(&["inspect", "--json", "--files", path]), 0);
        assert_eq!(document, expected);
    }
    let (_, err) = exits(&dualwrite(&["inspect", &format!("{uri}/op-0")]), 1);
    assert!(err.contains("op-0 is not understood: byte 0: "), "{err}");
    let (_, err) = exits(&dualwrite(&["inspect", &root]), 1);
    assert!(err.contains("has no _metadata"), "{err}");

    hdfs.freeze().unwrap();
    for args in [&verify[..], &list[..], &inspect[..]] {
        let begun = Instant::now();
        let document = json_of(&dualwrite(args), 3);
        assert_eq!(document["result"], "unknown", "{document}");
        // A machine under load takes its time to start a process.
        assert!(
            begun.elapsed() < Duration::from_secs(8),
            "{:?}",
            begun.elapsed()
        );
    }
    hdfs.thaw().unwrap();
    drop(hdfs);
    run.passed();
}
