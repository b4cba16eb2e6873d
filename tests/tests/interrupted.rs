//! Single calls to the secondary's NameNode that are answered late or never, and processes of Flink
//! that are lost while one is under way.

mod support;

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use harness::{CheckedCheckpoint, Fate, FlinkRest, Rule, ZooKeeper, wait_until};
use support::{Fault, Judge, LIMIT, Shows, Sites, Stage, on_stage, restored_from, said};

const FLINK: &str = "1.20.5";

fn stage() -> Result<Stage> {
    let sites = Sites::launch_proxied("interrupted")?;
    let zookeeper = ZooKeeper::start(&sites.run)?;
    let storage = format!("{}/ha", sites.primary.uri());
    let flink = sites
        .flink(FLINK)?
        .high_availability(&zookeeper, &storage)
        .standby();
    Ok(Stage::set(sites, FLINK, flink)?.with(zookeeper))
}

/// The next such call is executed, but the connection breaks before its answer.
fn lost(method: &'static str, of: &'static str) -> Rule {
    Rule {
        method,
        of,
        every: u64::MAX,
        fate: Fate::LoseReply,
    }
}

/// Lets one reply be lost. Calls that are on the same connection at that moment share its lot.
fn reply_lost(strike: fn(&Sites) -> Result<()>) -> Result<()> {
    let fault = Fault {
        strike,
        heal: |sites| {
            ensure!(sites.proxy()?.struck() == 1, "no reply was lost");
            sites.proxy()?.let_go();
            Ok(())
        },
        judged: true,
        shows: Shows::ShortSilence,
    };
    on_stage(stage, |stage| stage.endures(&fault))
}

#[test]
#[ignore = "left to `cargo xtask test --all`"]
fn reply_to_the_rename_of_a_file_lost() -> Result<()> {
    reply_lost(|sites| {
        sites.proxy()?.rule(lost("rename2", "/shared/"));
        Ok(())
    })
}

#[test]
fn reply_to_the_rename_of_metadata_lost() -> Result<()> {
    reply_lost(|sites| {
        sites.proxy()?.rule(lost("rename2", "/_metadata"));
        Ok(())
    })
}

#[test]
fn reply_to_a_complete_lost() -> Result<()> {
    reply_lost(|sites| {
        sites.proxy()?.rule(lost("complete", ""));
        Ok(())
    })
}

#[test]
#[ignore = "left to `cargo xtask test --all`"]
fn reply_to_a_create_lost() -> Result<()> {
    reply_lost(|sites| {
        sites.proxy()?.rule(lost("create", ""));
        Ok(())
    })
}

/// As over a link of some thousand kilometres.
#[test]
#[ignore = "left to `cargo xtask test --all`"]
fn every_answer_late() -> Result<()> {
    let fault = Fault {
        strike: |sites| {
            sites.proxy()?.rule(Rule {
                method: "",
                of: "",
                every: 1,
                fate: Fate::Delay(std::time::Duration::from_millis(100)),
            });
            Ok(())
        },
        heal: |sites| {
            ensure!(sites.proxy()?.struck() > 0, "no answer was late");
            sites.proxy()?.let_go();
            Ok(())
        },
        judged: true,
        shows: Shows::ShortSilence,
    };
    on_stage(stage, |stage| {
        let id = stage.watched.id.clone();
        let before = stage.judge.until_published(&id, 0)?.id();
        stage.endures(&fault)?;
        ensure!(stage.judge.until_published(&id, 0)?.id() > before);
        Ok(())
    })
}

fn held(method: &'static str, of: &'static str) -> Rule {
    Rule {
        method,
        of,
        every: 1,
        fate: Fate::Hold,
    }
}

/// Waits until this JobManager has restored the job from `last` or a newer checkpoint.
fn recovered(rest: &FlinkRest, job: &str, last: u64) -> Result<()> {
    wait_until("the job to be recovered", LIMIT, || {
        restored_from(rest, job, last)
    })
    .map(drop)
}

/// No upload can end, then their process is gone: what they wrote stays without a name.
#[test]
#[ignore = "left to `cargo xtask test --all`"]
fn task_manager_killed_in_mid_upload() -> Result<()> {
    on_stage(stage, |stage| {
        let Stage { sites, flink, .. } = stage;
        let proxy = sites.proxy()?;
        proxy.rule(held("complete", "/inflight/"));
        let wanted = stage.watched.completed()?.len() + 1;
        stage.judge.until("uploads that cannot end", || {
            ensure!(proxy.struck() >= 2, "{} are held", proxy.struck());
            stage.watched.has_completed(wanted)
        })?;
        let last = stage.watched.newest()?;
        flink.task_manager(0).kill();
        proxy.let_go();
        ensure!(!sites.in_flight()?.is_empty(), "nothing was under way");
        flink.task_manager(0).restart()?;

        let job = &stage.watched.id;
        let restored = stage.judge.until("the job to be restored", || {
            restored_from(flink.rest(), job, last)
        })?;
        let again = stage.judge.until_published(job, restored)?;
        let again = again.id().context("a checkpoint")?;
        stage.watched.complete_more_under(&mut stage.judge, 2)?;
        stage.judge.until_published(job, again)?;
        stage.watched.nothing_failed_after(again)
    })
}

