//! `token`: API tokens.

use super::{open, print, table};
use crate::config::{Config, duration};
use crate::model::clock::Clock;
use crate::model::operator::{Actor, RoleGroup};
use crate::secret::{SecretHash, random_secret};
use crate::store::{Store, TokenRecord};
use crate::token::{self, TokenName};
use anyhow::ensure;
use chrono::{SecondsFormat, TimeDelta};
use clap::Subcommand;
use secrecy::ExposeSecret;
use std::process::ExitCode;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Creates a token and prints it, once.
    Create {
        /// A name that no other token has.
        #[arg(long)]
        name: TokenName,
        /// What the token may do, such as mail-server.
        #[arg(long)]
        role: RoleGroup,
        /// After how long it stops being good, such as 90d; never where this is missing.
        #[arg(long, value_parser = expiry)]
        expires: Option<TimeDelta>,
    },
    /// Lists the tokens, without their secrets.
    List {
        /// How to write the list.
        #[arg(long, value_enum, default_value_t = table::Format::Text)]
        format: table::Format,
    },
    /// Revokes a token.
    Revoke {
        /// The token's name.
        name: String,
    },
}

fn expiry(text: &str) -> Result<TimeDelta, String> {
    duration(text)
        .filter(|duration| *duration > TimeDelta::zero() && *duration <= token::LONGEST)
        .ok_or_else(|| format!("{text:?} is no time such as 24h or 90d, at most 3650d"))
}

pub(super) async fn run(command: Command, config: &Config) -> anyhow::Result<ExitCode> {
    let store = open(config).await?;
    match command {
        Command::Create { name, role, expires } => create(&store, name, role, expires).await?,
        Command::List { format } => list(&store, format).await?,
        Command::Revoke { name } => revoke(&store, &name).await?,
    }
    store.close().await;
    Ok(ExitCode::SUCCESS)
}

async fn create(
    store: &Store,
    name: TokenName,
    role_group: RoleGroup,
    expires: Option<TimeDelta>,
) -> anyhow::Result<()> {
    let (secret, created_at) = (random_secret(), Clock::default().now());
    let expires_at = expires.map(|expires| created_at + expires);
    let name = name.to_string();
    let token = TokenRecord { name, role_group, created_at, expires_at };
    let hash = SecretHash::of(secret.expose_secret());
    let added = store.add_token(&token, &hash, &Actor::command_line()).await?;
    ensure!(added, "there is a token named {:?} already", token.name);
    print(secret.expose_secret());
    Ok(())
}

async fn list(store: &Store, format: table::Format) -> anyhow::Result<()> {
    let rows: Vec<_> = store
        .tokens()
        .await?
        .into_iter()
        .map(|token| {
            let expires = token.expires_at.map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true));
            let created = token.created_at.to_rfc3339_opts(SecondsFormat::Secs, true);
            [token.name, token.role_group.to_string(), created, expires.unwrap_or_default()]
        })
        .collect();
    table::show(format, ["name", "role_group", "created_at", "expires_at"], &rows);
    Ok(())
}

async fn revoke(store: &Store, name: &str) -> anyhow::Result<()> {
    let revoked = store.revoke_token(name, &Actor::command_line(), Clock::default().now()).await?;
    ensure!(revoked, "there is no token named {name:?}");
    Ok(())
}
