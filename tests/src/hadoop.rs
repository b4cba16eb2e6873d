//! The command `hadoop`, as far as scripts of operators call it: `hadoop fs` and `hadoop distcp`,
//! which are Hadoop's own classes with the local job runner. Refuses every other subcommand.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::java;
use crate::run::Run;

const CONFIGURATION: &str = "\
<configuration>
  <property><name>hadoop.tmp.dir</name><value>{tmp}</value></property>
</configuration>
";

/// A folder with the command `hadoop`, to be put in front of `PATH`.
///
/// # Errors
/// When Maven fails, or a file cannot be written.
pub fn hadoop_command(run: &Run) -> Result<PathBuf> {
    let jars = crate::jars("distcp", &[])?;
    let folder = run.data_dir("hadoop")?;
    let tmp = run.data_dir("hadoop-tmp")?;
    let conf = CONFIGURATION.replace("{tmp}", &tmp.display().to_string());
    write(&folder.join("core-site.xml"), &conf)?;
    let words = java::command(
        &[&folder, &jars.join("*")],
        &["-Xmx256m"],
        "\"$class\"",
        &[],
    );
    let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
    let script = format!(
        "#!/bin/sh\n\
         case $1 in\n\
         fs) class=org.apache.hadoop.fs.FsShell ;;\n\
         distcp) class=org.apache.hadoop.tools.DistCp ;;\n\
         *) echo \"no such subcommand: $1\" >&2; exit 64 ;;\n\
         esac\n\
         shift\n\
         exec {} \"$@\"\n",
        words.join(" ").replace("/*", "/'*'")
    );
    let command = folder.join("hadoop");
    write(&command, &script)?;
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(&command, executable)
        .with_context(|| format!("cannot make {} a command", command.display()))?;
    Ok(folder)
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
