//! The link to a secondary on a host of its own.

mod support;

use anyhow::Result;
use support::{Fault, Shows, Sites, Stage, on_stage};

const FLINK: &str = "1.20.5";

fn stage() -> Result<Stage> {
    let sites = Sites::launch_apart("link")?;
    let flink = sites.flink(FLINK)?;
    Stage::set(sites, FLINK, flink)
}

/// Packets vanish in both directions, without a reset: only time limits end a call.
#[test]
fn black_hole() -> Result<()> {
    let fault = Fault {
        strike: |sites| sites.host()?.cut(),
        heal: |sites| sites.host()?.heal(),
        judged: false,
        shows: Shows::Silence,
    };
    on_stage(stage, |stage| stage.endures(&fault))
}
