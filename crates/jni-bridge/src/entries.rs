//! The entry points, by the names that Java looks for. Each takes its arguments apart, calls the
//! replicator, and holds no logic. What each promises is told in `NativeBridge.java`.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jni::EnvUnowned;
use jni::errors::Result;
use jni::objects::{JByteArray, JByteBuffer, JClass, JObjectArray, JString};
use jni::sys::{jboolean, jint, jlong};
use jni::{Env, jni_str};
use replicator::{Lease, Offer, Scope, Stream, now_ms};

use crate::guard::guarded;
use crate::{log, process};

/// Lines that one poll gives, at most.
const LINES_A_POLL_AT_MOST: usize = 1000;
/// A poll waits no longer.
const POLL_WAITS_AT_MOST: Duration = Duration::from_secs(10);

#[unsafe(no_mangle)]
extern "system" fn Java_io_dualwrite_flink_NativeBridge_version<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
) -> JString<'local> {
    guarded(env, "version", |env| {
        log::install();
        JString::new(env, env!("CARGO_PKG_VERSION"))
    })
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_dualwrite_flink_NativeBridge_openJob<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
    settings: JObjectArray<'local, JString<'local>>,
) -> jlong {
    guarded(env, "openJob", |env| {
        let mut pairs = Vec::new();
        for index in 0..settings.len(env)? {
            let element = settings.get_element(env, index)?;
            pairs.push(element.try_to_string(env)?);
        }
        Ok(process::open_job(&pairs).unwrap_or_else(|error| {
            tracing::error!("{error}");
            0
        }))
    })
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_dualwrite_flink_NativeBridge_openSession<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
    job: jlong,
    scope: jint,
    checkpoint: jlong,
) -> jlong {
    guarded(env, "openSession", |_| {
        let scope = match scope {
            1 => Scope::Shared,
            2 => Scope::TaskOwned,
            _ => Scope::Exclusive,
        };
        let stream = Stream {
            scope,
            checkpoint: u64::try_from(checkpoint).ok(),
        };
        let Some(process) = process::get() else {
            return Ok(0);
        };
        let session = process
            .jobs
            .get(job)
            .and_then(|job| job.open_session(stream));
        Ok(session.map_or(0, |session| process.sessions.insert(Arc::new(session))))
    })
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_dualwrite_flink_NativeBridge_lease<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
    session: jlong,
) -> JByteBuffer<'local> {
    guarded(env, "lease", |env| {
        let session = process::get().and_then(|process| process.sessions.get(session));
        buffer(env, session.and_then(|session| session.lease()))
    })
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_dualwrite_flink_NativeBridge_handOver<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
    session: jlong,
    length: jint,
) -> JByteBuffer<'local> {
    guarded(env, "handOver", |env| {
        let session = process::get().and_then(|process| process.sessions.get(session));
        let length = usize::try_from(length).unwrap_or_default();
        buffer(env, session.and_then(|session| session.hand_over(length)))
    })
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_dualwrite_flink_NativeBridge_seal<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
    job: jlong,
    session: jlong,
    tail: jint,
    path: JString<'local>,
    size: jlong,
) {
    guarded(env, "seal", |env| {
        let path = path.try_to_string(env)?;
        let (Some(process), Ok(size)) = (process::get(), u64::try_from(size)) else {
            return Ok(());
        };
        let tail = usize::try_from(tail).unwrap_or_default();
        if let Some(session) = process.sessions.remove(session) {
            session.seal(tail, &path, size);
        } else if let Some(job) = process.jobs.get(job) {
            job.missed(&path, size);
        }
        Ok(())
    });
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_dualwrite_flink_NativeBridge_discard<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
    session: jlong,
) {
    guarded(env, "discard", |_| {
        if let Some(session) = process::get().and_then(|process| process.sessions.remove(session)) {
            session.discard();
        }
        Ok(())
    });
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_dualwrite_flink_NativeBridge_offerMetadata<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
    job: jlong,
    checkpoint: jlong,
    triggered_at_ms: jlong,
    pointer: JString<'local>,
    metadata: JByteArray<'local>,
    length: jint,
) -> jboolean {
    guarded(env, "offerMetadata", |env| {
        let job = process::get().and_then(|process| process.jobs.get(job));
        let (Some(job), Ok(checkpoint)) = (job, u64::try_from(checkpoint)) else {
            return Ok(false);
        };
        let offer = Offer {
            checkpoint,
            triggered_at_ms: u64::try_from(triggered_at_ms).unwrap_or_default(),
            completed_at_ms: now_ms(),
            pointer: pointer.try_to_string(env)?,
            metadata: copy(env, &metadata, usize::try_from(length).unwrap_or_default())?,
        };
        Ok(job.offer(offer))
    })
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_dualwrite_flink_NativeBridge_pollLog<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
    timeout_ms: jlong,
    most: jint,
) -> JObjectArray<'local, JString<'local>> {
    guarded(env, "pollLog", |env| {
        let wait = Duration::from_millis(u64::try_from(timeout_ms).unwrap_or_default());
        let most = usize::try_from(most)
            .unwrap_or_default()
            .min(LINES_A_POLL_AT_MOST);
        let lines = log::poll(wait.min(POLL_WAITS_AT_MOST), most);
        let array = env.new_object_array(
            jint::try_from(lines.len()).unwrap_or_default(),
            jni_str!("java/lang/String"),
            JString::null(),
        )?;
        // SAFETY: the array was made as one of strings on the line above
        let array = unsafe { JObjectArray::<JString>::from_raw(env, array.into_raw()) };
        for (index, line) in lines.iter().enumerate() {
            let line = JString::new(env, line)?;
            array.set_element(env, index, &line)?;
            env.delete_local_ref(line);
        }
        Ok(array)
    })
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_dualwrite_flink_NativeBridge_numbers<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
) -> JString<'local> {
    guarded(env, "numbers", |env| {
        let numbers = process::get().map(|process| process.metrics.numbers());
        JString::new(env, numbers.unwrap_or_default())
    })
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_dualwrite_flink_NativeBridge_shutdown<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
    timeout_ms: jlong,
) {
    guarded(env, "shutdown", |_| {
        if let Some(process) = process::get() {
            process.shutdown(Duration::from_millis(
                u64::try_from(timeout_ms).unwrap_or_default(),
            ));
        }
        Ok(())
    });
}

/// A direct buffer over leased memory; null where nothing is leased.
fn buffer<'local>(env: &mut Env<'local>, lease: Option<Lease>) -> Result<JByteBuffer<'local>> {
    let Some((memory, length)) = lease else {
        return Ok(JByteBuffer::null());
    };
    // SAFETY: the memory is the leased chunk's, which stays in place until Java hands it over,
    // seals or discards the session; from then on Java does not touch the buffer (TeeSession's
    // lock).
    unsafe { env.new_direct_byte_buffer(memory, length) }
}

/// The first `length` bytes of a Java array.
fn copy(env: &mut Env<'_>, array: &JByteArray<'_>, length: usize) -> Result<Bytes> {
    let mut bytes = vec![0_u8; length];
    // SAFETY: i8 has the size, the alignment and the values of u8
    let signed = unsafe { std::slice::from_raw_parts_mut(bytes.as_mut_ptr().cast(), length) };
    array.get_region(env, 0, signed)?;
    Ok(Bytes::from(bytes))
}
