//! The damages of `src/verify/tests/damages.rs` that a real HDFS can have, each at each depth; and
//! one that only it can have, on the disk of a `DataNode`.

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use audit::{
    ClusterOptions, Counterpart, Depth, Location, Look, Place, Report, Store, Verdict, verify_all,
};
use bytes::Bytes;
use harness::{HdfsCluster, Run};

/// Written by Flink itself as checkpoint 42. The first names the four files below; the second a
/// file on another cluster.
const HEAP: &[u8] = include_bytes!("../../../tests/goldens/data/2.2.1/heap.metadata");
const UNALIGNED: &[u8] = include_bytes!("../../../tests/goldens/data/2.2.1/unaligned.metadata");
const FILES: [(&str, usize); 4] = [
    ("keyed-0", 1_048_576),
    ("op-0", 2048),
    ("raw-0", 3),
    ("timers-0", 4096),
];
const DEPTHS: [Depth; 3] = [Depth::Presence, Depth::Length, Depth::Content];

/// Both roots are on one HDFS: a mapping needs no more.
struct World {
    primary: Place,
    secondary: Place,
}

fn bytes_of(length: usize, seed: usize) -> Vec<u8> {
    let byte = |at: usize| u8::try_from((at * 31 + at / 251 + seed) % 256).unwrap();
    (0..length).map(byte).collect()
}

async fn put(store: &dyn Store, path: &Location, bytes: Vec<u8>) {
    let mut writer = store.create(path.path()).await.unwrap();
    writer.write(Bytes::from(bytes)).await.unwrap();
    writer.close().await.unwrap();
}

impl World {
    /// A checkpoint as it must be, on both; `number` tells it from others.
    async fn new(uri: &str, number: usize) -> Self {
        let open = |root: &str| {
            let uri = format!("{uri}/{root}/cp-{number}");
            audit::open(&uri, &ClusterOptions::default()).unwrap()
        };
        let world = Self {
            primary: open("one"),
            secondary: open("two"),
        };
        for place in [&world.primary, &world.secondary] {
            let chk = place.location.join("job/chk-42");
            for (at, (name, length)) in FILES.into_iter().enumerate() {
                put(&*place.store, &chk.join(name), bytes_of(length, at)).await;
            }
            put(&*place.store, &chk.join("_metadata"), HEAP.to_vec()).await;
        }
        world
    }

    fn file(&self, name: &str) -> Location {
        self.secondary.location.join("job/chk-42").join(name)
    }

    async fn replace(&self, name: &str, bytes: Option<Vec<u8>>) {
        let path = self.file(name);
        let store = &*self.secondary.store;
        store.delete(path.path(), false).await.unwrap();
        if let Some(bytes) = bytes {
            put(store, &path, bytes).await;
        }
    }

    async fn look(&self, depth: Depth) -> Report {
        let (primary, root) = (self.primary.clone(), &self.secondary.location);
        let counterpart = Counterpart::primary(primary, root, &[], &[]).unwrap();
        let look = Look {
            depth,
            roots: std::slice::from_ref(root),
            counterpart: Some(&counterpart),
            ..Look::default()
        };
        let asked = [root.join("job/chk-42")];
        let mut reports = verify_all(&*self.secondary.store, &asked, &look).await;
        reports.remove(0)
    }

    /// From this depth on there are these findings; before, none.
    async fn has_from(&self, from: Depth, expected: &[(&str, &str)]) {
        for depth in DEPTHS {
            let report = self.look(depth).await;
            let findings = report.findings.iter();
            let told: Vec<_> = findings.map(|f| (f.kind(), f.path())).collect();
            let expected = expected.iter().filter(|_| depth >= from);
            let expected = expected.map(|(kind, name)| (*kind, self.file(name).to_string()));
            assert_eq!(told, expected.collect::<Vec<_>>(), "{depth:?} {report:?}");
            assert_eq!(report.silence, None);
            let is_usable = report.verdict() == Verdict::Usable;
            assert_eq!(is_usable, report.findings.is_empty());
        }
    }
}

