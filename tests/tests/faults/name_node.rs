//! The secondary's NameNode.

use anyhow::Result;

use crate::stage;
use crate::support::{Fault, Shows, on_stage};

#[test]
#[ignore = "left to `cargo xtask test --all`"]
fn name_node_killed() -> Result<()> {
    let fault = Fault {
        strike: |sites| {
            sites.secondary.name_node().kill();
            Ok(())
        },
        heal: |sites| {
            sites.secondary.name_node().restart()?;
            sites.secondary.wait_ready()
        },
        judged: false,
        shows: Shows::Silence,
    };
    on_stage(stage, |stage| stage.endures(&fault))
}

#[test]
fn name_node_frozen() -> Result<()> {
    let fault = Fault {
        strike: |sites| sites.secondary.name_node().freeze(),
        heal: |sites| sites.secondary.name_node().thaw(),
        judged: false,
        shows: Shows::Silence,
    };
    on_stage(stage, |stage| stage.endures(&fault))
}

#[test]
#[ignore = "left to `cargo xtask test --all`"]
fn name_node_in_safe_mode() -> Result<()> {
    let fault = Fault {
        strike: |sites| sites.secondary.safe_mode(true),
        heal: |sites| sites.secondary.safe_mode(false),
        judged: true,
        shows: Shows::Silence,
    };
    on_stage(stage, |stage| stage.endures(&fault))
}

#[test]
#[ignore = "left to `cargo xtask test --all`"]
fn name_node_restarted() -> Result<()> {
    let fault = Fault {
        strike: |sites| {
            sites.secondary.name_node().restart()?;
            sites.secondary.wait_ready()
        },
        heal: |_| Ok(()),
        judged: true,
        shows: Shows::ShortSilence,
    };
    on_stage(stage, |stage| stage.endures(&fault))
}
