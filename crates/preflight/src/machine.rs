//! This machine: whether the native library can be loaded from where the product would, and
//! whether there is room to spill. The library is tried in another process, by the function that
//! is handed in: a broken one kills whoever loads it.

use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, StatVfsMountFlags, access, statvfs};

use crate::conf::Conf;
use crate::finding::{Area, Kind, Report};
use crate::given::Given;
use crate::jar::{self, Content};
use crate::keys::find;
use crate::library::{Try, check, in_words, judge, platform};
use crate::value::{size, size_in_words};

const NATIVE_DIR: &str = "dualwrite.native.dir";
const NATIVE_PATH: &str = "dualwrite.native.path";
const SPILL_DIR: &str = "dualwrite.spill.dir";
const SPILL_SIZE: &str = "dualwrite.spill.max-size";
const TMP_DIRS: &str = "io.tmp.dirs";
/// What the JVM takes where nobody says otherwise.
const TMP: &str = "/tmp";
/// Of a file system so much stays free (docs/publish-protocol.md).
const FREE_PERCENT: u64 = 5;

/// Looks at the machine that this runs on. `load` loads a file in a process of its own, and
/// answers with what that said where it failed.
pub fn look_at_machine(
    given: &Given,
    load: &dyn Fn(&Path) -> Result<(), String>,
    report: &mut Report,
) {
    library(given, load, report);
    spill(&given.conf, report);
}

fn library(given: &Given, load: &dyn Fn(&Path) -> Result<(), String>, report: &mut Report) {
    let conf = &given.conf;
    if let Some(file) = conf.text(NATIVE_PATH).map(PathBuf::from) {
        let result = read(&file).and_then(|bytes| tried(&file, &bytes, load));
        report.looked(Area::Library, format!("{NATIVE_PATH}: {}", file.display()));
        judge(
            &[Try {
                place: file,
                result,
            }],
            Some(NATIVE_PATH),
            report,
        );
        return;
    }
    let mut own = given.jars.iter().flat_map(|jars| &jars.own);
    let Some((jar, content)) = own.find_map(|jar| Some((&jar.path, jar.content.as_ref().ok()?)))
    else {
        // Found already: there is no jar to take it from.
        return;
    };
    match of_jar(jar, content) {
        Ok(bytes) => unpack(jar, &bytes, conf, load, report),
        Err((message, fix)) => {
            report.looked(
                Area::Library,
                format!("none that serves in {}", jar.display()),
            );
            report.found(Kind::NotLoadable, None, message, fix);
        }
    }
}

/// The jar's library for this machine; if there is none, what is found and what to do.
fn of_jar(jar: &Path, content: &Content) -> Result<Vec<u8>, (String, &'static str)> {
    let (name, platform) = (jar.display(), platform());
    match jar::library(jar, &platform) {
        Ok(Some(bytes)) => Ok(bytes),
        Ok(None) => {
            let platforms: Vec<_> = content.platforms.iter().map(String::as_str).collect();
            let has = match platforms.as_slice() {
                [] => "it has none".to_owned(),
                some => format!("it has those for {}", some.join(", ")),
            };
            let message = format!("{name} has no native library for {platform}: {has}.");
            let fix = "Take the jar that was built for the machines on which Flink runs.";
            Err((message, fix))
        }
        Err(why) => {
            let message = format!("The native library in {name} is damaged: {why}.");
            Err((message, "Replace the jar, on every machine."))
        }
    }
}

/// Tries the library in one directory after the other, until one serves.
fn unpack(
    jar: &Path,
    bytes: &[u8],
    conf: &Conf,
    load: &dyn Fn(&Path) -> Result<(), String>,
    report: &mut Report,
) {
    let mut tries = Vec::new();
    for place in library_dirs(conf) {
        let result = unpacked(&place, bytes, load);
        let serves = result.is_ok();
        tries.push(Try { place, result });
        if serves {
            break;
        }
    }
    let places: Vec<_> = tries
        .iter()
        .map(|one| one.place.display().to_string())
        .collect();
    let places = places.join(", ");
    report.looked(
        Area::Library,
        format!(
            "{}, from {}, unpacked to {places}",
            platform(),
            jar.display()
        ),
    );
    let is_set = conf.text(NATIVE_DIR).is_some();
    judge(&tries, is_set.then_some(NATIVE_DIR), report);
}

