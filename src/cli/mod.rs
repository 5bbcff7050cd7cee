//! The command line, one file per subcommand.

mod api;
mod audit;
mod blocked_sender_list;
mod client;
mod completions;
mod demo;
mod doctor;
mod export;
mod get_blocked_sender_address;
mod import;
#[cfg(test)]
mod man_page;
mod operator;
mod remove_blocked_sender_address;
mod replay;
mod serve;
mod table;
mod token;

use crate::blocked_senders;
use crate::config::Config;
use crate::store::Store;
use anyhow::Context;
use clap::{Parser, Subcommand};
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

/// Stops the mail of accounts that send spam, and lets them back in.
#[derive(Debug, Parser)]
#[command(name = "restricted-users", version, about)]
struct Cli {
    /// The file with the settings [default: restricted-users.toml where it exists].
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs everything: portal, API, Postfix policy port and unblocker (the default).
    Serve,
    /// Runs everything on a throw-away database, with a sample organisation whose mail keeps flowing.
    Demo,
    /// Manages who may sign in.
    #[command(subcommand)]
    Operator(operator::Command),
    /// Manages API tokens.
    #[command(subcommand)]
    Token(token::Command),
    /// Checks the audit log.
    #[command(subcommand)]
    Audit(audit::Command),
    /// Checks the settings, the database and Postfix, and says what to change.
    Doctor(doctor::Arguments),
    /// Takes over restrictions from an export of Get-BlockedSenderAddress.
    Import(import::Arguments),
    /// Writes the active restrictions in the shape that `import` reads.
    Export {
        /// How to write them.
        #[arg(long, value_enum, default_value_t = blocked_senders::Format::Csv)]
        format: blocked_senders::Format,
    },
    /// Reads logs of Postfix and says who would have been restricted, when and why.
    Replay(replay::Arguments),
    /// Lists who is restricted, over the API of a running server.
    GetBlockedSenderAddress(get_blocked_sender_address::Arguments),
    /// Unblocks a sender, over the API of a running server; prints the address and when it takes effect.
    RemoveBlockedSenderAddress(remove_blocked_sender_address::Arguments),
    /// Sends a request to the API of a running server and prints the answer.
    Api(api::Arguments),
    /// Prints a script that lets a shell complete this command line.
    Completions(completions::Arguments),
}

/// Does what the command line says. 0 is done, 2 a wrong flag, 1 everything else.
pub async fn run() -> ExitCode {
    let cli = Cli::parse();
    match obey(cli).await {
        Ok(code) => code,
        Err(error) => {
            if !is_broken_pipe(&error) {
                eprintln!("restricted-users: {error:#}");
            }
            ExitCode::FAILURE
        }
    }
}

/// Whoever read the results, such as `head`, has had enough of them.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

async fn obey(cli: Cli) -> anyhow::Result<ExitCode> {
    match (cli.command.unwrap_or(Command::Serve), Config::load(cli.config.as_deref())) {
        // Settings that cannot be used are what the doctor is for.
        (Command::Doctor(arguments), config) => doctor::run(&arguments, config).await,
        // These need none: they work on other machines, too.
        (Command::GetBlockedSenderAddress(it), _) => get_blocked_sender_address::run(&it).await,
        (Command::RemoveBlockedSenderAddress(it), _) => {
            remove_blocked_sender_address::run(&it).await
        }
        (Command::Api(arguments), _) => api::run(arguments).await,
        (Command::Completions(arguments), _) => completions::run(&arguments),
        (_, Err(error)) => Err(error.into()),
        (Command::Serve, Ok(config)) => serve::run(config).await,
        (Command::Demo, Ok(config)) => demo::run(config).await,
        (Command::Operator(command), Ok(config)) => operator::run(command, &config).await,
        (Command::Token(command), Ok(config)) => token::run(command, &config).await,
        (Command::Audit(command), Ok(config)) => audit::run(command, &config).await,
        (Command::Import(arguments), Ok(config)) => import::run(&arguments, &config).await,
        (Command::Export { format }, Ok(config)) => export::run(format, &config).await,
        (Command::Replay(arguments), Ok(config)) => replay::run(&arguments, &config),
    }
}

/// The database of the settings.
async fn open(config: &Config) -> anyhow::Result<Store> {
    Store::open(&config.database_url)
        .await
        .with_context(|| format!("cannot open the database {:?}", config.database_url))
}

/// A sender as a part of an address of the API, where `.` and `..` mean something else.
fn sender_address(text: &str) -> Result<String, &'static str> {
    match text.trim() {
        "" | "." | ".." => Err("it takes an address such as alice@example.org"),
        text => Ok(text.into()),
    }
}

/// Writes a result, and nothing but results, to standard output.
#[expect(clippy::print_stdout, reason = "results belong there")]
fn print(result: &str) {
    println!("{result}");
}
