//! The secondary's DataNodes, of which there are two, and each has every block.
//!
//! The NameNode takes a silent one for alive for 20 s (with Hadoop's defaults 10.5 minutes) and has
//! every file written to both; then the other one serves alone.

use anyhow::Result;
use harness::Process;

use crate::stage;
use crate::support::{Fault, Shows, Sites, on_stage};

#[test]
#[ignore = "left to `cargo xtask test --all`"]
fn one_of_two_data_nodes_killed() -> Result<()> {
    let fault = Fault {
        strike: |sites| {
            sites.secondary.data_node(0).kill();
            Ok(())
        },
        heal: restart,
        judged: true,
        shows: Shows::ShortSilence,
    };
    on_stage(stage, |stage| stage.endures(&fault))
}

#[test]
#[ignore = "left to `cargo xtask test --all`"]
fn one_of_two_data_nodes_frozen() -> Result<()> {
    let fault = Fault {
        strike: |sites| sites.secondary.data_node(0).freeze(),
        heal: |sites| sites.secondary.data_node(0).thaw(),
        judged: true,
        shows: Shows::ShortSilence,
    };
    on_stage(stage, |stage| stage.endures(&fault))
}

/// Nothing can be read meanwhile, so nobody judges.
#[test]
fn the_only_data_node_left_killed() -> Result<()> {
    let fault = Fault {
        strike: |sites| {
            data_nodes(sites).for_each(Process::kill);
            Ok(())
        },
        heal: restart,
        judged: false,
        shows: Shows::Silence,
    };
    on_stage(stage, |stage| stage.endures(&fault))
}

#[test]
#[ignore = "left to `cargo xtask test --all`"]
fn the_only_data_node_left_frozen() -> Result<()> {
    let fault = Fault {
        strike: |sites| {
            sites.secondary.data_node(0).kill();
            sites.secondary.data_node(1).freeze()
        },
        heal: |sites| {
            sites.secondary.data_node(1).thaw()?;
            restart(sites)
        },
        judged: false,
        shows: Shows::Silence,
    };
    on_stage(stage, |stage| stage.endures(&fault))
}

fn data_nodes(sites: &Sites) -> impl Iterator<Item = &Process> {
    [0, 1]
        .into_iter()
        .map(|index| sites.secondary.data_node(index))
}

/// Starts those again that do not run.
fn restart(sites: &Sites) -> Result<()> {
    let gone = data_nodes(sites).filter(|process| !process.is_running());
    gone.into_iter().try_for_each(Process::restart)?;
    sites.secondary.wait_ready()
}
