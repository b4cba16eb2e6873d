//! What the log says: each cause once, then how often it came, now and then and at the end.

mod support;

use std::io::{Result, Write};
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use replicator::JobHandle;
use store::ErrorKind;
use store::testing::Fault;
use support::{STREAM, World, feed};
use tokio::time::sleep;
use tracing::Level;

/// The lines of this thread's log.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Those with `words` since the call before.
    fn take(&self, words: &str) -> Vec<String> {
        let bytes = std::mem::take(&mut *self.0.lock().unwrap());
        let text = String::from_utf8(bytes).unwrap();
        let lines = text.lines().filter(|line| line.contains(words));
        lines.map(str::to_owned).collect()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

async fn tee(world: &World, job: &JobHandle, files: Range<u32>) {
    for n in files {
        let path = format!("/cp/job/chk-1/{n}");
        world.put(&path, &vec![7; 5000].into()).await;
        let session = job.open_session(STREAM).unwrap();
        let tail = feed(&session, &[7; 5000]).unwrap_or_default();
        session.seal(tail, &format!("hdfs://primary{path}"), 5000);
        sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_goes_on_is_said_once_and_then_told_as_a_number() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(Level::INFO)
        .with_ansi(false)
        .without_time()
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let world = World::new();
    world.faults.set_script(|call| {
        let is_file = call.operation == "create";
        is_file.then_some(Fault::Fail(ErrorKind::NoSpace))
    });
    let job = world.worker();
    tee(&world, &job, 0..50).await;
    sleep(Duration::from_mins(9)).await;
    let said = log.take("not teed");
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("WARN") && said[0].contains("(no_space)"));
    sleep(Duration::from_mins(2)).await;
    let numbers = log.take(" min: ");
    assert_eq!(numbers.len(), 2, "{numbers:?}");
    let [copied, teed] = [&numbers[0], &numbers[1]];
    assert!(copied.contains("INFO") && copied.contains("Files not copied (no_space), in the last"));
    let end = "Files not teed (no_space), in the last 10 min: 49 more.";
    assert!(teed.ends_with(end), "{teed}");
    sleep(Duration::from_hours(1)).await;
    tee(&world, &job, 50..53).await;
    sleep(Duration::from_secs(20)).await;
    let numbers = log.take("not teed");
    assert_eq!(numbers.len(), 1, "{numbers:?}");
    tee(&world, &job, 53..55).await;
    world.replicator.drain(Duration::from_secs(1)).await;
    let rest = log.take("not teed");
    assert!(
        rest.len() == 1 && rest[0].ends_with("in the last 1 min: 2 more."),
        "{rest:?}"
    );
}
