//! The man page, `docs/restricted-users.1`: one page for all commands, made from the command line
//! itself. `UPDATE_MAN_PAGE=1 cargo test man_page` writes it.

use super::Cli;
use clap::{Command, CommandFactory};
use clap_mangen::Man;
use std::path::Path;

fn page() -> Vec<u8> {
    let mut cli = Cli::command().disable_help_subcommand(true);
    cli.build();
    let (man, mut page) = (Man::new(cli.clone()), Vec::new());
    man.render_title(&mut page).unwrap();
    man.render_name_section(&mut page).unwrap();
    man.render_synopsis_section(&mut page).unwrap();
    man.render_description_section(&mut page).unwrap();
    man.render_options_section(&mut page).unwrap();
    cli.get_subcommands().for_each(|command| add(command, &mut page));
    page
}

/// A section for each command; what would be sections of a page of its own is one level lower.
fn add(command: &Command, page: &mut Vec<u8>) {
    if command.has_subcommands() {
        return command.get_subcommands().for_each(|command| add(command, page));
    }
    let title = command.get_bin_name().unwrap().to_uppercase();
    let (man, mut parts) = (Man::new(command.clone()), Vec::new());
    man.render_synopsis_section(&mut parts).unwrap();
    man.render_description_section(&mut parts).unwrap();
    man.render_options_section(&mut parts).unwrap();
    if command.get_after_help().is_some() {
        man.render_extra_section(&mut parts).unwrap();
    }
    let parts = String::from_utf8(parts).unwrap().replace(".SH ", ".SS ");
    page.extend(format!(".SH \"{title}\"\n{parts}").bytes());
}

#[test]
fn the_man_page_says_what_the_help_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/restricted-users.1");
    if std::env::var_os("UPDATE_MAN_PAGE").is_some() {
        std::fs::write(&path, page()).unwrap();
    }
    let written = std::fs::read(path).unwrap_or_default();
    assert!(written == page(), "run UPDATE_MAN_PAGE=1 cargo test man_page");
}
