//! The jars beside a Flink: which of them are the product's, of what version, with what library;
//! and Flink's own version by their names. Looks into each for the product's class, whatever the
//! jar is called. Refuses to load anything.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use audit::FlinkVersion;
use zip::ZipArchive;

const CLASS: &str = "io/dualwrite/flink/DualWriteCheckpointStorageFactory.class";
const BUILD: &str = "io/dualwrite/flink/build.properties";
const LIBRARIES: &str = "io/dualwrite/native/";
const LIBRARY: &str = "libflink_dualwrite.so";
/// What a jar of the product is called unless somebody renamed it.
const NAME: &str = "flink-dualwrite-";
/// No native library is larger.
const MOST_LIBRARY_BYTES: u64 = 256 << 20;
/// Nor a list of what was built.
const MOST_BUILD_BYTES: u64 = 64 << 10;

/// What stands beside a Flink.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Jars {
    /// The directory of Flink's own jars.
    pub(crate) lib: PathBuf,
    /// Flink's version by the names of its jars.
    pub(crate) flink: Option<FlinkVersion>,
    /// The product's in `lib/`.
    pub(crate) own: Vec<Jar>,
    /// The product's in `plugins/`, and jars in `usrlib/` that have it inside.
    pub(crate) in_plugins: Vec<PathBuf>,
    pub(crate) in_usrlib: Vec<PathBuf>,
}

/// One jar of the product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Jar {
    pub(crate) path: PathBuf,
    /// What is in it, or why it cannot be read.
    pub(crate) content: Result<Content, String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Content {
    /// As the jar itself has it.
    pub(crate) version: String,
    /// What it has libraries for, like `linux-x86_64`.
    pub(crate) platforms: BTreeSet<String>,
}

/// Looks at `lib/` and what is beside it.
pub(crate) fn jars(lib: &Path) -> io::Result<Jars> {
    let files = listed(lib)?;
    let names = files.iter().filter_map(|file| file.file_name()?.to_str());
    let flink = flink_version(names.collect::<Vec<_>>().as_slice());
    let in_lib = files.iter().filter_map(|file| own(file)).collect();
    let home = std::path::absolute(lib)?;
    let home = home.parent().unwrap_or(lib);
    let mut in_plugins = Vec::new();
    for plugin in listed(&home.join("plugins")).unwrap_or_default() {
        // One in no folder of its own does nothing at all, but was put there by mistake, too.
        in_plugins.extend(listed(&plugin).unwrap_or_else(|_| vec![plugin]));
    }
    let mut in_usrlib = listed(&home.join("usrlib")).unwrap_or_default();
    in_plugins.retain(|file| own(file).is_some());
    in_usrlib.retain(|file| own(file).is_some());
    Ok(Jars {
        lib: lib.to_owned(),
        flink,
        own: in_lib,
        in_plugins,
        in_usrlib,
    })
}

/// The library in a jar for a platform; none if it has none.
pub(crate) fn library(jar: &Path, platform: &str) -> Result<Option<Vec<u8>>, String> {
    let mut archive = open(jar)?;
    let name = format!("{LIBRARIES}{platform}/{LIBRARY}");
    if archive.index_for_name(&name).is_none() {
        return Ok(None);
    }
    entry(&mut archive, &name, MOST_LIBRARY_BYTES).map(Some)
}

