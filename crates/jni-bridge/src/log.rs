//! The log's way into SLF4J: lines wait in a bounded queue until Java's own thread polls them.
//!
//! Never waits for room: lines that find none are counted, and the count is the next line.

use std::fmt::{self, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

/// Lines that wait, at most.
const LINES_AT_MOST: usize = 1024;
/// Under which name SLF4J knows us.
const LOGGER: &str = "io.dualwrite";
/// The crates whose lines are for the operator.
const CRATES: [&str; 5] = [
    "replicator",
    "store",
    "audit",
    "endpoint",
    env!("CARGO_CRATE_NAME"),
];

struct Queue {
    to: Sender<String>,
    from: Receiver<String>,
    lost: AtomicU64,
}

fn queue() -> &'static Queue {
    static QUEUE: OnceLock<Queue> = OnceLock::new();
    QUEUE.get_or_init(|| {
        let (to, from) = bounded(LINES_AT_MOST);
        Queue {
            to,
            from,
            lost: AtomicU64::new(0),
        }
    })
}

/// Sends what our crates log into the queue, from now on. Harmless when called again.
pub(crate) fn install() {
    let targets = CRATES.iter().map(|name| (*name, Level::DEBUG));
    let layer = ToQueue.with_filter(Targets::new().with_targets(targets));
    // an error means that it was installed before
    let _ = tracing_subscriber::registry().with(layer).try_init();
}

/// Waits for lines, `wait` at most, and gives up to `most` of them: `LEVEL\tlogger\tmessage`.
pub(crate) fn poll(wait: Duration, most: usize) -> Vec<String> {
    let queue = queue();
    let mut lines = Vec::new();
    if most > 0
        && let Ok(line) = queue.from.recv_timeout(wait)
    {
        lines.push(line);
        lines.extend(queue.from.try_iter().take(most - 1));
    }
    let lost = queue.lost.swap(0, Ordering::Relaxed);
    if lost > 0 {
        lines.push(format!(
            "WARN\t{LOGGER}\t{lost} log lines were lost, they came too fast."
        ));
    }
    lines
}

struct ToQueue;

impl<S: Subscriber> Layer<S> for ToQueue {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        let logger = metadata.target().replace("::", ".");
        let mut line = format!("{}\t{LOGGER}.{logger}\t", metadata.level());
        event.record(&mut Message(&mut line));
        let queue = queue();
        if queue.to.try_send(line).is_err() {
            queue.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Appends the message, then the fields.
struct Message<'a>(&'a mut String);

impl Visit for Message<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // writing to a String does not fail
        let _ = if field.name() == "message" {
            write!(self.0, "{value:?}")
        } else {
            write!(self.0, " {}={value:?}", field.name())
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_carry_level_logger_and_message_and_never_wait_for_room() {
        install();
        tracing::warn!(target: "replicator::publish", "text with {}", "argument");
        tracing::warn!(target: "hdfs_native", "not ours");
        let lines = poll(Duration::from_secs(10), 10);
        assert_eq!(
            lines,
            ["WARN\tio.dualwrite.replicator.publish\ttext with argument"]
        );
        for _ in 0..LINES_AT_MOST + 5 {
            tracing::info!(target: "replicator", "many");
        }
        let lines = poll(Duration::ZERO, usize::MAX);
        assert_eq!(lines.len(), LINES_AT_MOST + 1);
        assert!(
            lines[LINES_AT_MOST].contains("5 log lines were lost"),
            "{}",
            lines[LINES_AT_MOST]
        );
    }
}
