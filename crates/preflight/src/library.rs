//! What is known of the native library before and after it was tried: whether it is for this
//! processor, and what the dynamic linker's words mean. Pure. Refuses to load anything in this
//! process.

use std::path::PathBuf;

use crate::finding::{Kind, Report};

const MAGIC: &[u8] = b"\x7fELF";
/// Where ELF has its machine.
const MACHINE_AT: usize = 18;
/// ELF's numbers of the processors for which there is a library, and how they are called.
const MACHINES: [(u16, &str); 2] = [(62, "x86_64"), (183, "aarch64")];

/// The library as it was tried in one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Try {
    /// A directory, or the file itself.
    pub(crate) place: PathBuf,
    pub(crate) result: Result<(), String>,
}

/// The folder in the jar for this machine, as the loader composes it of `os.name` and `os.arch`.
pub(crate) fn platform() -> String {
    format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH)
}

/// Whether `/proc/self/maps` of a process, its text, has this file in it.
pub fn is_mapped(maps: &str, file: &str) -> bool {
    maps.lines().any(|line| {
        let rest = line.strip_suffix(file);
        rest.is_some_and(|rest| rest.ends_with(' '))
    })
}

/// Whether the bytes are a library for this processor.
///
/// # Errors
/// What they are instead.
pub(crate) fn check(bytes: &[u8]) -> Result<(), String> {
    let machine = bytes
        .get(MACHINE_AT..MACHINE_AT + 2)
        .filter(|_| bytes.starts_with(MAGIC));
    let Some(machine) = machine else {
        return Err("it is no library".to_owned());
    };
    let number = u16::from_le_bytes([machine[0], machine[1]]);
    let name = |number| {
        let known = MACHINES.iter().find(|(of, _)| *of == number);
        known.map_or_else(
            || format!("number {number} in ELF"),
            |(_, name)| (*name).to_owned(),
        )
    };
    let here = std::env::consts::ARCH;
    if name(number) == here {
        Ok(())
    } else {
        Err(format!(
            "it is for another processor, {}, and this machine is {here}",
            name(number)
        ))
    }
}

/// What the dynamic linker said, in plain words where it is one of the usual things.
pub(crate) fn in_words(said: &str, is_noexec: bool) -> String {
    let said = said.trim();
    let glibc = said.split("version `GLIBC_").nth(1);
    if let Some(version) = glibc.and_then(|rest| rest.split('\'').next()) {
        return format!(
            "this machine's C library is too old, the library needs glibc {version} ({said})"
        );
    }
    if is_noexec {
        return format!("the file system there is mounted noexec ({said})");
    }
    said.to_owned()
}

/// `tries` are in the order in which the product tries; it takes the first that serves.
pub(crate) fn judge(tries: &[Try], key: Option<&str>, report: &mut Report) {
    let place = |one: &Try| one.place.display().to_string();
    let failed = |one: &Try| match &one.result {
        Ok(()) => None,
        Err(why) => Some(format!("{}: {why}", place(one))),
    };
    let failures: Vec<_> = tries.iter().filter_map(failed).collect();
    let failures = failures.join("; ");
    let serves = tries.iter().find(|one| one.result.is_ok());
    match serves {
        None => report.found(
            Kind::NotLoadable,
            key,
            format!(
                "The native library cannot be loaded on this machine, and where it cannot be \
                 nothing is copied. {failures}."
            ),
            "Set dualwrite.native.dir to a directory that can be written to and is not mounted \
             noexec, on a machine with a processor and a C library that the jar is for.",
        ),
        Some(one) if !failures.is_empty() => report.found(
            Kind::LibraryDir,
            key,
            format!(
                "The native library is loaded from {}, because another place does not serve. \
                 {failures}.",
                place(one)
            ),
            "Set dualwrite.native.dir to a directory that can be written to and is not mounted \
             noexec.",
        ),
        Some(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_is_for_this_processor_or_says_for_which() {
        let own = std::fs::read("/proc/self/exe").unwrap()[..4096].to_vec();
        assert_eq!(check(&own), Ok(()));
        for (machine, expected) in [(243, "number 243"), (62, "x86_64"), (183, "aarch64")] {
            let mut other = own.clone();
            other[MACHINE_AT] = machine;
            let result = check(&other);
            if expected == std::env::consts::ARCH {
                assert_eq!(result, Ok(()));
            } else {
                let why = result.unwrap_err();
                assert!(why.contains(expected), "{why}");
            }
        }
        for bytes in [&b""[..], b"\x7fELF", b"PK\x03\x04 a jar and no library"] {
            assert!(check(bytes).is_err());
        }
    }

    #[test]
    fn the_linkers_words_are_said_plainly() {
        let glibc = "dualwrite: /lib64/libc.so.6: version `GLIBC_2.38' not found (required by x)";
        assert!(in_words(glibc, false).contains("needs glibc 2.38"));
        assert!(in_words("failed to map segment", true).contains("noexec"));
        assert_eq!(in_words(" other\n", false), "other");
    }

    #[test]
    fn a_mapping_is_of_the_whole_name() {
        let maps = "7f00-7f01 r-xp 00000000 08:01 42                   /tmp/a b/x.so\n";
        assert!(is_mapped(maps, "/tmp/a b/x.so"));
        assert!(!is_mapped(maps, "x.so"));
        assert!(!is_mapped(maps, "/tmp/a b/x"));
    }
}
