//! `completions`: what a shell needs to complete the command line.

use super::Cli;
use clap::{Args, CommandFactory};
use clap_complete::Shell;
use std::io::{Write, stdout};
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The shell.
    #[arg(ignore_case = true)]
    shell: Shell,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    // In memory first: the crate panics where it cannot write.
    let (mut command, mut script) = (Cli::command(), Vec::new());
    clap_complete::generate(arguments.shell, &mut command, "restricted-users", &mut script);
    stdout().write_all(&script)?;
    Ok(ExitCode::SUCCESS)
}