/// Kills the JobManager once a call is held, and waits until its successor publishes.
fn a_new_leader_after(stage: &mut Stage, call: Rule) -> Result<()> {
    let proxy = stage.sites.proxy()?;
    proxy.rule(call);
    stage.judge.until("the call to be under way", || {
        ensure!(proxy.struck() >= 1, "none is");
        Ok(())
    })?;
    let last = stage.watched.newest()?;
    let job_manager = stage.flink.job_manager();
    job_manager.kill();
    // Whoever asked is gone, so nobody will ever be answered.
    proxy.let_go();
    stage.judge.published()?;
    job_manager.restart()?;

    let job = &stage.watched.id;
    let rest = stage.flink.rest();
    recovered(rest, job, last)?;
    stage.judge.until_published(job, last)?;
    stage.watched.complete_more_under(&mut stage.judge, 2)?;
    stage.watched.nothing_failed()
}

/// Its `_metadata` is written, and not yet renamed into place.
#[test]
fn job_manager_killed_in_mid_publish() -> Result<()> {
    on_stage(stage, |stage| {
        a_new_leader_after(stage, held("rename2", "/_metadata"))
    })
}

/// It has published one checkpoint too many, and the next leader retires it.
#[test]
#[ignore = "left to `cargo xtask test --all`"]
fn job_manager_killed_before_it_retires() -> Result<()> {
    const RETAINED: usize = 3;
    on_stage(stage, |stage| {
        // The first call of a retirement.
        a_new_leader_after(stage, held("mkdirs", "/claimed/"))?;
        let count = |judge: &mut Judge| Ok(judge.published()?.len());
        wait_until("the one too many to be retired", LIMIT, || {
            match count(&mut stage.judge) {
                Ok(RETAINED) => Ok(Ok(())),
                Ok(other) => Err(format!("{other} are published")),
                Err(error) => Ok(Err::<(), anyhow::Error>(error)),
            }
        })?
    })
}

/// Looks at what is published from checkpoint `first` on until `count` more are, by one hand: it
/// only gets newer, and only the oldest goes.
fn published_by_one_hand(judge: &mut Judge, first: u64, count: usize) -> Result<()> {
    let (mut before, mut seen) = (Vec::<u64>::new(), BTreeSet::new());
    let mut look = || {
        let published = judge.published()?;
        let ids = published.iter().filter_map(CheckedCheckpoint::id);
        let ids: Vec<u64> = ids.filter(|id| *id >= first).collect();
        let oldest = ids.first().context("nothing is published")?;
        let gone = before.iter().find(|id| *id >= oldest && !ids.contains(id));
        ensure!(
            gone.is_none() && before.first() <= ids.first() && before.last() <= ids.last(),
            "{before:?} were published, then {ids:?}"
        );
        seen.extend(ids.last().copied());
        before = ids;
        Ok(seen.len() > count)
    };
    wait_until("further published checkpoints", LIMIT, || match look() {
        Ok(true) => Ok(Ok(())),
        Ok(false) => Err("too few"),
        Err(error) => Ok(Err(error)),
    })?
}

/// The leader stands still in the middle of a publication, and another one leads when it goes on:
/// it neither publishes nor deletes any more, until it leads again.
#[test]
fn two_leaders_at_once() -> Result<()> {
    on_stage(stage, |stage| {
        let Stage {
            sites,
            flink,
            judge,
            watched,
            ..
        } = stage;
        let (proxy, job) = (sites.proxy()?, &watched.id);
        let (old, (new, rest)) = (flink.job_manager(), flink.standby()?);
        new.restart()?;
        wait_until("the one in reserve to answer", LIMIT, || {
            rest.job_state(job)
        })?;
        proxy.rule(held("rename2", "/_metadata"));
        judge.until("a publication to be under way", || {
            ensure!(proxy.struck() >= 1, "none is");
            Ok(())
        })?;
        let last = watched.newest()?;
        old.freeze()?;
        let published = |process| -> Result<usize> {
            let lines = said(process, "INFO")?;
            Ok(lines
                .iter()
                .filter(|line| line.contains("Published"))
                .count())
        };
        let before = published(old)?;
        proxy.let_go();
        recovered(rest, job, last)?;
        let first = judge.until_published(job, last + 1)?;
        let first = first.id().context("a checkpoint")?;

        // What was under way may still take effect; it is whole, and older.
        old.thaw()?;
        published_by_one_hand(judge, first, 5)?;
        let since = published(old)? - before;
        ensure!(since <= 1, "{since} published by the former leader");
        let warnings = said(old, "WARN")?;
        let told = warnings
            .iter()
            .filter(|line| line.contains("has taken job"));
        // Only if it wanted to change something, and noticed.
        ensure!(told.count() <= 1, "{warnings:#?}");

        let last = rest.wait_for_completed(job, 1, LIMIT)?.id;
        new.kill();
        recovered(flink.rest(), job, last)?;
        judge.until_published(job, last)?;
        watched.complete_more_under(judge, 2)?;
        watched.nothing_failed()
    })
}
