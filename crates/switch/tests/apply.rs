//! Plans carried out against stand-ins for both Flinks: what is done in which order, what is
//! refused, and that nothing is done twice.

mod support;

use std::fs;
use std::time::Duration;

use serde_json::json;
use switch::{Ends, Failure, Flink, Journal, Options, Outcome, Plan, Switched, Tls, apply};

use support::stub::{Fault, Job, Stub};
use support::{Site, id_of, quick};

/// Two Flinks and the target's checkpoints.
struct World {
    site: Site,
    source: Stub,
    target: Stub,
}

impl World {
    /// These jobs run at the source, and each has published checkpoint 42.
    async fn with(names: &[&str]) -> Self {
        let world = Self {
            site: Site::new(),
            source: Stub::start().await,
            target: Stub::start().await,
        };
        for name in names {
            world.site.publish(name, 42);
            let job = Job::running(name, 42);
            world.source.state().jobs.insert(id_of(name), job);
        }
        world
    }

    async fn plan(&self, names: &[&str]) -> Plan {
        let source = Some(self.source.address.as_str());
        self.site.plan(names, &self.target.address, source).await
    }

    async fn apply(&self, plan: &Plan, options: &Options) -> Vec<Outcome> {
        let journal = Journal::open(&self.site.path("plan.progress"), plan).unwrap();
        let target = Flink::new(&self.target.address, &Tls::default()).unwrap();
        let source = plan.source.flink.as_deref();
        let source = source.map(|address| Flink::new(address, &Tls::default()).unwrap());
        let place = self.site.place();
        let ends = Ends {
            place: &place,
            target: &target,
            source: source.as_ref(),
        };
        apply(plan, ends, &journal, options, &|_, _| {})
            .await
            .unwrap()
    }

    /// Applies a plan of one job, which is not switched.
    async fn refused(&self, plan: &Plan, options: &Options) -> Failure {
        let outcome = self.apply(plan, options).await.remove(0);
        outcome.result.unwrap_err()
    }

    /// Applies a plan of one job.
    async fn apply_one(&self, name: &str, options: &Options) -> Result<Switched, Failure> {
        let plan = self.plan(&[name]).await;
        self.apply(&plan, options).await.remove(0).result
    }
}

fn switched(outcomes: Vec<Outcome>) -> Vec<Switched> {
    let of = |outcome: Outcome| {
        outcome
            .result
            .unwrap_or_else(|e| panic!("{}: {e}", outcome.name))
    };
    outcomes.into_iter().map(of).collect()
}

#[tokio::test]
async fn jobs_end_at_the_source_and_start_at_the_target() {
    let names = ["orders", "payments", "totals"];
    let world = World::with(&names).await;
    let plan = world.plan(&names).await;
    assert_eq!(plan.left_out, []);
    let done = switched(world.apply(&plan, &quick()).await);
    for (name, switched) in names.iter().zip(&done) {
        assert_eq!(world.source.alive(name), Vec::<String>::new());
        assert_eq!(world.target.alive(name), [&*switched.job_id]);
        assert_eq!(switched.checkpoint.id, 42);
        assert_eq!(switched.checkpoint.triggered_at_ms, Some(1_770_091_506_042));
        assert!(switched.done.first_checkpoint_after_ms >= Some(switched.done.running_after_ms));
        let state = world.target.state();
        let expected = json!({
            "jobId": switched.job_id,
            "savepointPath": world.site.uri(&format!("cp/{}/chk-42", id_of(name))),
            "claimMode": "NO_CLAIM",
            "programArgsList": ["--name", name],
            "allowNonRestoredState": false,
        });
        assert_eq!(state.jobs[&switched.job_id].started_with, expected);
    }
    assert_eq!(world.target.calls("POST /jars/upload").len(), 1);
    // Again, there is nothing to be done.
    let calls = world.target.calls("POST").len();
    let again = switched(world.apply(&plan, &quick()).await);
    assert!(again.iter().all(|switched| switched.earlier));
    assert_eq!(world.target.calls("POST").len(), calls);
}

