//! What can be parsed can be rewritten, and parsed again. What is checked of it is in `checks`.
#![no_main]

use checkpoint_format_fuzz::checks;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    checks::rewriting(bytes);
});
