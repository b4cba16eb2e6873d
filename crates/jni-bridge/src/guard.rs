//! The one error policy: whatever happens in an entry, Java gets the default and the log a line.

use std::any::Any;

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
            tracing::warn!("{entry} failed, the job is not affected: {error}");
            T::default()
        }
        Outcome::Panic(payload) => {
            panicked(entry, payload);
            T::default()
        }
    }
}

fn panicked(entry: &str, payload: Box<dyn Any + Send>) {
    let text = replicator::panic_text(payload);
    if let Some(process) = process::get() {
        process.metrics.panics.inc();
    }
    tracing::error!("{entry} panicked, the job is not affected. Please report this: {text}");
}