/// In the product's order.
fn library_dirs(conf: &Conf) -> Vec<PathBuf> {
    let mut dirs: Vec<_> = conf
        .text(NATIVE_DIR)
        .map(PathBuf::from)
        .into_iter()
        .collect();
    for dir in temporary(conf).into_iter().chain([PathBuf::from(TMP)]) {
        if !dirs.contains(&dir) {
            dirs.push(dir);
        }
    }
    dirs
}

/// Flink's, with the separators of its `ConfigurationUtils#splitPaths`.
fn temporary(conf: &Conf) -> Vec<PathBuf> {
    let dirs = conf.text(TMP_DIRS).unwrap_or_else(|| TMP.to_owned());
    let dirs = dirs.split([',', ':']).map(str::trim);
    dirs.filter(|dir| !dir.is_empty())
        .map(PathBuf::from)
        .collect()
}

fn read(file: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(file).map_err(|error| error.to_string())
}

fn unpacked(
    dir: &Path,
    bytes: &[u8],
    load: &dyn Fn(&Path) -> Result<(), String>,
) -> Result<(), String> {
    let name = format!("flink-dualwrite-check-{}.so", uuid::Uuid::new_v4().simple());
    let file = dir.join(name);
    let result = std::fs::write(&file, bytes)
        .map_err(|error| error.to_string())
        .and_then(|()| tried(&file, bytes, load));
    // What was not written is not there.
    let _ = std::fs::remove_file(&file);
    result
}

fn tried(
    file: &Path,
    bytes: &[u8],
    load: &dyn Fn(&Path) -> Result<(), String>,
) -> Result<(), String> {
    check(bytes)?;
    let absolute = std::path::absolute(file).map_err(|error| error.to_string())?;
    load(&absolute).map_err(|said| in_words(&said, is_noexec(&absolute)))
}

fn is_noexec(file: &Path) -> bool {
    statvfs(file).is_ok_and(|system| system.f_flag.contains(StatVfsMountFlags::NOEXEC))
}

fn spill(conf: &Conf, report: &mut Report) {
    let text = conf.text(SPILL_SIZE);
    let default = find(SPILL_SIZE).and_then(|key| key.default.map(str::to_owned));
    let Some(most) = text.or(default).and_then(|text| size(&text)) else {
        // Found among the values already.
        return;
    };
    if most == 0 {
        report.looked(Area::Disk, format!("{SPILL_SIZE} is 0: nothing is spilled"));
        return;
    }
    let own = conf.text(SPILL_DIR).map(PathBuf::from);
    let key = if own.is_some() { SPILL_DIR } else { TMP_DIRS };
    let dirs = own.map_or_else(|| temporary(conf), |dir| vec![dir]);
    let mut room = 0;
    for dir in &dirs {
        match room_in(dir) {
            Ok(bytes) => room += bytes,
            Err(error) => report.found(
                Kind::SpillDir,
                Some(key),
                format!(
                    "{} does not serve to spill to on this machine: {error}. Over a slow link \
                     less is copied.",
                    dir.display()
                ),
                "Make it on every TaskManager, for the user of Flink's processes.",
            ),
        }
    }
    let places: Vec<_> = dirs.iter().map(|dir| dir.display().to_string()).collect();
    let (places, most_in_words) = (places.join(", "), size_in_words(most));
    let room_in_words = size_in_words(room >> 20 << 20);
    report.looked(
        Area::Disk,
        format!("up to {most_in_words} in {places}, where there is room for {room_in_words}"),
    );
    if room < most {
        report.found(
            Kind::SpillRoom,
            Some(SPILL_SIZE),
            format!(
                "Up to {most_in_words} may be spilled, and in {places} there is room for \
                 {room_in_words} ({FREE_PERCENT} % of a file system stay free)."
            ),
            format!("Make room, lower {SPILL_SIZE}, or set {SPILL_DIR} to a larger disk."),
        );
    }
}

