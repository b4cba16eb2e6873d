//! Completions as the shells themselves take them, and the manual's pages.

mod support;

use std::fs;
use std::process::Command;

use support::{dualwrite, exits};

#[test]
fn bash_completes_what_the_command_knows() {
    let dir = tempfile::tempdir().unwrap();
    let script = dir.path().join("dualwrite.bash");
    fs::write(&script, exits(&dualwrite(&["completions", "bash"]), 0).0).unwrap();
    let complete = format!(
        "source {}; COMP_WORDS=(dualwrite switch a); COMP_CWORD=2; _dualwrite dualwrite a switch; \
         echo ${{COMPREPLY[@]}}",
        script.display()
    );
    let bash = Command::new("bash")
        .args(["-c", &complete])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&bash.stdout), "apply\n", "{bash:?}");
}

#[test]
fn there_are_completions_for_zsh_and_fish() {
    for (shell, expected) in [
        ("zsh", "#compdef dualwrite"),
        ("fish", "complete -c dualwrite"),
    ] {
        let (script, _) = exits(&dualwrite(&["completions", shell]), 0);
        assert!(script.contains(expected), "{script}");
    }
}

#[test]
fn each_command_has_a_page_of_the_manual() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_str().unwrap();
    exits(&dualwrite(&["man", path]), 0);
    for name in ["dualwrite", "dualwrite-verify", "dualwrite-switch-apply"] {
        let page = fs::read_to_string(dir.path().join(format!("{name}.1"))).unwrap();
        assert!(page.contains(".SH DESCRIPTION"), "{page}");
    }
    let (_, err) = exits(&dualwrite(&["man", "/nonexistent/man1"]), 2);
    assert!(err.contains("/nonexistent/man1: No such file"), "{err}");
}
