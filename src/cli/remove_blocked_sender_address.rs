//! `remove-blocked-sender-address`: the cmdlet of that name, over the API.

use super::client::{RestrictedUser, Server, VARIABLES};
use super::{print, sender_address};
use anyhow::bail;
use chrono::SecondsFormat;
use clap::Args;
use reqwest::Method;
use serde_json::json;
use std::process::ExitCode;

#[derive(Debug, Args)]
#[command(after_help = VARIABLES)]
pub(super) struct Arguments {
    /// The sender to unblock.
    #[arg(long, value_name = "ADDRESS", value_parser = sender_address)]
    sender_address: String,
    /// Why, for the history and the audit log.
    #[arg(long)]
    reason: Option<String>,
}

pub(super) async fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { sender_address: address, reason } = arguments;
    let server = Server::of_the_environment()?;
    let url = server.route(["restricted-users", address, "unblock"]);
    let body = json!({ "comment": reason }).to_string();
    let user: RestrictedUser = match server.json(Method::POST, url, Some(body)).await {
        Err(failure) if failure.is_nobody() => bail!("{address} is not restricted"),
        user => user?,
    };
    let at = user.released_at.or(user.unblock.map(|unblock| unblock.takes_effect_at));
    let at = at.map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true)).unwrap_or_default();
    print(&format!("{}\t{at}", user.address));
    Ok(ExitCode::SUCCESS)
}
