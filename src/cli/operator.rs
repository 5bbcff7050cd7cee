//! `operator`: who may sign in.

use super::{open, print, table};
use crate::config::Config;
use crate::model::address::Address;
use crate::model::clock::Clock;
use crate::model::operator::{Actor, RoleGroup};
use crate::one_time_link::OneTimeLink;
use crate::store::{OperatorChange, Store};
use anyhow::{Context, bail, ensure};
use chrono::SecondsFormat;
use clap::Subcommand;
use std::process::ExitCode;

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
    ensure!(RoleGroup::OF_PEOPLE.contains(&role), "the role group Mail Server is for tokens alone");
    let (name, now) = (parse(config, address)?, Clock::default().now());
    if let Some(name) = store.add_again(&name, role, &Actor::command_line(), now).await? {
        eprintln!("{name} signs in with the identity provider again, which gives the role group");
        return Ok(());
    }
    let address = config.organization.typed(address).with_context(|| no_address(address))?;
    ensure!(!address.domain().is_empty(), "{address} has no @ with a domain after it");
    let link = OneTimeLink::lasting(OneTimeLink::LASTS, now);
    if !store.add_operator(&address, role, link.stored(), &Actor::command_line(), now).await? {
        bail!("{address} is an operator already; reset-password makes a new link");
    }
    print(&link.url(&public_url(config)));
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
    let now = Clock::default().now();
    match store.remove_operator(&address, &Actor::command_line(), now).await? {
        OperatorChange::Done => Ok(()),
        OperatorChange::Unknown => bail!("{address} is no operator"),
        OperatorChange::LastManager => bail!(
            "{address} is the last operator in Organization Management; add another one with a password first"
        ),
    }
}

async fn reset_password(store: &Store, config: &Config, address: &str) -> anyhow::Result<()> {
    let address = parse(config, address)?;
    let now = Clock::default().now();
    let link = OneTimeLink::lasting(OneTimeLink::LASTS, now);
    let actor = Actor::command_line();
    let known = store.link_for_operator(&address, link.stored(), &actor, now).await?;
    ensure!(known, "{address} is no operator with a password");
    print(&link.url(&public_url(config)));
    Ok(())
}

fn parse(config: &Config, address: &str) -> anyhow::Result<Address> {
    config.organization.operator(address).with_context(|| no_address(address))
}

fn no_address(text: &str) -> String {
    format!("{text:?} is no mail address")
}

fn public_url(config: &Config) -> String {
    config.public_url(config.listen)
}
