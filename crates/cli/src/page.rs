//! docs/cli.md as generated from the commands, compared with the page that is there.

use std::fmt::Write as _;
use std::path::Path;

use clap::CommandFactory as _;

use crate::Cli;

const BEGIN: &str = "<!-- Generated from the command's own help: do not edit below. \
                     UPDATE_PAGES=1 cargo test -p cli writes it. -->\n";

/// Every command's help, as `--help` prints it on a wide terminal.
fn help() -> String {
    let mut cli = Cli::command().term_width(100);
    cli.build();
    let mut page = String::new();
    add(&mut cli, &mut page);
    page
}

/// A command's help, then that of its subcommands.
fn add(command: &mut clap::Command, page: &mut String) {
    let name = command.get_display_name().unwrap_or("dualwrite");
    let name = name.replace('-', " ");
    let help = command.render_long_help().to_string();
    let lines: Vec<_> = help.lines().map(str::trim_end).collect();
    let _ = write!(
        page,
        "\n### `{name}`\n\n```text\n{}\n```\n",
        lines.join("\n").trim_end()
    );
    let subcommands = command.get_subcommands_mut();
    for subcommand in subcommands.filter(|c| c.get_name() != "help" && !c.is_hide_set()) {
        add(subcommand, page);
    }
}

#[test]
fn the_page_has_the_commands_as_they_are() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/cli.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (by_hand, _) = page
        .split_once(BEGIN)
        .expect("the line that begins the generated part");
    let expected = format!("{by_hand}{BEGIN}{}", help());
    if std::env::var_os("UPDATE_PAGES").is_some() {
        std::fs::write(&path, &expected).unwrap();
    }
    let differs = page
        .lines()
        .zip(expected.lines())
        .find(|(is, must)| is != must);
    assert!(
        page == expected,
        "docs/cli.md differs from the command's help, first at {differs:?}: run it again, if \
         UPDATE_PAGES was set, or run UPDATE_PAGES=1 cargo test -p cli"
    );
}

#[test]
fn the_commands_are_sound() {
    Cli::command().debug_assert();
}
