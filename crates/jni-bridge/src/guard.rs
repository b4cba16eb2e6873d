//! The one error policy: whatever happens in an entry, Java gets the default, and the log a line
//! for each entry that it happens in. Panics are counted each time.

use std::any::Any;
use std::collections::HashSet;
use std::sync::{LazyLock, Mutex, PoisonError};

use jni::errors::Error;
use jni::{Env, EnvUnowned, Outcome};

use crate::process;

/// Runs an entry's body. Errors and panics end here.
pub(crate) fn guarded<'local, T: Default>(
    mut env: EnvUnowned<'local>,
    entry: &'static str,
    body: impl FnOnce(&mut Env<'local>) -> Result<T, Error>,
) -> T {
    let body = |env: &mut Env<'local>| {
        #[cfg(feature = "provoked-panics")]
        crate::provoked::panic_if_asked(entry);
        let result = body(env);
        if result.is_err() {
            // a pending exception would reach Flink
            env.exception_clear();
        }
        result
    };
    match env.with_env(body).into_outcome() {
        Outcome::Ok(value) => value,
        Outcome::Err(error) => {
            if is_first(entry, "error") {
                tracing::warn!("{entry} failed, the job is not affected: {error}");
            }
            T::default()
        }
        Outcome::Panic(payload) => {
            panicked(entry, payload);
            T::default()
        }
    }
}

fn panicked(entry: &'static str, payload: Box<dyn Any + Send>) {
    let text = replicator::panic_text(payload);
    if let Some(process) = process::get() {
        process.metrics.panics.inc();
    }
    if is_first(entry, "panic") {
        tracing::error!(
            "{entry} panicked, the job is not affected. Please report this: {text}. Further panics \
             there are only counted, in dualwrite_panics_total."
        );
    }
}

/// Whether this has not happened in the entry before: some are called for every chunk.
fn is_first(entry: &'static str, what: &'static str) -> bool {
    static SAID: LazyLock<Mutex<HashSet<(&str, &str)>>> = LazyLock::new(Mutex::default);
    let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
    said.insert((entry, what))
}
