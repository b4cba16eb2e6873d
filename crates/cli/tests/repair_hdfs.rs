//! `repair` as operators call it, between two real HDFS clusters: a checkpoint that the secondary
//! has never had, damage on it, the way back, and a cluster that copies by Hadoop's own distcp.
//! Flink's own classes judge what was published.

mod support;

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use harness::{Checker, HdfsCluster, Run, hadoop_command};
use serde_json::Value;

use support::{FILES, dualwrite, exits, json_of};

/// Written by Flink 1.20.5 as checkpoint 42, with the paths of a primary that is not ours.
const HEAP: &[u8] = include_bytes!("../../../tests/goldens/data/1.20.5/heap.metadata");
const GOLDEN_ROOT: &str = "hdfs://primary:8020/flink/checkpoints";
const ID: &str = "a1b2c3d4e5f60718293a4b5c6d7e8f90";

/// Two clusters, the first with a checkpoint.
struct Pair {
    primary: HdfsCluster,
    secondary: HdfsCluster,
    dir: PathBuf,
    checker: RefCell<Checker>,
    run: Run,
}

fn bytes_of(name: &str, length: u64) -> Vec<u8> {
    let seed: usize = name.bytes().map(usize::from).sum();
    let byte = |at: usize| u8::try_from((at * 31 + at / 251 + seed) % 256).unwrap();
    (0..usize::try_from(length).unwrap()).map(byte).collect()
}

/// What Flink would have written with this root.
fn metadata(root: &str) -> Vec<u8> {
    let at = |text: &str| audit::Location::parse(text).unwrap();
    let mapping = audit::mapping_to_secondary(&at(GOLDEN_ROOT), &at(root), &[], &[]).unwrap();
    let file = audit::MetadataFile {
        path: at(GOLDEN_ROOT),
        bytes: HEAP.into(),
    };
    audit::as_published(HEAP, &file.parse(None).unwrap(), &mapping).unwrap()
}

fn root(cluster: &HdfsCluster) -> String {
    format!("{}/cp", cluster.uri())
}

fn chk(cluster: &HdfsCluster) -> String {
    format!("{}/{ID}/chk-42", root(cluster))
}

fn remove(cluster: &HdfsCluster, path: &str) {
    cluster.shell(&["-rm", "-r", "-skipTrash", path]).unwrap();
}

impl Pair {
    fn new(run: &Run) -> Self {
        let secondary = HdfsCluster::start(run, "secondary").unwrap();
        let checker = Checker::start(run, "1.20.5", secondary.conf_dir()).unwrap();
        let pair = Self {
            primary: HdfsCluster::start(run, "primary").unwrap(),
            secondary,
            dir: run.data_dir("desk").unwrap(),
            checker: RefCell::new(checker),
            run: run.clone(),
        };
        let dir = pair.dir.join(format!("{ID}/chk-42"));
        fs::create_dir_all(&dir).unwrap();
        for (name, length) in FILES {
            fs::write(dir.join(name), bytes_of(name, length)).unwrap();
        }
        fs::write(dir.join("_metadata"), metadata(&root(&pair.primary))).unwrap();
        pair.primary.shell(&["-mkdir", "/cp"]).unwrap();
        let local = dir.parent().unwrap().to_str().unwrap();
        pair.primary.shell(&["-put", local, "/cp/"]).unwrap();
        pair
    }

    fn file(&self, name: &str) -> String {
        self.dir.join(name).display().to_string()
    }

    fn plan(&self, args: &[&str], code: i32) -> Value {
        let (one, two) = (root(&self.primary), root(&self.secondary));
        let output = self.file("plan.json");
        let all = [
            "repair",
            "plan",
            "--json",
            "--primary",
            &one,
            "--secondary",
            &two,
            "-o",
            &output,
        ];
        json_of(&dualwrite(&[&all, args].concat()), code)
    }

    fn apply(&self, code: i32) -> Value {
        json_of(
            &dualwrite(&["repair", "apply", "--json", &self.file("plan.json")]),
            code,
        )
    }

    /// `verify --depth content`, against the other cluster.
    fn verify(&self, code: i32) -> Value {
        let (one, two) = (root(&self.primary), root(&self.secondary));
        let args = [
            "--all",
            "--depth",
            "content",
            "--secondary",
            &two,
            "--compare",
            &one,
        ];
        let document = json_of(
            &dualwrite(&[&["verify", "--json"], &args[..]].concat()),
            code,
        );
        document["checkpoints"][0].clone()
    }

