//! A secondary that answers, and takes no file, or loses what it had.

use anyhow::{Context, Result};
use harness::Disk;

use crate::support::{DIRECTORY, Fault, Shows, Sites, on_stage};
use crate::{USER, stage};

fn refused(
    strike: fn(&Sites) -> Result<()>,
    heal: fn(&Sites) -> Result<()>,
    reason: &'static str,
    words: &'static str,
) -> Result<()> {
    let fault = Fault {
        strike,
        heal,
        judged: true,
        shows: Shows::Refusal { reason, words },
    };
    on_stage(stage, |stage| stage.endures(&fault))
}

#[test]
fn disk_full() -> Result<()> {
    refused(
        |sites| sites.secondary.disks().try_for_each(Disk::fill),
        |sites| sites.secondary.disks().try_for_each(Disk::free),
        "no_space",
        "could only be written to 0 of the 1 minReplication nodes",
    )
}

#[test]
fn quota_of_names() -> Result<()> {
    refused(
        |sites| quota(sites, 1, -1),
        |sites| quota(sites, -1, -1),
        "no_space",
        "NSQuotaExceededException",
    )
}

#[test]
#[ignore = "left to `cargo xtask test --all`"]
fn quota_of_bytes() -> Result<()> {
    refused(
        |sites| quota(sites, -1, 1),
        |sites| quota(sites, -1, -1),
        "no_space",
        "DSQuotaExceededException",
    )
}

#[test]
fn permission_denied() -> Result<()> {
    refused(
        |sites| owner(sites, "somebody", "700"),
        |sites| owner(sites, USER, "755"),
        "permission_denied",
        "AccessControlException",
    )
}

/// Nobody restores it: it is made again by whoever writes into it.
fn deleted(strike: fn(&Sites) -> Result<()>) -> Result<()> {
    let fault = Fault {
        strike,
        heal: |_| Ok(()),
        judged: true,
        shows: Shows::Deletion,
    };
    on_stage(stage, |stage| stage.endures(&fault))
}

#[test]
fn directory_deleted() -> Result<()> {
    deleted(|sites| {
        sites.secondary.web().delete(DIRECTORY)?;
        Ok(())
    })
}

/// With all its checkpoints, but not with the record of who publishes them.
#[test]
#[ignore = "left to `cargo xtask test --all`"]
fn directory_of_the_job_deleted() -> Result<()> {
    deleted(|sites| {
        let web = sites.secondary.web();
        let jobs = web.list(DIRECTORY)?.context("no directory")?;
        let mut jobs = jobs.iter().filter(|job| !job.name.starts_with('.'));
        let job = jobs.next().context("no job")?;
        web.delete(&format!("{DIRECTORY}/{}", job.name))?;
        Ok(())
    })
}

/// As WebHDFS takes it; -1 is none.
fn quota(sites: &Sites, names: i64, bytes: i64) -> Result<()> {
    let arguments = format!("&namespacequota={names}&storagespacequota={bytes}");
    sites.secondary.web().put(DIRECTORY, "SETQUOTA", &arguments)
}

fn owner(sites: &Sites, owner: &str, permission: &str) -> Result<()> {
    let web = sites.secondary.web();
    web.put(DIRECTORY, "SETOWNER", &format!("&owner={owner}"))?;
    let permission = format!("&permission={permission}");
    web.put(DIRECTORY, "SETPERMISSION", &permission)
}