/// In the order of their names.
fn listed(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(dir)?;
    let mut paths = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

/// Flink's version is in the name of its distribution's jar, with or without Scala's before it.
fn flink_version(names: &[&str]) -> Option<FlinkVersion> {
    let version = |prefix: &str| {
        let mut rests = names.iter().filter_map(|name| {
            let rest = name.strip_prefix(prefix)?.strip_suffix(".jar")?;
            rest.rsplit('-').find_map(|part| part.parse().ok())
        });
        rests.next()
    };
    version("flink-dist").or_else(|| version("flink-runtime-"))
}

/// A jar, if it is the product's.
fn own(path: &Path) -> Option<Jar> {
    let name = path.file_name()?.to_str()?;
    if path.extension()? != "jar" || !path.is_file() {
        return None;
    }
    let content = match open(path) {
        Ok(archive) if archive.index_for_name(CLASS).is_none() => {
            if !name.starts_with(NAME) {
                return None;
            }
            Err("it does not have the product's classes".to_owned())
        }
        Ok(archive) => content(archive),
        // Whatever is wrong with others' jars is not for this product to say.
        Err(_) if !name.starts_with(NAME) => return None,
        Err(error) => Err(error),
    };
    Some(Jar {
        path: path.to_owned(),
        content,
    })
}

fn content(mut archive: ZipArchive<BufReader<File>>) -> Result<Content, String> {
    let build = entry(&mut archive, BUILD, MOST_BUILD_BYTES)?;
    let build = String::from_utf8_lossy(&build).into_owned();
    let version = build.lines().find_map(|line| line.strip_prefix("version="));
    let version = version.ok_or_else(|| format!("{BUILD} in it has no version"))?;
    let names = archive.file_names_raw().map(String::from_utf8_lossy);
    let platforms = names.filter_map(|name| {
        let platform = name.strip_prefix(LIBRARIES)?.strip_suffix(LIBRARY)?;
        Some(platform.trim_end_matches('/').to_owned())
    });
    Ok(Content {
        version: version.trim().to_owned(),
        platforms: platforms.collect(),
    })
}

fn open(jar: &Path) -> Result<ZipArchive<BufReader<File>>, String> {
    let file = File::open(jar).map_err(|error| error.to_string())?;
    ZipArchive::new(BufReader::new(file)).map_err(|error| error.to_string())
}

/// With its checksum looked at.
fn entry(
    archive: &mut ZipArchive<BufReader<File>>,
    name: &str,
    most: u64,
) -> Result<Vec<u8>, String> {
    let wrong = |error: &dyn std::fmt::Display| format!("{name} in it: {error}");
    let entry = archive.by_name(name).map_err(|error| wrong(&error))?;
    let mut bytes = Vec::new();
    let read = entry.take(most).read_to_end(&mut bytes);
    read.map_err(|error| wrong(&error))?;
    Ok(bytes)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io::Write as _;

    use super::*;

    /// A jar of the product with this library for this platform.
    pub(crate) fn write(path: &Path, version: &str, library: Option<(&str, &[u8])>) {
        let mut jar = zip::ZipWriter::new(File::create(path).unwrap());
        let mut add = |name: &str, bytes: &[u8]| {
            jar.start_file(name, zip::write::SimpleFileOptions::default())
                .unwrap();
            jar.write_all(bytes).unwrap();
        };
        add(CLASS, b"class");
        add(
            BUILD,
            format!("# of a test\nversion={version}\n").as_bytes(),
        );
        if let Some((platform, bytes)) = library {
            add(&format!("{LIBRARIES}{platform}/{LIBRARY}"), bytes);
        }
        jar.finish().unwrap();
    }

    #[test]
    fn a_jar_is_known_by_what_is_in_it() {
        let home = tempfile::tempdir().unwrap();
        let at = |name: &str| home.path().join(name);
        for dir in ["lib", "plugins/dualwrite", "plugins/s3", "usrlib"] {
            std::fs::create_dir_all(at(dir)).unwrap();
        }
        write(
            &at("lib/renamed.jar"),
            "0.1.0",
            Some(("linux-x86_64", b"elf")),
        );
        write(
            &at("plugins/dualwrite/flink-dualwrite-0.1.0.jar"),
            "0.1.0",
            None,
        );
        write(&at("usrlib/job.jar"), "0.1.0", None);
        std::fs::write(at("lib/flink-dist-1.20.5.jar"), "no zip").unwrap();
        std::fs::write(at("lib/flink-dualwrite-9.jar"), "no zip").unwrap();
        let jars = jars(&at("lib")).unwrap();
        assert_eq!(jars.flink, "1.20".parse().ok());
        assert_eq!(jars.in_plugins.len(), 1);
        assert_eq!(jars.in_usrlib, [at("usrlib/job.jar")]);
        let [broken, good] = &jars.own[..] else {
            panic!("{:?}", jars.own)
        };
        assert!(broken.content.is_err());
        let content = good.content.as_ref().unwrap();
        assert_eq!(content.version, "0.1.0");
        assert_eq!(
            content.platforms.iter().collect::<Vec<_>>(),
            ["linux-x86_64"]
        );
        let bytes = library(&good.path, "linux-x86_64");
        assert_eq!(bytes, Ok(Some(b"elf".to_vec())));
        assert_eq!(library(&good.path, "linux-aarch64"), Ok(None));
    }

    #[test]
    fn flinks_version_is_in_its_jars_names() {
        for (names, expected) in [
            (&["flink-dist-1.20.5.jar"][..], Some("1.20")),
            (&["flink-dist_2.12-1.14.6.jar"], Some("1.14")),
            (
                &["flink-runtime-2.2.1.jar", "flink-core-9.9.jar"],
                Some("2.2"),
            ),
            (&["flink-dist-2.3-SNAPSHOT.jar"], Some("2.3")),
            (&["other-1.0.jar"], None),
        ] {
            let expected = expected.map(|text| text.parse().unwrap());
            assert_eq!(flink_version(names), expected, "{names:?}");
        }
    }
}
