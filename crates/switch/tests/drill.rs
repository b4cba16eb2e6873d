//! Rehearsals against a stand-in for a Flink: a job runs to its first checkpoint and is ended,
//! whatever happens, and nothing is claimed.

mod support;

use audit::Location;
use switch::{
    DrillFailure, Drilled, Flink, JobsFile, Launch, Options, Plan, Rehearsal, Rehearsed, Tls, drill,
};

use support::stub::{Fault, Job, Stub};
use support::{Site, id_of, quick};

/// A Flink for drills, and what the secondary holds.
struct World {
    site: Site,
    flink: Stub,
}

impl World {
    async fn with(names: &[&str]) -> Self {
        let world = Self {
            site: Site::new(),
            flink: Stub::start().await,
        };
        for name in names {
            world.site.publish(name, 42);
        }
        world
    }

    /// The jobs as they would be rehearsed.
    async fn rehearsals(&self, names: &[&str]) -> Vec<Rehearsal> {
        let plan: Plan = self.site.plan(names, &self.flink.address, None).await;
        let jobs = plan.jobs.into_iter().map(|job| Rehearsal {
            job_dir: Location::parse(&job.job_dir).unwrap(),
            name: job.name,
            launch: job.launch,
        });
        jobs.collect()
    }

    async fn drill(&self, rehearsals: &[Rehearsal], options: &Options) -> Vec<Drilled> {
        let flink = Flink::new(&self.flink.address, &Tls::default()).unwrap();
        drill(rehearsals, &self.site.place(), &flink, options, &|_, _| {})
            .await
            .unwrap()
    }

    /// Rehearses one job.
    async fn drill_one(&self, name: &str) -> Result<Rehearsed, DrillFailure> {
        let rehearsals = self.rehearsals(&[name]).await;
        self.drill(&rehearsals, &quick()).await.remove(0).result
    }
}

#[tokio::test]
async fn a_job_runs_to_its_first_checkpoint_and_is_ended() {
    let world = World::with(&["a", "b"]).await;
    let mut rehearsals = world.rehearsals(&["a", "b"]).await;
    // Whatever the jobs file says.
    let claiming = "[defaults]\njar = \"job.jar\"\nclaim-mode = \"CLAIM\"\nargs = [\"a\"]\n";
    let launch: Launch = JobsFile::parse(claiming, &world.site.path(""))
        .unwrap()
        .launch("a")
        .unwrap();
    rehearsals[0].launch = Some(launch);
    let drilled = world.drill(&rehearsals, &quick()).await;
    for (one, rehearsal) in drilled.iter().zip(&rehearsals) {
        let rehearsed = one.result.as_ref().unwrap();
        assert!(
            rehearsed.first_checkpoint_after_ms.is_some(),
            "{rehearsed:?}"
        );
        let state = world.flink.state();
        let job = &state.jobs[&rehearsed.job_id];
        assert!(!job.is_alive(), "{} is left", one.name);
        assert_eq!(job.started_with["claimMode"], "NO_CLAIM");
        let path = rehearsal.job_dir.join("chk-42").to_string();
        assert_eq!(job.started_with["savepointPath"], path);
        assert_eq!(rehearsed.checkpoint.path, path);
    }
    assert_eq!(world.flink.calls("POST /jars/upload").len(), 1);
}

#[tokio::test]
async fn what_does_not_come_to_a_checkpoint_is_ended_too() {
    let world = World::with(&["hangs", "waits", "fails"]).await;
    world
        .flink
        .plays("hangs", |job| job.state = Some("CREATED"));
    world
        .flink
        .plays("waits", |job| job.checkpoints_after *= 1_000_000);
    world.flink.plays("fails", |job| job.state = Some("FAILED"));
    for (name, expected) in [
        ("hangs", "it was CREATED after"),
        ("waits", "had completed no checkpoint after"),
        ("fails", "it was FAILED: "),
    ] {
        let options = Options {
            start: std::time::Duration::from_millis(200),
            first_checkpoint: std::time::Duration::from_millis(200),
            ..quick()
        };
        let rehearsals = world.rehearsals(&[name]).await;
        let result = world.drill(&rehearsals, &options).await.remove(0).result;
        let failure = result.unwrap_err();
        assert!(failure.to_string().contains(expected), "{failure}");
        assert!(!failure.is_silence());
        // What has failed by itself is not cancelled; the stub has it as it was told to.
        let alive = world.flink.alive(name);
        assert_eq!(alive, Vec::<String>::new(), "{name}");
    }
}

