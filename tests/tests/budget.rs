//! Memory for the bytes on their way that is far too small.

mod support;

use anyhow::{Context, Result, ensure};
use support::{Sites, Stage, now_ms, on_stage, warned};

const FLINK: &str = "1.20.5";
/// With the smallest budget as with the usual one.
const CHECKPOINTS: usize = 8;

fn stage() -> Result<Stage> {
    let sites = Sites::launch("budget")?;
    let flink = sites.flink(FLINK)?;
    Stage::set(sites, FLINK, flink)
}

/// Of several files that are written at a time one has memory, and only as much as one call takes.
/// All others are copied from the primary, and every checkpoint that still wants them is published.
#[test]
#[ignore = "left to `cargo xtask test --all`"]
fn memory_of_one_chunk() -> Result<()> {
    on_stage(stage, |stage| {
        let Stage {
            flink,
            judge,
            watched,
            ..
        } = stage;
        let usual = now_ms();
        watched.complete_more_under(judge, CHECKPOINTS)?;
        let changed = now_ms();

        flink.configure("dualwrite.buffer.memory", Some("64kb"))?;
        flink.configure("dualwrite.chunk.size", Some("64kb"))?;
        let last = watched.newest()?;
        flink.task_manager(0).restart()?;
        let first = judge.until("the job to be restored", || {
            let newest = watched.newest()?;
            ensure!(newest > last + 1, "{newest} is the newest");
            Ok(newest)
        })?;
        let scarce = now_ms();
        watched.complete_more_under(judge, CHECKPOINTS)?;
        judge.until_published(&watched.id, watched.newest()?)?;
        watched.nothing_failed_after(first)?;
        watched.took_no_longer(scarce..now_ms(), usual..changed)?;

        let warnings = warned(flink.task_manager(0))?;
        let warning = warnings.first().context("nothing was said")?;
        ensure!(
            warnings.len() == 1 && warning.contains("was not teed (buffer_full)"),
            "{warnings:#?}"
        );
        ensure!(warned(flink.job_manager())?.is_empty());
        Ok(())
    })
}
