//! A primary and a secondary in memory, plans of repairs, and the laws that hold at every instant.
#![allow(
    dead_code,
    clippy::allow_attributes,
    reason = "each test file uses a part of it"
)]

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use audit::{
    CatalogueEntry, Counterpart, Finding, Location, Look, Place, Report, SecondaryRoot, Store,
    manifest, verify_all,
};
use bytes::Bytes;
use repair::{Cluster, Depth, Ends, Options, Outcome, Plan, Side, Wanted, Which};
use store::MemoryStore;

pub const PRIMARY: &str = "hdfs://primary:8020/flink/checkpoints";
pub const SECONDARY: &str = "hdfs://two:8020/dr/cp";
pub const ID: &str = "a1b2c3d4e5f60718293a4b5c6d7e8f90";
/// Where a `_metadata` has its checkpoint's number.
const ID_AT: usize = 8;

pub fn at(text: &str) -> Location {
    Location::parse(text).unwrap()
}

/// A place below the job's directory on the primary.
pub fn primary(below: &str) -> Location {
    at(PRIMARY).join(ID).join(below)
}

/// The same on the secondary.
pub fn secondary(below: &str) -> Location {
    at(SECONDARY).join(ID).join(below)
}

/// A `_metadata` that Flink itself wrote as checkpoint 42, with paths on the primary.
pub fn golden(case: &str) -> Vec<u8> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/goldens/data");
    fs::read(data.join("2.2.1").join(format!("{case}.metadata"))).unwrap()
}

/// The same as another checkpoint's.
pub fn golden_as(case: &str, id: u64) -> Vec<u8> {
    let mut bytes = golden(case);
    bytes[ID_AT..ID_AT + 8].copy_from_slice(&id.to_be_bytes());
    bytes
}

pub async fn put(store: &dyn Store, path: &Location, bytes: Vec<u8>) {
    let mut writer = store.create(path.path()).await.unwrap();
    writer.write(Bytes::from(bytes)).await.unwrap();
    writer.close().await.unwrap();
}

/// Other bytes for each path.
fn bytes_of(below: &str, length: u64) -> Vec<u8> {
    let seed: usize = below.bytes().map(usize::from).sum();
    let length = usize::try_from(length).unwrap();
    let byte = |at: usize| u8::try_from((at * 31 + seed) % 251).unwrap();
    let piece: Vec<u8> = (0..1009).map(byte).collect();
    let mut bytes = piece.repeat(length / piece.len() + 1);
    bytes.truncate(length);
    bytes
}

/// Two clusters, and stores over them that may fail.
#[derive(Clone)]
pub struct World {
    pub primary: MemoryStore,
    pub secondary: MemoryStore,
    /// What a repair is given in their place.
    pub faulty: [Option<Arc<dyn Store>>; 2],
}

impl World {
    /// A checkpoint on the primary, and nothing on the secondary.
    pub async fn new(case: &str) -> Self {
        let world = Self {
            primary: MemoryStore::new("primary"),
            secondary: MemoryStore::new("secondary"),
            faulty: [None, None],
        };
        world.complete(case, 42).await;
        world
    }

    /// The same, and the same on the secondary.
    pub async fn published(case: &str) -> Self {
        let world = Self::new(case).await;
        world.repaired(Which::All, Depth::Length).await;
        let claimed = SecondaryRoot::new(at(SECONDARY)).claimed_dir(ID);
        world.secondary.delete(claimed.path(), true).await.unwrap();
        world
    }

    /// The primary completes a checkpoint, with files as another one has them.
    pub async fn complete(&self, case: &str, id: u64) {
        for (below, length) in files(case) {
            let path = primary(&below.replace("chk-42/", &format!("chk-{id}/")));
            if self.primary.stat(path.path()).await.unwrap().is_none() {
                put(&self.primary, &path, bytes_of(&below, length)).await;
            }
        }
        let path = primary(&format!("chk-{id}/_metadata"));
        put(&self.primary, &path, golden_as(case, id)).await;
    }

    pub fn ends(&self, to: Side) -> Ends {
        let [one, two] = self.faulty.clone();
        let place = |store: Option<Arc<dyn Store>>, memory: &MemoryStore, root| Place {
            store: store.unwrap_or_else(|| Arc::new(memory.clone())),
            location: at(root),
        };
        let places = (
            place(one, &self.primary, PRIMARY),
            place(two, &self.secondary, SECONDARY),
        );
        Ends::new(to, places, &[], &[]).unwrap()
    }

    pub async fn plan(&self, which: Which, depth: Depth) -> Plan {
        let ends = self.ends(Side::Secondary);
        let plan = repair::plan(&ends, wanted(which, depth), &|_, _, _| {});
        let plan = plan.await.unwrap();
        assert_eq!(Plan::parse(&plan.to_json()).unwrap(), plan);
        plan
    }

    pub async fn apply(&self, plan: &Plan) -> Vec<Outcome> {
        repair::apply(plan, &self.ends(plan.to), &options(), &|_| {}).await
    }