    /// Whole and the same as on the primary, as `verify` and Flink see it.
    fn is_good(&self) {
        let checkpoint = self.verify(0);
        assert_eq!(
            checkpoint["compared_bytes"], checkpoint["bytes"],
            "{checkpoint}"
        );
        let mut checker = self.checker.borrow_mut();
        let found = checker.check(&root(&self.secondary)).unwrap();
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].is_restorable() && found[0].files == 4, "{found:?}");
    }

    fn script(&self, script: &Path) -> Output {
        let hadoop = hadoop_command(&self.run).unwrap();
        let path = std::env::var("PATH").unwrap();
        let path = format!("{}:{path}", hadoop.display());
        let mut command = Command::new("sh");
        command.arg(script).args(["-m", "2"]).env("PATH", path);
        command.output().unwrap()
    }
}

fn seeds(pair: &Pair) {
    let plan = pair.plan(&["--all", "--newest"], 0);
    assert_eq!(plan["plan"]["checkpoints"][0]["copy_files"], 4);
    assert_eq!(plan["plan"]["checkpoints"][0]["job_id"], ID);
    let done = pair.apply(0);
    assert_eq!(done["result"], "repaired", "{done}");
    let line = &done["checkpoints"][0];
    assert_eq!(
        (&line["copied_files"], &line["published"]),
        (&4.into(), &true.into())
    );
    assert_eq!(line["path"], chk(&pair.secondary));
    pair.is_good();
    assert_eq!(pair.apply(0)["checkpoints"][0]["copied_files"], 0);
}

fn mends(pair: &Pair) {
    let secondary = &pair.secondary;
    let dir = format!("/cp/{ID}/chk-42");
    let mut flipped = bytes_of("keyed-0", 1_048_576);
    flipped[1_000_000] ^= 4;
    fs::write(pair.dir.join("keyed-0"), flipped).unwrap();
    fs::write(
        pair.dir.join("timers-0"),
        &bytes_of("timers-0", 4096)[..4095],
    )
    .unwrap();
    remove(secondary, &format!("{dir}/op-0"));
    for name in ["keyed-0", "timers-0"] {
        secondary
            .shell(&["-put", "-f", &pair.file(name), &dir])
            .unwrap();
    }
    assert_eq!(pair.verify(1)["findings"].as_array().unwrap().len(), 3);
    let plan = pair.plan(&["--depth", "content", &chk(secondary)], 0);
    assert_eq!(
        plan["plan"]["copies"].as_array().unwrap().len(),
        3,
        "{plan}"
    );
    let done = pair.apply(0);
    let line = &done["checkpoints"][0];
    assert_eq!(
        (&line["copied_files"], &line["replaced_files"]),
        (&3.into(), &2.into()),
        "{done}"
    );
    assert_eq!(line["published"], false);
    pair.is_good();
}

fn comes_back(pair: &Pair) {
    remove(&pair.primary, &format!("/cp/{ID}"));
    let plan = pair.plan(&["--job", ID, "--newest", "--to", "primary"], 0);
    assert_eq!(plan["plan"]["to"], "primary");
    let done = pair.apply(0);
    assert_eq!(done["checkpoints"][0]["copied_files"], 4, "{done}");
    let primary = &pair.primary;
    let local = pair.dir.join("back");
    let from = format!("/cp/{ID}/chk-42/_metadata");
    primary
        .shell(&["-get", &from, local.to_str().unwrap()])
        .unwrap();
    assert!(fs::read(local).unwrap() == metadata(&root(primary)));
    pair.is_good();
}

/// Hadoop's own distcp takes the list; one file of it is gone by then, and one was never on it.
fn a_cluster_copies(pair: &Pair) {
    let secondary = &pair.secondary;
    remove(secondary, &format!("/cp/{ID}"));
    let list = pair.file("files");
    let plan = pair.plan(&["--all", "--newest", "--distcp-list", &list], 0);
    assert_eq!(fs::read_to_string(&list).unwrap().lines().count(), 4);
    let script = PathBuf::from(plan["script"].as_str().unwrap());
    let gone = format!("/cp/{ID}/chk-42/raw-0");
    remove(&pair.primary, &gone);
    for _ in 0..2 {
        let output = pair.script(&script);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
    }
    let staged = plan["plan"]["staged"].as_str().unwrap();
    let there = secondary
        .shell(&["-ls", "-C", &format!("{staged}/1")])
        .unwrap();
    assert_eq!(there.lines().count(), 3, "{there}");
    assert!(
        !secondary
            .shell(&["-ls", "-R", "/cp"])
            .unwrap()
            .contains("chk-42")
    );

    // What the source has not any more, apply says; what it has, it takes from there.
    let done = pair.apply(1);
    assert_eq!(
        done["checkpoints"][0]["findings"][0]["kind"], "missing_at_source",
        "{done}"
    );
    let raw = pair.dir.join(format!("{ID}/chk-42/raw-0"));
    pair.primary
        .shell(&["-put", raw.to_str().unwrap(), &gone])
        .unwrap();
    let done = pair.apply(0);
    assert_eq!(done["checkpoints"][0]["published"], true, "{done}");
    pair.is_good();
    assert!(
        !secondary
            .shell(&["-ls", "-R", "/cp"])
            .unwrap()
            .contains(&format!("/staged/{}", staged_id(staged)))
    );
}