#[tokio::test]
async fn a_silent_source_needs_somebody_who_answers_for_it() {
    let mut world = World::with(&["payments"]).await;
    let mut plan = world.plan(&["payments"]).await;
    world.source = Stub::start().await;
    plan.source.flink = Some("http://127.0.0.1:1".to_owned());
    for source in [Some("http://127.0.0.1:1"), None] {
        plan.source.flink = source.map(str::to_owned);
        let refused = world.refused(&plan, &quick()).await;
        assert!(refused.is_silence());
        assert!(
            refused.to_string().contains("--source-is-dead"),
            "{refused}"
        );
        assert_eq!(world.target.alive("payments"), Vec::<String>::new());
    }
    let options = Options {
        source_is_dead: true,
        ..quick()
    };
    switched(world.apply(&plan, &options).await);
    assert_eq!(world.target.alive("payments").len(), 1);
}

/// What is said to be dead, and is not, is ended all the same.
#[tokio::test]
async fn a_source_that_answers_is_not_dead() {
    let world = World::with(&["payments"]).await;
    let options = Options {
        source_is_dead: true,
        ..quick()
    };
    world.apply_one("payments", &options).await.unwrap();
    assert_eq!(world.source.alive("payments"), Vec::<String>::new());
}

#[tokio::test]
async fn the_sources_newest_checkpoint_is_waited_for() {
    let world = World::with(&["payments"]).await;
    let source_id = id_of("payments");
    world
        .source
        .state()
        .jobs
        .get_mut(&source_id)
        .unwrap()
        .newest = Some(43);
    let plan = world.plan(&["payments"]).await;
    let behind = world.refused(&plan, &quick()).await;
    let Failure::Behind {
        completed,
        published,
        ..
    } = behind
    else {
        panic!("{behind}");
    };
    assert_eq!((completed, published), (43, Some(42)));
    assert_eq!(world.source.alive("payments"), Vec::<String>::new());
    assert_eq!(world.target.alive("payments"), Vec::<String>::new());

    let arrives = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        world.site.publish("payments", 43);
    };
    let options = quick();
    let (outcomes, ()) = tokio::join!(world.apply(&plan, &options), arrives);
    let done = switched(outcomes).remove(0);
    assert_eq!(done.checkpoint.id, 43);
    assert_eq!(done.checkpoint.triggered_at_ms, Some(1_770_091_506_043));
}

#[tokio::test]
async fn what_is_older_is_taken_if_somebody_accepts_it() {
    let world = World::with(&["payments"]).await;
    let source_id = id_of("payments");
    world
        .source
        .state()
        .jobs
        .get_mut(&source_id)
        .unwrap()
        .newest = Some(50);
    let options = Options {
        accept_older: true,
        ..quick()
    };
    let done = world.apply_one("payments", &options).await.unwrap();
    assert_eq!(done.checkpoint.id, 42);
}

#[tokio::test]
async fn an_older_checkpoint_than_the_planned_one_is_not_taken_silently() {
    let world = World::with(&["payments"]).await;
    world.site.publish("payments", 43);
    let plan = world.plan(&["payments"]).await;
    assert_eq!(plan.jobs[0].checkpoint.id, 43);
    let dir = world.site.path(&format!("cp/{}/chk-43", id_of("payments")));
    fs::remove_file(dir.join("keyed-0")).unwrap();
    let refused = world.refused(&plan, &quick()).await;
    assert!(
        matches!(
            refused,
            Failure::Older {
                planned: 43,
                found: 42
            }
        ),
        "{refused}"
    );
    // It was found before anything was done.
    assert_eq!(world.source.alive("payments").len(), 1);
}

