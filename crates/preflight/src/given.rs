//! What is there: the configuration directory and the directory of Flink's jars, read. Refuses to
//! judge; it fails only where there is nothing to be judged.

use std::path::{Path, PathBuf};

use audit::FlinkVersion;

use crate::conf::{Conf, parse_legacy, parse_standard};
use crate::jar::{Jars, jars};

const LEGACY: &str = "flink-conf.yaml";
const STANDARD: &str = "config.yaml";

/// What to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Flink's configuration directory.
    pub conf_dir: PathBuf,
    /// Flink's `lib/`, if it is not beside that.
    pub lib: Option<PathBuf>,
    /// Flink's version, if the jars in `lib/` do not tell.
    pub flink: Option<FlinkVersion>,
    /// The Hadoop configuration that the environment names, for where the keys name none.
    pub hadoop_conf_dir: Option<PathBuf>,
}

/// All that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// The configuration file that Flink reads.
    pub file: PathBuf,
    /// The one beside it that it does not read.
    pub unread: Option<PathBuf>,
    /// Flink's version, as far as it is known.
    pub version: Option<FlinkVersion>,
    /// The Hadoop configuration that the environment names.
    pub hadoop_conf_dir: Option<PathBuf>,
    pub(crate) conf: Conf,
    /// None: there is no `lib/` to be looked at.
    pub(crate) jars: Option<Jars>,
}

impl Given {
    /// Whether the file is of the older form, which Flink before 1.19 needs.
    pub(crate) fn is_legacy(&self) -> bool {
        self.file.ends_with(LEGACY)
    }
}

/// Reads what is there.
///
/// # Errors
/// One paragraph, if there is nothing that could be judged.
pub fn read(asked: &Asked) -> Result<Given, String> {
    let dir = &asked.conf_dir;
    if !dir.is_dir() {
        return Err(format!(
            "{} is no directory. Give Flink's configuration directory, like /opt/flink/conf.",
            dir.display()
        ));
    }
    let jars = match &asked.lib {
        Some(lib) => Some(jars(lib).map_err(|error| {
            let lib = lib.display();
            format!("{lib} cannot be listed: {error}. Give the directory of Flink's jars by --lib.")
        })?),
        None => jars(&beside(dir)).ok(),
    };
    let version = asked.flink.or(jars.as_ref().and_then(|jars| jars.flink));
    let (file, unread, is_standard) = choose(dir, version)?;
    let text = std::fs::read_to_string(&file)
        .map_err(|error| format!("{} cannot be read: {error}.", file.display()))?;
    let conf = if is_standard {
        parse_standard(&text).map_err(|why| {
            let file = file.display();
            format!("{file} is no YAML that Flink reads: {why}. Correct it: Flink does not start.")
        })?
    } else {
        parse_legacy(&text)
    };
    Ok(Given {
        file,
        unread,
        version,
        hadoop_conf_dir: asked.hadoop_conf_dir.clone(),
        conf,
        jars,
    })
}

/// `../lib`, also where the directory is given as `conf` or by a link.
fn beside(dir: &Path) -> PathBuf {
    let absolute = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
    absolute.parent().unwrap_or(&absolute).join("lib")
}

/// Which file Flink reads: up to 1.18 `flink-conf.yaml`, in 1.19 and 1.20 that or, if it is not
/// there, `config.yaml`, from 2.0 on `config.yaml` alone (`GlobalConfiguration`).
fn choose(
    dir: &Path,
    version: Option<FlinkVersion>,
) -> Result<(PathBuf, Option<PathBuf>, bool), String> {
    let is_there = |name: &str| Some(dir.join(name)).filter(|file| file.is_file());
    let (legacy, standard) = (is_there(LEGACY), is_there(STANDARD));
    let knows_legacy = version.is_none_or(|version| version.major < 2);
    let knows_standard = version.is_none_or(|version| (version.major, version.minor) >= (1, 19));
    let place = dir.display();
    match (legacy, standard) {
        (Some(_), Some(_)) if version.is_none() => Err(format!(
            "{place} has a {LEGACY} and a {STANDARD}, and which of them Flink reads depends on its \
             version. Give that with --flink-version, or the directory of Flink's jars with --lib."
        )),
        (Some(legacy), standard) if knows_legacy => Ok((legacy, standard, false)),
        (legacy, Some(standard)) if knows_standard => Ok((standard, legacy, true)),
        (Some(_), _) => Err(format!(
            "{place} has only a {LEGACY}, which Flink does not read from 2.0 on. Give Flink a \
             {STANDARD}: its bin/migrate-config-file.sh makes one of the other."
        )),
        (None, Some(_)) => Err(format!(
            "{place} has only a {STANDARD}, which Flink does not read before 1.19. Give Flink a \
             {LEGACY}."
        )),
        (None, None) => Err(format!(
            "{place} has neither a {STANDARD} nor a {LEGACY}. Give Flink's configuration \
             directory, like /opt/flink/conf."
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(files: &[&str], version: Option<&str>) -> Result<(String, bool), String> {
        let dir = tempfile::tempdir().unwrap();
        for file in files {
            std::fs::write(dir.path().join(file), "a: b\n").unwrap();
        }
        let version = version.map(|text| text.parse().unwrap());
        let (file, unread, _) = choose(dir.path(), version)?;
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        Ok((name, unread.is_some()))
    }

    #[test]
    fn it_is_the_file_that_flink_reads() {
        let both = [LEGACY, STANDARD];
        for (files, version, expected) in [
            (&both[..], Some("1.18"), (LEGACY, true)),
            (&both, Some("1.19"), (LEGACY, true)),
            (&both, Some("1.20.5"), (LEGACY, true)),
            (&both, Some("2.2"), (STANDARD, true)),
            (&both[..1], None, (LEGACY, false)),
            (&both[1..], None, (STANDARD, false)),
            (&both[1..], Some("1.20"), (STANDARD, false)),
        ] {
            let expected = (expected.0.to_owned(), expected.1);
            assert_eq!(
                chosen(files, version),
                Ok(expected),
                "{files:?} {version:?}"
            );
        }
    }

    #[test]
    fn where_flink_reads_none_it_says_what_to_do() {
        let both = [LEGACY, STANDARD];
        for (files, version, expected) in [
            (&both[..], None, "--flink-version"),
            (&both[..1], Some("2.0"), "migrate-config-file.sh"),
            (&both[1..], Some("1.17"), "does not read before 1.19"),
            (&[], None, "neither"),
        ] {
            let error = chosen(files, version).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