fn staged_id(staged: &str) -> &str {
    staged.rsplit('/').next().unwrap()
}

fn a_cluster_falls_silent(pair: &Pair) {
    remove(&pair.secondary, &format!("/cp/{ID}/chk-42/op-0"));
    pair.plan(&["--all"], 0);
    pair.primary.freeze().unwrap();
    let silent = ["--timeout", "1s"];
    let plan = pair.file("plan.json");
    let apply = [&["repair", "apply", "--json", &plan], &silent[..]].concat();
    let done = json_of(&dualwrite(&apply), 3);
    assert_eq!(done["result"], "unknown", "{done}");
    assert_eq!(
        pair.plan(&[&["--all"], &silent[..]].concat(), 3)["result"],
        "unknown"
    );
    pair.primary.thaw().unwrap();
    pair.apply(0);
    pair.is_good();
}

#[test]
fn a_secondary_is_seeded_mended_and_read_back() {
    let run = Run::new("cli-repair").unwrap();
    let pair = Pair::new(&run);
    seeds(&pair);
    mends(&pair);
    comes_back(&pair);
    a_cluster_copies(&pair);
    a_cluster_falls_silent(&pair);
    drop(pair);
    run.passed();
}

#[test]
fn what_is_wrong_is_said_with_what_to_do() {
    let (_, err) = exits(&dualwrite(&["repair", "plan", "--all"]), 2);
    assert!(err.contains("Which primary? Give --primary"), "{err}");
    let (_, err) = exits(&dualwrite(&["repair", "plan"]), 2);
    assert!(err.contains("<PATH>"), "{err}");
    let (_, err) = exits(&dualwrite(&["repair", "apply", "/no/such/plan.json"]), 2);
    assert!(err.contains("The plan /no/such/plan.json"), "{err}");
    let same = [
        "--primary",
        "file:/tmp/cp",
        "--secondary",
        "file:/tmp/cp/two",
    ];
    let (_, err) = exits(
        &dualwrite(&[&["repair", "plan", "--all"], &same[..]].concat()),
        2,
    );
    assert!(err.contains("overlap"), "{err}");
    let dir = tempfile::tempdir().unwrap();
    let plan = dir.path().join("plan.json");
    fs::write(&plan, "{\"version\": 9}").unwrap();
    let plan = plan.to_str().unwrap();
    let (_, err) = exits(&dualwrite(&["repair", "apply", plan]), 2);
    assert!(err.contains("make the plan anew"), "{err}");
}

/// On local files: what people see.
#[test]
fn a_plan_and_its_outcome_are_tables() {
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (dir.path().join("one"), dir.path().join("two"));
    let uri = |path: &Path| format!("file:{}", path.display());
    let chk = one.join(ID).join("chk-42");
    fs::create_dir_all(&chk).unwrap();
    for (name, length) in FILES {
        fs::write(chk.join(name), bytes_of(name, length)).unwrap();
    }
    fs::write(chk.join("_metadata"), metadata(&uri(&one))).unwrap();
    let plan = dir.path().join("plan.json").display().to_string();
    let (one, two) = (uri(&one), uri(&two));
    let args = [
        "repair",
        "plan",
        "--all",
        "--primary",
        &one,
        "--secondary",
        &two,
        "-o",
        &plan,
    ];
    let (out, _) = exits(&dualwrite(&args), 0);
    assert!(out.starts_with("STATE"), "{out}");
    assert!(
        out.contains("not published  42") && out.contains("To copy: 4 files, 1.0 MiB"),
        "{out}"
    );
    assert!(
        out.contains(&format!("dualwrite repair apply {plan}")),
        "{out}"
    );
    let (out, err) = exits(
        &dualwrite(&["repair", "apply", &plan, "--bandwidth-limit", "1gb"]),
        0,
    );
    assert!(
        out.contains("repaired") && out.contains("now") && err.is_empty(),
        "{out}{err}"
    );

    fs::remove_file(chk.join("op-0")).unwrap();
    let copy = dir.path().join("two").join(ID).join("chk-42/op-0");
    fs::remove_file(copy).unwrap();
    let (out, _) = exits(&dualwrite(&args), 1);
    assert!(
        out.contains("cannot be repaired") && out.contains("- missing at source: "),
        "{out}"
    );
    let (out, _) = exits(&dualwrite(&["repair", "apply", &plan]), 1);
    assert!(
        out.contains("NOT REPAIRED") && out.contains("nothing has it"),
        "{out}"
    );
}