#[tokio::test]
async fn where_a_job_of_that_name_runs_none_is_started() {
    let world = World::with(&["a"]).await;
    let job = Job::running("a", 7);
    world.flink.state().jobs.insert("b".repeat(32), job);
    let failure = world.drill_one("a").await.unwrap_err();
    assert!(matches!(&failure, DrillFailure::RunsThere(id) if *id == "b".repeat(32)));
    assert_eq!(world.flink.calls("POST"), Vec::<String>::new());
    assert_eq!(world.flink.calls("PATCH"), Vec::<String>::new());
}

#[tokio::test]
async fn without_a_jar_nothing_is_started_and_the_others_are() {
    let world = World::with(&["a", "b"]).await;
    let mut rehearsals = world.rehearsals(&["a", "b"]).await;
    rehearsals[0].launch = None;
    let drilled = world.drill(&rehearsals, &quick()).await;
    assert!(matches!(drilled[0].result, Err(DrillFailure::NoJar)));
    assert!(drilled[1].result.is_ok());
}

#[tokio::test]
async fn a_start_whose_answer_is_lost_is_found_and_ended() {
    let world = World::with(&["a"]).await;
    world.flink.script(|call| {
        let is_run = call.starts_with("POST") && call.ends_with("/run");
        is_run.then_some(Fault::LoseAnswer)
    });
    let rehearsed = world.drill_one("a").await.unwrap();
    assert!(!world.flink.state().jobs[&rehearsed.job_id].is_alive());
}

#[tokio::test]
async fn what_cannot_be_ended_is_said() {
    let world = World::with(&["a"]).await;
    world.flink.script(|call| {
        let refused = Fault::Refuse(500, "org.A: not now");
        call.starts_with("PATCH").then_some(refused)
    });
    let rehearsals = world.rehearsals(&["a"]).await;
    let options = Options {
        stop: std::time::Duration::from_millis(100),
        ..quick()
    };
    let result = world.drill(&rehearsals, &options).await.remove(0).result;
    let failure = result.unwrap_err();
    let alive = world.flink.alive("a");
    assert_eq!(alive.len(), 1);
    let DrillFailure::Left { job_id, .. } = &failure else {
        panic!("{failure}")
    };
    assert_eq!(*job_id, alive[0]);
    assert!(
        failure
            .to_string()
            .contains("had completed its first checkpoint"),
        "{failure}"
    );
}

#[tokio::test]
async fn a_refusal_leaves_nothing_and_says_why() {
    let world = World::with(&["a"]).await;
    world.flink.script(|call| {
        let refused = Fault::Refuse(400, "org.A: no such class");
        call.ends_with("/run").then_some(refused)
    });
    let failure = world.drill_one("a").await.unwrap_err();
    assert!(failure.to_string().contains("no such class"), "{failure}");
    assert_eq!(world.flink.alive("a"), Vec::<String>::new());
    assert_eq!(world.flink.calls("PATCH"), Vec::<String>::new());
    let sent = world.flink.state().jobs.len();
    assert_eq!(sent, 0);
}

#[tokio::test]
async fn it_is_the_newest_usable_checkpoint_at_the_time() {
    let world = World::with(&["a"]).await;
    let rehearsals = world.rehearsals(&["a"]).await;
    world.site.publish("a", 43);
    world.site.publish("a", 44);
    let newest = world.site.path(&format!("cp/{}/chk-44/op-0", id_of("a")));
    std::fs::remove_file(newest).unwrap();
    let result = world.drill(&rehearsals, &quick()).await.remove(0).result;
    assert_eq!(result.unwrap().checkpoint.id, 43);
    std::fs::remove_dir_all(world.site.path(&format!("cp/{}", id_of("a")))).unwrap();
    let result = world.drill(&rehearsals, &quick()).await.remove(0).result;
    let failure = result.unwrap_err();
    assert!(
        matches!(failure, DrillFailure::NoCheckpoint(_)),
        "{failure}"
    );
}