/// What cannot be started is not stopped.
#[tokio::test]
async fn a_job_that_cannot_be_started_goes_on_at_the_source() {
    let world = World::with(&["payments"]).await;
    let plan = world.plan(&["payments"]).await;
    let jar = world.site.path("job.jar");
    fs::remove_file(&jar).unwrap();
    let refused = world.refused(&plan, &quick()).await;
    assert!(
        refused.to_string().contains("job.jar cannot be read"),
        "{refused}"
    );

    fs::write(&jar, "a jar").unwrap();
    let namesake = Job::running("payments", 7);
    world.target.state().jobs.insert("77".to_owned(), namesake);
    let refused = world.refused(&plan, &quick()).await;
    assert!(
        matches!(&refused, Failure::RunsAlready(id) if id == "77"),
        "{refused}"
    );
    world.target.state().jobs.clear();

    let other = Job::running("payments", 7);
    world.source.state().jobs.insert("88".to_owned(), other);
    let refused = world.refused(&plan, &quick()).await;
    let is_it = matches!(&refused, Failure::RunsUnderOtherId { running, .. } if running == "88");
    assert!(is_it, "{refused}");
    assert_eq!(world.source.alive("payments").len(), 2);
    assert_eq!(world.source.calls("PATCH"), Vec::<String>::new());
    assert_eq!(world.target.alive("payments"), Vec::<String>::new());
}

#[tokio::test]
async fn a_job_that_does_not_end_is_not_started_again() {
    let world = World::with(&["payments"]).await;
    let id = id_of("payments");
    world.source.state().jobs.get_mut(&id).unwrap().ends_after = Duration::from_mins(1);
    let options = Options {
        stop: Duration::from_millis(100),
        ..quick()
    };
    let refused = world.apply_one("payments", &options).await.unwrap_err();
    assert!(matches!(&refused, Failure::StillRuns { state, .. } if state == "CANCELLING"));
    assert_eq!(world.target.alive("payments"), Vec::<String>::new());
}

#[tokio::test]
async fn one_that_fails_neither_stops_nor_hides_the_others() {
    let names = ["bad", "ended", "good", "refused"];
    let world = World::with(&names).await;
    world
        .target
        .plays("ended", |job| job.state = Some("FAILED"));
    world
        .target
        .plays("bad", |job| job.state = Some("RESTARTING"));
    let refusals = std::sync::atomic::AtomicUsize::new(0);
    world.target.script(move |call| {
        let is_run = call.starts_with("POST /jars/") && call.ends_with("/run");
        // The last of the four to be started is the one that is refused.
        let nth = is_run.then(|| refusals.fetch_add(1, std::sync::atomic::Ordering::SeqCst));
        (nth == Some(3)).then_some(Fault::Refuse(400, "x\nCaused by: no such class"))
    });
    let plan = world.plan(&names).await;
    let options = Options {
        start: Duration::from_millis(200),
        concurrency: 1,
        ..quick()
    };
    let outcomes = world.apply(&plan, &options).await;
    let told: Vec<_> = outcomes.into_iter().map(|outcome| outcome.result).collect();
    let [Err(bad), Err(ended), Ok(good), Err(refused)] = &told[..] else {
        panic!("{told:?}");
    };
    assert_eq!(world.target.alive("good"), [&*good.job_id]);
    assert!(
        bad.to_string().contains("RESTARTING at the target"),
        "{bad}"
    );
    assert!(bad.to_string().contains("org.B: no such file"), "{bad}");
    assert!(
        ended
            .to_string()
            .contains("is FAILED at the target: org.B: no such file"),
        "{ended}"
    );
    assert!(
        refused.to_string().contains("with 400: no such class"),
        "{refused}"
    );

    // Mended, and run again: each once.
    world.target.script(|_| None);
    world.target.state().plays.clear();
    let bad = world.target.alive("bad");
    for job in world
        .target
        .state()
        .jobs
        .values_mut()
        .filter(|job| job.name == "bad")
    {
        job.state = None;
    }
    switched(world.apply(&plan, &quick()).await);
    assert_eq!(world.target.alive("bad"), bad, "it was only waited for");
    for name in names {
        assert_eq!(world.target.alive(name).len(), 1, "{name}");
    }
}

#[tokio::test]
async fn a_start_whose_answer_is_lost_is_looked_for() {
    let world = World::with(&["payments"]).await;
    world
        .target
        .script(|call| call.ends_with("/run").then_some(Fault::LoseAnswer));
    let done = world.apply_one("payments", &quick()).await.unwrap();
    assert_eq!(world.target.alive("payments"), [done.job_id]);
}