/// How many bytes the spill may take there.
fn room_in(dir: &Path) -> io::Result<u64> {
    if !std::fs::metadata(dir)?.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    access(dir, Access::WRITE_OK | Access::EXEC_OK)?;
    let system = statvfs(dir)?;
    let free = system.f_bavail.saturating_mul(system.f_frsize);
    let whole = system.f_blocks.saturating_mul(system.f_frsize);
    Ok(free.saturating_sub(whole / 100 * FREE_PERCENT))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conf::parse_legacy;

    fn spilled(text: &str) -> Report {
        let mut report = Report::default();
        spill(&parse_legacy(text), &mut report);
        report
    }

    fn kinds(report: &Report) -> Vec<&'static str> {
        let kinds = report.findings.iter().map(|finding| finding.kind.as_str());
        kinds.collect()
    }

    #[test]
    fn what_may_be_spilled_needs_a_directory_with_room() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().display();
        let small = format!("{SPILL_DIR}: {dir}\n{SPILL_SIZE}: 1mb\n");
        assert_eq!(kinds(&spilled(&small)), Vec::<&str>::new());
        let large = format!("{SPILL_DIR}: {dir}\n{SPILL_SIZE}: 16384gb\n");
        assert_eq!(kinds(&spilled(&large)), ["spill_room"]);
        let absent = format!("{SPILL_DIR}: {dir}/absent\n{SPILL_SIZE}: 1mb\n");
        assert_eq!(kinds(&spilled(&absent)), ["spill_dir", "spill_room"]);
        let off = format!("{SPILL_DIR}: {dir}/absent\n{SPILL_SIZE}: 0\n");
        assert_eq!(kinds(&spilled(&off)), Vec::<&str>::new());
        let of_flink = format!("{TMP_DIRS}: {dir}, {dir}/absent\n{SPILL_SIZE}: 1mb\n");
        assert_eq!(kinds(&spilled(&of_flink)), ["spill_dir"]);
    }

    /// A library that only the second directory lets load.
    #[test]
    fn the_library_is_tried_in_the_products_order_and_leaves_nothing() {
        let home = tempfile::tempdir().unwrap();
        let at = |name: &str| home.path().join(name);
        for dir in ["conf", "lib", "one", "two"] {
            std::fs::create_dir(at(dir)).unwrap();
        }
        let elf = std::fs::read("/proc/self/exe").unwrap()[..4096].to_vec();
        let jar = at("lib/flink-dualwrite-0.1.0.jar");
        let own = platform();
        jar::tests::write(&jar, "0.1.0", Some((&own, &elf)));
        let (one, two) = (at("one"), at("two"));
        let text = format!(
            "{NATIVE_DIR}: {}\n{TMP_DIRS}: {}\n",
            one.display(),
            two.display()
        );
        std::fs::write(at("conf/flink-conf.yaml"), text).unwrap();
        let given = || {
            crate::read(&crate::Asked {
                conf_dir: at("conf"),
                lib: None,
                flink: None,
                hadoop_conf_dir: None,
            })
            .unwrap()
        };
        let tried = |serves: &dyn Fn(&Path) -> bool| {
            let mut report = Report::default();
            let load = |file: &Path| {
                assert_eq!(std::fs::read(file).unwrap(), elf);
                serves(file)
                    .then_some(())
                    .ok_or("as the test says".to_owned())
            };
            library(&given(), &load, &mut report);
            for dir in [&one, &two] {
                assert_eq!(std::fs::read_dir(dir).unwrap().count(), 0);
            }
            kinds(&report)
        };
        assert_eq!(tried(&|_| true), Vec::<&str>::new());
        assert_eq!(tried(&|file| file.starts_with(&two)), ["library_dir"]);
        assert_eq!(tried(&|_| false), ["not_loadable"]);
        jar::tests::write(&jar, "0.1.0", Some(("plan9-mips", &elf)));
        assert_eq!(tried(&|_| true), ["not_loadable"]);
        jar::tests::write(&jar, "0.1.0", Some((&own, b"no elf at all")));
        assert_eq!(tried(&|_| true), ["not_loadable"]);
    }
}
