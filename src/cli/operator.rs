//! `operator`: who may sign in.

use super::{one_time_link, open, print, table};
use crate::address::Address;
use crate::clock::Clock;
use crate::config::Config;
use crate::operator::{Actor, RoleGroup};
use crate::secret::{SecretHash, random_secret};
use crate::store::Store;
use anyhow::{Context, bail, ensure};
use chrono::{SecondsFormat, TimeDelta};
use clap::Subcommand;
use secrecy::ExposeSecret;
use std::process::ExitCode;

/// How long a link to set a password is good.
const LINK_LASTS: TimeDelta = TimeDelta::hours(24);

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Adds an operator and prints the one-time link to set a password.
    Add {
        /// The address to sign in with.
        address: String,
        /// What the operator may do, such as security-administrator.
        #[arg(long)]
        role: RoleGroup,
    },
    /// Lists the operators.
    List {
        /// How to write the list.
        #[arg(long, value_enum, default_value_t = table::Format::Text)]
        format: table::Format,
    },
    /// Removes an operator; open sessions end.
    Remove {
        /// The operator's address.
        address: String,
    },
    /// Prints a one-time link to set a new password.
    ResetPassword {
        /// The operator's address.
        address: String,
    },
}

pub(super) async fn run(command: Command, config: &Config) -> anyhow::Result<ExitCode> {
    let store = open(config).await?;
    match command {
        Command::Add { address, role } => add(&store, config, &address, role).await?,
        Command::List { format } => list(&store, format).await?,
        Command::Remove { address } => remove(&store, config, &address).await?,
        Command::ResetPassword { address } => reset_password(&store, config, &address).await?,
    }
    store.close().await;
    Ok(ExitCode::SUCCESS)
}

async fn add(store: &Store, config: &Config, address: &str, role: RoleGroup) -> anyhow::Result<()> {
    ensure!(role != RoleGroup::MailServer, "the role group Mail Server is for tokens alone");
    let address = parse(config, address)?;
    ensure!(!address.domain().is_empty(), "{address} has no @ with a domain after it");
    let (secret, now) = (random_secret(), Clock::default().now());
    let hash = SecretHash::of(secret.expose_secret());
    let link = (&hash, now + LINK_LASTS);
    if !store.add_operator(&address, role, link, &Actor::command_line(), now).await? {
        bail!("{address} is an operator already; reset-password makes a new link");
    }
    print(&one_time_link(&public_url(config), secret.expose_secret()));
    Ok(())
}

async fn list(store: &Store, format: table::Format) -> anyhow::Result<()> {
    let rows: Vec<_> = store
        .operators()
        .await?
        .into_iter()
        .map(|operator| {
            let since = operator.created_at.to_rfc3339_opts(SecondsFormat::Secs, true);
            [operator.address, operator.role_group.to_string(), since]
        })
        .collect();
    table::show(format, ["address", "role_group", "created_at"], &rows);
    Ok(())
}

async fn remove(store: &Store, config: &Config, address: &str) -> anyhow::Result<()> {
    let address = parse(config, address)?;
    let removed =
        store.remove_operator(&address, &Actor::command_line(), Clock::default().now()).await?;
    ensure!(removed, "{address} is no operator");
    Ok(())
}

async fn reset_password(store: &Store, config: &Config, address: &str) -> anyhow::Result<()> {
    let address = parse(config, address)?;
    let (secret, now) = (random_secret(), Clock::default().now());
    let hash = SecretHash::of(secret.expose_secret());
    let link = (&hash, now + LINK_LASTS);
    let known = store.link_for_operator(&address, link, &Actor::command_line(), now).await?;
    ensure!(known, "{address} is no operator");
    print(&one_time_link(&public_url(config), secret.expose_secret()));
    Ok(())
}

fn parse(config: &Config, address: &str) -> anyhow::Result<Address> {
    config.organization.sender(address).with_context(|| format!("{address:?} is no mail address"))
}

fn public_url(config: &Config) -> String {
    config.public_url(config.listen)
}
