//! Panics of our tasks: counted, said once for each task, never left to end one in silence.

use std::any::Any;
use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use telemetry::Metrics;

use crate::said::Said;

/// Runs a task's future; None if it panicked. What it shares with others must be sound at every
/// await, which mutexes that ignore poisoning and atomics are.
pub(crate) async fn caught<T>(
    (metrics, said): (&Metrics, &Said),
    task: &str,
    future: impl Future<Output = T>,
) -> Option<T> {
    match AssertUnwindSafe(future).catch_unwind().await {
        Ok(value) => Some(value),
        Err(payload) => {
            let text = panic_text(payload);
            metrics.panics.inc();
            if said.first_or_counted(&format!("{task} panicked")) {
                tracing::error!(
                    "{task} panicked, the job is not affected. Please report this: {text}. Further \
                     panics there are only counted, in dualwrite_panics_total."
                );
            }
            None
        }
    }
}

/// What a panic said.
pub fn panic_text(payload: Box<dyn Any + Send>) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let text = text.unwrap_or("no message").to_owned();
    // dropping it could panic again
    std::mem::forget(payload);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_counted() {
        let (metrics, said) = (Metrics::new().unwrap(), Said::default());
        let to = (&*metrics, &said);
        assert_eq!(caught(to, "This", async { 1 }).await, Some(1));
        for _ in 0..2 {
            let panics = async { panic!("as it must") };
            assert_eq!(caught::<()>(to, "This", panics).await, None);
        }
        assert_eq!(metrics.panics.get(), 2);
        assert!(!said.first("This panicked"));
    }
}