    /// Plans and applies, and all goes well.
    pub async fn repaired(&self, which: Which, depth: Depth) -> Vec<Outcome> {
        let plan = self.plan(which, depth).await;
        assert!(plan.is_whole(), "{plan:?}");
        let outcomes = self.apply(&plan).await;
        for outcome in &outcomes {
            assert_eq!(outcome.result, Ok(()), "{outcome:?}");
        }
        outcomes
    }

    /// A report of a checkpoint on the secondary, byte by byte.
    pub async fn report(&self, below: &str) -> Report {
        let place = Place {
            store: Arc::new(self.primary.clone()),
            location: at(PRIMARY),
        };
        let counterpart = Counterpart::primary(place, &at(SECONDARY), &[], &[]).unwrap();
        let look = Look {
            depth: audit::Depth::Content,
            counterpart: Some(&counterpart),
            ..Look::default()
        };
        let mut reports = verify_all(&self.secondary, &[secondary(below)], &look).await;
        reports.remove(0)
    }

    /// It is published, with every byte the primary's.
    pub async fn is_good(&self, below: &str) {
        let report = self.report(below).await;
        assert_eq!(report.findings, [], "{below}");
        assert_eq!(report.notices, [], "{below}");
        assert!(report.compared_bytes > 0);
    }

    /// Laws of every instant: what is published has all its files, with their lengths.
    pub async fn nothing_dangles(&self) -> Vec<Finding> {
        let store = &self.secondary;
        let published = audit::published(store, &at(SECONDARY)).await.unwrap();
        let dirs: Vec<_> = published.into_iter().map(|one| one.dir).collect();
        let reports = verify_all(store, &dirs, &Look::default()).await;
        reports
            .into_iter()
            .flat_map(|report| report.findings)
            .collect()
    }

    /// Nothing is left of what was in flight, staged, or about to be published.
    pub fn nothing_is_left(&self) {
        for store in [&self.primary, &self.secondary] {
            for (path, _) in store.files() {
                let is_left = ["/inflight/", "/staged/", "/claimed/"];
                let is_left = is_left.iter().any(|name| path.contains(name));
                assert!(!is_left, "{path}");
            }
        }
    }

    /// A file of the secondary becomes other bytes, or goes.
    pub async fn damage(&self, below: &str, bytes: Option<Vec<u8>>) {
        let path = secondary(below);
        self.secondary.delete(path.path(), true).await.unwrap();
        if let Some(bytes) = bytes {
            put(&self.secondary, &path, bytes).await;
        }
    }

    pub async fn bytes(&self, below: &str) -> Vec<u8> {
        bytes_at(&self.secondary, &secondary(below)).await
    }

    /// The job's entry in the catalogue.
    pub async fn has_entry(&self, newest: u64) {
        let entry = CatalogueEntry {
            job_id: ID.to_owned(),
            job_name: "payments".to_owned(),
            primary_dir: PRIMARY.to_owned(),
            job_dir: secondary("").to_string(),
            newest_published_id: newest,
            newest_published_path: secondary(&format!("chk-{newest}")).to_string(),
            triggered_at_ms: 1,
            completed_at_ms: 2,
            published_at_ms: 3,
            files: 4,
            bytes: 5,
            version: 1,
        };
        let path = SecondaryRoot::new(at(SECONDARY)).catalogue_entry(ID);
        put(&self.secondary, &path, entry.to_json().unwrap()).await;
    }

    pub async fn entry(&self) -> Option<CatalogueEntry> {
        let root = at(SECONDARY);
        audit::catalogue_entry(&self.secondary, &root, ID)
            .await
            .unwrap()
    }
}

pub async fn bytes_at(store: &MemoryStore, path: &Location) -> Vec<u8> {
    let status = store.stat(path.path()).await.unwrap().unwrap();
    let bytes = store.read(path.path(), 0, status.length).await.unwrap();
    bytes.to_vec()
}

/// The files that a golden names, by their paths below the job, with lengths that do.
pub fn files(case: &str) -> Vec<(String, u64)> {
    let files = manifest(&golden(case), &primary("chk-42")).unwrap().files;
    let files = files.into_iter().map(|file| {
        let path = file.location.unwrap();
        let below = path.below(&primary("")).unwrap().to_owned();
        // Of files of which segments are named, there is more than is named.
        let length = file.length.unwrap() + if file.exact { 0 } else { 7 };
        (below, length)
    });
    files.collect()
}

pub fn cluster(root: &str) -> Cluster {
    Cluster {
        name: None,
        root: root.to_owned(),
        hadoop_conf_dir: None,
        user: None,
    }
}

pub fn wanted(which: Which, depth: Depth) -> Wanted {
    Wanted {
        which,
        newest: false,
        depth,
        lists: false,
        primary: cluster(PRIMARY),
        secondary: cluster(SECONDARY),
        primary_aliases: Vec::new(),
        path_mapping: Vec::new(),
        now_ms: 1_770_091_506_789,
    }
}

pub fn options() -> Options {
    Options {
        first_pause: Duration::from_millis(10),
        ..Options::default()
    }
}
