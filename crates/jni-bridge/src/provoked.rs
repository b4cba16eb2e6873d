//! Panics on request, so that tests can show that none leaves an entry. Not in what is shipped:
//! only `tests/provoked` is built with it.

/// The environment variable with the path of a file that names entries, one on each line.
const ASKED_IN: &str = "DUALWRITE_PROVOKED_PANICS";

/// Panics if the file names this entry by now.
pub(crate) fn panic_if_asked(entry: &str) {
    let file = std::env::var_os(ASKED_IN);
    let asked = file.and_then(|file| std::fs::read_to_string(file).ok());
    if asked.is_some_and(|asked| asked.lines().any(|line| line == entry)) {
        // without the hook, whose words on standard error could get into a line of Flink's log
        std::panic::resume_unwind(Box::new("provoked"));
    }
}