async fn files_are_damaged(uri: &str) {
    let world = World::new(uri, 0).await;
    world.has_from(Depth::Presence, &[]).await;
    let report = world.look(Depth::Content).await;
    assert_eq!(report.notices, []);
    assert_eq!(
        (report.read_bytes, report.compared_bytes),
        (report.bytes, report.bytes)
    );

    world.replace("op-0", None).await;
    world
        .has_from(Depth::Presence, &[("missing", "op-0")])
        .await;
    world.replace("op-0", Some(bytes_of(2047, 1))).await;
    world
        .has_from(Depth::Length, &[("wrong_length", "op-0")])
        .await;
    world.replace("op-0", Some(bytes_of(2049, 1))).await;
    world
        .has_from(Depth::Length, &[("wrong_length", "op-0")])
        .await;
    world.replace("op-0", Some(bytes_of(2048, 2))).await;
    world
        .has_from(Depth::Content, &[("different_content", "op-0")])
        .await;
    world.replace("op-0", Some(bytes_of(2048, 1))).await;
    let mut flipped = bytes_of(1_048_576, 0);
    flipped[1_000_000] ^= 4;
    world.replace("keyed-0", Some(flipped)).await;
    world
        .has_from(Depth::Content, &[("different_content", "keyed-0")])
        .await;
    world.replace("keyed-0", Some(bytes_of(3, 2))).await;
    world.replace("raw-0", Some(bytes_of(1_048_576, 0))).await;
    let swapped = [("wrong_length", "raw-0"), ("wrong_length", "keyed-0")];
    world.has_from(Depth::Length, &swapped).await;
}

async fn the_metadata_is_damaged(uri: &str) {
    let world = World::new(uri, 1).await;
    world
        .replace("_metadata", Some(HEAP[..HEAP.len() / 2].to_vec()))
        .await;
    world
        .has_from(Depth::Presence, &[("bad_metadata", "_metadata")])
        .await;
    let mut of_41 = HEAP.to_vec();
    of_41[15] = 41;
    world.replace("_metadata", Some(of_41)).await;
    for depth in DEPTHS {
        let findings = world.look(depth).await.findings;
        assert_eq!(findings[0].kind(), "foreign_metadata");
    }
    world.replace("channels-out", Some(bytes_of(6000, 0))).await;
    world.replace("_metadata", Some(UNALIGNED.to_vec())).await;
    for depth in DEPTHS {
        let findings = world.look(depth).await.findings;
        assert!(
            findings.iter().any(|f| f.kind() == "outside_cluster"),
            "{findings:?}"
        );
    }
    world.replace("_metadata", None).await;
    for depth in DEPTHS {
        assert_eq!(world.look(depth).await.findings[0].kind(), "no_metadata");
    }
}

/// The files of blocks below `dir`, of this length.
fn blocks(dir: &Path, length: u64) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let path = entry.path();
        let name = entry.file_name().into_string().unwrap();
        if path.is_dir() {
            found.extend(blocks(&path, length));
        } else if name.starts_with("blk_") && entry.metadata().unwrap().len() == length {
            found.push(path);
        }
    }
    found
}

/// Turns a bit in the one block on a disk that has these bytes.
fn turn_a_bit(disk: &Path, bytes: &[u8]) {
    let is_ours = |path: &PathBuf| fs::read(path).unwrap() == bytes;
    let blocks = blocks(disk, bytes.len() as u64);
    let ours: Vec<_> = blocks.into_iter().filter(is_ours).collect();
    let [block] = &*ours else { panic!("{ours:?}") };
    let file = fs::File::options().write(true).open(block).unwrap();
    let at = bytes.len() / 2;
    file.write_all_at(&[bytes[at] ^ 1], at as u64).unwrap();
}

/// The `NameNode` knows the file and its length; only who reads it, finds out.
async fn a_disk_turns_a_bit(uri: &str, run: &Run) {
    let world = World::new(uri, 2).await;
    world.replace("op-0", Some(bytes_of(2048, 77))).await;
    let disk = run.data_dir("secondary").unwrap().join("data-0/blocks");
    turn_a_bit(&disk, &bytes_of(2048, 77));
    world
        .has_from(Depth::Content, &[("unreadable", "op-0")])
        .await;

    // Of the _metadata every depth reads all.
    let mut of_42 = HEAP.to_vec();
    of_42.push(2);
    world.replace("_metadata", Some(of_42.clone())).await;
    turn_a_bit(&disk, &of_42);
    for depth in DEPTHS {
        let report = world.look(depth).await;
        assert_eq!(report.findings[0].kind(), "unreadable", "{report:?}");
        assert_eq!(report.silence, None);
    }
}

#[tokio::test]
async fn each_damage_is_found_by_the_depth_that_promises_it() {
    let run = Run::new("audit-damages").unwrap();
    let hdfs = HdfsCluster::start(&run, "secondary").unwrap();
    files_are_damaged(hdfs.uri()).await;
    the_metadata_is_damaged(hdfs.uri()).await;
    a_disk_turns_a_bit(hdfs.uri(), &run).await;
    drop(hdfs);
    run.passed();
}