#[tokio::test]
async fn one_that_went_on_before_it_failed_is_not_started_from_the_old_checkpoint() {
    let world = World::with(&["payments"]).await;
    world.target.plays("payments", |job| {
        job.state = Some("FAILED");
        job.newest = Some(44);
    });
    let plan = world.plan(&["payments"]).await;
    // An apply that was killed when it had started the job.
    let options = quick();
    let cut = tokio::time::timeout(Duration::from_secs(5), async {
        tokio::select! {
            outcomes = world.apply(&plan, &options) => drop(outcomes),
            () = until(|| world.target.calls("POST /jars/5f_job.jar/run").len() == 1) => {}
        }
    });
    cut.await.unwrap();
    let refused = world.refused(&plan, &options).await;
    assert!(
        matches!(refused, Failure::WentOn { checkpoint: 44, .. }),
        "{refused}"
    );
    assert_eq!(world.target.calls("POST /jars/5f_job.jar/run").len(), 1);
}

#[tokio::test]
async fn one_that_went_on_before_its_flink_was_lost_is_not_started_from_the_old_checkpoint() {
    let world = World::with(&["payments"]).await;
    world
        .target
        .plays("payments", |job| job.state = Some("RESTARTING"));
    let plan = world.plan(&["payments"]).await;
    let options = Options {
        start: Duration::from_millis(50),
        ..quick()
    };
    let waiting = world.refused(&plan, &options).await;
    let Failure::NotRunning { job_id, .. } = waiting else {
        panic!("{waiting}");
    };
    // It came to run, and completed a checkpoint; then its Flink was started anew.
    world.target.state().jobs.clear();
    world.site.publish(&job_id, 44);
    let refused = world.refused(&plan, &options).await;
    let Failure::WentOn {
        checkpoint, path, ..
    } = &refused
    else {
        panic!("{refused}");
    };
    assert_eq!(*checkpoint, 44);
    assert_eq!(*path, world.site.uri(&format!("cp/{job_id}/chk-44")));
    assert_eq!(world.target.alive("payments"), Vec::<String>::new());
}

/// It was dead when somebody said so, and is not when the apply is run again.
#[tokio::test]
async fn a_source_that_has_come_back_is_asked_again() {
    let world = World::with(&["payments"]).await;
    let plan = world.plan(&["payments"]).await;
    let mut dead = plan.clone();
    dead.source.flink = Some("http://127.0.0.1:1".to_owned());
    let options = Options {
        source_is_dead: true,
        ..quick()
    };
    world.target.script(|call| {
        call.ends_with("/run")
            .then_some(Fault::Refuse(400, "no slots"))
    });
    world.refused(&dead, &options).await;
    world.target.script(|_| None);
    switched(world.apply(&plan, &quick()).await);
    assert_eq!(world.source.alive("payments"), Vec::<String>::new());
    assert_eq!(world.target.alive("payments").len(), 1);
}

async fn until(mut is_so: impl FnMut() -> bool) {
    while !is_so() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// After every call that it makes, the apply is killed, and run again.
#[tokio::test]
async fn killed_anywhere_it_goes_on_and_starts_nothing_twice() {
    let names = ["orders", "payments"];
    let mut finished = false;
    for after in 1.. {
        let world = World::with(&names).await;
        let plan = world.plan(&names).await;
        let served = || world.target.served() + world.source.served();
        let options = Options {
            concurrency: 2,
            ..quick()
        };
        tokio::select! {
            biased;
            () = until(|| served() >= after) => {}
            _ = world.apply(&plan, &options) => finished = true,
        }
        let done = switched(world.apply(&plan, &options).await);
        for (name, switched) in names.iter().zip(done) {
            let jobs = world.target.state().jobs.clone();
            let started: Vec<_> = jobs.iter().filter(|(_, job)| job.name == *name).collect();
            assert_eq!(
                started.len(),
                1,
                "{name}, killed after {after} calls: {started:?}"
            );
            assert_eq!(*started[0].0, switched.job_id);
            assert_eq!(world.source.alive(name), Vec::<String>::new());
        }
        if finished {
            assert!(after > 12, "it was killed at {after} places only");
            break;
        }
    }
}
