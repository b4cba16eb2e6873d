//! One number for the names and the contents of files: whether something must be built anew.
//!
//! Refuses times: a fresh checkout has them all new.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use anyhow::{Context, Result};

/// The same as long as no file at or below `paths` has changed, come or gone, and the compiler
/// of this program is the same.
///
/// # Errors
/// When one of them cannot be read.
pub fn fingerprint(paths: &[&Path]) -> Result<u64> {
    let mut hasher = DefaultHasher::new();
    for path in paths {
        hash(path, &mut hasher)?;
    }
    Ok(hasher.finish())
}

fn hash(path: &Path, hasher: &mut DefaultHasher) -> Result<()> {
    let cannot = || format!("cannot read {}", path.display());
    if path.is_dir() {
        let mut entries = std::fs::read_dir(path)
            .and_then(Iterator::collect::<std::io::Result<Vec<_>>>)
            .with_context(cannot)?;
        entries.sort_by_key(std::fs::DirEntry::file_name);
        return entries
            .iter()
            .try_for_each(|entry| hash(&entry.path(), hasher));
    }
    path.hash(hasher);
    std::fs::read(path).with_context(cannot)?.hash(hasher);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Run;

    #[test]
    fn it_follows_names_and_contents() {
        let run = Run::new("fingerprint::follows").unwrap();
        let folder = run.data_dir("x").unwrap();
        let now = || fingerprint(&[&folder]).unwrap();
        let mut seen = vec![now()];
        std::fs::write(folder.join("a"), "1").unwrap();
        seen.push(now());
        std::fs::write(folder.join("a"), "2").unwrap();
        seen.push(now());
        std::fs::rename(folder.join("a"), folder.join("b")).unwrap();
        seen.push(now());
        assert_eq!(now(), seen[3]);
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 4);
        run.passed();
    }
}
