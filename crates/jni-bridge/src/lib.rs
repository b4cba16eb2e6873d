//! The native library: the entry points of `io.dualwrite.flink.NativeBridge`.
//!
//! One policy: never hurt the JVM. No entry throws, none lets a panic out, none but `pollLog` and
//! `shutdown` waits; what fails is logged and answered with the default. Handles are slot and
//! generation, never pointers. No thread of ours calls into Java.

mod entries;
mod guard;
mod log;
mod process;
#[cfg(feature = "provoked-panics")]
mod provoked;
mod slots;
